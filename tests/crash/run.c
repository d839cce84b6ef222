#include "tests/crash/run.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/list.h"
#include "shmchan/map.h"
#include "tests/crash/step.h"

#define CHECK_SECONDS 60
#define STEPS_MAX 2000000 // far more than an operation or a repair has

static void point(struct stage *s)
{
	atomic_fetch_add(&s->w->score->points, 1);
}

static void broken(struct stage *s, const char *what)
{
	fprintf(stderr, "crash: %s: %s\n", s->w->scene, what);
	atomic_store(&s->w->score->broken, true);
}

static void ended(struct stage *s, const char *who, const struct stepper *st)
{
	char text[128];

	snprintf(text, sizeof(text), "%s ended by itself after %ld instructions: %s", who, st->n, st->why);
	broken(s, text);
}

// Begins the actor's operation, with nothing else done since the start, and goes to instruction k of it.
static void begin_at(struct stage *s, struct stepper *st, const struct step *step, long k)
{
	step_begin(st, step);
	step_to(st, k);
	if (!st->strayed)
		return;
	step_kill(st);
	snap_load(&s->start);
	s->course->way.cnt = 0;
	step_begin(st, step);
	step_to(st, k);
}

// Runs f in a child that has all this process knows, and puts shared memory back afterwards. A repair that does not end, or
// that dies itself, is a violation.
static void in_child(struct stage *s, void (*f)(struct stage *s, void *arg), void *arg, unsigned seconds)
{
	pid_t parent = getpid(), pid = fork();
	int status = 0;

	if (pid < 0) {
		broken(s, "fork failed");
		return;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		alarm(seconds);
		f(s, arg);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		world_violation(s->w, "the repair or what followed ended by signal %d (%s)", WTERMSIG(status),
				strsignal(WTERMSIG(status)));
	else if (status)
		world_violation(s->w, "the repair or what followed ended with status %d",
				WEXITSTATUS(status));
}

// ------------------------------------------------------------------------------------------------- the actor

struct death {
	bool stir, adopt;
	pid_t pid;
};

// Of channels with locks (lock.h), their two; and what the kernel does with those at the death of their owner.
static unsigned locks(struct stage *s, shmchan_lock *out[4])
{
	unsigned n = 0;

	for (uint16_t id = 1; id <= 2; id++) {
		struct shmchan_ring_ref *r = shmchan_map_ring(s->map, id);

		if (!r || r->kind != SHMCHAN_KIND_MPMC2)
			continue;
		out[n++] = &r->list->tail_lock;
		out[n++] = &r->list->head_lock;
	}
	return n;
}

static bool held_by_actor(const struct stage *s, uint64_t w)
{
	return w >> 32 == shmchan_owner_make(s->scene->slot, s->w->inc[s->scene->slot]) &&
	       (uint32_t)w & FUTEX_TID_MASK;
}

static void mark_as_the_kernel(struct stage *s)
{
	shmchan_lock *lock[4];

	for (unsigned n = locks(s, lock); n > 0; n--) {
		uint64_t w = atomic_load(lock[n - 1]);

		if (held_by_actor(s, w))
			atomic_store(lock[n - 1], (w & ~(uint64_t)FUTEX_TID_MASK) | FUTEX_OWNER_DIED);
	}
}

// A peer that comes while the actor, who lives and stands still, holds a lock waits for it: it gets it at the release. Only the
// first of a scene waits in vain, as it takes two seconds.
static bool must_wait(struct stage *s, unsigned turn)
{
	shmchan_lock *lock[4];
	bool held = false;

	for (unsigned n = locks(s, lock); n > 0; n--)
		held |= held_by_actor(s, atomic_load(lock[n - 1]));
	return held && atomic_fetch_or(&s->w->score->in_vain, 1u << turn) & 1u << turn;
}

static void repair_and_judge(struct stage *s, void *arg)
{
	struct death *d = arg;

	if (d->adopt) {
		world_orphan(s->w);
		world_adopt(s->w);
	}
	if (d->stir) {
		mark_as_the_kernel(s);
		scene_peer(s, 1);
		if (s->w->ends[4].c)
			scene_peer(s, 2);
		scene_peer(s, 0);
	}
	world_bury(s->w, s->scene->slot, d->pid);
	world_settle(s->w, s->scene->slot);
}

static void judge_here(struct stage *s, struct death *d)
{
	snap_save(&s->now);
	atomic_fetch_add(&s->w->score->states, 1);
	in_child(s, repair_and_judge, d, CHECK_SECONDS);
	snap_load(&s->now);
}

// What the actor itself tells the group of its person is another at each run.
static uint64_t hash_now(struct stage *s)
{
	struct shmchan_ctl_proc *p = &s->map->c.procs[s->scene->slot];
	uint64_t *skip[6 + SHMCHAN_PULSE_WORDS] = {(uint64_t *)&p->pid, (uint64_t *)&p->start_time};
	shmchan_lock *lock[4];
	unsigned n = locks(s, lock), skips = 2;

	// Thread ids, and what the kernel makes of them.
	while (n > 0)
		skip[skips++] = (uint64_t *)lock[--n];
	for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++)
		skip[skips++] =
			(uint64_t *)shmchan_pulse_at(shmchan_ctl_pulse(&s->map->c, s->scene->slot), i);
	return snap_hash(&s->now, skip, skips);
}

static void note_change(struct stage *s, long k)
{
	struct course *c = s->course;

	if (c->cnt == CHANGES_MAX) {
		broken(s, "more changes of shared memory than are kept");
		return;
	}
	c->k[c->cnt] = k;
	c->hash[c->cnt++] = hash_now(s);
}

// The actor sleeps: it is a state like others, and then a live peer wakes it.
static bool wake(struct stage *s, struct stepper *st, struct death *d)
{
	for (unsigned i = 0; i < 4 && st->state == STEP_ASLEEP; i++) {
		if (i == 0)
			judge_here(s, d);
		scene_peer(s, 0);
		step_next(st);
	}
	if (st->state != STEP_ASLEEP)
		return true;
	world_violation(s->w, "nothing wakes it");
	return false;
}

struct plan {
	bool stir, record;
	long peer_at; // -1: never
	unsigned turn;
};

static void step_through(struct stage *s, void *arg)
{
	const struct plan *plan = arg;
	const struct step step = {scene_before, scene_op, s, s->scene->sleep == SLEEPS, &s->course->way};
	struct death death = {.stir = plan->stir};
	struct stepper st;
	bool acted = plan->peer_at < 0;

	begin_at(s, &st, &step, acted ? 0 : plan->peer_at);
	death.pid = st.pid;
	for (;;) {
		bool woken = st.state == STEP_ASLEEP, acts;

		s->w->k = st.n;
		if (st.state == STEP_BROKEN || (woken && !wake(s, &st, &death)))
			break;
		acts = !acted && st.n >= plan->peer_at && !must_wait(s, plan->turn);
		if (acts) {
			s->w->peer_k = st.n;
			scene_peer(s, plan->turn);
			acted = true;
			st.way = NULL; // from here on it may be another
		}
		if (acted) {
			if (st.n == 0 || acts || woken || snap_changed(&s->now)) {
				judge_here(s, &death);
				if (plan->record)
					note_change(s, st.n);
			}
			point(s);
		}
		if (st.state == STEP_FINISHED || st.n > STEPS_MAX)
			break;
		step_next(&st);
	}
	if (st.n > STEPS_MAX)
		world_violation(s->w, "the operation does not end");
	if (plan->record)
		s->course->last = st.n;
	if (st.state == STEP_BROKEN)
		ended(s, "the process", &st);
	step_kill(&st);
}

static void run(struct stage *s, void (*f)(struct stage *s, void *arg), void *arg)
{
	// The whole of a run is in a child: what its peers learn in it is forgotten, and the next begins as this did.
	in_child(s, f, arg, 0);
	snap_load(&s->start);
}

void run_actor(struct stage *s, bool stir)
{
	struct plan plan = {.stir = stir, .record = !stir, .peer_at = -1};

	s->w->how = stir ? ", peers acting before the repair" : "";
	s->w->peer_k = s->w->broker_k = -1;
	if (!stir)
		s->course->cnt = s->course->way.cnt = 0;
	run(s, step_through, &plan);
}

void run_peer(struct stage *s, long at, unsigned turn)
{
	struct plan plan = {.peer_at = at, .turn = turn};

	s->w->how = "";
	s->w->peer_k = at;
	s->w->broker_k = -1;
	run(s, step_through, &plan);
}

// --------------------------------------------------------------------------------------------- really killed

static void kill_at(struct stage *s, void *arg)
{
	const struct step step = {scene_before, scene_op, s, s->scene->sleep == SLEEPS, &s->course->way};
	const long *i = arg, k = s->course->k[*i];
	struct death death = {0};
	struct stepper st;

	s->w->k = k;
	begin_at(s, &st, &step, k);
	if (st.state == STEP_BROKEN) {
		ended(s, "the process", &st);
		return;
	}
	step_kill(&st);
	death.pid = st.pid;
	snap_save(&s->now);
	if (s->scene->sleep != SLEEPS && hash_now(s) != s->course->hash[*i])
		world_violation(s->w, "a real death left other bytes than were seen in passing");
	repair_and_judge(s, &death);
}

void run_real(struct stage *s, unsigned stride)
{
	s->w->how = " really";
	s->w->peer_k = s->w->broker_k = -1;
	for (long i = 0; i < s->course->cnt; i += stride) {
		in_child(s, kill_at, &i, CHECK_SECONDS);
		snap_load(&s->start);
		point(s);
	}
}

// ------------------------------------------------------------------------------------------------ the broker

struct broker_plan {
	long k;
	bool adopting;
};

static void adopt(void *stage)
{
	world_adopt(((struct stage *)stage)->w);
}

static void nothing(void *stage)
{
	(void)stage;
}

static void recover(void *stage)
{
	struct stage *s = stage;

	shmchan_broker_recover(s->w->b, s->scene->slot, NULL, NULL);
}

static void adopt_and_recover(void *stage)
{
	adopt(stage);
	recover(stage);
}

static void step_broker(struct stage *s, void *arg)
{
	const struct broker_plan *plan = arg;
	const struct step actor = {scene_before, scene_op, s, s->scene->sleep == SLEEPS, &s->course->way};
	const struct step broker = {plan->adopting ? nothing : adopt,
				    plan->adopting ? adopt_and_recover : recover, s, false, NULL};
	struct death death = {.adopt = true};
	struct stepper st;

	s->w->k = plan->k;
	begin_at(s, &st, &actor, plan->k);
	if (st.state == STEP_BROKEN) {
		ended(s, "the process", &st);
		return;
	}
	step_kill(&st);
	death.pid = st.pid;
	world_orphan(s->w);
	step_begin(&st, &broker);
	for (; st.state != STEP_BROKEN; step_next(&st)) {
		s->w->broker_k = st.n;
		if (st.n == 0 || snap_changed(&s->now))
			judge_here(s, &death);
		point(s);
		if (st.state == STEP_FINISHED || st.n > STEPS_MAX)
			break;
	}
	if (st.n > STEPS_MAX)
		world_violation(s->w, "the repair does not end");
	if (st.state == STEP_BROKEN)
		ended(s, "the broker", &st);
	step_kill(&st);
}

void run_broker(struct stage *s, long k, bool adopting)
{
	struct broker_plan plan = {k, adopting};

	s->w->how = adopting ? " (adoption)" : "";
	s->w->peer_k = -1;
	run(s, step_broker, &plan);
	s->w->broker_k = -1;
}

// ---------------------------------------------------------------------------------------------- peers that sleep

struct sleeper {
	_Atomic int err; // 1: not back yet
	uint64_t corr;
};

struct sleeper_plan {
	long k;
	struct sleeper *shared; // with the sleeper
	bool finished, strayed;
};

static void sleep_until_woken(struct stage *s, struct sleeper *shared)
{
	unsigned slot = 3 - s->scene->slot;
	struct shmchan_msg m = {.corr = s->w->next + 32};
	uint64_t number = m.corr;
	int err;

	world_attach(s->w, slot);
	if (slot == 2) {
		err = shmchan_recv(s->w->ends[2].c, &m, SHMCHAN_FOREVER);
		if (!err && (m.block ? shmchan_block_free(s->w->ends[2].pool, m.block) : 0) == 0)
			err = shmchan_tally_add(s->w->ends[2].c, 0, 1) || shmchan_done(s->w->ends[2].c);
	} else {
		m.data = &number;
		m.len = sizeof(number);
		if (world_refs(s->w->kind) && shmchan_block_alloc(s->w->ends[1].pool, &m.block) == 0)
			memcpy(shmchan_block_data(s->w->ends[1].pool, m.block), &number, sizeof(number));
		err = shmchan_send(s->w->ends[1].c, &m, SHMCHAN_FOREVER);
	}
	world_number(&m);
	shared->corr = m.corr;
	atomic_store(&shared->err, err);
}

static pid_t start_sleeper(struct stage *s, struct sleeper *shared)
{
	pid_t parent = getpid(), pid;

	shared->corr = 0;
	atomic_store(&shared->err, 1);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			sleep_until_woken(s, shared);
		_exit(0);
	}
	return pid;
}

// Until the sleeper has come back, or sleeps: true if it came back.
static bool came_back(struct stage *s, const struct sleeper *shared, pid_t pid)
{
	(void)s;
	for (; atomic_load(&shared->err) == 1; sched_yield())
		if (step_asleep(pid))
			return atomic_load(&shared->err) != 1;
	return true;
}

static void wait_for_sleep(struct stage *s, pid_t pid)
{
	shmchan_bell *bell = &s->map->c.procs[3 - s->scene->slot].bell;

	while (!(atomic_load(bell) & SHMCHAN_BELL_ASLEEP) || !step_asleep(pid))
		sched_yield();
}

static void look_after_sleeper(struct stage *s, struct sleeper *shared, pid_t pid)
{
	struct world *w = s->w;
	struct shmchan_stat st;
	bool back;

	// The repair has returned, and with it each call that wakes: who was woken does not sleep, unless it has looked again.
	back = came_back(s, shared, pid);
	shmchan_ring_stat(shmchan_map_ring(s->map, 1), &st);
	if (back && atomic_load(&shared->err))
		world_violation(w, "who slept came back with status %d", atomic_load(&shared->err));
	if (!back && (s->scene->slot == 1 ? st.depth > 0 : st.depth + st.in_flight < st.capacity))
		world_violation(w, "who slept still sleeps: %llu in the channel, %llu in flight",
				(unsigned long long)st.depth, (unsigned long long)st.in_flight);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (back && shared->corr > 0 && shared->corr < WORLD_MESSAGES) {
		if (s->scene->slot == 1)
			w->seen[shared->corr].got++;
		else
			w->seen[shared->corr].certain = 1;
	}
	w->next += 40;
}

static void kill_beside_sleeper(struct stage *s, void *arg)
{
	struct sleeper_plan *plan = arg;
	const struct step step = {scene_before, scene_op, s, false, &s->course->way};
	struct stepper st;
	pid_t sleeper = start_sleeper(s, plan->shared);

	if (sleeper < 0) {
		broken(s, "fork failed");
		return;
	}
	wait_for_sleep(s, sleeper);
	s->w->k = plan->k;
	step_begin(&st, &step);
	step_to(&st, plan->k);
	if (st.state == STEP_BROKEN) {
		plan->strayed = st.strayed;
		if (!st.strayed)
			ended(s, "the process", &st);
		kill(sleeper, SIGKILL);
		return;
	}
	if (st.state == STEP_FINISHED)
		plan->finished = true;
	step_kill(&st);
	world_bury(s->w, s->scene->slot, st.pid);
	look_after_sleeper(s, plan->shared, sleeper);
	for (unsigned slot = 1; slot <= s->w->slots; slot++)
		if (slot != s->scene->slot && !s->w->ends[slot].proc)
			world_attach(s->w, slot);
	world_settle(s->w, s->scene->slot);
}

void run_sleeper(struct stage *s, unsigned stride, unsigned phase)
{
	size_t size = sizeof(struct sleeper) + sizeof(struct sleeper_plan);
	struct sleeper_plan *plan =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (plan == MAP_FAILED) {
		broken(s, "mmap failed");
		return;
	}
	*plan = (struct sleeper_plan){.shared = (void *)(plan + 1)};
	s->w->how = ", a peer asleep";
	s->w->peer_k = s->w->broker_k = -1;
	for (plan->k = phase % stride; !plan->finished && !atomic_load(&s->w->score->broken);
	     plan->k += stride) {
		plan->strayed = false;
		in_child(s, kill_beside_sleeper, plan, CHECK_SECONDS);
		snap_load(&s->start);
		// Who is woken runs beside the actor, and may turn it to another way: which is then seen from its begin.
		if (plan->strayed) {
			s->course->way.cnt = 0;
			in_child(s, kill_beside_sleeper, plan, CHECK_SECONDS);
			snap_load(&s->start);
		}
		point(s);
		atomic_fetch_add(&s->w->score->states, 1);
		if (atomic_load(&s->w->score->violations) > 100)
			break;
	}
	munmap(plan, size);
}
