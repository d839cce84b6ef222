#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "supervisor/chaos.h"
#include "supervisor/control.h"

#define MS UINT64_C(1000000)

static char path[64];
static struct loop *loop;
static struct control *control;
static unsigned requests;
static bool settle;

// Answers with the request's own "x"; "wait" is answered when `settle` says so, "big" with 600 kB.
static json_t *handle(void *ctx, const json_t *request, struct control_wait *wait)
{
	static char big[600001];

	requests++;
	if (json_object_get(request, "follow")) {
		wait->follow = true;
		return json_pack("{s:b}", "ok", 1);
	}
	if (json_object_get(request, "wait")) {
		*wait = (struct control_wait){true, 7, 8, false, -1};
		return NULL;
	}
	if (json_object_get(request, "big")) {
		memset(big, 'b', sizeof(big) - 1);
		return json_pack("{s:s}", "big", big);
	}
	return json_pack("{s:O}", "x",
			 json_object_get(request, "x") ? json_object_get(request, "x") : json_null());
}

static json_t *settled(void *ctx, const struct control_wait *w)
{
	cr_assert(w->waiting && w->service == 7 && w->incarnation == 8);
	return settle ? json_pack("{s:i}", "settled", 1) : NULL;
}

static void set_up(void)
{
	snprintf(path, sizeof(path), "/tmp/sup_control.%d", (int)getpid());
	cr_assert_eq(loop_new(&loop, LOOP_ANY), 0);
	cr_assert_eq(control_open(&control, loop, path, handle, NULL), 0);
}

static void tear_down(void)
{
	control_close(control);
	loop_delete(loop);
	cr_assert_neq(access(path, F_OK), 0);
}

TestSuite(control, .init = set_up, .fini = tear_down);

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void turns(unsigned n)
{
	while (n--)
		cr_assert_eq(loop_turn(loop, MS), 0);
}

static void say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

// One line, or what is left at the end.
static const char *hear(int fd)
{
	static char text[4096];
	size_t len = 0;
	ssize_t n = -1;

	for (unsigned i = 0; i < 1000 && n && !(len && text[len - 1] == '\n') && len < sizeof(text) - 1;) {
		n = recv(fd, text + len, 1, MSG_DONTWAIT);
		if (n > 0)
			len++;
		else if (n < 0)
			turns(1), i++;
	}
	text[len] = 0;
	return len ? text : n ? "(nothing)" : "(end)";
}

Test(control, the_socket_is_the_users_alone)
{
	struct stat st;

	cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
}

Test(control, a_request_may_come_in_pieces_and_several_in_one)
{
	int fd = dial();

	say(fd, "{\"x\"");
	turns(5);
	cr_assert_eq(requests, 0);
	say(fd, ": 1}\n");
	cr_assert_str_eq(hear(fd), "{\"x\":1}\n");
	say(fd, "{\"x\":2}\n{\"x\":3}\n{\"x\":");
	cr_assert_str_eq(hear(fd), "{\"x\":2}\n");
	cr_assert_str_eq(hear(fd), "{\"x\":3}\n");
	say(fd, "4}\n");
	cr_assert_str_eq(hear(fd), "{\"x\":4}\n");
	close(fd);
}

// One that has been read, and one that had been read before.
Test(control, few_requests_per_turn)
{
	char many[4000] = "";
	int fd = dial();

	turns(2);
	for (unsigned i = 0; i < 400; i++)
		strcat(many, "{}\n");
	say(fd, many);
	for (unsigned i = 0; i < 500; i++) {
		unsigned before = requests;
		char read[64];

		turns(1);
		while (recv(fd, read, sizeof(read), MSG_DONTWAIT) > 0)
			;
		cr_assert_leq(requests, before + 2);
	}
	cr_assert_eq(requests, 400);
	close(fd);
}

Test(control, nonsense_is_answered)
{
	static const char *const lines[] = {
		"\n", "x\n", "[]\n", "1\n", "{\"a\":1,\"a\":2}\n", "{\"x\":\"\xff\"}\n", "{} {}\n"};
	int fd = dial();

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say(fd, lines[i]);
		cr_assert_eq(strncmp(hear(fd), "{\"ok\":false,\"error\":", 19), 0, "%s", lines[i]);
	}
	cr_assert_eq(requests, 0);
	close(fd);
}

Test(control, a_line_without_end_is_refused)
{
	char text[CONTROL_REQUEST_MAX + 1];
	int fd = dial();

	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	say(fd, text);
	cr_assert_str_eq(hear(fd), "{\"ok\":false,\"error\":\"a request is longer than 4096 bytes\"}\n");
	cr_assert_str_eq(hear(fd), "(end)");
	close(fd);
}

Test(control, a_waiting_client_is_answered_later_and_may_leave_before)
{
	int a = dial(), b = dial();

	say(a, "{\"wait\":1}\n{\"x\":5}\n");
	say(b, "{\"wait\":1}\n");
	turns(10);
	cr_assert_eq(requests, 2, "what follows on the line waits too");
	control_settle(control, settled, NULL);
	turns(5);
	close(b);
	turns(5);
	settle = true;
	control_settle(control, settled, NULL);
	cr_assert_str_eq(hear(a), "{\"settled\":1}\n");
	cr_assert_str_eq(hear(a), "{\"x\":5}\n");
	close(a);
}

Test(control, a_client_that_does_not_read_holds_nobody_up)
{
	static char text[700000];
	int slow = dial(), quick = dial();
	size_t got = 0;

	say(slow, "{\"big\":1}\n{\"x\":1}\n");
	turns(20);
	say(quick, "{\"x\":2}\n");
	cr_assert_str_eq(hear(quick), "{\"x\":2}\n");
	cr_assert_eq(requests, 2, "the second request of the slow one waits for its first reply to be read");
	while (got < 600011) { // {"big":"..."} and its newline
		ssize_t n = recv(slow, text, 600011 - got, MSG_DONTWAIT);

		got += n > 0 ? (size_t)n : 0;
		turns(1);
	}
	cr_assert_str_eq(hear(slow), "{\"x\":1}\n");
	close(slow);
	close(quick);
}

Test(control, clients_are_counted)
{
	int fd[CONTROL_CLIENT_MAX + 1];

	for (unsigned i = 0; i < CONTROL_CLIENT_MAX; i++) {
		fd[i] = dial();
		turns(2);
	}
	fd[CONTROL_CLIENT_MAX] = dial();
	cr_assert_str_eq(hear(fd[CONTROL_CLIENT_MAX]), "{\"ok\":false,\"error\":\"too many clients\"}\n");
	close(fd[0]);
	turns(5);
	fd[0] = dial();
	say(fd[0], "{\"x\":1}\n");
	cr_assert_str_eq(hear(fd[0]), "{\"x\":1}\n");
	for (unsigned i = 0; i <= CONTROL_CLIENT_MAX; i++)
		close(fd[i]);
}

// Bytes of any kind, in pieces of any size; asan sees what the asserts don't.
Test(control, random_bytes)
{
	static const char *const parts[] = {"{", "}", "\"x\"",   ":",  "1",    ",",          "\n",
					    "[", "]", "\\u0000", "\"", "\xff", "{\"x\":1}\n"};
	uint64_t random = 6;

	for (unsigned round = 0; round < 300; round++) {
		int fd = dial();

		for (unsigned i = 0; i < 40; i++) {
			const char *part = parts[chaos_random(&random) % (sizeof(parts) / sizeof(parts[0]))];

			if (send(fd, part, strlen(part), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
				break;
			if (i % 7 == 0)
				turns(1);
		}
		close(fd);
	}
	turns(50);
}

Test(control, who_follows_gets_what_is_published_and_no_more_replies)
{
	int fd = dial(), other = dial();

	say(fd, "{\"follow\":1}\n{\"x\":9}\n");
	cr_assert_str_eq(hear(fd), "{\"ok\":true}\n");
	cr_assert_eq(control_followers(control), 1);
	cr_assert_eq(control_publish(control, "one\n", 4), 0);
	cr_assert_eq(control_publish(control, "two\n", 4), 0);
	cr_assert_str_eq(hear(fd), "one\n");
	cr_assert_str_eq(hear(fd), "two\n");
	say(other, "{\"x\":5}\n");
	cr_assert_str_eq(hear(other), "{\"x\":5}\n");
	cr_assert_str_eq(hear(other), "(nothing)");
	say(fd, "{\"x\":9}\n");
	cr_assert_eq(control_publish(control, "three\n", 6), 0);
	cr_assert_str_eq(hear(fd), "three\n", "its request is not read");
	close(fd);
	turns(5);
	cr_assert_eq(control_followers(control), 0);
	close(other);
}

Test(control, who_follows_and_does_not_read_is_dropped_and_holds_nobody_up)
{
	static char line[65536];
	int deaf = dial(), well = dial();
	unsigned dropped = 0, sent = 0;

	memset(line, 'e', sizeof(line));
	line[99] = line[sizeof(line) - 1] = '\n';
	say(deaf, "{\"follow\":1}\n");
	say(well, "{\"follow\":1}\n");
	cr_assert_str_eq(hear(deaf), "{\"ok\":true}\n");
	cr_assert_str_eq(hear(well), "{\"ok\":true}\n");
	for (; !dropped && sent < 100; sent++) {
		static char sink[sizeof(line)];

		dropped = control_publish(control, line, sizeof(line));
		while (recv(well, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			turns(1);
	}
	cr_assert_eq(dropped, 1);
	cr_assert_lt(sent, 2 * CONTROL_OUTPUT_MAX / sizeof(line) + 4, "what waits for it is bounded");
	cr_assert_eq(control_followers(control), 1);
	cr_assert_eq(control_publish(control, "on\n", 3), 0);
	close(deaf);
	close(well);
}
