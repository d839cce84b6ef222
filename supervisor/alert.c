#include "supervisor/alert.h"

#include <stddef.h>
#include "shmchan/ctl.h"
#include "supervisor/group.h"
#include "supervisor/say.h"

#define EVERY_NS UINT64_C(250000000)

_Static_assert(ALERT_BYTES * 8 >= SHMCHAN_OBJ_MAX, "a bit for each");

bool alert_step(bool on, uint64_t depth, uint32_t limit)
{
	return on ? depth > limit / 2 : depth >= limit;
}

bool alert_is_on(const struct alert *a, unsigned chan)
{
	return a->on[chan / 8] >> chan % 8 & 1;
}

static void tell(const struct group *g, unsigned chan, uint64_t depth, bool on)
{
	const char *name = g->plan->spec.chans[chan].name;
	uint32_t limit = g->plan->channels[chan].alert_depth;

	events_put(g->events, "alert",
		   json_pack("{s:s, s:I, s:I, s:s}", "channel", name, "depth", (json_int_t)depth, "limit",
			     (json_int_t)limit, "state", on ? "begin" : "end"));
	say(g->plan->spec.name, on ? "channel '%s' holds %llu messages, its alert depth is %u"
				   : "channel '%s' is down to %llu messages, its alert depth is %u",
	    name, (unsigned long long)depth, limit);
}

static void on_timer(struct loop_timer *t)
{
	struct alert *a = (struct alert *)((char *)t - offsetof(struct alert, timer));
	const struct plan *plan = a->group->plan;
	struct shmchan_view_chan c;

	for (unsigned i = 0; i < plan->spec.chan_cnt; i++) {
		uint32_t limit = plan->channels[i].alert_depth;
		bool on;

		if (!limit || look_chan(a->group->look, i, &c))
			continue;
		on = alert_step(alert_is_on(a, i), c.stat.depth, limit);
		if (on == alert_is_on(a, i))
			continue;
		tell(a->group, i, c.stat.depth, on);
		a->on[i / 8] ^= (uint8_t)(1u << i % 8);
		group_keep(a->group);
	}
	loop_timer_set(a->group->loop, t, EVERY_NS);
}

void alert_start(struct alert *a, struct group *g)
{
	unsigned any = 0;

	a->timer = (struct loop_timer){on_timer, 0, 0};
	a->group = g;
	for (unsigned i = 0; i < g->plan->spec.chan_cnt; i++)
		any += g->plan->channels[i].alert_depth != 0;
	if (any)
		loop_timer_set(g->loop, &a->timer, EVERY_NS);
}

void alert_stop(struct alert *a)
{
	if (a->group)
		loop_timer_cancel(a->group->loop, &a->timer);
}
