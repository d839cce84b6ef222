// Repair of blocks after a death: steps A and D of recover.c, and what B asks about a block.
#include "shmchan/broker_priv.h"
#include "shmchan/list_chan.h"

// ------------------------------------------------------------------------------------- A: finish decided sends

// The block says that it was sent in message `pos32` of the channel: if the cell doesn't say so, it is made to.
static void finish_send(struct patient *d, const struct shmchan_ring_ref *r, shmchan_block block,
			uint32_t pos32)
{
	uint64_t done, taken, pos;
	const struct shmchan_ext *ext;
	struct shmchan_cell *c;
	int32_t ahead;
	uint32_t i;

	if (shmchan_ring_listed(r)) {
		shmchan_list_finish_send(d, r, block, pos32);
		return;
	}
	shmchan_ring_cursor(r, &done, &taken);
	ahead = (int32_t)(pos32 - (uint32_t)done);
	if (ahead < 0 || (uint32_t)ahead >= r->cap)
		return;
	pos = done + (uint32_t)ahead;
	i = (uint32_t)(pos % r->cap);
	c = shmchan_ring_cell(r, i);
	ext = &r->exts[i];
	if (atomic_load_explicit(&ext->block, memory_order_relaxed) != block)
		return;
	if (shmchan_ring_many(r)) {
		uint64_t w = shmchan_cell_word(pos / r->cap, SHMCHAN_CELL_CLAIMED, d->owner);

		// Success release: the dead producer's cell was complete before its block was sent. Failure: published already.
		if (!atomic_compare_exchange_strong_explicit(
			    &c->word, &w, shmchan_cell_word(pos / r->cap, SHMCHAN_CELL_FULL, d->owner),
			    memory_order_release, memory_order_relaxed))
			return;
	} else {
		if (shmchan_ring_tail(r) != pos)
			return;
		atomic_store_explicit(&c->word,
				      shmchan_seq(pos / r->cap) | SHMCHAN_DESC_EXT |
					      (atomic_load_explicit(&ext->desc, memory_order_relaxed) &
					       SHMCHAN_DESC_MASK),
				      memory_order_release);
	}
	d->out->published++;
}

// The broker sends to channels that don't name it as a producer: for many producers at any time, else only while its
// producer has no process.
static bool may_have_sent(const struct patient *d, const struct shmchan_ring_ref *r)
{
	const struct shmchan_map *m = &d->b->map;

	if (d->slot != 0)
		return shmchan_map_produces(m, r->id, d->slot);
	for (unsigned slot = 1; !shmchan_ring_several(r) && slot < m->c.proc_cnt; slot++)
		if (shmchan_map_produces(m, r->id, slot) &&
		    shmchan_life_state(atomic_load_explicit(&m->c.procs[slot].life, memory_order_acquire)) !=
			    SHMCHAN_PROC_FREE)
			return false;
	return true;
}

// D had offered the block to an mpsc-intrusive: if it isn't in the list, D had not come to that, and it is D's as before.
static void finish_offer(const struct patient *d, const struct shmchan_ring_ref *r, struct shmchan_chain_sets *seen,
			 struct shmchan_pool_ref *p, uint32_t i)
{
	if (shmchan_chain_holds(seen, r, d->b->map.pools, shmchan_block_make(p->pool_no, i)))
		shmchan_pool_release(p, d->owner, i, r->id);
	else
		shmchan_pool_retract(p, d->owner, i, r->id);
}

void shmchan_recover_finish_sends(struct patient *d)
{
	const struct shmchan_map *m = &d->b->map;
	struct shmchan_chain_sets seen = {NULL};

	for (uint32_t n = 1; n <= m->pool_last; n++) {
		struct shmchan_pool_ref *p = m->pools[n];

		for (uint32_t i = 0; p && i < p->block_cnt; i++) {
			uint64_t w = atomic_load_explicit(&p->words[i].word, memory_order_acquire);
			const struct shmchan_ring_ref *r;

			if (shmchan_block_state(w) != SHMCHAN_BLOCK_SENT)
				continue;
			r = shmchan_map_ring(m, shmchan_block_chan(w));
			if (!r || !may_have_sent(d, r))
				continue;
			if (!shmchan_ring_chained(r))
				finish_send(d, r, shmchan_block_make(n, i), (uint32_t)w);
			else if ((shmchan_owner)w == d->owner)
				finish_offer(d, r, &seen, p, i);
		}
	}
	shmchan_chain_forget(&seen);
}

void shmchan_broker_finish_injects(struct shmchan_broker *b, shmchan_owner dead)
{
	struct shmchan_repair repair = {0};
	struct patient d = {.b = b, .slot = 0, .owner = dead, .out = &repair};

	shmchan_recover_finish_sends(&d);
}

// ------------------------------------------------------------------------- B: blocks of messages in flight at D

// The answer's block, which was D's when the intent was written, tells: what was not sent is D's again since A.
bool shmchan_recover_gave_away(const struct patient *d, uint64_t block)
{
	struct shmchan_pool_ref *p = block >> 24 <= SHMCHAN_POOL_MAX ? d->b->map.pools[block >> 24] : NULL;
	uint32_t i = p ? shmchan_block_index(p, (shmchan_block)block) : UINT32_MAX;

	return i != UINT32_MAX && !shmchan_pool_mine(p, d->owner, i);
}

bool shmchan_recover_return_block(struct patient *d, const struct shmchan_ring_ref *r, shmchan_block block,
				  uint64_t place)
{
	struct shmchan_pool_ref *p = block >> 24 <= SHMCHAN_POOL_MAX ? d->b->map.pools[block >> 24] : NULL;
	uint32_t i = p ? shmchan_block_index(p, block) : UINT32_MAX;

	if (block == SHMCHAN_NO_BLOCK)
		return true;
	if (i == UINT32_MAX)
		return false;
	if (shmchan_ring_chained(r))
		return shmchan_chain_word(r, p, i, place) || shmchan_chain_offer_again(r, p, i, d->owner, place) == 0;
	return atomic_load_explicit(&p->words[i].word, memory_order_acquire) ==
		       shmchan_block_sent(r->id, place) ||
	       shmchan_pool_send(p, d->owner, i, r->id, place) == 0;
}

// ------------------------------------------------------------------------------------------------ D: its blocks

// Blocks in messages that are completed: left by a receiver that refused the message.
static uint32_t free_orphans(const struct shmchan_map *m, struct shmchan_pool_ref *p)
{
	struct shmchan_chain_sets seen = {NULL};
	uint32_t freed = 0;

	for (uint32_t i = 0; i < p->block_cnt; i++) {
		uint64_t w = atomic_load_explicit(&p->words[i].word, memory_order_acquire);
		const struct shmchan_ring_ref *r;

		if (shmchan_block_state(w) != SHMCHAN_BLOCK_SENT)
			continue;
		r = shmchan_map_ring(m, shmchan_block_chan(w));
		if (r && shmchan_map_completed(m, &seen, r, shmchan_block_make(p->pool_no, i), w))
			freed += shmchan_ring_chained(r) ? shmchan_pool_unoffer(p, i, w)
							 : shmchan_pool_unsend(p, i, r->id, (uint32_t)w);
	}
	shmchan_chain_forget(&seen);
	return freed;
}

void shmchan_recover_free_blocks(struct patient *d)
{
	for (uint32_t n = 1; n <= d->b->map.pool_last; n++) {
		struct shmchan_pool_ref *p = d->b->map.pools[n];

		if (p)
			d->out->blocks += shmchan_pool_recover(p, d->owner) + free_orphans(&d->b->map, p);
	}
}
