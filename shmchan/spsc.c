// The single-producer single-consumer ring. A cell's word is position + 1 of the message it holds: the consumer finds
// message and proof of publication in one line, and `head` crosses over only once in `batch` messages.
//
// A producer that dies before the store of the word leaves a cell that looks as before: nothing was sent. One that dies
// after it has sent. There is no state in between, hence nothing to recover but the hint `tail`.
#include "shmchan/chan.h"

void shmchan_spsc_join_tx(struct shmchan *ch)
{
	ch->pos = shmchan_ring_tail(&ch->r);
	ch->head = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire);
	ch->cell = shmchan_next_cell(ch, (uint32_t)(ch->pos % ch->r.cap));
	// Relaxed: a hint for tools.
	atomic_store_explicit(&ch->r.ring->tail, ch->pos, memory_order_relaxed);
}

int shmchan_spsc_reserve(struct shmchan *ch)
{
	if (__builtin_expect(ch->pos - ch->head >= ch->r.cap, 0)) {
		// Pairs with the release in shmchan_spsc_free: what the consumer read from the freed cells, it has read.
		ch->head = atomic_load_explicit(&ch->r.ring->head, memory_order_acquire);
		if (ch->pos - ch->head >= ch->r.cap) {
			shmchan_note_full(ch, ch->r.cap);
			return SHMCHAN_FULL;
		}
	}
	return 0;
}

void shmchan_spsc_publish(struct shmchan *ch)
{
	uint64_t pos = ch->pos;
	char *next = (char *)ch->cell + ch->r.stride;

	// Pairs with the acquire in shmchan_spsc_peek.
	atomic_store_explicit(&ch->cell->word, pos + 1, memory_order_release);
	// Relaxed: nobody decides by it. Dying before it leaves it one behind.
	atomic_store_explicit(&ch->r.ring->tail, pos + 1, memory_order_relaxed);
	ch->pos = pos + 1;
	ch->cell = (void *)(next == ch->r.cells + (size_t)ch->r.cap * ch->r.stride ? ch->r.cells : next);
}

struct shmchan_cell *shmchan_spsc_peek(struct shmchan *ch)
{
	struct shmchan_cell *c = shmchan_next_cell(ch, ch->taken_i);

	// Pairs with the release in shmchan_spsc_publish.
	return atomic_load_explicit(&c->word, memory_order_acquire) == ch->taken + 1 ? c : NULL;
}

void shmchan_spsc_free(struct shmchan *ch)
{
	if (++ch->unfreed >= ch->batch || atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed)) {
		ch->unfreed = 0;
		// Pairs with the acquire in shmchan_spsc_reserve: the loads from the cells are complete before it.
		atomic_store_explicit(&ch->r.ring->head, ch->done, memory_order_release);
		shmchan_freed(ch);
	}
}
