// One end of a channel: the local handle, and what the sources of the library know of each other.
#ifndef SHMCHAN_CHAN_H
#define SHMCHAN_CHAN_H

#include "shmchan/ctl.h"
#include "shmchan/hot.h"
#include "shmchan/pool.h"
#include "shmchan/ring.h"
#include "shmchan/probe.h"
#include "shmchan/seg.h"

struct shmchan {
	struct shmchan_hot hot; // first: inline.h finds it there

	// Both ends, constant after join.
	struct shmchan_ring_ref r;
	struct shmchan_proc *proc;
	shmchan_owner me;
	enum shmchan_fence fence;
	bool tx;
	bool many;
	struct shmchan_list_end *l; // of a channel made of a list (list_chan.h), else NULL
	struct shmchan_chain_end *chain; // of mpsc-intrusive (mpsc_intrusive.h), else NULL

	// Sending end. pos and i are position and index of hot.cell in mpsc, in spsc those of `synced`, which lags behind it: what a
	// send writes down for itself costs as much as the message (spsc.h).
	bool reserved; // mpsc
	uint32_t i;
	uint64_t pos;
	struct shmchan_cell *synced;
	uint64_t limit;               // spsc: head, as last seen, + capacity
	uint64_t plain_from;          // spsc: messages below have an extension, if only for the sender's name
	uint32_t lap;                 // mpsc: of the claimed cell
	shmchan_bell *peer; // the consumer's

	// Receiving end.
	struct shmchan_exact *exact; // its line and its records in shared memory
	struct shmchan_tally *tally;
	uint64_t taken_synced;         // spsc: position of taken_i and taken_lap, which lag behind `taken`
	uint64_t look_at;   // position at which it is looked how far behind the producers this is (lag.h)
	uint32_t patience;  // messages without a pause that make it worth a look
	uint32_t lag;       // bytes it keeps behind then
	uint32_t looks;     // at an empty ring
	uint64_t freed;     // spsc: head, as published
	uint32_t batch;     // spsc: how far that may lag
	uint32_t taken_i, done_i;
	uint64_t taken_lap, done_lap;
	uint64_t again; // positions below were taken before, through an earlier handle of this incarnation
	uint64_t first;    // position that is taken first: its probe fires, sampled or not
	uint64_t paced_ns; // when the last sampled message was taken
	unsigned paced_slow; // how many in a row came slowly
	uint64_t full_at;    // sending: message for which the probe `full` fired last, + 1
	uint64_t mark_seen;  // sending: what consumers had taken when that was looked at for the mark
	uint64_t mark_look;  // receiving: position before which a mark that was reached is not over
	bool notice;    // a PEER_DIED notice is held
	bool counting;  // record 1 - tally_cur is being written
	unsigned tally_cur;
	uint64_t producers[SHMCHAN_SLOT_WORDS];
	struct shmchan_cell never; // what a sending end looks at if asked to take

	struct shmchan_seg seg;
	struct shmchan *next;
};

static inline struct shmchan_cell *shmchan_next_cell(const struct shmchan *ch, uint32_t i)
{
	return shmchan_ring_cell(&ch->r, i);
}

static inline struct shmchan_cell *shmchan_cell_after(const struct shmchan *ch, struct shmchan_cell *c)
{
	return (void *)((char *)c + ch->r.stride);
}

// Do the probes of position `pos` fire, if anybody listens? Relaxed: set at any time, and a hint.
static inline bool shmchan_sampled(const struct shmchan *ch, uint64_t pos)
{
	return SHMCHAN_PROBE_SAMPLED(pos, atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed));
}

// How many positions from `pos` on are not sampled.
static inline uint64_t shmchan_unsampled(const struct shmchan *ch, uint64_t pos)
{
	uint64_t mask = SHMCHAN_PROBE_MASK(atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed));

	return (0 - pos) & mask;
}

// ---- chan.c
// Joins ch->r; ch->r, proc, me, fence, tx, producers are set. The peer's bell is found in proc's control segment.
// Errors: ENOMEM, ECORRUPT.
int shmchan_join(struct shmchan *ch);
bool shmchan_has_work(
	struct shmchan *ch); // a message or notice can be taken, or a cell reserved (TX): for waiting

// ---- hot.c
void shmchan_hot_join(struct shmchan *ch); // what is constant in ch->hot; the same is set as for shmchan_join

// ---- take.c
// Makes the block of message m, which is at `place`, this process's; `again`: it may be so already.
void shmchan_take_block(struct shmchan *ch, struct shmchan_msg *m, shmchan_block b, uint64_t place, bool again);
// Completes the n oldest messages in flight, with what was counted, by one store.
void shmchan_complete(struct shmchan *ch, uint32_t n);
// Messages before the receiver, by the producers' hint.
uint64_t shmchan_hinted_depth(const struct shmchan *ch);
// Fires the pop probe for a message just taken, if it is one of those sampled.
void shmchan_probe_pop(struct shmchan *ch, uint64_t pos);
// A claimed cell that holds nothing was passed over: completes it.
void shmchan_skip(struct shmchan *ch);
// Cells were freed and a producer waits for it: wakes those that do.
void shmchan_wake_producers(struct shmchan *ch);
// Publishes what is done and not yet freed; before a sleep, or when there is nothing else to do.
void shmchan_flush(struct shmchan *ch);

// ---- send.c
// The slow edge of a full channel: counts it.
void shmchan_note_full(struct shmchan *ch, uint64_t depth);
// Copies the payload of m to a cell or node.
void shmchan_copy_in(void *to, const struct shmchan_msg *m);
// Hands block b over with the message that stands, or is about to, at ch->pos. ENOENT: it is not this process's.
int shmchan_send_block(struct shmchan *ch, shmchan_block b);
// Publishes m, whose payload is in the cell reserved on ch, as a message of `sender`: for the broker. m->type may be one of the
// library's own; it has no block. Ringing is the caller's.
void shmchan_publish_as(struct shmchan *ch, const struct shmchan_msg *m, shmchan_owner sender);

// Cells were freed; then tx_wait is looked at: the same Dekker as in bell.h, with tx_wait in the place of ASLEEP.
static inline void shmchan_freed(struct shmchan *ch)
{
	if (ch->fence == SHMCHAN_FENCE_MEMBARRIER)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed) != 0, 0))
		shmchan_wake_producers(ch);
}

#endif
