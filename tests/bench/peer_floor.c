// What nothing can be faster than: lines that go between the cores, memcpy, and a futex that sleeps and
// wakes.
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/bench/bench.h"

#define PAGE 4096
#define CELLS 1024

struct line {
	_Alignas(128) _Atomic uint32_t seq; // number of the last message + 1, modulo 2^32
	_Alignas(64) char msg[64];
};

struct state {
	struct line line[2]; // there, back
	size_t bytes, stride;
	_Alignas(PAGE) char blocks[];
};

struct end {
	struct state *s;
	struct line *out, *in;
	uint64_t sent, got;
	_Alignas(64) char msg[LEN_MAX];
};

static void *create(const struct contender *c, const struct row *row)
{
	size_t stride = row->form == FORM_BIG ? (row->len + PAGE - 1) / PAGE * PAGE : 0;
	size_t bytes = sizeof(struct state) + BIG_BLOCKS * stride;
	struct state *s = bench_shared(bytes);

	(void)c;
	if (s) {
		s->bytes = bytes;
		s->stride = stride;
	}
	return s;
}

static void destroy(void *state)
{
	bench_unshare(state, ((struct state *)state)->bytes);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct end *e = aligned_alloc(128, (sizeof(*e) + 127) & ~(size_t)127);

	(void)row;
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->s = state;
	e->out = &e->s->line[who ? 0 : 1];
	e->in = &e->s->line[who ? 1 : 0];
	return e;
}

// ---- two lines, no message

static inline bool line_send(struct end *e)
{
	// Release pairs with the acquire in line_peek.
	atomic_store_explicit(&e->out->seq, (uint32_t)++e->sent, memory_order_release);
	return true;
}

static inline const void *line_peek(struct end *e, size_t len)
{
	if (atomic_load_explicit(&e->in->seq, memory_order_acquire) == (uint32_t)e->got)
		return NULL;
	bench_mark(e->msg, len, e->got++);
	return e->msg;
}

// ---- two futexes, a message beside each

static inline void futex_send(struct end *e, const void *msg, size_t len)
{
	memcpy(e->out->msg, msg, len);
	line_send(e);
	syscall(SYS_futex, &e->out->seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static inline const void *futex_peek(struct end *e)
{
	while (atomic_load_explicit(&e->in->seq, memory_order_acquire) == (uint32_t)e->got)
		syscall(SYS_futex, &e->in->seq, FUTEX_WAIT, (uint32_t)e->got, NULL, NULL, 0);
	e->got++;
	return e->in->msg;
}

// ---- one block after the other, a line to say so

static bool block_send(struct end *e, const void *src, size_t len)
{
	memcpy(e->s->blocks + e->sent % BIG_BLOCKS * e->s->stride, src, len);
	return line_send(e);
}

static inline const void *block_peek(struct end *e)
{
	if (atomic_load_explicit(&e->in->seq, memory_order_acquire) == (uint32_t)e->got)
		return NULL;
	return e->s->blocks + e->got++ % BIG_BLOCKS * e->s->stride;
}

// ---- a message copied into a ring of cells and out again, in one process

static inline __attribute__((always_inline)) void copy_twice(struct run *run, const size_t len)
{
	static _Alignas(64) char cells[CELLS][LEN_MAX], in[8][LEN_MAX], out[LEN_MAX];
	uint64_t start = 0;

	for (uint64_t i = 0; i < run->warm + run->cnt; i++) {
		uint64_t seq = run->first + i;

		if (i == run->warm)
			start = ticks();
		bench_mark(in[i % 8], len, seq);
		memcpy((char *)cells + seq % CELLS * len, in[(i + 1) % 8], len);
		__asm__ volatile("" ::: "memory");
		memcpy(out, (char *)cells + (seq - CELLS / 2) % CELLS * len, len);
		__asm__ volatile("" ::"r"(out) : "memory");
	}
	run->spent = ticks() - start;
}

static void copy_run(void *end, struct run *run)
{
	(void)end;
	if (run->who)
		return;
	if (run->row->len == 8)
		copy_twice(run, 8);
	else if (run->row->len == 64)
		copy_twice(run, 64);
	else
		copy_twice(run, 1024);
}

#define PEER line
#define END struct end
#define SEND(e, msg, len) line_send(e)
#define PEEK(e, len) line_peek(e, len)
#define POP(e, len) (void)0
#define WAIT_SEND(e, msg, len) futex_send(e, msg, len)
#define WAIT_PEEK(e, len) futex_peek(e)
#define BIG_SEND(e, src, len) block_send(e, src, len)
#define BIG_PEEK(e, len) block_peek(e)
#define BIG_POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define FLOOR(n, f, r)                                                                                  \
	{                                                                                               \
		.name = n, .forms = f, .create = create, .destroy = destroy, .open = open_end, .run = r \
	}

static const struct contender list[] = {
	FLOOR("floor-line", FORM(FORM_RTT), line_run),
	FLOOR("floor-memcpy", FORM(FORM_STREAM) | FORM(FORM_BUILT) | FORM(FORM_BATCH), copy_run),
	FLOOR("floor-memcpy", FORM(FORM_BIG), line_run),
	FLOOR("floor-futex", FORM(FORM_BLOCK), line_run),
};
const struct family family_floor = {list, sizeof(list) / sizeof(list[0])};
