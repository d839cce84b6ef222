#include "shmchan/list_chan.h"

#include <stdlib.h>
#include "shmchan/mark.h"
#include "shmchan/probe.h"
#include "shmchan/proc.h"
#include "shmchan/tally.h"

static bool shared_head(const struct shmchan *ch)
{
	return ch->r.kind == SHMCHAN_KIND_MPMC2;
}

// ------------------------------------------------------------------------------------------------- the two ends

static unsigned producers_of(const struct shmchan *ch)
{
	unsigned n = 0;

	for (unsigned w = 0; w < SHMCHAN_SLOT_WORDS; w++)
		n += (unsigned)__builtin_popcountll(ch->producers[w]);
	return n ? n : 1;
}

static void join_tx(struct shmchan *ch)
{
	// All caches together hold a quarter of the nodes at most.
	uint32_t max = ch->r.cap / (4 * producers_of(ch));

	ch->l->cache_max = max < SHMCHAN_LIST_CACHE ? max : SHMCHAN_LIST_CACHE;
	ch->l->freed_seen = shmchan_list_freed(&ch->r);
}

// What this incarnation has in flight, through an earlier handle: by number into `held`.
static void find_held(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;

	for (uint32_t i = 0; i < ch->r.cap; i++)
		e->held[i] = SHMCHAN_LIST_NONE;
	for (uint32_t i = 0; i < ch->r.cap; i++) {
		uint64_t w = atomic_load_explicit(&shmchan_list_node(&ch->r, i)->word, memory_order_relaxed);
		int32_t ahead = shmchan_node_ahead(w, ch->hot.done);

		if (shmchan_node_state(w) != SHMCHAN_NODE_TAKEN || (shmchan_owner)w != ch->me)
			continue;
		if (ahead > 0 && (uint32_t)ahead <= ch->r.cap)
			e->held[ahead - 1] = i;
		else
			shmchan_list_free(&ch->r, i);
	}
	while (e->again < ch->r.cap && e->held[e->again] != SHMCHAN_LIST_NONE)
		e->again++;
}

static int join_rx(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;
	uint32_t k = shmchan_list_consumer(&ch->r, ch->proc->slot), batch = ch->r.cap / (8 * ch->r.rx_cnt);

	if (k == SHMCHAN_LIST_NONE)
		return SHMCHAN_ECORRUPT;
	e->held = calloc(ch->r.cap, sizeof(*e->held));
	if (!e->held)
		return SHMCHAN_ENOMEM;
	e->rx = &ch->r.list->rx[k];
	ch->exact = &e->rx->exact;
	ch->tally = e->rx->tally;
	ch->hot.taken = ch->hot.done = ch->freed = atomic_load_explicit(&ch->exact->done, memory_order_relaxed);
	ch->taken_i = ch->done_i = 0;
	ch->batch = batch == 0 ? 1 : batch < 64 ? batch : 64;
	find_held(ch);
	// Relaxed: only this process writes the line now; publication is by later releases.
	atomic_store_explicit(&ch->exact->taken, ch->hot.done, memory_order_relaxed);
	atomic_store_explicit(&ch->exact->intent_for, 0, memory_order_relaxed);
	atomic_store_explicit(&e->rx->waiting, 0, memory_order_relaxed);
	atomic_store_explicit(&e->rx->freed, ch->hot.done, memory_order_release);
	shmchan_tally_rewind(ch->tally, ch->hot.done);
	ch->tally_cur = shmchan_tally_current(ch->tally, ch->hot.done);
	return 0;
}

int shmchan_list_end_open(struct shmchan *ch)
{
	int err = 0;

	ch->l = calloc(1, sizeof(*ch->l));
	if (!ch->l)
		return SHMCHAN_ENOMEM;
	if (ch->tx)
		join_tx(ch);
	else
		err = join_rx(ch);
	if (err) {
		free(ch->l->held);
		free(ch->l);
		ch->l = NULL;
	}
	return err;
}

static void drop_cache(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;

	while (e->cache_cnt) {
		uint64_t w = shmchan_node_word(SHMCHAN_NODE_CACHED, ch->me, 0);

		// Failure: somebody took it out of the cache. Both relaxed: nothing was written to the node.
		atomic_compare_exchange_strong_explicit(
			&shmchan_list_node(&ch->r, e->cache[--e->cache_cnt])->word, &w, 0,
			memory_order_relaxed, memory_order_relaxed);
	}
}

void shmchan_list_end_close(struct shmchan *ch)
{
	if (ch->tx) {
		drop_cache(ch);
	} else {
		shmchan_list_flush(ch);
		shmchan_mpmc2_awake(ch->proc);
		// Who was woken and did not take passes it on.
		if (shared_head(ch) && shmchan_list_any(&ch->r))
			shmchan_mpmc2_wake(ch);
	}
	free(ch->l->held);
	free(ch->l);
	ch->l = NULL;
}

// ------------------------------------------------------------------------------------------------ claiming a node

// By counting: what was pushed and is not free again. Which nodes it is does not matter.
static bool full(struct shmchan *ch)
{
	// Relaxed: a tail that lags shows less than there is; then no free node is found.
	uint32_t pushed = SHMCHAN_TICKET(atomic_load_explicit(&ch->r.list->tail, memory_order_relaxed));

	if ((int32_t)(pushed - (uint32_t)ch->l->freed_seen) < (int32_t)ch->r.cap)
		return false;
	ch->l->freed_seen = shmchan_list_freed(&ch->r);
	return (int32_t)(pushed - (uint32_t)ch->l->freed_seen) >= (int32_t)ch->r.cap;
}

// Success acquire: pairs with the release in shmchan_list_free. Failure: somebody else has it.
static bool change(struct shmchan *ch, uint32_t i, uint64_t from, enum shmchan_node_state to)
{
	return atomic_compare_exchange_strong_explicit(&shmchan_list_node(&ch->r, i)->word, &from,
						       shmchan_node_word(to, ch->me, 0), memory_order_acquire,
						       memory_order_relaxed);
}

static uint64_t word_of(const struct shmchan *ch, uint32_t i)
{
	return atomic_load_explicit(&shmchan_list_node(&ch->r, i)->word, memory_order_relaxed);
}

static uint32_t from_cache(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;

	while (e->cache_cnt) {
		uint32_t i = e->cache[--e->cache_cnt];

		if (change(ch, i, shmchan_node_word(SHMCHAN_NODE_CACHED, ch->me, 0), SHMCHAN_NODE_CLAIMED))
			return i;
	}
	return SHMCHAN_LIST_NONE;
}

// Looks once round from the hint for a free node, and keeps some of those next to it.
static uint32_t from_pool(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;
	uint32_t i = atomic_load_explicit(&ch->r.list->hint, memory_order_relaxed), found = SHMCHAN_LIST_NONE;
	uint32_t more = e->cache_max;

	if (i >= ch->r.cap)
		i = 0;
	// Dying after the change leaves a node that names its owner.
	for (uint32_t n = 0; n < ch->r.cap && (found == SHMCHAN_LIST_NONE || more); n++) {
		bool is_free = word_of(ch, i) == 0;

		if (found == SHMCHAN_LIST_NONE) {
			if (is_free && change(ch, i, 0, SHMCHAN_NODE_CLAIMED))
				found = i;
		} else if (is_free && change(ch, i, 0, SHMCHAN_NODE_CACHED)) {
			e->cache[e->cache_cnt++] = i;
			more--;
		} else {
			break;
		}
		i = i + 1 < ch->r.cap ? i + 1 : 0;
	}
	// They are used in the order in which they stand.
	for (uint32_t a = 0, b = e->cache_cnt; a + 1 < b; a++) {
		uint32_t t = e->cache[a];

		e->cache[a] = e->cache[--b];
		e->cache[b] = t;
	}
	atomic_store_explicit(&ch->r.list->hint, i, memory_order_relaxed);
	return found;
}

// Every node can be used, also those that others keep for later.
static uint32_t from_others(struct shmchan *ch)
{
	for (uint32_t i = 0; i < ch->r.cap; i++) {
		uint64_t w = word_of(ch, i);

		if ((w == 0 || shmchan_node_state(w) == SHMCHAN_NODE_CACHED) &&
		    change(ch, i, w, SHMCHAN_NODE_CLAIMED))
			return i;
	}
	return SHMCHAN_LIST_NONE;
}

int shmchan_list_reserve(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;
	uint32_t i = SHMCHAN_LIST_NONE;

	if (!full(ch)) {
		i = from_cache(ch);
		if (i == SHMCHAN_LIST_NONE)
			i = from_pool(ch);
		if (i == SHMCHAN_LIST_NONE)
			i = from_others(ch);
	}
	if (i == SHMCHAN_LIST_NONE) {
		shmchan_note_full(ch, ch->r.cap);
		return SHMCHAN_FULL;
	}
	// The claim before what is written to the node, for who reads along: pairs with the acquire fences in follow.c and view.c.
	atomic_thread_fence(memory_order_release);
	// Dying from here to publish leaves CLAIMED(me): recovery frees it.
	e->node = shmchan_list_node(&ch->r, i);
	e->link = atomic_load_explicit(&e->node->link, memory_order_relaxed);
	ch->pos = i;
	if (e->link <= ch->r.cap)
		return 0;
	shmchan_list_free(&ch->r, i); // somebody has overwritten it
	return SHMCHAN_FULL;
}

void shmchan_list_cancel(struct shmchan *ch)
{
	shmchan_list_free(&ch->r, (uint32_t)ch->pos);
	shmchan_freed(ch);
}

// --------------------------------------------------------------------------------------------------- sending

void shmchan_list_fill(struct shmchan *ch, const struct shmchan_msg *m, uint32_t sender)
{
	struct shmchan_node *n = ch->l->node;

	n->corr = m->corr;
	atomic_store_explicit(&n->len, m->len, memory_order_relaxed);
	n->type = m->type;
	n->reply = m->reply;
	atomic_store_explicit(&n->block, m->block, memory_order_relaxed);
	n->sender = sender;
}

int shmchan_list_begin(struct shmchan *ch)
{
	return shared_head(ch) && !shmchan_mpmc2_lock_tail(&ch->r, ch->proc) ? SHMCHAN_FULL : 0;
}

void shmchan_list_abort(struct shmchan *ch)
{
	if (shared_head(ch))
		shmchan_mpmc2_unlock_tail(&ch->r);
}

static void probe_push(struct shmchan *ch, uint64_t place)
{
	uint64_t near = shmchan_list_pushed(&ch->r);
	uint64_t pos = near + (uint64_t)(int64_t)(int32_t)(SHMCHAN_TICKET(place) - 1 - (uint32_t)near);
	uint64_t depth;

	shmchan_mark_push(ch, pos);
	if (!SHMCHAN_PROBE_SAMPLED(pos, atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed)))
		return;
	// Nothing from `pos` on can have been taken, since nobody has been told of it. What a dead consumer had taken and another
	// takes again may be counted for both, as their lines are read one after the other.
	depth = pos + 1 - shmchan_list_taken(&ch->r);
	SHMCHAN_PROBE_PUSH(ch->r.key, depth - 1 < ch->r.cap ? depth : 1, pos);
}

void shmchan_list_publish(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;
	uint64_t before, place;
	bool pushed;

	ch->reserved = false;
	// The message is sent by this store: recovery pushes it if this process does not come to that.
	atomic_store_explicit(&e->node->word, shmchan_node_word(SHMCHAN_NODE_SENT, ch->me, 0),
			      memory_order_release);
	pushed = shared_head(ch)
			 ? shmchan_mpmc2_exchange(&ch->r, (uint32_t)ch->pos, e->link, &before, &place)
			 : shmchan_mpsc_list_exchange(&ch->r, (uint32_t)ch->pos, e->link, &before, &place);
	if (pushed) {
		if (SHMCHAN_PROBE_PUSH_ENABLED())
			probe_push(ch, place);
		shmchan_list_tell(&ch->r, before, place);
	}
	shmchan_list_abort(ch);
}

int shmchan_list_describe(struct shmchan *ch, const struct shmchan_msg *m)
{
	shmchan_list_fill(ch, m, ch->me);
	return m->block == SHMCHAN_NO_BLOCK ? 0 : shmchan_send_block(ch, m->block);
}

int shmchan_list_commit(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = shmchan_list_begin(ch);

	if (err)
		return err;
	err = shmchan_list_describe(ch, m);
	if (err)
		shmchan_list_abort(ch);
	else
		shmchan_list_publish(ch);
	return err;
}

int shmchan_list_send(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = shmchan_list_reserve(ch);

	if (err)
		return err;
	ch->reserved = true;
	shmchan_copy_in(ch->l->node->data, m);
	err = shmchan_list_commit(ch, m);
	if (err) {
		ch->reserved = false;
		shmchan_list_cancel(ch);
	}
	return err;
}

void shmchan_list_wake(struct shmchan *ch, unsigned messages)
{
	if (!shared_head(ch)) {
		shmchan_bell_ring(ch->peer, ch->fence);
		return;
	}
	for (unsigned n = 0; n < messages && n < ch->r.rx_cnt; n++)
		shmchan_mpmc2_wake(ch);
}

// -------------------------------------------------------------------------------------------------- receiving

void shmchan_list_flush(struct shmchan *ch)
{
	if (ch->freed == ch->hot.done)
		return;
	ch->freed = ch->hot.done;
	// Pairs with the acquire in shmchan_list_freed.
	atomic_store_explicit(&ch->l->rx->freed, ch->hot.done, memory_order_release);
	shmchan_freed(ch);
}

static uint32_t next_node(struct shmchan *ch)
{
	struct shmchan_list_end *e = ch->l;
	uint32_t i;

	if (e->again)
		return e->held[ch->taken_i];
	if (ch->hot.taken - ch->hot.done >= ch->r.cap)
		return SHMCHAN_LIST_NONE;
	if (atomic_load_explicit(&ch->r.list->returned, memory_order_acquire)) {
		i = shmchan_list_retake(&ch->r, ch->me, ch->hot.taken + 1, ch->hot.done);
		if (i != SHMCHAN_LIST_NONE ||
		    atomic_load_explicit(&ch->r.list->returned, memory_order_relaxed))
			return i;
	}
	if (!shared_head(ch))
		return shmchan_list_pop(&ch->r, ch->me, ch->hot.taken + 1);
	if (!shmchan_list_any(&ch->r) || !shmchan_mpmc2_lock_head(&ch->r, ch->proc))
		return SHMCHAN_LIST_NONE;
	i = shmchan_list_pop(&ch->r, ch->me, ch->hot.taken + 1);
	shmchan_mpmc2_unlock_head(&ch->r);
	return i;
}

int shmchan_list_take(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_list_end *e = ch->l;
	uint32_t i = next_node(ch);
	const struct shmchan_node *n;
	struct shmchan_head head;
	bool again = e->again;

	if (i == SHMCHAN_LIST_NONE) {
		shmchan_list_flush(ch);
		return SHMCHAN_EMPTY;
	}
	n = shmchan_list_node(&ch->r, i);
	e->again -= again;
	e->held[ch->taken_i] = i;
	ch->taken_i = ch->taken_i + 1 < ch->r.cap ? ch->taken_i + 1 : 0;
	// Relaxed: derived; the node's word says that it is taken.
	atomic_store_explicit(&ch->exact->taken, ++ch->hot.taken, memory_order_relaxed);
	shmchan_list_head(n, &head);
	*m = (struct shmchan_msg){.data = n->data,
				  .len = head.len,
				  .type = head.type,
				  .reply = head.reply,
				  .corr = head.corr,
				  .sender = head.sender,
				  .deliveries = head.deliveries,
				  .pos = atomic_load_explicit(&n->pos, memory_order_relaxed)};
	if (!e->took)
		ch->first = m->pos;
	e->took = true;
	if (__builtin_expect(m->len > ch->r.msg_size, 0)) {
		m->len = 0;
		m->status = SHMCHAN_ECORRUPT;
		shmchan_tally_count(ch, SHMCHAN_TALLY_BAD, 1);
	} else if (m->type == SHMCHAN_TYPE_DIED) {
		m->status = SHMCHAN_PEER_DIED;
	} else if (head.block != SHMCHAN_NO_BLOCK) {
		shmchan_take_block(ch, m, head.block, i, again);
	}
	if (SHMCHAN_PROBE_POP_ENABLED())
		shmchan_probe_pop(ch, m->pos);
	return 0;
}

static void probe_done(const struct shmchan *ch, unsigned n)
{
	uint32_t word = atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed), i = ch->done_i;

	while (n--) {
		uint64_t pos = atomic_load_explicit(&shmchan_list_node(&ch->r, ch->l->held[i])->pos,
						    memory_order_relaxed);

		if (SHMCHAN_PROBE_SAMPLED(pos, word))
			SHMCHAN_PROBE_DONE(ch->r.key, pos);
		i = i + 1 < ch->r.cap ? i + 1 : 0;
	}
}

int shmchan_list_done_n(struct shmchan *ch, unsigned n)
{
	if (n > ch->hot.taken - ch->hot.done)
		return SHMCHAN_ENOENT;
	if (SHMCHAN_PROBE_DONE_ENABLED())
		probe_done(ch, n);
	// They are completed by the store of done in it. Dying before their words are free: recovery frees them.
	shmchan_complete(ch, n);
	for (; n; n--) {
		shmchan_list_free(&ch->r, ch->l->held[ch->done_i]);
		ch->done_i = ch->done_i + 1 < ch->r.cap ? ch->done_i + 1 : 0;
	}
	if (ch->hot.done - ch->freed >= ch->batch ||
	    atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed))
		shmchan_list_flush(ch);
	return 0;
}

static bool room(struct shmchan *ch)
{
	uint32_t hint = atomic_load_explicit(&ch->r.list->hint, memory_order_relaxed);

	if (full(ch))
		return false;
	if (ch->l->cache_cnt || (hint < ch->r.cap && word_of(ch, hint) == 0))
		return true;
	for (uint32_t i = 0; i < ch->r.cap; i++) {
		uint64_t w = word_of(ch, i);

		if (w == 0 || shmchan_node_state(w) == SHMCHAN_NODE_CACHED)
			return true;
	}
	return false;
}

bool shmchan_list_has_work(struct shmchan *ch)
{
	if (ch->tx)
		return room(ch);
	return ch->l->again || shmchan_list_any(&ch->r);
}

void shmchan_list_asker(const struct shmchan *rx, struct shmchan_head *out)
{
	shmchan_list_head(shmchan_list_node(&rx->r, rx->l->held[rx->done_i]), out);
}
