// What the supervisor reads of its group's channels and processes: the counters in shared memory, by the numbers of the plan.
#ifndef SUPERVISOR_LOOK_H
#define SUPERVISOR_LOOK_H

#include "shmchan/view.h"
#include "supervisor/plan.h"

struct look;

// look_open maps the plan's group, which must exist; plan must outlive it. Errors: SUP_SYSTEM. look_close takes NULL.
int look_open(struct look **out, const struct plan *plan, struct fail *fail);
void look_close(struct look *l);

// look_chan reads channel i of plan.spec.chans. Returns 0, or a shmchan error.
int look_chan(const struct look *l, unsigned i, struct shmchan_view_chan *out);
struct shmchan_view *look_view(const struct look *l);

// Channels that service i of the plan takes from, and gives to.
const unsigned *look_inputs(const struct look *l, unsigned service, unsigned *cnt);
const unsigned *look_outputs(const struct look *l, unsigned service, unsigned *cnt);

struct look_service {
	uint64_t depth_in, in_flight; // of its inputs
	uint64_t depth_out;           // of its outputs
	uint64_t moved;               // messages ever taken from its inputs, plus those completed
	uint64_t beat;                // signs of life, of all incarnations
	unsigned busiest;             // channel with the most depth and in_flight of its inputs; PLAN_NONE if all are empty
};
// look_service sums up what the plan's service i has to do. Channels that can't be read are left out.
void look_service(const struct look *l, unsigned i, struct look_service *out);

#endif
