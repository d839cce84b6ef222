#include "supervisor/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
	struct loop_watch watch; // fd < 0: free
	struct loop_timer timer;
	struct loop_timer next; // to the next request that has already been read: one per turn, so that none
				// starves a death
	struct control *control;
	struct control_wait wait;
	bool follows;
	int fd;    // that the client has sent with its request, -1 = none
	bool last; // to be closed when its output is gone
	char in[CONTROL_REQUEST_MAX];
	size_t in_len;
	char *out;
	size_t out_len, out_done, out_room;
};

struct control {
	struct loop_watch watch;
	struct loop *loop;
	control_handler *f;
	void *ctx;
	int spare; // given up to take and drop a client when descriptors have run out
	bool is_shut;
	struct sockaddr_un addr;
	struct client clients[CONTROL_CLIENT_MAX];
};

json_t *control_error(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static void drop_file(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void drop(struct client *c)
{
	drop_file(c);
	loop_unwatch(c->control->loop, &c->watch);
	loop_timer_cancel(c->control->loop, &c->timer);
	loop_timer_cancel(c->control->loop, &c->next);
	shutdown(c->watch.fd, SHUT_RDWR); // a wait of io_uring may hold the file a moment longer than close
	close(c->watch.fd);
	free(c->out);
	c->watch.fd = -1;
	c->out = NULL;
}

static bool has_output(const struct client *c)
{
	return c->out_done < c->out_len;
}

// Returns false if the client is gone.
static bool flush(struct client *c)
{
	while (has_output(c)) {
		ssize_t n = send(c->watch.fd, c->out + c->out_done, c->out_len - c->out_done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			drop(c);
			return false;
		}
		c->out_done += (size_t)n;
		loop_timer_set(c->control->loop, &c->timer, CONTROL_IDLE_NS);
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_done = c->out_room = 0;
	if (c->last)
		drop(c);
	return c->watch.fd >= 0;
}

// The reply is the only output: no request is read while one is under way.
static void put_reply(struct client *c, json_t *reply)
{
	c->wait.waiting = false;
	c->out = reply ? json_dumps(reply, JSON_COMPACT | JSON_REAL_PRECISION(16)) : NULL;
	json_decref(reply);
	c->out_len = c->out ? strlen(c->out) : 0;
	c->out_done = 0;
	if (!c->out || c->out_len >= CONTROL_OUTPUT_MAX) {
		free(c->out);
		c->out = strdup("{\"ok\":false,\"error\":\"no memory for the reply\"}");
		c->out_len = c->out ? strlen(c->out) : 0;
		c->last = true;
	}
	if (c->out)
		c->out[c->out_len++] = '\n'; // in place of the final NUL
	c->out_room = c->out_len;
}

static void handle_line(struct client *c, size_t len)
{
	json_error_t error;
	json_t *request = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, &error), *reply;

	c->wait = (struct control_wait){.fd = c->fd};
	if (!json_is_object(request))
		reply = control_error("a request is one JSON object on a line: %s",
				      request ? "not an object" : error.text);
	else
		reply = c->control->f(c->control->ctx, request, &c->wait);
	json_decref(request);
	drop_file(c);
	if (reply || !c->wait.waiting)
		put_reply(c, reply);
	c->follows = c->wait.follow;
}

static void handle_input(struct client *c)
{
	char *end = memchr(c->in, '\n', c->in_len);

	if (has_output(c) || c->wait.waiting || c->follows)
		return;
	if (end) {
		size_t len = (size_t)(end - c->in);

		handle_line(c, len);
		c->in_len -= len + 1;
		memmove(c->in, end + 1, c->in_len);
	} else if (c->in_len == sizeof(c->in)) {
		c->last = true;
		put_reply(c, control_error("a request is longer than %d bytes", CONTROL_REQUEST_MAX));
	}
}

static void go_on(struct client *c)
{
	bool more;

	if (!flush(c))
		return;
	more = !has_output(c) && !c->wait.waiting && !c->follows && memchr(c->in, '\n', c->in_len);
	if (more)
		loop_timer_set(c->control->loop, &c->next, 0);
	if (c->wait.waiting || (c->follows && !has_output(c)))
		loop_timer_cancel(c->control->loop, &c->timer);
	loop_watch_events(c->control->loop, &c->watch,
			  has_output(c)                           ? POLLOUT
			  : more || c->wait.waiting || c->follows ? 0
								  : POLLIN);
}

static void on_next(struct loop_timer *t)
{
	struct client *c = (struct client *)((char *)t - offsetof(struct client, next));

	handle_input(c);
	go_on(c);
}

// Reads on, and keeps the last file that was sent along.
static ssize_t receive(struct client *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {c->in + c->in_len, sizeof(c->in) - c->in_len};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(c->watch.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int))) {
		drop_file(c);
		memcpy(&c->fd, CMSG_DATA(h), sizeof(int));
	}
	return n;
}

static void on_client(struct loop_watch *w, short revents)
{
	struct client *c = (struct client *)w;
	ssize_t n;

	if (c->wait.waiting || loop_timer_is_set(&c->next) || (c->follows && !has_output(c))) {
		if (revents & (POLLHUP | POLLERR))
			drop(c);
		return;
	}
	if (!has_output(c)) {
		n = receive(c);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			drop(c);
			return;
		}
		if (n > 0) {
			c->in_len += (size_t)n;
			loop_timer_set(c->control->loop, &c->timer, CONTROL_IDLE_NS);
		}
		handle_input(c);
	}
	go_on(c);
}

static void on_idle(struct loop_timer *t)
{
	drop((struct client *)((char *)t - offsetof(struct client, timer)));
}

static bool may_talk(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == geteuid() || cred.uid == 0);
}

static void refuse(int fd, const char *line)
{
	send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static struct client *seat(struct control *c, int fd)
{
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++) {
		struct client *k = &c->clients[i];

		if (k->watch.fd >= 0)
			continue;
		k->watch = (struct loop_watch){fd, POLLIN, false, on_client, 0};
		k->timer = (struct loop_timer){on_idle, 0, 0};
		k->next = (struct loop_timer){on_next, 0, 0};
		k->control = c;
		k->fd = -1;
		k->wait = (struct control_wait){0};
		k->last = k->follows = false;
		k->in_len = k->out_len = k->out_done = 0;
		if (loop_watch(c->loop, &k->watch) || loop_timer_set(c->loop, &k->timer, CONTROL_IDLE_NS))
			drop(k);
		return k;
	}
	return NULL;
}

static void admit(struct control *c, int fd)
{
	if (!seat(c, fd))
		refuse(fd, "{\"ok\":false,\"error\":\"too many clients\"}\n");
}

static void on_listen(struct loop_watch *w, short revents)
{
	struct control *c = (struct control *)w;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && c->spare >= 0) {
		close(c->spare);
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			close(fd);
		c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return;
	}
	if (fd < 0)
		return;
	if (!may_talk(fd))
		refuse(fd, "{\"ok\":false,\"error\":\"not your group\"}\n");
	else
		admit(c, fd);
}
_Static_assert(offsetof(struct control, watch) == 0 && offsetof(struct client, watch) == 0,
	       "the handlers cast");

static int bind_to(struct control *c, const char *path)
{
	c->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->watch.fd < 0)
		return -1;
	unlink(path);
	// fchmod first: bind makes the path with the socket's mode, so that it is never open to others.
	return fchmod(c->watch.fd, 0600) ||
	       bind(c->watch.fd, (struct sockaddr *)&c->addr, sizeof(c->addr)) || chmod(path, 0600) ||
	       listen(c->watch.fd, CONTROL_CLIENT_MAX);
}

static int open_at(struct control **out, struct loop *l, const char *path, int fd, control_handler *f, void *ctx)
{
	struct control *c;
	int err;

	*out = NULL;
	if (strlen(path) >= sizeof(c->addr.sun_path))
		return ENAMETOOLONG;
	c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->loop = l;
	c->f = f;
	c->ctx = ctx;
	c->addr.sun_family = AF_UNIX;
	strcpy(c->addr.sun_path, path);
	c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		c->clients[i].watch.fd = -1;
	c->watch = (struct loop_watch){fd, POLLIN, false, on_listen, 0};
	if (fd >= 0 && access(path, F_OK)) {
		close(fd); // it was handed over, but nobody can reach it any more
		fd = -1;
	}
	if ((fd < 0 && bind_to(c, path)) || (errno = loop_watch(l, &c->watch))) {
		err = errno;
		control_close(c);
		return err;
	}
	*out = c;
	return 0;
}

int control_open(struct control **out, struct loop *l, const char *path, control_handler *f, void *ctx)
{
	return open_at(out, l, path, -1, f, ctx);
}

// ------------------------------------------------------------------------------------------------ over execve

json_t *control_hand_over(const struct control *c, struct handover *h)
{
	json_t *clients = json_array();

	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++) {
		const struct client *k = &c->clients[i];
		json_t *in, *out;

		if (k->watch.fd < 0 || k->fd >= 0)
			continue;
		in = handover_bytes(h, k->in, k->in_len);
		out = handover_bytes(h, k->out + k->out_done, k->out_len - k->out_done);
		json_array_append_new(clients,
				      json_pack("{s:o, s:b, s:I, s:I, s:b, s:b, s:o, s:o}", "fd",
						handover_fd(h, k->watch.fd), "waiting", k->wait.waiting, "service",
						(json_int_t)k->wait.service, "incarnation",
						(json_int_t)k->wait.incarnation, "follows", k->follows, "last",
						k->last, "in", in, "out", out));
	}
	return json_pack("{s:o, s:o}", "listen", handover_fd(h, c->watch.fd), "clients", clients);
}

static void take_client(struct control *c, const json_t *o, struct handover *h)
{
	size_t in_len, out_len;
	const char *in = handover_take_bytes(h, json_object_get(o, "in"), &in_len);
	const char *out = handover_take_bytes(h, json_object_get(o, "out"), &out_len);
	int fd = handover_take_fd(h, json_object_get(o, "fd"));
	struct client *k = fd >= 0 ? seat(c, fd) : NULL;

	if (!k || k->watch.fd < 0)
		return;
	k->out = out_len ? malloc(out_len) : NULL;
	// Of a second one, nobody knows what of the bytes has been written.
	if (!in || !out || in_len > sizeof(k->in) || out_len > CONTROL_OUTPUT_MAX || (out_len && !k->out) ||
	    (out_len && handover_is_second(h))) {
		drop(k);
		return;
	}
	memcpy(k->in, in, in_len);
	k->in_len = in_len;
	if (out_len)
		memcpy(k->out, out, out_len);
	k->out_len = k->out_room = out_len;
	k->wait = (struct control_wait){json_is_true(json_object_get(o, "waiting")),
					(unsigned)json_integer_value(json_object_get(o, "service")),
					(unsigned)json_integer_value(json_object_get(o, "incarnation")), false, -1};
	k->follows = json_is_true(json_object_get(o, "follows"));
	k->last = json_is_true(json_object_get(o, "last"));
	go_on(k);
}

int control_take_over(struct control **out, struct loop *l, const char *path, control_handler *f, void *ctx,
		      const json_t *what, struct handover *h)
{
	const json_t *o;
	size_t i;
	int fd = what ? handover_take_fd(h, json_object_get(what, "listen")) : -1;
	int err = open_at(out, l, path, fd, f, ctx);

	if (err || !what)
		return err;
	json_array_foreach(json_object_get(what, "clients"), i, o)
	{
		take_client(*out, o, h);
	}
	return 0;
}

void control_settle(struct control *c, json_t *(*reply)(void *ctx, const struct control_wait *w), void *ctx)
{
	for (unsigned i = 0; c && i < CONTROL_CLIENT_MAX; i++) {
		struct client *k = &c->clients[i];
		json_t *r;

		if (k->watch.fd < 0 || !k->wait.waiting || !(r = reply(ctx, &k->wait)))
			continue;
		put_reply(k, r);
		loop_timer_set(c->loop, &k->timer, CONTROL_IDLE_NS);
		go_on(k);
	}
}

unsigned control_followers(const struct control *c)
{
	unsigned cnt = 0;

	for (unsigned i = 0; c && i < CONTROL_CLIENT_MAX; i++)
		cnt += c->clients[i].watch.fd >= 0 && c->clients[i].follows;
	return cnt;
}

// Behind what the client has not read yet. Returns false if that is too much, or there is no memory for it.
static bool append(struct client *k, const char *line, size_t len)
{
	size_t left = k->out_len - k->out_done;

	if (left + len > CONTROL_OUTPUT_MAX)
		return false;
	if (k->out_len + len > k->out_room) {
		size_t room = (left + len) * 2;
		char *out = malloc(room);

		if (!out)
			return false;
		if (left)
			memcpy(out, k->out + k->out_done, left);
		free(k->out);
		k->out = out;
		k->out_room = room;
		k->out_done = 0;
		k->out_len = left;
	}
	memcpy(k->out + k->out_len, line, len);
	k->out_len += len;
	return true;
}

unsigned control_publish(struct control *c, const char *line, size_t len)
{
	unsigned dropped = 0;

	for (unsigned i = 0; c && i < CONTROL_CLIENT_MAX; i++) {
		struct client *k = &c->clients[i];

		if (k->watch.fd < 0 || !k->follows)
			continue;
		if (!append(k, line, len)) {
			drop(k);
			dropped++;
			continue;
		}
		if (!loop_timer_is_set(&k->timer))
			loop_timer_set(c->loop, &k->timer, CONTROL_IDLE_NS);
		go_on(k);
	}
	return dropped;
}

void control_shut(struct control *c)
{
	if (!c || c->is_shut)
		return;
	c->is_shut = true;
	loop_unwatch(c->loop, &c->watch);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	unlink(c->addr.sun_path);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	control_shut(c);
	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++)
		if (c->clients[i].watch.fd >= 0)
			drop(&c->clients[i]);
	if (c->spare >= 0)
		close(c->spare);
	free(c);
}
