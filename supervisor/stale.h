// What a killed supervisor left: its segments, and processes of its group that have not ended by themselves.
#ifndef SUPERVISOR_STALE_H
#define SUPERVISOR_STALE_H

#include "supervisor/exits.h"

struct stale_found {
	unsigned segments; // removed
	unsigned orphans;  // ended
};

// stale_remove ends the orphans of `group` (a process is signalled only through a pidfd that was opened
// before libshmchan confirmed, by pid and start time, that it is of the group), removes its segments, and
// says in *out how many there were. Errors: SUP_RUNNING the group's supervisor lives; SUP_SYSTEM.
int stale_remove(const char *group, struct stale_found *out, struct fail *fail);

#endif
