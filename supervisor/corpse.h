// Processes of a service that are dead, though not gone: their place is taken, and the kernel still takes their memory down. They
// are waited for, so that nothing of a group is left when it ends.
#ifndef SUPERVISOR_CORPSE_H
#define SUPERVISOR_CORPSE_H

#include <stdbool.h>

struct group;

// corpse_put takes the pidfd over; false, and it is the caller's, if there is no memory for it. corpse_any: is there one?
bool corpse_put(struct group *g, int pidfd);
bool corpse_any(const struct group *g);
void corpse_forget(struct group *g); // at the end, after a loop that failed

#endif
