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

#endif
