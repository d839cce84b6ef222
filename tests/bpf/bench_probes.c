// What a probe costs that nobody listens to, one with an empty program, and each of ours; and what is left of the rate
// of a stream between two processes when probes are built in, and while it is watched.
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bpf/watch.h"
#include "shmchan/probe.h"
#include "shmchan/view.h"
#include "tests/bench/table.h"
#include "tests/bpf/empty.skel.h"
#include "tests/bpf/site.h"

enum { SAMPLES = 9, ROUNDS = 20, WINDOW = 1024, ROUNDS_OF_STREAM = 25, MESSAGES = 200000 };

// Of this thread's own time: others on this machine don't count.
static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

// --------------------------------------------------------------------------------------------- one probe

static uint64_t key;

static void fire_push(uint64_t pos)
{
	site_push(key, 1, pos);
}

static void fire_pop(uint64_t pos)
{
	site_pop(key, 1, pos);
}

static void fire_done(uint64_t pos)
{
	site_done(key, pos);
}

static void fire_full(uint64_t pos)
{
	site_full(key, pos);
}

static void fire_sleep(uint64_t pos)
{
	site_sleep(key);
}

static void fire_wake(uint64_t pos)
{
	site_wake(key);
}

static void fire_empty(uint64_t pos)
{
	site_empty(key, 1, pos);
}

static void fire_idle(uint64_t pos)
{
	site_idle(key, 1, pos);
}

// In this order, so that each pop finds its push and each done its pop.
static const struct {
	const char *name;
	void (*fire)(uint64_t pos);
} probes[] = {
	{"floor-empty-program", fire_empty}, {"shmchan-push", fire_push}, {"shmchan-pop", fire_pop},
	{"shmchan-done", fire_done},         {"shmchan-full", fire_full}, {"shmchan-sleep", fire_sleep},
	{"shmchan-wake", fire_wake},         {"not-attached", fire_idle},
};
enum { PROBES = sizeof probes / sizeof *probes };

static void sample_probes(struct table *t)
{
	double spent[PROBES] = {0};
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned p = 0; p < PROBES; p++) {
			double start = now_ns();
			for (uint64_t pos = 0; pos < WINDOW; pos++)
				probes[p].fire(round * WINDOW + pos);
			spent[p] += now_ns() - start;
		}
	for (unsigned p = 0; p < PROBES; p++)
		table_add(t, "attached probe, one hit", probes[p].name, "any", "ns", false,
			  spent[p] / (ROUNDS * WINDOW));
}

static int bench_probes(struct table *t, struct watch_why *why)
{
	const struct watch_chan chan = {.id = 1, .capacity = WINDOW, .name = "bench"};
	uint32_t tag = (uint32_t)getpid();
	struct empty_bpf *empty = empty_bpf__open_and_load();
	struct bpf_link *link = NULL;
	struct watch *w = NULL;
	int err = watch_open(&w, &(struct watch_spec){.group_tag = tag, .chans = &chan, .chan_cnt = 1}, why);

	key = SHMCHAN_PROBE_KEY(tag, 1);
	if (err == WATCH_OK)
		err = watch_attach_pid(w, getpid(), why);
	if (err == WATCH_OK && empty != NULL)
		link = bpf_program__attach_usdt(empty->progs.on_empty, -1, "/proc/self/exe", "bench", "empty",
						NULL);
	if (err == WATCH_OK && link == NULL) {
		snprintf(why->text, sizeof why->text, "cannot attach an empty program: %s", strerror(errno));
		err = WATCH_KERNEL;
	}
	for (unsigned i = 0; err == WATCH_OK && i < SAMPLES; i++)
		sample_probes(t);
	bpf_link__destroy(link);
	empty_bpf__destroy(empty);
	watch_close(w);
	return err;
}

// ----------------------------------------------------------------------------------------------- a stream

// A worker runs a stream of its own group on request; see stream_worker.c.
struct worker {
	FILE *to, *from;
	pid_t pid, producer;
	char group[SHMCHAN_NAME_MAX];
};

static bool worker_start(struct worker *w, const char *name)
{
	char path[512];
	int to[2], from[2];
	char *argv[] = {path, NULL};
	posix_spawn_file_actions_t actions;
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 64);

	path[len > 0 ? len : 0] = '\0';
	snprintf(strrchr(path, '/') + 1, 63, "%s", name);
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to[0], 0);
	posix_spawn_file_actions_adddup2(&actions, from[1], 1);
	len = posix_spawn(&w->pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(to[0]);
	close(from[1]);
	w->to = fdopen(to[1], "w");
	w->from = fdopen(from[0], "r");
	return len == 0 && fscanf(w->from, "%31s %d", w->group, &w->producer) == 2;
}

static void worker_stop(struct worker *w)
{
	if (w->pid <= 0)
		return;
	fclose(w->to);
	fclose(w->from);
	waitpid(w->pid, NULL, 0);
}

static double worker_run(struct worker *w)
{
	double ns = -1;
	fprintf(w->to, "%d\n", MESSAGES);
	fflush(w->to);
	return fscanf(w->from, "%lf", &ns) == 1 ? ns : -1;
}

enum { BARE, IDLE, DEFAULT, ONE_IN_64, ALL, ROWS };
static const char *const rows[ROWS] = {
	"probes-compiled-out", "floor-not-watched", "shmchan-watched-default", "shmchan-watched-1-in-64",
	"shmchan-watched-all",
};
static double times[ROWS][ROUNDS_OF_STREAM];
static unsigned rounds;

static bool add(struct table *t, unsigned row, double ns)
{
	if (ns > 0)
		table_add(t, "64 B stream, time per message", rows[row], "any", "ns", false, ns);
	times[row][rounds] = ns;
	return ns > 0;
}

// Every sample comes after a run that wakes both ends up and, when watched by default, finds the pace.
static bool ran(struct table *t, unsigned row, struct worker *w)
{
	return worker_run(w) > 0 && add(t, row, worker_run(w));
}

// For one message in `every`, 0 the default.
static bool watched(struct table *t, struct worker *w, const struct shmchan_view *v, unsigned row,
		    uint32_t every)
{
	shmchan_view_sample(v, 0, every, 0);
	return ran(t, row, w);
}

static int stream_round(struct table *t, struct worker *bare, struct worker *w, const struct shmchan_view *v,
			struct watch_why *why)
{
	const struct watch_chan chan = {.id = 1, .capacity = 1024, .name = "stream", .consumer = 2};
	const char *const procs[] = {"supervisor", "producer", "consumer"};
	struct shmchan_view_group g;
	struct watch *watch = NULL;
	int err;

	shmchan_view_group(v, &g);
	if (!ran(t, BARE, bare) || !ran(t, IDLE, w))
		return WATCH_GONE;
	err = watch_open(&watch, &(struct watch_spec){g.group_tag, &chan, 1, procs, 3}, why);
	if (err == WATCH_OK)
		err = watch_attach_pid(watch, w->producer, why);
	if (err == WATCH_OK && !(watched(t, w, v, DEFAULT, 0) && watched(t, w, v, ONE_IN_64, 64) &&
				 watched(t, w, v, ALL, 1)))
		err = WATCH_GONE;
	watch_close(watch);
	return err;
}

static int by_value(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static double median(unsigned row)
{
	qsort(times[row], rounds, sizeof(double), by_value);
	return times[row][rounds / 2];
}

static int bench_stream(struct table *t, struct watch_why *why)
{
	struct worker bare = {0}, w = {0};
	struct shmchan_view *v = NULL;
	int err = WATCH_GONE;

	if (worker_start(&bare, "probes-bare-worker") && worker_start(&w, "probes-worker") &&
	    shmchan_view_open(&v, w.group, NULL) == 0)
		err = WATCH_OK;
	for (rounds = 0; err == WATCH_OK && rounds < ROUNDS_OF_STREAM; rounds++)
		err = stream_round(t, &bare, &w, v, why);
	shmchan_view_close(v);
	worker_stop(&bare);
	worker_stop(&w);
	return err;
}

static void print_kept(void)
{
	double idle = median(IDLE);
	printf("\n64 B stream, medians of %u: %.1f ns with probes compiled out, %.1f not watched, of whose rate "
	       "watching keeps\n  default %.0f %%  1 in 64 %.0f %%  all %.1f %%\n",
	       rounds, median(BARE), idle, 100 * idle / median(DEFAULT), 100 * idle / median(ONE_IN_64),
	       100 * idle / median(ALL));
}

int main(int argc, char **argv)
{
	const char *path = argc == 3 && strcmp(argv[1], "-o") == 0 ? argv[2] : NULL;
	struct watch_why why = {"the stream could not be started"};
	struct table *t = table_new();
	int status = 0;

	if (argc != 1 && path == NULL) {
		fprintf(stderr, "usage: probes [-o FILE]\n");
		return 2;
	}
	if (t == NULL || bench_probes(t, &why) != WATCH_OK || bench_stream(t, &why) != WATCH_OK) {
		fprintf(stderr, "probes: not measured: %s\n", why.text);
		table_free(t);
		return 0;
	}
	table_print(t, "attached probe, one hit", NULL);
	table_print(t, "64 B stream, time per message", NULL);
	print_kept();
	if (path != NULL && table_write(t, path) != 0) {
		fprintf(stderr, "probes: cannot write %s: %s\n", path, strerror(errno));
		status = 1;
	}
	table_free(t);
	return status;
}
