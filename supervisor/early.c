#include "supervisor/early.h"

#include <sched.h>
#include <stddef.h>
#include <unistd.h>
#include "supervisor/fence.h"
#include "supervisor/group.h"

// From the mark of a word the kernel needs some microseconds to where the fence sees it, if nothing else is put on that processor.
#define LOOK_NS UINT64_C(20000) // doubled each time
#define LOOKS 8
#define TRIES 16
#define WAKES 1000 // in
#define WAKES_NS UINT64_C(1000000000)

static void look(struct service *s);

static struct service *owner(struct early *e)
{
	return (struct service *)((char *)e - offsetof(struct service, early));
}

static void give_up(struct early *e)
{
	early_stop(owner(e));
}

static void on_word(struct loop_watch *w, short revents)
{
	struct early *e = (struct early *)w;

	if (loop_now() - e->wakes_ns > WAKES_NS) {
		e->wakes_ns = loop_now();
		e->wakes = 0;
	}
	if (revents & POLLERR || ++e->wakes > WAKES)
		give_up(e);
	else
		look(owner(e));
}
_Static_assert(offsetof(struct early, futex) == 0 && offsetof(struct loop_futex, watch) == 0, "on_word casts");

static void on_again(struct loop_timer *t)
{
	look(owner((struct early *)((char *)t - offsetof(struct early, again))));
}

// What is put off until the spare has its slot.
static struct {
	bool away;
	cpu_set_t processors; // that are this process's
	struct fence fence;   // to be closed
} late = {.fence = {-1, -1}};

// Who marked its word a moment ago may have been put off its processor for this process, and would have it back only when this
// process sleeps for long. So this one goes to another.
static bool go_away(void)
{
	cpu_set_t others;
	unsigned cpu;

	if (sched_getaffinity(0, sizeof(late.processors), &late.processors) || getcpu(&cpu, NULL))
		return false;
	others = late.processors;
	CPU_CLR(cpu, &others);
	return late.away = sched_setaffinity(0, sizeof(others), &others) == 0;
}

static bool passes(struct service *s, siginfo_t *info)
{
	bool passed = fence_passed(&s->early.fence, s->pidfd.fd, s->pid, info);

	if (passed || s->early.looks || !go_away())
		return passed;
	spare_rouse(s); // that may be where it is
	for (int i = 0; i < TRIES && !passed; i++)
		passed = fence_passed(&s->early.fence, s->pidfd.fd, s->pid, info);
	return passed;
}

void early_catch_up(struct group *g)
{
	if (late.away)
		sched_setaffinity(0, sizeof(late.processors), &late.processors);
	late.away = false;
	shmchan_broker_quiet(g->broker, false);
	fence_close(&late.fence);
}

// Its words say that none of its threads lives.
static void check(struct service *s)
{
	struct early *e = &s->early;
	siginfo_t info;

	if (passes(s, &info)) {
		late.fence = e->fence;
		e->fence = (struct fence){-1, -1};
		early_stop(s);
		shmchan_broker_quiet(s->group->broker, true);
		service_died_early(s, &info);
		early_catch_up(s->group);
		return;
	}
	early_catch_up(s->group);
	if (++e->looks > LOOKS || loop_timer_set(s->group->loop, &e->again, LOOK_NS << (e->looks - 1)))
		give_up(e);
}

// Where to wait, and for what. Returns whether its words say that all its threads are dead.
static bool read_words(struct service *s)
{
	struct shmchan_pulse_look l;

	shmchan_broker_pulse(s->group->broker, s->slot, &l);
	s->early.futex.word = l.word;
	s->early.futex.value = l.value;
	return l.stopped;
}

static void look(struct service *s)
{
	if (!read_words(s)) {
		s->early.looks = 0;
		return;
	}
	spare_rouse(s);
	check(s);
}

void early_watch(struct service *s)
{
	struct early *e = &s->early;

	*e = (struct early){.futex.watch = {LOOP_FUTEX, 0, true, on_word, 0}, .again = {on_again, 0, 0}};
	fence_open(&e->fence, s->pidfd.fd, s->pid, s->plan->spare);
	// A death that is there already is dealt with in its turn: this may be called in the burial of the last one.
	if (read_words(s))
		loop_timer_set(s->group->loop, &e->again, 0);
	if (e->fence.proc < 0 || loop_watch(s->group->loop, &e->futex.watch))
		early_stop(s);
}

void early_stop(struct service *s)
{
	struct early *e = &s->early;

	loop_unwatch(s->group->loop, &e->futex.watch);
	loop_timer_cancel(s->group->loop, &e->again);
	fence_close(&e->fence);
}
