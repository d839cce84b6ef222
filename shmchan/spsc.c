#include "shmchan/spsc.h"

void shmchan_spsc_set_fast(struct shmchan *ch)
{
	ch->fast = ch->reserved || ch->pos < ch->plain_from ? 0 : ch->limit;
}

void shmchan_spsc_join_tx(struct shmchan *ch)
{
	ch->pos = shmchan_ring_tail(&ch->r);
	ch->i = (uint32_t)(ch->pos % ch->r.cap);
	ch->cell = shmchan_next_cell(ch, ch->i);
	ch->lap_word = shmchan_seq(ch->pos / ch->r.cap);
	ch->limit = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire) + ch->r.cap;
	ch->plain_from = ch->r.kind == SHMCHAN_KIND_SLOT_REF ? UINT64_MAX : ch->pos + ch->r.cap;
	// Relaxed: a hint for tools.
	atomic_store_explicit(&ch->r.ring->tail, ch->pos, memory_order_relaxed);
}

int shmchan_spsc_look(struct shmchan *ch)
{
	// Pairs with the release in shmchan_flush: what the consumer read from the freed cells, it has read.
	uint64_t head = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire);

	// A head that can't be true would keep the producer out, or let it write over what is not taken: both its own harm.
	ch->limit = head + ch->r.cap;
	shmchan_spsc_set_fast(ch);
	return ch->pos - head < ch->r.cap ? 0 : SHMCHAN_FULL;
}
