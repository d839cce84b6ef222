// Services that are restarted together. When a member dies, those that its strategy takes along end, and all of them begin
// again from waiting, in the order of their dependencies, when the last of them is gone: no new incarnation meets an old one.
//
//	one-for-one    nothing is taken along; the members share a restart intensity
//	rest-for-one   the members after it
//	one-for-all    all members
//
// What a command ended, and what ended by itself for good, takes nothing along. A member that is given up takes those along
// that its death would have: they are stopped. More than max_restarts within window_ns: all members are given up.
#ifndef SUPERVISOR_STRATEGY_H
#define SUPERVISOR_STRATEGY_H

#include "supervisor/service.h"

struct service;

struct strategy { // of a group, by the number in the plan
	uint64_t window_start;
	unsigned restarts; // in the window
};

// strategy_death: service s died and svc_judge said *event; takes along what has to be, and may turn *event into
// SVC_EV_GIVE_UP. True: s may not be spawned at once, it has to wait for the others.
bool strategy_death(struct service *s, enum svc_event *event);
// strategy_holds: may s, which waits, not start yet because others of its strategy still end, or back off?
bool strategy_holds(const struct service *s);

#endif
