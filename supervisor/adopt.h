// Taking over a group whose supervisor was killed, or has replaced itself by another program:
//
//	the group's lock -> keep.h's file -> is the group in memory the plan's? -> shmchan_broker_adopt
//	-> each service: its process by recorded pid and start time, or what is known of its death
//	-> sockets -> deaths are gone through as if they had been seen -> the loop
//
// Up to shmchan_broker_adopt nothing is changed. Services do not notice: they talk through memory, and the paths
// of the sockets stay. An adopter that is killed leaves what it found, with what it has already done.
#ifndef SUPERVISOR_ADOPT_H
#define SUPERVISOR_ADOPT_H

#include "supervisor/group.h"

// adopt_group takes the group over as options->adopt says: g->broker is NULL afterwards if there was nothing; g->phase is KEEP_FINISHED
// if all that was left to do was to clear up. The lock is held; services are prepared. Errors: SUP_NO_GROUP, SUP_DIFFERS, SUP_RUNNING,
// SUP_SYSTEM.
int adopt_group(struct group *g, struct fail *fail);
// adopt_go_on acts on what was found, when everything stands that a death needs.
void adopt_go_on(struct group *g);

#endif
