#include "shmchan/lock.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOOKS 200           // before a sleep
#define SLEEP_NS 5000000    // at a time
#define SLEEPS_ALIVE 400    // 2 s
#define ROUNDS_MAX 10000000 // against a word that somebody changes all the time

// Of this thread; a child after fork begins anew.
static __thread uint32_t thread_id;
static __thread struct robust_list_head *robust;

static void forked(void)
{
	thread_id = 0;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forked);
}

static uint32_t self(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t size;

	if (__builtin_expect(thread_id != 0, 1))
		return thread_id;
	pthread_once(&once, watch_forks);
	if (syscall(SYS_get_robust_list, 0, &robust, &size))
		robust = NULL;
	thread_id = (uint32_t)syscall(SYS_gettid);
	return thread_id;
}

static uint32_t *futex_word(shmchan_lock *lock)
{
	return (uint32_t *)lock + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

// Tells the kernel which futex this thread holds, or is about to take or give up.
static void pend(shmchan_lock *lock)
{
	if (!robust)
		return;
	atomic_signal_fence(memory_order_seq_cst);
	robust->list_op_pending =
		lock ? (struct robust_list *)((char *)futex_word(lock) - robust->futex_offset) : NULL;
	atomic_signal_fence(memory_order_seq_cst);
}

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void wake_one(shmchan_lock *lock)
{
	syscall(SYS_futex, futex_word(lock), FUTEX_WAKE, 1, NULL, NULL, 0);
}

// False when it has taken long enough.
static bool wait_for(shmchan_lock *lock, uint64_t w, bool owner_lives, unsigned *slept)
{
	struct timespec time = {.tv_nsec = SLEEP_NS};

	if ((*slept)++ >= (owner_lives ? SLEEPS_ALIVE : 1))
		return false;
	if ((uint32_t)w & FUTEX_WAITERS ||
	    atomic_compare_exchange_strong_explicit(lock, &w, w | FUTEX_WAITERS, memory_order_relaxed,
						    memory_order_relaxed))
		syscall(SYS_futex, futex_word(lock), FUTEX_WAIT, (uint32_t)w | FUTEX_WAITERS, &time, NULL, 0);
	return true;
}

enum shmchan_locked shmchan_lock_acquire(shmchan_lock *lock, shmchan_owner me,
					 bool (*alive)(const void *ctx, shmchan_owner owner), const void *ctx)
{
	uint64_t mine = (uint64_t)me << 32 | self(), w = 0;
	unsigned slept = 0;

	pend(lock);
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		// Success acquire: pairs with the release in shmchan_lock_release. Failure: only looked at.
		if (((uint32_t)w & FUTEX_TID_MASK) == 0) {
			uint64_t want = mine | ((uint32_t)w & FUTEX_WAITERS) | (slept ? FUTEX_WAITERS : 0);

			// Dying after it: the kernel, or the broker by the owner tag, makes it DIRTY.
			if (atomic_compare_exchange_weak_explicit(lock, &w, want, memory_order_acquire,
								  memory_order_relaxed))
				return (uint32_t)w & FUTEX_OWNER_DIED ? SHMCHAN_LOCKED_DIRTY : SHMCHAN_LOCKED;
			continue;
		}
		if (round % LOOKS != LOOKS - 1)
			pause_briefly();
		else if (!wait_for(lock, w, alive(ctx, (shmchan_owner)(w >> 32)), &slept))
			break;
		w = atomic_load_explicit(lock, memory_order_relaxed);
	}
	pend(NULL);
	return SHMCHAN_LOCK_BUSY;
}

void shmchan_lock_release(shmchan_lock *lock)
{
	// Pairs with the acquire above.
	uint64_t w = atomic_exchange_explicit(lock, 0, memory_order_release);

	if ((uint32_t)w & FUTEX_WAITERS)
		wake_one(lock);
	// Last: for a thread that dies before the wake-up, with the futex word 0, the kernel wakes in its stead.
	pend(NULL);
}

void shmchan_lock_break(shmchan_lock *lock, shmchan_owner dead)
{
	uint64_t w = atomic_load_explicit(lock, memory_order_relaxed);

	while ((shmchan_owner)(w >> 32) == dead && ((uint32_t)w & FUTEX_TID_MASK)) {
		uint64_t to = (w & ~(uint64_t)FUTEX_TID_MASK) | FUTEX_OWNER_DIED;

		// Release: what the dead had written is seen by who repairs it. Failure: the kernel was first.
		if (!atomic_compare_exchange_strong_explicit(lock, &w, to, memory_order_release,
							     memory_order_relaxed))
			continue;
		wake_one(lock);
		return;
	}
}
