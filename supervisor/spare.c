#include "supervisor/spare.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/ctl.h"
#include "supervisor/group.h"
#include "supervisor/orphan.h"
#include "supervisor/say.h"

#define END_MS 10000
#define FREE 3 // deaths in a row after which the next is started at once
#define DELAY_FIRST_NS UINT64_C(10000000)
#define DOUBLINGS 8

static struct service *owner(struct spare *sp)
{
	return (struct service *)((char *)sp - offsetof(struct service, spare));
}

static void tell(struct service *s, const char *state)
{
	events_put(s->group->events, "spare",
		   json_pack("{s:s, s:i, s:s}", "service", s->plan->name, "pid", (int)s->spare.pid, "state", state));
}

static void forget(struct service *s)
{
	struct spare *sp = &s->spare;
	siginfo_t info;

	loop_unwatch(s->group->loop, &sp->pidfd);
	waitid(P_PIDFD, (id_t)sp->pidfd.fd, &info, WEXITED | WNOHANG); // of an adopted one: another's affair
	close(sp->pidfd.fd);
	sp->pidfd.fd = -1;
	sp->pid = 0;
	sp->adopted = sp->doomed = false;
	shmchan_broker_spare_gone(s->group->broker, s->slot);
}

static void again(struct service *s)
{
	struct spare *sp = &s->spare;
	unsigned n = sp->failed > FREE ? sp->failed - FREE - 1 : 0;

	loop_timer_set(s->group->loop, &sp->again,
		       sp->failed > FREE ? DELAY_FIRST_NS << (n < DOUBLINGS ? n : DOUBLINGS) : 0);
}

void spare_reap(struct service *s)
{
	struct spare *sp = &s->spare;
	bool died = !sp->doomed;
	siginfo_t info;

	// Its children. Of a child its own number is not free before it is reaped.
	if (waitid(P_PIDFD, (id_t)sp->pidfd.fd, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		kill(-sp->pid, SIGKILL);
	tell(s, died ? "died" : "ended");
	sp->failed += died;
	forget(s);
	if (died)
		again(s);
	else
		spare_settle(s);
	group_go_on_soon(s->group);
}

static void on_pidfd(struct loop_watch *w, short revents)
{
	spare_reap(owner((struct spare *)w));
}
_Static_assert(offsetof(struct spare, pidfd) == 0, "on_pidfd casts");

static void on_again(struct loop_timer *t)
{
	spare_settle(owner((struct spare *)((char *)t - offsetof(struct spare, again))));
}

void spare_init(struct service *s)
{
	s->spare = (struct spare){.pidfd = {-1, POLLIN, false, on_pidfd, 0}, .again = {on_again, 0, 0}};
}

static bool watch(struct service *s)
{
	siginfo_t info;

	if (loop_watch(s->group->loop, &s->spare.pidfd) == 0)
		return true;
	pidfd_send_signal(s->spare.pidfd.fd, SIGKILL, NULL, 0);
	waitid(P_PIDFD, (id_t)s->spare.pidfd.fd, &info, WEXITED); // nothing will tell of its end
	forget(s);
	return false;
}

static void start(struct service *s)
{
	struct group *g = s->group;
	struct spare *sp = &s->spare;
	unsigned no;
	int err;

	if (shmchan_broker_spare(g->broker, s->slot, &no)) {
		sp->failed++;
		again(s);
		return;
	}
	err = launch_spare(&g->launcher, &s->launch, no, &sp->pid, &sp->pidfd.fd);
	if (err) {
		sp->pidfd.fd = -1;
		sp->pid = 0;
		shmchan_broker_spare_gone(g->broker, s->slot);
		sp->failed++;
		again(s);
		if (err != sp->told)
			say(g->plan->spec.name, "can't start a spare of service '%s' from %s: %s%s%s%s; it is tried again",
		    s->plan->name, s->launch.path, s->launch.step ? "can't " : "",
		    s->launch.step ? s->launch.step : "", s->launch.step ? ": " : "", strerror(err));
		sp->told = err;
		return;
	}
	sp->told = 0;
	shmchan_broker_spare_spawned(g->broker, s->slot, sp->pid);
	if (watch(s))
		tell(s, "started");
}

static void end(struct service *s)
{
	struct spare *sp = &s->spare;

	loop_timer_cancel(s->group->loop, &sp->again);
	sp->failed = 0;
	if (sp->pidfd.fd < 0 || sp->doomed)
		return;
	sp->doomed = true;
	pidfd_send_signal(sp->pidfd.fd, SIGKILL, NULL, 0);
}

// Is the service to run, as the program that the spare was started from?
static bool is_wanted(const struct service *s)
{
	switch (s->state) {
	case SVC_WAITING:
	case SVC_STARTING:
	case SVC_READY:
	case SVC_BACKOFF:
	case SVC_RECALLED:
		return s->plan->spare && !s->group->stopping && !s->reserved && !s->held;
	case SVC_RESTARTING:
	case SVC_STOPPING:
	case SVC_STOPPED:
	case SVC_DONE:
	case SVC_FAILED:
	case SVC_STATE_CNT:
		break;
	}
	return false;
}

void spare_settle(struct service *s)
{
	if (!is_wanted(s))
		end(s);
	// Not before its service: what that dies of at its start, the spare would die of too.
	else if (s->state == SVC_READY && s->spare.pidfd.fd < 0 && !loop_timer_is_set(&s->spare.again))
		start(s);
}

static bool is_dead(int pidfd)
{
	struct pollfd p = {pidfd, POLLIN, 0};

	return poll(&p, 1, 0) != 0;
}

bool spare_is_there(const struct service *s)
{
	return s->spare.pidfd.fd >= 0 && !s->spare.doomed && is_wanted(s) && !is_dead(s->spare.pidfd.fd);
}

void spare_rouse(const struct service *s)
{
	if (s->spare.pidfd.fd >= 0 && !s->spare.doomed)
		shmchan_broker_spare_rouse(s->group->broker, s->slot);
}

bool spare_take(struct service *s)
{
	struct spare *sp = &s->spare;

	if (!spare_is_there(s) || shmchan_broker_spare_give(s->group->broker, s->slot))
		return false;
	sched_yield(); // what is left to do here is not what the service waits for
	loop_unwatch(s->group->loop, &sp->pidfd);
	s->pid = sp->pid;
	s->pidfd.fd = sp->pidfd.fd;
	s->adopted = sp->adopted;
	sp->pidfd.fd = -1;
	sp->pid = 0;
	sp->adopted = false;
	sp->failed = 0;
	return true;
}

json_t *spare_status(const struct service *s)
{
	struct shmchan_slot_state st;

	if (s->spare.pidfd.fd < 0)
		return NULL;
	shmchan_broker_slot(s->group->broker, s->slot, &st);
	return json_pack("{s:i, s:s, s:b}", "pid", (int)s->spare.pid, "state", st.spare_waits ? "spare" : "starting", "waits",
			 st.spare_waits);
}

bool spare_find(struct service *s)
{
	struct shmchan_slot_state st;
	struct spare *sp = &s->spare;
	siginfo_t info;
	int fd;

	shmchan_broker_slot(s->group->broker, s->slot, &st);
	if (!st.spare)
		return false;
	if (!st.spare_pid)
		return true;
	fd = pidfd_open(st.spare_pid, 0);
	// Opened before its start time was read: of the process that has it.
	if (fd < 0 || !st.spare_start || shmchan_start_time(st.spare_pid) != st.spare_start) {
		if (fd >= 0)
			close(fd);
		shmchan_broker_spare_gone(s->group->broker, s->slot);
		return false;
	}
	sp->pid = st.spare_pid;
	sp->pidfd.fd = fd;
	sp->adopted = waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
	watch(s);
	return false;
}

void spare_orphan(struct service *s, const struct orphan *o)
{
	struct shmchan_slot_state st;
	struct pollfd p = {o->pidfd, POLLIN, 0};

	shmchan_broker_slot(s->group->broker, s->slot, &st);
	if (st.spare_pid || o->spare != st.spare || o->pid == st.pid)
		return;
	pidfd_send_signal(o->pidfd, SIGKILL, NULL, 0);
	poll(&p, 1, END_MS);
}

void spare_found(struct service *s)
{
	if (s->spare.pidfd.fd < 0)
		shmchan_broker_spare_gone(s->group->broker, s->slot);
}
