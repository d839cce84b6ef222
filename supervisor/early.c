#include "supervisor/early.h"

#include <stddef.h>
#include "supervisor/fence.h"
#include "supervisor/group.h"

// From the mark of a word the kernel needs some microseconds to where the fence sees it, if nothing else is put on that processor.
#define LOOK_NS UINT64_C(20000) // doubled each time
#define LOOKS 8
#define WAKES 10000

static void look(struct service *s);

static struct service *owner(struct early *e)
{
	return (struct service *)((char *)e - offsetof(struct service, early));
}

static void give_up(struct early *e)
{
	loop_unwatch(owner(e)->group->loop, &e->futex.watch);
}

static void on_word(struct loop_watch *w, short revents)
{
	struct early *e = (struct early *)w;

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

// Its words say that none of its threads lives.
static void check(struct service *s)
{
	struct early *e = &s->early;
	siginfo_t info;

	if (fence_passed(s->pidfd.fd, s->pid, &info)) {
		early_stop(s);
		service_died_early(s, &info);
		return;
	}
	if (++e->looks > LOOKS || loop_timer_set(s->group->loop, &e->again, LOOK_NS << (e->looks - 1)))
		give_up(e);
}

static void look(struct service *s)
{
	struct early *e = &s->early;
	struct shmchan_pulse_look l;

	shmchan_broker_pulse(s->group->broker, s->slot, &l);
	e->futex.word = l.word;
	e->futex.value = l.value;
	if (l.stopped)
		check(s);
	else
		e->looks = 0;
}

void early_watch(struct service *s)
{
	struct early *e = &s->early;

	*e = (struct early){.futex.watch = {LOOP_FUTEX, 0, true, on_word, 0}, .again = {on_again, 0, 0}};
	look(s);
	if (s->mourned == s->incarnation || loop_watch(s->group->loop, &e->futex.watch))
		loop_timer_cancel(s->group->loop, &e->again);
}

void early_stop(struct service *s)
{
	loop_unwatch(s->group->loop, &s->early.futex.watch);
	loop_timer_cancel(s->group->loop, &s->early.again);
}
