#include "procs/common/service.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stopping;

static void on_stop(int sig)
{
	stopping = 1;
}

bool service_stopping(void)
{
	return stopping;
}

void service_init(struct service *s, const char *program, const char *const *points)
{
	// Without SA_RESTART: a waiting call has to come back.
	struct sigaction sa = {.sa_handler = on_stop};

	*s = (struct service){.program = program, .points = points};
	setvbuf(stderr, NULL, _IOLBF, 0);
	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
}

static void say(const struct service *s, const char *fmt, va_list ap)
{
	char line[1024];
	vsnprintf(line, sizeof(line), fmt, ap);
	// One write, so that lines of processes that share a terminal do not mix.
	fprintf(stderr, "%s: %s\n", s->program, line);
}

void service_warn(const struct service *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(s, fmt, ap);
	va_end(ap);
}

void service_fail(const struct service *s, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say(s, fmt, ap);
	va_end(ap);
	exit(status);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end && *out <= max;
}

uint64_t service_number(const struct service *s, const char *name, const char *arg, uint64_t min,
			uint64_t max)
{
	uint64_t v;
	if (!parse_number(arg, max, &v) || v < min)
		service_fail(s, SERVICE_USAGE, "%s '%s' is not a number from %" PRIu64 " to %" PRIu64, name,
			     arg, min, max);
	return v;
}

void service_die_option(struct service *s, const char *arg)
{
	size_t len = strcspn(arg, ":");
	uint64_t cnt = 1;

	if (!strcmp(arg, "none"))
		return;
	if (arg[len] && !parse_number(arg + len + 1, UINT32_MAX, &cnt))
		service_fail(s, SERVICE_USAGE,
			     "--die-at '%s': what follows ':' is not a number of incarnations", arg);
	for (const char *const *p = s->points; *p; p++)
		if (strlen(*p) == len && !memcmp(*p, arg, len)) {
			s->die_at = *p;
			s->die_cnt = cnt;
			return;
		}
	char known[256] = "";
	for (const char *const *p = s->points; *p; p++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", *p);
	service_fail(s, SERVICE_USAGE, "--die-at '%s': no such point; there are:%s", arg, known);
}

void service_option(struct service *s, int option, const char *arg, void (*usage)(FILE *to))
{
	if (option == 'd') {
		service_die_option(s, arg);
		return;
	}
	usage(option == 'h' ? stdout : stderr);
	exit(option == 'h' ? SERVICE_DONE : SERVICE_USAGE);
}

void service_no_more(const struct service *s, int argc, char **argv)
{
	if (optind < argc)
		service_fail(s, SERVICE_USAGE, "unexpected argument '%s'", argv[optind]);
}

void service_attach(struct service *s)
{
	struct shmchan_why why;
	int rc = shmchan_attach_env(&s->me, &why);
	if (rc)
		service_fail(s, SERVICE_GROUP,
			     "cannot attach to its group (services are started by shmsup): %s",
			     why.text[0] ? why.text : shmchan_strerror(rc));
	s->program = shmchan_self_name(s->me);
	s->incarnation = shmchan_self(s->me) >> 12;
}

struct shmchan *service_open(struct service *s, const char *name, int end)
{
	struct shmchan_why why;
	struct shmchan *ch;
	int rc = shmchan_open(s->me, name, end, &ch, &why);
	if (rc)
		service_fail(s, SERVICE_GROUP, "cannot open channel '%s' for %s: %s", name,
			     end == SHMCHAN_TX ? "sending" : "receiving",
			     why.text[0] ? why.text : shmchan_strerror(rc));
	return ch;
}

struct shmchan *service_open_replica(struct service *s, const char *name, unsigned replica, int end)
{
	char full[SHMCHAN_NAME_MAX + 16];
	snprintf(full, sizeof(full), "%s-%u", name, replica);
	return service_open(s, full, end);
}

struct shmchan_pool *service_pool(struct service *s, const char *name)
{
	struct shmchan_why why;
	struct shmchan_pool *pool;
	int rc = shmchan_pool_open(s->me, name, &pool, &why);
	if (rc)
		service_fail(s, SERVICE_GROUP, "cannot open pool '%s': %s", name,
			     why.text[0] ? why.text : shmchan_strerror(rc));
	return pool;
}

void service_ready(struct service *s)
{
	int rc = shmchan_ready(s->me);
	if (rc)
		service_warn(s, "cannot tell the supervisor that it is ready: %s; going on",
			     shmchan_strerror(rc));
}

void service_idle(const struct service *s, int code, const char *what)
{
	if (code == SHMCHAN_TIMEOUT || code == SHMCHAN_INTR || code == SHMCHAN_EMPTY || code == SHMCHAN_FULL)
		return;
	service_fail(s, SERVICE_FAILED, "cannot %s: %s; ending, to be replaced", what,
		     shmchan_strerror(code));
}

bool service_dies_at(const struct service *s, const char *point)
{
	return s->die_at && s->incarnation <= s->die_cnt && !strcmp(s->die_at, point);
}

void service_die_now(void)
{
	for (;;)
		kill(getpid(), SIGKILL);
}

void service_point(const struct service *s, const char *point)
{
	if (service_dies_at(s, point))
		service_die_now();
}
