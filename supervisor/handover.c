#include "supervisor/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_MAX 128
#define SIZE_MOST (UINT64_C(1) << 28)

struct handover {
	json_t *o;
	int file; // -1: none
	int fds[FD_MAX]; // on the taking end -1 when it has been taken
	unsigned fd_cnt;
	bool second;
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

json_t *handover_fd(struct handover *h, int fd)
{
	if (h->fd_cnt == FD_MAX || fd < 0)
		return json_integer(-1);
	h->fds[h->fd_cnt++] = fd;
	return json_integer(h->fd_cnt - 1);
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

static json_t *numbers(const struct handover *h)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < h->fd_cnt; i++)
		json_array_append_new(list, json_integer(h->fds[i]));
	return list;
}

int handover_write(struct handover *h, json_t *o)
{
	char *line;
	int err;

	json_object_set_new(o, "handover", json_integer(HANDOVER_VERSION));
	json_object_set_new(o, "pid", json_integer(getpid()));
	json_object_set_new(o, "fds", numbers(h));
	line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!line)
		return ENOMEM;
	h->file = memfd_create("shmsup-handover", MFD_CLOEXEC);
	err = h->file < 0 ? errno : 0;
	if (!err && !(err = write_all(h->file, line, strlen(line))) && !(err = write_all(h->file, "\n", 1)))
		err = write_all(h->file, h->bytes, h->len);
	free(line);
	return err;
}

int handover_to_execve(struct handover *h)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", h->file);
	for (unsigned i = 0; i < h->fd_cnt; i++)
		if (fcntl(h->fds[i], F_SETFD, 0))
			return errno;
	return fcntl(h->file, F_SETFD, 0) || setenv(HANDOVER_ENV, number, 1) ? errno : 0;
}

// The file, and the descriptors in their order.
union rights {
	struct cmsghdr align;
	char bytes[CMSG_SPACE((FD_MAX + 1) * sizeof(int))];
};

int handover_to_process(const struct handover *h, int socket)
{
	char byte = 'h';
	struct iovec iov = {&byte, 1};
	union rights rights = {0};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = rights.bytes,
			   .msg_controllen = CMSG_SPACE((h->fd_cnt + 1) * sizeof(int))};
	int *to = (int *)CMSG_DATA(CMSG_FIRSTHDR(&m));

	*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_len = CMSG_LEN((h->fd_cnt + 1) * sizeof(int)),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS};
	to[0] = h->file;
	memcpy(to + 1, h->fds, h->fd_cnt * sizeof(int));
	return sendmsg(socket, &m, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

void handover_abandon(struct handover *h)
{
	for (unsigned i = 0; i < h->fd_cnt; i++)
		fcntl(h->fds[i], F_SETFD, FD_CLOEXEC);
	unsetenv(HANDOVER_ENV);
}

void handover_delete(struct handover *h)
{
	if (!h)
		return;
	for (unsigned i = 0; h->o && i < h->fd_cnt; i++)
		if (h->fds[i] >= 0)
			close(h->fds[i]);
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

static bool is_from(const json_t *o, pid_t pid)
{
	return json_is_object(o) && json_integer_value(json_object_get(o, "pid")) == pid &&
	       json_integer_value(json_object_get(o, "handover")) == HANDOVER_VERSION;
}

// What stands in the file, if `pid` has written it.
static bool parse(struct handover *h, int fd, pid_t pid)
{
	const char *end;
	json_t *o;

	if (!read_file(h, fd) || !(end = memchr(h->bytes, '\n', h->len)))
		return false;
	h->used = (size_t)(end - h->bytes) + 1;
	o = json_loadb(h->bytes, h->used, 0, NULL);
	if (!is_from(o, pid)) {
		json_decref(o);
		return false;
	}
	h->o = o;
	h->file = fd;
	return true;
}

struct handover *handover_receive(void)
{
	int fd = number_of(getenv(HANDOVER_ENV));
	struct handover *h = fd < 0 ? NULL : handover_new();
	const json_t *value;
	size_t i;

	unsetenv(HANDOVER_ENV);
	if (!h || !parse(h, fd, getpid())) {
		handover_delete(h);
		return NULL;
	}
	json_array_foreach(json_object_get(h->o, "fds"), i, value)
	{
		json_int_t n = json_integer_value(value);

		if (h->fd_cnt < FD_MAX)
			h->fds[h->fd_cnt++] = n > 2 && n < INT32_MAX && !fcntl((int)n, F_SETFD, FD_CLOEXEC) ? (int)n : -1;
	}
	return h;
}

struct handover *handover_receive_second(int socket, pid_t pid)
{
	char byte = 0;
	struct iovec iov = {&byte, 1};
	union rights rights;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = rights.bytes, .msg_controllen = sizeof(rights)};
	struct handover *h = handover_new();
	const struct cmsghdr *c;
	ssize_t n;
	int file;

	do
		n = h ? recvmsg(socket, &m, MSG_CMSG_CLOEXEC) : -1;
	while (n < 0 && h && errno == EINTR);
	c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len < CMSG_LEN(sizeof(int))) {
		free(h);
		return NULL;
	}
	memcpy(&file, CMSG_DATA(c), sizeof(file));
	h->fd_cnt = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int)) - 1;
	memcpy(h->fds, CMSG_DATA(c) + sizeof(int), h->fd_cnt * sizeof(int));
	h->second = true;
	if (parse(h, file, pid))
		return h;
	handover_delete(h);
	return NULL;
}

bool handover_is_second(const struct handover *h)
{
	return h->second;
}

const json_t *handover_json(const struct handover *h)
{
	return h->o;
}

int handover_take_fd(struct handover *h, const json_t *value)
{
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : -1;
	int fd = n >= 0 && n < h->fd_cnt ? h->fds[n] : -1;

	if (fd >= 0)
		h->fds[n] = -1;
	return fd;
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
