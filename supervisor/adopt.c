#include "supervisor/adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/orphan.h"
#include "supervisor/proc_stat.h"
#include "supervisor/rundir.h"
#include "supervisor/say.h"
#include "supervisor/stale.h"

static int nothing(struct group *g, struct fail *fail)
{
	g->adopting = false;
	if (g->options->adopt == GROUP_ADOPT_ONLY)
		return fail_set(fail, SUP_NO_GROUP, "there is no group '%s' to adopt", g->plan->spec.name);
	return 0;
}

// All that was left of it is its traces: it had ended, and said how.
static int clear_up(struct group *g, const struct keep_group *k, struct fail *fail)
{
	const char *name = g->plan->spec.name, *const sockets[] = {"sock", "notify"};
	char path[RUNDIR_PATH_MAX];
	struct stale_found found;

	if (stale_remove(name, 0, &found, fail))
		return -1;
	for (unsigned i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (rundir_socket(path, name, sockets[i], fail) == 0)
			unlink(path);
	g->adopting = false;
	g->phase = KEEP_FINISHED;
	g->exit_status = (enum sup_exit)k->exit_status;
	say(name, "had ended before its supervisor was killed, with exit status %d: %s", (int)k->exit_status,
	    exits_text(k->exit_status) ? exits_text(k->exit_status) : "unknown");
	return 0;
}

static void restore(struct service *s)
{
	struct keep_service k;

	keep_get_service(s->group->keep, s->slot, &k);
	s->state = (unsigned)k.state < SVC_STATE_CNT ? k.state : SVC_WAITING;
	s->pid = k.pid;
	s->incarnation = k.incarnation;
	s->mourned = k.mourned;
	s->asked_signal = k.asked_signal;
	s->was_ready = k.was_ready;
	s->late = k.late;
	s->hung = k.hung;
	s->held = k.held;
	s->reserved = k.reserved;
	s->wanted_again = k.wanted_again;
	s->chaosed = k.chaosed;
	s->doomed = k.doomed;
	s->told_start = k.told_start;
	s->told_ready = k.told_ready;
	s->spawned_ns = k.spawned_ns;
	s->spawns = k.spawns;
	s->deaths = k.deaths;
	s->chaos_kills = k.chaos_kills;
	s->since_ns = k.since_ns;
	s->timer.due_ns = k.due_ns; // not set; adopt_go_on sets it
	s->history = k.history;
	s->last = k.last;
	s->hang = k.hang;
	s->watchdogs = k.watchdogs;
	memcpy(s->status, k.status, sizeof(s->status));
}

// Unlike shmchan_start_time also of a zombie.
static uint64_t start_time(pid_t pid)
{
	struct proc_stat s;

	return proc_stat_read(pid, &s) ? s.start_time : 0;
}

static bool is_child(int pidfd)
{
	siginfo_t info;

	return waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void died(struct service *s, const struct shmchan_slot_state *st)
{
	s->found = SERVICE_DIED;
	if (s->fate.si_code == 0 && st->exit_status >= 0) {
		s->fate.si_code = CLD_EXITED; // its own word; nobody else has one
		s->fate.si_status = st->exit_status;
	}
}

// A pid and a start time that are recorded: alive, dead, or another process by now.
static void find_recorded(struct service *s, const struct shmchan_slot_state *st)
{
	bool counted = s->incarnation == st->incarnation && s->pid == st->pid;
	int fd = pidfd_open(st->pid, 0);

	if (!counted)
		s->spawns++; // its supervisor was killed just before it would have
	if (s->incarnation != st->incarnation || s->state != SVC_READY)
		s->state = svc_has_process(s->state) ? s->state : SVC_STARTING;
	s->incarnation = st->incarnation;
	s->pid = st->pid;
	// Of a child the number can't have been given to another; otherwise the start time tells.
	if (fd >= 0 && (is_child(fd) || (st->start_time && start_time(st->pid) == st->start_time))) {
		if (s->mourned != s->incarnation && !fate_of(fd, s->pid, &s->fate)) {
			s->found = SERVICE_ALIVE;
			s->adopted = !is_child(fd);
			s->pidfd.fd = fd;
			return;
		}
		if (is_child(fd))
			waitid(P_PIDFD, (id_t)fd, &(siginfo_t){0}, WEXITED | WNOHANG);
	}
	if (fd >= 0)
		close(fd);
	died(s, st);
}

static void find(struct service *s)
{
	struct shmchan_slot_state st;

	shmchan_broker_slot(s->group->broker, s->slot, &st);
	switch (st.state) {
	case SHMCHAN_PROC_RUNNING:
	case SHMCHAN_PROC_DEAD:
		find_recorded(s, &st);
		break;
	case SHMCHAN_PROC_ANNOUNCED: // a process may be on its way; on_orphan finds it
		s->found = SERVICE_UNBORN;
		break;
	case SHMCHAN_PROC_FREE:
		if (!svc_has_process(s->state)) {
			s->pid = 0;
			break;
		}
		s->found = s->mourned == s->incarnation ? SERVICE_DIED : SERVICE_UNBORN;
		break;
	}
}

static bool on_orphan(void *group, const struct orphan *o)
{
	struct group *g = group;
	struct shmchan_slot_state st;
	struct service *s;

	if (o->slot < 1 || o->slot > g->service_cnt)
		return false;
	s = &g->services[o->slot - 1];
	if (o->spare)
		spare_orphan(s, o);
	shmchan_broker_slot(g->broker, o->slot, &st);
	if (s->found == SERVICE_UNBORN && st.state == SHMCHAN_PROC_ANNOUNCED && o->leads &&
	    o->incarnation == st.incarnation) {
		s->spawns++;
		s->incarnation = st.incarnation;
		s->pid = o->pid;
		s->state = svc_has_process(s->state) ? s->state : SVC_STARTING;
		s->found = SERVICE_ALIVE;
		s->adopted = true;
		s->pidfd.fd = o->pidfd;
		shmchan_broker_spawned(g->broker, s->slot, s->pid);
		return true;
	}
	// A child of a service that died: it was to go with it.
	if (s->found == SERVICE_DIED && getpgid(o->pid) == s->pid)
		pidfd_send_signal(o->pidfd, SIGKILL, NULL, 0);
	return false;
}

// An announced incarnation without a process. If it has attached, it did live; and it did not say goodbye.
static void settle_unborn(struct service *s)
{
	struct shmchan_slot_state st;

	shmchan_broker_slot(s->group->broker, s->slot, &st);
	if (st.state == SHMCHAN_PROC_ANNOUNCED && st.attached) {
		s->spawns++;
		s->incarnation = st.incarnation;
		s->state = svc_has_process(s->state) ? s->state : SVC_STARTING;
		died(s, &st);
		return;
	}
	shmchan_broker_recover(s->group->broker, s->slot, NULL, NULL);
	s->pid = 0;
	if (!svc_has_process(s->state))
		s->found = SERVICE_AS_KEPT; // what was about to start it does so again
	else if (s->mourned == s->incarnation)
		s->found = SERVICE_DIED; // its death was not yet judged
}

static void find_all(struct group *g)
{
	bool search = false;

	for (unsigned i = 0; i < g->service_cnt; i++) {
		restore(&g->services[i]);
		find(&g->services[i]);
		search |= g->services[i].found == SERVICE_UNBORN || g->services[i].found == SERVICE_DIED;
		search |= spare_find(&g->services[i]);
	}
	if (search)
		orphan_each(g->plan->spec.name, on_orphan, g);
	for (unsigned i = 0; i < g->service_cnt; i++) {
		if (g->services[i].found == SERVICE_UNBORN)
			settle_unborn(&g->services[i]);
		spare_found(&g->services[i]);
		service_keep(&g->services[i]);
	}
}

static void take_group(struct group *g, const struct keep_group *k)
{
	g->phase = KEEP_RUNNING;
	g->end = (unsigned)k->end <= GROUP_BROKEN ? (enum group_end)k->end : GROUP_BROKEN;
	g->stopping = k->stopping;
	g->signal = k->signal;
	g->begin_ns = k->begin_ns;
	g->end_ns = k->end_ns;
	g->random = k->random;
	g->chaos.random = k->chaos_random;
	g->broken = k->broken;
	g->adoptions = k->adoptions + !upgrade_is_going_on(g);
	g->upgrades = k->upgrades + upgrade_is_going_on(g);
	g->is_taken = true;
	memcpy(g->alert.on, k->alerts, sizeof(g->alert.on));
	for (unsigned i = 0; i < g->plan->strategy_cnt && i < KEEP_STRATEGY_MAX; i++)
		g->strategies[i] = k->strategies[i];
}

static int take_over(struct group *g, const struct keep_group *k, struct fail *fail)
{
	const char *name = g->plan->spec.name;
	struct shmchan_why why = {0};
	int rc = shmchan_group_fits(&g->plan->spec, &why);

	if (rc)
		return fail_set(fail, rc == SHMCHAN_ESYS || rc == SHMCHAN_ENOMEM ? SUP_SYSTEM : SUP_DIFFERS,
				"can't adopt group '%s': %s%s%s", name, why.object, why.object[0] ? ": " : "",
				why.text[0] ? why.text : shmchan_strerror(rc));
	rc = upgrade_is_going_on(g) ? shmchan_broker_resume(&g->broker, name, &why)
			 : shmchan_broker_adopt(&g->broker, name, &why);
	if (rc)
		return fail_set(fail, rc == SHMCHAN_EEXIST ? SUP_RUNNING : SUP_SYSTEM,
				"can't adopt group '%s': %s", name,
				why.text[0] ? why.text : shmchan_strerror(rc));
	take_group(g, k);
	events_keep(g->events, g->keep);
	find_all(g);
	group_keep(g);
	pins_follow(&g->launcher, name, getpid(), &(struct pins_seen){0});
	return 0;
}

int adopt_group(struct group *g, struct fail *fail)
{
	struct keep_group k;
	struct fail why;

	if (g->options->adopt == GROUP_ADOPT_NEVER && !g->handover)
		return 0;
	g->adopting = true;
	if (keep_open(&g->keep, g->plan->spec.name, &why)) {
		if (why.status == SUP_NO_GROUP)
			return nothing(g, fail);
		*fail = why;
		return -1;
	}
	keep_get_group(g->keep, &k);
	switch (k.phase) {
	case KEEP_RUNNING:
		return take_over(g, &k, fail);
	case KEEP_FINISHED:
		return clear_up(g, &k, fail);
	case KEEP_CREATING:
		break;
	default:
		return fail_set(fail, SUP_DIFFERS, "can't adopt group '%s': what its supervisor kept is damaged",
				g->plan->spec.name);
	}
	keep_close(g->keep); // it had not come to its first process: there is nothing to lose
	g->keep = NULL;
	return nothing(g, fail);
}

static void go_on_alive(struct service *s, uint64_t due_ns)
{
	struct shmchan_slot_state st;
	uint64_t now = loop_now();

	service_watch(s);
	shmchan_broker_slot(s->group->broker, s->slot, &st);
	if (s->asked_signal == SIGKILL)
		service_signal(s, SIGKILL); // kept before it was sent
	if (s->state == SVC_STOPPING || s->state == SVC_RESTARTING || s->state == SVC_RECALLED)
		service_terminate(s);
	else if (s->state == SVC_STARTING && (!s->plan->notifies || st.ready))
		service_feed(s, SVC_EV_READY);
	else if (s->state == SVC_STARTING && s->plan->ready_timeout_ns && !due_ns)
		due_ns = now + s->plan->ready_timeout_ns;
	if (due_ns && s->state != SVC_READY)
		service_set_timer(s, due_ns > now ? due_ns - now : 0);
}

static void go_on_service(struct service *s)
{
	uint64_t due_ns = s->timer.due_ns, now = loop_now();

	switch (s->found) {
	case SERVICE_ALIVE:
		go_on_alive(s, due_ns);
		break;
	case SERVICE_DIED:
		if (s->mourned != s->incarnation)
			service_mourn(s, &s->fate);
		service_bury(s);
		break;
	case SERVICE_UNBORN:
		s->pid = 0;
		s->state = SVC_BACKOFF; // its delay, if there was one, is over
		if (s->group->stopping)
			service_feed(s, SVC_EV_STOP);
		else
			service_set_timer(s, 0);
		break;
	case SERVICE_AS_KEPT:
		if (s->state == SVC_BACKOFF && !loop_timer_is_set(&s->timer))
			service_set_timer(s, due_ns > now ? due_ns - now : 0);
		break;
	}
	s->found = SERVICE_AS_KEPT;
}

void adopt_go_on(struct group *g)
{
	unsigned alive = 0, dead = 0;

	for (unsigned i = 0; i < g->service_cnt; i++) {
		alive += g->services[i].found == SERVICE_ALIVE;
		dead += g->services[i].found == SERVICE_DIED;
	}
	say(g->plan->spec.name, "%s: %u services run on, %u had died", upgrade_is_going_on(g) ? "upgraded" : "adopted", alive, dead);
	loop_timer_set(g->loop, &g->retry, 0); // answers that found no room
	// The living first: a death may take them along.
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (g->services[i].found == SERVICE_ALIVE)
			go_on_service(&g->services[i]);
	for (unsigned i = 0; i < g->service_cnt; i++)
		go_on_service(&g->services[i]);
	poison_adopted(g->poison);
	for (unsigned i = 0; i < g->service_cnt; i++)
		spare_settle(&g->services[i]);
	scale_resume(g);
	if (g->stopping)
		chaos_stop(&g->chaos);
}
