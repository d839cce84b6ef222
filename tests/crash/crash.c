// crash [--short] [--tap] [--jobs N] [--only TEXT]: kills a process after every instruction of every operation on every
// channel kind, repairs, and looks whether a message was lost, seen twice or reordered, or a block leaked. Then the same
// with live peers acting at other moments, and with the broker, killed in the middle of the repair. run.h says how.
// --short: fewer states of the channel, moments of peers and deaths to be repaired by brokers that die. --only: the scenes
// whose name contains TEXT. The last line is "N kill points, V violations"; with --tap, one TAP line per scene before it.
// Exit status: 0 no violation, 1 violations, 2 usage, 3 a process could not be stepped, or interrupted.
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/crash/run.h"

static const struct {
	enum shmchan_kind kind;
	const char *name;
} kinds[] = {{SHMCHAN_KIND_SLOT, "slot"},           {SHMCHAN_KIND_SLOT_REF, "slot-ref"},
	     {SHMCHAN_KIND_SPSC, "spsc"},           {SHMCHAN_KIND_MPSC, "mpsc"},
	     {SHMCHAN_KIND_MPSC_LIST, "mpsc-list"}, {SHMCHAN_KIND_MPSC_INTRUSIVE, "mpsc-intrusive"},
	     {SHMCHAN_KIND_MPMC2, "mpmc2"}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const policies[] = {
	[SHMCHAN_DEAD_LETTER] = "", [SHMCHAN_DROP] = ", drop", [SHMCHAN_REDELIVER] = ", redeliver"};

static const char *kind_name(enum shmchan_kind kind)
{
	unsigned k = 0;

	while (k < KINDS - 1 && kinds[k].kind != kind)
		k++;
	return kinds[k].name;
}

#define CAP 3
#define JOBS_MAX 64

static struct {
	bool brief, tap;
	unsigned jobs;
	const char *only;
} options;

// Told to end, it ends between two runs, so that its group is removed.
static volatile sig_atomic_t stopping;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static bool done_with(const struct stage *s)
{
	return stopping || atomic_load(&s->w->score->broken) || atomic_load(&s->w->score->violations);
}

// ---------------------------------------------------------------------------------------------------- one state

// The channel as the actor finds it: `offset` messages have gone through, `prefill` are in it.
static void prepare(struct stage *s)
{
	struct world *w = s->w;

	for (unsigned slot = 1; slot <= w->slots; slot++)
		world_attach(w, slot);
	for (unsigned i = 0; i < s->offset; i++) {
		world_send(w, i % 2 && w->ends[3].c ? 3 : 1, false, false);
		world_receive(w, 2);
	}
	for (unsigned i = 0; i < s->prefill; i++) {
		unsigned from = i % 2 && w->ends[3].c ? 3 : 1;

		world_send(w, from, s->scene->blocks, s->scene->replies && from == 1);
	}
	for (unsigned slot = 1; slot <= 2; slot++)
		if (slot == s->scene->slot || s->scene->sleep == WAKES)
			world_detach(w, slot);
}

static bool watch_memory(struct stage *s, struct shmchan_map *map)
{
	if (shmchan_map_open(map, s->w->group, true, NULL))
		return false;
	s->map = map;
	snap_add(&s->now, map->seg.base, map->seg.size);
	for (uint32_t i = 0; i < map->cnt; i++)
		snap_add(&s->now, map->entries[i].seg.base, map->entries[i].seg.size);
	snap_add(&s->now, s->w->notes, sizeof(*s->w->notes));
	if (!snap_like(&s->start, &s->now) || !snap_like(&s->now, &s->now))
		return false;
	snap_save(&s->start);
	return true;
}

// Where in the operation a live peer acts: after each change the actor makes, and between them, as it also reads.
static void run_peers(struct stage *s)
{
	long between = options.brief ? s->course->last / 2 + 1 : s->course->last / 16 + 1;
	unsigned turns = 1 + (s->w->ends[3].c != NULL) + (s->w->ends[4].c != NULL);

	for (unsigned turn = 0; turn < turns; turn++) {
		for (long i = 1; i < s->course->cnt && !options.brief && !done_with(s); i++)
			run_peer(s, s->course->k[i], turn);
		for (long at = between / 2; at <= s->course->last && !done_with(s); at += between)
			run_peer(s, at, turn);
	}
}

static void run_brokers(struct stage *s)
{
	unsigned points = options.brief ? 1 : 3;
	long cnt = s->course->cnt;

	// Most of the adoption is the mapping of segments: it is gone through once a scene.
	for (unsigned i = 0; i < points && !done_with(s); i++)
		run_broker(s, s->course->k[(cnt - 1) * (long)(i + 1) / (long)(points + 1)],
			   !options.brief && i == 1 && s->offset && s->prefill > 1);
}

static void run_state(struct stage *s, unsigned serial)
{
	run_actor(s, false);
	if (!done_with(s))
		run_real(s, options.brief ? 3 : 1);
	if (!done_with(s))
		run_actor(s, true);
	run_peers(s);
	if (!done_with(s) && (!options.brief || serial % 4 == 0))
		run_brokers(s);
}

// With the children: the runs are in some, the actors in theirs.
static void *share(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void run_one(const struct scene *scene, enum shmchan_kind kind, enum shmchan_on_crash on_crash,
		    unsigned offset, unsigned prefill, struct score *score)
{
	struct world w = {.kind = kind,
			  .reply_kind = scene->reply_kind,
			  .on_crash = on_crash,
			  .cap = CAP,
			  .actor_tallies = scene->tallies,
			  .score = score,
			  .peer_k = -1,
			  .broker_k = -1};
	struct stage s = {.w = &w, .scene = scene, .prefill = prefill, .offset = offset};
	static unsigned serial;
	struct shmchan_map map;
	char name[96];

	snprintf(name, sizeof(name), "%s: %s, %u in the channel after %u%s", kind_name(kind), scene->name,
		 prefill, offset, policies[on_crash]);
	w.scene = name;
	w.notes = share(sizeof(*w.notes));
	s.course = share(sizeof(*s.course));
	if (!w.notes || !s.course || !world_create(&w)) {
		atomic_store(&score->broken, true);
		return;
	}
	prepare(&s);
	if (!watch_memory(&s, &map))
		atomic_store(&score->broken, true);
	else if (scene->sleep == WAKES)
		run_sleeper(&s, options.brief ? 11 : 1, serial);
	else
		run_state(&s, serial);
	serial++;
	snap_drop(&s.now);
	snap_drop(&s.start);
	shmchan_map_close(&map);
	for (unsigned slot = 1; slot <= w.slots; slot++)
		world_detach(&w, slot);
	world_destroy(&w);
	munmap(w.notes, sizeof(*w.notes));
	munmap(s.course, sizeof(*s.course));
}

static void run_scene(const struct scene *scene, enum shmchan_kind kind, struct score *score)
{
	unsigned cap = kind == SHMCHAN_KIND_SLOT || kind == SHMCHAN_KIND_SLOT_REF ? 1 : CAP;

	// Empty, with one item, full; and the same just before the positions wrap around.
	for (unsigned offset = 0; offset < cap; offset += cap - 1 ? cap - 1 : 1)
		for (unsigned prefill = 0; prefill <= cap; prefill += cap > 1 && prefill == 1 ? cap - 1 : 1) {
			bool sleeps = scene->sleep == WAKES && prefill != (scene->slot == 1 ? 0 : cap);

			if (options.brief && offset && prefill != 1)
				continue;
			if (!sleeps && !stopping && !atomic_load(&score->violations))
				run_one(scene, kind, SHMCHAN_DEAD_LETTER, offset, prefill, score);
		}
	for (int policy = SHMCHAN_DROP; policy <= SHMCHAN_REDELIVER; policy++)
		if (scene->slot == 2 && scene->sleep != WAKES && !stopping &&
		    !atomic_load(&score->violations) && !options.brief)
			run_one(scene, kind, (enum shmchan_on_crash)policy, cap - 1, cap, score);
}

// ------------------------------------------------------------------------------------------------- all of them

// Scenes of all kinds, in the order in which they are begun.
struct job {
	unsigned kind;
	const struct scene *scene;
	struct score score;
};

struct jobs {
	_Atomic unsigned next;
	unsigned cnt;
	struct job job[];
};

static struct jobs *list_jobs(void)
{
	struct jobs *jobs = mmap(NULL, sizeof(*jobs) + KINDS * scene_cnt * sizeof(jobs->job[0]),
				 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (jobs == MAP_FAILED)
		return NULL;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned n = 0; n < scene_cnt; n++) {
			char name[96];

			snprintf(name, sizeof(name), "%s: %s", kinds[k].name, scenes[n].name);
			if (scenes[n].fits(kinds[k].kind) && (!options.only || strstr(name, options.only)))
				jobs->job[jobs->cnt++] = (struct job){.kind = k, .scene = &scenes[n]};
		}
	return jobs;
}

// Tracer and traced take turns: on one core a turn needs no interrupt to another.
static void stay_on_one_core(unsigned worker)
{
	cpu_set_t cpus, one;
	int c = -1;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	worker %= (unsigned)CPU_COUNT(&cpus);
	do {
		c++;
		worker -= CPU_ISSET(c, &cpus) && worker ? 1 : 0;
	} while (c < CPU_SETSIZE - 1 && (worker || !CPU_ISSET(c, &cpus)));
	CPU_ZERO(&one);
	CPU_SET(c, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void work(struct jobs *jobs, unsigned worker)
{
	stay_on_one_core(worker);
	for (unsigned i; !stopping && (i = atomic_fetch_add(&jobs->next, 1)) < jobs->cnt;)
		run_scene(jobs->job[i].scene, kinds[jobs->job[i].kind].kind, &jobs->job[i].score);
}

static bool run_jobs(struct jobs *jobs)
{
	pid_t parent = getpid(), pid[JOBS_MAX];
	bool ok = true;

	for (unsigned n = 0; n < options.jobs; n++) {
		pid[n] = fork();
		if (pid[n] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			if (getppid() == parent)
				work(jobs, n);
			_exit(0);
		}
	}
	for (unsigned n = 0; n < options.jobs; n++) {
		int status = 1;

		while (pid[n] > 0 && waitpid(pid[n], &status, 0) < 0 && errno == EINTR)
			for (unsigned i = n; i < options.jobs && stopping; i++)
				if (pid[i] > 0)
					kill(pid[i], SIGTERM);
		ok &= status == 0;
	}
	return ok;
}

static bool report(const struct jobs *jobs)
{
	unsigned long points = 0, violations = 0, of_kind[KINDS][2] = {0};
	bool ok = true;

	for (unsigned i = 0; i < jobs->cnt; i++) {
		const struct job *j = &jobs->job[i];
		unsigned long n = atomic_load(&j->score.points), v = atomic_load(&j->score.violations);

		ok &= !atomic_load(&j->score.broken) && n > 0;
		points += n;
		violations += v;
		of_kind[j->kind][0] += n;
		of_kind[j->kind][1] += atomic_load(&j->score.states);
		if (options.tap)
			printf("%sok %u - %s: %s: %lu kill points\n",
			       n && !v && !atomic_load(&j->score.broken) ? "" : "not ", i + 1,
			       kinds[j->kind].name, j->scene->name, n);
	}
	for (unsigned k = 0; k < KINDS; k++)
		printf("%s%-14s %10lu kill points, %8lu different states\n", options.tap ? "# " : "",
		       kinds[k].name, of_kind[k][0], of_kind[k][1]);
	if (options.tap)
		printf("1..%u\n", jobs->cnt);
	printf("%s%lu kill points, %lu violations\n", options.tap ? "# " : "", points, violations);
	return ok && jobs->cnt;
}

static unsigned long all_violations(const struct jobs *jobs)
{
	unsigned long n = 0;

	for (unsigned i = 0; i < jobs->cnt; i++)
		n += atomic_load(&jobs->job[i].score.violations);
	return n;
}

static bool parse(int argc, char **argv)
{
	static const struct option known[] = {{"short", no_argument, NULL, 's'},
					      {"tap", no_argument, NULL, 't'},
					      {"jobs", required_argument, NULL, 'j'},
					      {"only", required_argument, NULL, 'o'},
					      {0}};
	cpu_set_t cpus;
	int c;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	options.jobs = (unsigned)CPU_COUNT(&cpus);
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 's':
			options.brief = true;
			break;
		case 't':
			options.tap = true;
			break;
		case 'j':
			options.jobs = (unsigned)atoi(optarg);
			break;
		case 'o':
			options.only = optarg;
			break;
		default:
			return false;
		}
	if (options.jobs > JOBS_MAX)
		options.jobs = JOBS_MAX;
	return options.jobs > 0 && optind == argc;
}

int main(int argc, char **argv)
{
	struct jobs *jobs;
	bool ok;

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: crash [--short] [--tap] [--jobs N] [--only TEXT]\n");
		return 2;
	}
	// No SA_RESTART: the wait for the workers ends, and they are told.
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	jobs = list_jobs();
	if (!jobs) {
		fprintf(stderr, "crash: no memory for the list of scenes: %s\n", strerror(errno));
		return 3;
	}
	ok = run_jobs(jobs);
	ok &= report(jobs) && !stopping;
	if (!ok)
		return 3;
	return all_violations(jobs) ? 1 : 0;
}
