// Kills services at random while the job runs, to show that nothing is lost by it.
#ifndef SUPERVISOR_CHAOS_H
#define SUPERVISOR_CHAOS_H

#include "supervisor/loop.h"
#include "supervisor/plan.h"

struct chaos {
	const struct plan_chaos *plan;
	struct loop *loop;
	struct loop_timer timer;
	bool (*kill)(void *ctx, unsigned service); // false: it has no process now
	void *ctx;
	uint64_t random;
};

// chaos_start begins to call kill(ctx, service) after random times, if the plan enables it; *c must stay in
// place until chaos_stop, which may be called at any time after the struct was zeroed.
void chaos_start(struct chaos *c, struct loop *l, const struct plan_chaos *plan,
		 bool (*kill)(void *ctx, unsigned service), void *ctx);
void chaos_stop(struct chaos *c);
// chaos_random: the next number of the generator *state (splitmix64).
uint64_t chaos_random(uint64_t *state);

#endif
