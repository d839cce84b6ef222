#include "tests/shmchan/harness.h"

#include <sys/mman.h>
#include <sys/time.h>
#include "shmchan/bell.h"

_Static_assert(sizeof(shmchan_bell) == 4, "a futex word");

static const enum shmchan_fence fences[] = {SHMCHAN_FENCE_PLAIN, SHMCHAN_FENCE_MEMBARRIER};

Test(bell, states)
{
	for (unsigned i = 0; i < 2; i++) {
		shmchan_bell bell = 6;
		uint32_t value;

		if (fences[i] == SHMCHAN_FENCE_MEMBARRIER &&
		    shmchan_bell_fence_best() != SHMCHAN_FENCE_MEMBARRIER)
			continue;
		cr_assert_eq(shmchan_bell_register(fences[i]), 0);
		shmchan_bell_ring(&bell, fences[i]);
		cr_assert_eq(bell, 6, "nobody sleeps: a ring changes nothing");
		value = shmchan_bell_prepare(&bell, fences[i]);
		cr_assert_eq(value, 7);
		cr_assert_eq(bell, 7);
		shmchan_bell_cancel(&bell, value);
		cr_assert_eq(bell, 6);
		value = shmchan_bell_prepare(&bell, fences[i]);
		shmchan_bell_ring(&bell, fences[i]);
		cr_assert_eq(bell, 8, "counted, and the bit is clear");
		cr_assert_eq(shmchan_bell_wait(&bell, value, UINT64_MAX), 0, "rung before the sleep");
		shmchan_bell_cancel(&bell, value);
		cr_assert_eq(bell, 8, "a cancel that is late undoes nothing");
		shmchan_bell_force(&bell);
		cr_assert_eq(bell, 10);
		value = shmchan_bell_prepare(&bell, fences[i]);
		shmchan_bell_force(&bell);
		cr_assert_eq(bell, 12);
		cr_assert_eq(shmchan_bell_wait(&bell, value, UINT64_MAX), 0);
		// The count goes round without touching the bit.
		bell = UINT32_MAX;
		shmchan_bell_ring_slow(&bell);
		cr_assert_eq(bell, 0);
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

Test(bell, waits_end)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	struct itimerval every = {{0, 5000}, {0, 5000}};
	shmchan_bell bell = 0;
	uint32_t value = shmchan_bell_prepare(&bell, SHMCHAN_FENCE_PLAIN);

	cr_assert_eq(shmchan_bell_wait(&bell, value, 0), SHMCHAN_TIMEOUT);
	cr_assert_eq(bell, 0, "no longer asleep");
	value = shmchan_bell_prepare(&bell, SHMCHAN_FENCE_PLAIN);
	cr_assert_eq(shmchan_bell_wait(&bell, value, 1000000), SHMCHAN_TIMEOUT);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	value = shmchan_bell_prepare(&bell, SHMCHAN_FENCE_PLAIN);
	cr_assert_eq(shmchan_bell_wait(&bell, value, UINT64_MAX - 1), SHMCHAN_INTR);
	cr_assert_eq(bell, 0);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

struct table {
	shmchan_bell bell[2];
	_Atomic uint64_t n[2];
};

// Each waits until the other has counted one further.
static int play(struct table *t, unsigned me, enum shmchan_fence fence)
{
	shmchan_bell_register(fence);
	for (uint64_t i = 1; i <= 3000; i++) {
		atomic_store_explicit(&t->n[me], i, memory_order_release);
		shmchan_bell_ring(&t->bell[1 - me], fence);
		for (;;) {
			uint32_t value = shmchan_bell_prepare(&t->bell[me], fence);

			if (atomic_load_explicit(&t->n[1 - me], memory_order_acquire) >= i) {
				shmchan_bell_cancel(&t->bell[me], value);
				break;
			}
			shmchan_bell_wait(&t->bell[me], value, UINT64_MAX);
		}
	}
	return 0;
}

struct player {
	struct table *t;
	enum shmchan_fence fence;
};

static int other(void *ctx)
{
	struct player *p = ctx;

	return play(p->t, 1, p->fence);
}

Test(bell, two_processes, .timeout = 60)
{
	struct table *t = harness_shared(sizeof(*t));

	for (unsigned i = 0; i < 2; i++) {
		struct player p = {t, fences[i]};
		int status;
		pid_t pid;

		if (fences[i] == SHMCHAN_FENCE_MEMBARRIER &&
		    shmchan_bell_fence_best() != SHMCHAN_FENCE_MEMBARRIER)
			continue;
		memset(t, 0, sizeof(*t));
		pid = harness_fork(other, &p);
		play(t, 0, fences[i]);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert_eq(status, 0);
	}
}
