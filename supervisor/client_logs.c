// `shmsup logs`: reads the files that services write to, beside them and the supervisor.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor/client.h"
#include "supervisor/link.h"
#include "supervisor/logs.h"

#define LOOK_MS 200
#define OLD_MAX 1000

struct file {
	char name[64]; // of the service
	int fd;
	uint64_t at;
	char line[4096]; // its last one, as far as it is written
	size_t len;
};

struct reader {
	const char *folder;
	struct file *files;
	unsigned cnt;
	int width; // of the longest name; 0: one service, its lines are printed as they are
};

static void put_line(const struct reader *r, struct file *f)
{
	if (r->width)
		printf("%-*s | ", r->width, f->name);
	fwrite(f->line, 1, f->len, stdout);
	putchar('\n');
	f->len = 0;
}

static void put_bytes(const struct reader *r, struct file *f, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || f->len == sizeof(f->line))
			put_line(r, f);
		if (s[i] != '\n')
			f->line[f->len++] = s[i];
	}
}

static void put_file(const struct reader *r, struct file *f, int fd, uint64_t *at, uint64_t end)
{
	char buf[16384];

	while (*at < end) {
		uint64_t left = end - *at;
		ssize_t n = pread(fd, buf, left < sizeof(buf) ? left : sizeof(buf), (off_t)*at);

		if (n <= 0)
			return;
		put_bytes(r, f, buf, (size_t)n);
		*at += (uint64_t)n;
	}
}

static int open_old(const struct reader *r, const struct file *f, unsigned number, uint64_t *size)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s.log.%u", r->folder, f->name, number) >= PATH_MAX)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0)
		*size = (uint64_t)st.st_size;
	return fd;
}

// The last `want` bytes of the old files.
static void put_old(const struct reader *r, struct file *f, uint64_t want)
{
	uint64_t size = 0, sum = 0;
	unsigned n = 0;
	int fd;

	while (n < OLD_MAX && sum < want && (fd = open_old(r, f, n + 1, &size)) >= 0) {
		close(fd);
		sum += size;
		n++;
	}
	for (; n > 0; n--) {
		uint64_t at = sum > want ? sum - want : 0;

		fd = open_old(r, f, n, &size);
		if (fd < 0)
			continue;
		put_file(r, f, fd, &at, size);
		close(fd);
		sum = want;
	}
}

static void put_more(const struct reader *r)
{
	struct stat st;

	for (unsigned i = 0; i < r->cnt; i++) {
		struct file *f = &r->files[i];
		uint64_t begin;

		if (fstat(f->fd, &st))
			continue;
		if ((uint64_t)st.st_size < f->at)
			f->at = 0;
		begin = (uint64_t)st.st_size > f->at ? logs_begin(f->fd, (uint64_t)st.st_size) : 0;
		if (f->at < begin) {
			put_old(r, f, begin - f->at); // it moved before it was read
			f->at = begin;
		}
		put_file(r, f, f->fd, &f->at, (uint64_t)st.st_size);
	}
	fflush(stdout);
}

static void put_all(const struct reader *r)
{
	struct stat st;

	for (unsigned i = 0; i < r->cnt; i++) {
		struct file *f = &r->files[i];

		// Before the old ones are read: what moves there meanwhile is missed by nobody.
		f->at = fstat(f->fd, &st) ? 0 : logs_begin(f->fd, (uint64_t)st.st_size);
		put_old(r, f, UINT64_MAX);
	}
	put_more(r);
}

static bool is_wanted(const char *name, const char *service)
{
	size_t len = service ? strlen(service) : 0;

	// A replicated name stands for all replicas.
	return !service || strcmp(name, service) == 0 ||
	       (strncmp(name, service, len) == 0 && name[len] == '-' &&
		name[len + 1 + strspn(name + len + 1, "0123456789")] == 0 && name[len + 1]);
}

static int open_files(struct reader *r, const json_t *services, const char *service, const char *group,
		      struct fail *fail)
{
	const json_t *s;
	char path[PATH_MAX];
	size_t i;

	r->files = calloc(json_array_size(services) + 1, sizeof(*r->files));
	if (!r->files)
		return fail_set(fail, SUP_SYSTEM, "no memory");
	json_array_foreach(services, i, s)
	{
		const char *name = json_string_value(json_object_get(s, "name"));
		struct file *f = &r->files[r->cnt];

		if (!name || !is_wanted(name, service))
			continue;
		snprintf(f->name, sizeof(f->name), "%s", name);
		snprintf(path, sizeof(path), "%s/%s.log", r->folder, f->name);
		f->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (f->fd < 0 && errno != ENOENT)
			return fail_set(fail, SUP_SYSTEM, "can't read log %s: %s", path, strerror(errno));
		r->width = (int)strlen(f->name) > r->width ? (int)strlen(f->name) : r->width;
		r->cnt += f->fd >= 0;
	}
	if (r->cnt == 0)
		return fail_set(fail, SUP_REFUSED, service ? "group '%s' keeps no log of a service '%s'"
							   : "group '%s' keeps no logs%.0s",
				group, service ? service : "");
	r->width = r->cnt > 1 ? r->width : 0;
	return 0;
}

// Until the supervisor closes the connection; its events are only what keeps that open.
static void follow(const struct reader *r, struct link *l)
{
	struct pollfd p = {l->fd, POLLIN, 0};
	char sink[4096];
	bool open = true;

	while (open && !ferror(stdout)) {
		if (poll(&p, 1, LOOK_MS) > 0)
			open = recv(l->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0;
		put_more(r);
	}
}

enum sup_exit client_logs(const char *group, const char *service, bool follows)
{
	struct reader r = {0};
	json_t *reply = NULL, *status, *events = NULL;
	struct link l;
	int rc;

	if (link_open(&l, group, false))
		return link_failed(&l);
	rc = link_send(&l, json_pack("{s:s}", "verb", "status")) || link_read(&l, &reply) || link_check(&l, reply);
	status = json_object_get(reply, "status");
	r.folder = json_string_value(json_object_get(status, "logs"));
	if (!rc && !r.folder)
		rc = fail_set(&l.fail, SUP_REFUSED,
			      "group '%s' keeps no logs: its topology has no `logs` with a folder, its services write to the "
			      "output of `shmsup run`",
			      group);
	if (!rc)
		rc = open_files(&r, json_object_get(status, "services"), service, group, &l.fail);
	if (!rc && follows)
		rc = link_send(&l, json_pack("{s:s, s:b, s:I}", "verb", "events", "follow", 1, "after",
					     (json_int_t)INT64_MAX)) ||
		     link_read(&l, &events) || link_check(&l, events);
	if (!rc)
		put_all(&r);
	if (!rc && follows)
		follow(&r, &l);
	for (unsigned i = 0; i < r.cnt; i++) {
		if (!rc && r.files[i].len)
			put_line(&r, &r.files[i]);
		close(r.files[i].fd);
	}
	free(r.files);
	json_decref(events);
	json_decref(reply);
	link_close(&l);
	return rc ? link_failed(&l) : SUP_OK;
}
