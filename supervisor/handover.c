#include "supervisor/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_MAX 128
#define SIZE_MOST (UINT64_C(1) << 28)

struct handover {
	json_t *o;
	int file; // -1: none
	int fds[FD_MAX];
	unsigned fd_cnt;
	char *bytes;
	size_t len, used; // of the bytes; of what is read: all, and those that have been taken
};

struct handover *handover_new(void)
{
	struct handover *h = calloc(1, sizeof(*h));

	if (h)
		h->file = -1;
	return h;
}

static int let_live(struct handover *h, int fd)
{
	if (h->fd_cnt == FD_MAX || fcntl(fd, F_SETFD, 0))
		return -1;
	h->fds[h->fd_cnt++] = fd;
	return 0;
}

json_t *handover_fd(struct handover *h, int fd)
{
	return json_integer(let_live(h, fd) ? -1 : fd);
}

json_t *handover_bytes(struct handover *h, const char *data, size_t len)
{
	char *more = len ? realloc(h->bytes, h->len + len) : NULL;

	if (!more)
		return json_integer(0);
	h->bytes = more;
	memcpy(h->bytes + h->len, data, len);
	h->len += len;
	return json_integer((json_int_t)len);
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno ? errno : EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int handover_send(struct handover *h, json_t *o)
{
	char *line, number[16];
	int err;

	json_object_set_new(o, "handover", json_integer(HANDOVER_VERSION));
	json_object_set_new(o, "pid", json_integer(getpid()));
	line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!line)
		return ENOMEM;
	h->file = memfd_create("shmsup-handover", MFD_CLOEXEC);
	err = h->file < 0 ? errno : 0;
	if (!err && !(err = write_all(h->file, line, strlen(line))) && !(err = write_all(h->file, "\n", 1)))
		err = write_all(h->file, h->bytes, h->len);
	free(line);
	snprintf(number, sizeof(number), "%d", h->file);
	if (!err && (let_live(h, h->file) || setenv(HANDOVER_ENV, number, 1)))
		err = ENOMEM;
	return err;
}

void handover_abandon(struct handover *h)
{
	for (unsigned i = 0; i < h->fd_cnt; i++)
		fcntl(h->fds[i], F_SETFD, FD_CLOEXEC);
	h->fd_cnt = 0;
	unsetenv(HANDOVER_ENV);
}

void handover_delete(struct handover *h)
{
	if (!h)
		return;
	handover_abandon(h);
	if (h->file >= 0)
		close(h->file);
	json_decref(h->o);
	free(h->bytes);
	free(h);
}

// ------------------------------------------------------------------------------------------------ the taking end

static int number_of(const char *text)
{
	char *end;
	long n = text ? strtol(text, &end, 10) : -1;

	return text && *text && !*end && n > 2 && n < INT32_MAX ? (int)n : -1;
}

static bool read_file(struct handover *h, int fd)
{
	struct stat st;
	size_t size;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st) || (uint64_t)st.st_size > SIZE_MOST)
		return false; // no file in memory: this number has become another's
	size = (size_t)st.st_size;
	h->bytes = malloc(size + 1);
	if (!h->bytes)
		return false;
	while (h->len < size) {
		ssize_t n = pread(fd, h->bytes + h->len, size - h->len, (off_t)h->len);

		if (n <= 0)
			return false;
		h->len += (size_t)n;
	}
	return true;
}

static bool is_ours(const json_t *o)
{
	return json_is_object(o) && json_integer_value(json_object_get(o, "pid")) == getpid() &&
	       json_integer_value(json_object_get(o, "handover")) == HANDOVER_VERSION;
}

struct handover *handover_receive(void)
{
	int fd = number_of(getenv(HANDOVER_ENV));
	struct handover *h = fd < 0 ? NULL : handover_new();
	char *end;

	unsetenv(HANDOVER_ENV);
	if (!h)
		return NULL;
	if (read_file(h, fd) && (end = memchr(h->bytes, '\n', h->len))) {
		h->used = (size_t)(end - h->bytes) + 1;
		h->o = json_loadb(h->bytes, h->used, 0, NULL);
		h->file = fd;
	}
	if (is_ours(h->o))
		return h;
	h->file = -1;
	handover_delete(h);
	return NULL;
}

const json_t *handover_json(const struct handover *h)
{
	return h->o;
}

int handover_take_fd(const json_t *value)
{
	json_int_t n = json_integer_value(value);
	int fd = n > 2 && n < INT32_MAX ? (int)n : -1;

	return fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

const char *handover_take_bytes(struct handover *h, const json_t *value, size_t *len)
{
	json_int_t n = json_integer_value(value);
	const char *at = h->bytes + h->used;

	*len = 0;
	if (n < 0 || (uint64_t)n > h->len - h->used)
		return NULL;
	*len = (size_t)n;
	h->used += *len;
	return at;
}
