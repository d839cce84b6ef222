// Inside of the loop: waiting for words of shared memory (struct loop_futex) where the loop's own wait can't. A thread sleeps in
// futex_waitv(2) on up to WORDS_EACH of them and pokes the loop by an eventfd; for more there are more threads. The first thread is
// made with the first word, none is where the kernel has no futex_waitv (before 5.16).
//
// All functions are the loop's thread's. The threads touch nothing but their slots, under a lock: after words_disarm, and
// words_release, nobody reads the word any more, so that its memory may be unmapped. They block all signals, and end with words_close
// or an execve.
#ifndef SUPERVISOR_LOOP_WORDS_H
#define SUPERVISOR_LOOP_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include "supervisor/loop_inside.h"

#define WORDS_EACH 127 // of the 128 that futex_waitv takes; one tells the thread that they are others

#define WORDS_THREAD "shmsup-words" // their name, for people

struct words;

// words_open: 0, ENOSYS if there is no futex_waitv, or another errno value. words_close takes NULL.
int words_open(struct words **out);
void words_close(struct words *w);
int words_fd(const struct words *w); // readable (eventfd) when words_next has something
// words_reserve keeps room for the word of a place; without it the other calls with that place do nothing. 0 or an errno value.
int words_reserve(struct words *w, uint32_t place);
void words_release(struct words *w, uint32_t place);
// words_arm asks for one report, as loop_ops.arm does; words_disarm takes that back.
void words_arm(struct words *w, uint32_t place, uint32_t generation, const uint32_t *word, uint32_t value);
void words_disarm(struct words *w, uint32_t place);
// words_next takes a report; false: there is none. words_heard, before it: the eventfd has been seen. words_poke: not all has been taken.
void words_heard(struct words *w);
void words_poke(struct words *w);
bool words_next(struct words *w, struct loop_hit *hit);

#endif
