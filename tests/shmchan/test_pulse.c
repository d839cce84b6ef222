// The pulse: held by threads, marked by the kernel when they die, beside the C library's own robust mutexes and our locks.
// All have one time limit: of different ones Criterion leaks a timer, which LeakSanitizer reports.
#include "tests/shmchan/harness.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "shmchan/ctl.h"
#include "shmchan/broker_priv.h"
#include "shmchan/lock.h"
#include "shmchan/pulse.h"

_Static_assert(SHMCHAN_PULSE_WORDS == 4, "words of layout 1");

#define SLOT 1u
#define OWNER 0x2001u

struct shared {
	pthread_mutex_t before, after, late;
	shmchan_lock lock;
	_Atomic int step;
};

struct scene {
	struct harness h;
	struct shared *s;
	unsigned order; // which of the robust mutexes it unlocks again
	bool locks;
};

static void scene_begin(struct scene *c)
{
	pthread_mutexattr_t a;

	harness_create(&c->h, 2, NULL, 0, NULL, 0);
	c->s = harness_shared(sizeof(*c->s));
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&c->s->before, &a);
	pthread_mutex_init(&c->s->after, &a);
	pthread_mutex_init(&c->s->late, &a);
}

static void scene_end(struct scene *c)
{
	munmap(c->s, sizeof(*c->s));
	harness_end(&c->h);
}

static struct shmchan_pulse_look look(struct scene *c)
{
	struct shmchan_pulse_look l;

	cr_assert_eq(shmchan_broker_pulse(c->h.b, SLOT, &l), 0);
	return l;
}

static uint32_t word(struct scene *c, unsigned i)
{
	return atomic_load(shmchan_pulse_at(shmchan_ctl_pulse(&c->h.b->map.c, SLOT), i));
}

// As the supervisor does: sleeps on the word it is told, until all are marked.
static void wait_until_stopped(struct scene *c)
{
	struct shmchan_pulse_look l;

	while (l = look(c), !l.stopped)
		syscall(SYS_futex, l.word, FUTEX_WAIT, l.value, NULL, NULL, 0);
}

static void until(struct scene *c, int step)
{
	while (atomic_load(&c->s->step) != step)
		sched_yield();
}

static int attach_and_wait(void *ctx)
{
	struct scene *c = ctx;

	harness_attach(&c->h, SLOT);
	atomic_store(&c->s->step, 1);
	while (pause())
		;
	return 0;
}

Test(pulse, a_death_is_marked_and_wakes_who_waits, .timeout = 120)
{
	struct scene c = {.s = NULL};
	struct shmchan_pulse_look l;
	pid_t pid;

	scene_begin(&c);
	l = look(&c);
	cr_assert_not(l.stopped);
	cr_assert_eq(l.value, 0, "nobody has attached");
	pid = harness_fork(attach_and_wait, &c);
	// Who waits before there is anybody is woken by the first.
	while (l = look(&c), l.value == 0)
		syscall(SYS_futex, l.word, FUTEX_WAIT, l.value, NULL, NULL, 0);
	cr_assert_eq(l.value & FUTEX_TID_MASK, (uint32_t)pid);
	cr_assert(l.value & FUTEX_WAITERS);
	kill(pid, SIGKILL);
	wait_until_stopped(&c);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	harness_bury(&c.h, SLOT);
	l = look(&c);
	cr_assert(!l.stopped && l.value == 0, "the next incarnation begins without");
	scene_end(&c);
}

static void *hold_and_end(void *p)
{
	shmchan_pulse_hold(((struct shmchan_proc *)p)->pulse);
	shmchan_pulse_hold(((struct shmchan_proc *)p)->pulse);
	return NULL;
}

Test(pulse, of_a_process_that_goes_on, .timeout = 120)
{
	struct scene c = {.s = NULL};
	struct shmchan_proc *p;
	pthread_t t;

	scene_begin(&c);
	p = harness_attach(&c.h, SLOT);
	cr_assert_eq(word(&c, 0), (uint32_t)gettid() | FUTEX_WAITERS);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(pthread_create(&t, NULL, hold_and_end, p), 0);
		pthread_join(t, NULL);
		// The thread may be joined a moment before it is marked.
		while (word(&c, 1) != (FUTEX_WAITERS | FUTEX_OWNER_DIED))
			sched_yield();
		cr_assert_eq(word(&c, 2), 0, "a word of a thread that has ended is taken again");
	}
	cr_assert_not(look(&c).stopped, "one lives");
	shmchan_detach(p);
	cr_assert_eq(word(&c, 0), 0);
	p = harness_attach(&c.h, SLOT);
	cr_assert_eq(word(&c, 0), (uint32_t)gettid() | FUTEX_WAITERS);
	shmchan_detach(p);
	scene_end(&c);
}

struct crowd {
	struct shmchan_proc *p;
	pthread_barrier_t all;
};

static void *hold_and_wait(void *ctx)
{
	struct crowd *c = ctx;

	shmchan_pulse_hold(c->p->pulse);
	pthread_barrier_wait(&c->all);
	while (pause())
		;
	return NULL;
}

static int many_threads(void *ctx)
{
	struct scene *c = ctx;
	struct crowd crowd = {.p = harness_attach(&c->h, SLOT)};
	pthread_t t;

	pthread_barrier_init(&crowd.all, NULL, 2 * SHMCHAN_PULSE_WORDS + 1);
	for (unsigned i = 0; i < 2 * SHMCHAN_PULSE_WORDS; i++)
		pthread_create(&t, NULL, hold_and_wait, &crowd);
	pthread_barrier_wait(&crowd.all);
	atomic_store(&c->s->step, 1);
	while (pause())
		;
	return 0;
}

Test(pulse, more_threads_than_words, .timeout = 120)
{
	struct scene c = {.s = NULL};
	pid_t pid;

	scene_begin(&c);
	pid = harness_fork(many_threads, &c);
	until(&c, 1);
	for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++) {
		cr_assert_neq(word(&c, i) & FUTEX_TID_MASK, 0);
		for (unsigned j = 0; j < i; j++)
			cr_assert_neq(word(&c, i), word(&c, j), "one thread, one word");
	}
	kill(pid, SIGKILL);
	wait_until_stopped(&c);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	scene_end(&c);
}

static bool lives(const void *ctx, shmchan_owner owner)
{
	(void)ctx;
	return owner == OWNER;
}

// Robust mutexes of the C library taken and given back around it in every order, a lock of ours held, too.
static int entangled(void *ctx)
{
	struct scene *c = ctx;
	struct shmchan_proc *p;

	pthread_mutex_lock(&c->s->before);
	p = harness_attach(&c->h, SLOT);
	pthread_mutex_lock(&c->s->after);
	if (c->order & 1)
		pthread_mutex_unlock(&c->s->before);
	if (c->order & 2)
		pthread_mutex_unlock(&c->s->after);
	pthread_mutex_lock(&c->s->late);
	if (c->order & 4)
		pthread_mutex_unlock(&c->s->late);
	if (c->order & 8)
		shmchan_detach(p);
	if (c->order & 16)
		pthread_mutex_unlock(&c->s->late);
	if (c->locks && shmchan_lock_acquire(&c->s->lock, OWNER, lives, NULL) != SHMCHAN_LOCKED)
		return 1;
	atomic_store(&c->s->step, 1);
	while (pause())
		;
	return 0;
}

static void is_marked(pthread_mutex_t *m, bool unlocked)
{
	cr_assert_eq(pthread_mutex_lock(m), unlocked ? 0 : EOWNERDEAD);
	pthread_mutex_consistent(m);
	pthread_mutex_unlock(m);
}

Test(pulse, beside_robust_mutexes_and_locks, .timeout = 120)
{
	for (unsigned i = 0; i < 64; i++) {
		struct scene c = {.order = i & 31, .locks = i & 32};
		pid_t pid;

		if ((c.order & 20) == 20)
			continue; // unlocked twice
		scene_begin(&c);
		pid = harness_fork(entangled, &c);
		until(&c, 1);
		kill(pid, SIGKILL);
		if (c.order & 8)
			cr_assert_eq(word(&c, 0), 0);
		else
			wait_until_stopped(&c);
		cr_assert_eq(waitpid(pid, NULL, 0), pid);
		is_marked(&c.s->before, c.order & 1);
		is_marked(&c.s->after, c.order & 2);
		is_marked(&c.s->late, c.order & 20);
		cr_assert_eq((uint32_t)c.s->lock, c.locks ? FUTEX_OWNER_DIED : 0);
		scene_end(&c);
	}
}

// What peers can write to holds no address of this process, and what they write there is not followed.
Test(pulse, peers_see_words_only, .timeout = 120)
{
	struct scene c = {.order = 0};
	unsigned char *mem;
	pid_t pid;

	scene_begin(&c);
	pid = harness_fork(entangled, &c);
	until(&c, 1);
	mem = shmchan_ctl_pulse(&c.h.b->map.c, SLOT);
	for (size_t i = 0; i < shmchan_pulse_footprint(); i++) {
		bool in_word = false;

		for (unsigned k = 0; k < SHMCHAN_PULSE_WORDS; k++) {
			size_t at = (size_t)((unsigned char *)shmchan_pulse_at(mem, k) - mem);

			in_word |= i >= at && i < at + 4;
		}
		cr_assert(in_word || mem[i] == 0, "byte %zu", i);
	}
	memset(mem, 0xff, shmchan_pulse_footprint());
	harness_kill(pid);
	is_marked(&c.s->before, false);
	is_marked(&c.s->late, false);
	for (size_t i = 0; i < shmchan_pulse_footprint(); i++)
		cr_assert_eq(mem[i], 0xff);
	scene_end(&c);
}

// How often this process has something of the control segment mapped.
static unsigned mappings(struct scene *c)
{
	char line[512], name[SHMCHAN_SEG_NAME_MAX];
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned n = 0;

	cr_assert_not_null(f);
	shmchan_seg_name(name, c->h.group, NULL);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, name) != NULL;
	fclose(f);
	return n;
}

struct guest {
	struct shmchan_proc *p;
	pthread_barrier_t in, out;
	pid_t tid;
};

static void *hold_until_told(void *ctx)
{
	struct guest *g = ctx;

	shmchan_pulse_hold(g->p->pulse);
	g->tid = gettid();
	pthread_barrier_wait(&g->in);
	pthread_barrier_wait(&g->out);
	return NULL;
}

static void begin_guest(struct guest *g, pthread_t *t)
{
	pthread_barrier_init(&g->in, NULL, 2);
	pthread_barrier_init(&g->out, NULL, 2);
	cr_assert_eq(pthread_create(t, NULL, hold_until_told, g), 0);
	pthread_barrier_wait(&g->in);
}

static void end_guest(struct guest *g, pthread_t t)
{
	pthread_barrier_wait(&g->out);
	pthread_join(t, NULL);
	while (tgkill(getpid(), g->tid, 0) == 0)
		sched_yield(); // it is joined a moment before its id is given up
}

Test(pulse, what_a_thread_held_is_unmapped_after_its_end, .timeout = 120)
{
	struct scene c = {.s = NULL};
	struct guest g;
	unsigned before;
	pthread_t t;

	scene_begin(&c);
	shmchan_detach(harness_attach(&c.h, SLOT)); // what the first keeps for the process's end
	before = mappings(&c);
	g.p = harness_attach(&c.h, SLOT);
	begin_guest(&g, &t);
	end_guest(&g, t);
	shmchan_detach(g.p);
	cr_assert_eq(mappings(&c), before, "it had ended before");

	g.p = harness_attach(&c.h, SLOT);
	begin_guest(&g, &t);
	shmchan_detach(g.p);
	cr_assert_gt(mappings(&c), before, "its list leads through it");
	cr_assert_neq(word(&c, 1) & FUTEX_TID_MASK, 0);
	end_guest(&g, t);
	cr_assert_eq(word(&c, 1), FUTEX_WAITERS | FUTEX_OWNER_DIED);
	shmchan_detach(harness_attach(&c.h, SLOT));
	cr_assert_eq(mappings(&c), before, "the next to leave has unmapped it");
	scene_end(&c);
}

static int child_of_attached(void *ctx)
{
	return word(ctx, 0) == ((uint32_t)getppid() | FUTEX_WAITERS) ? 0 : 1;
}

Test(pulse, a_fork_does_not_hold_it, .timeout = 120)
{
	struct scene c = {.s = NULL};
	struct shmchan_proc *p;
	int status;

	scene_begin(&c);
	p = harness_attach(&c.h, SLOT);
	cr_assert_eq(waitpid(harness_fork(child_of_attached, &c), &status, 0) > 0 && status == 0, 1);
	cr_assert_eq(word(&c, 0), (uint32_t)gettid() | FUTEX_WAITERS);
	shmchan_detach(p);
	scene_end(&c);
}
