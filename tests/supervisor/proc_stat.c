#include "supervisor/proc_stat.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/ctl.h"

static pid_t child(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NAME, ") Z 1 (x) R");
		if (status < 0)
			raise(SIGSTOP);
		_exit(status);
	}
	return pid;
}

static void until(pid_t pid, int options)
{
	siginfo_t info;

	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, options | WNOWAIT), 0);
}

Test(proc_stat, of_itself)
{
	struct proc_stat s, at;
	int fd = open("/proc/self/stat", O_RDONLY);

	cr_assert(proc_stat_read(getpid(), &s));
	cr_assert_eq(s.state, 'R');
	cr_assert_eq(s.parent, getppid());
	cr_assert_eq(s.start_time, shmchan_start_time(getpid()));
	cr_assert_geq(s.threads, 1);
	cr_assert(proc_stat_read_at(fd, &at));
	cr_assert_eq(at.start_time, s.start_time);
	cr_assert_str_eq(at.name, s.name);
	// Open all the while, it speaks of the process as it is.
	prctl(PR_SET_NAME, "another");
	cr_assert(proc_stat_read_at(fd, &at));
	cr_assert_str_eq(at.name, "another");
	close(fd);
}

Test(proc_stat, name_that_looks_like_the_rest)
{
	pid_t pid = child(-1);
	struct proc_stat s;

	until(pid, WSTOPPED);
	cr_assert(proc_stat_read(pid, &s));
	cr_assert_str_eq(s.name, ") Z 1 (x) R");
	cr_assert_eq(s.state, 'T');
	cr_assert_eq(s.parent, getpid());
	kill(pid, SIGKILL);
	until(pid, WEXITED);
	cr_assert(proc_stat_read(pid, &s));
	cr_assert_eq(s.state, 'Z');
	cr_assert(WIFSIGNALED(s.wait_status) && WTERMSIG(s.wait_status) == SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_not(proc_stat_read(pid, &s));
}

Test(proc_stat, exit_status_and_start_time_of_a_zombie)
{
	pid_t pid = child(7);
	struct proc_stat s;

	until(pid, WEXITED);
	cr_assert(proc_stat_read(pid, &s));
	cr_assert(WIFEXITED(s.wait_status));
	cr_assert_eq(WEXITSTATUS(s.wait_status), 7);
	cr_assert_neq(s.start_time, 0);
	waitpid(pid, NULL, 0);
}

static void *wait_for_end(void *fd)
{
	char c;

	return (void *)(intptr_t)read(*(int *)fd, &c, 1);
}

Test(proc_stat, threads)
{
	struct proc_stat before, with;
	pthread_t t;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert(proc_stat_read(getpid(), &before));
	cr_assert_eq(pthread_create(&t, NULL, wait_for_end, &fds[0]), 0);
	cr_assert(proc_stat_read(getpid(), &with));
	cr_assert_eq(with.threads, before.threads + 1);
	close(fds[1]);
	pthread_join(t, NULL);
}

Test(proc_stat, nobody)
{
	struct proc_stat s;

	cr_assert_not(proc_stat_read(-1, &s));
	cr_assert_not(proc_stat_read_at(-1, &s));
}
