// How many replicas of a service run. `max_replicas` in the topology reserves process slots, and with `each` channels, for more
// than `replicas`; the slots above are reserved: no process, and nobody waits for one.
//
// Scaling up starts replicas in the order of their numbers. Scaling down ends those with the highest numbers: each goes on
// until what it alone receives from is empty and nothing is in flight at it, but no longer than its stop timeout, then it
// gets SIGTERM. Messages that are left in such a channel stay there, and are taken when the replica runs again. Who sends to
// channels of single replicas asks shmchan_receives which to choose; with a channel that the replicas share there is
// nothing to choose.
#ifndef SUPERVISOR_SCALE_H
#define SUPERVISOR_SCALE_H

#include <jansson.h>
#include "supervisor/control.h"

struct group;
struct service;

#define SCALE_WAIT UINT32_MAX // as the incarnation that a reply waits for: the replicas from wait->service on

// verb_scale: {"verb": "scale", "service": "worker", "replicas": 4}.
json_t *verb_scale(struct group *g, const json_t *request, struct control_wait *wait);
// scale_settle: the reply when all replicas that are wanted are ready and the others gone, else NULL.
json_t *scale_settle(struct group *g, unsigned first);
// scale_resume: in a group that was adopted, replicas that were about to go do so.
void scale_resume(struct group *g);
// scale_stop: the group stops, nobody is drained any more.
void scale_stop(struct group *g);

#endif
