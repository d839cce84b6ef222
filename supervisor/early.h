// A death that is seen before the pidfd tells of it: by the words that the threads of a service hold (shmchan/pulse.h), and
// believed when the fence is passed (fence.h). What the dead left in the group is then recovered at once; who waits for its
// answers, or for room in its channels, goes on. Its replacement is started when the pidfd says that all it held is free.
#ifndef SUPERVISOR_EARLY_H
#define SUPERVISOR_EARLY_H

#include "supervisor/fence.h"
#include "supervisor/loop.h"

struct group;
struct service;

// Of a service: for the incarnation that runs.
struct early {
	struct loop_futex futex;
	struct loop_timer again;
	struct fence fence;
	unsigned looks; // at the fence, in vain, since its words last said that it lives
	unsigned wakes; // since wakes_ns: a service that changes its words all the time is left to its pidfd
	uint64_t wakes_ns;
};

// early_watch waits for the words of s from now on, and calls service_died_early; early_stop: no longer. Where nothing can wait for
// words (before Linux 5.16) the pidfd is all there is.
void early_watch(struct service *s);
void early_stop(struct service *s);
// early_catch_up does what service_died_early need not wait for: peers are woken, and this process may run on all its processors again.
// By whoever starts a process, before it, and when service_died_early has returned.
void early_catch_up(struct group *g);

#endif
