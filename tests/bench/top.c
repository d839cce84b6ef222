// What `shmtool top` at 10 Hz costs a load that saturates both cores: a 64-byte stream between two processes that poll,
// measured with a top that draws beside it and with one that is stopped, in slices of some redraws, in turn; and the processor
// time of top itself, which is the same on a noisy machine. The lines' distance is not probed between slices: where it changes
// within a pair, that pair is an outlier, of which a median takes no notice.
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
#include "tests/bench/pairs.h"
#include "tests/bench/stream.h"
#include "tests/bench/table.h"

#define SECONDS 0.3 // of a slice, about

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

static bool slice(struct stream *s, struct screen *screen, bool with, uint64_t cnt, struct sample *out)
{
	int status;

	*out = (struct sample){.line = {1, 1}};
	if (with && kill(screen->pid, SIGCONT))
		return false;
	out->value = stream_run(s, cnt);
	if (with && (kill(screen->pid, SIGSTOP) || waitpid(screen->pid, &status, WUNTRACED) < 0 || !WIFSTOPPED(status)))
		return false;
	return out->value > 0;
}

// Both of a pair; now one first, now the other, so that a drift of the machine takes no side. Returns how long top drew, < 0 if
// something failed.
static double pair(struct stream *s, struct screen *screen, bool with_first, uint64_t cnt, struct table *t, struct pairs *p)
{
	struct sample with, alone;
	double begun, drew = -1;
	bool ok = true;

	for (int i = 0; i < 2 && ok; i++) {
		bool draws = with_first == (i == 0);

		begun = now();
		ok = slice(s, screen, draws, cnt, draws ? &with : &alone);
		if (draws)
			drew = now() - begun;
	}
	if (!ok)
		return -1;
	table_add(t, "64 B stream on both cores", "with top at 10 Hz", "any", "ns", false, with.value);
	table_add(t, "64 B stream on both cores", "alone", "any", "ns", false, alone.value);
	pairs_add(p, &alone, &with);
	return drew;
}

static bool measure(struct stream *s, const char *program, unsigned runs, uint64_t cnt, struct table *t, struct pairs *p)
{
	struct screen screen;
	double drew = 0, cpu, one = 0;
	size_t drawn;

	if (!open_top(&screen, program, stream_group(s)))
		return false;
	for (unsigned i = 0; i < runs && one >= 0; i++) {
		one = pair(s, &screen, i % 2 == 0, cnt, t, p);
		drew += one;
	}
	kill(screen.pid, SIGCONT);
	drawn = screen.bytes;
	cpu = close_top(&screen);
	if (one < 0 || cpu < 0 || drawn == 0) {
		fprintf(stderr, "bench top: %s did not draw, or did not end well\n", program);
		return false;
	}
	table_add(t, "processor time of top at 10 Hz", "shmtool top", "any", "ms/s", false, cpu * 1e3 / drew);
	return true;
}

static void print_share(const struct pairs *p)
{
	struct pairs_summary s;

	pairs_sum_up(p, "near", &s);
	printf("\nshare of its rate alone that the stream keeps with top at 10 Hz: median of %u pairs %.2f %%, in 19 of 20 runs "
	       "%.2f to %.2f %%, half of the pairs %.1f to %.1f %%\n",
	       s.cnt, s.median * 100, s.low * 100, s.high * 100, s.q1 * 100, s.q3 * 100);
}

int main(int argc, char **argv)
{
	const char *out = NULL, *build = getenv("BUILD");
	char program[4096];
	struct stream *s;
	struct table *t = table_new();
	struct pairs *p = pairs_new();
	unsigned runs = 60;
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
	if (!s || !t || !p)
		return 1;
	cnt = (uint64_t)(SECONDS * 1e9 / stream_run(s, 2000000)) + 1;
	ok = measure(s, program, runs, cnt, t, p);
	stream_stop(s);
	table_print(t, "64 B stream on both cores", NULL);
	print_share(p);
	table_print(t, "processor time of top at 10 Hz", NULL);
	ok = ok && table_save(t, "bench_top", out);
	table_free(t);
	pairs_free(p);
	return ok ? 0 : 1;
}
