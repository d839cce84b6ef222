#include "supervisor/scale.h"

#include <stddef.h>
#include <string.h>
#include "supervisor/group.h"
#include "supervisor/say.h"

#define LOOK_NS UINT64_C(20000000)

// Replicas of one item of the topology stand one after the other. Returns their number, 0 if `name` has none.
static unsigned find_replicas(const struct group *g, const char *name, unsigned *first)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < g->service_cnt; i++) {
		const struct plan_service *s = g->services[i].plan;
		unsigned n = 0;

		if (strncmp(s->name, name, len) != 0 || strcmp(s->name + len, "-1") != 0)
			continue;
		while (i + n < g->service_cnt && g->services[i + n].plan->source == s->source)
			n++;
		*first = i;
		return n;
	}
	return 0;
}

static unsigned count_wanted(const struct group *g, unsigned first, unsigned cnt)
{
	unsigned n = 0;

	for (unsigned i = first; i < first + cnt; i++)
		n += !g->services[i].reserved;
	return n;
}

// Messages in what it alone receives from, and in flight at it.
static uint64_t left_for(const struct service *s)
{
	struct shmchan_view_chan c;
	uint64_t left = 0;
	unsigned cnt;
	const unsigned *inputs = look_inputs(s->group->look, (unsigned)(s - s->group->services), &cnt);

	for (unsigned i = 0; i < cnt; i++)
		if (s->group->plan->spec.chans[inputs[i]].consumer_cnt == 1 &&
		    look_chan(s->group->look, inputs[i], &c) == 0)
			left += c.stat.depth + c.stat.in_flight;
	return left;
}

static void let_go(struct service *s, uint64_t left)
{
	s->drain_until_ns = 0;
	if (left)
		say(s->group->plan->spec.name, "service '%s' is stopped with %llu messages still in its channels",
		    s->plan->name, (unsigned long long)left);
	service_feed(s, SVC_EV_STOP);
}

static void on_timer(struct loop_timer *t)
{
	struct group *g = (struct group *)((char *)t - offsetof(struct group, scale_timer));
	bool any = false;

	for (unsigned i = 0; i < g->service_cnt; i++) {
		struct service *s = &g->services[i];
		uint64_t left;

		if (!s->drain_until_ns)
			continue;
		left = left_for(s);
		if (!left || loop_now() >= s->drain_until_ns || s->state != SVC_READY)
			let_go(s, left);
		else
			any = true;
	}
	if (any)
		loop_timer_set(g->loop, t, LOOK_NS);
}

static void drain(struct service *s)
{
	s->reserved = true;
	shmchan_broker_leaving(s->group->broker, s->slot, true); // no process: then there is nobody to leave
	s->drain_until_ns = loop_now() + s->plan->stop_timeout_ns;
	s->group->scale_timer.fire = on_timer;
	loop_timer_set(s->group->loop, &s->group->scale_timer, 0);
}

static void bring(struct service *s)
{
	s->reserved = s->held = false;
	s->drain_until_ns = 0;
	shmchan_broker_leaving(s->group->broker, s->slot, false);
	if (svc_is_down(s->state))
		service_feed(s, SVC_EV_RECALL);
	else if (s->state == SVC_STOPPING)
		s->wanted_again = true;
}

json_t *verb_scale(struct group *g, const json_t *request, struct control_wait *wait)
{
	const char *name = json_string_value(json_object_get(request, "service"));
	const json_t *replicas = json_object_get(request, "replicas");
	json_int_t n = json_integer_value(replicas);
	unsigned first = 0, cnt, before;

	if (!name || !json_is_integer(replicas))
		return control_error("scale needs the name of a \"service\" and a number of \"replicas\"");
	cnt = find_replicas(g, name, &first);
	if (!cnt)
		return control_error("group '%s' has no service '%.64s' with replicas", g->plan->spec.name, name);
	if (n < 1 || n > cnt)
		return control_error("service '%s' can have 1 to %u replicas, not %lld (max_replicas in the topology)",
				     name, cnt, (long long)n);
	if (g->stopping)
		return control_error("service '%s' can't be scaled: the group is stopping", name);
	before = count_wanted(g, first, cnt);
	for (unsigned i = 0; i < cnt; i++) {
		struct service *s = &g->services[first + i];

		if (i < (unsigned)n && s->reserved)
			bring(s);
		else if (i >= (unsigned)n && !s->reserved)
			drain(s);
		service_keep(s);
	}
	events_put(g->events, "scale",
		   json_pack("{s:s, s:i, s:i}", "service", name, "from", (int)before, "to", (int)n));
	*wait = (struct control_wait){true, first, SCALE_WAIT, false, -1};
	group_go_on_soon(g);
	return NULL;
}

json_t *scale_settle(struct group *g, unsigned first)
{
	for (unsigned i = first; i < g->service_cnt; i++) {
		const struct service *s = &g->services[i];

		if (s->plan->source != g->services[first].plan->source)
			break;
		if (g->stopping || (!s->reserved && s->state == SVC_FAILED))
			return control_error("service '%s' did not become ready: it is %s", s->plan->name,
					     svc_state_name(s->state));
		if (s->reserved ? !svc_is_down(s->state)
				: s->state != SVC_READY && s->state != SVC_DONE && !s->held)
			return NULL;
	}
	return json_pack("{s:b, s:i}", "ok", 1, "pid", 0);
}

void scale_resume(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt && !g->stopping; i++)
		if (g->services[i].reserved && g->services[i].state == SVC_READY)
			drain(&g->services[i]);
}

void scale_stop(struct group *g)
{
	loop_timer_cancel(g->loop, &g->scale_timer);
	for (unsigned i = 0; i < g->service_cnt; i++)
		g->services[i].drain_until_ns = 0;
}
