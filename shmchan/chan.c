#include "shmchan/list_chan.h"

#include "shmchan/lag.h"
#include "shmchan/mpsc.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/proc.h"
#include "shmchan/spsc.h"

static void join_rx(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;
	uint64_t done, taken;

	shmchan_ring_cursor(&ch->r, &done, &taken);
	// What was in flight has been recovered, or this process took it before: it begins behind it either way.
	ch->hot.taken = ch->hot.done = done;
	ch->again = taken;
	ch->first = done;
	ch->taken_i = ch->done_i = (uint32_t)(done % ch->r.cap);
	ch->taken_lap = ch->done_lap = done / ch->r.cap;
	ch->hot.at = shmchan_next_cell(ch, ch->taken_i);
	ch->hot.at_word = ch->many ? shmchan_cell_word(ch->taken_lap, SHMCHAN_CELL_FULL, 0) : shmchan_seq(ch->taken_lap);
	// If the next message doesn't name its sender, one of the same producer was in its cell before.
	ch->hot.from = ch->r.exts[ch->taken_i].sender;
	ch->freed = done;
	shmchan_lag_join(ch);
	if (!ch->many)
		shmchan_spsc_join_rx(ch);
	ch->batch = ch->r.cap / 8 ? (ch->r.cap / 8 < 64 ? ch->r.cap / 8 : 64) : 1;
	// Relaxed: only this process writes the line now; publication is by later releases.
	atomic_store_explicit(&ring->taken, done, memory_order_relaxed);
	atomic_store_explicit(&ring->intent_for, 0, memory_order_relaxed);
	if (!ch->many)
		atomic_store_explicit(&ring->head, done, memory_order_release);
	ch->exact = &ring->exact;
	ch->tally = ring->tally;
	shmchan_tally_rewind(ch->tally, done);
	ch->tally_cur = shmchan_tally_current(ch->tally, done);
}

int shmchan_join(struct shmchan *ch)
{
	ch->many = ch->tx ? shmchan_ring_several(&ch->r) : shmchan_ring_many(&ch->r);
	shmchan_hot_join(ch);
	ch->hot.at = &ch->never;
	ch->hot.at_word = ch->look_at = UINT64_MAX;
	if (shmchan_ring_listed(&ch->r))
		return shmchan_list_end_open(ch);
	if (!ch->tx)
		join_rx(ch);
	else if (!ch->many)
		shmchan_spsc_join_tx(ch);
	return shmchan_ring_chained(&ch->r) ? shmchan_chain_end_open(ch) : 0;
}

uint16_t shmchan_id(const struct shmchan *ch)
{
	return ch->r.id;
}

const char *shmchan_name(const struct shmchan *ch)
{
	return ch->r.name;
}

uint32_t shmchan_capacity(const struct shmchan *ch)
{
	return ch->r.cap;
}

uint32_t shmchan_msg_size(const struct shmchan *ch)
{
	return ch->r.msg_size;
}

void shmchan_stat(const struct shmchan *ch, struct shmchan_stat *out)
{
	shmchan_ring_stat(&ch->r, out);
}

bool shmchan_has_work(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;

	if (ch->l)
		return shmchan_list_has_work(ch);
	if (ch->tx && ch->chain)
		return shmchan_chain_has_room(ch);
	if (ch->tx && ch->many)
		return shmchan_mpsc_room(ch);
	if (ch->tx) {
		shmchan_spsc_sync(ch);
		return shmchan_spsc_reserve(ch) == 0;
	}
	if ((ch->many ? shmchan_mpsc_peek(ch) : shmchan_spsc_peek(ch)) != NULL ||
	    (ch->chain && shmchan_chain_refill(ch)))
		return true;
	return !ch->many && !ch->notice && ch->hot.taken == ch->hot.done &&
	       atomic_load_explicit(&ring->notice_cnt, memory_order_acquire) !=
		       atomic_load_explicit(&ring->notice_seen, memory_order_relaxed);
}

const char *shmchan_kind_name(enum shmchan_kind kind)
{
	switch (kind) {
	case SHMCHAN_KIND_SLOT:
		return "slot";
	case SHMCHAN_KIND_SLOT_REF:
		return "slot-ref";
	case SHMCHAN_KIND_SPSC:
		return "spsc";
	case SHMCHAN_KIND_MPSC:
		return "mpsc";
	case SHMCHAN_KIND_MPSC_LIST:
		return "mpsc-list";
	case SHMCHAN_KIND_MPSC_INTRUSIVE:
		return "mpsc-intrusive";
	case SHMCHAN_KIND_MPMC2:
		return "mpmc2";
	}
	return "unknown";
}
