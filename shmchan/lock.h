// A robust lock between processes: held for a few instructions, repaired by whoever gets it after its owner's death.
//
// One 64-bit word names the owner and changes hands by one compare-and-swap: the low half is a futex word as the kernel's
// robust futexes want it (thread id, FUTEX_WAITERS, FUTEX_OWNER_DIED), the high half is the owner tag, by which the broker
// knows whose it is. While a thread holds it, the pending entry of its robust list names it, so that the kernel itself
// marks it FUTEX_OWNER_DIED and wakes a waiter, whoever is or is not there to repair.
//
// This is what PTHREAD_MUTEX_ROBUST with PTHREAD_PROCESS_SHARED is made of, without the rest of it, for one reason: glibc
// keeps the links of the owner's robust list inside the mutex, as pointers, and writes through them when it unlocks. A
// peer that overwrites the segment would make the owner write anywhere. Here nothing that stands in shared memory is
// followed. (Besides, it costs half of it: no list is walked, and there is one kind of lock instead of a dozen.)
//
// A thread holds one such lock at a time, and calls nothing meanwhile that might take a robust mutex.
#ifndef SHMCHAN_LOCK_H
#define SHMCHAN_LOCK_H

#include "shmchan/word.h"

#include <stdatomic.h>

typedef _Atomic uint64_t shmchan_lock; // 0 is free

enum shmchan_locked {
	SHMCHAN_LOCKED = 0,
	SHMCHAN_LOCKED_DIRTY = 1, // its last owner died with it: repair what it guards before anything else
	SHMCHAN_LOCK_BUSY = 2,    // not within the time it may take
};

// shmchan_lock_acquire waits while alive(ctx, owner) is true of the owner tag in the word, at most 2 s; 5 ms for an
// owner that is not: then the word was overwritten, or its owner's death is about to be noticed, or nobody wants to wait.
enum shmchan_locked shmchan_lock_acquire(shmchan_lock *lock, shmchan_owner me,
					 bool (*alive)(const void *ctx, shmchan_owner owner),
					 const void *ctx);
void shmchan_lock_release(shmchan_lock *lock);
// Takes the lock from a dead owner: the next to acquire it finds it DIRTY. For the broker, who knows of the death.
void shmchan_lock_break(shmchan_lock *lock, shmchan_owner dead);

#endif
