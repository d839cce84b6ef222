#include "tests/crash/step.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t start(const struct step *s)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(120);
	s->before(s->ctx);
	raise(SIGSTOP);
	s->op(s->ctx);
	raise(SIGSTOP);
	_exit(121);
}

bool step_asleep(pid_t pid)
{
	char path[32], line[512], *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	state = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	fclose(f);
	return state && state[1] == ' ' && state[2] == 'S';
}

__attribute__((format(printf, 2, 3))) static void give_up(struct stepper *st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->why, sizeof(st->why), fmt, ap);
	va_end(ap);
	st->state = STEP_BROKEN;
}

// True if the child has stopped or ended, with *status; false if it sleeps. A child that is merely slow is waited for.
static bool stopped(const struct stepper *st, int *status, int *err)
{
	static const struct timespec a_while = {.tv_nsec = 1000000};
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(st->pid, status, st->sleeps ? WNOHANG : 0);

		if (pid == st->pid)
			return true;
		if (pid < 0 && errno != EINTR) {
			*err = errno;
			return true;
		}
		// Only how soon it is looked again depends on the time, not what is seen.
		if (st->sleeps && sigtimedwait(&chld, NULL, &a_while) < 0 && errno == EAGAIN &&
		    step_asleep(st->pid) && waitpid(st->pid, status, WNOHANG) == 0)
			return false;
	}
}

// It has been waited for: its pid may be another's soon.
static void gone(struct stepper *st, const char *how, int n)
{
	give_up(st, "%s %d", how, n);
	st->pid = 0;
}

static void look(struct stepper *st)
{
	int status = 0, err = 0;

	if (!stopped(st, &status, &err))
		st->state = STEP_ASLEEP;
	else if (err)
		give_up(st, "waitpid: %s", strerror(err));
	else if (WIFSIGNALED(status))
		gone(st, "killed by signal", WTERMSIG(status));
	else if (!WIFSTOPPED(status))
		gone(st, "exit status", WEXITSTATUS(status));
	else if (WSTOPSIG(status) == SIGSTOP)
		st->state = STEP_FINISHED;
	else if (WSTOPSIG(status) == SIGTRAP)
		st->state = STEP_STOPPED;
	else // Not passed on: an instruction that faults would only be stepped into again.
		give_up(st, "it got signal %d", WSTOPSIG(status));
}

void step_begin(struct stepper *st, const struct step *s)
{
	sigset_t chld;

	*st = (struct stepper){.sleeps = false};
	// Blocked, so that one that comes between two looks is still there for sigtimedwait.
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	st->pid = start(s);
	if (st->pid < 0) {
		give_up(st, "fork: %s", strerror(errno));
		return;
	}
	look(st);
	st->sleeps = s->sleeps;
	st->way = s->sleeps ? NULL : s->way;
	if (st->state == STEP_BROKEN)
		return;
	if (st->state == STEP_FINISHED && ptrace(PTRACE_SETOPTIONS, st->pid, NULL, PTRACE_O_EXITKILL) == 0)
		st->state = STEP_STOPPED;
	else
		give_up(st, "it can't be traced");
}

#ifdef __x86_64__
static unsigned long where(const struct stepper *st)
{
	return (unsigned long)ptrace(PTRACE_PEEKUSER, st->pid, offsetof(struct user, regs.rip), NULL);
}

static bool set_breakpoint(const struct stepper *st, unsigned long at, bool on)
{
	return ptrace(PTRACE_POKEUSER, st->pid, offsetof(struct user, u_debugreg[0]), at) == 0 &&
	       ptrace(PTRACE_POKEUSER, st->pid, offsetof(struct user, u_debugreg[7]), on ? 1ul : 0ul) == 0;
}

static void record(struct stepper *st)
{
	struct way *way = st->way;
	long n = st->n;
	bool first = true;

	if (!way || n != way->cnt || n == WAY_MAX || st->state != STEP_STOPPED)
		return;
	way->at[n] = where(st);
	for (long i = 0; i < n && first; i++)
		first = way->at[i] != way->at[n];
	way->anchor[n] = first ? (uint32_t)n : way->anchor[n - 1];
	way->cnt = n + 1;
}

// Runs to the last anchor up to k.
static void run_ahead(struct stepper *st, long k)
{
	struct way *way = st->way;
	long to;

	if (!way || st->n || !way->cnt)
		return;
	to = way->anchor[k < way->cnt ? k : way->cnt - 1];
	if (to == 0 || !set_breakpoint(st, way->at[to], true))
		return;
	if (ptrace(PTRACE_CONT, st->pid, NULL, NULL)) {
		give_up(st, "PTRACE_CONT: %s", strerror(errno));
		return;
	}
	look(st);
	if (st->state == STEP_BROKEN)
		return;
	st->strayed = st->state == STEP_FINISHED || where(st) != way->at[to];
	if (st->strayed || !set_breakpoint(st, 0, false))
		give_up(st, "it did not come to instruction %ld", to);
	st->n = to;
}
#else
static void record(struct stepper *st)
{
	(void)st;
}

static void run_ahead(struct stepper *st, long k)
{
	(void)st, (void)k;
}
#endif

void step_next(struct stepper *st)
{
	record(st);
	if (st->state == STEP_STOPPED) {
		if (ptrace(PTRACE_SINGLESTEP, st->pid, NULL, NULL)) {
			give_up(st, "PTRACE_SINGLESTEP: %s", strerror(errno));
			return;
		}
		st->n++;
	}
	if (st->state == STEP_STOPPED || st->state == STEP_ASLEEP)
		look(st);
}

void step_to(struct stepper *st, long k)
{
	if (st->state == STEP_STOPPED)
		run_ahead(st, k);
	while (st->state == STEP_STOPPED && st->n < k)
		step_next(st);
}

void step_kill(struct stepper *st)
{
	if (st->pid <= 0)
		return;
	kill(st->pid, SIGKILL);
	while (waitpid(st->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
