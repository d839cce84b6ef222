#include "supervisor/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "supervisor/control.h"
#include "supervisor/plan.h"
#include "supervisor/rundir.h"
#include "supervisor/say.h"

#define ANSWER_SECONDS 10

int link_open(struct link *l, const char *group, bool has_limit)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit = {ANSWER_SECONDS, 0};
	const char *error = plan_name_error(group);

	*l = (struct link){.group = group, .fd = -1};
	if (error)
		return fail_set(&l->fail, SUP_USAGE, "'%s' can't be the name of a group: %s", group, error);
	if (rundir_socket(addr.sun_path, group, "sock", &l->fail))
		return -1;
	l->buf = malloc(CONTROL_OUTPUT_MAX);
	if (!l->buf)
		return fail_set(&l->fail, SUP_SYSTEM, "no memory");
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0) {
		free(l->buf);
		return fail_set(&l->fail, SUP_SYSTEM, "can't make a socket: %s", strerror(errno));
	}
	if (has_limit)
		setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(l->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno == ENOENT)
		fail_set(&l->fail, SUP_NO_GROUP, "there is no group '%s' (no socket %s)", group,
			 addr.sun_path);
	else if (errno == ECONNREFUSED)
		fail_set(&l->fail, SUP_UNREACHABLE,
			 "the supervisor of group '%s' is dead; `shmsup run --adopt` goes on with it, `shmsup stop` "
			 "ends what is left",
			 group);
	else
		fail_set(&l->fail, SUP_UNREACHABLE, "can't reach the supervisor of group '%s' at %s: %s",
			 group, addr.sun_path, strerror(errno));
	link_close(l);
	return -1;
}

static ssize_t send_line(int fd, char *line, size_t len, int file)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {line, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (file >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &file, sizeof(int));
	}
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

int link_send(struct link *l, json_t *request)
{
	return link_send_file(l, request, -1);
}

int link_send_file(struct link *l, json_t *request, int file)
{
	char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
	int len = text ? asprintf(&line, "%s\n", text) : -1;
	ssize_t sent = -1;

	json_decref(request);
	free(text);
	if (len > CONTROL_REQUEST_MAX)
		errno = EMSGSIZE;
	else if (len > 0)
		sent = send_line(l->fd, line, (size_t)len, file);
	free(line);
	return sent == len && len > 0
		       ? 0
		       : fail_set(&l->fail, SUP_UNREACHABLE, "can't send to the supervisor of group '%s': %s",
				  l->group, strerror(errno));
}

// A whole line in the buffer; its length with the '\n' or 0.
static size_t line_len(const struct link *l)
{
	const char *end = memchr(l->buf + l->used, '\n', l->len - l->used);

	return end ? (size_t)(end - l->buf) - l->used + 1 : 0;
}

// Returns 0 at the end of the connection too.
static int fill(struct link *l, bool *end)
{
	ssize_t n;

	memmove(l->buf, l->buf + l->used, l->len - l->used);
	l->len -= l->used;
	l->used = 0;
	do
		n = recv(l->fd, l->buf + l->len, CONTROL_OUTPUT_MAX - l->len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return fail_set(&l->fail, SUP_UNREACHABLE, "the supervisor of group '%s' does not answer: %s",
				l->group, errno == EAGAIN ? "it was given 10 s" : strerror(errno));
	*end = n <= 0;
	l->len += n > 0 ? (size_t)n : 0;
	return 0;
}

int link_read(struct link *l, json_t **out)
{
	bool end = false;
	size_t len;

	*out = NULL;
	while (!(len = line_len(l)) && !end && l->len - l->used < CONTROL_OUTPUT_MAX)
		if (fill(l, &end))
			return -1;
	if (!len && l->len == l->used)
		return 0;
	*out = json_loadb(l->buf + l->used, len ? len : l->len - l->used, 0, NULL);
	l->used += len ? len : l->len - l->used;
	if (!json_is_object(*out))
		return fail_set(&l->fail, SUP_UNREACHABLE,
				"the supervisor of group '%s' answers in a way this shmsup does not know",
				l->group);
	return 0;
}

int link_check(struct link *l, const json_t *reply)
{
	const char *error;

	if (!reply)
		return fail_set(&l->fail, SUP_UNREACHABLE,
				"the supervisor of group '%s' is dead, or ended before it answered",
				l->group);
	if (json_is_true(json_object_get(reply, "ok")))
		return 0;
	error = json_string_value(json_object_get(reply, "error"));
	return fail_set(&l->fail, SUP_REFUSED, "%s", error ? error : "refused, without a reason");
}

int link_ask(struct link *l, const char *group, json_t *request, bool has_limit, json_t **out)
{
	int rc;

	*out = NULL;
	if (link_open(l, group, has_limit)) {
		json_decref(request);
		return -1;
	}
	rc = link_send(l, request) || link_read(l, out) || link_check(l, *out) ? -1 : 0;
	link_close(l);
	return rc;
}

void link_close(struct link *l)
{
	close(l->fd);
	free(l->buf);
}

enum sup_exit link_failed(const struct link *l)
{
	say(NULL, "%s", l->fail.text);
	return l->fail.status;
}
