#include "supervisor/launch.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/seg.h"

extern char **environ;

int launcher_init(struct launcher *l)
{
	sigset_t none, all;
	int err;

	memset(l->filters, 0, sizeof(l->filters));
	l->stack = NULL;
	err = posix_spawn_file_actions_init(&l->files);

	if (err)
		return err;
	err = posix_spawnattr_init(&l->attr);
	if (err) {
		posix_spawn_file_actions_destroy(&l->files);
		return err;
	}
	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	if ((err = posix_spawn_file_actions_addopen(&l->files, 0, "/dev/null", O_RDONLY, 0)) ||
	    (err = posix_spawn_file_actions_addclosefrom_np(&l->files, 3)) ||
	    (err = posix_spawnattr_setsigmask(&l->attr, &none)) ||
	    (err = posix_spawnattr_setsigdefault(&l->attr, &all)) ||
	    (err = posix_spawnattr_setflags(&l->attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							      POSIX_SPAWN_SETSID)))
		launcher_fini(l);
	return err;
}

void launcher_fini(struct launcher *l)
{
	posix_spawn_file_actions_destroy(&l->files);
	posix_spawnattr_destroy(&l->attr);
	for (unsigned i = 0; i <= TOPO_SECCOMP_STRICT; i++)
		filter_free(&l->filters[i]);
	free(l->stack);
}

// What only root may do, told before anything is started.
static const char *needs_root(const struct plan_confine *c)
{
	return c->has_user ? "user" : c->caps ? "capabilities" : c->has_nice && c->nice < 0 ? "nice" : NULL;
}

int launcher_plan(struct launcher *l, const struct plan *plan, struct fail *fail)
{
	bool any = false;

	for (unsigned i = 0; i < plan->spec.service_cnt; i++) {
		const struct plan_confine *c = &plan->services[i].confine;
		struct filter *f = &l->filters[c->seccomp];

		if (geteuid() != 0 && needs_root(c))
			return fail_set(fail, SUP_PROGRAM, "service '%s': '%s' needs a supervisor that is root",
					plan->services[i].name, needs_root(c));
		any |= c->any || plan->services[i].heartbeat_ns;
		if (c->seccomp != TOPO_SECCOMP_OFF && !f->prog.len && filter_make(f, c->seccomp, fail))
			return -1;
	}
	l->stack = any ? aligned_alloc(64, CONFINE_STACK) : NULL;
	return any && !l->stack ? fail_set(fail, SUP_SYSTEM, "no memory for the start of services") : 0;
}

static int usable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : EACCES;
	return access(path, X_OK) ? errno : 0;
}

static const char *own_folder(struct arena *a)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? arena_strndup(a, path, (size_t)len) : "./";
}

const char *launch_find(const char *command, struct arena *a, struct fail *fail)
{
	const char *folder, *path, *list = getenv("PATH");
	int err;

	if (strchr(command, '/')) {
		err = usable(command);
		if (!err)
			return arena_strndup(a, command, strlen(command));
		fail_set(fail, SUP_PROGRAM, "program '%s' can't be started: %s", command, strerror(err));
		return NULL;
	}
	folder = own_folder(a);
	path = arena_printf(a, "%s%s", folder, command);
	if (usable(path) == 0)
		return path;
	for (list = list ? list : "/usr/bin:/bin"; *list; list += strcspn(list, ":"), list += *list == ':') {
		int len = (int)strcspn(list, ":");

		path = arena_printf(a, "%.*s/%s", len, len ? list : ".", command);
		if (usable(path) == 0)
			return path;
	}
	fail_set(fail, SUP_PROGRAM, "program '%s' is neither in %s nor in PATH", command, folder);
	return NULL;
}

static bool has_slot(const unsigned *slots, unsigned cnt, unsigned slot)
{
	while (cnt && slots[cnt - 1] != slot)
		cnt--;
	return cnt > 0;
}

static bool ours(const char *var)
{
	return strncmp(var, "SHMCHAN_", 8) == 0 || strncmp(var, "NOTIFY_SOCKET=", 14) == 0 ||
	       strncmp(var, "WATCHDOG_", 9) == 0; // of shmsup itself
}

static bool overridden(const struct plan_service *s, const char *var)
{
	size_t len = strcspn(var, "=") + 1;

	for (unsigned i = 0; i < s->env_cnt; i++)
		if (strncmp(s->env[i], var, len) == 0)
			return true;
	return false;
}

// The segments that a service may open, as files, and SHMCHAN_FDS, which names them: "NAME:FD,...", the control segment
// without a name. Both ends of a channel write to it, and so do all users of a pool, for each says in it what it has;
// so all are writable.
static char *make_files(struct confine *out, const struct plan *plan, unsigned slot, struct arena *a)
{
	const struct shmchan_group_spec *g = &plan->spec;
	struct confine_file *files = arena_alloc(a, g->chan_cnt + g->pool_cnt + 1, sizeof(*files));
	const char **names = arena_alloc(a, g->chan_cnt + g->pool_cnt + 1, sizeof(*names));
	unsigned n = 1;
	size_t used;
	char *env;

	names[0] = NULL;
	for (unsigned i = 0; i < g->chan_cnt; i++)
		if (has_slot(g->chans[i].producers, g->chans[i].producer_cnt, slot) ||
		    has_slot(g->chans[i].consumers, g->chans[i].consumer_cnt, slot))
			names[n++] = g->chans[i].name;
	for (unsigned i = 0; i < g->pool_cnt; i++)
		if (has_slot(g->pools[i].users, g->pools[i].user_cnt, slot))
			names[n++] = g->pools[i].name;
	env = arena_alloc(a, n + 1, SHMCHAN_NAME_MAX + 12);
	used = (size_t)sprintf(env, "SHMCHAN_FDS=");
	for (unsigned i = 0; i < n; i++) {
		char name[SHMCHAN_SEG_NAME_MAX];

		shmchan_seg_name(name, g->name, names[i]);
		files[i] = (struct confine_file){arena_printf(a, "/dev/shm%s", name), true};
		used += (size_t)sprintf(env + used, "%s%s:%u", i ? "," : "", names[i] ? names[i] : "", 3 + i);
	}
	out->files = files;
	out->file_cnt = n;
	return env;
}

int launch_prepare(struct launch *out, const struct plan *plan, unsigned index, const char *notify_path,
		   struct arena *a, struct fail *fail)
{
	const struct plan_service *s = &plan->services[index];
	unsigned cnt = 0, n = 0;
	struct fail why;

	out->path = launch_find(s->command, a, &why);
	if (!out->path)
		return fail_set(fail, why.status, "service '%s': %s", s->name, why.text);
	while (environ[cnt])
		cnt++;
	out->argv = s->argv;
	out->out = -1;
	out->step = NULL;
	out->spare = NULL;
	out->confine = (struct confine){.plan = &s->confine};
	out->envp = arena_alloc(a, cnt + s->env_cnt + 9, sizeof(*out->envp));
	for (char **e = environ; *e; e++)
		if (!ours(*e) && !overridden(s, *e))
			out->envp[n++] = *e;
	for (unsigned i = 0; i < s->env_cnt; i++)
		out->envp[n++] = s->env[i];
	out->envp[n++] = arena_printf(a, "SHMCHAN_GROUP=%s", plan->spec.name);
	out->envp[n++] = arena_printf(a, "SHMCHAN_SLOT=%u", index + 1);
	out->envp[n++] = arena_printf(a, "NOTIFY_SOCKET=%s", notify_path);
	if (s->heartbeat_ns) {
		out->envp[n++] = arena_printf(a, "WATCHDOG_USEC=%llu", (unsigned long long)(s->heartbeat_ns / 1000));
		out->envp[n] = arena_printf(a, "WATCHDOG_PID=%0*d", CONFINE_PID_ROOM - 1, 0);
		out->confine.pid_text = strchr(out->envp[n++], '=') + 1;
	}
	if (s->spare) {
		out->envp[n] = arena_printf(a, "SHMCHAN_SPARE=%010u", 0);
		out->spare = strchr(out->envp[n++], '=') + 1;
		snprintf(out->spare, 11, "%u", 0); // as long as it can become
	}
	if (s->confine.any)
		out->envp[n++] = make_files(&out->confine, plan, index + 1, a);
	out->envp[n] = arena_printf(a, "SHMCHAN_INCARNATION=%010u", 0);
	out->incarnation = strchr(out->envp[n], '=') + 1;
	return 0;
}

static int spawn_to(const struct launcher *l, const struct launch *s, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	int err = posix_spawn_file_actions_init(&files);

	if (err)
		return err;
	if (!(err = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) &&
	    !(err = posix_spawn_file_actions_adddup2(&files, s->out, 1)) &&
	    !(err = posix_spawn_file_actions_adddup2(&files, s->out, 2)) &&
	    !(err = posix_spawn_file_actions_addclosefrom_np(&files, 3)))
		err = posix_spawn(pid, s->path, &files, &l->attr, s->argv, s->envp);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

static int spawn_confined(const struct launcher *l, struct launch *s, pid_t *pid, int *pidfd)
{
	s->confine.filter = &l->filters[s->confine.plan->seccomp];
	s->confine.stack = l->stack;
	return confine_spawn(&s->confine, s->path, s->argv, s->envp, s->out, pid, pidfd, &s->step);
}

int launch_spawn(const struct launcher *l, struct launch *s, unsigned incarnation, pid_t *pid, int *pidfd)
{
	int err;

	s->step = NULL;
	snprintf(s->incarnation, 11, "%u", incarnation);
	if (s->confine.plan->any || s->confine.pid_text)
		return spawn_confined(l, s, pid, pidfd);
	err = s->out >= 0 ? spawn_to(l, s, pid)
			  : posix_spawn(pid, s->path, &l->files, &l->attr, s->argv, s->envp);
	if (err)
		return err;
	*pidfd = pidfd_open(*pid, 0);
	if (*pidfd >= 0)
		return 0;
	// Without a pidfd its death would never be seen.
	err = errno;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	return err;
}

int launch_spare(const struct launcher *l, struct launch *s, unsigned number, pid_t *pid, int *pidfd)
{
	int err;

	snprintf(s->spare, 11, "%u", number);
	err = launch_spawn(l, s, 0, pid, pidfd);
	snprintf(s->spare, 11, "%u", 0);
	return err;
}
