#include "supervisor/chaos.h"

#include <stddef.h>
#include <sys/random.h>

uint64_t chaos_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void set_timer(struct chaos *c)
{
	uint64_t span = c->plan->most_ns - c->plan->least_ns + 1;

	loop_timer_set(c->loop, &c->timer, c->plan->least_ns + chaos_random(&c->random) % span);
}

static void on_timer(struct loop_timer *t)
{
	struct chaos *c = (struct chaos *)((char *)t - offsetof(struct chaos, timer));
	unsigned first = (unsigned)(chaos_random(&c->random) % c->plan->service_cnt);

	// The one chosen may have no process now; then the next one that has.
	for (unsigned i = 0; i < c->plan->service_cnt; i++)
		if (c->kill(c->ctx, c->plan->services[(first + i) % c->plan->service_cnt]))
			break;
	set_timer(c);
}

void chaos_start(struct chaos *c, struct loop *l, const struct plan_chaos *plan,
		 bool (*kill)(void *ctx, unsigned service), void *ctx)
{
	*c = (struct chaos){.plan = plan,
			    .loop = l,
			    .timer = {on_timer, 0, 0},
			    .kill = kill,
			    .ctx = ctx,
			    .random = plan->seed};
	if (!c->random && getrandom(&c->random, sizeof(c->random), GRND_NONBLOCK) != sizeof(c->random))
		c->random = loop_now();
	if (plan->enabled && plan->service_cnt)
		set_timer(c);
}

void chaos_stop(struct chaos *c)
{
	if (c->loop)
		loop_timer_cancel(c->loop, &c->timer);
}
