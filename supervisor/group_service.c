// The processes of a group's services: spawn, death, stop.
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/group.h"
#include "supervisor/say.h"

#define ANNOUNCE_AGAIN_NS UINT64_C(50000000)
#define KILL_AGAIN_NS UINT64_C(1000000000)

static void spawn(struct service *s);

static const char *group_name(const struct service *s)
{
	return s->group->plan->spec.name;
}

uint64_t service_respawns(const struct service *s)
{
	return s->spawns > 1 ? s->spawns - 1 : 0;
}

void service_death_text(const struct svc_death *d, char *out, size_t size)
{
	const char *name = sigabbrev_np(d->status);

	if (d->unknown)
		snprintf(out, size, "died while its group had no supervisor");
	else if (d->spawn_failed)
		snprintf(out, size, "could not be started: %s", strerror(d->status));
	else if (d->hung)
		snprintf(out, size, "hung and was killed by SIGKILL");
	else if (d->code == CLD_EXITED)
		snprintf(out, size, "ended with exit status %d", d->status);
	else if (name)
		snprintf(out, size, "was killed by SIG%s%s", name,
			 d->code == CLD_DUMPED ? " (core dumped)" : "");
	else
		snprintf(out, size, "was killed by signal %d", d->status);
}

void service_death_keys(const struct svc_death *d, json_t *to)
{
	const char *name = sigabbrev_np(d->status);
	char text[96], signal[24];

	service_death_text(d, text, sizeof(text));
	json_object_set_new(to, "how", json_string(text));
	if (!d->spawn_failed && d->code == CLD_EXITED)
		json_object_set_new(to, "exit_status", json_integer(d->status));
	snprintf(signal, sizeof(signal), name ? "SIG%s" : "%.0s%d", name ? name : "", d->status);
	if (!d->spawn_failed && d->code != CLD_EXITED)
		json_object_set_new(to, "signal", json_string(signal));
}

static json_t *keys_of(const struct service *s)
{
	return json_pack("{s:s, s:i, s:i}", "service", s->plan->name, "pid", (int)s->pid, "incarnation",
			 (int)s->incarnation);
}

// What has not been told of the incarnation that runs, or that none will.
static void tell(struct service *s)
{
	struct events *e = s->group->events;
	json_t *o;

	if (s->reaping)
		return;
	if (s->pid > 0 && !s->told_start)
		events_put(e, s->spawns > 1 ? "respawn" : "start", keys_of(s));
	s->told_start = s->pid > 0;
	if (s->pid > 0 && s->was_ready && !s->told_ready)
		events_put(e, "ready", keys_of(s));
	s->told_ready = s->was_ready;
	if (s->pid > 0 || !svc_is_down(s->state))
		return;
	o = json_pack("{s:s}", "service", s->plan->name);
	if (s->state == SVC_FAILED)
		service_death_keys(&s->last, o);
	events_put(e, svc_state_name(s->state), o);
}

void service_set_timer(struct service *s, uint64_t after_ns)
{
	struct fail fail;

	if (loop_timer_set(s->group->loop, &s->timer, after_ns)) {
		fail_set(&fail, SUP_SYSTEM, "no memory for a timer");
		group_broken(s->group, &fail);
	}
	service_keep(s);
}

bool service_signal(struct service *s, int signal)
{
	int before = s->asked_signal;

	if (s->pidfd.fd < 0)
		return false;
	// Kept before it is sent: an adopter must know a death that was asked for, and sends SIGKILL once more.
	s->asked_signal = signal;
	service_keep(s);
	if (pidfd_send_signal(s->pidfd.fd, signal, NULL, 0) == 0)
		return true;
	s->asked_signal = before;
	service_keep(s);
	return false;
}

void service_kill(struct service *s)
{
	if (s->pid <= 0)
		return;
	service_signal(s, SIGKILL);
	kill(-s->pid, SIGKILL); // its children; the process is not reaped yet, so the number is still theirs
	service_set_timer(s, KILL_AGAIN_NS);
}

void service_terminate(struct service *s)
{
	if (s->pid <= 0)
		return;
	kill(-s->pid,
	     SIGCONT); // a stopped process does not see SIGTERM; after it, it could undo a stop of the process's own end
	service_signal(s, SIGTERM);
	service_set_timer(s, s->plan->stop_timeout_ns);
}

static void enter(struct service *s, enum svc_state state)
{
	if (s->state != state)
		s->since_ns = loop_now();
	s->state = state;
	if (state == SVC_WAITING)
		loop_timer_cancel(s->group->loop, &s->timer);
}

static void rested(struct service *s)
{
	struct group *g = s->group;
	bool completes = g->plan->job.any && s == &g->services[g->plan->job.complete];
	char text[96];

	loop_timer_cancel(g->loop, &s->timer);
	if (s->doomed)
		enter(s, SVC_FAILED);
	s->doomed = false;
	tell(s);
	if (s->state == SVC_FAILED) {
		service_death_text(&s->last, text, sizeof(text));
		say(group_name(s), "service '%s' failed: it %s; %s", s->plan->name, text,
		    g->stopping        ? "the group is stopping"
		    : g->plan->job.any ? "stopping the group"
				       : "it is not started again");
		if (g->plan->job.any)
			group_stop(g, completes ? GROUP_JOB_FAILED : GROUP_SERVICE_FAILED);
	}
	if (s->state == SVC_DONE && completes)
		group_stop(g, GROUP_COMPLETE);
}

static void note_ready(struct service *s)
{
	s->was_ready = true;
	loop_timer_cancel(s->group->loop, &s->timer);
	svc_healthy(&s->history);
	tell(s);
}

bool service_feed(struct service *s, enum svc_event event)
{
	struct svc_step step = svc_step(s->state, event);

	enter(s, step.next);
	switch (step.action) {
	case SVC_DO_SPAWN:
		spawn(s);
		break;
	case SVC_DO_NOTE_READY:
		note_ready(s);
		break;
	case SVC_DO_TERM:
		service_terminate(s);
		break;
	case SVC_DO_KILL:
		service_kill(s);
		break;
	case SVC_DO_REST:
		rested(s);
		break;
	case SVC_DO_REFUSE:
		return false;
	case SVC_DO_NOTHING:
	case SVC_DO_WAIT: // by its caller, who knows the delay
	case SVC_ACTION_CNT:
		break;
	}
	service_keep(s);
	spare_settle(s);
	group_go_on_soon(s->group);
	return true;
}

static enum svc_event judge(struct service *s, uint64_t *delay_ns)
{
	return svc_judge(&s->plan->policy, &s->history, &s->last, loop_now(),
			 (uint32_t)chaos_random(&s->group->random), delay_ns);
}

static void feed_death(struct service *s)
{
	enum svc_event event;

	if (s->group->stopping)
		enter(s, SVC_STOPPING); // its turn to stop had not come; it needs none now
	event = judge(s, &s->delay_ns);
	if (strategy_death(s, &event) && event == SVC_EV_RESPAWN)
		enter(s, SVC_RECALLED); // its turn to start comes with that of the others
	service_feed(s, event);
	if (s->state == SVC_BACKOFF && event == SVC_EV_DELAY)
		service_set_timer(s, s->delay_ns);
	service_keep(s);
}

static void spawn_failed(struct service *s, int err)
{
	json_t *o;

	s->last = (struct svc_death){.spawn_failed = true, .status = err};
	shmchan_broker_recover(s->group->broker, s->slot, NULL, NULL);
	o = keys_of(s);
	service_death_keys(&s->last, o);
	events_put(s->group->events, "death", o);
	say(group_name(s), "can't start service '%s' from %s: %s%s%s%s", s->plan->name, s->launch.path,
	    s->launch.step ? "can't " : "", s->launch.step ? s->launch.step : "", s->launch.step ? ": " : "",
	    strerror(err));
	feed_death(s);
}

// What an incarnation left that never ran, or that another supervisor went through, may not be repaired: a lock was held.
static int announce(struct service *s)
{
	struct shmchan_broker *b = s->group->broker;
	int rc = shmchan_broker_announce(b, s->slot, &s->incarnation);

	if (rc != SHMCHAN_ESTALE)
		return rc;
	rc = shmchan_broker_recover(b, s->slot, NULL, NULL);
	return rc ? rc : shmchan_broker_announce(b, s->slot, &s->incarnation);
}

static void spawn(struct service *s)
{
	struct group *g = s->group;
	int rc = announce(s), err;
	bool warm;
	struct fail fail;

	if (rc == SHMCHAN_EBUSY) {
		enter(s, SVC_BACKOFF);
		service_set_timer(s, ANNOUNCE_AGAIN_NS);
		return;
	}
	if (rc) {
		fail_set(&fail, SUP_SYSTEM, "can't announce service '%s': %s", s->plan->name,
			 shmchan_strerror(rc));
		group_broken(g, &fail);
		enter(s, SVC_FAILED);
		return;
	}
	s->pid = 0;
	s->adopted = false;
	s->asked_signal = 0;
	s->was_ready = s->late = s->hung = s->told_start = s->told_ready = false;
	s->chaosed = false;
	s->watchdogs = 0;
	s->repair = (struct shmchan_repair){0};
	s->status[0] = 0;
	s->since_ns = s->spawned_ns = loop_now();
	loop_timer_cancel(g->loop, &s->timer);
	service_keep(s); // before there is a process: an adopter knows what to look for
	warm = spare_take(s);
	early_catch_up(g);
	err = warm ? 0 : launch_spawn(&g->launcher, &s->launch, s->incarnation, &s->pid, &s->pidfd.fd);
	if (err) {
		s->pidfd.fd = -1;
		s->pid = 0;
		spawn_failed(s, err);
		return;
	}
	s->spawns++;
	if (!warm)
		shmchan_broker_spawned(g->broker, s->slot, s->pid);
	service_keep(s);
	service_watch(s);
	pins_follow(&g->launcher, g->plan->spec.name, s->pid, &s->pins);
	tell(s);
	if (!s->plan->notifies)
		service_feed(s, SVC_EV_READY);
	else if (s->plan->ready_timeout_ns)
		service_set_timer(s, s->plan->ready_timeout_ns);
}

void service_watch(struct service *s)
{
	struct fail fail;

	if (loop_watch(s->group->loop, &s->pidfd)) {
		fail_set(&fail, SUP_SYSTEM, "no memory to watch service '%s'", s->plan->name);
		group_broken(s->group, &fail);
	}
	early_watch(s);
}

static bool was_asked(const struct service *s, const siginfo_t *info)
{
	return s->asked_signal && !s->late && !s->hung &&
	       (s->asked_signal == SIGTERM || info->si_code == 0 ||
		(info->si_code != CLD_EXITED && info->si_status == s->asked_signal));
}

static void say_death(const struct service *s, const struct svc_death *last, pid_t pid, unsigned incarnation,
		      const struct shmchan_repair *r)
{
	char text[96], next[64] = "";

	if ((last->asked || s->state == SVC_STOPPED || s->state == SVC_DONE) && !s->group->options->verbose)
		return;
	service_death_text(last, text, sizeof(text));
	if (s->state == SVC_STARTING || s->state == SVC_READY)
		snprintf(next, sizeof(next), ", started again as pid %d", (int)s->pid);
	else if (s->state == SVC_BACKOFF)
		snprintf(next, sizeof(next), ", to be started again in %u ms",
			 (unsigned)(s->delay_ns / 1000000));
	say(group_name(s),
	    "%s (pid %d, incarnation %u) %s; %llu dead letters, %llu blocks freed, repaired in %u us%s",
	    s->plan->name, (int)pid, incarnation, text, (unsigned long long)r->dead_letters,
	    (unsigned long long)r->blocks, (unsigned)(r->nsec / 1000), next);
}

static json_t *repair_keys(const struct service *s, unsigned incarnation, const struct shmchan_repair *r, bool early)
{
	const struct {
		const char *key;
		uint64_t value;
	} counts[] = {
		{"dead_letters", r->dead_letters}, {"dropped", r->dropped},     {"redelivered", r->redelivered},
		{"answered", r->answered},         {"aborted", r->aborted},     {"published", r->published},
		{"blocks", r->blocks},             {"died_sent", r->died_sent}, {"died_pending", r->died_pending},
	};
	json_t *o = json_pack("{s:s, s:i, s:f, s:b}", "service", s->plan->name, "incarnation", (int)incarnation, "us",
			      (double)r->nsec / 1e3, "early", early);

	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		json_object_set_new(o, counts[i].key, json_integer((json_int_t)counts[i].value));
	return o;
}

// After what it led to: the replacement does not wait for this. It may have died too by now.
static void tell_death(struct service *s, const struct svc_death *last, pid_t pid, unsigned incarnation,
		       const struct shmchan_repair *r, bool early)
{
	struct events *e = s->group->events;
	json_t *o = json_pack("{s:s, s:i, s:i, s:b, s:i}", "service", s->plan->name, "pid", (int)pid,
			      "incarnation", (int)incarnation, "asked", last->asked, "lived_ms",
			      (int)(last->lived_ns / 1000000));

	service_death_keys(last, o);
	events_put(e, "death", o);
	events_put(e, "recovery", repair_keys(s, incarnation, r, early));
	if (s->state == SVC_BACKOFF && loop_timer_is_set(&s->timer))
		events_put(e, "backoff",
			   json_pack("{s:s, s:f}", "service", s->plan->name, "delay_ms",
				     (double)s->delay_ns / 1e6));
	tell(s);
}

void service_mourn(struct service *s, const siginfo_t *info)
{
	s->deaths++;
	s->last = (struct svc_death){.unknown = info->si_code == 0,
				     .asked = was_asked(s, info),
				     .late = s->late,
				     .hung = s->hung,
				     .ready = s->was_ready,
				     .lived_ns = loop_now() - s->spawned_ns,
				     .code = info->si_code,
				     .status = info->si_status};
	// One that ended by itself a moment before is none of chaos' kills.
	s->chaos_kills += s->chaosed && (s->last.unknown || (s->last.code != CLD_EXITED && s->last.status == SIGKILL));
	s->mourned = s->incarnation;
	service_keep(s); // from here on the kernel may forget it
}

void service_bury(struct service *s)
{
	int fd = s->pidfd.fd;

	loop_unwatch(s->group->loop, &s->pidfd);
	early_stop(s);
	s->pidfd.fd = -1;
	s->was_early = s->recovered;
	s->corpse = s->pid;
	if (s->recovered || service_repair(s))
		service_buried(s);
	else
		service_await(s);
	if (fd >= 0)
		close(fd);
}

void service_buried(struct service *s)
{
	struct shmchan_repair repair = s->repair;
	struct svc_death last = s->last; // a replacement that can't be started is another
	unsigned incarnation = s->incarnation;
	pid_t pid = s->corpse;
	bool early = s->was_early;

	s->recovered = false;
	s->pid = 0;
	s->reaping = true;
	feed_death(s);
	s->reaping = false;
	group_keep(s->group); // strategies count too
	tell_death(s, &last, pid, incarnation, &repair, early);
	if (!s->recovered) // else the replacement is dead as well, and what that parked is told after its death
		poison_tell(s->group->poison);
	say_death(s, &last, pid, incarnation, &repair);
	group_repair_again(s->group);
}

static void seen_dead(struct service *s, const siginfo_t *info)
{
	kill(-s->pid, SIGKILL); // its children go with it; its own number is not free before it is reaped
	notify_drain(s->group->notify); // a READY=1 that came before the death
	service_mourn(s, info);
}

void service_died_early(struct service *s, const siginfo_t *info)
{
	seen_dead(s, info);
	s->corpse = s->pid;
	service_repair(s); // where it can't be yet, the pidfd's turn is another try
	if (!s->recovered || !spare_is_there(s) || !corpse_put(s->group, s->pidfd.fd))
		return;
	loop_unwatch(s->group->loop, &s->pidfd);
	s->pidfd.fd = -1;
	service_bury(s);
}

void service_reap(struct service *s)
{
	int fd = s->pidfd.fd;
	siginfo_t info;

	if (fd < 0 || !fate_of(fd, s->pid, &info))
		return;
	if (s->mourned != s->incarnation)
		seen_dead(s, &info);
	waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG); // of an adopted one: another's affair
	service_bury(s);
}

static void on_pidfd(struct loop_watch *w, short revents)
{
	service_reap((struct service *)w);
}
_Static_assert(offsetof(struct service, pidfd) == 0, "on_pidfd casts");

// It may have said READY=1 when nobody listened, and does not use the group's memory, where it would stand.
static bool is_unheard(const struct service *s)
{
	struct shmchan_slot_state st;

	return s->adopted && shmchan_broker_slot(s->group->broker, s->slot, &st) == 0 && !st.attached;
}

static void on_timer(struct loop_timer *t)
{
	struct service *s = (struct service *)((char *)t - offsetof(struct service, timer));

	if (s->state == SVC_STARTING && is_unheard(s)) {
		service_feed(s, SVC_EV_READY);
		return;
	}
	if (s->state == SVC_STARTING && !s->late)
		say(group_name(s), "service '%s' (pid %d) was not ready within %llu ms; it is killed",
		    s->plan->name, (int)s->pid, (unsigned long long)(s->plan->ready_timeout_ns / 1000000));
	if (s->state == SVC_STOPPING && s->asked_signal == SIGTERM)
		say(group_name(s),
		    "service '%s' (pid %d) did not end within %llu ms of SIGTERM; it is killed",
		    s->plan->name, (int)s->pid, (unsigned long long)(s->plan->stop_timeout_ns / 1000000));
	s->late = s->state == SVC_STARTING;
	service_feed(s, s->state == SVC_BACKOFF && strategy_holds(s) ? SVC_EV_RECALL : SVC_EV_TIMER);
}

int service_init(struct group *g, unsigned i, const char *notify_path, struct fail *fail)
{
	struct service *s = &g->services[i];

	*s = (struct service){
		.pidfd = {-1, POLLIN, true, on_pidfd, 0},
		.timer = {on_timer, 0, 0},
		.group = g,
		.plan = &g->plan->services[i],
		.slot = i + 1,
	};
	s->early.fence = (struct fence){-1, -1};
	spare_init(s);
	s->since_ns = loop_now();
	s->reserved = s->plan->reserved;
	if (s->reserved)
		s->state = SVC_STOPPED;
	return launch_prepare(&s->launch, g->plan, i, notify_path, &g->plan->arena, fail);
}
