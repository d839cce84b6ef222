#include "supervisor/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	const struct confine *c;
	const char *path;
	char *const *argv, *const *envp;
	int out;
	int err; // of the step that failed; 0 = it executes its program
	const char *step;
};

// From here on in the child, on the supervisor's memory: no allocation, no lock, no stdio; system calls of credentials
// by number, because the C library's would change those of all threads. Its frames end with the execve without a return,
// which asan would take for memory still in use.
#define CHILD __attribute__((no_sanitize_address)) static

static int reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	for (int s = 1; s < _NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			sigaction(s, &action,
				  NULL); // refused for those of the C library, which nobody has set
	return setsid() < 0 ? -1 : 0; // launch.h says why
}

CHILD int open_files(const struct child *k)
{
	const struct confine *c = k->c;
	int null;

	if (k->out >= 0 && (dup2(k->out, 1) < 0 || dup2(k->out, 2) < 0))
		return -1;
	if (close_range(3, ~0u, 0))
		return -1;
	null = open("/dev/null", O_RDONLY);
	if (null < 0 || (null && (dup2(null, 0) < 0 || close(null))))
		return -1;
	for (unsigned i = 0; i < c->file_cnt; i++) {
		int fd = open(c->files[i].path, c->files[i].writable ? O_RDWR : O_RDONLY);

		if (fd < 0)
			return -1;
		if (fd != 3 + (int)i) {
			errno = EBADF; // standard output or error were closed
			return -1;
		}
	}
	return 0;
}

CHILD int set_limits(const struct plan_confine *p)
{
	for (unsigned i = 0; i < p->rlimit_cnt; i++) {
		struct rlimit limit = {p->rlimits[i].soft, p->rlimits[i].hard};

		if (setrlimit(p->rlimits[i].which, &limit))
			return -1;
	}
	return 0;
}

CHILD int set_schedule(const struct plan_confine *p)
{
	if (p->has_cpus && sched_setaffinity(0, sizeof(p->cpus), &p->cpus))
		return -1;
	return p->has_nice ? setpriority(PRIO_PROCESS, 0, p->nice) : 0;
}

// While it has CAP_SETPCAP, and before the change of user: what is kept must outlive that.
CHILD int bound_caps(const struct plan_confine *p)
{
	if (!p->has_caps)
		return 0;
	for (int cap = 0; cap <= CAP_LAST_CAP || prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		// Without the right to drop it, no_new_privs keeps it out of reach.
		if (!(p->caps >> cap & 1) && prctl(PR_CAPBSET_READ, cap) == 1 &&
		    prctl(PR_CAPBSET_DROP, cap) && errno != EPERM)
			return -1;
	return p->caps ? prctl(PR_SET_KEEPCAPS, 1) : 0;
}

CHILD int set_user(const struct plan_confine *p)
{
	if (!p->has_user)
		return 0;
	return syscall(SYS_setgroups, p->group_cnt, p->groups) ||
			       syscall(SYS_setresgid, p->gid, p->gid, p->gid) ||
			       syscall(SYS_setresuid, p->uid, p->uid, p->uid)
		       ? -1
		       : 0;
}

// Ambient, so that they outlive the execve of a program without file capabilities.
CHILD int keep_caps(const struct plan_confine *p)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (!p->has_caps)
		return 0;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(p->caps >> 32 * i);
		data[i].effective = data[i].inheritable = data[i].permitted;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) || syscall(SYS_capset, &head, data))
		return -1;
	for (int cap = 0; cap < 64; cap++)
		if ((p->caps >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return -1;
	return 0;
}

CHILD int unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

CHILD int set_filter(const struct confine *c)
{
	const struct plan_confine *p = c->plan;

	if ((p->has_user || p->has_caps || c->filter->prog.len) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return c->filter->prog.len ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &c->filter->prog)
				   : 0;
}

// Only the child knows its number before its program does.
CHILD void write_pid(char *out)
{
	char digits[CONFINE_PID_ROOM];
	unsigned n = 0;

	for (pid_t pid = getpid(); pid && n < sizeof(digits) - 1; pid /= 10)
		digits[n++] = (char)('0' + pid % 10);
	for (unsigned i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	out[n] = 0;
}

CHILD int run_child(void *arg)
{
	struct child *k = arg;
	const struct plan_confine *p = k->c->plan;

#define STEP(what, call)          \
	if (call) {               \
		k->err = errno;   \
		k->step = (what); \
		_exit(127);       \
	}
	STEP("make its session", reset_signals());
	STEP("open its segments", open_files(k));
	STEP("set its limits", set_limits(p));
	STEP("set its processors and nice value", set_schedule(p));
	STEP("drop capabilities", bound_caps(p));
	STEP("become its user", set_user(p));
	STEP("keep capabilities", keep_caps(p));
	if (k->c->pid_text)
		write_pid(k->c->pid_text);
	STEP("unblock signals", unblock_signals());
	STEP("set its filter of system calls", set_filter(k->c));
	STEP("execute its program", execve(k->path, k->argv, k->envp));
#undef STEP
	_exit(127);
}

int confine_spawn(const struct confine *c, const char *path, char *const *argv, char *const *envp, int out,
		  pid_t *pid, int *pidfd, const char **step)
{
	struct child k = {c, path, argv, envp, out, 0, NULL};
	int dumpable = prctl(PR_GET_DUMPABLE), err;
	sigset_t all, before;

	*step = NULL;
	if (c->filter->path) {
		if (strlen(path) >= PATH_MAX)
			return ENAMETOOLONG;
		k.path = strcpy(c->filter->path, path);
	}
	// No handler of the supervisor may run in the child, on the shared memory.
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*pid = clone(run_child, (char *)c->stack + CONFINE_STACK,
		     CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &k, pidfd);
	err = *pid < 0 ? errno : k.err;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1);
	if (*pid < 0)
		return err;
	if (!err)
		return 0;
	*step = k.step;
	waitpid(*pid, NULL, 0);
	close(*pidfd);
	return err;
}
