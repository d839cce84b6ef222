// What broker.c (a group's life), broker_slot.c (its processes'), stale.c (its remains) and recover.c (repair after a death) share.
#ifndef SHMCHAN_BROKER_PRIV_H
#define SHMCHAN_BROKER_PRIV_H

#include "shmchan/broker.h"
#include "shmchan/map.h"
#include "shmchan/proc.h"

struct shmchan_broker {
	struct shmchan_map map;
	struct shmchan_proc proc; // process slot 0: sends PEER_DIED answers
	uint64_t pending;         // letters whose answer waits for room
	bool quiet;               // bells are not rung but noted, in `bells`
	uint64_t bells[SHMCHAN_SLOT_WORDS];
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

// ---- recover.c, list_recover.c: one death
struct patient {
	struct shmchan_broker *b;
	unsigned slot;
	shmchan_owner owner;
	const struct shmchan_death *death;
	uint64_t time_ns;
	struct shmchan_repair *out;
};

// What is left of a message in flight.
struct remains {
	uint64_t pos, place; // place: what its block's word names
	struct shmchan_head head;
	const void *data;
};
// Writes its letter, unless it is dropped, and frees its block if that was not received. Completing it is the caller's.
void shmchan_recover_letter(struct patient *d, const struct shmchan_ring_ref *r, const struct remains *left,
			    bool drop);
// Was the message of number `done` + 1 of that receiving end answered?
bool shmchan_recover_answered(const struct patient *d, const struct shmchan_exact *line, uint64_t done);
// A block of a message that is given back must be in the message again; false if D disposed of it.
bool shmchan_recover_return_block(struct patient *d, const struct shmchan_ring_ref *r, shmchan_block block,
				  uint64_t place);

// ---- block_recover.c
void shmchan_recover_finish_sends(struct patient *d); // A
void shmchan_recover_free_blocks(struct patient *d);  // D
// Has the answer been sent whose block this is, which was D's when the intent was written?
bool shmchan_recover_gave_away(const struct patient *d, uint64_t block);

// Steps A, B and C of recovery (recover.c) for channels made of a list. B: of the consumer D; C: of the producer D, also a
// dead broker. False if a lock could not be had: it is to be done again.
void shmchan_list_break(const struct shmchan_ring_ref *r, shmchan_owner dead); // its locks; first of all
void shmchan_list_finish_send(struct patient *d, const struct shmchan_ring_ref *r, shmchan_block block, uint32_t i);
bool shmchan_list_settle(struct patient *d, const struct shmchan_ring_ref *r);
bool shmchan_list_reclaim(struct shmchan_broker *b, const struct shmchan_ring_ref *r, shmchan_owner dead,
			  struct shmchan_repair *out);
// Takes the oldest message in the stead of `owner`, of a service without a process, and completes it. False: there is none.
bool shmchan_list_drain(struct patient *d, const struct shmchan_ring_ref *r, bool drop);
// Sends a message as the broker: as if by `sender`; place + 1 of it is stored to *at before it can be seen.
int shmchan_broker_send_as(struct shmchan *tx, const struct shmchan_msg *m, uint32_t sender, _Atomic uint64_t *at);

// ---- edit.c
void shmchan_edit_recover(struct shmchan_broker *b, shmchan_owner dead); // what a dead broker was at
void shmchan_edit_leave(struct shmchan_broker *b);

#endif
