#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "supervisor/notify.h"

static struct notify_msg parse(const char *s)
{
	struct notify_msg m = {0};

	notify_parse(&m, s, strlen(s));
	return m;
}

Test(notify, parse)
{
	cr_assert(parse("READY=1").ready);
	cr_assert(parse("X=2\nREADY=1\n").ready);
	cr_assert(parse("STATUS=a\nREADY=1\nWATCHDOG=1").watchdog);
	cr_assert_not(parse("READY=10").ready);
	cr_assert_not(parse("READY=0").ready);
	cr_assert_not(parse("XREADY=1").ready);
	cr_assert_not(parse("").has_status);
	cr_assert_str_eq(parse("STATUS=").status, "");
	cr_assert(parse("STATUS=").has_status);
	cr_assert_str_eq(parse("STATUS=up\tand \x1b[2J running\nX=1").status, "up?and ?[2J running");
}

Test(notify, a_status_of_any_length_and_content_stays_in_its_place)
{
	char line[5000] = "STATUS=";
	struct notify_msg m = {0};

	for (unsigned i = 7; i < sizeof(line); i++)
		line[i] = (char)(i * 31);
	for (unsigned len = 0; len < sizeof(line); len++) {
		notify_parse(&m, line, len);
		cr_assert_lt(strnlen(m.status, sizeof(m.status)), sizeof(m.status));
	}
}

static void count(void *ctx, const struct notify_msg *m)
{
	unsigned *calls = ctx;

	cr_assert_eq(m->pid, getpid());
	*calls += m->ready;
}

static void say(const char *path, const char *text, int pass)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct iovec iov = {(char *)text, strlen(text)};
	struct msghdr h = {&addr, sizeof(addr), &iov, 1, control, sizeof(control), 0};
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pass, sizeof(pass));
	cr_assert_eq(sendmsg(fd, &h, 0), (ssize_t)strlen(text));
	close(fd);
}

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

Test(notify, messages_come_with_the_sender_and_passed_descriptors_do_not_pile_up)
{
	char path[64];
	unsigned calls = 0;
	struct loop *l;
	struct notify *n;
	struct stat st;
	int free_fd;

	snprintf(path, sizeof(path), "/tmp/sup_notify.%d", (int)getpid());
	cr_assert_eq(loop_new(&l, LOOP_ANY), 0);
	cr_assert_eq(notify_open(&n, l, path, -1, count, &calls), 0);
	cr_assert(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	free_fd = lowest_free();
	for (unsigned i = 0; i < 20; i++) {
		say(path, i % 2 ? "READY=1" : "STATUS=x", 0);
		cr_assert_eq(loop_turn(l, UINT64_C(1000000000)), 0);
	}
	cr_assert_eq(calls, 10);
	cr_assert_eq(lowest_free(), free_fd);
	notify_close(n);
	cr_assert_neq(access(path, F_OK), 0);
	loop_delete(l);
}
