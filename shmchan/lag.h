// The consumer's lag. In a steady stream a consumer that is close behind takes from the producer the very line it writes, again
// and again: half of what a message costs (spsc.h). This one then looks at a cell some lines ahead until that is published, or
// the stream has slowed down, and takes all up to it. The price is latency: a stream that stops is seen to after less than a
// microsecond, one that goes on is taken up to some ten microseconds later.
#ifndef SHMCHAN_LAG_H
#define SHMCHAN_LAG_H

#include "shmchan/chan.h"

// After taken, taken_i and taken_lap are known.
void shmchan_lag_join(struct shmchan *ch);
// To be called when taken has come to look_at; sets the next.
void shmchan_lag(struct shmchan *ch);

// The ring was found empty. Every fourth time puts the next look off by a message, so that it comes only where messages follow
// each other closely: at the producer's heels a look costs a transfer of the line, hence there are few to a message.
static inline void shmchan_no_lag(struct shmchan *ch)
{
	uint64_t latest = ch->hot.taken + ch->patience;

	ch->hot.prefetch = 0;
	if (++ch->looks % 4 == 0 && ch->look_at < latest) // a ring that is too small for it stays at UINT64_MAX
		ch->look_at++;
}

#endif
