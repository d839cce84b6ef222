#include "supervisor/rundir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
