#include "supervisor/fence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/proc_stat.h"

// True only if it can be seen that the thread has no memory: without the right to look the answer is another.
static bool is_without_memory(int tasks, const char *tid)
{
	char path[32], to[1];

	snprintf(path, sizeof(path), "%.20s/exe", tid);
	return readlinkat(tasks, path, to, sizeof(to)) < 0 && errno == ENOENT;
}

// Looks at each thread in the list; *cnt is how many there were. False: one has memory.
static bool all_without_memory(int proc, unsigned *cnt)
{
	int tasks = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = tasks >= 0 ? fdopendir(tasks) : NULL;
	struct dirent *e;
	bool all = true;

	*cnt = 0;
	if (!d && tasks >= 0)
		close(tasks);
	while (d && all && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		++*cnt;
		all = is_without_memory(dirfd(d), e->d_name);
	}
	if (d)
		closedir(d);
	return all && *cnt;
}

static bool pass(int proc, int pidfd, struct proc_stat *stat)
{
	unsigned seen;

	// Its folder was opened by number: as long as a signal can be addressed to it, the number is its own.
	if (pidfd_send_signal(pidfd, 0, NULL, 0) || !all_without_memory(proc, &seen))
		return false;
	return pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && proc_stat_read_at(proc, stat) &&
	       all_without_memory(proc, &seen) && seen == stat->threads && proc_stat_read_at(proc, stat);
}

bool fence_passed(int pidfd, pid_t pid, siginfo_t *info)
{
	struct proc_stat stat;
	int proc;
	char path[32];
	bool passed;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return false;
	passed = pass(proc, pidfd, &stat);
	close(proc);
	*info = (siginfo_t){.si_pid = pid};
	if (passed)
		fate_fill(info, stat.wait_status);
	return passed;
}
