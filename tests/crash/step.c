#include "tests/crash/step.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(const struct step *s)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(120);
	s->before(s->ctx);
	raise(SIGSTOP);
	s->op(s->ctx);
	raise(SIGSTOP);
	_exit(121);
}

static bool stopped_by(pid_t pid, int *sig)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	if (!WIFSTOPPED(status))
		return false;
	*sig = WSTOPSIG(status);
	return true;
}

long step_kill(const struct step *s, long k, long meddle_at, pid_t *out, bool *finished)
{
	pid_t pid = start(s);
	long n = 0;
	int sig = 0;

	*out = pid;
	*finished = false;
	if (pid < 0 || !stopped_by(pid, &sig) || sig != SIGSTOP)
		return -1;
	for (; n < k && !*finished; n++) {
		if (n == meddle_at && s->meddle)
			s->meddle(s->ctx);
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) || !stopped_by(pid, &sig))
			return -1;
		*finished = sig == SIGSTOP;
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return n;
}
