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

extern char **environ;

int launcher_init(struct launcher *l)
{
	sigset_t none, all;
	int err = posix_spawn_file_actions_init(&l->files);

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
	    (err = posix_spawnattr_setpgroup(&l->attr, 0)) ||
	    (err = posix_spawnattr_setflags(&l->attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							      POSIX_SPAWN_SETPGROUP)))
		launcher_fini(l);
	return err;
}

void launcher_fini(struct launcher *l)
{
	posix_spawn_file_actions_destroy(&l->files);
	posix_spawnattr_destroy(&l->attr);
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

static bool ours(const char *var)
{
	return strncmp(var, "SHMCHAN_", 8) == 0 || strncmp(var, "NOTIFY_SOCKET=", 14) == 0;
}

static bool overridden(const struct plan_service *s, const char *var)
{
	size_t len = strcspn(var, "=") + 1;

	for (unsigned i = 0; i < s->env_cnt; i++)
		if (strncmp(s->env[i], var, len) == 0)
			return true;
	return false;
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
	out->envp = arena_alloc(a, cnt + s->env_cnt + 5, sizeof(*out->envp));
	for (char **e = environ; *e; e++)
		if (!ours(*e) && !overridden(s, *e))
			out->envp[n++] = *e;
	for (unsigned i = 0; i < s->env_cnt; i++)
		out->envp[n++] = s->env[i];
	out->envp[n++] = arena_printf(a, "SHMCHAN_GROUP=%s", plan->spec.name);
	out->envp[n++] = arena_printf(a, "SHMCHAN_SLOT=%u", index + 1);
	out->envp[n++] = arena_printf(a, "NOTIFY_SOCKET=%s", notify_path);
	out->envp[n] = arena_printf(a, "SHMCHAN_INCARNATION=%010u", 0);
	out->incarnation = strchr(out->envp[n], '=') + 1;
	return 0;
}

int launch_spawn(const struct launcher *l, const struct launch *s, unsigned incarnation, pid_t *pid,
		 int *pidfd)
{
	int err;

	snprintf(s->incarnation, 11, "%u", incarnation);
	err = posix_spawn(pid, s->path, &l->files, &l->attr, s->argv, s->envp);
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
