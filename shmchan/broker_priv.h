// What broker.c (a group's life) and recover.c (repair after a death) share.
#ifndef SHMCHAN_BROKER_PRIV_H
#define SHMCHAN_BROKER_PRIV_H

#include "shmchan/broker.h"
#include "shmchan/map.h"
#include "shmchan/proc.h"

struct shmchan_broker {
	struct shmchan_map map;
	struct shmchan_proc proc; // process slot 0: sends PEER_DIED answers
	uint64_t pending;         // letters whose answer waits for room
};

// What a dead broker, of incarnation `inc`, had begun: letters half written, answers half sent, cells claimed.
void shmchan_broker_recover_broker(struct shmchan_broker *b, uint32_t inc);
// Counts the letters whose answer is pending.
uint64_t shmchan_broker_count_pending(const struct shmchan_broker *b);

// Completes the message in flight at `pos` in the stead of `receiver`: as a dead letter, or forgotten if `drop` or the
// channel's policy says so.
void shmchan_broker_set_aside(struct shmchan_broker *b, const struct shmchan_ring_ref *r, uint64_t pos,
			      shmchan_owner receiver, const struct shmchan_death *death, bool drop);
// Finishes sends of the dead broker's whose block had been handed over, as recovery does for services.
void shmchan_broker_finish_injects(struct shmchan_broker *b, shmchan_owner dead);

// ---- edit.c
void shmchan_edit_recover(struct shmchan_broker *b, shmchan_owner dead); // what a dead broker was at
void shmchan_edit_leave(struct shmchan_broker *b);

#endif
