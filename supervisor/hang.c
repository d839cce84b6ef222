#include "supervisor/hang.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>
#include "supervisor/group.h"
#include "supervisor/proc_stat.h"
#include "supervisor/say.h"

#define LOOKS 4 // per limit
#define PERIOD_MIN_NS UINT64_C(5000000)
#define PERIOD_MAX_NS UINT64_C(1000000000)

bool hang_step(struct hang *h, unsigned incarnation, uint64_t progress, bool may_hang, uint64_t elapsed_ns,
	       uint64_t limit_ns)
{
	if (h->incarnation != incarnation || h->progress != progress || !may_hang) {
		*h = (struct hang){incarnation, progress, 0};
		return false;
	}
	h->unchanged_ns += elapsed_ns;
	return h->unchanged_ns >= limit_ns;
}

// Stopped by a signal, not by a debugger.
static bool is_stopped(pid_t pid)
{
	struct proc_stat s;

	return proc_stat_read(pid, &s) && s.state == 'T';
}

static void kill_hung(struct service *s, const struct look_service *l, bool stopped)
{
	struct group *g = s->group;
	const char *name = l->busiest == PLAN_NONE ? NULL : g->plan->spec.chans[l->busiest].name;
	uint64_t ms = s->hang.unchanged_ns / 1000000;
	json_t *o = json_pack("{s:s, s:i, s:i, s:b, s:I, s:I}", "service", s->plan->name, "pid", (int)s->pid,
			      "incarnation", (int)s->incarnation, "stopped", stopped, "unchanged_ms",
			      (json_int_t)ms, "limit_ms", (json_int_t)(s->plan->heartbeat_ns / 1000000));

	if (name) {
		json_object_set_new(o, "channel", json_string(name));
		json_object_set_new(o, "depth", json_integer((json_int_t)l->depth_in));
		json_object_set_new(o, "in_flight", json_integer((json_int_t)l->in_flight));
	}
	events_put(g->events, "hang", o);
	say(g->plan->spec.name,
	    "service '%s' (pid %d) %s for %llu ms, with %llu messages to take and %llu in flight%s%s; it is killed",
	    s->plan->name, (int)s->pid, stopped ? "is stopped" : "makes no progress", (unsigned long long)ms,
	    (unsigned long long)l->depth_in, (unsigned long long)l->in_flight, name ? ", most of them in " : "",
	    name ? name : "");
	s->hung = true;
	service_kill(s);
}

static void look_at(struct service *s, uint64_t elapsed_ns)
{
	struct look_service l;
	bool work, hung, stopped = false;
	uint64_t progress;

	look_service(s->group->look, (unsigned)(s - s->group->services), &l);
	progress = l.beat + l.moved + s->watchdogs;
	work = l.depth_in || l.in_flight || s->watchdogs;
	// Only where it decides something: a file of /proc is read.
	if (progress == s->hang.progress && s->hang.incarnation == s->incarnation)
		stopped = is_stopped(s->pid);
	hung = hang_step(&s->hang, s->incarnation, progress, work || stopped, elapsed_ns, s->plan->heartbeat_ns);
	service_keep(s);
	if (hung)
		kill_hung(s, &l, stopped);
}

static void on_timer(struct loop_timer *t)
{
	struct hang_watch *w = (struct hang_watch *)((char *)t - offsetof(struct hang_watch, timer));
	uint64_t now = loop_now(), elapsed = now - w->last_ns;

	w->last_ns = now;
	elapsed = elapsed < 2 * w->period_ns ? elapsed : 2 * w->period_ns;
	for (unsigned i = 0; i < w->group->service_cnt; i++) {
		struct service *s = &w->group->services[i];

		if (s->plan->heartbeat_ns && s->state == SVC_READY && s->pid > 0 && !s->hung)
			look_at(s, elapsed);
	}
	loop_timer_set(w->group->loop, t, w->period_ns);
}

void hang_start(struct hang_watch *w, struct group *g)
{
	uint64_t least = UINT64_MAX;

	*w = (struct hang_watch){.timer = {on_timer, 0, 0}, .group = g, .last_ns = loop_now()};
	for (unsigned i = 0; i < g->service_cnt; i++) {
		uint64_t limit = g->services[i].plan->heartbeat_ns;

		if (limit && limit < least)
			least = limit;
	}
	if (least == UINT64_MAX)
		return;
	w->period_ns = least / LOOKS;
	w->period_ns = w->period_ns < PERIOD_MIN_NS ? PERIOD_MIN_NS : w->period_ns;
	w->period_ns = w->period_ns > PERIOD_MAX_NS ? PERIOD_MAX_NS : w->period_ns;
	loop_timer_set(g->loop, &w->timer, w->period_ns);
}

void hang_stop(struct hang_watch *w)
{
	if (w->group)
		loop_timer_cancel(w->group->loop, &w->timer);
}
