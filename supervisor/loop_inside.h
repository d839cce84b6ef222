// Inside of loop.c, loop_uring.c and loop_poll.c.
#ifndef SUPERVISOR_LOOP_INSIDE_H
#define SUPERVISOR_LOOP_INSIDE_H

#include "supervisor/loop.h"

// A watched descriptor has a place; places are used again, generations tell the uses apart, so that what the
// kernel reports of a descriptor no longer watched finds nobody.
struct loop_place {
	struct loop_watch *watch; // NULL = free
	uint32_t generation;
	bool armed; // the kernel has a request for it
};

struct loop_hit {
	uint32_t place, generation;
	short revents;
};

#define LOOP_HIT_MAX 64

struct loop_ops {
	const char *name;
	int (*open)(void **state);
	void (*close)(void *state);
	bool (*waits_for_words)(void *state); // struct loop_futex can be armed
	// arm asks for one report of places[place]; disarm takes that back.
	void (*arm)(void *state, const struct loop_place *places, uint32_t place);
	void (*disarm)(void *state, const struct loop_place *places, uint32_t place);
	// wait returns the number of hits, 0 after timeout_ns or a signal, or a negative errno value.
	int (*wait)(void *state, const struct loop_place *places, uint32_t place_cnt, uint64_t timeout_ns,
		    struct loop_hit *hits);
};

extern const struct loop_ops loop_uring_ops, loop_poll_ops;

#endif
