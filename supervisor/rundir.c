#include "supervisor/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_LOOK_NS 2000000

static void folder(char *out, size_t size)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (geteuid() == 0)
		snprintf(out, size, "/run/shmchan");
	else if (xdg && xdg[0] == '/' && stat(xdg, &st) == 0 && S_ISDIR(st.st_mode))
		snprintf(out, size, "%s/shmchan", xdg);
	else
		snprintf(out, size, "/tmp/shmchan-%u", (unsigned)geteuid());
}

int rundir_make(struct fail *fail)
{
	char path[4096];
	struct stat st;

	folder(path, sizeof(path));
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail_set(fail, SUP_SYSTEM, "can't make folder %s: %s", path, strerror(errno));
	if (lstat(path, &st))
		return fail_set(fail, SUP_SYSTEM, "can't look at folder %s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return fail_set(fail, SUP_SYSTEM, "%s is not a folder that only this user can write to",
				path);
	return 0;
}

int rundir_socket(char *out, const char *group, const char *what, struct fail *fail)
{
	char path[4096];
	int len;

	folder(path, sizeof(path));
	len = snprintf(out, RUNDIR_PATH_MAX, "%s/%s.%s", path, group, what);
	if (len < 0 || len >= RUNDIR_PATH_MAX)
		return fail_set(fail, SUP_SYSTEM, "the path %s/%s.%s is longer than a socket address holds",
				path, group, what);
	return 0;
}

int rundir_open_notify(const char *group, struct fail *fail)
{
	char path[RUNDIR_PATH_MAX], dir[4096];

	folder(dir, sizeof(dir));
	if (rundir_socket(path, group, "notify", fail))
		return -1;
	if (chmod(path, 0622) || chmod(dir, 0711))
		return fail_set(fail, SUP_SYSTEM, "can't open %s to users of services: %s", path,
				strerror(errno));
	return 0;
}

static int held(const char *group, int lock, struct fail *fail)
{
	char pid[16] = "";

	if (pread(lock, pid, sizeof(pid) - 1, 0) <= 0)
		strcpy(pid, "(not known)");
	return fail_set(fail, SUP_RUNNING, "can't run group '%s': it is running, its supervisor has pid %s",
			group, pid);
}

// The holder before may have removed the file between our open and our lock.
static bool is_current(const char *path, int lock)
{
	struct stat a, b;

	return fstat(lock, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static bool write_pid(int lock)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d", (int)getpid());

	return ftruncate(lock, 0) == 0 && pwrite(lock, pid, (size_t)len, 0) == len;
}

int rundir_lock(const char *group, uint64_t wait_ns, struct fail *fail)
{
	struct timespec pause = {0, LOCK_LOOK_NS};
	char path[RUNDIR_PATH_MAX];
	int lock, err;

	if (rundir_socket(path, group, "lock", fail))
		return -1;
	for (;;) {
		lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (lock < 0)
			return fail_set(fail, SUP_SYSTEM, "can't open lock %s: %s", path, strerror(errno));
		if (flock(lock, LOCK_EX | LOCK_NB)) {
			err = errno;
			if (err == EWOULDBLOCK && wait_ns) {
				wait_ns -= wait_ns < LOCK_LOOK_NS ? wait_ns : LOCK_LOOK_NS;
				close(lock);
				nanosleep(&pause, NULL);
				continue;
			}
			if (err == EWOULDBLOCK)
				held(group, lock, fail);
			else
				fail_set(fail, SUP_SYSTEM, "can't lock %s: %s", path, strerror(err));
			close(lock);
			return -1;
		}
		if (is_current(path, lock))
			break;
		close(lock);
	}
	if (!write_pid(lock)) {
		fail_set(fail, SUP_SYSTEM, "can't write lock %s: %s", path, strerror(errno));
		rundir_unlock(group, lock);
		return -1;
	}
	return lock;
}

int rundir_keep_lock(const char *group, int lock, struct fail *fail)
{
	char path[RUNDIR_PATH_MAX];

	if (rundir_socket(path, group, "lock", fail))
		return -1;
	if (lock < 0 || !is_current(path, lock) || flock(lock, LOCK_EX | LOCK_NB) || !write_pid(lock))
		return fail_set(fail, SUP_SYSTEM, "can't go on with group '%s': what was handed over is not its lock %s",
				group, path);
	return lock;
}

void rundir_unlock(const char *group, int lock)
{
	char path[RUNDIR_PATH_MAX];
	struct fail fail;

	if (lock < 0)
		return;
	if (rundir_socket(path, group, "lock", &fail) == 0)
		unlink(path);
	close(lock);
}
