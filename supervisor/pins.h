// Probes that `shmtool probe attach` has attached for good follow the group to the programs that it starts later: the kernel
// attaches to files, and those of a service that had not been started, or was upgraded, were not known then.
#ifndef SUPERVISOR_PINS_H
#define SUPERVISOR_PINS_H

#include <sys/types.h>
#include "supervisor/launch.h"

// What a process runs, and the pins that were made to follow it there.
struct pins_seen {
	dev_t dev;
	ino_t ino, pins;
};

// pins_follow has shmtool attach to what process `pid` of `group` runs, if the group is attached to and *seen does not say that
// it was done. Does not wait: shmtool is a stranger among the children.
void pins_follow(const struct launcher *l, const char *group, pid_t pid, struct pins_seen *seen);

#endif
