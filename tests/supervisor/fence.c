#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/fence.h"

#define BIG ((size_t)256 << 20)

struct life {
	unsigned threads;     // beside the first
	bool first_ends;      // the others go on
	bool big;             // has memory that the kernel takes long to take down
	_Atomic unsigned *up; // how many of the others run
};

static void *wait_for_end(void *up)
{
	atomic_fetch_add((_Atomic unsigned *)up, 1);
	while (pause())
		;
	return NULL;
}

static void live(const struct life *l)
{
	pthread_t t;

	if (l->big)
		memset(mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, BIG);
	for (unsigned i = 0; i < l->threads; i++)
		pthread_create(&t, NULL, wait_for_end, l->up);
	while (atomic_load(l->up) != l->threads)
		sched_yield();
	atomic_store(l->up, 100);
	if (l->first_ends)
		pthread_exit(NULL);
	while (pause())
		;
}

static pid_t begin(const struct life *l, int *pidfd)
{
	pid_t pid;

	atomic_store(l->up, 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		live(l);
		_exit(0);
	}
	while (atomic_load(l->up) != 100)
		sched_yield();
	*pidfd = pidfd_open(pid, 0);
	cr_assert_geq(*pidfd, 0);
	return pid;
}

static _Atomic unsigned *counter(void)
{
	void *p = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

static bool passed(int pidfd, pid_t pid, siginfo_t *info)
{
	static bool all; // either way
	struct fence f;
	bool p = fence_open(&f, pidfd, pid, all = !all) && fence_passed(&f, pidfd, pid, info);

	fence_close(&f);
	return p;
}

// The state of the first thread, by its letter.
static char state_of(pid_t pid)
{
	char path[40], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state;
}

// Every kind of life, killed: not passed and not harmed before, passed after, and the same end as waitid tells.
Test(fence, of_the_living_and_the_killed, .timeout = 120)
{
	_Atomic unsigned *up = counter();
	const struct life lives[] = {{.up = up},
				     {.threads = 7, .up = up},
				     {.threads = 1, .first_ends = true, .up = up},
				     {.threads = 5, .first_ends = true, .big = true, .up = up},
				     {.big = true, .up = up}};
	static const int signals[] = {SIGKILL, SIGTERM, SIGUSR1};

	for (unsigned i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		for (unsigned k = 0; k < sizeof(signals) / sizeof(signals[0]); k++) {
			siginfo_t info, told;
			int fd;
			pid_t pid = begin(&lives[i], &fd);
			struct fence ahead, none;

			cr_assert(fence_open(&ahead, fd, pid, k % 2));
			while (lives[i].first_ends && state_of(pid) != 'Z')
				sched_yield();
			for (int n = 0; n < 100; n++)
				cr_assert_not(passed(fd, pid, &info), "life %u", i);
			cr_assert_not(fate_of(fd, pid, &told), "a look does not harm it");
			kill(pid, signals[k]);
			while (!passed(fd, pid, &info))
				sched_yield();
			cr_assert_eq(info.si_pid, pid);
			cr_assert_eq(waitid(P_PIDFD, (id_t)fd, &told, WEXITED), 0);
			cr_assert_eq(info.si_code, told.si_code);
			cr_assert_eq(info.si_status, told.si_status, "%d, %d", info.si_status, told.si_status);
			cr_assert_eq(told.si_status, signals[k]);
			cr_assert_not(fence_passed(&ahead, fd, pid, &info), "a process that is gone");
			cr_assert_not(fence_open(&none, fd, pid, true));
			fence_close(&ahead);
			close(fd);
		}
	munmap((void *)up, sizeof(unsigned));
}

Test(fence, of_an_exit_status, .timeout = 60)
{
	siginfo_t info;
	pid_t pid = fork();
	int fd;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(3);
	fd = pidfd_open(pid, 0);
	while (!passed(fd, pid, &info))
		sched_yield();
	cr_assert_eq(info.si_code, CLD_EXITED);
	cr_assert_eq(info.si_status, 3);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	close(fd);
}

// A thread of many that makes others all the time and ends, so that the list never rests.
static void *next(void *left)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	while (pthread_create(&t, &a, next, left))
		sched_yield();
	return NULL;
}

Test(fence, of_one_whose_threads_come_and_go, .timeout = 60)
{
	siginfo_t info, told;
	pid_t pid = fork();
	int fd;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		next(NULL);
		pthread_exit(NULL);
	}
	fd = pidfd_open(pid, 0);
	for (int i = 0; i < 20000; i++)
		if (passed(fd, pid, &info)) {
			// Seen between two of them: it was killed for it, and is dead indeed.
			cr_assert_eq(waitid(P_PIDFD, (id_t)fd, &told, WEXITED | WNOWAIT), 0);
			break;
		}
	kill(pid, SIGKILL);
	cr_assert_eq(waitid(P_PIDFD, (id_t)fd, &told, WEXITED), 0);
	close(fd);
}
