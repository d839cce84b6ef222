// The ends of channels that are made of a list (list.h): what chan.c and wait.c call for them.
#ifndef SHMCHAN_LIST_CHAN_H
#define SHMCHAN_LIST_CHAN_H

#include "shmchan/chan.h"
#include "shmchan/list.h"

struct shmchan_list_end {
	// Sending end.
	struct shmchan_node *node; // claimed; its number is the handle's pos
	uint32_t link;             // of that node
	uint32_t cache_cnt, cache_max;
	uint32_t cache[SHMCHAN_LIST_CACHE]; // nodes that were CACHED; the words say whether they still are
	uint64_t freed_seen;
	uint32_t next_rx; // mpmc2: who was woken last

	// Receiving end: nodes in flight by the handle's taken_i and done_i, which wrap at the capacity.
	struct shmchan_list_rx *rx;
	uint32_t *held;
	uint32_t again; // of them, to be handed out again: taken through an earlier handle
	bool took;      // anything
	bool waits;     // mpmc2: its `waiting` is set, and it is in the process's list of those
	struct shmchan *next_waiting;
};

// Makes and frees ch->l; the handle's common part is set. ENOMEM, ECORRUPT (this process is no consumer).
int shmchan_list_end_open(struct shmchan *ch);
void shmchan_list_end_close(struct shmchan *ch);

int shmchan_list_reserve(struct shmchan *ch); // FULL
void shmchan_list_cancel(struct shmchan *ch);
int shmchan_list_describe(struct shmchan *ch, const struct shmchan_msg *m); // header and block
void shmchan_list_fill(struct shmchan *ch, const struct shmchan_msg *m, uint32_t sender);
// Between begin and publish or abort, mpmc2 holds the tail lock: FULL if it can't be had.
int shmchan_list_begin(struct shmchan *ch);
void shmchan_list_publish(struct shmchan *ch);
void shmchan_list_abort(struct shmchan *ch);
int shmchan_list_commit(struct shmchan *ch, const struct shmchan_msg *m);
// A send but for the look at the receivers' bells, and that look.
int shmchan_list_send(struct shmchan *ch, const struct shmchan_msg *m);
void shmchan_list_wake(struct shmchan *ch, unsigned messages);

int shmchan_list_take(struct shmchan *ch, struct shmchan_msg *m);
int shmchan_list_done_n(struct shmchan *ch, unsigned n);
void shmchan_list_flush(struct shmchan *ch); // what was done is free for the producers
bool shmchan_list_has_work(struct shmchan *ch);
void shmchan_list_asker(const struct shmchan *rx,
			struct shmchan_head *out); // head of the oldest message in flight

// ---- mpsc_list.c, mpmc2.c
bool shmchan_mpsc_list_exchange(const struct shmchan_ring_ref *r, uint32_t i, uint32_t link, uint64_t *before,
				uint64_t *place);
bool shmchan_mpmc2_exchange(const struct shmchan_ring_ref *r, uint32_t i, uint32_t link, uint64_t *before,
			    uint64_t *place);
bool shmchan_mpmc2_lock_tail(const struct shmchan_ring_ref *r, const struct shmchan_proc *p);
void shmchan_mpmc2_unlock_tail(const struct shmchan_ring_ref *r);
bool shmchan_mpmc2_lock_head(const struct shmchan_ring_ref *r, const struct shmchan_proc *p);
void shmchan_mpmc2_unlock_head(const struct shmchan_ring_ref *r);
void shmchan_mpmc2_wake(struct shmchan *ch); // a message was pushed
// C1 and C2, for those of the channels that have several consumers; and what ends it, for all that p has said so of.
void shmchan_mpmc2_sleep(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n);
void shmchan_mpmc2_awake(struct shmchan_proc *p);

#endif
