// What a probe costs that nobody listens to, one with an empty program, and each of ours; and what is left of the rate
// of a stream between two processes when probes are built in, and while it is watched.
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bpf/watch.h"
#include "shmchan/probe.h"
#include "tests/bench/table.h"
#include "tests/bpf/bench_stream.h"
#include "tests/bpf/empty.skel.h"
#include "tests/bpf/site.h"

enum { SAMPLES = 9, ROUNDS = 20, WINDOW = 1024 };
#define STREAM_SECONDS 24

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
	site_pop(key, 1, pos, key);
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
	table_print(t, "attached probe, one hit", NULL);
	bpf_link__destroy(link);
	empty_bpf__destroy(empty);
	watch_close(w);
	return err;
}

int main(int argc, char **argv)
{
	const char *path = argc == 3 && strcmp(argv[1], "-o") == 0 ? argv[2] : NULL;
	struct watch_why why = {""};
	struct table *t = table_new();
	int status = 0;

	if (argc != 1 && path == NULL) {
		fprintf(stderr, "usage: probes [-o FILE]\n");
		return 2;
	}
	if (t == NULL || bench_probes(t, &why) != WATCH_OK || bench_stream(t, STREAM_SECONDS, &why) != WATCH_OK) {
		fprintf(stderr, "probes: not measured: %s\n", why.text);
		table_free(t);
		return 0;
	}
	if (path != NULL && table_write(t, path) != 0) {
		fprintf(stderr, "probes: cannot write %s: %s\n", path, strerror(errno));
		status = 1;
	}
	table_free(t);
	return status;
}
