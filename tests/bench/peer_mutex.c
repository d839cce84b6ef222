// What one writes oneself: a ring under one process-shared mutex, messages copied in and out. It does not survive a death.
#include <pthread.h>
#include <stdlib.h>
#include "tests/bench/bench.h"

struct queue {
	pthread_mutex_t lock;
	uint64_t head, tail;
	_Alignas(128) char cells[];
};

struct state {
	size_t size;
	struct queue *there, *back;
};

struct end {
	struct queue *out, *in;
	uint32_t cap, len;
	_Alignas(64) char msg[LEN_MAX];
};

static struct queue *make(const struct row *row, size_t size)
{
	struct queue *q = bench_shared(size);
	pthread_mutexattr_t attr;

	(void)row;
	if (!q)
		return NULL;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&q->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return q;
}

static void *create(const struct contender *c, const struct row *row)
{
	struct state *s = calloc(1, sizeof(*s));

	(void)c;
	if (!s)
		return NULL;
	s->size = sizeof(struct queue) + (size_t)row->cap * row->len;
	s->there = make(row, s->size);
	s->back = make(row, s->size);
	if (s->there && s->back)
		return s;
	if (s->there)
		bench_unshare(s->there, s->size);
	if (s->back)
		bench_unshare(s->back, s->size);
	free(s);
	return NULL;
}

static void destroy(void *state)
{
	struct state *s = state;

	bench_unshare(s->there, s->size);
	bench_unshare(s->back, s->size);
	free(s);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct state *s = state;
	struct end *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);

	if (!e)
		return NULL;
	*e = (struct end){.out = who ? s->there : s->back,
			  .in = who ? s->back : s->there,
			  .cap = row->cap,
			  .len = row->len};
	return e;
}

static inline bool put(struct end *e, const void *msg, uint32_t len)
{
	struct queue *q = e->out;
	bool room;

	pthread_mutex_lock(&q->lock);
	room = q->tail - q->head < e->cap;
	if (room) {
		memcpy(q->cells + (size_t)(q->tail % e->cap) * len, msg, len);
		q->tail++;
	}
	pthread_mutex_unlock(&q->lock);
	return room;
}

static inline const void *get(struct end *e, uint32_t len)
{
	struct queue *q = e->in;
	bool any;

	pthread_mutex_lock(&q->lock);
	any = q->tail != q->head;
	if (any) {
		memcpy(e->msg, q->cells + (size_t)(q->head % e->cap) * len, len);
		q->head++;
	}
	pthread_mutex_unlock(&q->lock);
	return any ? e->msg : NULL;
}

#define PEER mutex
#define END struct end
#define SEND(e, msg, len) put(e, msg, len)
#define PEEK(e, len) get(e, len)
#define POP(e, len) ((void)(e))
#include "tests/bench/loops.inc"

static const struct contender list[] = {{.name = "mutex-queue",
					 .forms = FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_MANY),
					 .create = create,
					 .destroy = destroy,
					 .open = open_end,
					 .run = mutex_run}};
const struct family family_mutex = {list, 1};
