// Usage: at_syscall N PROGRAM ARG...
// Runs PROGRAM and kills it at its N-th stop, of which every system call has two: before it is done and after. So every state that a
// supervisor can leave between two looks of the kernel is come to by counting. Its children are not touched.
// Exit status: 137 if it was killed, else its own.
//
// With "self" before N PROGRAM is run in this process, and counted by a child that ends with it.
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
	fprintf(stderr, "at_syscall: can't %s: %m\n", what);
	return 1;
}

static int follow(pid_t pid, unsigned long left)
{
	int status, deliver = 0;
	bool is_call;

	while (waitpid(pid, &status, 0) == pid || errno == EINTR) {
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
		deliver = is_call || status >> 16 ? 0 : WSTOPSIG(status);
		if (is_call && left-- == 1) {
			kill(pid, SIGKILL);
			continue; // waitpid tells of the death
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)deliver);
	}
	return fail("wait");
}

// Of two tracers of one process, asan's check for leaks would be the second: it fails.
static void without_leak_check(void)
{
	const char *now = getenv("ASAN_OPTIONS");
	char options[1024];

	snprintf(options, sizeof(options), "%s%sdetect_leaks=0", now ? now : "", now ? ":" : "");
	setenv("ASAN_OPTIONS", options, 1);
}

static int count_from_beside(pid_t pid, int begun, unsigned long left)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		return fail("trace the program");
	dup2(begun, 3);
	closefrom(3 + 1); // what is open is the program's
	close(3);
	return follow(pid, left);
}

static int run_here(unsigned long left, char **words)
{
	int begun[2];
	char byte;
	pid_t pid = getpid();

	if (pipe(begun))
		return fail("make a pipe");
	if (fork() == 0)
		_exit(count_from_beside(pid, begun[1], left));
	close(begun[1]);
	if (read(begun[0], &byte, 1) != 0)
		return fail("wait to be traced");
	close(begun[0]);
	without_leak_check();
	execv(words[0], words);
	return fail("execute the program");
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc > 3 && strcmp(argv[1], "self") == 0)
		return run_here(strtoul(argv[2], NULL, 10), argv + 3);
	if (argc < 3) {
		fprintf(stderr, "usage: at_syscall [self] N PROGRAM ARG...\n");
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		without_leak_check();
		execv(argv[2], argv + 2);
		_exit(127);
	}
	// Past the stop it asked for, and the one of execve.
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
		return fail("trace the program");
	return follow(pid, strtoul(argv[1], NULL, 10));
}
