// The control socket: one JSON object per line each way. Everything is bounded: clients, the length of a
// request, what waits to be read by a client, the time a client may take. A client that does not read, or
// never ends its line, is dropped; it holds nobody up.
//
//	{"verb": "status"}                                  -> {"ok": true, "status": {...}}
//	{"verb": "kill", "service": "hotdb", "signal": 9}   -> {"ok": true, "pid": 123}
//	{"verb": "restart", "service": "hotdb"}             -> {"ok": true, "pid": 124}, when the new
// incarnation is ready
//	{"verb": "stop"}                                    -> no reply: end of file when all is gone
//	anything that can't be done                         -> {"ok": false, "error": "..."}
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <jansson.h>
#include "supervisor/loop.h"

#define CONTROL_CLIENT_MAX 32
#define CONTROL_REQUEST_MAX 4096 // bytes of a line
#define CONTROL_OUTPUT_MAX (1u << 20)
#define CONTROL_IDLE_NS UINT64_C(10000000000) // for a client that owes us bytes or has ours to read

// What the answer to a request waits for; the meaning is the handler's.
struct control_wait {
	bool waiting;
	unsigned service, incarnation;
};

struct control;

// A handler returns the reply (the caller's from then on), or NULL after it has set *wait: control_settle
// brings the reply.
typedef json_t *control_handler(void *ctx, const json_t *request, struct control_wait *wait);

// control_open listens at `path` (mode 0600; a path that is there is removed: the caller owns the group).
// Returns 0 or an errno value.
int control_open(struct control **out, struct loop *l, const char *path, control_handler *f, void *ctx);
// control_settle asks reply(ctx, wait) for each waiting client and sends what is not NULL.
void control_settle(struct control *c, json_t *(*reply)(void *ctx, const struct control_wait *w), void *ctx);
// control_shut takes no more clients and removes the path; those that are connected stay so.
void control_shut(struct control *c);
// control_close does that if it was not done, and ends all connections: to a client this says that the supervisor is done.
// NULL is allowed.
void control_close(struct control *c);

json_t *control_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
