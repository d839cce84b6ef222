#include "shmchan/spsc.h"

void shmchan_spsc_sync(struct shmchan *ch)
{
	size_t bytes = (size_t)((char *)ch->cell - (char *)ch->synced);

	if (bytes) {
		uint32_t n = bytes == ch->r.stride ? 1 : (uint32_t)(bytes / ch->r.stride);

		ch->pos += n;
		ch->i += n;
		if (ch->i == ch->r.cap) {
			ch->i = 0;
			ch->cell = shmchan_next_cell(ch, 0);
			ch->lap_word += SHMCHAN_SEQ_ONE;
			ch->open = NULL;         // of the lap before,
			ch->run_end = ch->cell; // as is the run
		}
		ch->synced = ch->cell;
	}
}

void shmchan_spsc_run(struct shmchan *ch)
{
	uint64_t room = ch->pos < ch->limit ? ch->limit - ch->pos : 0;

	if (room > ch->r.cap - ch->i)
		room = ch->r.cap - ch->i;
	if (room > SHMCHAN_SPSC_RUN)
		room = SHMCHAN_SPSC_RUN;
	if (ch->pos < ch->plain_from)
		room = 0;
	ch->run_watched = SHMCHAN_PROBE_PUSH_ENABLED();
	if (ch->run_watched && room > shmchan_unsampled(ch, ch->pos))
		room = shmchan_unsampled(ch, ch->pos);
	ch->run_end = shmchan_next_cell(ch, ch->i + (uint32_t)room);
	// Relaxed: nobody decides by it. It lags by a run.
	atomic_store_explicit(&ch->r.ring->tail, ch->pos, memory_order_relaxed);
}

void shmchan_spsc_join_tx(struct shmchan *ch)
{
	ch->pos = shmchan_ring_tail(&ch->r);
	ch->i = (uint32_t)(ch->pos % ch->r.cap);
	ch->cell = ch->synced = shmchan_next_cell(ch, ch->i);
	ch->lap_word = shmchan_seq(ch->pos / ch->r.cap);
	ch->limit = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire) + ch->r.cap;
	ch->plain_from = ch->r.kind == SHMCHAN_KIND_SLOT_REF ? UINT64_MAX : ch->pos + ch->r.cap;
	shmchan_spsc_run(ch);
}

int shmchan_spsc_reserve(struct shmchan *ch)
{
	// A limit that can't be true would keep the producer out, or let it write over what is not taken: the consumer's own harm.
	if (ch->pos >= ch->limit)
		// Pairs with the release in shmchan_flush: what the consumer read from the freed cells, it has read.
		ch->limit = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire) + ch->r.cap;
	return ch->pos < ch->limit ? 0 : SHMCHAN_FULL;
}

// ------------------------------------------------------------------------------------------- the consumer's lag

#define LAG_BYTES 2048      // looked ahead: further than the lines that are on their way to the producer's core
#define LAG_LOOKS 1000      // about a microsecond
#define PATIENCE_MIN 32
#define PATIENCE_MAX 2048

// Half of it is the distance between looks, the other what may be fetched ahead meanwhile. 0: the ring is too small.
static uint32_t lag_cells(const struct shmchan *ch)
{
	uint32_t n = LAG_BYTES / ch->r.stride, max = ch->r.cap / 4;

	n = n < 2 ? 2 : n;
	return n < max ? n : max & ~1u;
}

void shmchan_spsc_join_rx(struct shmchan *ch)
{
	ch->patience = PATIENCE_MIN;
	ch->look_at = lag_cells(ch) < 2 ? UINT64_MAX : ch->taken + ch->patience;
}

void shmchan_spsc_lag(struct shmchan *ch)
{
	uint32_t n = lag_cells(ch), i = ch->taken_i + n;
	uint64_t word = ch->at_word;
	struct shmchan_cell *c;

	if (i >= ch->r.cap) {
		i -= ch->r.cap;
		word += SHMCHAN_SEQ_ONE;
	}
	c = shmchan_next_cell(ch, i);
	for (unsigned looks = 0; looks < LAG_LOOKS; looks++)
		// Pairs with the release in shmchan_spsc_publish; the cells before it were published before it.
		if ((atomic_load_explicit(&c->word, memory_order_acquire) ^ word) < SHMCHAN_SEQ_ONE) {
			ch->look_at = ch->taken + n / 2;
			ch->prefetch = n / 2 * ch->r.stride;
			ch->patience = PATIENCE_MIN;
			return;
		}
	ch->prefetch = 0;
	ch->patience = ch->patience < PATIENCE_MAX ? ch->patience * 2 : PATIENCE_MAX;
	ch->look_at = ch->taken + ch->patience;
}
