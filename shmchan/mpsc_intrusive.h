// The many-producer single-consumer queue of blocks: the element of the queue is the block that is sent, and what links it
// stands in the pool beside the block (struct shmchan_pool_link), with the description of the message and its few bytes of
// payload. The channel has no nodes: to send costs no memory but the block's, and no search for some.
//
//	part          content                             writer      read by
//	tail (ring.h) place of the newest message         producers   producers, consumer
//	link of a     place of the message before it,     producer    consumer
//	block         header, payload
//	cells, exts   the messages that the consumer has  consumer    consumer
//	              brought over, as in spsc
//
// A *place* is (ticket, block): the ticket counts messages from 1. A producer fills its block's link, writes into it the
// place that stands in the tail, and exchanges the tail for its own by compare-and-swap, which fails if another was there
// first. With this exchange the message is sent. There is no second step, in which Vyukov's queue tells the block before of
// the one behind it and a death in between cuts the list; nobody writes to another's block, which may be of a pool that this
// process does not have; and there is no stub to be taken out and put in again, because a place is not looked into once its
// message is brought over.
//
// The list goes from the newest to the oldest. The consumer turns it round: it walks from the tail back to what it has, once
// for all that was sent meanwhile, copies each message into its cell, and publishes the cells from the oldest on. From there
// the receiving side is that of spsc: taken, done, intent, tally, what is in flight, what is given back. The copy is needed:
// the receiver may free the block, or send it on, long before it says done, and recovery wants the message then.
//
// Words of a block on its way: OWNED or KEPT(producer) --offer--> SENT(channel, producer) --accept--> OWNED(consumer).
// Whether a block that says SENT(channel, dead) was sent is told by the list: it is in it, or in a cell that is not completed, or
// it was never sent, and is the dead producer's as before. That is exact also while the consumer runs: it takes in order and
// changes the word of a block before it goes on, so that where a walk meets a block that is in use again, all before it
// have other words too.
//
// Accepted, a block may be sent again, and through the same channel, while the message it came with is in flight. Its word
// does not say which of the two it is in; its link does, which is written before the word (shmchan_chain_word).
//
// Capacity: ticket of the tail - messages whose cells are free again, both known to a producer at the exchange; so it holds
// exactly whatever the number of producers, and a reservation is only a look. Recovery rebuilds `head` from `done`.
//
// A producer that listens to its push probe marks its offer HELD until the probe has fired, which has to be before the
// message is taken; the consumer takes nothing from a HELD block on. Recovery takes the mark away.
//
// A block's link must be readable for the consumer: it maps all pools that it is declared to use, and a block of another
// pool can't be sent. PEER_DIED comes as in 1 -> 1 channels, beside the queue: the broker has no block to send.
//
// Truth: tail, prev of the links from there back to the newest cell, and what ring.h says of spsc. Derived: head, full,
// high_water.
#ifndef SHMCHAN_MPSC_INTRUSIVE_H
#define SHMCHAN_MPSC_INTRUSIVE_H

#include "shmchan/chan.h"

// Where a consumer, or the broker in its stead, writes the next cell.
struct shmchan_chain_cursor {
	uint64_t pos, lap;
	uint32_t i;
};

typedef struct shmchan_pool_ref *const *shmchan_chain_pools; // by number; NULL: can't be read

// ---- the queue

// Position of the next message to be sent, in [done, done + capacity].
uint64_t shmchan_chain_pushed(const struct shmchan_ring_ref *r);
// Behind the cells that are written.
struct shmchan_chain_cursor shmchan_chain_cursor(const struct shmchan_ring_ref *r);
// Brings what was sent into the cells from *to on, and moves *to; returns how many. The caller is the only consumer, or
// the broker while there is none. What can't be read for a broken list becomes a message that is refused.
uint32_t shmchan_chain_bring(const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
			     struct shmchan_chain_cursor *to, uint64_t done);
// The link of the message at `pos`, which is in no cell yet, and its block; NULL: it can't be found. For tools.
const struct shmchan_pool_link *shmchan_chain_find(const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
						   uint64_t pos, shmchan_block *b);
// The word of block i, if it is in the message at `pos` and not accepted from there; else 0. A block that has been accepted may be
// in a later message of the channel: then its link names another place.
uint64_t shmchan_chain_word(const struct shmchan_ring_ref *r, const struct shmchan_pool_ref *p, uint32_t i, uint64_t pos);
// Puts block i, which is `owner`'s, a dead consumer's, into that message again. ENOENT.
int shmchan_chain_offer_again(const struct shmchan_ring_ref *r, struct shmchan_pool_ref *p, uint32_t i, shmchan_owner owner,
			      uint64_t pos);
// What it says of itself, as shmchan_ring_head.
void shmchan_chain_head(const struct shmchan_pool_link *l, shmchan_block b, struct shmchan_head *out);
void shmchan_chain_check(const struct shmchan_ring_ref *r, shmchan_chain_pools pools, struct shmchan_reporter *to);

// Blocks in the messages of channels and not accepted, each channel's as of the first question about it.
struct shmchan_chain_set {
	struct shmchan_chain_set *next;
	const struct shmchan_ring_ref *r;
	uint32_t cnt;
	shmchan_block block[];
};
struct shmchan_chain_sets {
	struct shmchan_chain_set *first;
};
// Is the block in a message of the channel, and not accepted from there? If memory is short: true.
bool shmchan_chain_holds(struct shmchan_chain_sets *s, const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
			 shmchan_block b);
void shmchan_chain_forget(struct shmchan_chain_sets *s);

// ---- the ends

// Makes and frees ch->chain; the handle's common part is set, and of a receiving end that of ring.h. ENOMEM, ECORRUPT, ESYS,
// ETRUNC (a pool).
int shmchan_chain_end_open(struct shmchan *ch);
void shmchan_chain_end_close(struct shmchan *ch);
int shmchan_chain_reserve(struct shmchan *ch); // FULL; claims nothing
void *shmchan_chain_room(struct shmchan *ch);  // private to this process
// 0, ENOENT the block is not this process's, EINVAL the consumer can't read it.
int shmchan_chain_may_send(const struct shmchan *ch, shmchan_block b);
// Sends m with `data`. On error the block is as it was. ENOENT, EINVAL, FULL.
int shmchan_chain_send(struct shmchan *ch, const struct shmchan_msg *m, const void *data);
bool shmchan_chain_has_room(const struct shmchan *ch);
// The consumer's own shmchan_chain_bring: is there anything more to take?
bool shmchan_chain_refill(struct shmchan *ch);
// As shmchan_take_block.
void shmchan_chain_take_block(struct shmchan *ch, struct shmchan_msg *m, shmchan_block b, bool again);
// Frees the block of the message that was taken last, which is refused.
void shmchan_chain_refuse(struct shmchan *ch, shmchan_block b);

#endif
