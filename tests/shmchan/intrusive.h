// A group around one channel of kind mpsc-intrusive: three producers, one consumer, blocks of three sizes.
#ifndef TESTS_SHMCHAN_INTRUSIVE_H
#define TESTS_SHMCHAN_INTRUSIVE_H

#include "tests/shmchan/harness.h"

#include "shmchan/edit.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/proc.h"

#define TAKER 4
#define BLOCKS 40

struct stage {
	struct harness h;
	struct shmchan_proc *proc[TAKER + 1];
	struct shmchan_pool *pool[TAKER + 1], *large[TAKER + 1];
	struct shmchan *tx[TAKER], *rx;
	struct shmchan_view *v;
};

static const unsigned all[] = {1, 2, 3, TAKER}, senders[] = {1, 2, 3}, taker[] = {TAKER};

static inline void enter(struct stage *s, unsigned slot)
{
	s->proc[slot] = harness_attach(&s->h, slot);
	s->pool[slot] = harness_pool(s->proc[slot], "p");
	s->large[slot] = harness_pool(s->proc[slot], "large");
	if (slot == TAKER)
		s->rx = harness_open(s->proc[slot], "c", SHMCHAN_RX);
	else
		s->tx[slot] = harness_open(s->proc[slot], "c", SHMCHAN_TX);
}

// As if so many messages had gone through.
static inline void start_at(struct stage *s, uint64_t pos)
{
	struct shmchan_seg seg = harness_map(&s->h, "c");
	struct shmchan_ring_ref r;

	cr_assert_eq(shmchan_ring_join(&r, seg.base, seg.size, NULL), 0);
	atomic_store(&r.ring->done, pos);
	atomic_store(&r.ring->taken, pos);
	atomic_store(&r.ring->head, pos);
	atomic_store(&r.ring->tail, pos << 32);
	for (uint32_t i = 0; i < r.cap; i++)
		atomic_store(&shmchan_ring_cell(&r, i)->word, shmchan_seq(pos / r.cap - (i >= pos % r.cap)));
	shmchan_seg_close(&seg);
}

static inline void create(struct stage *s, uint32_t cap, enum shmchan_on_crash on_crash, uint64_t pos)
{
	static const char *const tally[] = {"n"};
	static const struct shmchan_pool_class sizes[] = {{100, 4}, {5000, 8}};
	struct shmchan_chan_spec chans[] = {{.name = "c",
					     .kind = SHMCHAN_KIND_MPSC_INTRUSIVE,
					     .capacity = cap,
					     .msg_size = 16,
					     .producers = senders,
					     .producer_cnt = 3,
					     .consumers = taker,
					     .consumer_cnt = 1,
					     .on_crash = on_crash,
					     .max_deliveries = on_crash == SHMCHAN_REDELIVER ? 3 : 0,
					     .tally = tally,
					     .tally_cnt = 1},
					    {.name = "back",
					     .kind = SHMCHAN_KIND_MPSC_INTRUSIVE,
					     .capacity = 2,
					     .msg_size = 0,
					     .producers = taker,
					     .producer_cnt = 1,
					     .consumers = senders,
					     .consumer_cnt = 1}};
	struct shmchan_pool_spec pools[] = {
		{.name = "p", .block_size = 64, .block_cnt = BLOCKS, .users = all, .user_cnt = 4},
		{.name = "large", .classes = sizes, .class_cnt = 2, .users = all, .user_cnt = 4},
		{.name = "own", .block_size = 64, .block_cnt = 1, .users = senders, .user_cnt = 3}};

	memset(s, 0, sizeof(*s));
	harness_create(&s->h, TAKER, chans, 2, pools, 3);
	if (pos)
		start_at(s, pos);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		enter(s, slot);
	cr_assert_eq(shmchan_view_open(&s->v, s->h.group, NULL), 0);
}

static inline void no_block_is_used(struct stage *s, unsigned kept)
{
	struct shmchan_view_pool p;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(shmchan_view_pool(s->v, i, &p), 0);
		cr_assert(p.sent == 0 && p.owned == 0 && p.kept == (i == 0 ? kept : 0),
			  "pool %s: %u sent, %u owned, %u kept", p.name, p.sent, p.owned, p.kept);
	}
}

static inline void leave(struct stage *s, unsigned slot)
{
	shmchan_detach(s->proc[slot]);
	s->proc[slot] = NULL;
}

static inline void end(struct stage *s)
{
	harness_check(&s->h);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		leave(s, slot);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		harness_bury(&s->h, slot);
	shmchan_view_close(s->v);
	harness_end(&s->h);
}

static inline shmchan_block block(struct stage *s, unsigned slot, uint64_t n)
{
	struct shmchan_pool *pool = n % 3 ? s->pool[slot] : s->large[slot];
	shmchan_block b;

	if (shmchan_block_alloc_size(pool, n % 2 ? 50 : 64, &b, NULL)) {
		pool = s->pool[slot];
		cr_assert_eq(shmchan_block_alloc(pool, &b), 0);
	}
	memcpy(shmchan_block_data(pool, b), &n, 8);
	return b;
}

static inline int try_send(struct stage *s, unsigned slot, uint64_t n)
{
	struct shmchan_msg m = {.data = &n, .len = 8, .corr = n, .type = (uint16_t)slot, .block = block(s, slot, n)};
	int err = shmchan_try_send(s->tx[slot], &m);

	if (err)
		cr_assert_eq(shmchan_block_free(shmchan_block_pool(s->proc[slot], m.block), m.block), 0);
	return err;
}

static inline void send(struct stage *s, unsigned slot, uint64_t n)
{
	cr_assert_eq(try_send(s, slot, n), 0);
}

static inline shmchan_block take(struct stage *s, uint64_t n)
{
	struct shmchan_msg m;
	uint64_t text, data;

	cr_assert_eq(shmchan_take(s->rx, &m), 0);
	cr_assert_eq(m.status, 0);
	memcpy(&text, m.data, 8);
	memcpy(&data, shmchan_block_data(shmchan_block_pool(s->proc[TAKER], m.block), m.block), 8);
	cr_assert(m.corr == n && text == n && data == n && m.len == 8 && (m.sender & 0xfff) == m.type,
		  "%llu instead of %llu", (unsigned long long)m.corr, (unsigned long long)n);
	return m.block;
}

static inline void take_and_finish(struct stage *s, uint64_t n)
{
	shmchan_block b = take(s, n);

	cr_assert_eq(shmchan_block_free(shmchan_block_pool(s->proc[TAKER], b), b), 0);
	cr_assert_eq(shmchan_done(s->rx), 0);
}

static inline void expect_empty(struct stage *s)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(s->rx, &m), SHMCHAN_EMPTY);
}

static inline uint64_t word_of(struct stage *s, unsigned slot, shmchan_block b)
{
	return atomic_load(&shmchan_block_pool(s->proc[slot], b)->ref.words[b & 0xffffff].word);
}

static inline struct shmchan_pool_link *link_of(struct stage *s, unsigned slot, shmchan_block b)
{
	return &shmchan_block_pool(s->proc[slot], b)->ref.links[b & 0xffffff];
}

#endif
