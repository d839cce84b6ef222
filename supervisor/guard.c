#include "supervisor/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/group.h"
#include "supervisor/link.h"
#include "supervisor/say.h"

extern char **environ;

#define HAS_IT "k"
#define END_MS 1000

// ------------------------------------------------------------------------------------------------ the supervisor's end

static int spawn(pid_t *pid, const posix_spawnattr_t *attr, char **words, int socket)
{
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return err;
	if (!(err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) &&
	    !(err = posix_spawn_file_actions_adddup2(&files, socket, GUARD_SOCKET)) &&
	    !(err = posix_spawn_file_actions_addclosefrom_np(&files, GUARD_SOCKET + 1)))
		err = posix_spawn(pid, GUARD_SELF, &files, attr, words, environ);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

int guard_start(struct guard *g, struct loop *l, const posix_spawnattr_t *attr, char **words,
		void (*ready)(struct loop_watch *w, short revents))
{
	int ends[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return errno;
	g->socket = (struct loop_watch){ends[0], POLLIN, false, ready, 0};
	err = spawn(&g->pid, attr, words, ends[1]);
	close(ends[1]);
	if (err)
		g->pid = 0;
	else
		err = loop_watch(l, &g->socket);
	if (err)
		guard_kill(g, l);
	return err;
}

bool guard_read(struct guard *g, char said[GUARD_SAID_MAX])
{
	ssize_t n = recv(g->socket.fd, said, GUARD_SAID_MAX - 1, MSG_DONTWAIT);

	said[n > 0 ? n : 0] = 0;
	if (n == 1 && said[0] == 0)
		return true;
	if (n <= 0)
		strcpy(said, "it died");
	return false;
}

static void hang_up(struct guard *g, struct loop *l)
{
	loop_unwatch(l, &g->socket);
	if (g->socket.fd >= 0)
		close(g->socket.fd);
	g->socket.fd = -1;
}

void guard_release(struct guard *g, struct loop *l)
{
	if (g->socket.fd >= 0)
		send(g->socket.fd, HAS_IT, 1, MSG_NOSIGNAL); // if it is gone, so much the better
	hang_up(g, l);
}

void guard_await(struct guard *g)
{
	struct pollfd p = {pidfd_open(g->pid, 0), POLLIN, 0};

	poll(&p, 1, END_MS);
	if (p.fd >= 0)
		close(p.fd);
	kill(g->pid, SIGKILL);
	waitpid(g->pid, NULL, 0);
	g->pid = 0;
}

void guard_kill(struct guard *g, struct loop *l)
{
	hang_up(g, l);
	if (g->pid) {
		kill(g->pid, SIGKILL);
		waitpid(g->pid, NULL, 0);
	}
	g->pid = 0;
}

// ------------------------------------------------------------------------------------------------ the guardian

enum outcome { WAITING, HAD, ENDED };

struct watcher {
	struct loop *loop;
	struct loop_watch socket, supervisor; // its pidfd
	struct loop_timer limit;
	struct tell tell;
	enum outcome outcome;
	bool late;
};

static void on_word(struct loop_watch *w, short revents)
{
	struct watcher *me = (struct watcher *)((char *)w - offsetof(struct watcher, socket));
	char word;

	if (recv(w->fd, &word, 1, MSG_DONTWAIT) == 1 && word == HAS_IT[0])
		me->outcome = HAD;
	else
		loop_unwatch(me->loop, w); // it has let go of it without a word: its end will tell
}

static void on_end(struct loop_watch *w, short revents)
{
	struct watcher *me = (struct watcher *)((char *)w - offsetof(struct watcher, supervisor));

	me->outcome = ENDED;
}

static void on_limit(struct loop_timer *t)
{
	struct watcher *me = (struct watcher *)((char *)t - offsetof(struct watcher, limit));

	if (me->outcome != WAITING)
		return;
	me->late = true;
	pidfd_send_signal(me->supervisor.fd, SIGKILL, NULL, 0);
}

// A name in WATCHDOG_PID is that of the main process.
static void take_watchdog(pid_t supervisor)
{
	const char *pid = getenv("WATCHDOG_PID");
	char own[16];

	if (!pid || strtol(pid, NULL, 10) != (long)supervisor)
		return;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	setenv("WATCHDOG_PID", own, 1);
}

static int wait_for_end(struct watcher *me, const struct group_options *options, int pidfd)
{
	int err = loop_new(&me->loop, options->loop);

	if (err)
		return err;
	me->socket = (struct loop_watch){GUARD_SOCKET, POLLIN, true, on_word, 0};
	me->supervisor = (struct loop_watch){pidfd, POLLIN, false, on_end, 0};
	me->limit.fire = on_limit;
	tell_open(&me->tell, me->loop);
	if (!(err = loop_watch(me->loop, &me->socket)) && !(err = loop_watch(me->loop, &me->supervisor)))
		err = loop_timer_set(me->loop, &me->limit, GUARD_LIMIT_S * UINT64_C(1000000000));
	while (!err && me->outcome == WAITING)
		err = loop_turn(me->loop, UINT64_MAX);
	return err;
}

static void how_it_ended(const struct watcher *me, pid_t pid, char *out, size_t size)
{
	struct svc_death d = {0};
	char text[96] = "died";
	siginfo_t info;

	if (fate_of(me->supervisor.fd, pid, &info) && info.si_code) {
		d.code = info.si_code;
		d.status = info.si_status;
		service_death_text(&d, text, sizeof(text));
	}
	if (me->late)
		snprintf(text, sizeof(text), "did not take it over within %d s and was killed", GUARD_LIMIT_S);
	snprintf(out, size, "it said that it can take the group over, but %s; pid %d has the group now", text,
		 (int)getpid());
}

void guard_refuse(const struct fail *fail)
{
	send(GUARD_SOCKET, fail->text, strlen(fail->text), MSG_NOSIGNAL);
}

// Before the supervisor is told that this process is ready, nothing is its own.
static struct handover *prepare(struct plan *plan, const struct group_options *options, pid_t supervisor)
{
	struct fail fail;

	if (upgrade_check(plan, options->report_file, &fail)) {
		guard_refuse(&fail);
		return NULL;
	}
	return send(GUARD_SOCKET, "", 1, MSG_NOSIGNAL) == 1 ? handover_receive_second(GUARD_SOCKET, supervisor) : NULL;
}

enum sup_exit guard_run(struct plan *plan, struct group_options *options)
{
	pid_t supervisor = getppid();
	int pidfd = pidfd_open(supervisor, 0), err;
	struct stand_in stand_in = {.handover = pidfd < 0 ? NULL : prepare(plan, options, supervisor)};
	struct watcher me = {.tell = {.fd = -1}};

	if (!stand_in.handover)
		return SUP_OK; // there was no upgrade
	take_watchdog(supervisor);
	err = wait_for_end(&me, options, pidfd);
	if (me.outcome == HAD)
		tell_main(&me.tell, supervisor);
	else if (!err)
		how_it_ended(&me, supervisor, stand_in.why, sizeof(stand_in.why));
	tell_close(&me.tell);
	loop_delete(me.loop);
	close(pidfd);
	close(GUARD_SOCKET);
	if (err)
		say(plan->spec.name, "the guardian of its upgrade can't wait: %s", strerror(err));
	if (err || me.outcome == HAD) {
		handover_delete(stand_in.handover);
		return SUP_OK;
	}
	options->stand_in = &stand_in;
	options->adopt = GROUP_ADOPT_ONLY;
	return group_run(plan, options);
}

// ------------------------------------------------------------------------------------------------ giving way

void guard_ask(const char *group)
{
	json_t *reply;
	struct link l;

	link_ask(&l, group, json_pack("{s:s}", "verb", "give-way"), true, &reply);
	json_decref(reply);
}

void guard_give_way(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++)
		service_keep(&g->services[i]);
	group_keep(g);
	say(g->plan->spec.name, "gives way to the shmsup that has been started");
	_exit(SUP_OK);
}
