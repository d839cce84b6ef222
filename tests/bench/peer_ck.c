// Concurrency Kit's ring, with the message in the entry.
#include <stdlib.h>
#include "tests/bench/bench.h"

#define PACKAGE "libck-dev"

#if __has_include(<ck_ring.h>)
#include <ck_ring.h>

enum { SPSC, MPSC };

struct m8 {
	char b[8];
};
struct m64 {
	char b[64];
};
struct m1024 {
	char b[1024];
};
CK_RING_PROTOTYPE(m8, m8)
CK_RING_PROTOTYPE(m64, m64)
CK_RING_PROTOTYPE(m1024, m1024)

struct way {
	_Alignas(128) ck_ring_t ring;
	void *cells;
};

struct state {
	struct way there, back;
	size_t bytes;
	_Alignas(4096) char cells[];
};

struct end {
	struct way *out, *in;
	_Alignas(64) char msg[LEN_MAX];
};

static void *create(const struct contender *c, const struct row *row)
{
	size_t cells = (size_t)row->len * row->cap, bytes = sizeof(struct state) + 2 * cells;
	struct state *s = bench_shared(bytes);

	(void)c;
	if (!s)
		return NULL;
	s->bytes = bytes;
	ck_ring_init(&s->there.ring, row->cap);
	ck_ring_init(&s->back.ring, row->cap);
	s->there.cells = s->cells;
	s->back.cells = s->cells + cells;
	return s;
}

static void destroy(void *state)
{
	bench_unshare(state, ((struct state *)state)->bytes);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct state *s = state;
	struct end *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);

	(void)row;
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->out = who ? &s->there : &s->back;
	e->in = who ? &s->back : &s->there;
	return e;
}

// len is a constant where these are used: one of the branches remains.
#define BY_LEN(op, way, msg, len)                                            \
	((len) == 8    ? op##_m8(&(way)->ring, (way)->cells, (void *)(msg))  \
	 : (len) == 64 ? op##_m64(&(way)->ring, (way)->cells, (void *)(msg)) \
		       : op##_m1024(&(way)->ring, (way)->cells, (void *)(msg)))

#define PEER spsc
#define END struct end
#define SEND(e, msg, len) BY_LEN(ck_ring_enqueue_spsc, (e)->out, msg, len)
#define PEEK(e, len) (BY_LEN(ck_ring_dequeue_spsc, (e)->in, (e)->msg, len) ? (e)->msg : NULL)
#define POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define PEER mpsc
#define END struct end
#define SEND(e, msg, len) BY_LEN(ck_ring_enqueue_mpsc, (e)->out, msg, len)
#define PEEK(e, len) (BY_LEN(ck_ring_dequeue_mpsc, (e)->in, (e)->msg, len) ? (e)->msg : NULL)
#define POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define CK(n, f, r)                                                                              \
	{                                                                                        \
		.name = n, .package = PACKAGE, .forms = f, .create = create, .destroy = destroy, \
		.open = open_end, .run = r                                                       \
	}
static const struct contender list[] = {
	CK("ck_ring", FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_BUILT), spsc_run),
	CK("ck_ring-mpsc", FORM(FORM_MANY), mpsc_run),
};
#else
static const struct contender list[] = {{.name = "ck_ring", .package = PACKAGE, .missing = "no <ck_ring.h>"}};
#endif
const struct family family_ck = {list, sizeof(list) / sizeof(list[0])};
