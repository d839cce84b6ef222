// The many-producer single-consumer ring. Every cell has a word of lap, state and owner (word.h):
//
//	FREE(lap) --claim: CAS by a producer--> CLAIMED(lap, owner) --publish: store--> FULL(lap, owner)
//	CLAIMED(lap, dead) --recovery, or cancel--> ABORTED(lap)
//	FULL(lap), ABORTED(lap) --the consumer, when done--> FREE(lap + 1)
//
// The claim is the one step that both takes the cell and says who has it: there is no instruction after which a cell is
// taken by nobody. A producer that is preempted or killed between claim and publish delays the consumer at that cell, and
// no other producer. `tail` is a hint where to look first; producers walk on from it to the first free cell of its lap.
// Hence the claimed cells are contiguous, whatever the hint: a free cell of the current lap is never passed over. The claim
// is the one locked instruction of a send: the hint is stored, and two producers that store it may leave it behind.
//
// The alternative, an spsc for each producer, polled in turn (contenders shmchan-spsc-lanes of tests/bench/ipc), needs no locked
// instruction, and no store of the consumer's to each cell: with two and four producers a message takes six tenths of the time,
// and less than half if it is written in place. Claimed cells have what lanes do not: one order and one position for every message,
// so that n of them are completed by one store whoever sent them (shmchan_done_batch), room that any producer may use, and memory
// and a look that do not grow with the producers. Who needs the other declares a spsc for each.
#ifndef SHMCHAN_MPSC_H
#define SHMCHAN_MPSC_H

#include "shmchan/chan.h"

#define SHMCHAN_HINT(lap, i) ((uint64_t)(lap) << 32 | (i))

int shmchan_mpsc_reserve_slow(struct shmchan *ch, uint64_t hint);
void shmchan_mpsc_cancel(struct shmchan *ch);
// The next message, NULL if there is none; passes over aborted cells.
struct shmchan_cell *shmchan_mpsc_peek(struct shmchan *ch);
bool shmchan_mpsc_room(const struct shmchan *ch); // a hint

// The cell is claimed: notes which, and where to look next.
static inline void shmchan_mpsc_claimed(struct shmchan *ch, struct shmchan_cell *c, uint64_t start,
					uint32_t lap, uint32_t i)
{
	_Atomic uint64_t *tail = &ch->r.ring->tail;

	// The claim before what is written to the cell, for who reads along: pairs with the acquire fence in follow.c.
	atomic_thread_fence(memory_order_release);
	ch->hot.cell = c;
	ch->i = i;
	ch->lap = lap;
	ch->pos = (uint64_t)lap * ch->r.cap + i;
	i++;
	// Who was held up since it looked must not bring back a hint of long ago. Relaxed: it orders nothing.
	if (atomic_load_explicit(tail, memory_order_relaxed) == start)
		atomic_store_explicit(tail, i == ch->r.cap ? SHMCHAN_HINT(lap + 1, 0) : SHMCHAN_HINT(lap, i),
				      memory_order_relaxed);
}

static inline int shmchan_mpsc_reserve(struct shmchan *ch)
{
	// Relaxed: only a place to begin; what decides is the word of the cell.
	uint64_t hint = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);
	uint32_t lap = (uint32_t)(hint >> 32), i = (uint32_t)hint;
	uint64_t w = shmchan_cell_word(lap, SHMCHAN_CELL_FREE, 0);
	struct shmchan_cell *c;

	if (__builtin_expect(i >= ch->r.cap, 0))
		return shmchan_mpsc_reserve_slow(ch, hint);
	c = shmchan_next_cell(ch, i);
	// Success acquire: pairs with the release in shmchan_mpsc_free; the consumer has read what stood here. Dying from here
	// to publish leaves CLAIMED(lap, me): recovery makes it ABORTED.
	if (__builtin_expect(!atomic_compare_exchange_strong_explicit(
				     &c->word, &w, shmchan_cell_word(lap, SHMCHAN_CELL_CLAIMED, ch->me),
				     memory_order_acquire, memory_order_relaxed),
			     0))
		return shmchan_mpsc_reserve_slow(ch, hint);
	shmchan_mpsc_claimed(ch, c, hint, lap, i);
	return 0;
}

static inline void shmchan_mpsc_publish(struct shmchan *ch)
{
	// Pairs with the acquire in shmchan_take. The owner stays in the word: it is the message's sender.
	atomic_store_explicit(&ch->hot.cell->word, shmchan_cell_word(ch->lap, SHMCHAN_CELL_FULL, ch->me),
			      memory_order_release);
}

// The description of a message, with its sender.
static inline void shmchan_mpsc_describe(struct shmchan *ch, uint64_t desc)
{
	// Relaxed, as all that describes a message: ordered by the word.
	atomic_store_explicit(&ch->hot.cell->desc, desc | (uint64_t)ch->me << 38, memory_order_relaxed);
}

// Frees the cell `i` of lap `lap`, which is below done. Pairs with the acquire of the claim. Dying before it leaves a used cell
// below done: recovery frees those.
static inline void shmchan_mpsc_free(struct shmchan *ch, uint32_t i, uint64_t lap)
{
	atomic_store_explicit(&shmchan_next_cell(ch, i)->word,
			      shmchan_cell_word(lap + 1, SHMCHAN_CELL_FREE, 0), memory_order_release);
}

#endif
