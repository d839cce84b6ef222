#include "supervisor/fence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include "supervisor/fate.h"

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

// Of /proc/PID/stat: how many threads it has, and with which status it ends.
static bool read_stat(int proc, unsigned *threads, int *wait_status)
{
	int fd = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024], *p;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u",
			 threads) != 1)
		return false;
	p[n - (p - text) - 1] = 0; // the end of the line
	p = strrchr(p, ' ');
	return p && sscanf(p, " %d", wait_status) == 1;
}

static bool pass(int proc, int pidfd, int *wait_status)
{
	unsigned before, seen;

	// Its folder was opened by number: as long as a signal can be addressed to it, the number is its own.
	if (pidfd_send_signal(pidfd, 0, NULL, 0) || !all_without_memory(proc, &seen))
		return false;
	return pidfd_send_signal(pidfd, SIGKILL, NULL, 0) == 0 && read_stat(proc, &before, wait_status) &&
	       all_without_memory(proc, &seen) && seen == before && read_stat(proc, &before, wait_status);
}

bool fence_passed(int pidfd, pid_t pid, siginfo_t *info)
{
	int proc, wait_status;
	char path[32];
	bool passed;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return false;
	passed = pass(proc, pidfd, &wait_status);
	close(proc);
	*info = (siginfo_t){.si_pid = pid};
	if (passed)
		fate_fill(info, wait_status);
	return passed;
}
