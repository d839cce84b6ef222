// Processes of a group that nothing in its memory names: a supervisor was killed between the start of a process
// and the note of its pid; or they are children of a service that is dead. Their environment names the group.
#ifndef SUPERVISOR_ORPHAN_H
#define SUPERVISOR_ORPHAN_H

#include <stdbool.h>
#include <sys/types.h>

struct orphan {
	pid_t pid;
	int pidfd; // opened before its environment was read: of the process that was seen
	unsigned slot, incarnation;
	unsigned spare; // its number, if it was started as one; 0 = it was not
	bool leads; // its process group, as what the supervisor started does
};

// orphan_each calls f(ctx, o) for each process of `group` that may be looked at; f returns true if it takes the pidfd over. First it waits
// for processes that a supervisor has begun to start and that do not yet have their environment.
void orphan_each(const char *group, bool (*f)(void *ctx, const struct orphan *o), void *ctx);

#endif
