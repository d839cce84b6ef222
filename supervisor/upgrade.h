// Going on as another program: `shmsup upgrade`. The process stays, and with it its pid, its children, the group's lock, its sockets
// and the clients that are connected (handover.h); the program is replaced by execve. Services do not notice.
//
//	the program is asked, as a child: BINARY fits TOPOLOGY ... -> does it say that it can take this group over?
//	-> execve(BINARY run TOPOLOGY ... --adopt) -> adopt.h, as after a death, but for what was handed over
//
// Where it says no, says nothing, or can't be executed, the running program goes on and the client is told why. If it said yes and then
// fails, a guardian of the running program takes the group over (guard.h).
#ifndef SUPERVISOR_UPGRADE_H
#define SUPERVISOR_UPGRADE_H

#include <limits.h>
#include <sys/types.h>
#include "supervisor/control.h"
#include "supervisor/exits.h"
#include "supervisor/guard.h"
#include "supervisor/loop.h"
#include "supervisor/plan.h"

struct group;

struct upgrade {
	struct loop_timer timer; // for a child that does not end
	char binary[PATH_MAX];
	pid_t pid;    // of the child that is asked, 0 = none
	int out;      // what it says
	bool late;    // it was killed for that
	bool agreed;  // it said yes
	struct guard guard;
	bool guarded; // the guardian is ready: to be executed
	unsigned cnt; // of those that came to an end, well or not
	char why[400]; // the last one did not happen
};

// upgrade_begin asks the program, which is an absolute path, or NULL for the one that this process was started as.
// Errors: SUP_REFUSED.
int upgrade_begin(struct group *g, const char *binary, struct fail *fail);
// upgrade_reap: is `pid`, which has ended and has not been waited for, the child that was asked, or the guardian? Then what it says by that
// is looked at.
bool upgrade_reap(struct group *g, pid_t pid);
// upgrade_go_on executes the program that has agreed, between two turns of the loop; returns if there is none, or it failed.
void upgrade_go_on(struct group *g);
// upgrade_is_going_on: what is handed over to this program was so by execve.
bool upgrade_is_going_on(const struct group *g);
// upgrade_take: this program is the one that a supervisor has gone on as, or its guardian: takes what belongs to that of g->handover, if
// there is one. upgrade_taken, next: the group is had, the guardian may end. upgrade_is_pending: not all of an upgrade has come to its end.
void upgrade_take(struct group *g);
void upgrade_taken(struct group *g);
bool upgrade_is_pending(const struct group *g);
// upgrade_end kills the child that is asked, if there is one, and the guardian.
void upgrade_end(struct group *g);

// upgrade_self: the absolute path by which this program was executed; call it before the working directory changes.
const char *upgrade_self(void);

// upgrade_check: could this program take over the group of `plan`, which runs? upgrade_fits is the child: prints that.
int upgrade_check(struct plan *plan, const char *report_file, struct fail *fail);
enum sup_exit upgrade_fits(struct plan *plan, const char *report_file);

#endif
