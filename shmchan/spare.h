// A spare: a started process of a service that waits, in shmchan_attach_env, for the process slot to be given to it.
//
//	word of the slot    written by        says
//	spare, spare_pid    the broker        number of the spare that there is (0: none), and its pid once it is started
//	given               the broker        number of a spare in [32,64): it is incarnation [0,32) of the slot
//	waits               the spare         its number: it waits
//	rouser              the broker        the processor it was on when it woke the spare last; a hint
//
// Truth: `given`. A number is given once, so at most one process is an incarnation. The broker writes it when the slot has that
// incarnation, with the spare's pid, in its `life`; what it left undone when it dies is done by its successor, which
// finds the pid of the spare in the slot.
#ifndef SHMCHAN_SPARE_H
#define SHMCHAN_SPARE_H

#include "shmchan/ctl.h"

// shmchan_spare_wait waits for slot `slot` to be given to spare `no`, and returns the incarnation that the caller is then. It calls
// roused(arg) when that is about to be.
uint32_t shmchan_spare_wait(const struct shmchan_ctl_ref *c, unsigned slot, uint32_t no, void (*roused)(void *arg), void *arg);
// shmchan_spare_finish does what a dead broker had begun to give and not finished. For the broker.
void shmchan_spare_finish(const struct shmchan_ctl_ref *c, unsigned slot);

#endif
