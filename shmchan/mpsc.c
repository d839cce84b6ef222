// The many-producer single-consumer ring. Every cell has a word of lap, state and owner (word.h):
//
//	FREE(lap) --claim: CAS by a producer--> CLAIMED(lap, owner) --publish: store--> FULL(lap, owner)
//	CLAIMED(lap, dead) --recovery, or cancel--> ABORTED(lap)
//	FULL(lap), ABORTED(lap) --the consumer, when done--> FREE(lap + 1)
//
// The claim is the one step that both takes the cell and says who has it: there is no instruction after which a cell is
// taken by nobody. A producer that is preempted or killed between claim and publish delays the consumer at that cell, and
// no other producer. `tail` is a hint where to look first; producers walk on from it to the first free cell of its lap.
// Hence the claimed cells are contiguous, whatever the hint: a free cell of the current lap is never passed over.
#include "shmchan/chan.h"

#define HINT(lap, i) ((uint64_t)(lap) << 32 | (i))

void shmchan_mpsc_join_tx(struct shmchan *ch)
{
	(void)ch;
}

// Looks at the cell in lap `lap`: 1 to go on, 0 free, -1 the ring is full here; *lap is corrected if the hint lags.
static int look(uint64_t word, uint32_t *lap)
{
	int32_t ahead = shmchan_cell_ahead(word, *lap);

	if (ahead == 0)
		return shmchan_cell_state(word) == SHMCHAN_CELL_FREE ? 0 : 1;
	if (ahead < 0)
		return -1;
	// The hint is a lap or more behind. A free cell has been passed in the lap before its own.
	*lap += (uint32_t)ahead - (shmchan_cell_state(word) == SHMCHAN_CELL_FREE ? 1 : 0);
	return 1;
}

// Only a hint that somebody has overwritten is more than a round ahead of what the consumer has completed.
static bool astray(const struct shmchan *ch, uint32_t lap, uint32_t i)
{
	uint64_t done = atomic_load_explicit(&ch->r.ring->done, memory_order_relaxed);
	uint32_t ahead = lap - (uint32_t)(done / ch->r.cap);

	return ahead > 1 || (ahead == 1 && i > done % ch->r.cap);
}

static void continue_at(struct shmchan *ch, uint32_t *lap, uint32_t *i)
{
	uint64_t done = atomic_load_explicit(&ch->r.ring->done, memory_order_relaxed);

	*lap = (uint32_t)(done / ch->r.cap);
	*i = (uint32_t)(done % ch->r.cap);
}

int shmchan_mpsc_reserve(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;
	// Relaxed: only a place to begin; what decides is the word of the cell.
	uint64_t hint = atomic_load_explicit(&ring->tail, memory_order_relaxed), start = hint;
	uint32_t lap = (uint32_t)(hint >> 32), i = (uint32_t)hint;

	if (i >= ch->r.cap)
		i = 0;
	// Bounded: one round to catch up with a lagging hint, one to find a cell or a full ring.
	for (uint64_t n = 0; n < 2 * (uint64_t)ch->r.cap + 2; n++) {
		struct shmchan_cell *c = shmchan_next_cell(ch, i);
		// Acquire pairs with the release in shmchan_mpsc_free: the consumer has read what stood here.
		uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);
		int r = look(w, &lap);

		if (r < 0) {
			if (!astray(ch, lap, i))
				break;
			continue_at(ch, &lap, &i);
			continue;
		}
		if (r == 0) {
			// Success acquire: as the load above. Failure: somebody else took it; look at the same cell again.
			if (!atomic_compare_exchange_strong_explicit(
				    &c->word, &w, shmchan_cell_word(lap, SHMCHAN_CELL_CLAIMED, ch->me),
				    memory_order_acquire, memory_order_relaxed))
				continue;
			// Dying from here to publish leaves CLAIMED(lap, me): recovery makes it ABORTED.
			ch->cell = c;
			ch->lap = lap;
			ch->pos = (uint64_t)lap * ch->r.cap + i;
			i = i + 1 == ch->r.cap ? (lap++, 0) : i + 1;
			// One try: if it fails, another producer has moved the hint. Relaxed: see above.
			atomic_compare_exchange_strong_explicit(&ring->tail, &start, HINT(lap, i),
								memory_order_relaxed, memory_order_relaxed);
			return 0;
		}
		i = i + 1 == ch->r.cap ? (lap++, 0) : i + 1;
	}
	// A lagging hint would tell who waits for room that there is some (shmchan_mpsc_room). Relaxed: see above.
	if (HINT(lap, i) != start)
		atomic_compare_exchange_strong_explicit(&ring->tail, &start, HINT(lap, i),
							memory_order_relaxed, memory_order_relaxed);
	shmchan_note_full(ch, ch->r.cap);
	return SHMCHAN_FULL;
}

static void leave_cell(struct shmchan *ch, enum shmchan_cell_state state)
{
	// Pairs with the acquire in shmchan_mpsc_peek. The owner stays in the word: tools can tell who sent.
	atomic_store_explicit(&ch->cell->word, shmchan_cell_word(ch->lap, state, ch->me),
			      memory_order_release);
}

void shmchan_mpsc_publish(struct shmchan *ch)
{
	leave_cell(ch, SHMCHAN_CELL_FULL);
}

void shmchan_mpsc_cancel(struct shmchan *ch)
{
	leave_cell(ch, SHMCHAN_CELL_ABORTED);
}

struct shmchan_cell *shmchan_mpsc_peek(struct shmchan *ch)
{
	// A round at a time: what is skipped is free again, and somebody may go on claiming and cancelling for ever.
	for (uint32_t n = 0; n <= ch->r.cap; n++) {
		struct shmchan_cell *c = shmchan_next_cell(ch, ch->taken_i);
		// Pairs with the release in leave_cell, and with that of recovery.
		uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);

		if (shmchan_cell_ahead(w, ch->taken_lap) != 0)
			return NULL;
		if (shmchan_cell_state(w) == SHMCHAN_CELL_FULL)
			return c;
		if (shmchan_cell_state(w) != SHMCHAN_CELL_ABORTED || ch->taken - ch->done >= ch->r.cap)
			return NULL;
		shmchan_skip(ch);
	}
	return NULL;
}

void shmchan_mpsc_free(struct shmchan *ch)
{
	// Called with `done` already past the cell. Pairs with the acquire in shmchan_mpsc_reserve.
	uint32_t i = ch->done_i ? ch->done_i - 1 : ch->r.cap - 1;
	uint64_t lap = ch->done_i ? ch->done_lap : ch->done_lap - 1;

	// Dying before it leaves a used cell below done: recovery frees those.
	atomic_store_explicit(&shmchan_next_cell(ch, i)->word,
			      shmchan_cell_word(lap + 1, SHMCHAN_CELL_FREE, 0), memory_order_release);
	shmchan_freed(ch);
}

bool shmchan_mpsc_room(const struct shmchan *ch)
{
	uint64_t hint = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);
	uint32_t lap = (uint32_t)(hint >> 32), i = (uint32_t)hint;

	if (i >= ch->r.cap)
		return true;
	return look(atomic_load_explicit(&shmchan_next_cell(ch, i)->word, memory_order_acquire), &lap) >= 0;
}
