#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/group.h"
#include "supervisor/handover.h"
#include "supervisor/say.h"

#define ASK_NS UINT64_C(10000000000)
#define GUARD_NS (GUARD_LIMIT_S * UINT64_C(1000000000)) // for it to begin, and to end
#define SAID_MAX 4096

extern char **environ;

const char *upgrade_self(void)
{
	static char path[PATH_MAX];
	const char *name = (const char *)getauxval(AT_EXECFN);
	size_t len;

	if (name && strcmp(name, GUARD_SELF) == 0)
		name = program_invocation_name;
	if (path[0] || !name)
		return path;
	if (name[0] != '/' && getcwd(path, sizeof(path) - 1)) {
		len = strlen(path);
		path[len] = '/';
		path[len + 1] = 0;
	}
	strncat(path, name, sizeof(path) - strlen(path) - 1);
	return path;
}

static void end(struct group *g, const char *why)
{
	struct upgrade *u = &g->upgrade;

	snprintf(u->why, sizeof(u->why), "can't upgrade to %.200s: %.150s", u->binary, why);
	loop_timer_cancel(g->loop, &u->timer);
	if (u->guard.socket.fd >= 0)
		guard_kill(&u->guard, g->loop);
	u->agreed = u->guarded = false;
	u->cnt++;
	say(g->plan->spec.name, "%s; this shmsup goes on", u->why);
	events_put(g->events, "upgrade", json_pack("{s:s, s:s}", "binary", u->binary, "refused", why));
	group_go_on_soon(g);
}

// ------------------------------------------------------------------------------------------------ asking

static void on_late(struct loop_timer *t)
{
	struct upgrade *u = (struct upgrade *)((char *)t - offsetof(struct upgrade, timer));

	u->late = true;
	kill(-u->pid, SIGKILL);
}

// The command line of the group, for another command.
static char **words_for(const struct group *g, const char *binary, const char *command, bool adopt)
{
	int argc = g->options->argc, n = 0;
	char **words = calloc((size_t)argc + 2, sizeof(*words));

	if (!words)
		return NULL;
	words[n++] = (char *)binary;
	words[n++] = (char *)command;
	if (adopt)
		words[n++] = "--adopt";
	for (int i = 2; i < argc; i++)
		words[n++] = g->options->argv[i];
	return words;
}

// What a supervisor of this one has set is not the child's: it must not speak for this process.
static char **environ_of_child(void)
{
	size_t cnt = 0, n = 0;
	char **out;

	while (environ[cnt])
		cnt++;
	out = calloc(cnt + 1, sizeof(*out));
	for (char **e = environ; out && *e; e++)
		if (strncmp(*e, "NOTIFY_SOCKET=", 14) != 0 && strncmp(*e, "WATCHDOG_", 9) != 0)
			out[n++] = *e;
	return out;
}

static int ask(struct group *g, int out)
{
	char **words = words_for(g, g->upgrade.binary, "fits", false), **env = environ_of_child();
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	if (err || !words || !env) {
		err = err ? err : ENOMEM;
	} else if (!(err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) &&
		   !(err = posix_spawn_file_actions_adddup2(&files, out, 1)) &&
		   !(err = posix_spawn_file_actions_adddup2(&files, out, 2)) &&
		   !(err = posix_spawn_file_actions_addclosefrom_np(&files, 3))) {
		err = posix_spawn(&g->upgrade.pid, g->upgrade.binary, &files, &g->launcher.attr, words, env);
	}
	posix_spawn_file_actions_destroy(&files);
	free(words);
	free(env);
	return err;
}

int upgrade_begin(struct group *g, const char *binary, struct fail *fail)
{
	struct upgrade *u = &g->upgrade;
	int pipe_of[2], err;

	binary = binary ? binary : upgrade_self();
	if (upgrade_is_pending(g))
		return fail_set(fail, SUP_REFUSED, "an upgrade is under way already");
	if (g->stopping)
		return fail_set(fail, SUP_REFUSED, "can't upgrade: the group is stopping");
	if (binary[0] != '/' || strlen(binary) >= sizeof(u->binary))
		return fail_set(fail, SUP_REFUSED, "can't upgrade to '%.200s': it must be an absolute path", binary);
	strcpy(u->binary, binary);
	if (pipe2(pipe_of, O_CLOEXEC))
		return fail_set(fail, SUP_REFUSED, "can't upgrade: can't make a pipe: %s", strerror(errno));
	fcntl(pipe_of[0], F_SETFL, O_NONBLOCK);
	u->out = pipe_of[0];
	u->late = false;
	err = ask(g, pipe_of[1]);
	close(pipe_of[1]);
	if (err) {
		close(u->out);
		u->pid = 0;
		return fail_set(fail, SUP_REFUSED, "can't upgrade to %.200s: %s; this shmsup goes on", binary,
				strerror(err));
	}
	u->timer.fire = on_late;
	loop_timer_set(g->loop, &u->timer, ASK_NS);
	return 0;
}

// ------------------------------------------------------------------------------------------------ its guardian

static void on_guard_late(struct loop_timer *t)
{
	struct upgrade *u = (struct upgrade *)((char *)t - offsetof(struct upgrade, timer));

	kill(u->guard.pid, SIGKILL);
}

static void on_guard(struct loop_watch *w, short revents)
{
	struct upgrade *u = (struct upgrade *)((char *)w - offsetof(struct upgrade, guard.socket));
	struct group *g = (struct group *)((char *)u - offsetof(struct group, upgrade));
	char said[GUARD_SAID_MAX], why[GUARD_SAID_MAX + 80];

	u->guarded = guard_read(&u->guard, said);
	loop_unwatch(g->loop, w);
	loop_timer_cancel(g->loop, &u->timer);
	snprintf(why, sizeof(why), "this shmsup could not take the group back if that failed: %s", said);
	if (!u->guarded)
		end(g, why);
}

static void agree(struct group *g)
{
	struct upgrade *u = &g->upgrade;
	char **words = words_for(g, upgrade_self(), "guard", false), why[160];
	int err = words ? 0 : ENOMEM;

	u->agreed = true;
	u->guarded = getpid() == 1;
	if (!err && !u->guarded)
		err = guard_start(&u->guard, g->loop, &g->launcher.attr, words, on_guard);
	free(words);
	u->timer.fire = on_guard_late;
	if (!err && !u->guarded)
		err = loop_timer_set(g->loop, &u->timer, GUARD_NS);
	snprintf(why, sizeof(why), "its guardian can't be started: %s", strerror(err));
	if (err)
		end(g, why);
}

static bool reap_guard(struct group *g, pid_t pid)
{
	struct upgrade *u = &g->upgrade;

	if (!u->guard.pid || pid != u->guard.pid)
		return false;
	waitpid(pid, NULL, WNOHANG);
	u->guard.pid = 0;
	if (u->guard.socket.fd >= 0)
		return true; // on_guard hears the end of the connection
	loop_timer_cancel(g->loop, &u->timer);
	tell_release(&g->tell);
	group_go_on_soon(g);
	return true;
}

// From here on this process has the group, and says so when the guardian has made it the main one.
static void release(struct group *g)
{
	struct upgrade *u = &g->upgrade;

	guard_release(&u->guard, g->loop);
	u->timer.fire = on_guard_late;
	if (u->guard.pid)
		loop_timer_set(g->loop, &u->timer, GUARD_NS);
}

bool upgrade_is_pending(const struct group *g)
{
	return g->upgrade.pid || g->upgrade.agreed || g->upgrade.guard.pid;
}

// ------------------------------------------------------------------------------------------------ the answer

// The last line of what it said: an object, or one for people.
static char *last_line(char *said, size_t len)
{
	char *line = said;

	while (len && said[len - 1] == '\n')
		len--;
	said[len] = 0;
	for (char *p = said; *p; p++)
		if (*p == '\n')
			line = p + 1;
	return line;
}

static void judge(struct group *g, const siginfo_t *info, char *line)
{
	struct svc_death death = {.code = info->si_code, .status = info->si_status};
	json_t *o = json_loads(line, 0, NULL);
	const char *group = json_string_value(json_object_get(o, "fits"));
	json_int_t version = json_integer_value(json_object_get(o, "handover"));
	char text[160], how[96];

	service_death_text(&death, how, sizeof(how));
	if (g->upgrade.late)
		end(g, "it was asked whether it can take the group over, and did not answer within 10 s");
	else if (strncmp(line, "shmsup: ", 8) == 0)
		end(g, line + 8);
	else if (info->si_code == CLD_EXITED && info->si_status == 0 && group &&
		 strcmp(group, g->plan->spec.name) == 0 && version == HANDOVER_VERSION)
		agree(g);
	else if (group)
		end(g, "it takes over in another way than this shmsup hands over: stop the group, or kill its supervisor and "
		       "let the other adopt it");
	else {
		snprintf(text, sizeof(text), "it is no shmsup that can take over: asked for that, it %s", how);
		end(g, text);
	}
	json_decref(o);
}

bool upgrade_reap(struct group *g, pid_t pid)
{
	struct upgrade *u = &g->upgrade;
	char said[SAID_MAX + 1];
	size_t len = 0;
	siginfo_t info;
	ssize_t n;

	if (!u->pid || pid != u->pid)
		return reap_guard(g, pid);
	kill(-pid, SIGKILL); // children that it may have left
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG))
		return false;
	u->pid = 0;
	loop_timer_cancel(g->loop, &u->timer);
	while ((n = read(u->out, said + len, SAID_MAX - len)) > 0) {
		len += (size_t)n;
		if (len == SAID_MAX) // what counts is the end
			memmove(said, said + SAID_MAX / 2, len = SAID_MAX / 2);
	}
	close(u->out);
	judge(g, &info, last_line(said, len));
	return true;
}

void upgrade_end(struct group *g)
{
	struct upgrade *u = &g->upgrade;

	if (u->guard.socket.fd >= 0)
		guard_kill(&u->guard, g->loop);
	else if (u->guard.pid)
		guard_await(&u->guard);
	if (!u->pid && !u->guard.pid)
		return;
	u->guard.pid = 0;
	loop_timer_cancel(g->loop, &u->timer);
	if (!u->pid)
		return;
	kill(-u->pid, SIGKILL);
	waitpid(u->pid, NULL, 0);
	close(u->out);
	u->pid = 0;
}

// ------------------------------------------------------------------------------------------------ going on as it

static bool has_adopt(const struct group *g)
{
	for (int i = 1; i < g->options->argc; i++)
		if (strcmp(g->options->argv[i], "--adopt") == 0 || strcmp(g->options->argv[i], "adopt") == 0)
			return true;
	return false;
}

static int hand_over(struct group *g, struct handover *h)
{
	const struct upgrade *u = &g->upgrade;
	json_t *lock = handover_fd(h, g->lock), *notify = handover_fd(h, notify_fd(g->notify));
	json_t *guard = json_pack("{s:i, s:o}", "pid", (int)u->guard.pid, "socket", handover_fd(h, u->guard.socket.fd));

	return handover_write(h, json_pack("{s:s, s:o, s:o, s:b, s:s, s:I, s:o, s:o}", "group", g->plan->spec.name, "lock", lock,
					   "notify", notify, "ready", g->tell.ready, "binary", u->binary, "attempts",
					   (json_int_t)u->cnt, "guard", guard, "control", control_hand_over(g->control, h)));
}

// First the guardian has all that it needs, then it is the main process: a death in between is either this one's or the guardian's to
// tell of.
static int hand_to_guard(struct group *g, const struct handover *h)
{
	int err = g->upgrade.guard.socket.fd < 0 ? 0 : handover_to_process(h, g->upgrade.guard.socket.fd);

	if (!err && g->upgrade.guard.pid) {
		tell_main(&g->tell, g->upgrade.guard.pid);
		tell_hold(&g->tell);
	}
	return err;
}

static int become(struct group *g)
{
	char **words = words_for(g, g->upgrade.binary, g->options->argv[1], !has_adopt(g));
	struct handover *h = handover_new();
	int err = words && h ? hand_over(g, h) : ENOMEM;

	if (!err) {
		tell_reloading(&g->tell);
		err = hand_to_guard(g, h);
	}
	if (!err && !(err = handover_to_execve(h))) {
		execv(g->upgrade.binary, words);
		err = errno;
	}
	if (h)
		handover_abandon(h);
	release(g);
	if (g->tell.ready)
		tell_ready_again(&g->tell);
	handover_delete(h);
	free(words);
	return err;
}

void upgrade_go_on(struct group *g)
{
	if (g->gives_way)
		guard_give_way(g);
	if (!g->upgrade.guarded)
		return;
	if (g->stopping) {
		end(g, "the group is stopping");
		return;
	}
	events_put(g->events, "upgrade", json_pack("{s:s}", "binary", g->upgrade.binary));
	say_live(NULL);
	for (unsigned i = 0; i < g->service_cnt; i++)
		service_keep(&g->services[i]);
	group_keep(g);
	end(g, strerror(become(g)));
}

bool upgrade_is_going_on(const struct group *g)
{
	return g->handover && !handover_is_second(g->handover);
}

void upgrade_take(struct group *g)
{
	const json_t *o = g->handover ? handover_json(g->handover) : NULL, *guard = json_object_get(o, "guard");
	const char *binary = json_string_value(json_object_get(o, "binary"));
	struct upgrade *u = &g->upgrade;

	if (!o)
		return;
	u->cnt = (unsigned)json_integer_value(json_object_get(o, "attempts"));
	snprintf(u->binary, sizeof(u->binary), "%s", binary ? binary : "");
	if (handover_is_second(g->handover)) {
		tell_main(&g->tell, getpid());
	} else {
		json_int_t pid = json_integer_value(json_object_get(guard, "pid"));

		u->guard.pid = pid > 1 && pid <= INT32_MAX ? (pid_t)pid : 0;
		u->guard.socket.fd = handover_take_fd(g->handover, json_object_get(guard, "socket"));
		if (u->guard.pid)
			tell_hold(&g->tell);
	}
	if (json_is_true(json_object_get(o, "ready")))
		tell_ready_again(&g->tell);
}

void upgrade_taken(struct group *g)
{
	if (g->options->stand_in)
		end(g, g->options->stand_in->why);
	else
		release(g);
}

// ------------------------------------------------------------------------------------------------ the child

int upgrade_check(struct plan *plan, const char *report_file, struct fail *fail)
{
	struct launcher launcher;
	struct shmchan_why why = {0};
	struct launch launch;
	struct keep *keep;
	int rc = launcher_init(&launcher);

	if (rc)
		return fail_set(fail, SUP_SYSTEM, "can't prepare the start of processes: %s", strerror(rc));
	rc = launcher_plan(&launcher, plan, fail);
	launcher_fini(&launcher);
	for (unsigned i = 0; !rc && i < plan->spec.service_cnt; i++)
		rc = launch_prepare(&launch, plan, i, "", &plan->arena, fail);
	if (rc || (report_file && report_check_file(report_file, fail)) || keep_open(&keep, plan->spec.name, fail))
		return -1;
	keep_close(keep);
	rc = shmchan_group_fits(&plan->spec, &why);
	return rc ? fail_set(fail, SUP_DIFFERS, "%s%s%s", why.object, why.object[0] ? ": " : "",
			     why.text[0] ? why.text : shmchan_strerror(rc))
		  : 0;
}

enum sup_exit upgrade_fits(struct plan *plan, const char *report_file)
{
	struct fail fail;

	if (upgrade_check(plan, report_file, &fail)) {
		say(NULL, "%s", fail.text);
		return fail.status;
	}
	printf("{\"fits\":\"%s\",\"handover\":%d}\n", plan->spec.name, HANDOVER_VERSION);
	return SUP_OK;
}
