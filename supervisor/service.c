#include "supervisor/service.h"

#include <signal.h>

#define EARLY_OWN 5    // weight of a death of its own before readiness
#define EARLY_KILLED 1 // of one by SIGKILL
#define EARLY_FREE 15  // up to here without delay
#define EARLY_MAX 50   // from here on given up
#define QUICK_FREE 3 // deaths soon after the start, in a row, that are followed by a spawn at once
#define DELAY_FIRST_NS UINT64_C(10000000)
#define DELAY_MAX_NS UINT64_C(2000000000)

// A cell that is not named is {0, 0}, which would mean waiting: so every cell is named.
static const struct svc_step table[SVC_STATE_CNT][SVC_EVENT_CNT] =
	{
		[SVC_WAITING] =
			{
				[SVC_EV_START] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_READY] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_STOP] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_RESTART] = {SVC_WAITING, SVC_DO_REFUSE},
				[SVC_EV_RECALL] = {SVC_WAITING, SVC_DO_NOTHING},
			},
		[SVC_STARTING] =
			{
				[SVC_EV_START] = {SVC_STARTING, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_READY, SVC_DO_NOTE_READY},
				[SVC_EV_RESPAWN] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_DELAY] = {SVC_BACKOFF, SVC_DO_WAIT},
				[SVC_EV_END] = {SVC_DONE, SVC_DO_REST},
				[SVC_EV_GIVE_UP] = {SVC_FAILED, SVC_DO_REST},
				[SVC_EV_TIMER] = {SVC_STARTING, SVC_DO_KILL},
				[SVC_EV_STOP] = {SVC_STOPPING, SVC_DO_TERM},
				[SVC_EV_RESTART] = {SVC_RESTARTING, SVC_DO_TERM},
				[SVC_EV_RECALL] = {SVC_RECALLED, SVC_DO_TERM},
			},
		[SVC_READY] =
			{
				[SVC_EV_START] = {SVC_READY, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_READY, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_DELAY] = {SVC_BACKOFF, SVC_DO_WAIT},
				[SVC_EV_END] = {SVC_DONE, SVC_DO_REST},
				[SVC_EV_GIVE_UP] = {SVC_FAILED, SVC_DO_REST},
				[SVC_EV_TIMER] = {SVC_READY, SVC_DO_NOTHING},
				[SVC_EV_STOP] = {SVC_STOPPING, SVC_DO_TERM},
				[SVC_EV_RESTART] = {SVC_RESTARTING, SVC_DO_TERM},
				[SVC_EV_RECALL] = {SVC_RECALLED, SVC_DO_TERM},
			},
		[SVC_BACKOFF] =
			{
				[SVC_EV_START] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_BACKOFF, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_STOP] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_RESTART] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_RECALL] = {SVC_WAITING, SVC_DO_NOTHING},
			},
		[SVC_RESTARTING] =
			{
				[SVC_EV_START] = {SVC_RESTARTING, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_RESTARTING, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_DELAY] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_END] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_GIVE_UP] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_TIMER] = {SVC_RESTARTING, SVC_DO_KILL},
				[SVC_EV_STOP] = {SVC_STOPPING, SVC_DO_TERM},
				[SVC_EV_RESTART] = {SVC_RESTARTING, SVC_DO_NOTHING},
				[SVC_EV_RECALL] = {SVC_RECALLED, SVC_DO_NOTHING},
			},
		[SVC_RECALLED] =
			{
				[SVC_EV_START] = {SVC_RECALLED, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_RECALLED, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_WAITING, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_RECALLED, SVC_DO_KILL},
				[SVC_EV_STOP] = {SVC_STOPPING, SVC_DO_TERM},
				[SVC_EV_RESTART] = {SVC_RECALLED, SVC_DO_NOTHING},
				[SVC_EV_RECALL] = {SVC_RECALLED, SVC_DO_NOTHING},
			},
		[SVC_STOPPING] =
			{
				[SVC_EV_START] = {SVC_STOPPING, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_STOPPING, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_DELAY] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_END] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_GIVE_UP] = {SVC_STOPPED, SVC_DO_REST},
				[SVC_EV_TIMER] = {SVC_STOPPING, SVC_DO_KILL},
				[SVC_EV_STOP] = {SVC_STOPPING, SVC_DO_NOTHING},
				[SVC_EV_RESTART] = {SVC_STOPPING, SVC_DO_REFUSE},
				[SVC_EV_RECALL] = {SVC_STOPPING, SVC_DO_REFUSE},
			},
		[SVC_STOPPED] =
			{
				[SVC_EV_START] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_STOP] = {SVC_STOPPED, SVC_DO_NOTHING},
				[SVC_EV_RESTART] = {SVC_STOPPED, SVC_DO_REFUSE},
				[SVC_EV_RECALL] = {SVC_WAITING, SVC_DO_NOTHING},
			},
		[SVC_DONE] =
			{
				[SVC_EV_START] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_STOP] = {SVC_DONE, SVC_DO_NOTHING},
				[SVC_EV_RESTART] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_RECALL] = {SVC_WAITING, SVC_DO_NOTHING},
			},
		[SVC_FAILED] =
			{
				[SVC_EV_START] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_READY] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_RESPAWN] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_DELAY] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_END] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_GIVE_UP] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_TIMER] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_STOP] = {SVC_FAILED, SVC_DO_NOTHING},
				[SVC_EV_RESTART] = {SVC_STARTING, SVC_DO_SPAWN},
				[SVC_EV_RECALL] = {SVC_WAITING, SVC_DO_NOTHING},
			},
};
_Static_assert(sizeof(table) / sizeof(table[0]) == 10 && sizeof(table[0]) / sizeof(table[0][0]) == 10,
	       "a state or an event was added: give it its row or column");

static const char *const names[] = {
	[SVC_WAITING] = "waiting",       [SVC_STARTING] = "starting",
	[SVC_READY] = "ready",           [SVC_BACKOFF] = "backoff",
	[SVC_RESTARTING] = "restarting", [SVC_RECALLED] = "recalled",
	[SVC_STOPPING] = "stopping",     [SVC_STOPPED] = "stopped",
	[SVC_DONE] = "done",             [SVC_FAILED] = "failed",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == SVC_STATE_CNT, "every state has a name");

struct svc_step svc_step(enum svc_state state, enum svc_event event)
{
	return table[state][event];
}

const char *svc_state_name(enum svc_state state)
{
	return (unsigned)state < SVC_STATE_CNT ? names[state] : "unknown";
}

bool svc_has_process(enum svc_state state)
{
	return state == SVC_STARTING || state == SVC_READY || state == SVC_RESTARTING ||
	       state == SVC_RECALLED || state == SVC_STOPPING;
}

bool svc_is_down(enum svc_state state)
{
	return state == SVC_STOPPED || state == SVC_DONE || state == SVC_FAILED;
}

void svc_healthy(struct svc_history *history)
{
	history->early = 0;
}

static bool is_fatal_exit(const struct svc_policy *policy, int status)
{
	return status >= 0 && status < 256 && policy->fatal_exits[status / 64] >> (status % 64) & 1;
}

static bool too_many_deaths(const struct svc_policy *policy, struct svc_history *history, uint64_t now_ns)
{
	if (now_ns - history->window_start > policy->window_ns) {
		history->window_start = now_ns;
		history->deaths = 0;
	}
	history->deaths++;
	return policy->max_deaths && history->deaths > policy->max_deaths;
}

// Never so long that max_deaths could not come together within the window: who crashes all the time is given up.
static uint64_t delay_of(const struct svc_policy *policy, uint32_t doublings, uint32_t random)
{
	uint64_t delay = doublings < 8 ? DELAY_FIRST_NS << doublings : DELAY_MAX_NS;
	uint64_t most = policy->max_deaths ? policy->window_ns / 2 / (policy->max_deaths + UINT64_C(1)) : DELAY_MAX_NS;

	most = most < DELAY_MAX_NS ? most : DELAY_MAX_NS;
	delay = delay < most ? delay : most;
	return delay - delay / 4 + (delay / 4 * (random >> 16) >> 16);
}

// Of one that had been ready.
static enum svc_event judge_ready(const struct svc_policy *policy, struct svc_history *history,
				  const struct svc_death *death, bool killed, uint32_t random,
				  uint64_t *delay_ns)
{
	if (killed)
		return SVC_EV_RESPAWN;
	if (death->lived_ns >= SVC_HEALTHY_NS)
		history->quick = 0;
	else
		history->quick++;
	if (history->quick <= QUICK_FREE)
		return SVC_EV_RESPAWN;
	*delay_ns = delay_of(policy, history->quick - QUICK_FREE - 1, random);
	return SVC_EV_DELAY;
}

enum svc_event svc_judge(const struct svc_policy *policy, struct svc_history *history,
			 const struct svc_death *death, uint64_t now_ns, uint32_t random, uint64_t *delay_ns)
{
	bool exited = !death->spawn_failed && !death->unknown && death->code == CLD_EXITED;

	if (exited && death->status == 0 && policy->restart != SVC_RESTART_ALWAYS)
		return SVC_EV_END;
	if (death->asked)
		return policy->restart == SVC_RESTART_NEVER ? SVC_EV_GIVE_UP : SVC_EV_RESPAWN;
	if (policy->restart == SVC_RESTART_NEVER || (exited && is_fatal_exit(policy, death->status)))
		return SVC_EV_GIVE_UP;
	bool killed = !death->spawn_failed && !death->late && !death->hung && !exited &&
		      (death->unknown || death->status == SIGKILL);
	if (!killed && too_many_deaths(policy, history, now_ns))
		return SVC_EV_GIVE_UP;
	if (death->ready)
		return judge_ready(policy, history, death, killed, random, delay_ns);
	history->early += killed ? EARLY_KILLED : EARLY_OWN;
	if (history->early >= EARLY_MAX)
		return SVC_EV_GIVE_UP;
	if (history->early <= EARLY_FREE)
		return SVC_EV_RESPAWN;
	*delay_ns = delay_of(policy, (history->early - EARLY_FREE - 1) / EARLY_OWN, random);
	return SVC_EV_DELAY;
}
