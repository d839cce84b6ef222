// crash [--stride N] [--tap]: kills a process after every N-th instruction (default: every) of every operation on every
// channel kind, repairs, and looks whether a message was lost, seen twice or reordered, or a block leaked. Then the same
// with the broker, killed in the middle of the repair; there the stride is BROKER_STRIDE times as long.
// The last line is "N kill points, V violations"; with --tap, one TAP line per scene before it.
// Exit status: 0 no violation, 1 violations, 2 usage, 3 a process could not be stepped, or interrupted.
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/crash/scenes.h"
#include "tests/crash/step.h"

static const struct {
	enum shmchan_kind kind;
	const char *name;
} kinds[] = {{SHMCHAN_KIND_SLOT, "slot"},
	     {SHMCHAN_KIND_SLOT_REF, "slot-ref"},
	     {SHMCHAN_KIND_SPSC, "spsc"},
	     {SHMCHAN_KIND_MPSC, "mpsc"}};

#define CAP 3
#define BROKER_STRIDE 64
#define BROKER_POINTS 3

static void before(void *ctx)
{
	struct stage *s = ctx;

	world_attach(s->w, s->scene->slot, &s->actor);
	s->m = (struct shmchan_msg){0};
	for (unsigned i = 0; i < s->scene->take; i++) {
		struct shmchan_msg m;

		if (shmchan_take(s->actor.c, &m))
			break;
		world_note(s->w, NOTE_TAKEN, m.corr);
		if (i == 0)
			s->m = m;
	}
}

static void op(void *ctx)
{
	struct stage *s = ctx;

	s->scene->op(s);
}

// A live peer acts while the actor stands in the middle of its operation: the other end of the channel, or a second producer.
static void meddle(void *ctx)
{
	struct stage *s = ctx;

	// The producer in the parent numbers its messages behind those the actor might be sending.
	s->w->next += 8;
	if (s->other.c && s->w->k % 2)
		world_send(s->w, &s->other, false, false);
	else if (s->scene->slot == 1)
		world_receive(s->w, &s->peer);
	else
		world_send(s->w, &s->peer, s->scene->blocks, false);
}

static void adopt(void *ctx)
{
	world_adopt(((struct stage *)ctx)->w);
}

static void recover(void *ctx)
{
	struct stage *s = ctx;

	shmchan_broker_recover(s->w->b, s->scene->slot, NULL, NULL);
}

// Broker after broker is killed, each after `k` instructions of repairing what the actor left.
static bool kill_broker(struct stage *s, long k, bool *finished)
{
	struct step step = {.before = adopt, .op = recover, .ctx = s};
	pid_t pid;
	long n;

	world_orphan(s->w);
	n = step_kill(&step, k, -1, &pid, finished);
	world_adopt(s->w);
	return n >= 0;
}

// The actor is killed after k instructions of the operation; with broker >= 0, the broker after so many of the repair.
static bool round_of(struct stage *s, long k, long meddle_at, long broker, bool *finished)
{
	struct step step = {.before = before, .op = op, .meddle = meddle, .ctx = s};
	struct world *w = s->w;
	pid_t pid;
	long n;

	w->k = broker >= 0 ? broker : k;
	world_round(w);
	// Wrap-around: the positions move on with every round, as capacity and the messages of a round have no common divisor.
	world_attach(w, 3 - s->scene->slot, &s->peer);
	if (w->kind == SHMCHAN_KIND_MPSC)
		world_attach(w, 3, &s->other);
	if (s->scene->slot == 2) {
		for (unsigned i = 0; i < s->prefill; i++)
			world_send(w, &s->peer, s->scene->blocks, s->scene->replies);
	} else {
		struct ends own;

		world_attach(w, 1, &own);
		for (unsigned i = 0; i < s->prefill; i++)
			world_send(w, &own, s->scene->blocks, s->scene->replies);
		world_detach(&own);
	}
	n = step_kill(&step, k, meddle_at, &pid, finished);
	world_detach(&s->peer);
	world_detach(&s->other);
	if (n >= 0 && broker >= 0 && !kill_broker(s, broker, finished))
		n = -1;
	world_bury(w, s->scene->slot, pid);
	world_settle(w, s->scene->slot);
	if (n < 0)
		fprintf(stderr, "crash: %s: the child ended by itself\n", s->scene->name);
	return n >= 0;
}

// Told to end, it ends between two rounds, so that its group is removed.
static volatile sig_atomic_t stopping;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

struct totals {
	unsigned long points, scenes;
	unsigned violations;
	bool broken;
};

static void run_scene(struct world *w, struct stage *s, unsigned stride, unsigned phase, bool tap,
		      const char *kind, struct totals *t)
{
	unsigned long points = 0, before_cnt = w->violations;
	bool finished = false, ok = true;
	long last = 0;
	char name[96];

	snprintf(name, sizeof(name), "%s: %s, %u in the channel", kind, s->scene->name, s->prefill);
	w->scene = name;
	for (long k = phase % stride; !finished && ok && !stopping && w->violations - before_cnt < 5;
	     k += stride) {
		// The peer acts at another instruction each time; where it is past the end it does not act.
		long at = k > 1 && (k / stride) % 3 ? (k * 7919L) % k : -1;

		ok = round_of(s, k, at, -1, &finished);
		points++;
		last = k;
	}
	// As many instructions as the operation had: the actor of the broker's rounds dies at points spread over them.
	for (unsigned i = 1; i <= BROKER_POINTS && ok && !stopping && w->violations == before_cnt; i++) {
		bool repaired = false;

		for (long k = phase % (stride * BROKER_STRIDE) + i;
		     !repaired && ok && !stopping && w->violations == before_cnt;
		     k += stride * BROKER_STRIDE) {
			ok = round_of(s, last * i / BROKER_POINTS, -1, k, &repaired);
			points++;
		}
	}
	t->points += points;
	t->scenes++;
	t->violations += w->violations - (unsigned)before_cnt;
	t->broken |= !ok;
	if (tap)
		printf("%sok %lu - %s: %lu kill points\n", ok && w->violations == before_cnt ? "" : "not ",
		       t->scenes, name, points);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"stride", required_argument, NULL, 's'}, {"tap", no_argument, NULL, 't'}, {0}};
	struct totals t = {0};
	cpu_set_t cpus, one;
	unsigned stride = 1;
	bool tap = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 't') {
			tap = true;
		} else if (c != 's' || (stride = (unsigned)atoi(optarg)) < 1) {
			fprintf(stderr, "usage: crash [--stride N] [--tap]\n");
			return 2;
		}
	}
	// Tracer and traced take turns: on one core a turn needs no interrupt to another.
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (c = 0; c < CPU_SETSIZE && !CPU_ISSET(c, &cpus); c++)
		;
	CPU_ZERO(&one);
	CPU_SET(c, &one);
	sched_setaffinity(0, sizeof(one), &one);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned long points = t.points;

		for (unsigned n = 0; n < scene_cnt; n++) {
			struct world w = {.kind = kinds[i].kind,
					  .reply_kind = scenes[n].reply_kind,
					  .cap = CAP,
					  .actor_tallies = scenes[n].tallies};
			unsigned cap = kinds[i].kind <= SHMCHAN_KIND_SLOT_REF ? 1 : CAP;

			if (stopping || !scenes[n].fits(kinds[i].kind))
				continue;
			w.notes = mmap(NULL, sizeof(*w.notes), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			if (w.notes == MAP_FAILED || !world_create(&w))
				return 3;
			for (unsigned prefill = 0; prefill <= cap;
			     prefill += cap > 1 && prefill == 1 ? cap - 1 : 1) {
				struct stage s = {.w = &w, .scene = &scenes[n], .prefill = prefill};

				run_scene(&w, &s, stride, (unsigned)t.scenes, tap, kinds[i].name, &t);
			}
			world_destroy(&w);
			munmap(w.notes, sizeof(*w.notes));
		}
		if (!tap)
			printf("%-10s %8lu kill points\n", kinds[i].name, t.points - points);
	}
	if (tap)
		printf("1..%lu\n", t.scenes);
	printf("%s%lu kill points, %u violations\n", tap ? "# " : "", t.points, t.violations);
	if (t.broken || stopping)
		return 3;
	return t.violations ? 1 : 0;
}
