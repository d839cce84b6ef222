// What `shmtool top` at 10 Hz costs a load that saturates both cores: a 64-byte stream between two processes that poll,
// measured with and without a top beside it, in turn; and the processor time of top itself, which is the same on a
// noisy machine.
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/table.h"
#include "tests/bench/stream.h"

#define SECONDS 2.0 // of a sample, about

struct screen {
	pid_t pid;
	int master;
	pthread_t reader;
	size_t bytes; // drawn
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// A terminal takes what is drawn.
static void *take(void *arg)
{
	struct screen *s = arg;
	char buf[65536];
	ssize_t n;

	while ((n = read(s->master, buf, sizeof(buf))) > 0)
		s->bytes += (size_t)n;
	return NULL;
}

static bool open_top(struct screen *s, const char *program, const char *group)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};

	*s = (struct screen){0};
	s->pid = forkpty(&s->master, NULL, NULL, &size);
	if (s->pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		execl(program, "shmtool", "top", group, "--interval", "0.1", (char *)NULL);
		_exit(127);
	}
	return s->pid > 0 && pthread_create(&s->reader, NULL, take, s) == 0;
}

// Returns the processor seconds it has used, < 0 if it did not end well.
static double close_top(struct screen *s)
{
	struct rusage usage;
	int status = -1;

	if (write(s->master, "q", 1) != 1)
		kill(s->pid, SIGTERM);
	wait4(s->pid, &status, 0, &usage);
	pthread_join(s->reader, NULL);
	close(s->master);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
				 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
		       : -1;
}

static bool sample(struct stream *s, struct table *t, const char *program, uint64_t cnt, bool with)
{
	struct screen screen;
	double begun = now(), ns, cpu;

	if (with && !open_top(&screen, program, stream_group(s)))
		return false;
	ns = stream_run(s, cnt);
	if (with) {
		size_t drawn = screen.bytes;

		cpu = close_top(&screen);
		if (cpu < 0 || drawn == 0) {
			fprintf(stderr, "bench top: %s did not draw, or did not end well\n", program);
			return false;
		}
		table_add(t, "processor time of top at 10 Hz", "shmtool top", "any", "ms/s", false,
			  cpu * 1e3 / (now() - begun));
	}
	if (ns > 0)
		table_add(t, "64 B stream on both cores", with ? "with top at 10 Hz" : "alone", "any", "ns",
			  false, ns);
	return ns > 0;
}

int main(int argc, char **argv)
{
	const char *out = NULL, *build = getenv("BUILD");
	char program[4096];
	struct stream *s;
	struct table *t = table_new();
	unsigned runs = 9;
	uint64_t cnt;
	bool ok;
	int c;

	while ((c = getopt(argc, argv, "o:n:")) != -1) {
		if (c == 'o')
			out = optarg;
		else if (c == 'n')
			runs = (unsigned)atoi(optarg);
		else
			return 2;
	}
	snprintf(program, sizeof(program), "%s/bin/shmtool", build ? build : "build");
	s = stream_start();
	if (!s || !t)
		return 1;
	cnt = (uint64_t)(SECONDS * 1e9 / stream_run(s, 2000000)) + 1;
	ok = true;
	for (unsigned i = 0; i < runs && ok; i++)
		// Now one first, now the other, so that a drift of the machine takes no side.
		ok = sample(s, t, program, cnt, i % 2 == 0) && sample(s, t, program, cnt, i % 2 != 0);
	stream_stop(s);
	table_print(t, "64 B stream on both cores", NULL);
	table_print(t, "processor time of top at 10 Hz", NULL);
	ok = ok && table_save(t, "bench_top", out);
	table_free(t);
	return ok ? 0 : 1;
}
