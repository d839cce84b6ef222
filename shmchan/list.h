// The list: what the kinds mpsc-list and mpmc2 are made of. It follows the header that all channels share (ring.h), whose
// receiving side (lines 5, 6 and 8..) it does not use: here every consumer has lines of its own.
//
//	part           content                          writer                    read by
//	ring header    parameters, counters, tx_wait    as in ring.h              all
//	tail line      tail, tail lock                  producers                 producers
//	head line      head, head position, head lock   consumers                 consumers
//	hint line      where to look for a free node    producers                 producers
//	wait line      rx_wait, returned                consumers, broker         producers, consumers
//	per consumer   taken, done, intent              that consumer             nobody on the path: exact, for recovery
//	               freed, waiting                   that consumer             producers, when the channel looks full
//	               tally records                    that consumer             tools
//	links          next, prev, node                 producer; next: the one   consumers
//	                                                behind it
//	nodes          word, header, payload            their owner               consumers
//
// A *node* is a message; there are exactly as many as the capacity. Each has one word of state and owner:
//
//	FREE --CAS--> CACHED(producer) --CAS--> CLAIMED(producer) --store--> SENT(producer)
//	SENT --store, by who may take--> TAKEN(consumer, n-th it took) --store, after done--> FREE
//	CLAIMED, CACHED --cancel, close, recovery--> FREE
//	CACHED(producer) --CAS by another that finds no free one--> CLAIMED(other)
//	TAKEN(dead) --recovery, policy redeliver--> RETURNED --CAS by a consumer--> TAKEN(consumer, n-th it took)
//
// There is no free list: a node is found by looking from a shared hint on, and is taken by the change of its own word.
// So there is nothing to pop, no ABA, and no instruction at which a node is in neither place. Each producer caches a few
// nodes, marked as its own, so that neither the hint nor its neighbours' nodes are touched by every message; a producer
// that finds no free node takes one from another's cache.
//
// A *link* is an element of the queue; there is one more than nodes. Every node has a link of its own; the remaining one
// is the dummy at the head. Pushing puts the node's link behind the tail; taking makes that link the dummy and gives the
// old dummy to the node. A place in the queue has a ticket (its number), and a reference to a link always carries it:
//
//	tail       (ticket, link) of the newest          prev of a link    (ticket, link) of the one before it: what
//	head       (ticket, link) of the dummy                             stood in the tail when this one replaced it
//	next       (ticket, link) of the one behind
//
// Pushing is Vyukov's: the tail is exchanged, then the link before is told. `prev` is written before the exchange and the
// exchange is a compare-and-swap that fails if it is wrong; so the tail and the prevs are the truth about the order, to
// the last message, at every instruction, and `next` is a hint that can be made from them. A producer that dies between
// exchange and link leaves a gap that the broker closes by walking back from the tail: it need not wait for living
// producers in the middle of a push, nor guess how fragments belong together, whatever number of producers is dead.
// (With a plain exchange prev would be known only after it, and a death in between would lose it. A compare-and-swap
// that fails costs another round of the loop, and another producer has then got further.)
// In mpmc2 the tail and the head each have a lock (lock.h): Michael and Scott's two locks. The rest is the same.
//
// Truth: the words of the nodes; tail, and prev and node of the links from the tail back to the head; `done`.
// Derived: next, head (behind by at most one), taken, freed, hint, returned; rebuilt by recovery.
//
// A message is sent by the store of SENT, of which recovery makes a push if need be; taken by the store of TAKEN; and
// completed by the store of its consumer's `done`, as in the ring (ring.h): TAKEN by a consumer and of a number in
// (done, done + capacity] is in flight. The answer's intent and the tally work as there, per consumer.
//
// Order: mpsc-list keeps that of each producer, and is FIFO by exchange of the tail. mpmc2 gives messages out in
// that order too: one consumer sees those of a producer in order, though not all of them. What several consumers do
// with them meanwhile, and what is given back after a death, has no order.
#ifndef SHMCHAN_LIST_H
#define SHMCHAN_LIST_H

#include "shmchan/lock.h"
#include "shmchan/ring.h"

#define SHMCHAN_LIST_CACHE 8 // nodes a producer keeps, at most
#define SHMCHAN_LIST_NONE UINT32_MAX

enum shmchan_node_state {
	SHMCHAN_NODE_FREE = 0,
	SHMCHAN_NODE_CACHED = 1,
	SHMCHAN_NODE_CLAIMED = 2,
	SHMCHAN_NODE_SENT = 3,
	SHMCHAN_NODE_TAKEN = 4,
	SHMCHAN_NODE_RETURNED = 5,
};

// Owner in [0,32), state in [32,35), number modulo 2^29 in [35,64).
#define SHMCHAN_NODE_NO_MASK 0x1fffffffu

static inline uint64_t shmchan_node_word(enum shmchan_node_state state, shmchan_owner owner, uint64_t no)
{
	return (no & SHMCHAN_NODE_NO_MASK) << 35 | (uint64_t)state << 32 | owner;
}

static inline enum shmchan_node_state shmchan_node_state(uint64_t word)
{
	return (enum shmchan_node_state)(word >> 32 & 7);
}

// How far the number in `word` is ahead of `done`; not positive: completed.
static inline int32_t shmchan_node_ahead(uint64_t word, uint64_t done)
{
	return (int32_t)(((uint32_t)(word >> 35) - (uint32_t)done) << 3) >> 3;
}

#define SHMCHAN_NODE_LEN(packed) ((packed)&0xffffff)
#define SHMCHAN_NODE_DELIVERIES(packed) ((packed) >> 24)

struct shmchan_node {
	_Atomic uint64_t word;
	uint64_t corr;
	_Atomic uint32_t len; // payload bytes in [0,24), deliveries in [24,32)
	uint16_t type, reply;
	_Atomic uint32_t block; // shmchan_block; 0 in a free node
	uint32_t sender;        // owner tag
	_Atomic uint32_t link;  // its own; while it is queued, none
	uint32_t pad;
	_Atomic uint64_t pos; // in the channel; set when it is taken
	unsigned char data[];
};
_Static_assert(sizeof(struct shmchan_node) == 48, "layout");

struct shmchan_link {
	_Atomic uint64_t next, prev;
	_Atomic uint32_t node;
	char pad[12];
};
_Static_assert(sizeof(struct shmchan_link) == 32, "layout");

// 0 is no place, whatever the ticket.
#define SHMCHAN_PLACE(ticket, link) ((uint64_t)(uint32_t)(ticket) << 32 | (uint32_t)((link) + 1))
#define SHMCHAN_LINK(place) ((uint32_t)(place)-1)

struct shmchan_list_rx {
	struct shmchan_exact exact;
	char pad0[SHMCHAN_LINE - sizeof(struct shmchan_exact)];
	_Atomic uint64_t freed;   // <= done; lazy, in batches
	_Atomic uint32_t waiting; // mpmc2: this consumer sleeps, or is about to, until there is a message
	uint32_t slot;            // process slot
	char pad1[SHMCHAN_LINE - 16];
	struct shmchan_tally tally[2];
};
_Static_assert(sizeof(struct shmchan_list_rx) == 6 * SHMCHAN_LINE, "layout");

struct shmchan_list {
	_Atomic uint64_t tail;
	shmchan_lock tail_lock;
	char pad0[SHMCHAN_LINE - 16];
	_Atomic uint64_t head;
	_Atomic uint64_t head_pos; // ticket of head in full; may lag by one
	shmchan_lock head_lock;
	char pad1[SHMCHAN_LINE - 24];
	_Atomic uint32_t hint;
	char pad2[SHMCHAN_LINE - 4];
	_Atomic uint32_t rx_wait;  // mpmc2: nonzero if a consumer's `waiting` may be
	_Atomic uint32_t returned; // nonzero if a node may be RETURNED
	char pad3[SHMCHAN_LINE - 8];
	struct shmchan_list_rx rx[];
};
_Static_assert(sizeof(struct shmchan_list) == 4 * SHMCHAN_LINE, "layout");

// Called by the verbs of ring.h: bytes behind the ring header, 0 if out of bounds; formatting; a checked view.
uint64_t shmchan_list_footprint(const struct shmchan_ring_params *p);
uint32_t shmchan_list_stride(uint32_t msg_size);
void shmchan_list_new(struct shmchan_ring *ring, const struct shmchan_ring_params *p);
// Sets the list's part of `r`; what ring.h knows is set.
void shmchan_list_join(struct shmchan_ring_ref *r);

static inline struct shmchan_node *shmchan_list_node(const struct shmchan_ring_ref *r, uint32_t i)
{
	return (void *)(r->cells + (size_t)i * r->stride);
}

// What the message in n says of itself, read once and not checked.
static inline void shmchan_list_head(const struct shmchan_node *n, struct shmchan_head *out)
{
	uint32_t packed = atomic_load_explicit(&n->len, memory_order_relaxed);

	*out = (struct shmchan_head){.corr = n->corr,
				     .len = SHMCHAN_NODE_LEN(packed),
				     .sender = n->sender,
				     .deliveries = SHMCHAN_NODE_DELIVERIES(packed),
				     .block = atomic_load_explicit(&n->block, memory_order_relaxed),
				     .type = n->type,
				     .reply = n->reply};
}

// Number of the consumer with that process slot; SHMCHAN_LIST_NONE if it is none.
uint32_t shmchan_list_consumer(const struct shmchan_ring_ref *r, unsigned slot);

// Sums over the consumers. Pushed: messages ever put behind the tail, made of the ticket and of `done` near it.
uint64_t shmchan_list_taken(const struct shmchan_ring_ref *r);
uint64_t shmchan_list_done(const struct shmchan_ring_ref *r);
uint64_t shmchan_list_freed(const struct shmchan_ring_ref *r);
uint64_t shmchan_list_pushed(const struct shmchan_ring_ref *r);
void shmchan_list_stat(const struct shmchan_ring_ref *r, struct shmchan_stat *out);
void shmchan_list_tally(const struct shmchan_ring_ref *r, uint64_t v[SHMCHAN_TALLY_ALL]);
void shmchan_list_check(const struct shmchan_ring_ref *r, struct shmchan_reporter *to);

// Node of the k-th message that is not completed, those taken first; for tools. SHMCHAN_LIST_NONE: there are fewer.
uint32_t shmchan_list_nth(const struct shmchan_ring_ref *r, uint32_t k, uint64_t *pos, bool *in_flight);

// Node that holds the message at `pos`, or held it last; for tools. SHMCHAN_LIST_NONE: it is in use again, or not told yet.
uint32_t shmchan_list_find(const struct shmchan_ring_ref *r, uint64_t pos);

// Has the message at `pos` been taken?
static inline bool shmchan_list_passed(const struct shmchan_ring_ref *r, uint64_t pos)
{
	uint64_t head = atomic_load_explicit(&r->list->head, memory_order_acquire);

	return (int32_t)((uint32_t)pos + 1 - SHMCHAN_TICKET(head)) <= 0;
}

// ---- the queue

// Is there a message behind the head, or one that was given back? A hint where several take.
bool shmchan_list_any(const struct shmchan_ring_ref *r);
// Takes the message behind the head, as the `no`-th of its owner: SHMCHAN_LIST_NONE if there is none. The caller is the only
// consumer, or holds the head lock.
uint32_t shmchan_list_pop(const struct shmchan_ring_ref *r, shmchan_owner owner, uint64_t no);
// Finishes what pop had begun when its caller died.
void shmchan_list_repair_head(const struct shmchan_ring_ref *r);
// Tells the link before: from here on it can be taken.
void shmchan_list_tell(const struct shmchan_ring_ref *r, uint64_t before, uint64_t place);
// Finishes what exchange and tell had begun when their caller died, for the newest place. Under the tail lock.
void shmchan_list_repair_tail(const struct shmchan_ring_ref *r);
// Takes a message that was given back; mpsc-list: the oldest of them.
uint32_t shmchan_list_retake(const struct shmchan_ring_ref *r, shmchan_owner owner, uint64_t no,
			     uint64_t done);
// Gives a completed or cancelled node back.
void shmchan_list_free(const struct shmchan_ring_ref *r, uint32_t i);

#endif
