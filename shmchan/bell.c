#include "shmchan/bell.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/err.h"

static long membarrier(int cmd)
{
	return syscall(SYS_membarrier, cmd, 0, 0);
}

static long futex(shmchan_bell *bell, int op, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, bell, op, value, timeout, NULL, FUTEX_BITSET_MATCH_ANY);
}

enum shmchan_fence shmchan_bell_fence_best(void)
{
	long have = membarrier(MEMBARRIER_CMD_QUERY);
	long need = MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;

	return have >= 0 && (have & need) == need ? SHMCHAN_FENCE_MEMBARRIER : SHMCHAN_FENCE_PLAIN;
}

int shmchan_bell_register(enum shmchan_fence fence)
{
	if (fence != SHMCHAN_FENCE_MEMBARRIER)
		return 0;
	return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0 ? 0 : SHMCHAN_ESYS;
}

void shmchan_bell_fence(enum shmchan_fence fence)
{
	// A locked instruction before it is a full barrier on x86 only; the thread fence is the portable one of this core.
	atomic_thread_fence(memory_order_seq_cst);
	if (fence == SHMCHAN_FENCE_MEMBARRIER)
		membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

uint32_t shmchan_bell_prepare(shmchan_bell *bell, enum shmchan_fence fence)
{
	uint32_t value = atomic_fetch_or_explicit(bell, SHMCHAN_BELL_ASLEEP, memory_order_relaxed);

	shmchan_bell_fence(fence);
	return value | SHMCHAN_BELL_ASLEEP;
}

void shmchan_bell_cancel(shmchan_bell *bell, uint32_t value)
{
	// Failure means that somebody rang and cleared the bit already. Relaxed: the bit orders nothing by itself.
	atomic_compare_exchange_strong_explicit(bell, &value, value & ~SHMCHAN_BELL_ASLEEP,
						memory_order_relaxed, memory_order_relaxed);
}

int shmchan_bell_wait(shmchan_bell *bell, uint32_t value, uint64_t timeout_ns)
{
	struct timespec until, *timeout = NULL;
	long r;

	if (timeout_ns != UINT64_MAX) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		if (timeout_ns > (uint64_t)1 << 60)
			timeout_ns = (uint64_t)1 << 60;
		until.tv_sec += (time_t)(timeout_ns / 1000000000);
		until.tv_nsec += (long)(timeout_ns % 1000000000);
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		timeout = &until;
	}
	r = futex(bell, FUTEX_WAIT_BITSET, value, timeout);
	if (r == 0 || errno == EAGAIN)
		return 0;
	shmchan_bell_cancel(bell, value);
	if (errno == ETIMEDOUT)
		return SHMCHAN_TIMEOUT;
	return errno == EINTR ? SHMCHAN_INTR : 0;
}

void shmchan_bell_ring_slow(shmchan_bell *bell)
{
	uint32_t value = atomic_load_explicit(bell, memory_order_relaxed);

	// Relaxed: what the sleeper must see was published with release before, and it looks with acquire.
	while (value & SHMCHAN_BELL_ASLEEP) {
		if (atomic_compare_exchange_weak_explicit(bell, &value, value + 1, memory_order_relaxed,
							  memory_order_relaxed)) {
			// Dying here leaves the sleeper asleep with the bit cleared: recovery forces the bells of peers.
			futex(bell, FUTEX_WAKE, INT_MAX, NULL);
			return;
		}
	}
}

void shmchan_bell_force(shmchan_bell *bell)
{
	uint32_t value = atomic_load_explicit(bell, memory_order_relaxed);

	while (!atomic_compare_exchange_weak_explicit(bell, &value, (value | SHMCHAN_BELL_ASLEEP) + 1,
						      memory_order_relaxed, memory_order_relaxed))
		;
	futex(bell, FUTEX_WAKE, INT_MAX, NULL);
}
