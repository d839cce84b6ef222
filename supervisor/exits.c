#include "supervisor/exits.h"

#include <stdarg.h>

static const char *const text[] = {
	[SUP_OK] = "the job is complete and its counts balance; a group without a job ended or was stopped",
	[SUP_SYSTEM] = "shmsup itself failed: a system call, memory, a segment",
	[SUP_USAGE] = "wrong usage: unknown command, option, variable or name",
	[SUP_TOPOLOGY] = "the topology can't be read or is not valid",
	[SUP_RUNNING] = "a group of that name is running",
	[SUP_PROGRAM] = "the program of a service is missing or not executable",
	[SUP_SERVICE] = "a service failed: it was given up",
	[SUP_JOB] = "the job failed: the service that completes it was given up",
	[SUP_BALANCE] = "the job is complete, but its counts do not balance",
	[SUP_INTERRUPTED] =
		"interrupted by SIGINT, SIGTERM, SIGHUP or SIGQUIT; the group was stopped in order",
	[SUP_STOPPED] = "stopped by `shmsup stop` before the job was complete",
	[SUP_NO_GROUP] = "no such group",
	[SUP_REFUSED] = "the supervisor refused: unknown service, or not in this state; or an upgrade failed, and the program before it goes on",
	[SUP_UNREACHABLE] = "the supervisor of the group is dead or does not answer",
	[SUP_REPORT] = "the report could not be written",
	[SUP_DIFFERS] = "the group in memory is not what the topology, or this shmsup, would make it: it can't be taken over",
};
_Static_assert(sizeof(text) / sizeof(text[0]) == SUP_EXIT_CNT, "every status is explained");

const char *exits_text(int status)
{
	return status >= 0 && status < SUP_EXIT_CNT ? text[status] : NULL;
}

void exits_print(FILE *f)
{
	for (int i = 0; i < SUP_EXIT_CNT; i++)
		fprintf(f, "  %2d  %s\n", i, text[i]);
}

int fail_set(struct fail *f, enum sup_exit status, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	for (unsigned char *p = (unsigned char *)f->text; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
	return -1;
}
