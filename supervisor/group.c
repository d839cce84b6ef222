#include "supervisor/group.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/adopt.h"
#include "supervisor/rundir.h"
#include "supervisor/say.h"
#include "supervisor/slice.h"
#include "supervisor/stale.h"

#define ADOPT_WAIT_NS UINT64_C(2000000000) // for the lock of a supervisor that has been killed and is not yet gone
#define BROKEN_WAIT_MS 10000
#define RETRY_NS UINT64_C(5000000)

static void go_on(struct group *g);

void group_stop(struct group *g, enum group_end why)
{
	if (g->stopping)
		return;
	g->stopping = true;
	g->end = why;
	g->end_ns = loop_now();
	chaos_stop(&g->chaos);
	scale_stop(g);
	group_keep(g);
	events_put(g->events, "group", json_pack("{s:s}", "state", "stopping"));
	group_go_on_soon(g);
}

void group_broken(struct group *g, const struct fail *why)
{
	if (!g->broken.text[0])
		g->broken = *why;
	group_stop(g, GROUP_BROKEN);
}

uint64_t group_respawns(const struct group *g)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->service_cnt; i++)
		sum += service_respawns(&g->services[i]);
	return sum;
}

bool group_done(const struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++) {
		enum svc_state state = g->services[i].state;

		if (!g->stopping && g->services[i].held)
			return false;
		if (!svc_is_down(state) && (state != SVC_WAITING || g->stopping))
			return false;
		if (g->services[i].spare.pidfd.fd >= 0)
			return false;
	}
	return !corpse_any(g);
}

static void start_what_can(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt && !g->stopping; i++) {
		struct service *s = &g->services[i];
		bool can;

		if (s->wanted_again && svc_is_down(s->state)) {
			s->wanted_again = false;
			service_feed(s, SVC_EV_RECALL);
		}
		can = s->state == SVC_WAITING && !strategy_holds(s);

		for (unsigned d = 0; can && d < s->plan->dep_cnt; d++) {
			enum svc_state dep = g->services[s->plan->deps[d]].state;

			can = dep == SVC_READY || dep == SVC_DONE || g->services[s->plan->deps[d]].reserved;
		}
		if (can)
			service_feed(s, SVC_EV_START);
	}
}

// A service stops when nothing that depends on it runs any more. It is told once: every event leads to another turn.
// One whose repair waits runs no more, and what it waits for may be what it depends on.
static void stop_what_can(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++)
		g->services[i].blocked = false;
	for (unsigned i = 0; i < g->service_cnt; i++)
		for (unsigned d = 0; d < g->services[i].plan->dep_cnt; d++)
			if (!svc_is_down(g->services[i].state) && !g->services[i].repairing)
				g->services[g->services[i].plan->deps[d]].blocked = true;
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (!g->services[i].blocked && !svc_is_down(g->services[i].state) &&
		    g->services[i].state != SVC_STOPPING)
			service_feed(&g->services[i], SVC_EV_STOP);
}

static void tell_what_is(struct group *g)
{
	unsigned ready = 0, done = 0, failed = 0;
	char text[TELL_MAX];
	int len;

	for (unsigned i = 0; i < g->service_cnt; i++) {
		ready += g->services[i].state == SVC_READY && !g->services[i].repairing;
		done += g->services[i].state == SVC_DONE;
		failed += g->services[i].state == SVC_FAILED;
	}
	len = snprintf(text, sizeof(text), "%s%u of %u services ready", g->stopping ? "stopping, " : "", ready,
		       g->service_cnt);
	if (done)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ", %u done", done);
	if (failed)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ", %u failed", failed);
	if (group_respawns(g))
		snprintf(text + len, sizeof(text) - (size_t)len, ", %llu respawns",
			 (unsigned long long)group_respawns(g));
	tell_state(&g->tell, ready + done == g->service_cnt, g->stopping, text);
}

static void go_on(struct group *g)
{
	tell_what_is(g);
	if (g->stopping)
		stop_what_can(g);
	else
		start_what_can(g);
	control_settle(g->control, group_verb_settle, g);
}

static void on_go_on(struct loop_timer *t)
{
	go_on((struct group *)((char *)t - offsetof(struct group, go_on)));
}

void group_go_on_soon(struct group *g)
{
	if (!loop_timer_is_set(&g->go_on))
		loop_timer_set(g->loop, &g->go_on, 0);
}

static void on_retry(struct loop_timer *t)
{
	struct group *g = (struct group *)((char *)t - offsetof(struct group, retry));

	if (shmchan_broker_retry(g->broker) > 0)
		loop_timer_set(g->loop, &g->retry, RETRY_NS);
}

static void on_notify(void *ctx, const struct notify_msg *m)
{
	struct group *g = ctx;
	pid_t leader = getpgid(m->pid); // the message may come from a child, such as systemd-notify

	for (unsigned i = 0; i < g->service_cnt; i++) {
		struct service *s = &g->services[i];

		if (s->pid <= 0 || (s->pid != m->pid && s->pid != leader))
			continue;
		if (m->has_status)
			memcpy(s->status, m->status, sizeof(s->status));
		s->watchdogs += m->watchdog;
		if (m->ready)
			service_feed(s, SVC_EV_READY);
		return;
	}
}

// Grandchildren come to the supervisor when their parent dies; services are told by their pidfd, and are left
// to it.
static void reap_strangers(struct group *g)
{
	siginfo_t info;

	for (;;) {
		unsigned i = 0;

		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid == 0)
			return;
		while (i < g->service_cnt && g->services[i].pid != info.si_pid &&
		       g->services[i].spare.pid != info.si_pid)
			i++;
		if (i < g->service_cnt && g->services[i].pid == info.si_pid)
			service_reap(&g->services[i]);
		else if (i < g->service_cnt)
			spare_reap(&g->services[i]);
		else if (!upgrade_reap(g, info.si_pid))
			waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void interrupted(struct group *g, int signal)
{
	if (g->stopping && g->end == GROUP_INTERRUPTED) {
		say(g->plan->spec.name, "SIG%s again; killing what still runs", sigabbrev_np(signal));
		for (unsigned i = 0; i < g->service_cnt; i++)
			if (svc_has_process(g->services[i].state))
				service_signal(&g->services[i], SIGKILL);
		return;
	}
	g->signal = signal;
	if (!g->stopping)
		say(g->plan->spec.name, "SIG%s; stopping the group", sigabbrev_np(signal));
	group_stop(g, GROUP_INTERRUPTED);
}

static void on_signal(struct loop_watch *w, short revents)
{
	struct group *g = (struct group *)((char *)w - offsetof(struct group, signals));
	struct signalfd_siginfo info;

	while (read(w->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap_strangers(g);
		else
			interrupted(g, (int)info.ssi_signo);
	}
}

static int open_signals(struct group *g, struct fail *fail)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	g->signals = (struct loop_watch){signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, false,
					 on_signal, 0};
	if (g->signals.fd < 0 || (errno = loop_watch(g->loop, &g->signals)))
		return fail_set(fail, SUP_SYSTEM, "can't watch signals: %s", strerror(errno));
	return 0;
}

static bool any_user(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->spec.service_cnt; i++)
		if (plan->services[i].confine.has_user)
			return true;
	return false;
}

// A descriptor from before the execve; -1 = there is none, and it has to be made.
static int handed_fd(const struct group *g, const char *what)
{
	return g->handover ? handover_take_fd(g->handover, json_object_get(handover_json(g->handover), what)) : -1;
}

static int take_lock(struct group *g, struct fail *fail)
{
	const char *name = g->plan->spec.name;

	if (g->handover)
		return g->lock = rundir_keep_lock(name, handed_fd(g, "lock"), fail);
	g->lock = rundir_lock(name, 0, fail);
	if (g->lock < 0 && fail->status == SUP_RUNNING && g->options->adopt) {
		guard_ask(name);
		g->lock = rundir_lock(name, ADOPT_WAIT_NS, fail);
	}
	return g->lock;
}

static int open_sockets(struct group *g, struct fail *fail)
{
	const char *name = g->plan->spec.name;
	char path[RUNDIR_PATH_MAX];
	int err;

	if (rundir_socket(path, name, "notify", fail))
		return -1;
	err = notify_open(&g->notify, g->loop, path, handed_fd(g, "notify"), on_notify, g);
	if (err)
		return fail_set(fail, SUP_SYSTEM, "can't open notify socket %s: %s", path, strerror(err));
	if (any_user(g->plan) && rundir_open_notify(name, fail))
		return -1;
	if (rundir_socket(path, name, "sock", fail))
		return -1;
	err = control_take_over(&g->control, g->loop, path, group_verb, g,
				g->handover ? json_object_get(handover_json(g->handover), "control") : NULL, g->handover);
	if (err)
		return fail_set(fail, SUP_SYSTEM, "can't open control socket %s: %s", path, strerror(err));
	events_to(g->events, g->control);
	return 0;
}

static int remove_stale(const char *name, struct fail *fail)
{
	struct stale_found found;

	if (stale_remove(name, 0, &found, fail))
		return -1;
	if (found.segments || found.orphans)
		say(name, "a killed supervisor had left %u segments and %u processes; they are removed",
		    found.segments, found.orphans);
	return 0;
}

static int create(struct group *g, struct fail *fail)
{
	const char *name = g->plan->spec.name;
	struct shmchan_why why = {0};
	int rc;

	if (remove_stale(name, fail) || keep_create(&g->keep, name, fail))
		return -1;
	events_keep(g->events, g->keep);
	group_keep(g);
	rc = shmchan_broker_create(&g->broker, &g->plan->spec, &why);

	if (rc == SHMCHAN_EEXIST)
		return fail_set(fail, SUP_RUNNING, "can't run group '%s': %s", name,
				why.text[0] ? why.text : "it is running");
	if (rc)
		return fail_set(fail, rc == SHMCHAN_EINVAL ? SUP_TOPOLOGY : SUP_SYSTEM,
				"can't create group '%s': %s%s%s", name, why.object,
				why.object[0] ? ": " : "", why.text[0] ? why.text : shmchan_strerror(rc));
	return 0;
}

static int find_programs(struct group *g, struct fail *fail)
{
	char path[RUNDIR_PATH_MAX];

	g->service_cnt = g->plan->spec.service_cnt;
	g->services = calloc(g->service_cnt, sizeof(*g->services));
	g->strategies = calloc(g->plan->strategy_cnt + 1, sizeof(*g->strategies));
	if (!g->services || !g->strategies)
		return fail_set(fail, SUP_SYSTEM, "no memory for the services");
	if (rundir_socket(path, g->plan->spec.name, "notify", fail) ||
	    launcher_plan(&g->launcher, g->plan, fail))
		return -1;
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (service_init(g, i, path, fail))
			return -1;
	if (logs_open(&g->logs, g->loop, g->plan, fail))
		return -1;
	for (unsigned i = 0; i < g->service_cnt; i++)
		g->services[i].launch.out = logs_fd(g->logs, i);
	return 0;
}

// In an order in which each step that fails leaves nothing that the steps of tear_down don't remove.
static int set_up(struct group *g, struct fail *fail)
{
	int err = loop_new(&g->loop, g->options->loop);

	if (err)
		return fail_set(fail, SUP_SYSTEM, "can't make an event loop: %s", strerror(err));
	g->events = events_new();
	if (!g->events)
		return fail_set(fail, SUP_SYSTEM, "no memory for the events");
	if (find_programs(g, fail) ||
	    (g->options->report_file && report_check_file(g->options->report_file, fail)) ||
	    open_signals(g, fail) || rundir_make(fail) ||
	    take_lock(g, fail) < 0 || adopt_group(g, fail))
		return -1;
	if (g->phase == KEEP_FINISHED)
		return 0;
	if ((!g->broker && create(g, fail)) || report_open(&g->report, g->plan, fail) ||
	    look_open(&g->look, g->plan, fail) || open_sockets(g, fail))
		return -1;
	shmchan_broker_hasty(g->broker, true);
	g->poison = poison_open(g);
	if (!g->poison)
		return fail_set(fail, SUP_SYSTEM, "no memory for the group");
	g->adopting = false;
	return 0;
}

static void tear_down(struct group *g)
{
	upgrade_end(g);
	tell_close(&g->tell);
	progress_stop(&g->progress);
	chaos_stop(&g->chaos);
	scale_stop(g);
	hang_stop(&g->hang_watch);
	alert_stop(&g->alert);
	logs_close(g->logs);
	poison_close(g->poison);
	look_close(g->look);
	report_close(g->report);
	if (g->adopting)
		shmchan_broker_leave(g->broker); // what could not be taken over is left as it was
	else
		shmchan_broker_destroy(g->broker);
	notify_close(g->notify);
	control_shut(g->control);
	if (g->keep && !g->adopting)
		keep_remove(g->plan->spec.name);
	if (g->adopting)
		close(g->lock);
	else
		rundir_unlock(g->plan->spec.name, g->lock);
	events_put(g->events, "group", json_pack("{s:s}", "state", "ended"));
	events_delete(g->events);
	keep_close(g->keep);
	control_close(g->control); // last: the end of a connection says that all is gone
	if (g->loop) {
		loop_unwatch(g->loop, &g->signals);
		if (g->signals.fd > 0)
			close(g->signals.fd);
	}
	loop_delete(g->loop);
	free(g->services);
	free(g->strategies);
}

static bool kill_for_chaos(void *ctx, unsigned service)
{
	struct group *g = ctx;
	struct service *s = &g->services[service];

	if ((s->state != SVC_STARTING && s->state != SVC_READY) || s->asked_signal == SIGKILL ||
	    s->mourned == s->incarnation)
		return false;
	group_keep(g);
	s->chaosed = true; // kept together with the signal that is asked for
	if (service_signal(s, SIGKILL))
		return true;
	s->chaosed = false;
	service_keep(s);
	return false;
}

static uint64_t respawns_of(void *ctx)
{
	return group_respawns(ctx);
}

static void run(struct group *g)
{
	uint64_t random = g->chaos.random;
	struct fail fail;
	int err = 0;

	events_put(g->events, "group",
		   json_pack("{s:s}", "state", upgrade_is_going_on(g) ? "upgraded" : g->is_taken ? "adopted" : "running"));
	tell_open(&g->tell, g->loop);
	upgrade_take(g);
	progress_start(&g->progress, g->loop, g->plan, g->report, respawns_of, g);
	hang_start(&g->hang_watch, g);
	alert_start(&g->alert, g);
	chaos_start(&g->chaos, g->loop, &g->plan->chaos, kill_for_chaos, g);
	if (g->is_taken) {
		g->chaos.random = random;
		adopt_go_on(g);
	} else {
		g->begin_ns = loop_now();
		g->phase = KEEP_RUNNING;
		for (unsigned i = 0; i < g->service_cnt; i++)
			service_keep(&g->services[i]);
		group_keep(g);
	}
	if (g->handover)
		upgrade_taken(g);
	handover_delete(g->handover); // all of it is taken
	g->handover = NULL;
	go_on(g);
	while (!group_done(g) || loop_timer_is_set(&g->go_on)) {
		err = loop_turn(g->loop, UINT64_MAX);
		if (err) {
			fail_set(&fail, SUP_SYSTEM, "the event loop failed: %s", strerror(err));
			group_broken(g, &fail);
			break;
		}
		upgrade_go_on(g);
	}
	// Only after a broken wait can there be a process now; there is no other way to end it in order.
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (g->services[i].pid > 0 && svc_has_process(g->services[i].state)) {
			struct pollfd p = {g->services[i].pidfd.fd, POLLIN, 0};

			kill(-g->services[i].pid, SIGKILL);
			poll(&p, 1, BROKEN_WAIT_MS); // an adopted one is no child
			waitpid(g->services[i].pid, NULL, WNOHANG);
		}
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (g->services[i].spare.pidfd.fd >= 0)
			kill(-g->services[i].spare.pid, SIGKILL);
	corpse_forget(g);
	group_stop(g, GROUP_ALL_ENDED);
	progress_stop(&g->progress);
}

enum sup_exit group_run(struct plan *plan, const struct group_options *options)
{
	struct group g = {.plan = plan,
			  .options = options,
			  .lock = -1,
			  .tell = {.fd = -1},
			  .upgrade = {.guard = {.socket = {.fd = -1}}},
			  .handover = options->stand_in ? options->stand_in->handover : handover_receive(),
			  .retry = {on_retry, 0, 0},
			  .go_on = {on_go_on, 0, 0}};
	enum sup_exit status;
	struct fail fail;
	int err = launcher_init(&g.launcher);

	if (err) {
		say(NULL, "can't prepare the start of processes: %s; nothing was started", strerror(err));
		return SUP_SYSTEM;
	}
	prctl(PR_SET_NAME, "shmsup"); // children that have not executed their program are known by it, whatever the file's name
	slice_shorten();
	g.random = loop_now() ^ (uint64_t)getpid() << 32;
	if (set_up(&g, &fail)) {
		status = fail.status;
		say(NULL, "%s; nothing was %s", fail.text, g.adopting ? "changed" : "started");
	} else if (g.phase == KEEP_FINISHED) {
		status = g.exit_status;
	} else {
		run(&g);
		status = group_finish(&g);
	}
	tear_down(&g);
	handover_delete(g.handover);
	launcher_fini(&g.launcher);
	return status;
}
