// What a killed supervisor left: its segments, and processes of its group that have not ended by themselves.
#ifndef SUPERVISOR_STALE_H
#define SUPERVISOR_STALE_H

#include "supervisor/exits.h"

struct stale_found {
	unsigned segments; // removed
	unsigned orphans;  // ended
	unsigned files;    // of the run folder, removed; stale_stop
};

// stale_remove ends the orphans of `group`: by SIGTERM, and those that live grace_ms later by SIGKILL; 0 = by SIGKILL at once (a process is signalled only through a pidfd that was opened
// before libshmchan confirmed, by pid and start time, that it is of the group), removes its segments, and
// says in *out how many there were. Errors: SUP_RUNNING the group's supervisor lives; SUP_SYSTEM.
int stale_remove(const char *group, unsigned grace_ms, struct stale_found *out, struct fail *fail);

// stale_stop does that for a group that nobody is to run or adopt, and removes its files of the run folder.
int stale_stop(const char *group, unsigned grace_ms, struct stale_found *out, struct fail *fail);

#endif
