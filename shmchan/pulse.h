// The pulse of a process: words by which others see, before the kernel tells of the process's end, that its threads will
// run no more instruction of the program.
//
// Each thread that attaches to a group, or opens a channel, holds one of the words of its process slot: its thread id and
// FUTEX_WAITERS, as a robust futex. When it dies the kernel makes that FUTEX_OWNER_DIED and wakes who waits there, before
// it takes the memory of the process down. That takes 62 ms per GiB, and the pidfd comes after it.
//
//	word                    written by
//	0                       the broker, for an incarnation that is announced
//	id | FUTEX_WAITERS      a thread that holds it; then it wakes who waits
//	FUTEX_OWNER_DIED ...    the kernel, at the thread's end
//
// A word is a hint, never a proof: peers can overwrite it, a thread may have none (there are SHMCHAN_PULSE_WORDS), an execve
// ends it. Who is told by it looks with other means before it believes (supervisor/fence.h); who is not waits for the pidfd.
//
// The robust list. The kernel finds the words by a list of the thread that the C library keeps, of which each element lies
// at a distance from its word that the C library has chosen: 32 bytes behind it. In the slot, an element would be a pointer
// in memory that peers write to, and would show them addresses of this process. So a word stands at the end of a page,
// and where the process holds it, that page is mapped once more with one of its own right behind: the element lies in that.
//
//	     shared page of the slot      |  page of the process
//	... word 1 (-24) ... word 0 (-8)  |  element of 1 (+8)  element of 0 (+24)
//
// Locks (lock.h) use the list's other way, the operation that is pending, so both can be held at once.
#ifndef SHMCHAN_PULSE_H
#define SHMCHAN_PULSE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SHMCHAN_PULSE_PAGES 2
#define SHMCHAN_PULSE_PER_PAGE 2
#define SHMCHAN_PULSE_WORDS (SHMCHAN_PULSE_PAGES * SHMCHAN_PULSE_PER_PAGE)

typedef _Atomic uint32_t shmchan_pulse_word;

// Bytes of the words of one process slot, which begin at a page.
size_t shmchan_pulse_footprint(void);
// Word i of those at `mem`; i in [0, SHMCHAN_PULSE_WORDS).
shmchan_pulse_word *shmchan_pulse_at(void *mem, unsigned i);

struct shmchan_pulse; // of this process, for one slot

// shmchan_pulse_join prepares to hold words of those at `mem`, in a shared mapping of this process. NULL if that can't be
// had, which is no error. shmchan_pulse_leave gives up the calling thread's word; what other threads still hold stays mapped
// until they have ended and another is joined or left.
struct shmchan_pulse *shmchan_pulse_join(void *mem);
void shmchan_pulse_leave(struct shmchan_pulse *p);
// shmchan_pulse_warm brings in the memory that shmchan_pulse_hold uses. p may be NULL.
void shmchan_pulse_warm(struct shmchan_pulse *p);
// shmchan_pulse_hold: the calling thread holds a word from now on, if there is one and it holds none yet, of whatever group. p may
// be NULL.
void shmchan_pulse_hold(struct shmchan_pulse *p);

#endif
