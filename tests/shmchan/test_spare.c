// Warm spares: what the library does, and a broker that is killed at any instruction of giving a slot over.
// All have one time limit: of different ones Criterion leaks a timer, which LeakSanitizer reports.
#include "tests/shmchan/harness.h"

#include <sched.h>
#include <sys/mman.h>
#include "shmchan/broker_priv.h"
#include "shmchan/ctl.h"
#include "tests/crash/step.h"

_Static_assert(offsetof(struct shmchan_ctl_proc, spare_pid) == 384 && offsetof(struct shmchan_ctl_proc, given) == 400,
	       "process slots of layout 1");

#define SLOT 1u

struct shared {
	_Atomic unsigned incarnation[32]; // that each spare has become
	_Atomic unsigned attached;       // how many have
};

struct scene {
	struct harness h;
	struct shared *s;
	unsigned no;
	pid_t pid; // of the spare
};

static void scene_begin(struct scene *c)
{
	harness_create(&c->h, 2, NULL, 0, NULL, 0);
	c->s = harness_shared(sizeof(*c->s));
}

static void scene_end(struct scene *c)
{
	munmap(c->s, sizeof(*c->s));
	harness_end(&c->h);
}

static int be_spare(void *ctx)
{
	struct scene *c = ctx;
	struct shmchan_proc *me;
	char text[16];

	setenv("SHMCHAN_GROUP", c->h.group, 1);
	setenv("SHMCHAN_SLOT", "1", 1);
	setenv("SHMCHAN_INCARNATION", "0", 1);
	snprintf(text, sizeof(text), "%u", c->no);
	setenv("SHMCHAN_SPARE", text, 1);
	if (shmchan_attach_env(&me, NULL))
		return 1;
	if (getenv("SHMCHAN_SPARE") || strtoul(getenv("SHMCHAN_INCARNATION"), NULL, 10) != me->incarnation)
		return 2;
	atomic_store(&c->s->incarnation[c->no], me->incarnation);
	atomic_fetch_add(&c->s->attached, 1);
	while (pause())
		;
	return 0;
}

static struct shmchan_slot_state state(struct scene *c)
{
	struct shmchan_slot_state st;

	cr_assert_eq(shmchan_broker_slot(c->h.b, SLOT, &st), 0);
	return st;
}

static void start_spare(struct scene *c)
{
	cr_assert_eq(shmchan_broker_spare(c->h.b, SLOT, &c->no), 0);
	c->pid = harness_fork(be_spare, c);
	cr_assert_eq(shmchan_broker_spare_spawned(c->h.b, SLOT, c->pid), 0);
	while (!state(c).spare_waits)
		sched_yield();
}

static void until_attached(struct scene *c, unsigned cnt)
{
	while (atomic_load(&c->s->attached) != cnt)
		sched_yield();
}

Test(spare, takes_the_slot_when_it_is_given, .timeout = 600)
{
	struct scene c = {.s = NULL};
	struct shmchan_slot_state st;
	unsigned no;

	scene_begin(&c);
	cr_assert_eq(shmchan_broker_spare_give(c.h.b, SLOT), SHMCHAN_ESTALE, "there is none");
	cr_assert_eq(shmchan_broker_spare(c.h.b, 0, &no), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spare_spawned(c.h.b, 3, 1), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spare_spawned(c.h.b, SLOT, 1), SHMCHAN_ESTALE);
	cr_assert_eq(shmchan_broker_spare_gone(c.h.b, 3), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spare_give(c.h.b, 3), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spare_rouse(c.h.b, 3), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spare_rouse(c.h.b, SLOT), SHMCHAN_ESTALE);
	for (unsigned n = 1; n <= 3; n++) {
		start_spare(&c);
		cr_assert_eq(c.no, n);
		cr_assert_eq(shmchan_broker_spare(c.h.b, SLOT, &no), SHMCHAN_ESTALE, "one at most");
		st = state(&c);
		cr_assert(st.spare == n && st.spare_pid == c.pid && st.spare_start);
		cr_assert_eq(shmchan_broker_spare_rouse(c.h.b, SLOT), 0);
		cr_assert_eq(atomic_load(&c.s->attached), n - 1, "it waits");
		if (n > 1) { // of incarnation 1 nobody was started
			cr_assert_eq(shmchan_broker_spare_give(c.h.b, SLOT), SHMCHAN_ESTALE, "the slot has a process");
			harness_kill(st.pid);
			harness_bury(&c.h, SLOT);
		}
		cr_assert_eq(shmchan_broker_spare_give(c.h.b, SLOT), 0);
		until_attached(&c, n);
		st = state(&c);
		cr_assert_eq(atomic_load(&c.s->incarnation[n]), n);
		cr_assert(st.state == SHMCHAN_PROC_RUNNING && st.incarnation == n && st.pid == c.pid && st.attached);
		cr_assert(st.spare == 0 && st.spare_pid == 0);
	}
	harness_kill(c.pid);
	scene_end(&c);
}

// On one processor the spare sleeps as long as the broker is there, however often it is woken.
Test(spare, on_the_processor_of_the_broker, .timeout = 600)
{
	struct scene c = {.s = NULL};
	struct shmchan_slot_state st;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	scene_begin(&c);
	for (unsigned n = 1; n <= 20; n++) {
		start_spare(&c);
		st = state(&c);
		if (n > 1) {
			for (unsigned i = 0; i < n % 4; i++)
				cr_assert_eq(shmchan_broker_spare_rouse(c.h.b, SLOT), 0);
			harness_kill(st.pid);
			harness_bury(&c.h, SLOT);
		}
		cr_assert_eq(shmchan_broker_spare_rouse(c.h.b, SLOT), 0);
		cr_assert_eq(shmchan_broker_spare_give(c.h.b, SLOT), 0);
		until_attached(&c, n);
	}
	harness_kill(c.pid);
	scene_end(&c);
}

Test(spare, of_which_nothing_is_left_is_stale_no_more, .timeout = 600)
{
	struct scene c = {.s = NULL};
	unsigned living_cnt = 4;
	pid_t living[4];

	scene_begin(&c);
	start_spare(&c);
	atomic_store(&c.h.b->map.c.ctl->broker_pid, 0);
	cr_assert_eq(shmchan_group_remove_stale(c.h.group, living, &living_cnt, NULL), SHMCHAN_ESTALE);
	cr_assert(living_cnt == 1 && living[0] == c.pid, "it is told of, to be ended");
	harness_kill(c.pid);
	living_cnt = 4;
	cr_assert_gt(shmchan_group_remove_stale(c.h.group, living, &living_cnt, NULL), 0);
	shmchan_broker_leave(c.h.b);
	munmap(c.s, sizeof(*c.s));
}

static void adopt(void *ctx)
{
	struct scene *c = ctx;

	if (shmchan_broker_adopt(&c->h.b, c->h.group, NULL))
		_exit(1);
}

static void hand_over(void *ctx)
{
	struct scene *c = ctx;

	shmchan_broker_spare_give(c->h.b, SLOT);
}

// Kills the broker after k instructions of giving the slot over. Its successor finds the spare waiting, or makes it the one
// incarnation. Returns whether it had ended before.
static bool round_of(long k)
{
	struct scene c = {.s = NULL};
	struct step step = {.before = adopt, .op = hand_over, .ctx = &c};
	struct shmchan_slot_state st;
	struct stepper stepper;
	bool finished;

	scene_begin(&c);
	start_spare(&c);
	atomic_store(&c.h.b->map.c.ctl->broker_pid, 0);
	shmchan_broker_leave(c.h.b);
	step_begin(&stepper, &step);
	step_to(&stepper, k);
	cr_assert_neq(stepper.state, STEP_BROKEN);
	finished = stepper.state == STEP_FINISHED;
	step_kill(&stepper);
	cr_assert_eq(shmchan_broker_adopt(&c.h.b, c.h.group, NULL), 0);
	st = state(&c);
	if (st.state == SHMCHAN_PROC_ANNOUNCED) {
		cr_assert(st.spare == c.no && st.spare_pid == c.pid && !st.attached);
		cr_assert_eq(shmchan_broker_recover(c.h.b, SLOT, NULL, NULL), 0);
		cr_assert_eq(shmchan_broker_announce(c.h.b, SLOT, &c.h.inc[SLOT]), 0);
		cr_assert_eq(shmchan_broker_spare_give(c.h.b, SLOT), 0);
		st = state(&c);
	}
	cr_assert(st.state == SHMCHAN_PROC_RUNNING && st.pid == c.pid && st.spare == 0 && st.start_time);
	until_attached(&c, 1);
	cr_assert_eq(atomic_load(&c.s->incarnation[c.no]), st.incarnation);
	// The next spare is another one.
	cr_assert_eq(shmchan_broker_spare(c.h.b, SLOT, &c.no), 0);
	cr_assert_eq(c.no, 2);
	harness_kill(c.pid);
	scene_end(&c);
	return finished;
}

Test(spare, a_slot_given_over_by_a_broker_that_is_killed, .timeout = 600)
{
	long stride = (long)harness_env("HARNESS_STRIDE", 1), k = 0;

	while (!round_of(k))
		k += stride;
	cr_assert_gt(k, 30);
}
