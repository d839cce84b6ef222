// Runs a function in a child process, one user-space instruction at a time, and kills it after the k-th.
#ifndef TESTS_CRASH_STEP_H
#define TESTS_CRASH_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct step {
	// In the child: everything up to the first instruction of interest, and the operation itself.
	void (*before)(void *ctx);
	void (*op)(void *ctx);
	// In the parent, once, when the child stands at instruction `meddle_at`: what live peers do meanwhile.
	void (*meddle)(void *ctx);
	void *ctx;
};

// Kills the child after k instructions of op, or lets op finish if it has fewer; *finished says which. Returns how many were
// executed, -1 if the child could not be run or ended by itself. The child is dead and waited for on return.
long step_kill(const struct step *s, long k, long meddle_at, pid_t *pid, bool *finished);

#endif
