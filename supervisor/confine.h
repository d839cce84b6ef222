// Starting a process with less than the supervisor has: another user, fewer capabilities, a filter of system calls,
// limits, a processor set, and descriptors of its own segments in place of the right to open any.
//
// The child shares the supervisor's memory until it executes its program (as in vfork and posix_spawn, so that the size
// of the supervisor costs nothing), and gives its rights up by system calls of its own. Between the change of user and
// the execve a process of another user runs on that memory: the kernel makes it undumpable at that moment, so that
// this user can't trace it, and its signals have their default actions and a table of their own. The supervisor puts
// its own dumpability back.
#ifndef SUPERVISOR_CONFINE_H
#define SUPERVISOR_CONFINE_H

#include <sys/types.h>
#include "supervisor/filter.h"
#include "supervisor/plan.h"

struct confine_file {
	const char *path; // of a segment
	bool writable;
};

struct confine {
	const struct plan_confine *plan;
	const struct filter *filter;
	const struct confine_file *files; // they become descriptors 3, 4, ...
	unsigned file_cnt;
	void *stack; // of the child, CONFINE_STACK bytes; one serves all
	char *pid_text; // in the environment: the child writes its pid there, CONFINE_PID_ROOM bytes with the NUL; or NULL
};
#define CONFINE_PID_ROOM 12
#define CONFINE_STACK 65536

// confine_spawn starts the program: 0 with *pid and *pidfd (close-on-exec) set; or an errno value, with *step, a literal,
// saying what could not be done. `out` is the descriptor for standard output and error; -1 leaves them.
int confine_spawn(const struct confine *c, const char *path, char *const *argv, char *const *envp, int out,
		  pid_t *pid, int *pidfd, const char **step);

#endif
