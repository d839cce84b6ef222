// How a service's process is started: everything that can be prepared is, so that between a death and
// posix_spawn there is only a number to write.
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include <spawn.h>
#include <sys/types.h>
#include "supervisor/plan.h"

struct launch {
	const char *path; // absolute, or relative to the supervisor's directory as the topology says
	char *const *argv;
	char **envp;
	char *incarnation; // in envp: where the number goes
};

struct launcher {
	posix_spawn_file_actions_t files; // standard input from /dev/null; nothing above standard error
	posix_spawnattr_t attr;           // own process group, default signals, none blocked
};

int launcher_init(struct launcher *l); // 0 or an errno value
void launcher_fini(struct launcher *l);

// launch_find finds the program of `command`: with a '/' it is the path; without, it is looked up beside the
// supervisor's own binary and then in PATH. Returns a path of the arena's, or NULL with *fail = SUP_PROGRAM.
const char *launch_find(const char *command, struct arena *a, struct fail *fail);

// launch_prepare fills *out for service `index` of the plan (process slot index + 1). All memory is the
// arena's. Errors: as launch_find.
int launch_prepare(struct launch *out, const struct plan *plan, unsigned index, const char *notify_path,
		   struct arena *a, struct fail *fail);

// launch_spawn starts incarnation `incarnation`: 0 with *pid and *pidfd (close-on-exec, the caller's) set, or
// an errno value.
int launch_spawn(const struct launcher *l, const struct launch *s, unsigned incarnation, pid_t *pid,
		 int *pidfd);

#endif
