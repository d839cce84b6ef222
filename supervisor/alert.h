// Channels that are deeper than their alert_depth: told once when it begins, and once when it is over, which is at half of
// that depth, so that a depth near the limit is not told over and over.
#ifndef SUPERVISOR_ALERT_H
#define SUPERVISOR_ALERT_H

#include "supervisor/loop.h"
#include "supervisor/look.h"

#define ALERT_BYTES 512 // a bit for every object that a group can have

struct group;

struct alert {
	struct loop_timer timer;
	struct group *group;
	uint8_t on[ALERT_BYTES]; // bit i: that of channel i of the plan
};

// alert_start begins to look, every 250 ms, if any channel has an alert_depth; what is on in *a stays on. alert_stop may be called
// without it.
void alert_start(struct alert *a, struct group *g);
void alert_stop(struct alert *a);
bool alert_is_on(const struct alert *a, unsigned chan);

// alert_step: is it on after `depth`, if it was `on`?
bool alert_step(bool on, uint64_t depth, uint32_t limit);

#endif
