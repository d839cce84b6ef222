#include "shmchan/lag.h"
#include "shmchan/mark.h"
#include "shmchan/spsc.h"

void shmchan_spsc_sync(struct shmchan *ch)
{
	size_t bytes = (size_t)((char *)ch->hot.cell - (char *)ch->synced);

	if (bytes) {
		uint32_t n = bytes == ch->r.stride ? 1 : (uint32_t)(bytes / ch->r.stride);

		ch->pos += n;
		ch->i += n;
		if (ch->i == ch->r.cap) {
			ch->i = 0;
			ch->hot.cell = shmchan_next_cell(ch, 0);
			ch->hot.lap_word += SHMCHAN_SEQ_ONE;
			ch->hot.open = NULL;         // of the lap before,
			ch->hot.run_end = ch->hot.cell; // as is the run
		}
		ch->synced = ch->hot.cell;
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
	ch->hot.run_watched = SHMCHAN_PROBE_PUSH_ENABLED();
	if (ch->hot.run_watched && room > shmchan_unsampled(ch, ch->pos))
		room = shmchan_unsampled(ch, ch->pos);
	if (ch->hot.run_watched && room > shmchan_mark_room(ch))
		room = shmchan_mark_room(ch);
	ch->hot.run_end = shmchan_next_cell(ch, ch->i + (uint32_t)room);
	// Relaxed: nobody decides by it. It lags by a run.
	atomic_store_explicit(&ch->r.ring->tail, ch->pos, memory_order_relaxed);
}

void shmchan_spsc_join_tx(struct shmchan *ch)
{
	ch->pos = shmchan_ring_tail(&ch->r);
	ch->i = (uint32_t)(ch->pos % ch->r.cap);
	ch->hot.cell = ch->synced = shmchan_next_cell(ch, ch->i);
	ch->hot.lap_word = shmchan_seq(ch->pos / ch->r.cap);
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
	// Before the freed cells are written, for who reads along: pairs with the acquire fences in follow.c and view.c.
	atomic_thread_fence(memory_order_release);
	return ch->pos < ch->limit ? 0 : SHMCHAN_FULL;
}

// ------------------------------------------------------------------------------------------- receiving

void shmchan_spsc_take_sync(struct shmchan *ch)
{
	ch->taken_i += (uint32_t)(ch->hot.taken - ch->taken_synced);
	ch->taken_synced = ch->hot.taken;
	if (ch->taken_i == ch->r.cap) {
		ch->taken_i = 0;
		ch->taken_lap++;
		ch->hot.at = ch->hot.take_end = shmchan_next_cell(ch, 0);
		ch->hot.at_word = shmchan_seq(ch->taken_lap);
	}
}

void shmchan_spsc_take_run(struct shmchan *ch)
{
	uint64_t n;

	shmchan_spsc_take_sync(ch);
	if (ch->hot.taken >= ch->look_at)
		shmchan_lag(ch);
	n = ch->look_at - ch->hot.taken;
	if (n > ch->r.cap - ch->taken_i)
		n = ch->r.cap - ch->taken_i;
	if (n > SHMCHAN_SPSC_RUN)
		n = SHMCHAN_SPSC_RUN;
	ch->hot.take_watched = SHMCHAN_PROBE_POP_ENABLED();
	if (ch->hot.take_watched && n > shmchan_unsampled(ch, ch->hot.taken))
		n = shmchan_unsampled(ch, ch->hot.taken);
	if (ch->hot.take_watched && n > shmchan_mark_take_room(ch))
		n = shmchan_mark_take_room(ch);
	if (ch->hot.take_watched && ch->hot.taken == ch->first)
		n = 0;
	ch->hot.take_end = shmchan_next_cell(ch, ch->taken_i + (uint32_t)n);
}

void shmchan_spsc_join_rx(struct shmchan *ch)
{
	ch->taken_synced = ch->hot.taken;
	ch->hot.take_end = ch->hot.at;
}
