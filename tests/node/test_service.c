#include "procs/common/service.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const points[] = {"here", "there", NULL};

// Runs f in a child; returns waitpid's status. What the child says on standard error goes to `line`.
static int in_child(void (*f)(struct service *s), char *line, size_t size)
{
	int fd[2], status;
	ssize_t n = 0, got;

	cr_assert_eq(pipe(fd), 0);
	pid_t pid = fork();
	if (!pid) {
		struct service s;
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		service_init(&s, "program", points);
		f(&s);
		_exit(99);
	}
	close(fd[1]);
	while ((got = read(fd[0], line + n, size - 1 - n)) > 0)
		n += got;
	line[n] = 0;
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void unknown_point(struct service *s)
{
	service_die_option(s, "nowhere");
}

static void bad_count(struct service *s)
{
	service_die_option(s, "here:x");
}

static void bad_number(struct service *s)
{
	service_number(s, "--workers", "0", 1, 64);
}

static void no_group(struct service *s)
{
	unsetenv("SHMCHAN_GROUP");
	service_attach(s);
}

static void failed_call(struct service *s)
{
	service_idle(s, SHMCHAN_ECORRUPT, "take a request");
}

Test(service, refusals)
{
	static const struct {
		void (*f)(struct service *s);
		int status;
		const char *says;
	} cases[] = {
		{unknown_point, SERVICE_USAGE,
		 "program: --die-at 'nowhere': no such point; there are: here there\n"},
		{bad_count, SERVICE_USAGE,
		 "program: --die-at 'here:x': what follows ':' is not a number of incarnations\n"},
		{bad_number, SERVICE_USAGE, "program: --workers '0' is not a number from 1 to 64\n"},
		{no_group, SERVICE_GROUP, "program: cannot attach to its group"},
		{failed_call, SERVICE_FAILED, "program: cannot take a request: "},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[1024];
		int status = in_child(cases[i].f, line, sizeof(line));
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), cases[i].status, "%zu: %d", i, WEXITSTATUS(status));
		cr_assert_eq(strncmp(line, cases[i].says, strlen(cases[i].says)), 0, "%zu: '%s'", i, line);
		// A sanitizer may have a line of its own to say.
		cr_assert_null(strstr(line, "\nprogram: "), "one line: '%s'", line);
	}
}

static void idle_codes(struct service *s)
{
	service_idle(s, SHMCHAN_TIMEOUT, "wait");
	service_idle(s, SHMCHAN_INTR, "wait");
	service_idle(s, SHMCHAN_EMPTY, "wait");
	service_idle(s, SHMCHAN_FULL, "wait");
	_exit(42);
}

static void stops(struct service *s)
{
	if (service_stopping())
		_exit(1);
	raise(SIGTERM);
	_exit(service_stopping() ? 42 : 2);
}

static void survives(struct service *s)
{
	service_die_option(s, "here:2");
	s->incarnation = 3;
	service_point(s, "here");
	s->incarnation = 2;
	service_point(s, "there");
	service_die_option(s, "none");
	_exit(42);
}

static void dies(struct service *s)
{
	service_die_option(s, "there");
	s->incarnation = 1;
	service_point(s, "here");
	service_point(s, "there");
}

Test(service, goes_on)
{
	static void (*const f[])(struct service *) = {idle_codes, stops, survives};
	char line[1024];

	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		int status = in_child(f[i], line, sizeof(line));
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), 42, "%zu: %d", i, WEXITSTATUS(status));
	}
}

Test(service, dies_by_sigkill)
{
	char line[1024];
	int status = in_child(dies, line, sizeof(line));
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGKILL);
}
