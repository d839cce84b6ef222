// What the system offers: pipe, Unix stream socket, POSIX message queue. All block.
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/bench.h"

enum { PIPE, UNIX, MQ };

struct state {
	int there[2], back[2]; // [0] is read, [1] written
};

struct end {
	int in, out;
	char *big;
	_Alignas(64) char msg[LEN_MAX];
};

static int open_mq(const struct row *row, int fd[2])
{
	static unsigned serial;
	struct mq_attr attr = {.mq_maxmsg = row->cap, .mq_msgsize = row->len};
	char name[64];

	snprintf(name, sizeof(name), "/bench-%d-%u", (int)getpid(), serial++);
	fd[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (fd[0] < 0) {
		attr.mq_maxmsg = 10; // what everyone may have
		fd[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	}
	mq_unlink(name);
	fd[1] = fd[0];
	return fd[0] < 0 ? -1 : 0;
}

static int open_way(int kind, const struct row *row, int fd[2])
{
	if (kind == MQ)
		return open_mq(row, fd);
	return kind == PIPE ? pipe(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd);
}

static void *create(const struct contender *c, const struct row *row)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	if (open_way(c->kind, row, s->there) == 0) {
		if (open_way(c->kind, row, s->back) == 0)
			return s;
		close(s->there[0]);
		close(s->there[1]);
	}
	free(s);
	return NULL;
}

static void destroy(void *state)
{
	struct state *s = state;

	close(s->there[0]);
	close(s->there[1]);
	close(s->back[0]);
	close(s->back[1]);
	free(s);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct state *s = state;
	struct end *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);

	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->in = who ? s->back[0] : s->there[0];
	e->out = who ? s->there[1] : s->back[1];
	if (row->form == FORM_BIG)
		e->big = calloc(1, row->len);
	return e;
}

static bool write_all(int fd, const char *from, size_t len)
{
	while (len) {
		ssize_t n = write(fd, from, len);

		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

static const void *read_all(int fd, char *to, size_t len)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = read(fd, to + have, len - have);

		if (n <= 0)
			_exit(1);
		have += (size_t)n;
	}
	return to;
}

// What is measured of the large message begins when it can be read.
static const void *read_big(struct end *e, size_t len)
{
	struct pollfd p = {.fd = e->in, .events = POLLIN};

	return poll(&p, 1, 0) == 1 ? read_all(e->in, e->big, len) : NULL;
}

static inline const void *mq_take(struct end *e, size_t len)
{
	return mq_receive(e->in, e->msg, len, NULL) == (ssize_t)len ? e->msg : NULL;
}

#define PEER stream
#define END struct end
#define SEND(e, msg, len) write_all((e)->out, msg, len)
#define PEEK(e, len) read_all((e)->in, (e)->msg, len)
#define POP(e, len) (void)0
#define WAIT_PEEK(e, len) read_all((e)->in, (e)->msg, len)
#define BIG_SEND(e, src, len) write_all((e)->out, src, len)
#define BIG_PEEK(e, len) read_big(e, len)
#define BIG_POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define PEER mq
#define END struct end
#define SEND(e, msg, len) (mq_send((e)->out, msg, len, 0) == 0)
#define PEEK(e, len) mq_take(e, len)
#define POP(e, len) (void)0
#define WAIT_PEEK(e, len) mq_take(e, len)
#include "tests/bench/loops.inc"

#define KERNEL(n, k, f, r)                                                                                \
	{                                                                                                 \
		.name = n, .kind = k, .forms = f, .create = create, .destroy = destroy, .open = open_end, \
		.run = r                                                                                  \
	}
#define SMALL (FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_MANY) | FORM(FORM_BLOCK))

static const struct contender list[] = {
	KERNEL("pipe", PIPE, SMALL | FORM(FORM_BIG), stream_run),
	KERNEL("unix-socket", UNIX, SMALL | FORM(FORM_BIG), stream_run),
	KERNEL("posix-mq", MQ, SMALL, mq_run),
};
const struct family family_kernel = {list, sizeof(list) / sizeof(list[0])};
