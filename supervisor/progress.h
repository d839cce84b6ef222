// The live line of a job on a terminal: its counters, their rate, respawns. Nothing where standard error is
// not a terminal.
#ifndef SUPERVISOR_PROGRESS_H
#define SUPERVISOR_PROGRESS_H

#include "supervisor/loop.h"
#include "supervisor/report.h"

struct progress {
	const struct plan *plan;
	struct report *report;
	struct loop *loop;
	struct loop_timer timer;
	uint64_t (*respawns)(void *ctx);
	void *ctx;
	uint64_t begin_ns, last_ns, last_sum;
	double rate; // answers per second, smoothed
};

// progress_start begins; report and plan must outlive it. progress_stop takes the line away; it may be called
// whenever the struct was zeroed.
void progress_start(struct progress *p, struct loop *l, const struct plan *plan, struct report *report,
		    uint64_t (*respawns)(void *ctx), void *ctx);
void progress_stop(struct progress *p);

#endif
