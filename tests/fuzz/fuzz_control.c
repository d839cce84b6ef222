// A client that sends any bytes to the control socket, in pieces of any size (the first byte says how large), and ends
// or does not. Every line of a reply is a JSON object with "ok", and the supervisor's side goes on.

#include <jansson.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "supervisor/control.h"
#include "supervisor/loop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct loop *l;
static struct control *control;
static struct sockaddr_un addr = {.sun_family = AF_UNIX};

static _Noreturn void broken(const char *what)
{
	fprintf(stderr, "fuzz_control: %s\n", what);
	abort();
}

static void end(void)
{
	control_close(control);
	loop_delete(l);
}

// What a client may ask for: an answer, one that comes later, to follow, none.
static json_t *answer(void *ctx, const json_t *request, struct control_wait *wait)
{
	const char *verb = json_string_value(json_object_get(request, "verb"));

	wait->waiting = verb && strcmp(verb, "wait") == 0;
	wait->follow = verb && strcmp(verb, "follow") == 0;
	if (wait->waiting)
		return NULL;
	return json_pack("{s:b, s:O}", "ok", 1, "request", request);
}

static json_t *settle(void *ctx, const struct control_wait *wait)
{
	return json_pack("{s:b}", "ok", 1);
}

static void begin(void)
{
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/fuzz_control.%d", (int)getpid());
	if (loop_new(&l, LOOP_POLL) || control_open(&control, l, addr.sun_path, answer, NULL))
		broken("no control socket");
	atexit(end);
}

static void check_line(const char *line, size_t len)
{
	json_t *reply = json_loadb(line, len, 0, NULL);

	if (!json_is_boolean(json_object_get(reply, "ok")))
		broken("a reply is not an object with ok");
	json_decref(reply);
}

// Reads what is there; returns false at the end of the connection.
static bool take(int fd, char *in, size_t *len, size_t room)
{
	ssize_t n = recv(fd, in + *len, room - *len, MSG_DONTWAIT);
	char *nl;

	if (n > 0)
		*len += (size_t)n;
	while ((nl = memchr(in, '\n', *len))) {
		check_line(in, (size_t)(nl - in));
		*len -= (size_t)(nl + 1 - in);
		memmove(in, nl + 1, *len);
	}
	if (*len == room)
		broken("a reply is longer than requests are");
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static void turn(void)
{
	loop_turn(l, 0);
	control_settle(control, settle, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char in[1 << 16];
	size_t len = 0, piece = size ? data[0] * 16u + 1 : 1;
	bool open = true;
	int fd;

	if (!control)
		begin();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		broken("the control socket takes no client");
	turn();
	for (size_t at = 1; at < size && open; at += piece) {
		if (send(fd, data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		for (int i = 0; i < 4 && open; i++) {
			turn();
			open = take(fd, in, &len, sizeof(in));
		}
	}
	control_publish(control, "{\"ok\":true}\n", 12);
	for (int i = 0; i < 4; i++)
		turn();
	if (open)
		take(fd, in, &len, sizeof(in));
	close(fd);
	turn();
	turn();
	return 0;
}
