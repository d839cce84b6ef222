// Poisonous messages: those that kill incarnation after incarnation. Such a message is parked: its dead letter is marked,
// and it is named in events, status and report.
//
//	on_crash: redeliver       the library counts: one that was delivered max_deliveries times is parked. The messages in
//	                          flight at each death are noted here, so that it can be said who died with it.
//	on_crash: dead-letter     the message is set aside at the first death, but its sender may ask again. The third incarnation in
//	                          a row that fails by itself with the same message (channel, type, length and first bytes, no
//	                          block) is the proof. Then it is parked, and so are its like that are next in the
//	                          queue when a further incarnation dies of it, before the replacement starts.
//
//
// Of a channel whose messages are dropped nothing is kept, and nothing is known. A death that came from outside (SIGKILL, a command) proves nothing against a message that is not redelivered.
#ifndef SUPERVISOR_POISON_H
#define SUPERVISOR_POISON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "shmchan/shmchan.h"

#define POISON_DEATHS 3
#define POISON_KEPT 64  // parked messages that are named
#define POISON_WHO_MAX 16 // incarnations that are named of each

#define POISON_SUSPECTS 64

struct service;
struct group;
struct poison;

struct poison_who {
	uint32_t cnt; // those that are not named count as well
	uint32_t incarnation[POISON_WHO_MAX];
};

// A message that incarnations died with: by its position if it is redelivered, else by what it looks like.
struct poison_suspect {
	uint8_t used;
	uint32_t chan, service; // of the plan
	uint64_t key;
	uint64_t turn; // of its last death: the one longest ago gives way
	struct poison_who who;
};

struct poison_parked {
	char channel[SHMCHAN_NAME_MAX], service[SHMCHAN_NAME_MAX];
	uint64_t pos, corr, letter;
	uint32_t type;
	struct poison_who who;
	uint8_t told;
};

// All that is known, as keep.h keeps it.
struct poison_state {
	uint64_t turn;
	uint64_t letters; // looked at
	struct poison_suspect suspects[POISON_SUSPECTS];
	uint64_t cnt;
	struct poison_parked parked[POISON_KEPT]; // number n, from 1, at n % POISON_KEPT
};

// poison_open goes on with what is kept, or, where nothing is, looks for what is parked already in the store of dead letters. NULL if
// there is no memory. poison_close takes NULL.
struct poison *poison_open(struct group *g);
void poison_close(struct poison *p);

// poison_before notes what is in flight at service s, which is dead and not yet recovered; poison_after, after that and before
// it is spawned again, parks what has to be. own: it failed by itself.
void poison_before(struct poison *p, const struct service *s);
void poison_after(struct poison *p, const struct service *s, bool own);
// poison_adopted: every death that an adopter has found was given to poison_after.
void poison_adopted(struct poison *p);
// poison_tell tells, as events and in words, of what was parked since it was called last.
void poison_tell(struct poison *p);
// poison_list: those that are named, oldest first: channel, pos, type, corr, letter, service, incarnations.
json_t *poison_list(const struct poison *p);
uint64_t poison_cnt(const struct poison *p); // ever parked

#endif
