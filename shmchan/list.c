#include "shmchan/list.h"

#include <string.h>

// Large nodes share no cache line with their neighbours; small ones don't either, as each is written by another process.
uint32_t shmchan_list_stride(uint32_t msg_size)
{
	return (uint32_t)shmchan_align(sizeof(struct shmchan_node) + msg_size, 64);
}

static uint64_t links_off(uint32_t rx_cnt)
{
	return sizeof(struct shmchan_list) + rx_cnt * sizeof(struct shmchan_list_rx);
}

static uint64_t nodes_off(uint32_t rx_cnt, uint32_t cap)
{
	return links_off(rx_cnt) +
	       shmchan_align(((uint64_t)cap + 1) * sizeof(struct shmchan_link), SHMCHAN_LINE);
}

uint64_t shmchan_list_footprint(const struct shmchan_ring_params *p)
{
	uint32_t rx_cnt = p->rx_cnt ? p->rx_cnt : 1;

	if (rx_cnt > SHMCHAN_SLOT_MAX || (p->kind != SHMCHAN_KIND_MPMC2 && rx_cnt != 1))
		return 0;
	return nodes_off(rx_cnt, p->cap) +
	       shmchan_align((uint64_t)p->cap * shmchan_list_stride(p->msg_size), SHMCHAN_LINE);
}

void shmchan_list_join(struct shmchan_ring_ref *r)
{
	char *mem = (char *)r->ring + sizeof(*r->ring);

	r->list = (void *)mem;
	r->links = (void *)(mem + links_off(r->rx_cnt));
	r->cells = mem + nodes_off(r->rx_cnt, r->cap);
	r->stride = shmchan_list_stride(r->msg_size);
}

void shmchan_list_new(struct shmchan_ring *ring, const struct shmchan_ring_params *p)
{
	struct shmchan_ring_ref r = {
		.ring = ring, .cap = p->cap, .msg_size = p->msg_size, .rx_cnt = p->rx_cnt ? p->rx_cnt : 1};

	shmchan_list_join(&r);
	for (uint32_t k = 0; k < r.rx_cnt; k++) {
		r.list->rx[k].slot = p->consumers ? p->consumers[k] : p->consumer;
		atomic_init(&r.list->rx[k].tally[1].pos, SHMCHAN_TALLY_INVALID);
	}
	// Link 0 is the dummy.
	atomic_init(&r.list->tail, SHMCHAN_PLACE(0, 0));
	atomic_init(&r.list->head, SHMCHAN_PLACE(0, 0));
	for (uint32_t i = 0; i < r.cap; i++)
		atomic_init(&shmchan_list_node(&r, i)->link, i + 1);
}

uint32_t shmchan_list_consumer(const struct shmchan_ring_ref *r, unsigned slot)
{
	for (uint32_t k = 0; k < r->rx_cnt; k++)
		if (r->list->rx[k].slot == slot)
			return k;
	return SHMCHAN_LIST_NONE;
}

// -------------------------------------------------------------------------------------------------- counting

uint64_t shmchan_list_done(const struct shmchan_ring_ref *r)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < r->rx_cnt; k++)
		sum += atomic_load_explicit(&r->list->rx[k].exact.done, memory_order_acquire);
	return sum;
}

uint64_t shmchan_list_freed(const struct shmchan_ring_ref *r)
{
	uint64_t sum = 0;

	// Acquire: pairs with the release in shmchan_list_flush; the words of those nodes are seen free.
	for (uint32_t k = 0; k < r->rx_cnt; k++)
		sum += atomic_load_explicit(&r->list->rx[k].freed, memory_order_acquire);
	return sum;
}

uint64_t shmchan_list_taken(const struct shmchan_ring_ref *r)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < r->rx_cnt; k++)
		sum += atomic_load_explicit(&r->list->rx[k].exact.taken, memory_order_acquire);
	return sum;
}

uint64_t shmchan_list_pushed(const struct shmchan_ring_ref *r)
{
	uint64_t done = shmchan_list_done(r);
	// Never behind what is done: read after it.
	uint32_t ahead =
		SHMCHAN_TICKET(atomic_load_explicit(&r->list->tail, memory_order_acquire)) - (uint32_t)done;

	return (int32_t)ahead < 0 ? done : done + ahead;
}

void shmchan_list_tally(const struct shmchan_ring_ref *r, uint64_t v[SHMCHAN_TALLY_ALL])
{
	uint64_t one[SHMCHAN_TALLY_ALL] = {0};

	memset(v, 0, SHMCHAN_TALLY_ALL * sizeof(v[0]));
	for (uint32_t k = 0; k < r->rx_cnt; k++) {
		shmchan_tally_read(r->list->rx[k].tally, &r->list->rx[k].exact.done, one);
		for (int i = 0; i < SHMCHAN_TALLY_ALL; i++)
			v[i] += one[i];
	}
}

void shmchan_list_stat(const struct shmchan_ring_ref *r, struct shmchan_stat *out)
{
	uint64_t v[SHMCHAN_TALLY_ALL], done = shmchan_list_done(r), took = shmchan_list_taken(r),
				       pushed = shmchan_list_pushed(r);

	// Read one after the other while others run: never less than what came of it.
	took = took - done > INT64_MAX ? done : took;
	pushed = pushed < took ? took : pushed;
	shmchan_list_tally(r, v);
	*out = (struct shmchan_stat){
		.enqueued = pushed,
		.dequeued = took,
		.done = done,
		.depth = pushed - took,
		.in_flight = took - done,
		.dead = v[SHMCHAN_TALLY_DEAD],
		.dropped = v[SHMCHAN_TALLY_DROPPED],
		.bad = v[SHMCHAN_TALLY_BAD],
		.aborted = atomic_load_explicit(&r->ring->aborted, memory_order_relaxed),
		.full = atomic_load_explicit(&r->ring->full, memory_order_relaxed),
		.high_water = atomic_load_explicit(&r->ring->high_water, memory_order_relaxed),
		.capacity = r->cap,
	};
}

// ------------------------------------------------------------------------------------------------- the queue

static struct shmchan_link *link_at(const struct shmchan_ring_ref *r, uint64_t place)
{
	uint32_t i = SHMCHAN_LINK(place);

	return i <= r->cap ? &r->links[i] : NULL;
}

static struct shmchan_node *node_of(const struct shmchan_ring_ref *r, const struct shmchan_link *l,
				    uint32_t *i)
{
	*i = atomic_load_explicit(&l->node, memory_order_relaxed);
	return *i < r->cap ? shmchan_list_node(r, *i) : NULL;
}

// The place behind `place`, 0 if nobody has told it of one.
static uint64_t behind(const struct shmchan_ring_ref *r, uint64_t place)
{
	const struct shmchan_link *l = link_at(r, place);
	// Pairs with the release in shmchan_list_tell: node, header and payload are there.
	uint64_t next = l ? atomic_load_explicit(&l->next, memory_order_acquire) : 0;

	return SHMCHAN_TICKET(next) == SHMCHAN_TICKET(place) + 1 && SHMCHAN_LINK(next) <= r->cap ? next : 0;
}

// Tickets have 32 bits, positions 64.
static uint64_t full_pos(const struct shmchan_ring_ref *r, uint32_t pos)
{
	uint64_t near = atomic_load_explicit(&r->list->head_pos, memory_order_relaxed);

	return near + (uint64_t)(int64_t)(int32_t)(pos - (uint32_t)near);
}

bool shmchan_list_any(const struct shmchan_ring_ref *r)
{
	return atomic_load_explicit(&r->list->returned, memory_order_relaxed) != 0 ||
	       behind(r, atomic_load_explicit(&r->list->head, memory_order_acquire)) != 0;
}

uint32_t shmchan_list_pop(const struct shmchan_ring_ref *r, shmchan_owner owner, uint64_t no)
{
	uint64_t head = atomic_load_explicit(&r->list->head, memory_order_relaxed), next;

	// More than once only past what a peer gone mad has left there.
	for (uint32_t n = 0; n <= r->cap && (next = behind(r, head)) != 0; n++) {
		struct shmchan_node *node;
		uint64_t pos = full_pos(r, SHMCHAN_TICKET(next) - 1);
		bool taken_it;
		uint32_t i;

		node = node_of(r, &r->links[SHMCHAN_LINK(next)], &i);
		taken_it =
			node && shmchan_node_state(atomic_load_explicit(&node->word, memory_order_relaxed)) ==
					SHMCHAN_NODE_SENT;
		if (taken_it) {
			// Dying before the word leaves a queued node with another link, which is written again.
			atomic_store_explicit(&node->pos, pos, memory_order_relaxed);
			atomic_store_explicit(&node->link, SHMCHAN_LINK(head), memory_order_relaxed);
			// The message is taken by this store. Dying before the next: shmchan_list_repair_head.
			atomic_store_explicit(&node->word, shmchan_node_word(SHMCHAN_NODE_TAKEN, owner, no),
					      memory_order_release);
		}
		// Release: who takes next, on another processor, sees this node's word.
		atomic_store_explicit(&r->list->head, next, memory_order_release);
		atomic_store_explicit(&r->list->head_pos, pos + 1, memory_order_relaxed);
		if (taken_it)
			return i;
		head = next;
	}
	return SHMCHAN_LIST_NONE;
}

void shmchan_list_repair_head(const struct shmchan_ring_ref *r)
{
	uint64_t head = atomic_load_explicit(&r->list->head, memory_order_acquire);
	uint64_t next = behind(r, head);
	struct shmchan_node *node;
	uint32_t i;

	if (!next)
		return;
	node = node_of(r, &r->links[SHMCHAN_LINK(next)], &i);
	if (node &&
	    shmchan_node_state(atomic_load_explicit(&node->word, memory_order_acquire)) ==
		    SHMCHAN_NODE_TAKEN &&
	    atomic_load_explicit(&node->link, memory_order_relaxed) == SHMCHAN_LINK(head))
		atomic_store_explicit(&r->list->head, next, memory_order_release);
}

void shmchan_list_tell(const struct shmchan_ring_ref *r, uint64_t before, uint64_t place)
{
	struct shmchan_link *l = link_at(r, before);

	// Pairs with the acquire in behind().
	if (l)
		atomic_store_explicit(&l->next, place, memory_order_release);
}

void shmchan_list_repair_tail(const struct shmchan_ring_ref *r)
{
	uint64_t tail = atomic_load_explicit(&r->list->tail, memory_order_acquire), before;
	const struct shmchan_link *l = link_at(r, tail);

	before = l ? atomic_load_explicit(&l->prev, memory_order_relaxed) : 0;
	// Told already, it does no harm: a link that was taken meanwhile has another ticket, or gets one before it counts.
	if (l && SHMCHAN_TICKET(tail) != SHMCHAN_TICKET(atomic_load(&r->list->head)) &&
	    SHMCHAN_TICKET(before) + 1 == SHMCHAN_TICKET(tail))
		shmchan_list_tell(r, before, tail);
}

// ---------------------------------------------------------------------------------------- nodes given back, freed

uint32_t shmchan_list_retake(const struct shmchan_ring_ref *r, shmchan_owner owner, uint64_t no,
			     uint64_t done)
{
	// Twice: before the second look nobody is told any more that there is one.
	for (int look = 0; look < 2; look++) {
		uint32_t found = SHMCHAN_LIST_NONE;
		uint64_t w, best = 0;

		for (uint32_t i = 0; i < r->cap; i++) {
			w = atomic_load_explicit(&shmchan_list_node(r, i)->word, memory_order_acquire);
			if (shmchan_node_state(w) != SHMCHAN_NODE_RETURNED)
				continue;
			if (found != SHMCHAN_LIST_NONE &&
			    shmchan_node_ahead(w, done) >= shmchan_node_ahead(best, done))
				continue;
			found = i;
			best = w;
		}
		if (found != SHMCHAN_LIST_NONE) {
			atomic_store_explicit(&r->list->returned, 1, memory_order_relaxed);
			// Success acquire: the broker has put the message in order. Failure: another consumer has it.
			if (atomic_compare_exchange_strong_explicit(
				    &shmchan_list_node(r, found)->word, &best,
				    shmchan_node_word(SHMCHAN_NODE_TAKEN, owner, no), memory_order_acquire,
				    memory_order_relaxed))
				return found;
			return SHMCHAN_LIST_NONE;
		}
		// Sequentially consistent: the broker marks nodes, then sets it.
		atomic_store(&r->list->returned, 0);
	}
	return SHMCHAN_LIST_NONE;
}

void shmchan_list_free(const struct shmchan_ring_ref *r, uint32_t i)
{
	struct shmchan_node *node = shmchan_list_node(r, i);

	// A free node names no block, so that none is taken for its.
	atomic_store_explicit(&node->block, SHMCHAN_NO_BLOCK, memory_order_relaxed);
	// Release: what stood in it has been read. Pairs with the acquire of who claims it.
	atomic_store_explicit(&node->word, 0, memory_order_release);
}

// ---------------------------------------------------------------------------------------------------- for tools

// The smallest position from `from` on of a node that is taken or given back.
static uint32_t next_taken(const struct shmchan_ring_ref *r, uint64_t from, uint64_t *pos, bool *in_flight)
{
	uint32_t found = SHMCHAN_LIST_NONE;

	for (uint32_t i = 0; i < r->cap; i++) {
		const struct shmchan_node *n = shmchan_list_node(r, i);
		uint64_t w = atomic_load_explicit(&n->word, memory_order_acquire);
		uint64_t at = atomic_load_explicit(&n->pos, memory_order_relaxed);

		if (shmchan_node_state(w) < SHMCHAN_NODE_TAKEN || at < from ||
		    (found != SHMCHAN_LIST_NONE && at >= *pos))
			continue;
		found = i;
		*pos = at;
		*in_flight = shmchan_node_state(w) == SHMCHAN_NODE_TAKEN;
	}
	return found;
}

uint32_t shmchan_list_nth(const struct shmchan_ring_ref *r, uint32_t k, uint64_t *pos, bool *in_flight)
{
	uint64_t from = 0, place = atomic_load_explicit(&r->list->head, memory_order_acquire);
	uint32_t i = SHMCHAN_LIST_NONE;

	if (k >= r->cap)
		return i;
	for (; (i = next_taken(r, from, pos, in_flight)) != SHMCHAN_LIST_NONE; from = *pos + 1)
		if (k-- == 0)
			return i;
	do {
		place = behind(r, place);
		if (!place)
			return SHMCHAN_LIST_NONE;
	} while (k--);
	*pos = full_pos(r, SHMCHAN_TICKET(place) - 1);
	*in_flight = false;
	node_of(r, &r->links[SHMCHAN_LINK(place)], &i);
	return i < r->cap ? i : SHMCHAN_LIST_NONE;
}

static uint32_t find_queued(const struct shmchan_ring_ref *r, uint64_t head, uint64_t pos)
{
	uint64_t place = head;
	uint32_t i = SHMCHAN_LIST_NONE;

	for (uint32_t n = 0; n < r->cap && (place = behind(r, place)) != 0; n++)
		if (SHMCHAN_TICKET(place) == (uint32_t)pos + 1) {
			node_of(r, &r->links[SHMCHAN_LINK(place)], &i);
			return i < r->cap ? i : SHMCHAN_LIST_NONE;
		}
	return SHMCHAN_LIST_NONE;
}

uint32_t shmchan_list_find(const struct shmchan_ring_ref *r, uint64_t pos)
{
	uint64_t head = atomic_load_explicit(&r->list->head, memory_order_acquire);

	if (!shmchan_list_passed(r, pos))
		return find_queued(r, head, pos);
	for (uint32_t i = 0; i < r->cap; i++) {
		const struct shmchan_node *n = shmchan_list_node(r, i);
		enum shmchan_node_state state =
			shmchan_node_state(atomic_load_explicit(&n->word, memory_order_acquire));

		// One that has been used has a sender. A free one keeps what was in it until it is claimed.
		if ((state == SHMCHAN_NODE_FREE || state >= SHMCHAN_NODE_TAKEN) && n->sender &&
		    atomic_load_explicit(&n->pos, memory_order_relaxed) == pos)
			return i;
	}
	return SHMCHAN_LIST_NONE;
}

static void check_counts(const struct shmchan_ring_ref *r, struct shmchan_reporter *to)
{
	for (uint32_t k = 0; k < r->rx_cnt; k++) {
		const struct shmchan_list_rx *rx = &r->list->rx[k];
		// In this order: a live consumer moves taken, then done, then freed.
		uint64_t freed = atomic_load_explicit(&rx->freed, memory_order_acquire);
		uint64_t done = atomic_load_explicit(&rx->exact.done, memory_order_acquire);
		uint64_t took = atomic_load_explicit(&rx->exact.taken, memory_order_acquire);

		if (freed > done)
			shmchan_report(to, r->name, "consumer %u: freed %llu is past done %llu", rx->slot,
				 (unsigned long long)freed, (unsigned long long)done);
		if (took < done)
			shmchan_report(to, r->name, "consumer %u: done %llu is past taken %llu", rx->slot,
				 (unsigned long long)done, (unsigned long long)took);
	}
}

static void check_nodes(const struct shmchan_ring_ref *r, struct shmchan_reporter *to)
{
	for (uint32_t i = 0; i < r->cap; i++) {
		const struct shmchan_node *n = shmchan_list_node(r, i);
		uint64_t w = atomic_load_explicit(&n->word, memory_order_acquire);
		uint32_t len = SHMCHAN_NODE_LEN(atomic_load_explicit(&n->len, memory_order_relaxed));
		uint32_t link = atomic_load_explicit(&n->link, memory_order_relaxed);

		if (w && (shmchan_node_state(w) == SHMCHAN_NODE_FREE ||
			  shmchan_node_state(w) > SHMCHAN_NODE_RETURNED))
			shmchan_report(to, r->name, "node %u has the impossible word %016llx", i, (unsigned long long)w);
		else if (shmchan_node_state(w) >= SHMCHAN_NODE_SENT && len > r->msg_size &&
			 atomic_load(&n->word) == w)
			shmchan_report(to, r->name, "message in node %u says %u bytes, a node has %u", i, len,
				 r->msg_size);
		if (link > r->cap)
			shmchan_report(to, r->name, "node %u has link %u of %u", i, link, r->cap + 1);
	}
}

// From the head, as a consumer goes. Each place holds a message that was sent; the last is the tail.
static void check_queue(const struct shmchan_ring_ref *r, struct shmchan_reporter *to)
{
	uint64_t tail = atomic_load_explicit(&r->list->tail, memory_order_acquire);
	uint64_t head = atomic_load_explicit(&r->list->head, memory_order_acquire), at = head, next;
	uint32_t depth = SHMCHAN_TICKET(tail) - SHMCHAN_TICKET(head), n = 0;

	if (depth > r->cap && (int32_t)depth >= 0) {
		// The tail was read first: producers and consumers that run on only bring it nearer.
		shmchan_report(to, r->name, "%u places between head and tail, of %u", depth, r->cap);
		return;
	}
	for (; (int32_t)depth > 0 && n < depth && (next = behind(r, at)) != 0; n++) {
		const struct shmchan_node *node;
		uint32_t i;

		node = node_of(r, &r->links[SHMCHAN_LINK(next)], &i);
		if (!node || (shmchan_node_state(atomic_load_explicit(&node->word, memory_order_acquire)) !=
				      SHMCHAN_NODE_SENT &&
			      atomic_load_explicit(&r->list->head, memory_order_acquire) == head)) {
			shmchan_report(to, r->name, "place %u holds no message", SHMCHAN_TICKET(next));
			return;
		}
		at = next;
	}
	if (n == depth && at != tail && depth > 0 &&
	    atomic_load_explicit(&r->list->head, memory_order_acquire) == head)
		shmchan_report(to, r->name, "place %u is not the tail", SHMCHAN_TICKET(at));
}

void shmchan_list_check(const struct shmchan_ring_ref *r, struct shmchan_reporter *to)
{
	check_counts(r, to);
	check_nodes(r, to);
	check_queue(r, to);
}
