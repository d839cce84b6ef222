// What happens in a group, as a stream of JSON objects on one line each: kept for those who ask later, sent at once to
// those who follow (control.h).
//
// Every event has "seq" (from 1, no gaps, also when another supervisor takes the group over), "time" (seconds since 1970) and "event". The others depend on it:
//
//	event       keys
//	start       service, pid, incarnation: spawned for the first time
//	ready       service, pid, incarnation
//	death       service, pid, incarnation, how (text), signal (name) or exit_status, asked (the supervisor sent the signal)
//	recovery    service, incarnation, what was repaired by the names of struct shmchan_repair, us
//	waits       service, incarnation, channel, holder, pid: it is dead, and its repair waits for a lock that this one holds
//	respawn     service, pid, incarnation: spawned again
//	backoff     service, delay_ms
//	failed      service, how: given up
//	done        service: ended by itself, no other is wanted
//	stopped     service
//	hang        service, pid, incarnation, stopped (by a signal), unchanged_ms, limit_ms, and of an input with work: channel,
//	            depth, in_flight
//	recalled    service, because: ends, to begin again with the service that died (strategies)
//	parked      channel, pos, type, corr, letter, service, incarnations (those that died with it)
//	alert       channel, depth, limit, state: "begin" or "end"
//	scale       service, from, to
//	inject      channel, sent: messages sent to it by command
//	drain       channel, drained, dropped: messages taken out of it by command
//	dead-drop, dead-replay   letter
//	repair      repaired: how many violated invariants were mended by command
//	dropped     followers: they did not read
//	upgrade     binary: the supervisor goes on as that program; or, with refused (why), does not
//	group       state: "running", "adopted" (by another supervisor), "upgraded" (by another program), "stopping", "ended"
//
// Not seen by tools older than it: an event of another name may come, and keys may be added.
#ifndef SUPERVISOR_EVENTS_H
#define SUPERVISOR_EVENTS_H

#include <jansson.h>
#include "supervisor/control.h"

#define EVENTS_KEPT 512

struct events;
struct keep;

// events_new: NULL if there is no memory. events_delete takes NULL.
struct events *events_new(void);
void events_delete(struct events *e);
// events_to sends what is put from here on to the clients that follow c; NULL = to nobody.
void events_to(struct events *e, struct control *c);

// events_keep puts each further event into k as well, and goes on with those that are there: their numbers and lines.
void events_keep(struct events *e, struct keep *k);

// events_put adds an event with the keys of an object, which is the callee's. Without memory (keys is NULL) it is
// lost. NULL for e is allowed.
void events_put(struct events *e, const char *event, json_t *keys);
// events_kept returns the last ones, oldest first, with numbers above `after`.
json_t *events_kept(const struct events *e, json_int_t after);

#endif
