// What a plan would start, as text: `shmsup check`.
#ifndef SUPERVISOR_PICTURE_H
#define SUPERVISOR_PICTURE_H

#include <stdio.h>
#include "supervisor/plan.h"

// picture_draw writes services in the order of their start, channels with their ends, pools, strategies, and the
// memory that all of it takes. Errors: SUP_TOPOLOGY, the library would refuse it; SUP_SYSTEM, no memory.
int picture_draw(FILE *f, const struct plan *plan, struct fail *fail);

#endif
