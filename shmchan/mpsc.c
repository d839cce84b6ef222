#include "shmchan/mpsc.h"

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

int shmchan_mpsc_reserve_slow(struct shmchan *ch, uint64_t hint)
{
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
			// As in shmchan_mpsc_reserve. Failure: somebody else took it; look at the same cell again.
			if (!atomic_compare_exchange_strong_explicit(
				    &c->word, &w, shmchan_cell_word(lap, SHMCHAN_CELL_CLAIMED, ch->me),
				    memory_order_acquire, memory_order_relaxed))
				continue;
			shmchan_mpsc_claimed(ch, c, hint, lap, i);
			return 0;
		}
		i = i + 1 == ch->r.cap ? (lap++, 0) : i + 1;
	}
	// A lagging hint would tell who waits for room that there is some (shmchan_mpsc_room). Relaxed: it orders nothing.
	if (SHMCHAN_HINT(lap, i) != hint)
		atomic_compare_exchange_strong_explicit(&ch->r.ring->tail, &hint, SHMCHAN_HINT(lap, i),
							memory_order_relaxed, memory_order_relaxed);
	return SHMCHAN_FULL;
}

void shmchan_mpsc_cancel(struct shmchan *ch)
{
	// As shmchan_mpsc_publish.
	atomic_store_explicit(&ch->hot.cell->word, shmchan_cell_word(ch->lap, SHMCHAN_CELL_ABORTED, ch->me),
			      memory_order_release);
}

struct shmchan_cell *shmchan_mpsc_peek(struct shmchan *ch)
{
	// A round at a time: what is skipped is free again, and somebody may go on claiming and cancelling for ever.
	for (uint32_t n = 0; n <= ch->r.cap; n++) {
		// Pairs with the release in shmchan_mpsc_publish, and with that of recovery.
		uint64_t w = atomic_load_explicit(&ch->hot.at->word, memory_order_acquire);

		if (shmchan_cell_ahead(w, ch->taken_lap) != 0)
			return NULL;
		if (shmchan_cell_state(w) == SHMCHAN_CELL_FULL)
			return ch->hot.at;
		if (shmchan_cell_state(w) != SHMCHAN_CELL_ABORTED || ch->hot.taken - ch->hot.done >= ch->r.cap)
			return NULL;
		shmchan_skip(ch);
	}
	return NULL;
}

bool shmchan_mpsc_room(const struct shmchan *ch)
{
	uint64_t hint = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);
	uint32_t lap = (uint32_t)(hint >> 32), i = (uint32_t)hint;

	if (i >= ch->r.cap)
		return true;
	return look(atomic_load_explicit(&shmchan_next_cell(ch, i)->word, memory_order_acquire), &lap) >= 0;
}
