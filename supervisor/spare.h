// The warm spare of a service (`spare: 1`): a process of it that is started ahead and waits in shmchan_attach_env, so that at a
// death the slot is given to it, without a fork or an exec.
//
//	service ready -> spare started -> (service dies) -> recovered, announced -> slot given to the spare
//	-> it is ready -> the next spare started
//
// It is there while its service is to run. It ends with a `stop`, and with a `restart`, which is to begin the program anew. What is
// known of it stands in the control segment (shmchan/spare.h), so that a supervisor that adopts the group keeps it.
#ifndef SUPERVISOR_SPARE_H
#define SUPERVISOR_SPARE_H

#include <jansson.h>
#include "supervisor/loop.h"

struct service;
struct orphan;

struct spare {
	struct loop_watch pidfd; // fd < 0: there is none
	struct loop_timer again; // a spare that dies is started again, later each time
	pid_t pid;
	bool adopted; // not this process's child
	bool doomed;  // killed, and not to be used
	unsigned failed; // deaths in a row
	int told;        // why the last one could not be started: said once
};

void spare_init(struct service *s);
// spare_settle starts it or ends it, as the state of the service asks for.
void spare_settle(struct service *s);
void spare_reap(struct service *s); // it is dead
bool spare_is_there(const struct service *s); // to be taken
void spare_rouse(const struct service *s); // it is about to be taken
// spare_take gives it the incarnation that is announced: then it is the service's process, with s->pid and s->pidfd.fd. False if there is
// none.
bool spare_take(struct service *s);
json_t *spare_status(const struct service *s); // NULL: there is none

// At an adoption: spare_find takes over one that lives; true if one may have been started that nothing names. spare_orphan ends such a
// one. spare_found: all have been looked at.
bool spare_find(struct service *s);
void spare_orphan(struct service *s, const struct orphan *o);
void spare_found(struct service *s);

#endif
