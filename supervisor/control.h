// The control socket: a Unix stream socket, mode 0600; peers of another user than the supervisor's or root are refused.
// One JSON object per line each way, one reply per request, in their order. Everything is bounded: clients, the length of
// a request, what waits to be read by a client, the time a client may take. A client that does not read, or never ends
// its line, is dropped; it holds nobody up.
//
//	{"verb": "status"}                                  -> {"ok": true, "status": {...}}
//	{"verb": "kill", "service": "hotdb", "signal": 9}   -> {"ok": true, "pid": 123}; "signal" may be left out
//	{"verb": "signal", "service": "hotdb", "signal": 1} -> the same
//	{"verb": "restart", "service": "hotdb"}             -> {"ok": true, "pid": 124}, when the new incarnation is ready
//	{"verb": "start", "service": "hotdb"}               -> the same, with those it depends on, when it is ready
//	{"verb": "start"}                                   -> {"ok": true, "pid": 0}, when all that were down are ready
//	{"verb": "stop", "service": "hotdb"}                -> {"ok": true, "pid": 0}, when its process is gone
//	{"verb": "stop"}                                    -> no reply: end of file when all is gone
//	{"verb": "scale", "service": "worker", "replicas": 4} -> the same, when those wanted are ready and the others gone
//	{"verb": "events", "follow": true, "after": 7}      -> {"ok": true, "events": [...]}, the last ones, of numbers above
//	                                                       "after"; with "follow" each further event is a line (events.h),
//	                                                       until the group ends. Both may be left out
//	{"verb": "inject", "channel": "work"}               -> {"ok": true, "sent": 3, "full": false}: the records
//	                                                       (shmchan/record.h) in the file that comes with it
//	{"verb": "drain", "channel": "work", "limit": 5, "drop": true} -> {"ok": true, "drained": 5, "left": 2}; both
//	                                                       may be left out: 65536, as dead letters
//	{"verb": "dead-replay", "letter": 7}                -> {"ok": true}
//	{"verb": "dead-drop", "letter": 7}                  -> {"ok": true}
//	{"verb": "upgrade", "binary": "/usr/bin/shmsup"}    -> {"ok": true, "pid": 99, "binary": ...}, from the program that goes
//	                                                       on; without "binary" it is the one that runs, read anew
//	{"verb": "give-way"}                                -> {"ok": true, "pid": 99}: a guardian (guard.h) that has become the
//	                                                       supervisor ends, and leaves the group to be adopted
//	{"verb": "repair"}                                  -> {"ok": true, "repaired": [{"object": ..., "text": ...}]}
//	anything that can't be done                         -> {"ok": false, "error": "..."}
//
// A client that follows is sent no more replies; what it sends is not read. When CONTROL_OUTPUT_MAX bytes wait for
// it, or it reads nothing for CONTROL_IDLE_NS, it is dropped.
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <jansson.h>
#include "supervisor/handover.h"
#include "supervisor/loop.h"

#define CONTROL_CLIENT_MAX 32
#define CONTROL_REQUEST_MAX 4096 // bytes of a line
#define CONTROL_OUTPUT_MAX (1u << 20) // bytes that may wait for a client to read them
#define CONTROL_IDLE_NS UINT64_C(10000000000) // for a client that owes us bytes or has ours to read
#define CONTROL_FOLLOWER_MAX 16 // of the clients: those that follow must leave room for the others

// What the answer to a request waits for; the meaning is the handler's.
struct control_wait {
	bool waiting;
	unsigned service, incarnation;
	bool follow; // beside a reply: the client is sent what control_publish is given from now on
	int fd;      // file that came with the request (SCM_RIGHTS), -1 if none did; closed after the handler
};

struct control;

// A handler returns the reply (the caller's from then on), or NULL after it has set *wait: control_settle
// brings the reply.
typedef json_t *control_handler(void *ctx, const json_t *request, struct control_wait *wait);

// control_open listens at `path` (mode 0600; a path that is there is removed: the caller owns the group).
// Returns 0 or an errno value.
int control_open(struct control **out, struct loop *l, const char *path, control_handler *f, void *ctx);
// control_hand_over describes the socket and its clients for the program that this process goes on as; control_take_over goes on with
// them. Who has sent a file with a request that is not complete is left out. NULL for what: as control_open.
json_t *control_hand_over(const struct control *c, struct handover *h);
int control_take_over(struct control **out, struct loop *l, const char *path, control_handler *f, void *ctx,
		      const json_t *what, struct handover *h);
// control_settle asks reply(ctx, wait) for each waiting client and sends what is not NULL.
void control_settle(struct control *c, json_t *(*reply)(void *ctx, const struct control_wait *w), void *ctx);
// control_publish sends a line (with its '\n') to the clients that follow. Returns how many were dropped because they do
// not read.
unsigned control_publish(struct control *c, const char *line, size_t len);
// control_followers counts the clients that follow.
unsigned control_followers(const struct control *c);
// control_shut takes no more clients and removes the path; those that are connected stay so.
void control_shut(struct control *c);
// control_close does that if it was not done, and ends all connections: to a client this says that the supervisor is done.
// NULL is allowed.
void control_close(struct control *c);

json_t *control_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
