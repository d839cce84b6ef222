// The floor of a stream whose cells carry their own proof of publication: a bare ring with no library around it. Nothing of it
// survives a death, checks what it reads, sleeps, or is counted; producer and consumer are inlined into their loops. Its
// consumer keeps its distance, as shmchan's does.
#include <stdatomic.h>
#include "tests/bench/bench.h"

#define AHEAD_BYTES 8192
#define AHEAD_LOOKS 20000 // the end of a sample: nothing comes any more

struct state {
	_Alignas(128) _Atomic uint64_t head; // below: may be written again
	_Alignas(128) char cells[];
};

struct end {
	struct state *s;
	uint64_t pos, limit, look_at;
	uint32_t cap, stride;
};

static size_t bytes_of(const struct row *row)
{
	return sizeof(struct state) + (size_t)row->cap * (row->len + 8);
}

static struct {
	size_t bytes;
} made;

static void *create(const struct contender *c, const struct row *row)
{
	(void)c;
	made.bytes = bytes_of(row);
	return bench_shared(made.bytes);
}

static void destroy(void *state)
{
	bench_unshare(state, made.bytes);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	static struct end e;

	(void)who;
	e = (struct end){.s = state, .cap = row->cap, .stride = row->len + 8, .limit = row->cap};
	return &e;
}

static inline _Atomic uint64_t *word_at(const struct end *e, uint64_t pos)
{
	return (void *)(e->s->cells + (pos & (e->cap - 1)) * e->stride); // the rows of streams have powers of two
}

static inline void *cells_room(struct end *e)
{
	// Acquire pairs with the release in cells_pop.
	if (e->pos == e->limit)
		e->limit = atomic_load_explicit(&e->s->head, memory_order_acquire) + e->cap;
	return e->pos == e->limit ? NULL : (char *)word_at(e, e->pos) + 8;
}

static inline void cells_commit(struct end *e)
{
	// Release pairs with the acquire in cells_peek.
	atomic_store_explicit(word_at(e, e->pos), e->pos + 1, memory_order_release);
	e->pos++;
}

static inline __attribute__((always_inline)) bool cells_send(struct end *e, const void *msg, const size_t len)
{
	uint64_t *to = cells_room(e);
	const uint64_t *from = msg;

	if (!to)
		return false;
	for (size_t i = len / 8; i-- > 0;) {
		to[i] = from[i];
		__asm__ volatile("" ::: "memory"); // each store in its place, in this order
	}
	cells_commit(e);
	return true;
}

static inline void keep_away(struct end *e)
{
	uint64_t n = AHEAD_BYTES / e->stride;

	if (e->pos < e->look_at || n > e->cap / 4)
		return;
	for (unsigned looks = 0; looks < AHEAD_LOOKS; looks++)
		if (atomic_load_explicit(word_at(e, e->pos + n), memory_order_relaxed) == e->pos + n + 1)
			break;
	e->look_at = e->pos + n / 2;
}

static inline const void *cells_peek(struct end *e)
{
	_Atomic uint64_t *word = word_at(e, e->pos);

	keep_away(e);
	if (atomic_load_explicit(word, memory_order_acquire) != e->pos + 1)
		return NULL;
	__builtin_prefetch((char *)word + AHEAD_BYTES / 2);
	return (char *)word + 8;
}

static inline void cells_pop(struct end *e)
{
	e->pos++;
	if (e->pos % 64 == 0)
		atomic_store_explicit(&e->s->head, e->pos, memory_order_release);
}

#define PEER cells
#define END struct end
#define SEND(e, msg, len) cells_send(e, msg, len)
#define PEEK(e, len) cells_peek(e)
#define POP(e, len) cells_pop(e)
#include "tests/bench/loops.inc"

#define PEER cells_inplace
#define END struct end
#define SEND(e, msg, len) cells_send(e, msg, len)
#define PEEK(e, len) cells_peek(e)
#define POP(e, len) cells_pop(e)
#define ROOM(e, len) cells_room(e)
#define COMMIT(e, len) cells_commit(e)
#include "tests/bench/loops.inc"

#define CELLS(n, r)                                                                             \
	{                                                                                       \
		.name = n, .forms = FORM(FORM_STREAM) | FORM(FORM_BUILT), .create = create,     \
		.destroy = destroy, .open = open_end, .run = r                                  \
	}

static const struct contender list[] = {
	CELLS("floor-cells", cells_run),
	CELLS("floor-cells-inplace", cells_inplace_run),
};
const struct family family_cells = {list, sizeof(list) / sizeof(list[0])};
