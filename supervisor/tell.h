// What shmsup tells whoever supervises it, in the protocol of sd_notify(3): READY=1 once every service has been ready (or
// has ended well), STATUS as that changes, WATCHDOG=1 as long as the event loop turns, STOPPING=1 and, before it goes on as another
// program, RELOADING=1 and MAINPID. Nothing where NOTIFY_SOCKET is not set.
#ifndef SUPERVISOR_TELL_H
#define SUPERVISOR_TELL_H

#include <sys/socket.h>
#include <sys/un.h>
#include "supervisor/loop.h"

#define TELL_MAX 512 // bytes of a message

struct tell {
	struct loop_timer timer; // of the watchdog
	struct loop *loop;
	int fd; // -1: nobody listens
	struct sockaddr_un addr;
	socklen_t addr_len;
	uint64_t every_ns; // 0: no watchdog
	struct loop_timer again; // of what is owed
	bool ready, stopping;
	bool held; // what is owed waits: this is not the main process yet
	bool owes, owes_ready, owes_stopping; // not yet sent: the listener's queue was full
	char status[TELL_MAX];
};

// tell_open takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment, which keeps them: services are
// given their own. A socket that can't be reached is as none: it is the listener's loss.
void tell_open(struct tell *t, struct loop *l);
// tell_state: where the group is. `ready` once is for ever. Sends only what has changed. A listener that is slow hears
// READY=1 and STOPPING=1 nevertheless, and the last status.
void tell_state(struct tell *t, bool ready, bool stopping, const char *status);
// tell_reloading, if it was ready: it is not, until tell_ready_again, which the program that it goes on as calls when it goes on.
void tell_reloading(struct tell *t);
void tell_ready_again(struct tell *t);
// tell_main says which process is the supervisor now: only what the main process says is heard. Waits for a listener that is slow, for a
// second at most. tell_hold: until tell_release nothing is said but WATCHDOG=1; then what is owed is.
void tell_main(struct tell *t, pid_t pid);
void tell_hold(struct tell *t);
void tell_release(struct tell *t);
void tell_close(struct tell *t);

#endif
