// Repair of channels made of a list (list.h) after a death: steps A, B and C of recover.c. Live peers run on meanwhile.
// Each step is one store to a word, and what it decides is read from words: it may be cut short and begun again.
#include <stdlib.h>
#include "shmchan/broker_priv.h"
#include "shmchan/list_chan.h"

static bool several(const struct shmchan_ring_ref *r)
{
	return r->kind == SHMCHAN_KIND_MPMC2;
}

static uint64_t word_of(const struct shmchan_ring_ref *r, uint32_t i)
{
	return atomic_load_explicit(&shmchan_list_node(r, i)->word, memory_order_acquire);
}

// A lock whose owner is dead, or never was, is as good as free.
static void unblock(const struct shmchan_broker *b, shmchan_lock *lock)
{
	shmchan_owner owner = (shmchan_owner)(atomic_load_explicit(lock, memory_order_relaxed) >> 32);

	if (!shmchan_alive(&b->proc, owner))
		shmchan_lock_break(lock, owner);
}

static bool lock_head(const struct shmchan_broker *b, const struct shmchan_ring_ref *r)
{
	if (!several(r)) { // the one consumer is dead: the broker is alone here
		shmchan_list_repair_head(r);
		return true;
	}
	unblock(b, &r->list->head_lock);
	return shmchan_mpmc2_lock_head(r, &b->proc);
}

static void unlock_head(const struct shmchan_ring_ref *r)
{
	if (several(r))
		shmchan_mpmc2_unlock_head(r);
}

static bool lock_tail(const struct shmchan_broker *b, const struct shmchan_ring_ref *r)
{
	if (!several(r))
		return true;
	unblock(b, &r->list->tail_lock);
	return shmchan_mpmc2_lock_tail(r, &b->proc);
}

static void unlock_tail(const struct shmchan_ring_ref *r)
{
	if (several(r))
		shmchan_mpmc2_unlock_tail(r);
}

void shmchan_list_break(const struct shmchan_ring_ref *r, shmchan_owner dead)
{
	shmchan_lock_break(&r->list->head_lock, dead);
	shmchan_lock_break(&r->list->tail_lock, dead);
}

// ------------------------------------------------------------------------------------- A: finish decided sends

void shmchan_list_finish_send(struct patient *d, const struct shmchan_ring_ref *r, shmchan_block block,
			      uint32_t i)
{
	uint64_t w = shmchan_node_word(SHMCHAN_NODE_CLAIMED, d->owner, 0);
	struct shmchan_node *n;

	if (i >= r->cap)
		return;
	n = shmchan_list_node(r, i);
	if (atomic_load_explicit(&n->block, memory_order_relaxed) != block)
		return;
	// Success release: the dead producer's node was complete before its block was sent; it is pushed in C. Failure: it
	// was sent already.
	if (atomic_compare_exchange_strong_explicit(&n->word, &w,
						    shmchan_node_word(SHMCHAN_NODE_SENT, d->owner, 0),
						    memory_order_release, memory_order_relaxed))
		d->out->published++;
}

// ---------------------------------------------------------------------------------- B: messages in flight at D

struct ward { // what one dead consumer has of one channel
	struct patient *d;
	const struct shmchan_ring_ref *r;
	struct shmchan_list_rx *rx;
	uint32_t *held; // nodes in flight, in order
	uint32_t cnt;
};

static void complete(const struct ward *w, uint32_t i, bool answered, int own)
{
	uint64_t done = atomic_load_explicit(&w->rx->exact.done, memory_order_relaxed);

	shmchan_tally_complete(w->rx->tally, done, answered, own);
	atomic_store_explicit(&w->rx->exact.done, done + 1, memory_order_release);
	shmchan_list_free(w->r, i);
}

static void set_aside(const struct ward *w, uint32_t i, bool drop)
{
	const struct shmchan_node *n = shmchan_list_node(w->r, i);
	struct remains left = {
		.pos = atomic_load_explicit(&n->pos, memory_order_relaxed), .place = i, .data = n->data};

	shmchan_list_head(n, &left.head);
	shmchan_recover_letter(w->d, w->r, &left, drop);
	complete(w, i, false, drop ? SHMCHAN_TALLY_DROPPED : SHMCHAN_TALLY_DEAD);
}

// What is completed is freed; what is in flight is put in order. Says also of nodes given back before that they are there.
static void find_held(struct ward *w)
{
	uint64_t done = atomic_load_explicit(&w->rx->exact.done, memory_order_relaxed);

	for (uint32_t i = 0; i < w->r->cap; i++) {
		uint64_t word = word_of(w->r, i);
		int32_t ahead = shmchan_node_ahead(word, done);

		if (shmchan_node_state(word) == SHMCHAN_NODE_RETURNED)
			atomic_store(&w->r->list->returned, 1);
		if (shmchan_node_state(word) != SHMCHAN_NODE_TAKEN || (shmchan_owner)word != w->d->owner)
			continue;
		if (ahead <= 0 || (uint32_t)ahead > w->r->cap)
			shmchan_list_free(w->r, i);
		else
			w->held[ahead - 1] = i + 1;
	}
	// Without gaps, unless somebody has overwritten words.
	for (uint32_t at = 0; at < w->r->cap; at++)
		if (w->held[at])
			w->held[w->cnt++] = w->held[at] - 1;
}

// As for rings: a message that may not be delivered again takes those before it along.
static uint32_t give_back_from(const struct ward *w, uint32_t at)
{
	uint32_t from = at;

	for (; at < w->cnt; at++) {
		struct shmchan_node *n = shmchan_list_node(w->r, w->held[at]);
		uint32_t packed = atomic_load_explicit(&n->len, memory_order_relaxed);

		if (SHMCHAN_NODE_DELIVERIES(packed) + 1 >= w->r->max_deliveries ||
		    !shmchan_recover_return_block(
			    w->d, w->r, atomic_load_explicit(&n->block, memory_order_relaxed), w->held[at]))
			from = at + 1;
	}
	return from;
}

static void give_back(const struct ward *w, uint32_t at)
{
	shmchan_tally_rewind(w->rx->tally, atomic_load_explicit(&w->rx->exact.done, memory_order_relaxed));
	for (; at < w->cnt; at++) {
		struct shmchan_node *node = shmchan_list_node(w->r, w->held[at]);
		uint32_t packed = atomic_load_explicit(&node->len, memory_order_relaxed);
		// Its number stays, by which it has its place among those that a broker gave back before it died.
		uint64_t no = word_of(w->r, w->held[at]) >> 35;

		// A broker that dies before the word makes this count once more: never more deliveries than allowed.
		atomic_store_explicit(&node->len, packed + (1u << 24), memory_order_relaxed);
		atomic_store_explicit(&node->word, shmchan_node_word(SHMCHAN_NODE_RETURNED, w->d->owner, no),
				      memory_order_release);
		w->d->out->redelivered++;
	}
	// Sequentially consistent: pairs with shmchan_list_retake. Dying before it: find_held of the next broker says it.
	atomic_store(&w->r->list->returned, 1);
}

static void settle(struct ward *w)
{
	const struct shmchan_exact *line = &w->rx->exact;
	bool drop = w->r->on_crash == SHMCHAN_DROP;
	uint32_t at = 0, from;

	find_held(w);
	if (w->cnt &&
	    shmchan_recover_answered(w->d, line, atomic_load_explicit(&line->done, memory_order_relaxed))) {
		complete(w, w->held[at++], true, SHMCHAN_TALLY_ALL);
		w->d->out->answered++;
	}
	from = w->r->on_crash == SHMCHAN_REDELIVER ? give_back_from(w, at) : w->cnt;
	while (at < from)
		set_aside(w, w->held[at++], drop);
	if (at < w->cnt)
		give_back(w, at);
}

bool shmchan_list_settle(struct patient *d, const struct shmchan_ring_ref *r)
{
	uint32_t k = shmchan_list_consumer(r, d->slot);
	struct ward w = {.d = d, .r = r};
	uint64_t done;

	if (k == SHMCHAN_LIST_NONE)
		return true;
	w.rx = &r->list->rx[k];
	w.held = calloc(r->cap, sizeof(*w.held));
	if (!w.held || !lock_head(d->b, r)) {
		free(w.held);
		return false;
	}
	unlock_head(r); // what the dead had begun there is finished
	settle(&w);
	free(w.held);
	done = atomic_load_explicit(&w.rx->exact.done, memory_order_relaxed);
	atomic_store_explicit(&w.rx->exact.taken, done, memory_order_relaxed);
	atomic_store_explicit(&w.rx->exact.intent_for, 0, memory_order_relaxed);
	atomic_store_explicit(&w.rx->waiting, 0, memory_order_relaxed);
	// Pairs with the acquire in shmchan_list_freed.
	atomic_store_explicit(&w.rx->freed, done, memory_order_release);
	return true;
}

bool shmchan_list_drain(struct patient *d, const struct shmchan_ring_ref *r, bool drop)
{
	uint32_t k = shmchan_list_consumer(r, d->slot), i = SHMCHAN_LIST_NONE;
	struct ward w = {.d = d, .r = r};
	uint64_t done;

	if (k == SHMCHAN_LIST_NONE)
		return false;
	w.rx = &r->list->rx[k];
	done = atomic_load_explicit(&w.rx->exact.done, memory_order_relaxed);
	// From the change of its word on it is in flight at nobody: a broker that dies leaves that to its successor.
	if (atomic_load_explicit(&r->list->returned, memory_order_acquire))
		i = shmchan_list_retake(r, d->owner, done + 1, done);
	if (i == SHMCHAN_LIST_NONE) {
		if (!lock_head(d->b, r))
			return false;
		i = shmchan_list_pop(r, d->owner, done + 1);
		unlock_head(r);
	}
	if (i == SHMCHAN_LIST_NONE)
		return false;
	set_aside(&w, i, drop || r->on_crash == SHMCHAN_DROP);
	atomic_store_explicit(&w.rx->exact.taken, done + 1, memory_order_relaxed);
	atomic_store_explicit(&w.rx->freed, done + 1, memory_order_release);
	return true;
}

// ------------------------------------------------------------------------------------------------ C: the queue

// Walks back from the tail to the head, marks the nodes it meets, and tells links of a place behind them that D had taken
// without telling. Where the walk meets a link that is in use again, all before it has been taken.
static void close_gaps(const struct shmchan_ring_ref *r, shmchan_owner dead, uint8_t *seen)
{
	uint32_t head = SHMCHAN_TICKET(atomic_load_explicit(&r->list->head, memory_order_acquire));
	// Acquire: pairs with the releases of all exchanges before; prev and node of their links are there.
	uint64_t at = atomic_load_explicit(&r->list->tail, memory_order_acquire);

	for (uint32_t n = 0; n <= r->cap && SHMCHAN_LINK(at) <= r->cap && SHMCHAN_TICKET(at) != head; n++) {
		const struct shmchan_link *l = &r->links[SHMCHAN_LINK(at)];
		uint64_t before = atomic_load_explicit(&l->prev, memory_order_acquire);
		uint32_t i = atomic_load_explicit(&l->node, memory_order_relaxed);
		uint64_t next;

		if (SHMCHAN_TICKET(before) + 1 != SHMCHAN_TICKET(at) || SHMCHAN_LINK(before) > r->cap ||
		    i >= r->cap)
			return;
		seen[i] = 1;
		// In this order: not told, and then still not taken, hence the link before is where it was, and stays there until
		// it is told; nobody but the broker will.
		next = atomic_load_explicit(&r->links[SHMCHAN_LINK(before)].next, memory_order_acquire);
		if (next != at && word_of(r, i) == shmchan_node_word(SHMCHAN_NODE_SENT, dead, 0))
			shmchan_list_tell(r, before, at);
		at = before;
	}
}

static void push_for(const struct shmchan_ring_ref *r, uint32_t i)
{
	uint32_t link = atomic_load_explicit(&shmchan_list_node(r, i)->link, memory_order_relaxed);
	uint64_t before, place;

	if (link > r->cap) { // overwritten: it can't be sent
		shmchan_list_free(r, i);
		return;
	}
	// Dying after the exchange leaves a gap that names D: the next broker's walk closes it.
	if (several(r) ? shmchan_mpmc2_exchange(r, i, link, &before, &place)
		       : shmchan_mpsc_list_exchange(r, i, link, &before, &place))
		shmchan_list_tell(r, before, place);
}

static void free_claims(const struct shmchan_ring_ref *r, shmchan_owner dead, struct shmchan_repair *out)
{
	for (uint32_t i = 0; i < r->cap; i++) {
		uint64_t w = word_of(r, i);

		if (w == shmchan_node_word(SHMCHAN_NODE_CLAIMED, dead, 0)) {
			shmchan_list_free(r, i);
			atomic_fetch_add_explicit(&r->ring->aborted, 1, memory_order_relaxed);
			out->aborted++;
		} else if (w == shmchan_node_word(SHMCHAN_NODE_CACHED, dead, 0)) {
			// Failure: a living producer has taken it out of the dead one's cache. Relaxed: nothing was written to it.
			atomic_compare_exchange_strong_explicit(&shmchan_list_node(r, i)->word, &w, 0,
								memory_order_relaxed, memory_order_relaxed);
		}
	}
}

bool shmchan_list_reclaim(struct shmchan_broker *b, const struct shmchan_ring_ref *r, shmchan_owner dead,
			  struct shmchan_repair *out)
{
	uint64_t sent = shmchan_node_word(SHMCHAN_NODE_SENT, dead, 0);
	uint8_t *seen = calloc(r->cap, 1);

	if (!seen || !lock_tail(b, r)) {
		free(seen);
		return false;
	}
	close_gaps(r, dead, seen);
	// Sent, still not taken, and not met in the queue: it never got there. (Had it been met too late, because the walk came
	// to a link in use again, it would have been taken before that, and its word would say so.)
	for (uint32_t i = 0; i < r->cap; i++)
		if (!seen[i] && word_of(r, i) == sent)
			push_for(r, i);
	unlock_tail(r);
	free(seen);
	free_claims(r, dead, out);
	return true;
}
