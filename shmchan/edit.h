// What an operator changes in a running group. Carried out by the broker, between two steps of its own, so that nothing is
// spawned meanwhile, and under the rules of the channel: a channel with one writer is written to only while its
// producers have no process, and emptied only while its consumers have none.
//
// The broker may die at any instruction: shmchan_broker_adopt finishes or undoes what it was at, so that a letter is
// replayed or still there, and a message drained or still queued, never both and never neither.
#ifndef SHMCHAN_EDIT_H
#define SHMCHAN_EDIT_H

#include "shmchan/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

// A block to be sent with a message: its bytes, and the pool to take it from.
struct shmchan_edit_block {
	const char *pool;
	const void *data;
	size_t len; // <= block size of the pool; the rest of the block is zero
};

// shmchan_broker_inject sends one message as the broker. m->block is not read; `block` may be NULL.
// A channel for many producers can be sent to at any time, one with a single writer while that has no process.
// Errors: ENOENT no such channel or pool; EBUSY a producer runs; FULL; EXHAUSTED; EINVAL the message does not fit the
// channel, a slot-ref gets no block, or the block is larger than those of the pool.
SHMCHAN_API int shmchan_broker_inject(struct shmchan_broker *b, const char *channel,
				      const struct shmchan_msg *m, const struct shmchan_edit_block *block,
				      struct shmchan_why *why);

// shmchan_broker_drain completes at most `limit` of the queued messages in the consumer's stead, the oldest first: with
// drop they are forgotten, else each becomes a dead letter. Who waits for an answer to one is told PEER_DIED either way.
// *cnt is their number, *left how many are queued still. Errors: ENOENT; EBUSY a consumer runs.
SHMCHAN_API int shmchan_broker_drain(struct shmchan_broker *b, const char *channel, uint64_t limit, bool drop,
				     uint64_t *cnt, uint64_t *left, struct shmchan_why *why);

// shmchan_broker_dead_drop forgets letter `no`. An answer that is due to its sender is given all the same. Errors: ENOENT.
SHMCHAN_API int shmchan_broker_dead_drop(struct shmchan_broker *b, uint64_t no, struct shmchan_why *why);

// shmchan_broker_dead_replay sends letter `no` to its channel again, as its sender did, and takes it out of the store.
// Errors: ENOENT; EBUSY, FULL as for inject; EINVAL the message had a block, or not all of its bytes were kept.
SHMCHAN_API int shmchan_broker_dead_replay(struct shmchan_broker *b, uint64_t no, struct shmchan_why *why);

// shmchan_broker_repair mends what shmchan_broker_check complains of and what can be mended: claims and blocks of
// incarnations that are gone, blocks of messages that are completed, impossible words of blocks and letters; and, in
// channels whose consumers have no process, positions that can't be true. Calls report(ctx, object, what was done) for
// each; returns how many. What is left, shmchan_broker_check tells.
SHMCHAN_API int shmchan_broker_repair(struct shmchan_broker *b,
				      void (*report)(void *ctx, const char *object, const char *text),
				      void *ctx);

#ifdef __cplusplus
}
#endif
#endif
