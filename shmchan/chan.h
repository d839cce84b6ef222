// One end of a channel: the local handle and the operations that the kinds implement.
#ifndef SHMCHAN_CHAN_H
#define SHMCHAN_CHAN_H

#include "shmchan/ctl.h"
#include "shmchan/pool.h"
#include "shmchan/ring.h"
#include "shmchan/seg.h"

struct shmchan {
	// Both ends, constant after join.
	struct shmchan_ring_ref r;
	struct shmchan_proc *proc;
	shmchan_owner me;
	enum shmchan_fence fence;
	bool tx;
	bool many;

	// Sending end. pos is the next position (spsc) or the one claimed (mpsc).
	uint64_t pos;
	uint32_t lap;  // mpsc: of the claimed cell
	uint64_t head; // spsc: last seen
	struct shmchan_cell *cell;
	bool reserved;
	shmchan_bell *peer; // the consumer's

	// Receiving end: positions with their cell index and lap.
	uint64_t taken, done;
	uint32_t taken_i, done_i;
	uint64_t taken_lap, done_lap;
	uint64_t again; // positions below were taken before, through an earlier handle of this incarnation
	uint32_t unfreed, batch; // spsc: done, not yet published in head
	bool notice;             // a PEER_DIED notice is held
	uint64_t first;          // position that is taken first: its probe fires, sampled or not
	uint64_t paced_ns;       // when the last sampled message was taken
	bool counting;           // record 1 - tally_cur is being written
	unsigned tally_cur;
	uint64_t producers[SHMCHAN_SLOT_WORDS];

	struct shmchan_seg seg;
	struct shmchan *next;
};

// ---- spsc.c, mpsc.c: one function each per line; chan.c chooses.
void shmchan_spsc_join_tx(struct shmchan *ch);
int shmchan_spsc_reserve(struct shmchan *ch); // cell and pos are set; FULL
void shmchan_spsc_publish(struct shmchan *ch);
struct shmchan_cell *shmchan_spsc_peek(struct shmchan *ch); // the next message, NULL if there is none
void shmchan_spsc_free(struct shmchan *ch);                 // frees the cell of the message just completed

void shmchan_mpsc_join_tx(struct shmchan *ch);
int shmchan_mpsc_reserve(struct shmchan *ch);
void shmchan_mpsc_publish(struct shmchan *ch);
void shmchan_mpsc_cancel(struct shmchan *ch);
struct shmchan_cell *shmchan_mpsc_peek(struct shmchan *ch);
void shmchan_mpsc_free(struct shmchan *ch);
bool shmchan_mpsc_room(const struct shmchan *ch); // a hint

// ---- chan.c
// Joins ch->r; ch->r, proc, me, fence, tx, producers are set. The peer's bell is found in proc's control segment.
void shmchan_join(struct shmchan *ch);
// Publishes the reserved cell, whose header is filled; ringing is the caller's.
void shmchan_publish(struct shmchan *ch);
// A claimed cell that holds nothing was passed over: completes it.
void shmchan_skip(struct shmchan *ch);
// Cells were freed: wakes producers that wait for it.
void shmchan_freed(struct shmchan *ch);
// The slow edge of a full channel: counts it.
void shmchan_note_full(struct shmchan *ch, uint64_t depth);
// Fires the push probe for the reserved cell, if it is one of those sampled. For when SHMCHAN_PROBE_PUSH_ENABLED.
void shmchan_probe_push(struct shmchan *ch);
bool shmchan_has_work(
	struct shmchan *ch); // a message or notice can be taken, or a cell reserved (TX): for waiting

static inline struct shmchan_cell *shmchan_next_cell(const struct shmchan *ch, uint32_t i)
{
	return shmchan_ring_cell(&ch->r, i);
}

#endif
