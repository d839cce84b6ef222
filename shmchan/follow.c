// Reading a ring beside its producers and consumer, without a say in either. A cell may be written again as soon as its
// message is completed; what tells that this has begun is read after the copy:
//
//	mpsc   the claim of the next lap changes the cell's word before anything is written,
//	spsc   its one producer writes position p + cap only after it has published p + cap - 1, in the cell before,
//	mpsc-intrusive   the consumer writes position p + cap only after it has seen a tail behind that.
//
// Writers have a release fence between these and what they write: where a cell or node is claimed (mpsc.h, list_chan.c),
// behind the publication of the cell before (spsc.h), behind the look at the tail (mpsc_intrusive.c). It pairs with the
// acquire fences here, between the copy and the second look: a copy that has anything of the next message in it is
// followed by a look that sees it announced.
#include "shmchan/view.h"

#include <stdio.h>
#include <string.h>
#include "shmchan/list.h"
#include "shmchan/view_priv.h"

// The ring of channel i, NULL and *err if it can't be read.
static const struct shmchan_ring_ref *ring_of(const struct shmchan_view *v, unsigned i, int *err)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_RING, i);

	*err = e < 0 ? SHMCHAN_ENOENT : v->m.entries[e].err;
	return *err ? NULL : &v->m.entries[e].ring;
}

static uint64_t skipped(const struct shmchan_ring_ref *r)
{
	uint64_t tally[SHMCHAN_TALLY_ALL];

	shmchan_ring_tally(r, tally);
	return tally[SHMCHAN_TALLY_SKIPPED];
}

int shmchan_view_follow_begin(const struct shmchan_view *v, unsigned i, enum shmchan_follow_from from,
			      struct shmchan_follow *f)
{
	uint64_t done, taken, tail;
	int err;
	const struct shmchan_ring_ref *r = ring_of(v, i, &err);

	*f = (struct shmchan_follow){0};
	if (!r)
		return err;
	f->skipped = skipped(r);
	shmchan_ring_cursor(r, &done, &taken);
	tail = shmchan_ring_tail(r);
	f->pos = from == SHMCHAN_FOLLOW_NEW      ? tail
		 : from == SHMCHAN_FOLLOW_QUEUED ? done
		 : tail > r->cap                 ? tail - r->cap
						 : 0;
	// Of what was completed before, claims that were taken back can't be told from messages if there were any.
	f->unsure_below = f->skipped ? done : 0;
	return 0;
}

enum at { READABLE, FREED, NOT_YET, NOTHING, OVERRUN };

// What stands at f->pos, by the cell's word; *newest is a position that has certainly been written if it is OVERRUN.
static enum at look(const struct shmchan_ring_ref *r, uint64_t pos, uint64_t word, uint64_t *newest)
{
	int32_t ahead;

	ahead = shmchan_ring_many(r) ? shmchan_cell_ahead(word, pos / r->cap)
				     : shmchan_seq_ahead(word, pos / r->cap);
	*newest = pos + (uint64_t)(int64_t)ahead * r->cap;
	if (ahead < 0)
		return NOT_YET;
	if (!shmchan_ring_many(r))
		return ahead == 0 ? READABLE : OVERRUN;
	if (ahead == 1 && shmchan_cell_state(word) == SHMCHAN_CELL_FREE)
		return FREED;
	if (ahead > 0)
		return OVERRUN;
	return shmchan_cell_state(word) == SHMCHAN_CELL_FULL      ? READABLE
	       : shmchan_cell_state(word) == SHMCHAN_CELL_ABORTED ? NOTHING
								  : NOT_YET;
}

// Was the cell left alone since its word was `word`?
static bool is_intact(const struct shmchan_ring_ref *r, uint64_t pos, const struct shmchan_cell *c,
		      uint64_t word)
{
	uint64_t now, before;

	// Keeps what follows behind the copy; pairs with the writers' release fences.
	atomic_thread_fence(memory_order_acquire);
	now = atomic_load_explicit(&c->word, memory_order_relaxed);
	if (shmchan_ring_many(r))
		return now == word || now == shmchan_cell_word(pos / r->cap + 1, SHMCHAN_CELL_FREE, 0);
	if (now != word)
		return false;
	if (shmchan_ring_chained(r)) {
		uint64_t tail = atomic_load_explicit(&r->ring->tail, memory_order_relaxed);

		return (int32_t)(SHMCHAN_TICKET(tail) - (uint32_t)pos) <= (int32_t)r->cap;
	}
	if ((int64_t)(atomic_load_explicit(&r->ring->head, memory_order_relaxed) - pos) <= 0)
		return true;
	before = atomic_load_explicit(&shmchan_ring_cell(r, (uint32_t)((pos + r->cap - 1) % r->cap))->word,
				      memory_order_relaxed);
	return r->cap > 1 && shmchan_seq_ahead(before, (pos + r->cap - 1) / r->cap) < 0;
}

// A freed cell may have been a claim that was taken back: it is one if the consumer has passed over any meanwhile.
static bool is_sure(const struct shmchan_ring_ref *r, struct shmchan_follow *f)
{
	uint64_t now = skipped(r);

	if (now != f->skipped) {
		f->skipped = now;
		f->unsure_below = atomic_load_explicit(&r->ring->done, memory_order_acquire);
	}
	return f->pos >= f->unsure_below;
}

// Goes on behind the cells that are about to be written, so that it isn't overrun at once again.
static void catch_up(const struct shmchan_ring_ref *r, struct shmchan_follow *f, uint64_t newest)
{
	uint64_t to = newest - r->cap + 1 + r->cap / 4;

	if ((int64_t)(to - f->pos) <= 0)
		to = f->pos + 1;
	f->missed += to - f->pos;
	f->pos = to;
}

// As below, of a list: what is copied is whole if the same node still holds it afterwards.
static int follow_list(const struct shmchan_ring_ref *r, struct shmchan_follow *f, struct shmchan_view_msg *out,
		       void *buf, size_t size)
{
	uint64_t pushed = shmchan_list_pushed(r);

	if (pushed > r->cap && f->pos < pushed - r->cap) {
		f->missed += pushed - r->cap - f->pos;
		f->pos = pushed - r->cap;
	}
	for (; f->pos < pushed; f->missed++, f->pos++) {
		uint32_t i = shmchan_list_find(r, f->pos);
		enum shmchan_node_state state;

		if (i != SHMCHAN_LIST_NONE) {
			shmchan_view_copy_node(r, i, f->pos, out, buf, size);
			// Keeps the second look behind the copy; pairs with the fence in shmchan_list_reserve.
			atomic_thread_fence(memory_order_acquire);
			if (shmchan_list_find(r, f->pos) == i) {
				state = shmchan_node_state(
					atomic_load_explicit(&shmchan_list_node(r, i)->word, memory_order_relaxed));
				out->in_flight = state == SHMCHAN_NODE_TAKEN;
				f->pos++;
				return 0;
			}
		} else if (!shmchan_list_passed(r, f->pos)) {
			return SHMCHAN_EMPTY; // its producer, or one before it, has still to tell of it
		}
	}
	return SHMCHAN_EMPTY;
}

int shmchan_view_follow(const struct shmchan_view *v, unsigned i, struct shmchan_follow *f,
			struct shmchan_view_msg *out, void *buf, size_t size)
{
	int err;
	const struct shmchan_ring_ref *r = ring_of(v, i, &err);

	if (!r)
		return err;
	if (shmchan_ring_listed(r))
		return follow_list(r, f, out, buf, size);
	// Bounded: a reader that is always overrun gives up for now after a round.
	for (uint32_t n = 0; n <= r->cap; n++) {
		const struct shmchan_cell *c = shmchan_ring_cell(r, (uint32_t)(f->pos % r->cap));
		// Acquire: pairs with the producer's release of the cell.
		uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire), newest, done, taken;
		enum at at = look(r, f->pos, word, &newest);

		if (at == NOT_YET && shmchan_ring_chained(r) && !shmchan_view_copy_link(v, r, f->pos, out, buf, size)) {
			f->pos++;
			return 0;
		}
		if (at == NOT_YET)
			return SHMCHAN_EMPTY;
		if (at == NOTHING) {
			f->pos++;
			continue;
		}
		if (at == OVERRUN) {
			catch_up(r, f, newest);
			continue;
		}
		shmchan_view_copy(r, f->pos, out, buf, size);
		if (is_intact(r, f->pos, c, word) && (at == READABLE || is_sure(r, f))) {
			shmchan_ring_cursor(r, &done, &taken);
			out->in_flight = (int64_t)(f->pos - done) >= 0 && (int64_t)(f->pos - taken) < 0;
			f->pos++;
			return 0;
		}
		f->missed++;
		f->pos++;
	}
	return SHMCHAN_EMPTY;
}

int shmchan_view_block_data(const struct shmchan_view *v, unsigned i, uint64_t pos, shmchan_block b,
			    char pool[SHMCHAN_NAME_MAX], void *buf, size_t size, size_t *len)
{
	const struct shmchan_pool_ref *p = b >> 24 <= SHMCHAN_POOL_MAX ? v->m.pools[b >> 24] : NULL;
	uint32_t k = p ? shmchan_block_index(p, b) : UINT32_MAX;
	int err;
	const struct shmchan_ring_ref *r = ring_of(v, i, &err);
	uint64_t sent;

	*len = 0;
	if (!r)
		return err;
	if (k == UINT32_MAX)
		return SHMCHAN_ENOENT;
	// The block's word names the node of its message.
	if (shmchan_ring_listed(r) && (pos = shmchan_list_find(r, pos)) == SHMCHAN_LIST_NONE)
		return SHMCHAN_EMPTY;
	sent = shmchan_ring_chained(r) ? shmchan_chain_word(r, p, k, pos) : shmchan_block_sent(r->id, pos);
	snprintf(pool, SHMCHAN_NAME_MAX, "%s", p->name);
	*len = shmchan_pool_class_of(p, k)->block_size;
	// Acquire: pairs with the exchange that sent it. As long as it is in the message nobody writes to it.
	if (!sent || atomic_load_explicit(&p->words[k].word, memory_order_acquire) != sent)
		return SHMCHAN_EMPTY;
	if (size)
		memcpy(buf, shmchan_pool_data(p, k), size < *len ? size : *len);
	// Pairs with the fence in change(), pool.c.
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&p->words[k].word, memory_order_relaxed) == sent ? 0 : SHMCHAN_EMPTY;
}
