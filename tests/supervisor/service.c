#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include "supervisor/service.h"

#define MS UINT64_C(1000000)

static const struct svc_policy always = {SVC_RESTART_ALWAYS, {1u << 2 | 1u << 3}, 0, 10000 * MS};

static struct svc_death exited(int status, bool ready)
{
	return (struct svc_death){.ready = ready, .lived_ns = 5000 * MS, .code = CLD_EXITED, .status = status};
}

static struct svc_death killed(int signal, bool ready)
{
	return (struct svc_death){.ready = ready, .lived_ns = 5000 * MS, .code = CLD_KILLED, .status = signal};
}

Test(service, every_state_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < SVC_STATE_CNT; i++)
		for (unsigned j = 0; j < i; j++)
			cr_assert_str_neq(svc_state_name(i), svc_state_name(j));
	cr_assert_str_eq(svc_state_name(99), "unknown");
}

Test(service, table_never_leaves_its_bounds_and_only_a_recall_leads_back_to_waiting)
{
	for (unsigned s = 0; s < SVC_STATE_CNT; s++)
		for (unsigned e = 0; e < SVC_EVENT_CNT; e++) {
			struct svc_step step = svc_step(s, e);

			cr_assert(step.next < SVC_STATE_CNT && step.action < SVC_ACTION_CNT);
			if (s != SVC_WAITING && s != SVC_RECALLED && e != SVC_EV_RECALL)
				cr_assert_neq(step.next, SVC_WAITING,
					      "state %u, event %u: the cell has no entry", s, e);
		}
}

// What group_service.c relies on: a process is spawned only where there is none, and signalled only where
// there is one.
Test(service, actions_fit_the_states)
{
	for (unsigned s = 0; s < SVC_STATE_CNT; s++)
		for (unsigned e = 0; e < SVC_EVENT_CNT; e++) {
			struct svc_step step = svc_step(s, e);
			bool died = e == SVC_EV_RESPAWN || e == SVC_EV_DELAY || e == SVC_EV_END ||
				    e == SVC_EV_GIVE_UP;
			bool runs = svc_has_process(s) && !died;

			if (step.action == SVC_DO_SPAWN)
				cr_assert(!runs && step.next == SVC_STARTING, "state %u, event %u", s, e);
			if (step.action == SVC_DO_TERM || step.action == SVC_DO_KILL)
				cr_assert(runs && svc_has_process(step.next), "state %u, event %u", s, e);
			if (step.action == SVC_DO_REST)
				cr_assert(!runs && svc_is_down(step.next), "state %u, event %u", s, e);
			if (runs)
				cr_assert(svc_has_process(step.next), "state %u, event %u: forgets a process",
					  s, e);
			if (svc_has_process(s) && died)
				cr_assert(!svc_has_process(step.next) || step.action == SVC_DO_SPAWN,
					  "state %u, event %u: believes a dead process", s, e);
			if (e == SVC_EV_STOP)
				cr_assert(svc_is_down(step.next) || step.next == SVC_STOPPING,
					  "state %u survives stop", s);
		}
}

Test(service, stop_always_ends)
{
	for (unsigned s = 0; s < SVC_STATE_CNT; s++) {
		enum svc_state state = svc_step(s, SVC_EV_STOP).next;

		if (svc_has_process(state))
			state = svc_step(svc_step(state, SVC_EV_TIMER).next, SVC_EV_RESPAWN).next;
		cr_assert(svc_is_down(state));
	}
}

Test(judge, healthy_services_are_spawned_at_once_for_ever)
{
	struct svc_history h = {0};
	struct svc_death d = killed(SIGSEGV, true);
	uint64_t delay = 0;

	for (unsigned i = 0; i < 10000; i++) {
		svc_healthy(&h);
		cr_assert_eq(svc_judge(&always, &h, &d, i * MS, i, &delay), SVC_EV_RESPAWN);
	}
}

Test(judge, deaths_before_readiness_back_off_and_end)
{
	struct svc_history h = {0};
	struct svc_death d = exited(1, false);
	uint64_t delay, last = 0;

	for (unsigned i = 1; i <= 3; i++)
		cr_assert_eq(svc_judge(&always, &h, &d, i, 0, &delay), SVC_EV_RESPAWN);
	for (unsigned i = 4; i <= 9; i++) {
		cr_assert_eq(svc_judge(&always, &h, &d, i, 0, &delay), SVC_EV_DELAY);
		cr_assert_gt(delay, last);
		cr_assert_leq(delay, 2000 * MS);
		last = delay;
	}
	cr_assert_eq(svc_judge(&always, &h, &d, 10, 0, &delay), SVC_EV_GIVE_UP);
}

Test(judge, deaths_soon_after_the_start_back_off_and_health_begins_again)
{
	struct svc_history h = {0};
	struct svc_death d = exited(1, true);
	uint64_t delay = 0, last = 0;

	for (unsigned round = 0; round < 3; round++) {
		d.lived_ns = 200 * MS;
		for (unsigned i = 1; i <= 3; i++)
			cr_assert_eq(svc_judge(&always, &h, &d, i, 0, &delay), SVC_EV_RESPAWN,
				     "the first are followed at once");
		for (last = 0; last < 1500 * MS; last = delay) {
			cr_assert_eq(svc_judge(&always, &h, &d, 9, 0, &delay), SVC_EV_DELAY);
			cr_assert_gt(delay, last);
		}
		d.lived_ns = SVC_HEALTHY_NS;
		cr_assert_eq(svc_judge(&always, &h, &d, 9, 0, &delay), SVC_EV_RESPAWN);
	}
}

Test(judge, sigkill_from_outside_of_a_ready_service_is_followed_at_once_however_often)
{
	struct svc_history h = {0};
	struct svc_policy p = always;
	struct svc_death d = killed(SIGKILL, true);
	uint64_t delay;

	p.max_deaths = 1;
	d.lived_ns = 0;
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(svc_judge(&p, &h, &d, i, 0, &delay), SVC_EV_RESPAWN);
}

Test(judge, a_hang_is_a_failure_of_its_own)
{
	struct svc_history h = {0};
	struct svc_policy p = always;
	struct svc_death d = killed(SIGKILL, true);
	uint64_t delay;

	p.max_deaths = 1;
	d.hung = true;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN);
	cr_assert_eq(svc_judge(&p, &h, &d, 1, 0, &delay), SVC_EV_GIVE_UP);
}

Test(judge, jitter_is_a_quarter)
{
	struct svc_death d = exited(1, false);
	uint64_t least, most;
	struct svc_history h = {.early = 15}, k = {.early = 15};

	svc_judge(&always, &h, &d, 0, 0, &least);
	svc_judge(&always, &k, &d, 0, UINT32_MAX, &most);
	cr_assert_eq(least, 7500000);
	cr_assert(most > 9990000 && most <= 10 * MS);
}

Test(judge, health_forgets_early_deaths)
{
	struct svc_history h = {0};
	struct svc_death d = exited(1, false);
	uint64_t delay;

	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 9; i++)
			cr_assert_neq(svc_judge(&always, &h, &d, 0, 0, &delay), SVC_EV_GIVE_UP);
		svc_healthy(&h);
	}
}

Test(judge, sigkill_from_outside_weighs_less_than_an_own_failure)
{
	struct svc_history h = {0};
	struct svc_death d = killed(SIGKILL, false);
	uint64_t delay;
	unsigned n = 1;

	while (svc_judge(&always, &h, &d, 0, 0, &delay) == SVC_EV_RESPAWN)
		n++;
	cr_assert_eq(n, 16);
	while (svc_judge(&always, &h, &d, 0, 0, &delay) == SVC_EV_DELAY)
		n++;
	cr_assert_eq(n + 1, 50);
	h = (struct svc_history){0};
	d.late = true;
	for (n = 1; svc_judge(&always, &h, &d, 0, 0, &delay) != SVC_EV_GIVE_UP; n++)
		;
	cr_assert_eq(n, 10, "one that the supervisor killed for not being ready failed by itself");
}

Test(judge, what_the_supervisor_asked_for_weighs_nothing)
{
	struct svc_history h = {0};
	struct svc_death d = killed(SIGKILL, false);
	struct svc_policy p = always;
	uint64_t delay;

	d.asked = true;
	p.max_deaths = 1;
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(svc_judge(&p, &h, &d, i, i, &delay), SVC_EV_RESPAWN);
}

Test(judge, exit_statuses)
{
	struct svc_history h = {0};
	struct svc_policy p = always;
	struct svc_death d = exited(3, true);
	uint64_t delay;

	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_GIVE_UP, "a fatal exit");
	d.status = 1;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN);
	d.status = 0;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN, "always means always");
	p.restart = SVC_RESTART_ON_FAILURE;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_END);
	d.status = 1;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN);
	p.restart = SVC_RESTART_NEVER;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_GIVE_UP);
	d.status = 0;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_END);
	d = killed(3, true); // a signal is not an exit status
	p = always;
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN);
	d = (struct svc_death){.spawn_failed = true, .status = ENOENT};
	cr_assert_eq(svc_judge(&p, &h, &d, 0, 0, &delay), SVC_EV_RESPAWN, "may be there the next time");
}

Test(judge, max_deaths_counts_within_its_window)
{
	struct svc_history h = {0};
	struct svc_policy p = always;
	struct svc_death d = killed(SIGSEGV, true);
	uint64_t delay;

	p.max_deaths = 3;
	for (uint64_t i = 0; i < 100; i++)
		cr_assert_eq(svc_judge(&p, &h, &d, i * 4000 * MS, 0, &delay), SVC_EV_RESPAWN,
			     "3 in 10 s are allowed");
	h = (struct svc_history){0};
	for (uint64_t i = 0; i < 3; i++)
		cr_assert_eq(svc_judge(&p, &h, &d, i * MS, 0, &delay), SVC_EV_RESPAWN);
	cr_assert_eq(svc_judge(&p, &h, &d, 4 * MS, 0, &delay), SVC_EV_GIVE_UP);
}
