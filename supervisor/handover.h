// What a supervisor hands to the program that it goes on as (upgrade.h): open descriptors and what belongs to them, over
// execve. It stands in a file in memory, whose number is in the environment (SHMSUP_HANDOVER): a line of JSON, then the bytes
// that the line counts. Everything else the next one finds in the group's memory and in its state file, as any adopter does.
// The guardian of the upgrade (guard.h) is sent the same, the descriptors by its socket.
//
//	{"handover": 2, "pid": 123, "fds": [5, 6, 7, 8, 9], "group": "node", "lock": 0, "notify": 1, "ready": true,
//	 "binary": "/usr/bin/shmsup", "attempts": 0, "guard": {"pid": 124, "socket": 2},
//	 "control": {"listen": 4, "clients": [{"fd": 3, "waiting": true, "service": 2, "incarnation": 3, "follows": false,
//	                                       "last": false, "in": 0, "out": 0}]}}
//
// "fds" are the numbers over execve; wherever else a descriptor is named it is by its place in that list. "in" and "out" are numbers
// of bytes: a request that has been read in part, and what a client has not read yet.
#ifndef SUPERVISOR_HANDOVER_H
#define SUPERVISOR_HANDOVER_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include "supervisor/exits.h"

#define HANDOVER_VERSION 2
#define HANDOVER_ENV "SHMSUP_HANDOVER"

struct handover;

// The giving end. handover_fd adds a descriptor, which stays the caller's, handover_bytes appends bytes; both return what stands for it
// in the JSON. handover_write, after them, takes the object. handover_to_execve lets the descriptors live over execve and prepares the
// environment; handover_abandon: there was no execve, it is all as before. handover_to_process sends it by a socket. These return 0 or an
// errno value. handover_delete takes NULL.
struct handover *handover_new(void); // NULL: no memory
json_t *handover_fd(struct handover *h, int fd);
json_t *handover_bytes(struct handover *h, const char *data, size_t len);
int handover_write(struct handover *h, json_t *o);
int handover_to_execve(struct handover *h);
int handover_to_process(const struct handover *h, int socket);
void handover_abandon(struct handover *h);
void handover_delete(struct handover *h);

// The taking end. handover_receive is NULL if this program was started in another way: nothing in the environment, or not by this
// process. Takes the variable out of the environment. What is read is input: a descriptor is one that is open, bytes are there.
struct handover *handover_receive(void);
// handover_receive_second waits for what the process `pid` sends by handover_to_process; NULL at the end of the connection. Of that the
// process itself may have taken and used some before, which handover_is_second tells. handover_delete closes what was not taken.
struct handover *handover_receive_second(int socket, pid_t pid);
bool handover_is_second(const struct handover *h);
const json_t *handover_json(const struct handover *h);
// handover_take_fd: the descriptor (close-on-exec, the caller's), or -1. handover_take_bytes: the next ones, in the order in which they
// were given; NULL if there are not as many.
int handover_take_fd(struct handover *h, const json_t *value);
const char *handover_take_bytes(struct handover *h, const json_t *value, size_t *len);

#endif
