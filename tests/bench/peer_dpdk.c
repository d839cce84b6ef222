// DPDK's ring, with the message in the element: default, in place (zero copy), and HTS for many producers.
#include "tests/bench/bench.h"

#define PACKAGE "libdpdk-dev"

#if __has_include(<rte_ring_elem.h>)
#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>
#include <stdlib.h>

enum { SINGLE, MULTI, HTS };

struct state {
	size_t bytes;
	struct rte_ring *there, *back;
};

struct end {
	struct rte_ring *out, *in;
	_Alignas(64) char msg[LEN_MAX];
};

static void *create(const struct contender *c, const struct row *row)
{
	static const unsigned flags[] = {[SINGLE] = RING_F_SP_ENQ, [MULTI] = 0, [HTS] = RING_F_MP_HTS_ENQ};
	ssize_t size = rte_ring_get_memsize_elem(row->len, row->cap);
	struct state *s;

	if (size < 0)
		return NULL;
	size = (size + 4095) & ~(ssize_t)4095;
	s = bench_shared(4096 + 2 * (size_t)size);
	if (!s)
		return NULL;
	s->bytes = 4096 + 2 * (size_t)size;
	s->there = (void *)((char *)s + 4096);
	s->back = (void *)((char *)s->there + size);
	if (rte_ring_init(s->there, "there", row->cap, flags[c->kind] | RING_F_SC_DEQ) == 0 &&
	    rte_ring_init(s->back, "back", row->cap, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0)
		return s;
	bench_unshare(s, s->bytes);
	return NULL;
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
	e->out = who ? s->there : s->back;
	e->in = who ? s->back : s->there;
	return e;
}

static inline __attribute__((always_inline)) void *zc_room(struct end *e, unsigned len)
{
	struct rte_ring_zc_data zc;

	return rte_ring_enqueue_zc_bulk_elem_start(e->out, len, 1, &zc, NULL) ? zc.ptr1 : NULL;
}

static inline __attribute__((always_inline)) const void *zc_peek(struct end *e, unsigned len)
{
	struct rte_ring_zc_data zc;

	return rte_ring_dequeue_zc_bulk_elem_start(e->in, len, 1, &zc, NULL) ? zc.ptr1 : NULL;
}

static inline __attribute__((always_inline)) bool zc_send(struct end *e, const void *msg, unsigned len)
{
	void *to = zc_room(e, len);

	if (!to)
		return false;
	memcpy(to, msg, len);
	rte_ring_enqueue_zc_elem_finish(e->out, 1);
	return true;
}

#define PEER single
#define END struct end
#define SEND(e, msg, len) (rte_ring_sp_enqueue_elem((e)->out, (void *)(msg), len) == 0)
#define PEEK(e, len) (rte_ring_sc_dequeue_elem((e)->in, (e)->msg, len) == 0 ? (e)->msg : NULL)
#define POP(e, len) (void)0
#define SEND_N(e, msgs, n, len) rte_ring_sp_enqueue_burst_elem((e)->out, msgs, len, n, NULL)
#define TAKE_N(e, buf, n, len) rte_ring_sc_dequeue_burst_elem((e)->in, buf, len, n, NULL)
#include "tests/bench/loops.inc"

#define PEER zc
#define END struct end
#define SEND(e, msg, len) zc_send(e, msg, len)
#define PEEK(e, len) zc_peek(e, len)
#define POP(e, len) rte_ring_dequeue_zc_elem_finish((e)->in, 1)
#define ROOM(e, len) zc_room(e, len)
#define COMMIT(e, len) rte_ring_enqueue_zc_elem_finish((e)->out, 1)
#include "tests/bench/loops.inc"

#define PEER multi
#define END struct end
#define SEND(e, msg, len) (rte_ring_mp_enqueue_elem((e)->out, (void *)(msg), len) == 0)
#define PEEK(e, len) (rte_ring_sc_dequeue_elem((e)->in, (e)->msg, len) == 0 ? (e)->msg : NULL)
#define POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define PEER hts
#define END struct end
#define SEND(e, msg, len) (rte_ring_mp_hts_enqueue_bulk_elem((e)->out, msg, len, 1, NULL) == 1)
#define PEEK(e, len) (rte_ring_sc_dequeue_elem((e)->in, (e)->msg, len) == 0 ? (e)->msg : NULL)
#define POP(e, len) (void)0
#include "tests/bench/loops.inc"

#define DPDK(n, k, f, r)                                                                                    \
	{                                                                                                   \
		.name = n, .package = PACKAGE, .kind = k, .forms = f, .create = create, .destroy = destroy, \
		.open = open_end, .run = r                                                                  \
	}
#define ONE_WAY (FORM(FORM_RTT) | FORM(FORM_STREAM) | FORM(FORM_BUILT))

static const struct contender list[] = {
	DPDK("rte_ring", SINGLE, ONE_WAY | FORM(FORM_BATCH), single_run),
	DPDK("rte_ring-zc", SINGLE, ONE_WAY, zc_run),
	DPDK("rte_ring-mp", MULTI, FORM(FORM_MANY), multi_run),
	DPDK("rte_ring-hts", HTS, FORM(FORM_MANY), hts_run),
};
#else
static const struct contender list[] = {
	{.name = "rte_ring", .package = PACKAGE, .missing = "no <rte_ring_elem.h>"}};
#endif
const struct family family_dpdk = {list, sizeof(list) / sizeof(list[0])};
