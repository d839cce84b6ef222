// A channel's mark: the depth from which tools want to know, at the very message. While nobody watches it costs nothing. Watched,
// a producer that has last seen the consumer at position t can't reach the mark before position t + mark: only there it looks
// again at the line that the consumer writes, so that a channel that stays shallow pays one look in `mark` messages. The
// consumer likewise, downwards.
//
// Reached and over are told once each, by whoever changes `marked`; dying between that and the probe leaves the crossing untold.
#ifndef SHMCHAN_MARK_H
#define SHMCHAN_MARK_H

#include "shmchan/chan.h"

// Before message `pos` is published.
void shmchan_mark_push(struct shmchan *ch, uint64_t pos);
// spsc: how many messages may follow before one can reach the mark.
uint64_t shmchan_mark_room(const struct shmchan *ch);
// spsc: how many messages may be taken before one with which it is over.
uint64_t shmchan_mark_take_room(const struct shmchan *ch);
// After a message was taken with which it may be over, or one that is sampled.
void shmchan_mark_pop(struct shmchan *ch);

// May the message to be taken be the one with which it is over? Relaxed: hints.
static inline bool shmchan_mark_due(const struct shmchan *ch)
{
	return ch->hot.taken >= ch->mark_look &&
	       atomic_load_explicit(&ch->r.ring->marked, memory_order_relaxed) != 0;
}

#endif
