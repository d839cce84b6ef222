// Runs a function in a child process, one user-space instruction at a time.
//
// A step costs some 20 us, most of it the processor's debug exception. A way that has been gone before can be taken faster: up
// to an instruction that is met there for the first time the child runs, into a hardware breakpoint.
#ifndef TESTS_CRASH_STEP_H
#define TESTS_CRASH_STEP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WAY_MAX 16384

// The instructions of an operation, as far as it was seen; in memory shared by who records it and who goes it again, in
// processes that are copies of one.
struct way {
	long cnt;
	unsigned long at[WAY_MAX]; // before which instruction it stands after n
	uint32_t anchor[WAY_MAX];  // the last n up to there whose instruction is met for the first time
};

struct step {
	// In the child: everything up to the first instruction of interest, and the operation itself.
	void (*before)(void *ctx);
	void (*op)(void *ctx);
	void *ctx;
	bool sleeps;     // op may sleep in the kernel until somebody else acts
	struct way *way; // NULL: each instruction is stepped through, and nothing recorded
};

enum step_state {
	STEP_STOPPED,  // before an instruction of op
	STEP_ASLEEP,   // in a system call that does not return by itself
	STEP_FINISHED, // op has returned
	STEP_BROKEN,   // the child could not be run, got a signal, or ended by itself
};

struct stepper {
	pid_t pid;
	enum step_state state;
	long n; // instructions executed; a system call it sleeps in counts
	bool sleeps;
	struct way *way;
	bool strayed; // BROKEN, as it did not come along the way: to be begun again without it
	char why[64]; // if BROKEN
};

// Starts the child; it stands before the first instruction of op. The child dies with its tracer, the calling process.
void step_begin(struct stepper *st, const struct step *s);
// One instruction more; after STEP_ASLEEP: waits for the same one again.
void step_next(struct stepper *st);
// As step_next, until k instructions are executed or op sleeps or has returned; along the way, as far as it is known.
void step_to(struct stepper *st, long k);
// SIGKILL. The child is dead and waited for on return; its pid stays in st->pid, unless it had ended before: then 0.
void step_kill(struct stepper *st);

// Is that process asleep in the kernel? It is not while it runs, is about to, or stands still for a tracer.
bool step_asleep(pid_t pid);

#endif
