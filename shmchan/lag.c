#include "shmchan/lag.h"

#define LAG_MIN 1024 // bytes looked ahead: further than the lines that are on their way to the producer's core
#define LAG_MAX 8192
#define LAG_LOOKS 300 // of a round: some tenths of a microsecond
#define LAG_ROUNDS 32
#define LAG_PACE 2 // messages in a round that make it a steady stream
#define PATIENCE_MIN 32
#define PATIENCE_MAX 2048

// Half of it is the distance between looks, the other what may be fetched ahead meanwhile. Below 2 the ring is too small.
static uint32_t lag_cells(const struct shmchan *ch)
{
	uint32_t n = ch->lag / ch->r.stride, max = ch->r.cap / 4;

	n = n < 2 ? 2 : n;
	return n < max ? n : max & ~1u;
}

void shmchan_lag_join(struct shmchan *ch)
{
	ch->patience = PATIENCE_MIN;
	ch->lag = LAG_MIN;
	ch->look_at = lag_cells(ch) < 2 ? UINT64_MAX : ch->hot.taken + ch->patience;
}

static bool is_published(const struct shmchan *ch, uint32_t ahead)
{
	uint32_t i = ch->taken_i + ahead;
	uint64_t lap = ch->taken_lap, w;

	if (i >= ch->r.cap) {
		i -= ch->r.cap;
		lap++;
	}
	// Relaxed: whether a message can be taken, its taker decides.
	w = atomic_load_explicit(&shmchan_next_cell(ch, i)->word, memory_order_relaxed);
	if (!ch->many)
		return (w ^ shmchan_seq(lap)) < SHMCHAN_SEQ_ONE;
	return shmchan_cell_ahead(w, lap) == 0 &&
	       (shmchan_cell_state(w) == SHMCHAN_CELL_FULL || shmchan_cell_state(w) == SHMCHAN_CELL_ABORTED);
}

// Waits for the message n ahead, as long as the stream keeps the pace that brings it in time: one that stops is seen at the end
// of a round.
static bool wait_for(const struct shmchan *ch, uint32_t n)
{
	uint32_t pace = n / LAG_ROUNDS + 1, due;

	if (pace < LAG_PACE)
		pace = LAG_PACE;
	// What is there already says nothing of the pace.
	for (due = pace; due < n && is_published(ch, due);)
		due += pace;
	for (;; due += pace) {
		for (unsigned looks = 0; looks < LAG_LOOKS; looks++)
			if (is_published(ch, n))
				return true;
		if (due >= n || !is_published(ch, due))
			return false;
	}
}

void shmchan_lag(struct shmchan *ch)
{
	uint32_t n = lag_cells(ch);

	if (wait_for(ch, n)) {
		ch->look_at = ch->hot.taken + n / 2;
		ch->hot.prefetch = n / 2 * ch->r.stride;
		if (ch->patience > PATIENCE_MIN)
			ch->patience /= 2;
		if (ch->lag < LAG_MAX)
			ch->lag *= 2;
		return;
	}
	ch->hot.prefetch = 0;
	if (ch->lag > LAG_MIN)
		ch->lag /= 2;
	ch->patience = ch->patience < PATIENCE_MAX / 4 ? ch->patience * 4 : PATIENCE_MAX;
	ch->look_at = ch->hot.taken + ch->patience;
}
