#include "supervisor/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DRAIN_MAX 256 // datagrams per wake-up: a flood must not keep the loop from deaths

struct notify {
	struct loop_watch watch;
	struct loop *loop;
	void (*f)(void *ctx, const struct notify_msg *m);
	void *ctx;
	struct sockaddr_un addr;
};

void notify_parse(struct notify_msg *out, const char *data, size_t len)
{
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t line = end ? (size_t)(end - data) : len;

		if (line == 7 && memcmp(data, "READY=1", 7) == 0)
			out->ready = true;
		if (line == 10 && memcmp(data, "WATCHDOG=1", 10) == 0)
			out->watchdog = true;
		if (line >= 7 && memcmp(data, "STATUS=", 7) == 0) {
			size_t n = line - 7 < NOTIFY_STATUS_MAX - 1 ? line - 7 : NOTIFY_STATUS_MAX - 1;

			out->has_status = true;
			for (size_t i = 0; i < n; i++)
				out->status[i] =
					data[7 + i] >= ' ' && data[7 + i] != 0x7f ? data[7 + i] : '?';
			out->status[n] = 0;
		}
		line += end != NULL;
		data += line;
		len -= line;
	}
}

// The sender may pass descriptors along; they would pile up. With BARRIER=1 it waits for this close: what it sent before has been dealt with.
static void close_passed(const struct cmsghdr *c)
{
	size_t cnt = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < cnt; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
		close(fd);
	}
}

static bool receive(struct notify *n)
{
	_Alignas(
		struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int) * 16)];
	char data[4096];
	struct iovec iov = {data, sizeof(data)};
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct notify_msg m = {0};
	ssize_t len = recvmsg(n->watch.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	bool credentials = false;

	if (len < 0)
		return errno == EINTR;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
		struct ucred cred;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			close_passed(c);
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			m.pid = cred.pid;
			credentials = true;
		}
	}
	if (credentials && m.pid > 0) {
		notify_parse(&m, data, (size_t)len);
		n->f(n->ctx, &m);
	}
	return true;
}

void notify_drain(struct notify *n)
{
	for (int i = 0; i < DRAIN_MAX && receive(n); i++)
		;
}

static void on_ready(struct loop_watch *w, short revents)
{
	notify_drain((struct notify *)w);
}
_Static_assert(offsetof(struct notify, watch) == 0, "on_ready casts");

static int bind_to(struct notify *n, const char *path)
{
	int on = 1;

	n->watch.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	return n->watch.fd < 0 || fchmod(n->watch.fd, 0600) ||
	       setsockopt(n->watch.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	       bind(n->watch.fd, (struct sockaddr *)&n->addr, sizeof(n->addr)) || chmod(path, 0600);
}

int notify_open(struct notify **out, struct loop *l, const char *path, int fd,
		void (*f)(void *ctx, const struct notify_msg *m), void *ctx)
{
	struct notify *n;
	int err;

	*out = NULL;
	if (strlen(path) >= sizeof(n->addr.sun_path))
		return ENAMETOOLONG;
	n = calloc(1, sizeof(*n));
	if (!n)
		return ENOMEM;
	n->loop = l;
	n->f = f;
	n->ctx = ctx;
	n->addr.sun_family = AF_UNIX;
	strcpy(n->addr.sun_path, path);
	n->watch = (struct loop_watch){fd, POLLIN, false, on_ready, 0};
	if (fd >= 0 && access(path, F_OK)) {
		close(fd); // it was handed over, but nobody can reach it any more
		fd = -1;
	}
	if ((fd < 0 && bind_to(n, path)) || (errno = loop_watch(l, &n->watch))) {
		err = errno;
		notify_close(n);
		return err;
	}
	*out = n;
	return 0;
}

int notify_fd(const struct notify *n)
{
	return n->watch.fd;
}

void notify_close(struct notify *n)
{
	if (!n)
		return;
	loop_unwatch(n->loop, &n->watch);
	if (n->watch.fd >= 0)
		close(n->watch.fd);
	unlink(n->addr.sun_path);
	free(n);
}
