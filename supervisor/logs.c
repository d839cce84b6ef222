#include "supervisor/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor/say.h"

#define EVERY_NS UINT64_C(1000000000)
#define CHUNK (1u << 18) // bytes copied per turn of the loop: a death waits no longer than that takes
#define CUT_SIZE (UINT64_C(1) << 40)

struct log {
	int fd;         // -1: none
	uint64_t begin; // of its content
	bool told;      // that it can't be rotated
};

struct logs {
	const struct plan *plan;
	struct loop *loop;
	struct loop_timer timer, step;
	struct log *logs; // of service i
	char folder[PATH_MAX];
	int nowhere; // /dev/null, or -1
	struct {
		struct log *log; // NULL: none is rotated
		int to;
		uint64_t at, end;
	} turn;
};

int logs_fd(const struct logs *l, unsigned i)
{
	return !l ? -1 : l->plan->services[i].log == TOPO_LOG_NONE ? l->nowhere : l->logs[i].fd;
}

const char *logs_folder(const struct logs *l)
{
	return l && l->folder[0] ? l->folder : NULL;
}

uint64_t logs_begin(int fd, uint64_t size)
{
	off_t at = lseek(fd, 0, SEEK_DATA);
	uint64_t begin = at > 0 ? (uint64_t)at : at < 0 && errno == ENXIO ? size : 0;
	char block[4096];
	ssize_t n;

	// A hole ends with a block of the file system; what is left of that is zeroes.
	while (begin < size && (n = pread(fd, block, sizeof(block), (off_t)begin)) > 0) {
		ssize_t i = 0;

		while (i < n && !block[i])
			i++;
		begin += (uint64_t)i;
		if (i < n)
			break;
	}
	return begin;
}

static const char *name_of(const struct logs *l, const struct log *log)
{
	return l->plan->services[log - l->logs].name;
}

static void path_of(const struct logs *l, const struct log *log, unsigned old, const char *end, char out[PATH_MAX])
{
	char number[16] = "";

	if (old)
		snprintf(number, sizeof(number), ".%u", old);
	if (snprintf(out, PATH_MAX, "%s/%s.log%s%s", l->folder, name_of(l, log), number, end) >= PATH_MAX)
		out[0] = 0; // a path that no call takes
}

static void end_turn(struct logs *l)
{
	if (l->turn.to >= 0)
		close(l->turn.to);
	l->turn.to = -1;
	l->turn.log = NULL;
}

static void give_up(struct logs *l, const char *what)
{
	struct log *log = l->turn.log;
	char path[PATH_MAX];

	if (!log->told)
		say(l->plan->spec.name, "the log of service '%s' can't be rotated, it grows: %s: %s", name_of(l, log),
		    what, strerror(errno));
	log->told = true;
	path_of(l, log, 1, ".part", path);
	unlink(path);
	end_turn(l);
}

static void cut(struct logs *l)
{
	struct log *log = l->turn.log;
	bool hole = l->turn.end < CUT_SIZE && fallocate(log->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
							(off_t)l->turn.end) == 0;

	if (!hole && ftruncate(log->fd, 0)) {
		give_up(l, "cutting it");
		return;
	}
	log->begin = hole ? l->turn.end : 0;
	log->told = false;
	end_turn(l);
}

static void shift(struct logs *l)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned i = l->plan->logs.keep; i > 1; i--) {
		path_of(l, l->turn.log, i - 1, "", from);
		path_of(l, l->turn.log, i, "", to);
		rename(from, to); // there may be none yet
	}
	path_of(l, l->turn.log, 1, ".part", from);
	path_of(l, l->turn.log, 1, "", to);
	if (rename(from, to))
		give_up(l, "renaming the copy");
	else
		cut(l);
}

static bool copy_some(struct logs *l)
{
	static char buf[CHUNK];
	uint64_t left = l->turn.end - l->turn.at;
	ssize_t n = pread(l->turn.log->fd, buf, left < CHUNK ? left : CHUNK, (off_t)l->turn.at), done = 0;

	while (n > 0 && done < n) {
		ssize_t w = write(l->turn.to, buf + done, (size_t)(n - done));

		if (w < 0 && errno != EINTR)
			return false;
		done += w > 0 ? w : 0;
	}
	l->turn.at += n > 0 ? (uint64_t)n : 0;
	return n > 0;
}

static void on_step(struct loop_timer *t)
{
	struct logs *l = (struct logs *)((char *)t - offsetof(struct logs, step));

	if (l->plan->logs.keep && l->turn.at < l->turn.end) {
		if (!copy_some(l))
			give_up(l, "copying it");
		else
			loop_timer_set(l->loop, t, 0);
	} else if (l->plan->logs.keep) {
		shift(l);
	} else {
		cut(l);
	}
}

static void rotate(struct logs *l, struct log *log, uint64_t size)
{
	char path[PATH_MAX];

	l->turn.log = log;
	l->turn.to = -1;
	l->turn.at = log->begin;
	l->turn.end = size;
	path_of(l, log, 1, ".part", path);
	if (l->plan->logs.keep) {
		l->turn.to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (l->turn.to < 0) {
			give_up(l, path);
			return;
		}
	}
	loop_timer_set(l->loop, &l->step, 0);
}

static void on_timer(struct loop_timer *t)
{
	struct logs *l = (struct logs *)((char *)t - offsetof(struct logs, timer));
	struct stat st;

	for (unsigned i = 0; i < l->plan->spec.service_cnt && !l->turn.log; i++) {
		struct log *log = &l->logs[i];

		if (log->fd < 0 || fstat(log->fd, &st))
			continue;
		if ((uint64_t)st.st_size < log->begin)
			log->begin = 0; // somebody cut it
		if ((uint64_t)st.st_size - log->begin > l->plan->logs.max_size)
			rotate(l, log, (uint64_t)st.st_size);
	}
	loop_timer_set(l->loop, t, EVERY_NS);
}

static int open_one(struct logs *l, unsigned i, struct fail *fail)
{
	struct log *log = &l->logs[i];
	char path[PATH_MAX];
	struct stat st;

	path_of(l, log, 0, "", path);
	log->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->fd < 0)
		return fail_set(fail, SUP_SYSTEM, "can't open the log of service '%s', %s: %s",
				l->plan->services[i].name, path, strerror(errno));
	if (fstat(log->fd, &st) == 0)
		log->begin = logs_begin(log->fd, (uint64_t)st.st_size);
	return 0;
}

static int open_all(struct logs *l, unsigned files, struct fail *fail)
{
	const char *folder = l->plan->logs.folder;

	if (files && mkdir(folder, 0700) && errno != EEXIST)
		return fail_set(fail, SUP_SYSTEM, "can't make the folder of logs %s: %s", folder, strerror(errno));
	if (files && !realpath(folder, l->folder))
		return fail_set(fail, SUP_SYSTEM, "can't find the folder of logs %s: %s", folder, strerror(errno));
	l->nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (l->nowhere < 0)
		return fail_set(fail, SUP_SYSTEM, "can't open /dev/null: %s", strerror(errno));
	for (unsigned i = 0; i < l->plan->spec.service_cnt; i++)
		if (l->plan->services[i].log == TOPO_LOG_FILE && open_one(l, i, fail))
			return -1;
	return 0;
}

int logs_open(struct logs **out, struct loop *loop, const struct plan *plan, struct fail *fail)
{
	struct logs *l;
	unsigned any = 0, files = 0;

	*out = NULL;
	for (unsigned i = 0; i < plan->spec.service_cnt; i++) {
		any += plan->services[i].log != TOPO_LOG_INHERIT;
		files += plan->services[i].log == TOPO_LOG_FILE;
	}
	if (!any)
		return 0;
	l = calloc(1, sizeof(*l));
	if (l)
		l->logs = calloc(plan->spec.service_cnt, sizeof(*l->logs));
	if (!l || !l->logs) {
		free(l);
		return fail_set(fail, SUP_SYSTEM, "no memory for the logs");
	}
	l->plan = plan;
	l->loop = loop;
	l->timer = (struct loop_timer){on_timer, 0, 0};
	l->step = (struct loop_timer){on_step, 0, 0};
	l->turn.to = -1;
	for (unsigned i = 0; i < plan->spec.service_cnt; i++)
		l->logs[i].fd = -1;
	if (open_all(l, files, fail)) {
		logs_close(l);
		return -1;
	}
	if (files)
		loop_timer_set(loop, &l->timer, EVERY_NS);
	*out = l;
	return 0;
}

void logs_close(struct logs *l)
{
	if (!l)
		return;
	loop_timer_cancel(l->loop, &l->timer);
	loop_timer_cancel(l->loop, &l->step);
	end_turn(l);
	for (unsigned i = 0; i < l->plan->spec.service_cnt; i++)
		if (l->logs[i].fd >= 0)
			close(l->logs[i].fd);
	if (l->nowhere >= 0)
		close(l->nowhere);
	free(l->logs);
	free(l);
}
