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

#define POISON_DEATHS 3
#define POISON_KEPT 64  // parked messages that are named
#define POISON_WHO_MAX 16 // incarnations that are named of each

struct service;
struct group;
struct poison;

// poison_open looks for what is parked already, in the store of dead letters. NULL if there is no memory. poison_close
// takes NULL.
struct poison *poison_open(struct group *g);
void poison_close(struct poison *p);

// poison_before notes what is in flight at service s, which is dead and not yet recovered; poison_after, after that and before
// it is spawned again, parks what has to be. own: it failed by itself.
void poison_before(struct poison *p, const struct service *s);
void poison_after(struct poison *p, const struct service *s, bool own);
// poison_tell tells, as events and in words, of what was parked since it was called last.
void poison_tell(struct poison *p);
// poison_list: those that are named, oldest first: channel, pos, type, corr, letter, service, incarnations.
json_t *poison_list(const struct poison *p);
uint64_t poison_cnt(const struct poison *p); // ever parked

#endif
