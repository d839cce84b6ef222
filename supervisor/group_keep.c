// What of a running group is kept for a supervisor that adopts it.
#include <string.h>
#include "supervisor/group.h"

void service_keep(const struct service *s)
{
	struct keep_service k = {
		.state = s->state,
		.pid = s->repairing ? s->corpse : s->pid,
		.incarnation = s->incarnation,
		.mourned = s->mourned,
		.asked_signal = s->asked_signal,
		.was_ready = s->was_ready,
		.late = s->late,
		.hung = s->hung,
		.held = s->held,
		.reserved = s->reserved,
		.wanted_again = s->wanted_again,
		.chaosed = s->chaosed,
		.doomed = s->doomed,
		.told_start = s->told_start,
		.told_ready = s->told_ready,
		.spawned_ns = s->spawned_ns,
		.spawns = s->spawns,
		.deaths = s->deaths,
		.chaos_kills = s->chaos_kills,
		.since_ns = s->since_ns,
		.due_ns = loop_timer_is_set(&s->timer) ? s->timer.due_ns : 0,
		.history = s->history,
		.last = s->last,
		.hang = s->hang,
		.watchdogs = s->watchdogs,
	};

	memcpy(k.status, s->status, sizeof(k.status));
	keep_put_service(s->group->keep, s->slot, &k);
}

void group_keep(const struct group *g)
{
	struct keep_group k = {
		.phase = g->phase,
		.end = (int32_t)g->end,
		.stopping = g->stopping,
		.signal = g->signal,
		.exit_status = (int32_t)g->exit_status,
		.adoptions = g->adoptions,
		.upgrades = g->upgrades,
		.begin_ns = g->begin_ns,
		.end_ns = g->end_ns,
		.random = g->random,
		.chaos_random = g->chaos.random,
		.broken = g->broken,
	};

	for (unsigned i = 0; i < g->plan->strategy_cnt && i < KEEP_STRATEGY_MAX; i++)
		k.strategies[i] = g->strategies[i];
	memcpy(k.alerts, g->alert.on, sizeof(k.alerts));
	keep_put_group(g->keep, &k);
}
