// The guardian of an upgrade: a process of the program that has supervised the group so far. It waits until the program that the
// supervisor has gone on as says that it has the group, and ends. If that one dies before, or is silent for GUARD_LIMIT_S seconds, and
// is killed for that, the guardian becomes the group's supervisor: with the same lock, sockets and clients (handover.h), else as
// whoever adopts a group.
//
//	supervisor                          guardian
//	posix_spawn(/proc/self/exe guard)
//	                                    reads the topology: could it take this group over? -> ""
//	handover, MAINPID=guardian
//	execve
//	the new program, before it turns
//	its loop: "k"                  ->   MAINPID=supervisor, ends
//	(it is reaped: READY=1)
//
// Whatever happens before the handover, the guardian ends with the connection, and the supervisor is as killed as it would be without.
// The guardian is the main process of the supervisor above while nobody can say who will be, so that the death of the new program ends
// nothing there. Process 1 of a namespace has none: it would be killed with it.
#ifndef SUPERVISOR_GUARD_H
#define SUPERVISOR_GUARD_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>
#include "supervisor/exits.h"
#include "supervisor/handover.h"
#include "supervisor/loop.h"
#include "supervisor/plan.h"

#define GUARD_LIMIT_S 10
#define GUARD_SOCKET 3 // its end
#define GUARD_SELF "/proc/self/exe"
#define GUARD_SAID_MAX 300

struct group;
struct group_options;

// At the supervisor's end.
struct guard {
	struct loop_watch socket; // fd < 0: none
	pid_t pid;                // 0 = none, or it has been reaped
};

// guard_start starts it, as `self` (the path it is known by) with the words of a command line. `ready` is called when something can be read
// from the socket: guard_read. Returns 0 or an errno value.
int guard_start(struct guard *g, struct loop *l, const posix_spawnattr_t *attr, char **words,
		void (*ready)(struct loop_watch *w, short revents));
// guard_read: is it ready? Otherwise `said` tells why not.
bool guard_read(struct guard *g, char said[GUARD_SAID_MAX]);
// guard_release tells it that the group is had; it ends, and has then said who is the main process.
void guard_release(struct guard *g, struct loop *l);
// guard_await waits for one that has been released, not for ever: it may be stopped.
void guard_await(struct guard *g);
// guard_kill ends one that has not been handed the group, and waits for it.
void guard_kill(struct guard *g, struct loop *l);

// What a guardian that has become the supervisor knows.
struct stand_in {
	struct handover *handover;
	char why[160]; // how the new program came to nothing
};

// guard_run is the guardian's process. guard_refuse tells the supervisor that it can't be one.
enum sup_exit guard_run(struct plan *plan, struct group_options *options);
void guard_refuse(const struct fail *fail);

// One that has become the supervisor is no child of whoever started the first one (s6, a shell), who may start another: to that it gives
// way, if it is asked. guard_ask asks the supervisor of `group`. guard_give_way ends this process, and nothing else.
void guard_ask(const char *group);
void guard_give_way(struct group *g) __attribute__((noreturn));

#endif
