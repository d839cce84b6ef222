// A service that makes no progress while it has work, or that is stopped by a signal, for longer than its heartbeat_ms is
// killed, and the death is one of its own. Progress is any of: a beat in its process slot (waiting calls of the library
// beat by themselves), WATCHDOG=1, a message taken from or completed on one of its inputs. Work is a message in one of its
// inputs, or in flight from one. One that has no work may be silent for ever, unless it has said WATCHDOG=1: who has, promises
// to go on with it, as under systemd.
//
// The time without progress is counted in looks, four per heartbeat, and not by the clock alone: when the whole machine
// or this process was stopped for a while, nobody is taken for hung because of that. An adopter goes on counting.
#ifndef SUPERVISOR_HANG_H
#define SUPERVISOR_HANG_H

#include "supervisor/loop.h"
#include "supervisor/look.h"

struct group;
struct service;

struct hang { // of one service
	unsigned incarnation; // that the rest is about
	uint64_t progress;
	uint64_t unchanged_ns;
};

struct hang_watch { // of a group
	struct loop_timer timer;
	struct group *group;
	uint64_t period_ns; // 0: no service has a limit
	uint64_t last_ns;
};

// hang_start begins to look, if any service has a limit. hang_stop may be called without it.
void hang_start(struct hang_watch *w, struct group *g);
void hang_stop(struct hang_watch *w);

// hang_step counts one look, `elapsed_ns` after the one before: true if the limit has come. Pure.
bool hang_step(struct hang *h, unsigned incarnation, uint64_t progress, bool may_hang, uint64_t elapsed_ns,
	       uint64_t limit_ns);

#endif
