// The steps that the waiting calls share.
#ifndef SHMCHAN_WAIT_H
#define SHMCHAN_WAIT_H

#include "shmchan/proc.h"

// A time of CLOCK_MONOTONIC in nanoseconds; 0 is over at once, SHMCHAN_FOREVER never.
uint64_t shmchan_wait_deadline(uint64_t timeout_ns);
bool shmchan_wait_over(uint64_t deadline);

// Sets `ready` of each; returns how many are.
unsigned shmchan_wait_look(struct shmchan_sel *sel, unsigned n);
// Before a sleep: what was consumed is given back, what is waited for is said.
void shmchan_wait_announce(struct shmchan_sel *sel, unsigned n);
// One look, and one sleep at most. Returns the number found, 0 after a wake-up, TIMEOUT or INTR.
int shmchan_wait_until(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n, uint64_t deadline);

#endif
