// The robust lock: between processes that live, that die with it, and beside one that overwrites it.
#include "tests/shmchan/harness.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include "shmchan/lock.h"

#define OWNER 0x2001u
#define OTHER 0x2002u

struct shared {
	shmchan_lock lock;
	_Atomic uint64_t cnt, step;
	uint64_t rounds;
};

static bool lives(const void *ctx, shmchan_owner owner)
{
	(void)ctx;
	return owner == OWNER || owner == OTHER;
}

static int die_with_it(void *ctx)
{
	struct shared *s = ctx;

	if (shmchan_lock_acquire(&s->lock, OWNER, lives, NULL) != SHMCHAN_LOCKED)
		return 1;
	raise(SIGKILL);
	return 2;
}

Test(lock, the_next_owner_learns_of_a_death)
{
	struct shared *s = harness_shared(sizeof(*s));
	pid_t pid = harness_fork(die_with_it, s);
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	// The kernel has marked it: nobody had to tell.
	cr_assert_eq((uint32_t)s->lock, FUTEX_OWNER_DIED);
	cr_assert_eq(shmchan_lock_acquire(&s->lock, OTHER, lives, NULL), SHMCHAN_LOCKED_DIRTY);
	shmchan_lock_release(&s->lock);
	cr_assert_eq(s->lock, 0);
	cr_assert_eq(shmchan_lock_acquire(&s->lock, OTHER, lives, NULL), SHMCHAN_LOCKED);
}

static int wait_for_it(void *ctx)
{
	struct shared *s = ctx;

	atomic_store(&s->step, 1);
	return shmchan_lock_acquire(&s->lock, OTHER, lives, NULL) == SHMCHAN_LOCKED_DIRTY ? 0 : 1;
}

static int hold_until_killed(void *ctx)
{
	struct shared *s = ctx;

	if (shmchan_lock_acquire(&s->lock, OWNER, lives, NULL) != SHMCHAN_LOCKED)
		return 1;
	atomic_store(&s->step, 2);
	for (;;)
		pause();
}

Test(lock, who_waits_is_woken_by_a_death, .timeout = 60)
{
	struct shared *s = harness_shared(sizeof(*s));
	pid_t holder = harness_fork(hold_until_killed, s), waiter;
	int status;

	while (atomic_load(&s->step) != 2)
		sched_yield();
	waiter = harness_fork(wait_for_it, s);
	while (!((uint32_t)atomic_load(&s->lock) & FUTEX_WAITERS))
		sched_yield();
	harness_kill(holder);
	cr_assert_eq(waitpid(waiter, &status, 0), waiter);
	cr_assert_eq(status, 0);
}

Test(lock, the_broker_takes_it_from_the_dead)
{
	struct shared *s = harness_shared(sizeof(*s));

	s->lock = (uint64_t)OWNER << 32 | 4242;
	shmchan_lock_break(&s->lock, OTHER);
	cr_assert_eq(s->lock, (uint64_t)OWNER << 32 | 4242);
	shmchan_lock_break(&s->lock, OWNER);
	shmchan_lock_break(&s->lock, OWNER);
	cr_assert_eq(shmchan_lock_acquire(&s->lock, OTHER, lives, NULL), SHMCHAN_LOCKED_DIRTY);
}

Test(lock, a_word_that_was_overwritten_holds_up_nobody, .timeout = 60)
{
	struct shared *s = harness_shared(sizeof(*s));
	uint64_t state = harness_seed();

	for (unsigned i = 0; i < 100; i++) {
		enum shmchan_locked l;

		s->lock = harness_random(&state);
		l = shmchan_lock_acquire(&s->lock, OWNER, lives, NULL);
		if (l != SHMCHAN_LOCK_BUSY)
			shmchan_lock_release(&s->lock);
	}
}

static int count_up(void *ctx)
{
	struct shared *s = ctx;

	for (uint64_t i = 0; i < s->rounds; i++) {
		if (shmchan_lock_acquire(&s->lock, i % 2 ? OWNER : OTHER, lives, NULL) == SHMCHAN_LOCK_BUSY)
			return 1;
		// Not one step: it is counted right only under the lock.
		atomic_store_explicit(&s->cnt, atomic_load_explicit(&s->cnt, memory_order_relaxed) + 1,
				      memory_order_relaxed);
		shmchan_lock_release(&s->lock);
	}
	return 0;
}

Test(lock, one_at_a_time, .timeout = 300)
{
	struct shared *s = harness_shared(sizeof(*s));
	pid_t pid[4];

	s->rounds = 50000;
	for (unsigned i = 0; i < 4; i++)
		pid[i] = harness_fork(count_up, s);
	for (unsigned i = 0; i < 4; i++) {
		int status;

		cr_assert_eq(waitpid(pid[i], &status, 0), pid[i]);
		cr_assert_eq(status, 0);
	}
	cr_assert_eq(atomic_load(&s->cnt), 200000);
	cr_assert_eq(s->lock, 0);
}
