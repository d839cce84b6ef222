#include "shmchan/tally.h"

// Makes record 1 - tally_cur a copy that may be changed. It counts for nobody until its pos is set again.
static struct shmchan_tally *begin(struct shmchan *ch)
{
	struct shmchan_tally *from = &ch->tally[ch->tally_cur],
			     *to = &ch->tally[1 - ch->tally_cur];

	// Relaxed throughout: this process alone writes; readers are held off by pos, ordered by the fence and by releases.
	if (!ch->counting) {
		atomic_store_explicit(&to->pos, SHMCHAN_TALLY_INVALID, memory_order_relaxed);
		atomic_thread_fence(memory_order_release);
		for (unsigned i = 0; i < SHMCHAN_TALLY_ALL; i++)
			atomic_store_explicit(&to->v[i],
					      atomic_load_explicit(&from->v[i], memory_order_relaxed),
					      memory_order_relaxed);
		ch->counting = true;
		ch->hot.done_end = 0;
	}
	return to;
}

void shmchan_tally_count(struct shmchan *ch, unsigned i, uint64_t delta)
{
	struct shmchan_tally *t = begin(ch);

	atomic_store_explicit(&t->v[i], atomic_load_explicit(&t->v[i], memory_order_relaxed) + delta,
			      memory_order_relaxed);
}

void shmchan_tally_seal(struct shmchan *ch, uint32_t cells)
{
	atomic_store_explicit(&ch->tally[1 - ch->tally_cur].pos, ch->hot.done + cells, memory_order_release);
}

void shmchan_tally_unseal(struct shmchan *ch)
{
	atomic_store_explicit(&ch->tally[1 - ch->tally_cur].pos, SHMCHAN_TALLY_INVALID,
			      memory_order_relaxed);
}

int shmchan_tally_add(struct shmchan *ch, unsigned i, uint64_t delta)
{
	if (ch->tx || i >= ch->r.tally_cnt)
		return SHMCHAN_EINVAL;
	shmchan_tally_count(ch, SHMCHAN_TALLY_OWN + i, delta);
	return 0;
}

uint64_t shmchan_tally_get(const struct shmchan *ch, unsigned i)
{
	uint64_t v[SHMCHAN_TALLY_ALL];

	if (i >= ch->r.tally_cnt)
		return 0;
	if (!ch->tx)
		return atomic_load_explicit(
			&ch->tally[ch->counting ? 1 - ch->tally_cur : ch->tally_cur].v[SHMCHAN_TALLY_OWN + i],
			memory_order_relaxed);
	shmchan_ring_tally(&ch->r, v);
	return v[SHMCHAN_TALLY_OWN + i];
}
