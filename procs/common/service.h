// What every service process does alike: attaching to its group, ending on SIGTERM,
// error lines, exit statuses, and dying on purpose at a named point. For programs: failures end the process.
#ifndef PROCS_COMMON_SERVICE_H
#define PROCS_COMMON_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "shmchan/shmchan.h"

// Exit statuses of all services.
enum service_status {
	SERVICE_DONE = 0,    // its work is complete; a service without an end: stopped by SIGTERM
	SERVICE_FAILED = 1,  // a call failed that should not; the line says which
	SERVICE_USAGE = 2,   // wrong arguments
	SERVICE_INPUT = 3,   // an input file is missing or bad; the line names it and the reason
	SERVICE_GROUP = 4,   // no group to attach to, or an object of it cannot be used
	SERVICE_STOPPED = 5, // stopped by SIGTERM before its work was complete
};

// Longest wait before a loop looks at service_stopping() again: a SIGTERM that arrives just before a waiting
// call goes to sleep does not interrupt it.
#define SERVICE_WAIT_NS UINT64_C(200000000)

struct service {
	const char *program;       // name in messages; from service_attach on, that of the service
	const char *const *points; // names of the points at which it can die, NULL-terminated
	struct shmchan_proc *me;   // NULL before service_attach
	uint32_t incarnation;      // from 1
	const char *die_at;        // element of points, or NULL
	uint32_t die_cnt;          // incarnations 1 .. die_cnt die there
};

// service_init prepares *s, which the other functions take; installs the SIGTERM and SIGINT handler.
// `program` and `points` must outlive it. Streams: standard error becomes line-buffered.
void service_init(struct service *s, const char *program, const char *const *points);

// service_die_option takes the argument of --die-at: "none" or "POINT[:N]" (N incarnations die at POINT, 1 if
// not given). Ends with SERVICE_USAGE when there is no such point.
void service_die_option(struct service *s, const char *arg);

// The two options that all services have: service_option deals with --die-at, 'd', and --help, 'h', and ends with
// SERVICE_USAGE on any other. service_no_more does so if getopt_long has left an argument.
void service_option(struct service *s, int option, const char *arg, void (*usage)(FILE *to));
void service_no_more(const struct service *s, int argc, char **argv);

// service_number takes the argument of option `name`: a decimal number in [min, max]; ends with SERVICE_USAGE
// when it is not one.
uint64_t service_number(const struct service *s, const char *name, const char *arg, uint64_t min,
			uint64_t max);

// service_attach attaches by the environment. The process does not end with its supervisor: another adopts it.
// service_open and service_pool open a channel's end, a pool. All end with SERVICE_GROUP on failure. The
// handles belong to s->me.
void service_attach(struct service *s);
struct shmchan *service_open(struct service *s, const char *name, int end);
struct shmchan_pool *service_pool(struct service *s, const char *name);
// service_open_replica opens "NAME-REPLICA".
struct shmchan *service_open_replica(struct service *s, const char *name, unsigned replica, int end);

// service_ready tells the supervisor; a supervisor that cannot be told is reported and survived.
void service_ready(struct service *s);

// service_stopping: has SIGTERM or SIGINT come?
bool service_stopping(void);

// service_idle returns when `code`, from a call that waits, means that a main loop should look around and
// call again: TIMEOUT, INTR, EMPTY, FULL. Any other code ends the process with SERVICE_FAILED, saying that it
// could not do `what`.
void service_idle(const struct service *s, int code, const char *what);

// service_dies_at says whether this incarnation is to die at `point`; service_die_now does it, by SIGKILL, as
// a crash would: no handler, no flush. service_point is both.
bool service_dies_at(const struct service *s, const char *point);
_Noreturn void service_die_now(void);
void service_point(const struct service *s, const char *point);

// service_warn prints "PROGRAM: ..." on standard error; service_fail does that and exits.
__attribute__((format(printf, 2, 3))) void service_warn(const struct service *s, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) _Noreturn void service_fail(const struct service *s, int status,
								  const char *fmt, ...);

#endif
