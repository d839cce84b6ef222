// The doorbell: the one futex word on which a process sleeps, whatever the number of channels it listens to.
//
//	waiter                                  ringer
//	W0 word |= ASLEEP                       R0 publish the cell (release)
//	W1 fence (membarrier, or seq_cst)       R1 compiler barrier, or seq_cst fence
//	W2 look at the channels: nothing        R2 word & ASLEEP? word + 1 (clears the bit), FUTEX_WAKE
//	W3 FUTEX_WAIT while word is unchanged
//
// Either W2 sees what R0 published, or R2 sees W0: the membarrier at W1 makes every running ringer pass a full barrier,
// so ringers pay nothing. One ringer alone makes the system call: the compare-and-swap at R2 clears the bit.
// A ringer that dies between R2 and FUTEX_WAKE leaves a sleeper that nobody wakes: recovery of the dead ringer rings
// the bells of all its peers (shmchan_bell_force).
#ifndef SHMCHAN_BELL_H
#define SHMCHAN_BELL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t shmchan_bell; // bit 0: ASLEEP; the rest counts rings

#define SHMCHAN_BELL_ASLEEP 1u

enum shmchan_fence {
	SHMCHAN_FENCE_PLAIN = 1,      // ringers fence
	SHMCHAN_FENCE_MEMBARRIER = 2, // sleepers do, for all
};

// shmchan_bell_fence_best: what this kernel can do for a group.
enum shmchan_fence shmchan_bell_fence_best(void);
// shmchan_bell_register makes this process one that membarrier reaches. Returns 0 or SHMCHAN_ESYS.
int shmchan_bell_register(enum shmchan_fence fence);

// W0 and W1; returns the value to wait for.
uint32_t shmchan_bell_prepare(shmchan_bell *bell, enum shmchan_fence fence);
// W1 again, for what is stored after prepare and before the look.
void shmchan_bell_fence(enum shmchan_fence fence);
// Undoes prepare when W2 found something.
void shmchan_bell_cancel(shmchan_bell *bell, uint32_t value);
// W3. Returns 0 (rung, or spurious), SHMCHAN_TIMEOUT or SHMCHAN_INTR; the bell is no longer ASLEEP for `value`.
int shmchan_bell_wait(shmchan_bell *bell, uint32_t value, uint64_t timeout_ns);

void shmchan_bell_ring_slow(shmchan_bell *bell);
// Rings whether or not somebody sleeps.
void shmchan_bell_force(shmchan_bell *bell);

// R1: must it be rung? The relaxed load is enough: the order is made by the fence on the other side.
static inline bool shmchan_bell_asleep(shmchan_bell *bell, enum shmchan_fence fence)
{
	if (fence == SHMCHAN_FENCE_MEMBARRIER)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(bell, memory_order_relaxed) & SHMCHAN_BELL_ASLEEP;
}

// R1 and R2.
static inline void shmchan_bell_ring(shmchan_bell *bell, enum shmchan_fence fence)
{
	if (shmchan_bell_asleep(bell, fence))
		shmchan_bell_ring_slow(bell);
}

#endif
