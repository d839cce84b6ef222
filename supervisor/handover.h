// What a supervisor hands to the program that it goes on as (upgrade.h): open descriptors and what belongs to them, over
// execve. It stands in a file in memory, whose number is in the environment (SHMSUP_HANDOVER): a line of JSON, then the bytes
// that the line counts. Everything else the next one finds in the group's memory and in its state file, as any adopter does.
//
//	{"handover": 1, "pid": 123, "group": "node", "lock": 5, "notify": 6, "ready": true,
//	 "control": {"listen": 7, "clients": [{"fd": 8, "waiting": true, "service": 2, "incarnation": 3, "follows": false,
//	                                       "last": false, "in": 0, "out": 0}]}}
//
// "in" and "out" are numbers of bytes: a request that has been read in part, and what a client has not read yet.
#ifndef SUPERVISOR_HANDOVER_H
#define SUPERVISOR_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include "supervisor/exits.h"

#define HANDOVER_VERSION 1
#define HANDOVER_ENV "SHMSUP_HANDOVER"

struct handover;

// The giving end. handover_fd lets a descriptor live over execve, handover_bytes appends bytes; both return what stands for it in the
// JSON. handover_send, last, prepares the environment for execve; it takes the object. Returns 0 or an errno value.
// handover_abandon: there was no execve; descriptors are closed by the next one again. handover_delete does that too, and takes NULL.
struct handover *handover_new(void); // NULL: no memory
json_t *handover_fd(struct handover *h, int fd);
json_t *handover_bytes(struct handover *h, const char *data, size_t len);
int handover_send(struct handover *h, json_t *o);
void handover_abandon(struct handover *h);
void handover_delete(struct handover *h);

// The taking end. handover_receive is NULL if this program was started in another way: nothing in the environment, or not by this
// process. Takes the variable out of the environment. What is read is input: a descriptor is one that is open, bytes are there.
struct handover *handover_receive(void);
const json_t *handover_json(const struct handover *h);
// handover_take_fd: the descriptor (close-on-exec, the caller's), or -1. handover_take_bytes: the next ones, in the order in which they
// were given; NULL if there are not as many.
int handover_take_fd(const json_t *value);
const char *handover_take_bytes(struct handover *h, const json_t *value, size_t *len);

#endif
