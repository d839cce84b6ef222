// libshmchan: bounded channels and block pools in POSIX shared memory, for processes that may die at any
// instruction. This header is all that a service needs; broker.h is for the program that owns a group.
//
//	struct shmchan_proc *me;
//	struct shmchan *in, *out;
//	struct shmchan_msg m;
//
//	shmchan_attach_env(&me, NULL);
//	shmchan_open(me, "requests", SHMCHAN_RX, &in, NULL);
//	shmchan_open(me, "verdicts", SHMCHAN_TX, &out, NULL);
//	shmchan_ready(me);
//	while (shmchan_recv(in, &m, SHMCHAN_FOREVER) == 0) {
//		struct shmchan_msg answer = {.corr = m.corr, .type = 1};
//		shmchan_answer(in, out, &answer, SHMCHAN_FOREVER);
//	}
//
// Receiving takes: a message leaves the queue before the caller sees it, and is *in flight* until the caller
// says done. What is in flight when a process dies is set aside as a dead letter; its sender, if it named a
// reply channel, receives a message with status SHMCHAN_PEER_DIED. Nothing else is lost, repeated or reordered.
//
// Threads: a handle is used by one thread at a time; different channels of one process may be used by
// different threads, but only one of them may wait (shmchan_recv, shmchan_send, shmchan_select) at a time.
// No call allocates memory except attach, open and shmchan_reply_channel.
#ifndef SHMCHAN_SHMCHAN_H
#define SHMCHAN_SHMCHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "shmchan/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shmchan_proc; // this process's attachment to a group
struct shmchan;      // one end of a channel
struct shmchan_pool; // a pool of blocks

enum shmchan_kind {
	SHMCHAN_KIND_SLOT = 1,     // 1 -> 1, one item, stored in place
	SHMCHAN_KIND_SLOT_REF = 2, // 1 -> 1, one item that must carry a block
	SHMCHAN_KIND_SPSC = 3,     // 1 -> 1, wait-free ring
	SHMCHAN_KIND_MPSC = 4,     // n -> 1, ring whose cells are claimed by compare-and-swap
	SHMCHAN_KIND_MPSC_LIST = 5, // n -> 1, linked list of nodes: a reservation holds up nobody
	SHMCHAN_KIND_MPSC_INTRUSIVE = 6, // n -> 1, linked list of the blocks that are sent: each message must carry one
	SHMCHAN_KIND_MPMC2 = 7,          // n -> m, linked list with a lock at each end; each message goes to one consumer
};

// shmchan_kind_name: as topologies write it: "slot-ref". Never NULL, also for what is no kind.
SHMCHAN_API const char *shmchan_kind_name(enum shmchan_kind kind);

enum shmchan_on_crash {
	SHMCHAN_DEAD_LETTER = 0, // what was in flight is kept, the sender is told
	SHMCHAN_DROP = 1,        // it is forgotten, the sender is told
	SHMCHAN_REDELIVER =
		2, // the replacement gets it again, at most max_deliveries times, then dead letter
};

enum { SHMCHAN_TX = 1, SHMCHAN_RX = 2 };

#define SHMCHAN_NAME_MAX 32        // bytes of any name, with the final NUL; [a-zA-Z0-9_-] only
#define SHMCHAN_FOREVER UINT64_MAX // as a timeout in nanoseconds
#define SHMCHAN_NO_BLOCK 0u
#define SHMCHAN_TYPE_MAX 0xfeff // message types above this are the library's own
#define SHMCHAN_TALLY_MAX 16
#define SHMCHAN_SLOT_MAX 1024      // process slots of a group, the supervisor's (slot 0) among them
#define SHMCHAN_MSG_MAX (1u << 20) // bytes of payload in a cell; larger things travel in blocks
#define SHMCHAN_MSG_MAX_INTRUSIVE 96 // the same in mpsc-intrusive, beside the block

typedef uint32_t shmchan_block; // (pool number + 1, index); SHMCHAN_NO_BLOCK is none

// A message as its receiver sees it and as its sender describes it.
// Sender: sets type, corr, reply, block, len, data; the rest is ignored.
// Receiver: data points into the cell and stays valid until shmchan_done for this message; all other fields
// are copies, already checked against the bounds of the channel.
struct shmchan_msg {
	const void *data;
	uint32_t len;   // bytes at data, <= message size of the channel
	uint16_t type;  // <= SHMCHAN_TYPE_MAX
	uint16_t reply; // id of the channel the answer belongs in, 0 = none wanted
	uint64_t corr;  // correlation id: an answer repeats that of its request
	shmchan_block
		block;   // moved with the message: from commit on the receiver's; SHMCHAN_NO_BLOCK if none
	uint32_t sender; // owner tag of who sent it: process slot in the low 12 bits, incarnation above
	uint32_t deliveries; // earlier incarnations that died with this message in flight
	int status;          // 0; SHMCHAN_PEER_DIED: nobody will answer request `corr`; SHMCHAN_ECORRUPT: what came can't be
			     // received, as its length is out of bounds, its block is not the message's, or the block's pool
			     // is not open here. Then there is no block, and it is completed as any other
	uint64_t pos;        // position in the channel, from 0
};

// ---------------------------------------------------------------------------------------------- process

// shmchan_attach maps the control segment of `group` and takes the place of incarnation `incarnation` in
// process slot `slot`, as the broker announced it (shmchan_broker_announce).
// Errors: ENOENT no such group or slot; EINVAL what can't be a group's name, or slot 0; ELAYOUT; ETRUNC; ECORRUPT; ESTALE
// the broker has announced another incarnation; ESYS; ENOMEM. On error *out is NULL and nothing is mapped. `why` may be NULL.
SHMCHAN_API int shmchan_attach(struct shmchan_proc **out, const char *group, unsigned slot,
			       unsigned incarnation, struct shmchan_why *why);

// shmchan_attach_env does the same with SHMCHAN_GROUP, SHMCHAN_SLOT and SHMCHAN_INCARNATION from the environment;
// EINVAL if one is missing or not a number. Where SHMCHAN_FDS is set ("OBJECT:FD,...", the control segment without a
// name), segments of the group are taken from these descriptors, for a process that may not open them; they become
// close-on-exec with their first use. With SHMCHAN_SPARE, not 0, this process was started ahead: the call waits until the slot is
// given to it, and leaves the environment as if it had been started then, which no other thread may read meanwhile.
SHMCHAN_API int shmchan_attach_env(struct shmchan_proc **out, struct shmchan_why *why);

// shmchan_detach closes all channels and pools opened through `p`, and unmaps. Messages in flight stay in
// flight: for recovery a process that detached and one that died are the same. NULL is allowed.
SHMCHAN_API void shmchan_detach(struct shmchan_proc *p);

// shmchan_ready tells the supervisor that this process serves: READY=1 in sd_notify's protocol to NOTIFY_SOCKET
// if that is set, and the ready flag of the process slot. Errors: ESYS (the flag is set all the same).
SHMCHAN_API int shmchan_ready(struct shmchan_proc *p);

// shmchan_beat counts one sign of life in the process slot. Waiting calls do it by themselves.
SHMCHAN_API void shmchan_beat(struct shmchan_proc *p);

SHMCHAN_API uint32_t shmchan_self(const struct shmchan_proc *p); // owner tag, as in shmchan_msg.sender
SHMCHAN_API const char *shmchan_self_name(const struct shmchan_proc *p); // service name of the slot

// shmchan_alive: is `sender` (an owner tag) the current incarnation of its process slot? A hint: true may be
// outdated when the call returns, false never becomes true again.
SHMCHAN_API bool shmchan_alive(const struct shmchan_proc *p, uint32_t sender);

// shmchan_receives: does a process stand at the receiving end of the channel, or is one about to, that is not to end soon? For
// who has several channels to choose from. A hint: outdated when the call returns.
SHMCHAN_API bool shmchan_receives(const struct shmchan *ch);

// shmchan_corr returns a correlation id that no other call, process or incarnation of the group returns
// (within 2^32 calls of one incarnation): owner tag in the upper half, a counter in the lower.
SHMCHAN_API uint64_t shmchan_corr(struct shmchan_proc *p);

// --------------------------------------------------------------------------------------------- channels

// shmchan_open maps channel `name` and joins it at one end: SHMCHAN_TX or SHMCHAN_RX. The handle belongs to `p`
// and lives until shmchan_close or shmchan_detach. Opening the same end twice gives EEXIST.
// Errors: ENOENT, EPERM (this service is not declared at that end), EINVAL (no name, or no end), ELAYOUT, ETRUNC, ECORRUPT,
// ESYS, ENOMEM. A call that is not for the end it is given, as a take at a sending end, returns EINVAL.
SHMCHAN_API int shmchan_open(struct shmchan_proc *p, const char *name, int end, struct shmchan **out,
			     struct shmchan_why *why);
// shmchan_close unmaps an end. What is in flight on it stays so; a receiving end that is opened again by the same
// incarnation begins with those messages.
SHMCHAN_API void shmchan_close(struct shmchan *ch);

SHMCHAN_API uint16_t shmchan_id(const struct shmchan *ch); // for shmchan_msg.reply; never 0
SHMCHAN_API const char *shmchan_name(const struct shmchan *ch);
SHMCHAN_API uint32_t shmchan_capacity(const struct shmchan *ch); // messages
SHMCHAN_API uint32_t shmchan_msg_size(const struct shmchan *ch); // bytes of payload a cell holds

// shmchan_reply_channel gives the sending end of the channel with id `reply`, opening it at the first call.
// Errors: as shmchan_open; the handle belongs to `p`.
SHMCHAN_API int shmchan_reply_channel(struct shmchan_proc *p, uint16_t reply, struct shmchan **out);

// shmchan_try_send copies m->data into a cell and publishes it. On success the message can be received, also
// if this process dies at once, and a block named by m is the receiver's. On any error nothing was published and
// the block is still the caller's. Errors: FULL; EINVAL (len or type too large, a block missing on slot-ref or mpsc-intrusive, on
// the latter one of a pool that the consumer is no user of); ENOENT (the block is not owned by this process).
// Ordering: everything the caller wrote before is visible to the receiver of this message. Messages of one
// producer on one channel arrive in the order of sending; in `mpsc`, those of different producers in that of claims, in
// lists (mpsc-list, mpsc-intrusive, mpmc2) in that of commits. Each message of an mpmc2 goes to one of its consumers, which sees
// those of a producer in their order, though not all of them; what is given back after a death has no order there.
SHMCHAN_API int shmchan_try_send(struct shmchan *ch, const struct shmchan_msg *m);

// shmchan_send waits at most timeout_ns for a free cell. Errors: as shmchan_try_send, but TIMEOUT for FULL; INTR.
SHMCHAN_API int shmchan_send(struct shmchan *ch, const struct shmchan_msg *m, uint64_t timeout_ns);

// shmchan_try_send_batch sends m[0], m[1], ... m[n-1] in this order, as many as there is room for, at less than the cost of
// as many single sends. Returns how many were sent, at least 1, or, if none was, the error of m[0]: as shmchan_try_send.
// It stops before the first message that can't be sent; a call with the rest tells why.
// EINVAL if n is 0. Each message is published by itself, in order: whoever dies in the call has sent m[0] ... m[k-1] for some k, and
// nothing of the others. A receiver that sleeps is woken once, after the last.
SHMCHAN_API int shmchan_try_send_batch(struct shmchan *ch, const struct shmchan_msg *m, unsigned n);
// shmchan_send_batch waits at most timeout_ns for room, until all n are sent. Returns how many were; fewer than n after a
// timeout, a signal, or before a message that can't be sent. Errors, if none was: as shmchan_send.
SHMCHAN_API int shmchan_send_batch(struct shmchan *ch, const struct shmchan_msg *m, unsigned n,
				   uint64_t timeout_ns);

// shmchan_reserve claims the next free cell; *data has room for shmchan_msg_size(ch) bytes, to be filled in place.
// At most one reservation per handle. Errors: FULL; EINVAL if one is already held.
// A process that dies here leaves a claimed cell that the broker takes back; `mpsc` receivers wait for it
// until then, other producers do not. In lists nobody waits for it.
SHMCHAN_API int shmchan_reserve(struct shmchan *ch, void **data);
// shmchan_commit publishes the reserved cell with the header of m (m->data is not read). Errors and ordering as
// shmchan_try_send; after an error the reservation is still held. FULL comes only from an mpsc-intrusive, in which a reservation
// claims nothing but is a look, and another producer had the last place; and from an mpmc2, whose tail is locked by a process that
// lives and has not run for two seconds. Try again.
SHMCHAN_API int shmchan_commit(struct shmchan *ch, const struct shmchan_msg *m);
// shmchan_cancel gives the reservation up; nothing is received for it.
SHMCHAN_API void shmchan_cancel(struct shmchan *ch);

// shmchan_take takes the next message without waiting. It is then in flight until shmchan_done. Any number of
// messages up to the capacity may be in flight. A message with a block makes this process the block's owner; the pool must be
// open (shmchan_pool_open), or the message has status ECORRUPT and its block is nobody's until a death is repaired.
// Errors: EMPTY.
SHMCHAN_API int shmchan_take(struct shmchan *ch, struct shmchan_msg *m);
// shmchan_recv waits at most timeout_ns for one. Errors: TIMEOUT, INTR. INTR comes if a handler ran while the call slept; one
// that ran just before goes unnoticed, so who must see a signal waits with a bound, here and in the other waiting calls.
SHMCHAN_API int shmchan_recv(struct shmchan *ch, struct shmchan_msg *m, uint64_t timeout_ns);
// shmchan_done completes the oldest message in flight on this channel; its data is no longer the caller's.
// A block that came with it stays the caller's. Commits what shmchan_tally_add counted since the previous
// done, by the same store. Errors: ENOENT nothing is in flight.
SHMCHAN_API int shmchan_done(struct shmchan *ch);

// shmchan_take_batch takes up to n messages without waiting: m[0] is the oldest. Returns how many, at least 1. All are in flight;
// whoever dies in the call has taken the first k of them for some k. A PEER_DIED notice comes last in its batch. Errors: EMPTY;
// EINVAL (n is 0).
SHMCHAN_API int shmchan_take_batch(struct shmchan *ch, struct shmchan_msg *m, unsigned n);
// shmchan_recv_batch waits at most timeout_ns for the first, then takes what is there, up to n. Errors: TIMEOUT, INTR; EINVAL
// (n is 0).
SHMCHAN_API int shmchan_recv_batch(struct shmchan *ch, struct shmchan_msg *m, unsigned n, uint64_t timeout_ns);
// shmchan_done_batch completes the n oldest messages in flight as one step: whenever this process dies, all of them are
// completed, with what was tallied for them, or none. Errors: ENOENT fewer are in flight (nothing was completed); EINVAL
// (n is 0).
SHMCHAN_API int shmchan_done_batch(struct shmchan *ch, unsigned n);

// shmchan_try_answer sends m on `tx` and completes the oldest message in flight on `rx`, as one step: whenever this
// process dies, either both have happened or neither. Use it whenever a message that is worked on leads to
// exactly one message: an answer, or the same message passed on. Errors: as shmchan_try_send, and ENOENT as
// shmchan_done; EINVAL also while a PEER_DIED from `rx` is not done: it is the oldest, and nobody's request. After an
// error nothing has happened.
SHMCHAN_API int shmchan_try_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m);
// shmchan_answer waits at most timeout_ns for a free cell in `tx`. It gives up with PEER_DIED when the sender of the
// request is no longer alive and `tx` is a channel that only that sender reads: then nothing was sent, the
// request is completed, and a block named by m is still the caller's.
SHMCHAN_API int shmchan_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m,
			       uint64_t timeout_ns);
// shmchan_commit_answer is shmchan_commit for a cell reserved on `tx` and shmchan_done on `rx`, as one step.
SHMCHAN_API int shmchan_commit_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m);

struct shmchan_sel {
	struct shmchan *ch;
	uint32_t ready; // result: nonzero if a message can be taken (RX end) or a cell reserved (TX end)
	int32_t priority; // shmchan_recv_any: the larger is served first
	uint64_t turn;    // shmchan_recv_any: the library's own; 0 at first
};
// shmchan_select waits until at least one of n channels is ready, at most timeout_ns, on this process's one doorbell.
// All must belong to `p`. Returns the number of ready ones. Errors: TIMEOUT, INTR, EINVAL (n is 0).
// A ready TX end of an `mpsc` may be full again when the caller gets there.
SHMCHAN_API int shmchan_select(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n,
			       uint64_t timeout_ns);
// shmchan_recv_any takes the next message from n RX ends and returns the index of the one it came from. Of those that have
// a message, the one with the largest priority is served, always; among equals the one that was served longest ago, so
// that of k busy equals each gets every k-th message. sel is kept by the caller from call to call, as it remembers turns.
// Errors: TIMEOUT, INTR, EINVAL (n is 0, or a TX end).
SHMCHAN_API int shmchan_recv_any(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n,
				 struct shmchan_msg *m, uint64_t timeout_ns);

// For services that also wait for sockets and timers: the doorbell as one more request in their io_uring (Linux 6.7).
//
//	for (;;) {
//		if (shmchan_doorbell_arm(me, sel, n, &bell) == 0 && !armed) {
//			sqe = io_uring_get_sqe(&ring);
//			shmchan_doorbell_sqe(&bell, sqe);
//			io_uring_sqe_set_data64(sqe, BELL);
//			armed = true;
//		}
//		...take what is ready; if nothing is, io_uring_submit_and_wait; a completion of BELL: armed = false
//	}
struct shmchan_doorbell {
	const uint32_t *word; // in shared memory: lives until shmchan_detach
	uint32_t value;       // to sleep while the word has it
};
// shmchan_doorbell_arm looks at the channels as shmchan_select does and returns how many are ready; only if none is, it
// returns 0 and the bell is armed: from then on a peer that makes one ready rings, which completes the request. A bell
// rung between this call and the submission completes the request at once (-EAGAIN), so nothing is missed. Calling it
// again while a request is in the kernel is allowed and gives the same *out.
SHMCHAN_API int shmchan_doorbell_arm(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n,
				     struct shmchan_doorbell *out);
// shmchan_doorbell_disarm spares peers the system call while this process works without waiting. The request in the
// kernel stays: the next arming makes it valid again. Allowed at any time.
SHMCHAN_API void shmchan_doorbell_disarm(struct shmchan_proc *p, const struct shmchan_doorbell *d);
// shmchan_doorbell_sqe fills a struct io_uring_sqe (64 bytes) with the wait for an armed bell; user_data is then the
// caller's to set. Results of the request: 0 or -EAGAIN rung; -ECANCELED.
SHMCHAN_API void shmchan_doorbell_sqe(const struct shmchan_doorbell *d, void *sqe);
// shmchan_doorbell_uring: does this kernel have the request? Without it (before Linux 6.7) a service waits for its
// sockets in a thread of its own, or bounds shmchan_select.
SHMCHAN_API bool shmchan_doorbell_uring(int ring_fd);

// shmchan_tally_add adds to counter i (in the order of the channel's declaration) of a receiving end. What is added
// between two shmchan_done (or answers) on that channel takes effect with the second, atomically with it: after any
// death the counters tell exactly of the messages that were completed. EINVAL: no such counter, or a sending end.
SHMCHAN_API int shmchan_tally_add(struct shmchan *ch, unsigned i, uint64_t delta);
// shmchan_tally_get: the counter as of the last completed message plus what was added since. 0 if there is none.
// Of an mpmc2, a receiving end's own counter, and the sum of all at a sending end.
SHMCHAN_API uint64_t shmchan_tally_get(const struct shmchan *ch, unsigned i);

// All counts start at 0 when the channel is created and never go back.
struct shmchan_stat {
	uint64_t enqueued;   // published messages
	uint64_t dequeued;   // taken
	uint64_t done;       // completed, by done, answer, or recovery
	uint64_t depth;      // published, not taken
	uint64_t in_flight;  // taken, not completed
	uint64_t dead;       // completed by recovery as dead letters
	uint64_t dropped;    // completed by recovery, policy drop
	uint64_t aborted;    // claimed cells taken back from dead producers
	uint64_t bad;        // messages refused by the receiver: a length or a block outside its bounds
	uint64_t full;       // times a producer found the channel full
	uint64_t high_water; // largest depth seen by a producer that looked
	uint32_t capacity;
};
// shmchan_stat reads the counters. Exact when both ends rest; otherwise each is a value the counter had during
// the call, and depth = enqueued - dequeued of the same reading.
SHMCHAN_API void shmchan_stat(const struct shmchan *ch, struct shmchan_stat *out);

// ------------------------------------------------------------------------------------------------ blocks

// shmchan_pool_open maps pool `name`. A process has each pool open once: EEXIST. It lives until shmchan_detach. Errors as
// shmchan_open.
SHMCHAN_API int shmchan_pool_open(struct shmchan_proc *p, const char *name, struct shmchan_pool **out,
				  struct shmchan_why *why);
SHMCHAN_API const char *shmchan_pool_name(const struct shmchan_pool *pool);
SHMCHAN_API size_t shmchan_pool_block_size(const struct shmchan_pool *pool); // bytes, of its largest class
SHMCHAN_API uint32_t shmchan_pool_block_cnt(const struct shmchan_pool *pool); // of all classes

// shmchan_block_alloc makes this process the owner of a free block of the largest class; its content is whatever was there.
// Errors: EXHAUSTED: every such block is owned, kept or in a message. *out is then SHMCHAN_NO_BLOCK.
SHMCHAN_API int shmchan_block_alloc(struct shmchan_pool *pool, shmchan_block *out);
// shmchan_block_alloc_size: a block of the smallest class that holds `bytes` and has one free. Errors: EXHAUSTED; EINVAL
// no class is that large; `why` (may be NULL) names the pool.
SHMCHAN_API int shmchan_block_alloc_size(struct shmchan_pool *pool, size_t bytes, shmchan_block *out,
					 struct shmchan_why *why);
// shmchan_block_size: bytes the block has, 0 if it is not one of this pool.
SHMCHAN_API size_t shmchan_block_size(const struct shmchan_pool *pool, shmchan_block b);
// shmchan_block_free gives a block back. Errors: EINVAL (not a block of this pool), ENOENT (not this process's).
SHMCHAN_API int shmchan_block_free(struct shmchan_pool *pool, shmchan_block b);
// shmchan_block_data: its bytes, aligned to at least 128, or NULL if it is not a block of this pool.
SHMCHAN_API void *shmchan_block_data(struct shmchan_pool *pool, shmchan_block b);
// shmchan_block_pool finds the pool handle of `p` that a received block belongs to; NULL if that pool isn't open.
SHMCHAN_API struct shmchan_pool *shmchan_block_pool(struct shmchan_proc *p, shmchan_block b);

// shmchan_block_keep makes an owned block survive its owner: at a death it passes to the replacement instead of
// becoming free, with whatever had been written to it. `tag` is the caller's name for it. Errors: as free.
SHMCHAN_API int shmchan_block_keep(struct shmchan_pool *pool, shmchan_block b, uint64_t tag);
// shmchan_block_kept finds the block that this or an earlier incarnation of this service kept under `tag`.
// It is this process's now, still kept. Errors: ENOENT.
SHMCHAN_API int shmchan_block_kept(struct shmchan_pool *pool, uint64_t tag, shmchan_block *out);

#ifdef __cplusplus
}
#endif
#endif
