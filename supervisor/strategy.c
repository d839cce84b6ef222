#include "supervisor/strategy.h"

#include "supervisor/group.h"
#include "supervisor/say.h"

static const struct plan_strategy *plan_of(const struct service *s)
{
	return s->plan->strategy == PLAN_NONE ? NULL : &s->group->plan->strategies[s->plan->strategy];
}

static unsigned place_in(const struct plan_strategy *p, const struct service *s)
{
	unsigned i = 0;

	while (i < p->service_cnt && p->services[i] != (unsigned)(s - s->group->services))
		i++;
	return i;
}

// Does the death of the member at `dead` take the one at `other` along?
static bool takes(const struct plan_strategy *p, unsigned dead, unsigned other)
{
	return other != dead && (p->kind == TOPO_ONE_FOR_ALL || (p->kind == TOPO_REST_FOR_ONE && other > dead));
}

static bool too_many(const struct plan_strategy *p, struct strategy *s)
{
	uint64_t now = loop_now();

	if (!s->window_start || now - s->window_start > p->window_ns)
		*s = (struct strategy){now, 0};
	s->restarts++;
	return p->max_restarts && s->restarts > p->max_restarts;
}

static void give_up(struct service *s, struct service *because)
{
	struct group *g = s->group;

	if (s == because || svc_is_down(s->state))
		return;
	s->doomed = true;
	say(g->plan->spec.name, "service '%s' is given up with '%s'", s->plan->name, because->plan->name);
	service_feed(s, SVC_EV_STOP);
}

static void stop_with(struct service *s, const struct service *because)
{
	if (svc_is_down(s->state))
		return;
	say(s->group->plan->spec.name, "service '%s' is stopped, because '%s' failed", s->plan->name,
	    because->plan->name);
	service_feed(s, SVC_EV_STOP);
}

// Returns whether a process has to end first.
static bool recall(struct service *s, const struct service *because)
{
	if (svc_is_down(s->state) || s->state == SVC_STOPPING || s->state == SVC_WAITING)
		return false;
	if (s->state != SVC_RECALLED)
		events_put(s->group->events, "recalled",
			   json_pack("{s:s, s:s}", "service", s->plan->name, "because", because->plan->name));
	service_feed(s, SVC_EV_RECALL);
	return s->state == SVC_RECALLED;
}

bool strategy_death(struct service *s, enum svc_event *event)
{
	const struct plan_strategy *p = plan_of(s);
	struct group *g = s->group;
	unsigned place;
	bool wait = false;

	if (!p || (s->state != SVC_STARTING && s->state != SVC_READY) || *event == SVC_EV_END)
		return false;
	place = place_in(p, s);
	if (*event != SVC_EV_GIVE_UP && !s->last.asked && too_many(p, &g->strategies[s->plan->strategy])) {
		say(g->plan->spec.name, "strategy '%s': more than %u restarts within %llu ms; all its services are given up",
		    p->name, p->max_restarts, (unsigned long long)(p->window_ns / 1000000));
		for (unsigned i = 0; i < p->service_cnt; i++)
			give_up(&g->services[p->services[i]], s);
		*event = SVC_EV_GIVE_UP;
		return false;
	}
	for (unsigned i = 0; i < p->service_cnt; i++) {
		if (!takes(p, place, i))
			continue;
		if (*event == SVC_EV_GIVE_UP)
			stop_with(&g->services[p->services[i]], s);
		else
			wait |= recall(&g->services[p->services[i]], s);
	}
	return wait;
}

bool strategy_holds(const struct service *s)
{
	const struct plan_strategy *p = plan_of(s);
	unsigned place = p ? place_in(p, s) : 0;

	for (unsigned i = 0; p && i < p->service_cnt; i++) {
		enum svc_state state = s->group->services[p->services[i]].state;

		if (i != place && (state == SVC_RECALLED || (state == SVC_BACKOFF && takes(p, i, place))))
			return true;
	}
	return false;
}
