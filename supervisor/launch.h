// How a service's process is started: everything that can be prepared is, so that between a death and
// posix_spawn there is only a number to write. A service with a user, limits or rights of its own is started by
// confine_spawn, and finds its segments as descriptors (SHMCHAN_FDS); one with a heartbeat too, for its WATCHDOG_PID; all others
// by posix_spawn.
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include <spawn.h>
#include <sys/types.h>
#include "supervisor/confine.h"
#include "supervisor/plan.h"

struct launch {
	const char *path; // absolute, or relative to the supervisor's directory as the topology says
	char *const *argv;
	char **envp;
	char *incarnation; // in envp: where the number goes
	char *spare;       // the same, of a spare; NULL: it has none
	int out;           // descriptor for standard output and error; -1 = the supervisor's
	struct confine confine;
	const char *step; // after launch_spawn failed: what could not be done, or NULL
};

struct launcher {
	posix_spawn_file_actions_t files; // standard input from /dev/null; nothing above standard error
	// Own session, and with it own process group (of a group in the supervisor's session the kernel would kill the stopped ones by
	// SIGHUP when the supervisor dies); default signals, none blocked.
	posix_spawnattr_t attr;
	struct filter filters[TOPO_SECCOMP_STRICT + 1]; // by level; those that a plan uses
	void *stack;                                    // of confined children
};

int launcher_init(struct launcher *l); // 0 or an errno value
// launcher_plan prepares what the confined services of a plan need. Errors: SUP_PROGRAM a service needs rights that the
// supervisor does not have; SUP_SYSTEM.
int launcher_plan(struct launcher *l, const struct plan *plan, struct fail *fail);
void launcher_fini(struct launcher *l);

// launch_find finds the program of `command`: with a '/' it is the path; without, it is looked up beside the
// supervisor's own binary and then in PATH. Returns a path of the arena's, or NULL with *fail = SUP_PROGRAM.
const char *launch_find(const char *command, struct arena *a, struct fail *fail);

// launch_prepare fills *out for service `index` of the plan (process slot index + 1). All memory is the
// arena's. Errors: as launch_find.
int launch_prepare(struct launch *out, const struct plan *plan, unsigned index, const char *notify_path,
		   struct arena *a, struct fail *fail);

// launch_spawn starts incarnation `incarnation`: 0 with *pid and *pidfd (close-on-exec, the caller's) set, or
// an errno value, with s->step.
int launch_spawn(const struct launcher *l, struct launch *s, unsigned incarnation, pid_t *pid,
		 int *pidfd);
// launch_spare does so for the spare of that number, which is not yet an incarnation.
int launch_spare(const struct launcher *l, struct launch *s, unsigned number, pid_t *pid, int *pidfd);

#endif
