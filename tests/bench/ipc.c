// Usage: ipc [-o FILE] [-r ROW] [-c CONTENDER,…] [-s SECONDS] [-n NEAR_NS]
// Measures messages between processes pinned to two cores: rows named as in the table below, every contender
// in turn, one short sample each. A sample belongs to the class (near, far) of the bare round trip of one
// cache line between the two cores, taken before and after it; it is dropped when the two disagree. Exit
// status: 0; 1 a contender received something else than what was sent, or a file could not be written; 2
// usage; 3 fewer than two cores.
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "tests/bench/side.h"
#include "tests/bench/table.h"

static const struct row rows[] = {
	{.name = "rtt_64B", .second = "p99", .form = FORM_RTT, .len = 64, .cap = 64, .producers = 1},
	{.name = "rtt_64B_deep", .second = "p99", .form = FORM_RTT, .len = 64, .cap = 1024, .producers = 1},
	{.name = "stream_8B", .form = FORM_STREAM, .len = 8, .cap = 1024, .producers = 1},
	{.name = "stream_64B", .form = FORM_STREAM, .len = 64, .cap = 1024, .producers = 1},
	{.name = "stream_64B_built", .form = FORM_BUILT, .len = 64, .cap = 1024, .producers = 1},
	{.name = "stream_1KiB", .form = FORM_STREAM, .len = 1024, .cap = 1024, .producers = 1},
	{.name = "stream_1KiB_deep", .form = FORM_STREAM, .len = 1024, .cap = 8192, .producers = 1},
	{.name = "batch_8B", .form = FORM_BATCH, .len = 8, .cap = 1024, .producers = 1, .batch = 32},
	{.name = "batch_64B", .form = FORM_BATCH, .len = 64, .cap = 1024, .producers = 1, .batch = 32},
	{.name = "mpsc_2p_64B", .form = FORM_MANY, .len = 64, .cap = 1024, .producers = 2},
	{.name = "mpsc_4p_64B", .form = FORM_MANY, .len = 64, .cap = 1024, .producers = 4},
	{.name = "block_rtt_64B", .second = "p99", .form = FORM_BLOCK, .len = 64, .cap = 64, .producers = 1},
	{.name = "idle", .form = FORM_IDLE, .len = 64, .cap = 64, .producers = 1},
	{.name = "big_2.7MB", .second = "recv", .form = FORM_BIG, .len = 2700000, .cap = 4, .producers = 1},
	{.name = "big_5.4MB", .second = "recv", .form = FORM_BIG, .len = 5400000, .cap = 4, .producers = 1},
};

static const struct family *const families[] = {&family_floor, &family_cells, &family_shmchan, &family_unsafe, &family_kernel,
						&family_boost, &family_ck,      &family_dpdk,
						&family_rwq,   &family_zmq,     &family_iceoryx,
						&family_mutex};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GROUPS_MAX 48
#define GENERATIONS 3
#define ROUNDS_MIN 2 // of a generation

static double seconds = 2.5, near_ns = NEAR_NS;
static const char *only_row, *only_contenders;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// How long a sample should take: short, but where processes take turns on a core, many turns, and in a deep ring so long that
// what lies in it when the clock starts counts for little.
static double sample_msec(const struct row *row)
{
	if (row->cap > 1024)
		return 16;
	switch (row->form) {
	case FORM_MANY:
		return 25;
	case FORM_BLOCK:
		return 20;
	case FORM_IDLE:
		return 300;
	case FORM_BIG:
		return 8;
	default:
		return 2;
	}
}

static bool calibrate(struct group *g)
{
	// One that is fast now may be a thousand times slower in the next sample: a convoy. It must still
	// end.
	uint64_t max = g->row->form == FORM_MANY || g->row->form == FORM_RTT ? 30000 : 2000000;
	double want = sample_msec(g->row), took;
	struct sample s;

	// The first one connects and touches pages.
	if (!group_sample(g, 32, &s))
		return false;
	for (uint64_t cnt = g->row->form == FORM_BIG || g->row->form == FORM_BLOCK ? 4 : 64;; cnt *= 4) {
		double start = now();

		if (stop || !group_sample(g, cnt, &s))
			return false;
		took = (now() - start) * 1e3;
		g->cnt = cnt;
		if (took >= want / 2 || cnt * 4 > max)
			break;
	}
	g->cnt = (uint64_t)((double)g->cnt * (took > want ? want / took : 1)) + 1;
	// Whole batches, warm-up included.
	g->cnt = (g->cnt + 31) / 32 * 32;
	if (g->row->form == FORM_BLOCK || g->row->form == FORM_BIG)
		g->cnt = g->cnt > 64 ? 64 : g->cnt;
	return true;
}

static void keep(struct table *t, const struct group *g, const struct sample *s)
{
	bool idle = g->row->form == FORM_IDLE;
	const char *cls = idle ? "any" : sample_class(s, near_ns);
	char name[40];

	if (!cls || isnan(s->value))
		return;
	table_add(t, g->row->name, g->c->name, cls, idle ? "us/s" : "ns", false, s->value);
	if (isnan(s->second) || !g->row->second)
		return;
	snprintf(name, sizeof(name), "%s_%s", g->row->name, g->row->second);
	table_add(t, name, g->c->name, cls, "ns", false, s->second);
}

// Contenders that have failed in this row.
static const struct contender *failed[GROUPS_MAX];
static unsigned failed_cnt;

static bool has_failed(const struct contender *c)
{
	for (unsigned i = 0; i < failed_cnt; i++)
		if (failed[i] == c)
			return true;
	return false;
}

static void note_failed(const struct group *g)
{
	if (g->failed && failed_cnt < GROUPS_MAX)
		failed[failed_cnt++] = g->c;
}

// Is `name` one of those asked for by -c?
static bool wanted(const char *name)
{
	size_t len = strlen(name);

	for (const char *at = only_contenders; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == 0))
			return true;
	}
	return !only_contenders;
}

static unsigned start_all(const struct row *row, struct group *groups)
{
	unsigned n = 0;

	for (unsigned f = 0; f < COUNT(families); f++)
		for (unsigned i = 0; i < families[f]->cnt; i++) {
			const struct contender *c = &families[f]->list[i];

			if (!(c->forms & FORM(row->form)) || c->missing || has_failed(c) || n == GROUPS_MAX ||
			    (c->len_max && row->len > c->len_max) ||
			    !wanted(c->name))
				continue;
			if (group_start(&groups[n], c, row))
				n++;
			else
				note_failed(&groups[n]);
		}
	return n;
}

// Where sleeping is measured, and where nobody should sleep: the system calls per message or round trip.
static bool counts_calls(const struct row *row)
{
	return row->form == FORM_BLOCK || row->form == FORM_RTT ||
	       (row->form == FORM_STREAM && row->len == 64);
}

static void count_calls(struct table *t, struct group *g)
{
	uint64_t calls, cnt = g->row->form == FORM_BLOCK ? 32 : g->cnt;
	char name[40];

	if (g->failed || !counts_calls(g->row) || !group_count_calls(g, cnt, &calls))
		return;
	snprintf(name, sizeof(name), "calls_%s", g->row->name);
	table_add(t, name, g->c->name, "any", "calls", false, (double)calls / (double)(cnt + cnt / 8 + 1));
}

// How fast a line goes between the cores depends on where in memory it lies: every generation lies elsewhere.
static void generation(struct table *t, const struct row *row, bool last)
{
	static struct group groups[GROUPS_MAX];
	unsigned n = start_all(row, groups);
	double end;

	for (unsigned i = 0; i < n; i++)
		calibrate(&groups[i]);
	end = now() + seconds / GENERATIONS;
	for (unsigned round = 0; !stop && (round < ROUNDS_MIN || now() < end); round++)
		for (unsigned i = 0; i < n && !stop; i++) {
			struct group *g = &groups[(round + i) % n];
			struct sample s;

			if (!g->failed && group_sample(g, g->cnt, &s))
				keep(t, g, &s);
		}
	for (unsigned i = 0; i < n && last && !stop; i++)
		count_calls(t, &groups[i]);
	for (unsigned i = 0; i < n; i++) {
		note_failed(&groups[i]);
		group_end(&groups[i]);
	}
}

static void measure(struct table *t, const struct row *row)
{
	failed_cnt = 0;
	for (unsigned g = 1; g <= GENERATIONS && !stop; g++)
		generation(t, row, g == GENERATIONS);
}

static void print_row(const struct table *t, const struct row *row)
{
	char second[40], calls[40];

	snprintf(second, sizeof(second), "%s_%s", row->name, row->second ? row->second : "");
	snprintf(calls, sizeof(calls), "calls_%s", row->name);
	table_print(t, row->name, row->form == FORM_RTT ? second : NULL);
	table_print(t, second, NULL);
	table_print(t, calls, NULL);
}

static void name_missing(void)
{
	for (unsigned f = 0; f < COUNT(families); f++)
		for (unsigned i = 0; i < families[f]->cnt; i++)
			if (families[f]->list[i].missing)
				printf("left out: %s: %s; package %s, installed by `make bench-deps`\n",
				       families[f]->list[i].name, families[f]->list[i].missing,
				       families[f]->list[i].package);
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_signal};
	const char *out = NULL;
	struct table *t = table_new();
	int opt;

	while ((opt = getopt(argc, argv, "o:r:c:s:n:")) != -1) {
		if (opt == 'o')
			out = optarg;
		else if (opt == 'r')
			only_row = optarg;
		else if (opt == 'c')
			only_contenders = optarg;
		else if (opt == 's')
			seconds = atof(optarg);
		else if (opt == 'n')
			near_ns = atof(optarg);
		else {
			fprintf(stderr,
				"usage: ipc [-o FILE] [-r ROW] [-c CONTENDER,…] [-s SECONDS] [-n NEAR_NS]\n");
			return 2;
		}
	}
	if (!t || !side_cpus()) {
		fprintf(stderr, "ipc: can't measure: two processors are needed, this process may use one\n");
		return 3;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	side_calibrate_clock();
	name_missing();
	for (unsigned i = 0; i < COUNT(rows) && !stop; i++)
		if (!only_row || !strcmp(rows[i].name, only_row)) {
			measure(t, &rows[i]);
			print_row(t, &rows[i]);
		}
	if (!table_save(t, "ipc", out))
		return 1;
	table_free(t);
	return stop ? 1 : 0;
}
