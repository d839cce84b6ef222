#include "supervisor/fence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor/fate.h"
#include "supervisor/proc_stat.h"

// True only if it can be seen that the thread has no memory: without the right to look the answer is another.
static bool is_without_memory(int folder, const char *exe)
{
	char to[1];

	return readlinkat(folder, exe, to, sizeof(to)) < 0 && errno == ENOENT;
}

// Looks at each thread in the list; *cnt is how many there were. False: one has memory.
static bool all_without_memory(int proc, unsigned *cnt)
{
	int tasks = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = tasks >= 0 ? fdopendir(tasks) : NULL;
	struct dirent *e;
	bool all = true;
	char path[32];

	*cnt = 0;
	if (!d && tasks >= 0)
		close(tasks);
	while (d && all && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		++*cnt;
		snprintf(path, sizeof(path), "%.20s/exe", e->d_name);
		all = is_without_memory(dirfd(d), path);
	}
	if (d)
		closedir(d);
	return all && *cnt;
}

// How many threads the process has: each is a folder in the list.
static bool count_threads(int proc, unsigned *cnt)
{
	struct stat st;

	if (fstatat(proc, "task", &st, 0) || st.st_nlink < 3)
		return false;
	*cnt = (unsigned)st.st_nlink - 2;
	return true;
}

int fence_open(int pidfd, pid_t pid)
{
	unsigned threads;
	char path[32];
	int proc;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	// As long as a signal can be addressed to it, the number is its own.
	if (proc >= 0 && pidfd_send_signal(pidfd, 0, NULL, 0)) {
		close(proc);
		return -1;
	}
	if (proc < 0)
		return -1;
	// The kernel keeps what it made of a name that was looked for.
	is_without_memory(proc, "exe");
	count_threads(proc, &threads);
	faccessat(proc, "stat", R_OK, 0);
	return proc;
}

bool fence_passed(int proc, int pidfd, pid_t pid, siginfo_t *info)
{
	unsigned threads, seen;
	struct proc_stat stat;

	// The first thread alone: as a rule, all the threads there are.
	if (!is_without_memory(proc, "exe") || !count_threads(proc, &threads) ||
	    (threads != 1 && !all_without_memory(proc, &seen)))
		return false;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) || !count_threads(proc, &threads))
		return false;
	if (threads == 1 ? !is_without_memory(proc, "exe") : !all_without_memory(proc, &seen) || seen != threads)
		return false;
	// Not before: who reads it while the first thread has memory may become the one who takes that down.
	if (!proc_stat_read_at(proc, &stat))
		return false;
	*info = (siginfo_t){.si_pid = pid};
	fate_fill(info, stat.wait_status);
	return true;
}
