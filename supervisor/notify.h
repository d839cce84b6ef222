// The receiving end of sd_notify's protocol: datagrams of NAME=value lines, whose sender the kernel names.
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <sys/types.h>
#include "supervisor/loop.h"

#define NOTIFY_STATUS_MAX 120

struct notify_msg {
	pid_t pid;     // of the sender, from its credentials
	bool ready;    // READY=1
	bool watchdog; // WATCHDOG=1
	bool has_status;
	char status[NOTIFY_STATUS_MAX]; // STATUS=..., cut, control characters replaced
};

struct notify;

// notify_open binds a socket at `path` (mode 0600, removed first if it is there), and calls f(ctx, msg) for
// each datagram that a process of this user or of root sends. fd: a socket that is bound to it already, with what
// waits in it, or -1. Returns 0 or an errno value (ENAMETOOLONG: path does not fit a socket address).
int notify_open(struct notify **out, struct loop *l, const char *path, int fd,
		void (*f)(void *ctx, const struct notify_msg *m), void *ctx);
int notify_fd(const struct notify *n);
// notify_drain takes what has arrived; the order of a readiness and a death is only known by doing that
// first.
void notify_drain(struct notify *n);
void notify_close(struct notify *n); // removes the path; NULL is allowed

// notify_parse reads the datagram data[0,len); unknown lines are ignored. Exposed for tests.
void notify_parse(struct notify_msg *out, const char *data, size_t len);

#endif
