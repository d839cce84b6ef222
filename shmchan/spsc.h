// The single-producer single-consumer ring. A cell's word has the lap of the message it holds and its description: the
// consumer finds message and proof of publication in one line, and `head` crosses over only once in `batch` messages.
//
// A producer that dies before the store of the word leaves a cell that looks as before: nothing was sent. One that dies
// after it has sent. There is no state in between, hence nothing to recover but the hint `tail`.
//
// What bounds a stream is the transfer of lines between the cores. Stores become visible in order, and one to any other memory
// between two messages keeps their lines from being transferred side by side: a bare ring of cells of 72 bytes takes 7.6 ns a
// message without such a store and 17 with one (floor-cells-inplace and floor-cells of tests/bench/ipc), and further ones, to
// further lines, cost as much again: what a caller stores to make a call, too (inline.h). So the path of a plain message has no
// stack frame, and stores its payload, its word, and the next cell's address; position, index and hint follow
// once in SHMCHAN_SPSC_RUN messages. The payload is written from its end, so that the line with the word is left once and comes
// last, and no store crosses a line. The consumer must not come too close (lag.h).
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
// Brings taken_i, taken_lap, at to `taken`, over the end of the ring if need be.
void shmchan_spsc_take_sync(struct shmchan *ch);
// After that: how far plain messages may be taken from here.
void shmchan_spsc_take_run(struct shmchan *ch);

// Publishes the message in `cell`, which follows pos.
static inline void shmchan_spsc_publish(struct shmchan *ch, struct shmchan_cell *cell, uint64_t desc)
{
	// Pairs with the acquire in shmchan_take.
	atomic_store_explicit(&cell->word, ch->hot.lap_word | desc, memory_order_release);
	// Before the next cell is written, for who reads along: pairs with the acquire fence in follow.c.
	atomic_thread_fence(memory_order_release);
}

// The next message, NULL if there is none.
static inline struct shmchan_cell *shmchan_spsc_peek(struct shmchan *ch)
{
	uint64_t w;

	shmchan_spsc_take_sync(ch);
	// Pairs with the release in shmchan_spsc_publish.
	w = atomic_load_explicit(&ch->hot.at->word, memory_order_acquire);

	return (w ^ ch->hot.at_word) < SHMCHAN_SEQ_ONE ? ch->hot.at : NULL;
}

// Gives back what is completed, if that is much or somebody waits for it.
static inline void shmchan_spsc_free(struct shmchan *ch)
{
	if (__builtin_expect(ch->hot.done - ch->freed >= ch->batch, 0) ||
	    __builtin_expect(atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed) != 0, 0))
		shmchan_flush(ch);
}

#endif
