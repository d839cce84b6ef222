// The single-producer single-consumer ring. A cell's word has the lap of the message it holds and its description: the
// consumer finds message and proof of publication in one line, and `head` crosses over only once in `batch` messages.
//
// A producer that dies before the store of the word leaves a cell that looks as before: nothing was sent. One that dies
// after it has sent. There is no state in between, hence nothing to recover but the hint `tail`.
//
// What bounds a stream is the producer's store queue: stores become visible in order, so every store that waits for its line
// holds up those behind it, and each store to other memory in between costs the lines in the queue their overlap (3 ns
// per message, with a line of 100 ns). So a plain message is its payload, its word, and one store of the next cell's
// address; position, index and hint follow once in SHMCHAN_SPSC_RUN messages. The payload is written from its end, so that
// the line with the word is left once and comes last.
#ifndef SHMCHAN_SPSC_H
#define SHMCHAN_SPSC_H

#include "shmchan/chan.h"

#define SHMCHAN_SPSC_RUN 64

void shmchan_spsc_join_tx(struct shmchan *ch);
void shmchan_spsc_join_rx(struct shmchan *ch);
// Brings pos, i, lap_word to `cell`, over the end of the ring if need be.
void shmchan_spsc_sync(struct shmchan *ch);
// After shmchan_spsc_sync: how far plain messages may go from here; stores the hint.
void shmchan_spsc_run(struct shmchan *ch);
// After shmchan_spsc_sync: is there room for a message? 0 or FULL.
int shmchan_spsc_reserve(struct shmchan *ch);
// In a steady stream a consumer that is close behind takes from the producer the very line it writes, again and again. This
// one then looks at a cell some lines ahead until that is published (or the stream has stopped), and takes all up to it.
void shmchan_spsc_lag(struct shmchan *ch);

static inline struct shmchan_cell *shmchan_spsc_after(const struct shmchan *ch, struct shmchan_cell *c)
{
	return (void *)((char *)c + ch->r.stride);
}

// Publishes the message in `cell`, which follows pos.
static inline void shmchan_spsc_publish(struct shmchan *ch, struct shmchan_cell *cell, uint64_t desc)
{
	// Pairs with the acquire in shmchan_take.
	atomic_store_explicit(&cell->word, ch->lap_word | desc, memory_order_release);
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
