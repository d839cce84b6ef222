#include "supervisor/pins.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor/say.h"

#define PINS "/sys/fs/bpf/shmchan/%s"

// shmtool stands beside shmsup, or in PATH.
static void beside(char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - sizeof("shmtool"));
	char *name;

	path[len > 0 ? len : 0] = 0;
	name = strrchr(path, '/');
	strcpy(name ? name + 1 : path, "shmtool");
	if (access(path, X_OK) != 0)
		strcpy(path, "shmtool");
}

void pins_follow(const struct launcher *l, const char *group, pid_t pid, struct pins_seen *seen)
{
	char path[4096], of_pid[64];
	char *argv[] = {(char *)"shmtool", (char *)"probe", (char *)"attach", (char *)group, (char *)"--more", NULL};
	struct stat pins, program;
	pid_t child;
	int err;

	snprintf(path, sizeof(path), PINS, group);
	snprintf(of_pid, sizeof(of_pid), "/proc/%d/exe", (int)pid);
	if (stat(path, &pins) != 0 || stat(of_pid, &program) != 0)
		return;
	if (seen->pins == pins.st_ino && seen->ino == program.st_ino && seen->dev == program.st_dev)
		return;
	beside(path, sizeof(path));
	err = posix_spawnp(&child, path, &l->files, &l->attr, argv, environ);
	if (err)
		say(group, "cannot start shmtool: %s; probes are not attached to what process %d runs", strerror(err),
		    (int)pid);
	else
		*seen = (struct pins_seen){program.st_dev, program.st_ino, pins.st_ino};
}
