#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/fate.h"

static void dead(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};

	cr_assert_eq(poll(&p, 1, 60000), 1);
}

Test(fate, of_a_child_that_lives_and_one_that_ended)
{
	pid_t pid = fork();
	siginfo_t info;
	int fd;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		for (;;)
			pause();
	fd = pidfd_open(pid, 0);
	cr_assert_geq(fd, 0);
	cr_assert_not(fate_of(fd, pid, &info));
	kill(pid, SIGTERM);
	dead(fd);
	cr_assert(fate_of(fd, pid, &info));
	cr_assert_eq(info.si_code, CLD_KILLED);
	cr_assert_eq(info.si_status, SIGTERM);
	cr_assert_eq(waitpid(pid, NULL, 0), pid, "it was not reaped");
	close(fd);
}

// What an adopted service is: no child of who watches it.
static void grandchild(int status, int signal, siginfo_t *info)
{
	int to[2], hold[2], fd;
	pid_t middle, pid;
	char c;

	cr_assert_eq(pipe(to), 0);
	cr_assert_eq(pipe(hold), 0);
	middle = fork();
	cr_assert_geq(middle, 0);
	if (middle == 0) {
		pid = fork();
		if (pid == 0) {
			close(hold[1]);
			read(hold[0], &c, 1); // until it is watched
			if (signal)
				raise(signal);
			_exit(status);
		}
		if (write(to[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		close(hold[1]);
		waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT);
		close(to[1]); // a zombie now
		pause();
	}
	close(to[1]);
	cr_assert_eq(read(to[0], &pid, sizeof(pid)), sizeof(pid));
	fd = pidfd_open(pid, 0);
	cr_assert_geq(fd, 0);
	cr_assert_not(fate_of(fd, pid, info));
	close(hold[0]);
	close(hold[1]);
	dead(fd);
	cr_assert(fate_of(fd, pid, info));
	close(fd);
	kill(middle, SIGKILL);
	waitpid(middle, NULL, 0);
}

Test(fate, of_anothers_child)
{
	siginfo_t info;

	grandchild(3, 0, &info);
	cr_assert_eq(info.si_code, CLD_EXITED);
	cr_assert_eq(info.si_status, 3);
	grandchild(0, SIGKILL, &info);
	cr_assert_eq(info.si_code, CLD_KILLED);
	cr_assert_eq(info.si_status, SIGKILL);
}
