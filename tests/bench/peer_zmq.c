// ZeroMQ over ipc. All calls wait: its I/O thread shares the process's core, and a caller that polls starves it.
#include "tests/bench/bench.h"

#define PACKAGE "libzmq3-dev"

#if __has_include(<zmq.h>)
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

struct state {
	char address[64];
};

struct end {
	void *ctx, *sock;
	char *msg;
};

static void *create(const struct contender *c, const struct row *row)
{
	static unsigned serial;
	struct state *s = calloc(1, sizeof(*s));

	(void)c;
	(void)row;
	// Abstract: leaves no file.
	if (s)
		snprintf(s->address, sizeof(s->address), "ipc://@bench-%d-%u", (int)getpid(), serial++);
	return s;
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct state *s = state;
	struct end *e = calloc(1, sizeof(*e));
	bool both = row->form == FORM_RTT || row->form == FORM_BLOCK;
	int cap = (int)row->cap, linger = 0, err;

	if (!e || !(e->ctx = zmq_ctx_new()) || !(e->msg = malloc(row->len)))
		return NULL;
	e->sock = zmq_socket(e->ctx, both ? ZMQ_PAIR : who ? ZMQ_PUSH : ZMQ_PULL);
	if (!e->sock)
		return NULL;
	zmq_setsockopt(e->sock, ZMQ_SNDHWM, &cap, sizeof(cap));
	zmq_setsockopt(e->sock, ZMQ_RCVHWM, &cap, sizeof(cap));
	zmq_setsockopt(e->sock, ZMQ_LINGER, &linger, sizeof(linger));
	err = who ? zmq_connect(e->sock, s->address) : zmq_bind(e->sock, s->address);
	return err ? NULL : e;
}

static void close_end(void *end)
{
	struct end *e = end;

	zmq_close(e->sock);
	zmq_ctx_term(e->ctx);
}

static inline bool push(struct end *e, const void *msg, size_t len)
{
	return zmq_send(e->sock, msg, len, 0) == (int)len;
}

static inline const void *pull(struct end *e, size_t len)
{
	return zmq_recv(e->sock, e->msg, len, 0) == (int)len ? e->msg : NULL;
}

static const void *pull_big(struct end *e, size_t len)
{
	zmq_pollitem_t item = {.socket = e->sock, .events = ZMQ_POLLIN};

	return zmq_poll(&item, 1, 1) == 1 ? pull(e, len) : NULL;
}

#define PEER zmq
#define END struct end
#define SEND(e, msg, len) push(e, msg, len)
#define PEEK(e, len) pull(e, len)
#define POP(e, len) (void)0
#define WAIT_PEEK(e, len) pull(e, len)
#define BIG_SEND(e, src, len) push(e, src, len)
#define BIG_PEEK(e, len) pull_big(e, len)
#define BIG_POP(e, len) (void)0
#include "tests/bench/loops.inc"

static const struct contender list[] = {
	{.name = "zeromq",
	 .package = PACKAGE,
	 .forms = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_MANY) | FORM(FORM_BLOCK) | FORM(FORM_BIG),
	 .create = create,
	 .destroy = free,
	 .open = open_end,
	 .run = zmq_run,
	 .close = close_end},
};
#else
static const struct contender list[] = {{.name = "zeromq", .package = PACKAGE, .missing = "no <zmq.h>"}};
#endif
const struct family family_zmq = {list, sizeof(list) / sizeof(list[0])};
