// The repair after a death, and how it waits: a process that was stopped inside a channel's lock holds up whoever needs that lock,
// until it goes on or is killed. The rest of the group does not wait.
#include <stddef.h>
#include <string.h>
#include "supervisor/group.h"
#include "supervisor/say.h"

#define AGAIN_NS UINT64_C(50000000) // a try may take 5 ms of everybody's time for each lock
#define RETRY_NS UINT64_C(5000000)

static void add(struct shmchan_repair *sum, const struct shmchan_repair *r)
{
	sum->dead_letters += r->dead_letters;
	sum->dropped += r->dropped;
	sum->redelivered += r->redelivered;
	sum->answered += r->answered;
	sum->aborted += r->aborted;
	sum->published += r->published;
	sum->blocks += r->blocks;
	sum->died_sent += r->died_sent;
	sum->died_pending = r->died_pending;
	sum->nsec += r->nsec;
}

bool service_repair(struct service *s)
{
	struct group *g = s->group;
	struct shmchan_death death = {s->corpse, s->last.code, s->last.status, 0};
	bool killed = s->last.unknown || (s->last.code != CLD_EXITED && s->last.status == SIGKILL && !s->hung && !s->late);
	struct shmchan_repair once;
	struct fail fail;
	int rc;

	if (!s->repairing)
		poison_before(g->poison, s);
	rc = shmchan_broker_recover(g->broker, s->slot, &death, &once);
	add(&s->repair, &once);
	poison_after(g->poison, s, !s->last.asked && !killed);
	s->recovered = rc == 0;
	if (s->repair.died_pending && !loop_timer_is_set(&g->retry))
		loop_timer_set(g->loop, &g->retry, RETRY_NS);
	if (rc && rc != SHMCHAN_EBUSY) {
		fail_set(&fail, SUP_SYSTEM, "can't repair what service '%s' left: %s", s->plan->name,
			 shmchan_strerror(rc));
		group_broken(g, &fail);
		return true;
	}
	return rc == 0;
}

static const char *name_of(const struct group *g, unsigned slot)
{
	return slot >= 1 && slot <= g->service_cnt ? g->services[slot - 1].plan->name : "?";
}

// Of each holder once.
static void tell(struct service *s)
{
	struct group *g = s->group;
	struct shmchan_holder h = {.slot = 0};

	if (shmchan_broker_holder(g->broker, &h) || (h.pid == s->holder.pid && strcmp(h.channel, s->holder.channel) == 0))
		return;
	s->holder = h;
	events_put(g->events, "waits",
		   json_pack("{s:s, s:i, s:s, s:s, s:i}", "service", s->plan->name, "incarnation", (int)s->incarnation,
			     "channel", h.channel, "holder", name_of(g, h.slot), "pid", (int)h.pid));
	say(g->plan->spec.name,
	    "service '%s' (incarnation %u) is dead; to repair channel '%s' after it a lock is needed that '%s' (pid %d) holds and "
	    "does not give back: it waits for that",
	    s->plan->name, s->incarnation, h.channel, name_of(g, h.slot), (int)h.pid);
}

static void on_again(struct loop_timer *t)
{
	struct service *s = (struct service *)((char *)t - offsetof(struct service, repair_timer));

	if (!service_repair(s)) {
		tell(s);
		loop_timer_set(s->group->loop, t, AGAIN_NS);
		return;
	}
	s->repairing = false;
	service_buried(s);
}

void service_await(struct service *s)
{
	s->repairing = true;
	s->pid = 0;
	s->holder = (struct shmchan_holder){.slot = 0};
	s->since_ns = loop_now();
	loop_timer_cancel(s->group->loop, &s->timer);
	service_keep(s);
	tell(s);
	s->repair_timer.fire = on_again;
	loop_timer_set(s->group->loop, &s->repair_timer, AGAIN_NS);
	group_go_on_soon(s->group);
}

void group_repair_again(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (g->services[i].repairing)
			loop_timer_set(g->loop, &g->services[i].repair_timer, 0);
}

const char *service_state_name(const struct service *s)
{
	return s->repairing ? "repairing" : svc_state_name(s->state);
}
