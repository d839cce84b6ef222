// The state of groups as Prometheus text (exposition format 0.0.4).
#ifndef TOOLS_METRICS_H
#define TOOLS_METRICS_H

#include <stdbool.h>
#include <stdio.h>
#include "bpf/watch.h"

struct metrics {
	const char *group; // name of the only group to tell of; NULL: all
	bool histograms;   // of waiting times, service times and depths too; needs a group
	struct watch *w;   // attached for them, to the group with this tag
	uint32_t watch_tag;
};

// metrics_write writes everything that can be read now. A named group that does not run is told of as down.
// Returns false if memory ran out.
bool metrics_write(struct metrics *m, FILE *f);
// metrics_attach attaches for the histograms to what the group's processes run now; done by metrics_write
// too, which goes on without histograms if it can't be. Returns WATCH_OK, or an error of watch.h with *why
// filled.
int metrics_attach(struct metrics *m, struct watch_why *why);
void metrics_close(struct metrics *m);

#endif
