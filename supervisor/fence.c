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

bool fence_open(struct fence *f, int pidfd, pid_t pid, bool all)
{
	unsigned threads;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	*f = (struct fence){open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), -1};
	// As long as a signal can be addressed to it, the number is its own.
	if (f->proc < 0 || pidfd_send_signal(pidfd, 0, NULL, 0)) {
		fence_close(f);
		return false;
	}
	// The kernel keeps what it made of a name that was looked for.
	is_without_memory(f->proc, "exe");
	count_threads(f->proc, &threads);
	if (all)
		f->stat = openat(f->proc, "stat", O_RDONLY | O_CLOEXEC);
	else
		faccessat(f->proc, "stat", R_OK, 0);
	return true;
}

void fence_close(struct fence *f)
{
	if (f->proc >= 0)
		close(f->proc);
	if (f->stat >= 0)
		close(f->stat);
	*f = (struct fence){-1, -1};
}

static bool read_stat(const struct fence *f, struct proc_stat *out)
{
	int fd = f->stat >= 0 ? f->stat : openat(f->proc, "stat", O_RDONLY | O_CLOEXEC);
	bool read = proc_stat_read_at(fd, out);

	if (fd >= 0 && fd != f->stat)
		close(fd);
	return read;
}

bool fence_passed(const struct fence *f, int pidfd, pid_t pid, siginfo_t *info)
{
	unsigned threads, seen;
	struct proc_stat stat;

	// The first thread alone: as a rule, all the threads there are.
	if (!is_without_memory(f->proc, "exe") || !count_threads(f->proc, &threads) ||
	    (threads != 1 && !all_without_memory(f->proc, &seen)))
		return false;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) || !count_threads(f->proc, &threads))
		return false;
	if (threads == 1 ? !is_without_memory(f->proc, "exe") : !all_without_memory(f->proc, &seen) || seen != threads)
		return false;
	// Not before: who reads it while the first thread has memory may become the one who takes that down.
	if (!read_stat(f, &stat))
		return false;
	*info = (siginfo_t){.si_pid = pid};
	fate_fill(info, stat.wait_status);
	return true;
}
