// Exit statuses of shmsup, and how a failure travels to main: every part that can fail for a reason the user
// must hear of fills a struct fail and returns -1; main prints its text as one line and exits with its
// status.
#ifndef SUPERVISOR_EXITS_H
#define SUPERVISOR_EXITS_H

#include <stdio.h>

enum sup_exit {
	SUP_OK = 0,
	SUP_SYSTEM = 1,
	SUP_USAGE = 2,
	SUP_TOPOLOGY = 3,
	SUP_RUNNING = 4,
	SUP_PROGRAM = 5,
	SUP_SERVICE = 6,
	SUP_JOB = 7,
	SUP_BALANCE = 8,
	SUP_INTERRUPTED = 9,
	SUP_STOPPED = 10,
	SUP_NO_GROUP = 11,
	SUP_REFUSED = 12,
	SUP_UNREACHABLE = 13,
	SUP_REPORT = 14,
	SUP_DIFFERS = 15,
	SUP_EXIT_CNT
};

// exits_text says when a status is returned; NULL for a number that is none.
const char *exits_text(int status);
// exits_print writes the table of all statuses, as `shmsup help` shows it.
void exits_print(FILE *f);

struct fail {
	enum sup_exit status;
	char text[512]; // one line: what could not be done, to which object, why
};

// fail_set fills *f from a printf format and returns -1. Control characters become '?', so that a message
// stays one line whatever a file or a peer put into it.
int fail_set(struct fail *f, enum sup_exit status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
