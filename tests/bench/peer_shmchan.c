// The channels of this project, as a program uses them: through the library's calls.
#include <stdlib.h>
#include <stdio.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/inline.h"
#include "tests/bench/bench.h"

#ifdef SHMCHAN_BENCH_UNSAFE
#define GROUP "bench-unsafe"
#else
#define GROUP "bench"
#endif

struct state {
	struct shmchan_broker *b;
	char group[SHMCHAN_NAME_MAX];
	unsigned inc[PRODUCERS_MAX + 2];
	bool back, pool, lanes;
};

#define INTRUSIVE_BLOCKS 64 // beyond what the queue holds

struct end {
	struct shmchan_proc *proc;
	struct shmchan *tx, *rx;
	struct shmchan *lanes[PRODUCERS_MAX]; // of the consumer, which takes a run from each in turn
	unsigned lane_cnt, lane, run;
	struct shmchan_pool *pool;
	shmchan_block next; // written, not sent yet
	struct shmchan_msg in;
	struct shmchan_msg out; // a plain message: type and length stay
	struct shmchan_msg outs[BATCH_MAX], ins[BATCH_MAX];
	unsigned in_cnt, in_at;
	void *room;
};

static const unsigned slots[] = {1, 2, 3, 4, 5};
static const char *const lane_names[PRODUCERS_MAX] = {"lane-1", "lane-2", "lane-3", "lane-4"};
#define LANES 100 // as a kind: an spsc for each producer
#define LANE_RUN 64

static void *create(const struct contender *c, const struct row *row)
{
	static const char *const services[] = {"consumer", "producer-1", "producer-2", "producer-3",
					       "producer-4"};
	static unsigned serial;
	enum shmchan_kind kind = (enum shmchan_kind)c->kind;
	bool single = kind == SHMCHAN_KIND_SLOT || kind == SHMCHAN_KIND_SLOT_REF;
	struct shmchan_chan_spec lane = {.kind = SHMCHAN_KIND_SPSC,
					 .capacity = row->cap,
					 .msg_size = row->len,
					 .producer_cnt = 1,
					 .consumers = slots,
					 .consumer_cnt = 1};
	struct shmchan_chan_spec lanes[PRODUCERS_MAX];
	struct shmchan_chan_spec chans[] = {
		{.name = "there",
		 .kind = kind,
		 .capacity = single ? 1 : row->cap,
		 .producers = slots + 1,
		 .producer_cnt = row->producers,
		 .consumers = slots,
		 .consumer_cnt = 1},
		{.name = "back",
		 .kind = kind,
		 .capacity = single ? 1 : row->cap,
		 .producers = slots,
		 .producer_cnt = 1,
		 .consumers = slots + 1,
		 .consumer_cnt = 1},
	};
	struct shmchan_pool_spec pool = {.name = "pool",
					 .block_size = row->len,
					 .block_cnt = row->form == FORM_BIG ? BIG_BLOCKS
									    : row->cap + INTRUSIVE_BLOCKS,
					 .users = slots,
					 .user_cnt = row->producers + 1};
	struct shmchan_group_spec spec = {
		.services = services, .service_cnt = row->producers + 1, .chans = chans, .pools = &pool};
	struct shmchan_why why = {0};
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	s->back = row->form == FORM_RTT || row->form == FORM_BLOCK || row->form == FORM_IDLE;
	s->pool = row->form == FORM_BIG || kind == SHMCHAN_KIND_MPSC_INTRUSIVE;
	chans[0].msg_size = chans[1].msg_size = s->pool ? 0 : row->len;
	spec.chan_cnt = s->back ? 2 : 1;
	spec.pool_cnt = s->pool ? 1 : 0;
	for (unsigned i = 0; c->kind == LANES && i < row->producers; i++) {
		lanes[i] = lane;
		lanes[i].name = lane_names[i];
		lanes[i].producers = slots + 1 + i;
	}
	if (c->kind == LANES) {
		spec.chans = lanes;
		spec.chan_cnt = row->producers;
	}
	s->lanes = c->kind == LANES;
	snprintf(s->group, sizeof(s->group), GROUP "-%d-%u", (int)getpid(), serial++);
	spec.name = s->group;
	err = shmchan_broker_create(&s->b, &spec, &why);
	for (unsigned slot = 1; !err && slot <= row->producers + 1; slot++)
		err = shmchan_broker_announce(s->b, slot, &s->inc[slot]);
	if (!err)
		return s;
	fprintf(stderr, "ipc: group %s: %s: %s %s\n", s->group, shmchan_strerror(err), why.object, why.text);
	shmchan_broker_destroy(s->b);
	free(s);
	return NULL;
}

const char *bench_group_name(const void *state)
{
	return ((const struct state *)state)->group;
}

static void destroy(void *state)
{
	struct state *s = state;

	shmchan_broker_destroy(s->b);
	free(s);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct state *s = state;
	struct end *e = aligned_alloc(64, (sizeof(*e) + 63) & ~(size_t)63);
	unsigned slot = who + 1;
	int err;

	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->out = (struct shmchan_msg){.len = s->pool ? 0 : row->len, .type = 1};
	for (unsigned i = 0; i < BATCH_MAX; i++)
		e->outs[i] = e->out;
	err = shmchan_attach(&e->proc, s->group, slot, s->inc[slot], NULL);
	for (; !err && s->lanes && who == 0 && e->lane_cnt < row->producers; e->lane_cnt++)
		err = shmchan_open(e->proc, lane_names[e->lane_cnt], SHMCHAN_RX, &e->lanes[e->lane_cnt], NULL);
	if (!err && s->lanes && who)
		err = shmchan_open(e->proc, lane_names[who - 1], SHMCHAN_TX, &e->tx, NULL);
	if (!err && !s->lanes)
		err = shmchan_open(e->proc, "there", who ? SHMCHAN_TX : SHMCHAN_RX, who ? &e->tx : &e->rx,
				   NULL);
	if (!err && s->back)
		err = shmchan_open(e->proc, "back", who ? SHMCHAN_RX : SHMCHAN_TX, who ? &e->rx : &e->tx,
				   NULL);
	if (!err && s->pool)
		err = shmchan_pool_open(e->proc, "pool", &e->pool, NULL);
	if (!err)
		return e;
	fprintf(stderr, "ipc: group %s: %s\n", s->group, shmchan_strerror(err));
	return NULL;
}

static void close_end(void *end)
{
	shmchan_detach(((struct end *)end)->proc);
}

static inline bool send_copy(struct end *e, const void *msg)
{
	e->out.data = msg;
	return shmchan_try_send(e->tx, &e->out) == 0;
}

static inline const void *take(struct end *e)
{
	return shmchan_take(e->rx, &e->in) == 0 ? e->in.data : NULL;
}

static inline const void *take_lane(struct end *e)
{
	struct shmchan_msg m;

	for (unsigned n = 0; n < e->lane_cnt; n++) {
		if (e->run++ < LANE_RUN && shmchan_inline_take(e->lanes[e->lane], &m) == 0)
			return m.data;
		e->run = 0;
		e->lane = e->lane + 1 == e->lane_cnt ? 0 : e->lane + 1;
	}
	return NULL;
}

static void idle(struct end *e, uint64_t ns)
{
	shmchan_recv(e->rx, &e->in, ns);
}

static inline void wait_send(struct end *e, const void *msg)
{
	e->out.data = msg;
	shmchan_send(e->tx, &e->out, SHMCHAN_FOREVER);
}

static inline const void *wait_take(struct end *e)
{
	return shmchan_recv(e->rx, &e->in, SHMCHAN_FOREVER) == 0 ? e->in.data : NULL;
}

static inline void *room(struct end *e)
{
	return shmchan_reserve(e->tx, &e->room) == 0 ? e->room : NULL;
}

static inline void commit(struct end *e)
{
	shmchan_commit(e->tx, &e->out);
}

static inline unsigned send_n(struct end *e, const char *msgs, unsigned n, size_t len)
{
	int sent;

	for (unsigned i = 0; i < n; i++)
		e->outs[i].data = msgs + i * len;
	sent = shmchan_try_send_batch(e->tx, e->outs, n);
	return sent > 0 ? (unsigned)sent : 0;
}

// A batch is taken and completed as one, and read where it lies, one message after the other.
static inline const void *peek_n(struct end *e, unsigned n)
{
	int got;

	if (e->in_at < e->in_cnt)
		return e->ins[e->in_at].data;
	got = shmchan_take_batch(e->rx, e->ins, n);
	e->in_cnt = got > 0 ? (unsigned)got : 0;
	e->in_at = 0;
	return got > 0 ? e->ins[0].data : NULL;
}

static inline void pop_n(struct end *e)
{
	if (++e->in_at == e->in_cnt)
		shmchan_done_batch(e->rx, e->in_cnt);
}

// The message is written to a block and the block is sent; where the queue is full, it is the next one's.
static inline bool send_block(struct end *e, const void *msg, size_t len)
{
	if (!e->next && shmchan_block_alloc(e->pool, &e->next) != 0)
		return false;
	memcpy(shmchan_block_data(e->pool, e->next), msg, len);
	e->out.block = e->next;
	if (shmchan_try_send(e->tx, &e->out) != 0)
		return false;
	e->next = SHMCHAN_NO_BLOCK;
	return true;
}

static inline const void *take_block(struct end *e)
{
	return shmchan_take(e->rx, &e->in) == 0 ? shmchan_block_data(e->pool, e->in.block) : NULL;
}

static inline void pop_block(struct end *e)
{
	shmchan_done(e->rx);
	shmchan_block_free(e->pool, e->in.block);
}

#define PEER copy
#define END struct end
#define SEND(e, msg, len) send_copy(e, msg)
#define PEEK(e, len) take(e)
#define POP(e, len) shmchan_done((e)->rx)
#define WAIT_SEND(e, msg, len) wait_send(e, msg)
#define WAIT_PEEK(e, len) wait_take(e)
#define IDLE(e, ns) idle(e, ns)
#define BIG_SEND(e, src, len) send_block(e, src, len)
#define BIG_PEEK(e, len) take_block(e)
#define BIG_POP(e, len) pop_block(e)
#include "tests/bench/loops.inc"

#if !defined(SHMCHAN_BENCH_UNSAFE) && !defined(SHMCHAN_BENCH_MODULE)
#define PEER block
#define END struct end
#define SEND(e, msg, len) send_block(e, msg, len)
#define PEEK(e, len) take_block(e)
#define POP(e, len) pop_block(e)
#define BIG_SEND(e, src, len) send_block(e, src, len)
#define BIG_PEEK(e, len) take_block(e)
#define BIG_POP(e, len) pop_block(e)
#include "tests/bench/loops.inc"
#endif

#define PEER place
#define END struct end
#define SEND(e, msg, len) send_copy(e, msg)
#define PEEK(e, len) take(e)
#define POP(e, len) shmchan_done((e)->rx)
#define ROOM(e, len) room(e)
#define COMMIT(e, len) commit(e)
#include "tests/bench/loops.inc"

#ifndef SHMCHAN_BENCH_MODULE
static inline void *room_inline(struct end *e)
{
	void *to;

	return shmchan_inline_reserve(e->tx, &to) == 0 ? to : NULL;
}

static inline const void *take_inline(struct end *e)
{
	struct shmchan_msg m;

	return shmchan_inline_take(e->rx, &m) == 0 ? m.data : NULL;
}

#define PEER inline
#define END struct end
#define SEND(e, msg, len) (shmchan_inline_try_send((e)->tx, 1, msg, len) == 0)
#define PEEK(e, len) take_inline(e)
#define POP(e, len) shmchan_inline_done((e)->rx)
#include "tests/bench/loops.inc"

#define PEER inline_place
#define END struct end
#define SEND(e, msg, len) (shmchan_inline_try_send((e)->tx, 1, msg, len) == 0)
#define PEEK(e, len) take_inline(e)
#define POP(e, len) shmchan_inline_done((e)->rx)
#define ROOM(e, len) room_inline(e)
#define COMMIT(e, len) shmchan_inline_commit((e)->tx, 1, len)
#include "tests/bench/loops.inc"
#endif

#if !defined(SHMCHAN_BENCH_UNSAFE) && !defined(SHMCHAN_BENCH_MODULE)
#define PEER lanes
#define END struct end
#define SEND(e, msg, len) (shmchan_inline_try_send((e)->tx, 1, msg, len) == 0)
#define PEEK(e, len) take_lane(e)
#define POP(e, len) shmchan_inline_done((e)->lanes[(e)->lane])
#include "tests/bench/loops.inc"

#define PEER lanes_place
#define END struct end
#define SEND(e, msg, len) (shmchan_inline_try_send((e)->tx, 1, msg, len) == 0)
#define PEEK(e, len) take_lane(e)
#define POP(e, len) shmchan_inline_done((e)->lanes[(e)->lane])
#define ROOM(e, len) room_inline(e)
#define COMMIT(e, len) shmchan_inline_commit((e)->tx, 1, len)
#include "tests/bench/loops.inc"
#endif

#define PEER batch
#define END struct end
#define SEND(e, msg, len) send_copy(e, msg)
#define SEND_N(e, msgs, n, len) send_n(e, msgs, n, len)
#define PEEK(e, len) peek_n(e, BATCH_MAX)
#define POP(e, len) pop_n(e)
#include "tests/bench/loops.inc"

#ifndef SHMCHAN_BENCH_UNSAFE
#define PEER wait
#define END struct end
#define SEND(e, msg, len) (wait_send(e, msg), true)
#define PEEK(e, len) wait_take(e)
#define POP(e, len) shmchan_done((e)->rx)
#include "tests/bench/loops.inc"
#endif

#define OURS(n, k, f, r)                                                                                  \
	{                                                                                                 \
		.name = n, .kind = k, .forms = f, .create = create, .destroy = destroy, .open = open_end, \
		.run = r, .close = close_end                                                              \
	}
#define ONE_WAY (FORM(FORM_STREAM) | FORM(FORM_BUILT))

#ifdef SHMCHAN_BENCH_UNSAFE
// The same ring without the stores that make it safe to die: made of the same sources (module.mk).
static const struct contender list[] = {
	OURS("shmchan-spsc-unsafe", SHMCHAN_KIND_SPSC, ONE_WAY | FORM(FORM_RTT), copy_run),
	OURS("shmchan-spsc-unsafe-inplace", SHMCHAN_KIND_SPSC, ONE_WAY, place_run),
	OURS("shmchan-spsc-unsafe-inline", SHMCHAN_KIND_SPSC, ONE_WAY | FORM(FORM_RTT), inline_run),
	OURS("shmchan-spsc-unsafe-inline-inplace", SHMCHAN_KIND_SPSC, ONE_WAY, inline_place_run),
	OURS("shmchan-spsc-unsafe-batch", SHMCHAN_KIND_SPSC, FORM(FORM_BATCH), batch_run),
};
const struct family family_unsafe = {list, sizeof(list) / sizeof(list[0])};
#elif defined(SHMCHAN_BENCH_MODULE)
// One build of the library of several in a process, opened by dlopen.
static const struct contender list[] = {
	OURS("shmchan-spsc", SHMCHAN_KIND_SPSC, ONE_WAY, copy_run),
	OURS("shmchan-spsc-inplace", SHMCHAN_KIND_SPSC, ONE_WAY, place_run),
	OURS("shmchan-spsc-batch", SHMCHAN_KIND_SPSC, FORM(FORM_BATCH), batch_run),
	OURS("shmchan-spsc-waiting", SHMCHAN_KIND_SPSC, FORM(FORM_STREAM), wait_run),
};
__attribute__((visibility("default"))) const struct family family_shmchan = {
	list, sizeof(list) / sizeof(list[0])};
#else
static const struct contender list[] = {
	OURS("shmchan-spsc", SHMCHAN_KIND_SPSC,
	     ONE_WAY | FORM(FORM_RTT) | FORM(FORM_BLOCK) | FORM(FORM_IDLE) | FORM(FORM_BIG), copy_run),
	OURS("shmchan-spsc-batch", SHMCHAN_KIND_SPSC, FORM(FORM_BATCH), batch_run),
	OURS("shmchan-mpsc-batch", SHMCHAN_KIND_MPSC, FORM(FORM_BATCH), batch_run),
	OURS("shmchan-spsc-inplace", SHMCHAN_KIND_SPSC, ONE_WAY, place_run),
	OURS("shmchan-spsc-inline", SHMCHAN_KIND_SPSC, ONE_WAY | FORM(FORM_RTT), inline_run),
	OURS("shmchan-spsc-inline-inplace", SHMCHAN_KIND_SPSC, ONE_WAY, inline_place_run),
	OURS("shmchan-spsc-waiting", SHMCHAN_KIND_SPSC, FORM(FORM_STREAM) | FORM(FORM_RTT), wait_run),
	OURS("shmchan-slot", SHMCHAN_KIND_SLOT, FORM(FORM_RTT) | FORM(FORM_BLOCK), copy_run),
	OURS("shmchan-slot-ref", SHMCHAN_KIND_SLOT_REF, FORM(FORM_BIG), copy_run),
	OURS("shmchan-spsc-lanes", LANES, FORM(FORM_MANY), lanes_run),
	OURS("shmchan-spsc-lanes-inplace", LANES, FORM(FORM_MANY), lanes_place_run),
	OURS("shmchan-mpsc", SHMCHAN_KIND_MPSC,
	     ONE_WAY | FORM(FORM_RTT) | FORM(FORM_MANY) | FORM(FORM_BLOCK) | FORM(FORM_BIG), copy_run),
	OURS("shmchan-mpsc-list", SHMCHAN_KIND_MPSC_LIST, FORM(FORM_STREAM) | FORM(FORM_RTT) | FORM(FORM_MANY), copy_run),
	OURS("shmchan-mpsc-intrusive", SHMCHAN_KIND_MPSC_INTRUSIVE,
	     FORM(FORM_STREAM) | FORM(FORM_RTT) | FORM(FORM_MANY) | FORM(FORM_BIG), block_run),
	OURS("shmchan-mpmc2", SHMCHAN_KIND_MPMC2, FORM(FORM_STREAM) | FORM(FORM_RTT) | FORM(FORM_MANY), copy_run),
};
const struct family family_shmchan = {list, sizeof(list) / sizeof(list[0])};
#endif
