#include "supervisor/tell.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGAIN_NS UINT64_C(10000000)

// False if it would fit later.
static bool send_text(const struct tell *t, const char *text)
{
	return t->fd < 0 ||
	       sendto(t->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&t->addr,
		      t->addr_len) >= 0 ||
	       errno != EAGAIN;
}

static void pay(struct tell *t)
{
	char text[TELL_MAX + 64];

	if (t->held)
		return;
	snprintf(text, sizeof(text), "%s%sSTATUS=%s", t->owes_ready ? "READY=1\n" : "",
		 t->owes_stopping ? "STOPPING=1\n" : "", t->status);
	if (send_text(t, text))
		t->owes = t->owes_ready = t->owes_stopping = false;
	else
		loop_timer_set(t->loop, &t->again, AGAIN_NS);
}

static void on_again(struct loop_timer *timer)
{
	pay((struct tell *)((char *)timer - offsetof(struct tell, again)));
}

static void on_watchdog(struct loop_timer *timer)
{
	struct tell *t = (struct tell *)timer;

	send_text(t, "WATCHDOG=1");
	loop_timer_set(t->loop, timer, t->every_ns);
}
_Static_assert(offsetof(struct tell, timer) == 0, "on_watchdog casts");

// Half of what is allowed. WATCHDOG_PID names the process that is meant, when not every child is.
static uint64_t watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	unsigned long long n;
	char *end;

	if (!usec || *usec < '0' || *usec > '9' || (pid && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	errno = 0;
	n = strtoull(usec, &end, 10);
	return *end || errno || n > UINT64_MAX / 1000 ? 0 : n * 1000 / 2;
}

void tell_open(struct tell *t, struct loop *l)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	*t = (struct tell){.timer = {on_watchdog, 0, 0}, .again = {on_again, 0, 0}, .loop = l, .fd = -1};
	if (!len || len >= sizeof(t->addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	t->addr.sun_family = AF_UNIX;
	memcpy(t->addr.sun_path, path, len);
	if (path[0] == '@')
		t->addr.sun_path[0] = 0;
	t->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	t->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	t->every_ns = t->fd < 0 ? 0 : watchdog_ns();
	if (t->every_ns)
		loop_timer_set(l, &t->timer, 0);
}

void tell_state(struct tell *t, bool ready, bool stopping, const char *status)
{
	bool now_ready = ready && !t->ready, now_stopping = stopping && !t->stopping;
	bool changed = strncmp(t->status, status, sizeof(t->status) - 1) != 0;

	if (t->fd < 0 || (!now_ready && !now_stopping && !changed))
		return;
	t->ready |= ready;
	t->stopping |= stopping;
	snprintf(t->status, sizeof(t->status), "%s", status);
	t->owes = true;
	t->owes_ready |= now_ready;
	t->owes_stopping |= now_stopping;
	if (!loop_timer_is_set(&t->again))
		pay(t);
}

void tell_reloading(struct tell *t)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(loop_now() / 1000));
	if (t->ready)
		send_text(t, text);
}

void tell_ready_again(struct tell *t)
{
	t->ready = true;
	if (t->held)
		t->owes = t->owes_ready = true;
	else
		send_text(t, "READY=1");
}

void tell_main(struct tell *t, pid_t pid)
{
	struct timeval limit = {1, 0};
	char text[32];

	if (t->fd < 0)
		return;
	snprintf(text, sizeof(text), "MAINPID=%d", (int)pid);
	setsockopt(t->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	sendto(t->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&t->addr, t->addr_len);
}

void tell_hold(struct tell *t)
{
	t->held = true;
}

void tell_release(struct tell *t)
{
	t->held = false;
	if (t->owes && !loop_timer_is_set(&t->again))
		pay(t);
}

void tell_close(struct tell *t)
{
	if (t->owes) // the last word, as far as it is taken
		pay(t);
	if (t->loop) {
		loop_timer_cancel(t->loop, &t->timer);
		loop_timer_cancel(t->loop, &t->again);
	}
	if (t->loop && t->fd >= 0)
		close(t->fd);
	*t = (struct tell){.fd = -1};
}
