#include "tests/bpf/bench_stream.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/view.h"
#include "tests/bench/pairs.h"
#include "tests/bpf/modes.h"

#define GENERATIONS 3 // each lies elsewhere in memory
#define SAMPLE_MS 2.0
#define TOO_FEW 30 // pairs of a class that is not worth a line

static const struct row row = {
	.name = "stream_64B", .form = FORM_STREAM, .len = 64, .cap = 1024, .producers = 1};
static const char *const names[MODES] = {
	"probes-compiled-out", "floor-not-watched", "shmchan-watched-default", "shmchan-watched-1-in-64",
	"shmchan-watched-all",
};
static const char *const classes[] = {"near", "far"};

// By both ends: those that look again at once, and those that sleep after a while.
static const struct stream {
	const struct contender *c;
	const char *title, *table;
} streams[] = {
	{&modes_polling, "64 B stream", "64 B stream, time per message"},
	{&modes_waiting, "64 B stream, ends that sleep", "64 B stream, ends that sleep"},
};
enum { STREAMS = sizeof(streams) / sizeof(*streams) };

struct bench {
	const struct stream *stream;
	struct table *t;
	struct group g;
	struct shmchan_view *v;
	struct watch *w;
	struct pairs *kept[MODES]; // rates: of each to that of MODE_IDLE
	uint64_t sent[MODES], hits[MODES]; // messages, and probes `push` that fired for them
	uint64_t seen_next, seen_hits;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// What is measured beside nothing must have been nothing, and what is watched must have been seen.
static void count(struct bench *b, enum mode m)
{
	struct probe_chan c;

	if (b->w == NULL || watch_read(b->w, 1, &c) != WATCH_OK)
		return;
	b->sent[m] += b->g.next - b->seen_next;
	b->hits[m] += c.push - b->seen_hits;
	b->seen_next = b->g.next;
	b->seen_hits = c.push;
}

static bool sample(struct bench *b, enum mode m, struct sample *s)
{
	static const uint32_t every[MODES] = {[MODE_64] = 64, [MODE_ALL] = 1};
	const char *cls;

	modes_set(b->g.state, m);
	shmchan_view_sample(b->v, 0, every[m], 0);
	// One message in a hundred nanoseconds, or in a microsecond and a half.
	if (!group_sample(&b->g, m == MODE_ALL ? b->g.cnt / 16 + 1 : b->g.cnt, s))
		return false;
	count(b, m);
	cls = sample_class(s, NEAR_NS);
	if (cls)
		table_add(b->t, b->stream->table, names[m], cls, "ns", false, s->value);
	return true;
}

static bool pair(struct bench *b, enum mode m, bool idle_first)
{
	struct sample idle, other;

	if (!(idle_first ? sample(b, MODE_IDLE, &idle) && sample(b, m, &other)
			 : sample(b, m, &other) && sample(b, MODE_IDLE, &idle)))
		return false;
	pairs_add(b->kept[m], &idle, &other);
	return true;
}

static bool calibrate(struct bench *b)
{
	struct sample s;

	b->g.cnt = 4096;
	for (unsigned i = 0; i < 8; i++) {
		double start = now(), took;

		if (!sample(b, MODE_IDLE, &s))
			return false;
		took = (now() - start) * 1e3;
		if (took < SAMPLE_MS / 2 && b->g.cnt < 1 << 18)
			b->g.cnt *= 2;
	}
	return true;
}

static int attach(struct bench *b, struct watch_why *why)
{
	const struct watch_chan chan = {.id = 1, .capacity = row.cap, .name = "there"};
	const char *const procs[] = {"supervisor", "consumer", "producer-1"};
	struct shmchan_view_group g;
	int err;

	shmchan_view_group(b->v, &g);
	err = watch_open(&b->w, &(struct watch_spec){g.group_tag, &chan, 1, procs, 3}, why);
	return err == WATCH_OK ? watch_attach_pid(b->w, b->g.pid[0], why) : err;
}

static int generation(struct bench *b, double seconds, struct watch_why *why)
{
	int err = WATCH_GONE;
	double end;

	if (!group_start(&b->g, b->stream->c, &row))
		return err;
	if (shmchan_view_open(&b->v, modes_group(b->g.state), NULL) == 0 && calibrate(b))
		err = attach(b, why);
	b->seen_next = b->g.next;
	b->seen_hits = 0;
	end = now() + seconds;
	for (unsigned round = 0; err == WATCH_OK && now() < end; round++)
		for (enum mode m = 0; err == WATCH_OK && m < MODES; m++)
			if (m != MODE_IDLE && !pair(b, m, (round + m) % 2))
				err = WATCH_GONE;
	watch_close(b->w);
	b->w = NULL;
	shmchan_view_close(b->v);
	b->v = NULL;
	group_end(&b->g);
	return err;
}

static void print_share(const struct bench *b, enum mode m, const char *cls)
{
	struct pairs_summary s;

	pairs_sum_up(b->kept[m], cls, &s);
	if (s.cnt < TOO_FEW)
		return;
	printf("%-24s %-5s %7.1f %% %7.1f to %5.1f %% %7.1f to %5.1f %% %6u", names[m], cls, 100 * s.median,
	       100 * s.low, 100 * s.high, 100 * s.q1, 100 * s.q3, s.cnt);
	if (b->hits[m] != 0)
		printf("  1 in %.0f", (double)b->sent[m] / (double)b->hits[m]);
	putchar('\n');
}

static void print_kept(const struct bench *b)
{
	printf("\n%s: share of the rate that it has with probes nobody listens to; by pairs of samples\n"
	       "%-24s %-5s %9s %18s %18s %6s  sampled\n",
	       b->stream->title, "", "class", "median", "19 of 20 runs", "half of the pairs", "pairs");
	for (enum mode m = 0; m < MODES; m++)
		for (unsigned c = 0; c < sizeof(classes) / sizeof(*classes); c++)
			if (m != MODE_IDLE)
				print_share(b, m, classes[c]);
}

static int measure(const struct stream *stream, struct table *t, double seconds, struct watch_why *why)
{
	struct bench b = {.stream = stream, .t = t};
	int err = WATCH_OK;

	for (enum mode m = 0; m < MODES; m++)
		if (!(b.kept[m] = pairs_new()))
			err = WATCH_ENOMEM;
	// Among many other processes one may come to nothing: it has said so.
	for (unsigned i = 0; i < GENERATIONS && (err == WATCH_OK || err == WATCH_GONE); i++)
		err = generation(&b, seconds / GENERATIONS, why);
	if (b.sent[MODE_DEFAULT] != 0)
		err = WATCH_OK;
	if (err == WATCH_OK) {
		table_print(t, stream->table, NULL);
		print_kept(&b);
	}
	for (enum mode m = 0; m < MODES; m++)
		pairs_free(b.kept[m]);
	return err;
}

int bench_stream(struct table *t, double seconds, struct watch_why *why)
{
	char folder[512];
	ssize_t len = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
	int err = WATCH_OK;

	folder[len > 0 ? len : 0] = 0;
	snprintf(why->text, sizeof(why->text), "the stream could not be started");
	strncat(folder, "-modules", sizeof(folder) - strlen(folder) - 1);
	if (!side_cpus() || !modes_load(folder))
		return WATCH_GONE;
	side_calibrate_clock();
	for (unsigned i = 0; i < STREAMS && err == WATCH_OK; i++)
		err = measure(&streams[i], t, seconds / STREAMS, why);
	return err;
}
