#include "supervisor/orphan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>
#include "supervisor/proc_stat.h"

#define ENVIRON_MAX (1u << 21) // the kernel's own bound on arguments and environment is of this size
#define FORKED_NOT_EXECED 0x40u // PF_FORKNOEXEC of /proc/PID/stat
#define LOOKS 2000
#define LOOK_NS 1000000

static size_t read_proc(const char *pid, const char *what, char *out, size_t size)
{
	char path[300];
	size_t used = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	while (used < size - 1 && (n = read(fd, out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	out[used] = 0;
	return used;
}

// A child of a supervisor, killed or not, between its start and exec: it has its parent's name.
static bool is_unborn(const char *pid)
{
	struct proc_stat s;

	return proc_stat_read(atoi(pid), &s) && strcmp(s.name, "shmsup") == 0 && s.state != 'Z' &&
	       (s.flags & FORKED_NOT_EXECED);
}

static const char *value(const char *environ_text, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *p = environ_text; p < environ_text + len; p += strlen(p) + 1)
		if (strncmp(p, name, name_len) == 0)
			return p + name_len;
	return NULL;
}

static bool look(const char *group, const char *name, char *text, struct orphan *o)
{
	const char *its_group, *slot, *incarnation, *spare;
	size_t len;

	o->pid = atoi(name);
	if (o->pid <= 0 || o->pid == getpid() || (o->pidfd = pidfd_open(o->pid, 0)) < 0)
		return false;
	len = read_proc(name, "environ", text, ENVIRON_MAX);
	its_group = value(text, len, "SHMCHAN_GROUP=");
	slot = value(text, len, "SHMCHAN_SLOT=");
	incarnation = value(text, len, "SHMCHAN_INCARNATION=");
	spare = value(text, len, "SHMCHAN_SPARE=");
	if (its_group && slot && incarnation && strcmp(its_group, group) == 0) {
		o->slot = (unsigned)strtoul(slot, NULL, 10);
		o->incarnation = (unsigned)strtoul(incarnation, NULL, 10);
		o->spare = spare ? (unsigned)strtoul(spare, NULL, 10) : 0;
		o->leads = getpgid(o->pid) == o->pid;
		return true;
	}
	close(o->pidfd);
	return false;
}

// One look at all processes. Returns how many are yet to be seen.
static unsigned each(const char *group, char *text, bool (*f)(void *ctx, const struct orphan *o), void *ctx)
{
	DIR *d = opendir("/proc");
	unsigned unborn = 0;
	struct dirent *e;
	struct orphan o;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		unborn += is_unborn(e->d_name);
		if (f && look(group, e->d_name, text, &o) && !f(ctx, &o))
			close(o.pidfd);
	}
	if (d)
		closedir(d);
	return unborn;
}

void orphan_each(const char *group, bool (*f)(void *ctx, const struct orphan *o), void *ctx)
{
	struct timespec t = {0, LOOK_NS};
	char *text = malloc(ENVIRON_MAX);

	for (int i = 0; i < LOOKS && each(group, NULL, NULL, NULL); i++)
		nanosleep(&t, NULL);
	if (text)
		each(group, text, f, ctx);
	free(text);
}
