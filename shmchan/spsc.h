// The single-producer single-consumer ring. A cell's word has the lap of the message it holds and its description: the
// consumer finds message and proof of publication in one line, and `head` crosses over only once in `batch` messages.
//
// A producer that dies before the store of the word leaves a cell that looks as before: nothing was sent. One that dies
// after it has sent. There is no state in between, hence nothing to recover but the hint `tail`.
#ifndef SHMCHAN_SPSC_H
#define SHMCHAN_SPSC_H

#include "shmchan/chan.h"

void shmchan_spsc_join_tx(struct shmchan *ch);
// After anything that `fast` depends on: limit, reserved, plain_from.
void shmchan_spsc_set_fast(struct shmchan *ch);
// The limit was reached: looks where the consumer is. 0 or FULL.
int shmchan_spsc_look(struct shmchan *ch);

static inline int shmchan_spsc_reserve(struct shmchan *ch)
{
	return ch->pos < ch->limit ? 0 : shmchan_spsc_look(ch);
}

static inline void shmchan_spsc_publish(struct shmchan *ch, uint64_t desc)
{
	uint64_t pos = ch->pos + 1;

	// Pairs with the acquire in shmchan_take.
	atomic_store_explicit(&ch->cell->word, ch->lap_word | desc, memory_order_release);
	// Relaxed: nobody decides by it. Dying before it leaves it one behind.
	atomic_store_explicit(&ch->r.ring->tail, pos, memory_order_relaxed);
	ch->pos = pos;
	ch->cell = (void *)((char *)ch->cell + ch->r.stride);
	if (__builtin_expect(++ch->i == ch->r.cap, 0)) {
		ch->i = 0;
		ch->cell = shmchan_next_cell(ch, 0);
		ch->lap_word += SHMCHAN_SEQ_ONE;
	}
}

// The next message, NULL if there is none.
static inline struct shmchan_cell *shmchan_spsc_peek(struct shmchan *ch)
{
	// Pairs with the release in shmchan_spsc_publish.
	uint64_t w = atomic_load_explicit(&ch->at->word, memory_order_acquire);

	return (w ^ ch->at_word) < SHMCHAN_SEQ_ONE ? ch->at : NULL;
}

// Gives back what is completed, if that is much or somebody waits for it.
static inline void shmchan_spsc_free(struct shmchan *ch)
{
	if (__builtin_expect(ch->done - ch->freed >= ch->batch, 0) ||
	    __builtin_expect(atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed) != 0, 0))
		shmchan_flush(ch);
}

#endif
