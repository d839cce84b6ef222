// A channel beside a model of it: random calls on both, and they must agree at every step, in every result and count.
//
// The model is the list of positions from the oldest that isn't completed: claimed, published or cancelled.
#ifndef TESTS_SHMCHAN_MODEL_H
#define TESTS_SHMCHAN_MODEL_H

#include "tests/shmchan/harness.h"
#include "shmchan/inline.h"
#include "shmchan/list_chan.h"

#define MODEL_CAP 1000
#define MODEL_PRODUCERS 3
#define MODEL_CONSUMER 4

enum model_state { MODEL_CLAIMED, MODEL_FULL, MODEL_VOID };

struct model_cell {
	enum model_state state;
	unsigned producer;
	uint64_t corr;
	uint32_t len;
	const unsigned char *data; // where the consumer sees it, once taken
};

struct model {
	struct harness h;
	enum shmchan_kind kind;
	uint32_t cap, msg_size;
	unsigned producers;
	bool inlined; // half of what can go by inline.h does
	uint64_t rng, corr;
	struct shmchan_proc *proc[MODEL_CONSUMER + 1];
	struct shmchan *tx[MODEL_PRODUCERS + 1], *rx;
	void *reserved[MODEL_PRODUCERS + 1];
	// The list: n positions, the first `taken` of them taken.
	struct model_cell cell[MODEL_CAP];
	uint32_t n, taken;
	uint32_t again; // lists: in flight at this incarnation, whether or not its present handle has come to it
	uint64_t base, head; // position of cell[0]; spsc: what the producer was last told is free
	uint32_t unfreed;
	struct shmchan_stat st;
	uint64_t tally, counting;
};

static inline uint64_t model_draw(struct model *m, uint64_t below)
{
	return harness_random(&m->rng) % below;
}

static inline unsigned char model_byte(uint64_t corr, uint32_t i)
{
	return (unsigned char)(corr * 31 + i);
}

// A claim has no place in the queue before it is sent.
static inline bool model_listed(const struct model *m)
{
	return m->kind > SHMCHAN_KIND_MPSC;
}

static inline void model_pop(struct model *m)
{
	memmove(&m->cell[0], &m->cell[1], --m->n * sizeof(m->cell[0]));
	m->base++;
	m->taken -= m->taken > 0;
	m->again -= m->again > 0;
	m->tally += m->counting;
	m->counting = 0;
}

static inline uint32_t model_claims(const struct model *m)
{
	uint32_t n = 0;

	for (unsigned p = 1; p <= m->producers; p++)
		n += m->reserved[p] != NULL;
	return n;
}

static inline bool model_full(const struct model *m)
{
	if (m->kind == SHMCHAN_KIND_MPSC)
		return m->n == m->cap;
	if (model_listed(m) && m->n + model_claims(m) >= m->cap)
		return true;
	return m->base + m->n - m->head >= m->cap;
}

static inline void model_attach_consumer(struct model *m)
{
	m->proc[MODEL_CONSUMER] = harness_attach(&m->h, MODEL_CONSUMER);
	m->rx = harness_open(m->proc[MODEL_CONSUMER], "c", SHMCHAN_RX);
	m->again = model_listed(m) && m->taken > m->again ? m->taken : m->again;
	m->taken = 0;
	m->head = m->base;
	m->unfreed = 0;
	m->counting = 0;
}

static inline void model_attach_producer(struct model *m, unsigned p)
{
	m->proc[p] = harness_attach(&m->h, p);
	m->tx[p] = harness_open(m->proc[p], "c", SHMCHAN_TX);
}

// Positions that lie before a wrap-around of a word that holds them: the ring as if so many messages had gone through.
static inline void model_start_at(struct model *m, uint64_t pos)
{
	struct shmchan_seg seg = harness_map(&m->h, "c");
	struct shmchan_ring_ref r;

	cr_assert_eq(shmchan_ring_join(&r, seg.base, seg.size, NULL), 0);
	if (model_listed(m)) {
		uint64_t place = SHMCHAN_PLACE(pos, 0);

		atomic_store(&r.list->tail, place);
		atomic_store(&r.list->head, place);
		atomic_store(&r.list->head_pos, pos);
		atomic_store(&r.list->rx[0].exact.done, pos);
		atomic_store(&r.list->rx[0].exact.taken, pos);
		atomic_store(&r.list->rx[0].freed, pos);
		m->base = m->head = pos;
		m->st.enqueued = m->st.dequeued = m->st.done = pos;
		shmchan_seg_close(&seg);
		return;
	}
	pos -= pos % m->cap;
	atomic_store(&r.ring->done, pos);
	atomic_store(&r.ring->taken, pos);
	atomic_store(&r.ring->head, pos);
	atomic_store(&r.ring->tail, m->kind == SHMCHAN_KIND_MPSC ? pos / m->cap << 32 : pos);
	for (uint32_t i = 0; i < m->cap; i++)
		atomic_store(&shmchan_ring_cell(&r, i)->word,
			     m->kind == SHMCHAN_KIND_MPSC
				     ? shmchan_cell_word(pos / m->cap, SHMCHAN_CELL_FREE, 0)
				     : shmchan_seq(pos / m->cap - 1));
	m->base = m->head = pos;
	m->st.enqueued = m->st.dequeued = m->st.done = pos;
	shmchan_seg_close(&seg);
}

static inline void model_create(struct model *m, enum shmchan_kind kind, uint32_t cap, uint32_t msg_size,
				uint64_t start)
{
	static const unsigned producers[] = {1, 2, 3}, consumer[] = {MODEL_CONSUMER};
	static const char *const tally[] = {"n"};
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = cap,
					 .msg_size = msg_size,
					 .producers = producers,
					 .producer_cnt = kind >= SHMCHAN_KIND_MPSC ? 3 : 1,
					 .consumers = consumer,
					 .consumer_cnt = 1,
					 .tally = tally,
					 .tally_cnt = 1};

	m->kind = kind;
	m->cap = cap;
	m->msg_size = msg_size;
	m->producers = spec.producer_cnt;
	m->rng = harness_seed() + cap + msg_size;
	harness_create(&m->h, MODEL_CONSUMER, &spec, 1, NULL, 0);
	if (start)
		model_start_at(m, start);
	for (unsigned p = 1; p <= m->producers; p++)
		model_attach_producer(m, p);
	model_attach_consumer(m);
}

static inline void model_publish(struct model *m, unsigned p, uint32_t len, uint64_t corr)
{
	struct model_cell *c = NULL;

	for (uint32_t i = 0; i < m->n; i++)
		if (m->cell[i].state == MODEL_CLAIMED && m->cell[i].producer == p)
			c = &m->cell[i];
	if (!c)
		c = &m->cell[m->n++];
	*c = (struct model_cell){MODEL_FULL, p, corr, len, NULL};
	m->st.enqueued++;
}

// Two of three messages are plain: they have no correlation id, and are known by their content.
static inline uint64_t model_id(uint64_t corr)
{
	return corr % 3 ? 0 : corr;
}

static inline void model_fill(unsigned char *to, uint32_t len, uint64_t corr)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = model_byte(corr, i);
}

static inline bool model_inlines(struct model *m)
{
	return m->inlined && model_draw(m, 2);
}

static inline void model_send(struct model *m, unsigned p)
{
	static unsigned char data[SHMCHAN_MSG_MAX];
	uint32_t len = (uint32_t)model_draw(m, m->msg_size + 1);
	struct shmchan_msg msg = {.data = data, .len = len, .type = (uint16_t)p, .corr = model_id(m->corr)};
	bool full = model_full(m), wait = model_draw(m, 4) == 0;
	int err;

	model_fill(data, len, m->corr);
	if (wait)
		err = shmchan_send(m->tx[p], &msg, 0);
	else if (!msg.corr && model_inlines(m))
		err = shmchan_inline_try_send(m->tx[p], msg.type, data, len);
	else
		err = shmchan_try_send(m->tx[p], &msg);
	if (m->reserved[p]) {
		cr_assert_eq(err, SHMCHAN_EINVAL);
		return;
	}
	cr_assert_eq(err, !full ? 0 : wait ? SHMCHAN_TIMEOUT : SHMCHAN_FULL);
	m->st.full += full;
	if (!full)
		model_publish(m, p, len, m->corr++);
}

static inline void model_reserve(struct model *m, unsigned p)
{
	bool full = model_full(m);
	void *data;
	int err = model_inlines(m) ? shmchan_inline_reserve(m->tx[p], &data) : shmchan_reserve(m->tx[p], &data);

	if (m->reserved[p]) {
		cr_assert_eq(err, SHMCHAN_EINVAL);
		return;
	}
	cr_assert_eq(err, full ? SHMCHAN_FULL : 0);
	m->st.full += full;
	m->reserved[p] = data;
	if (!full && m->kind == SHMCHAN_KIND_MPSC)
		m->cell[m->n++] = (struct model_cell){.state = MODEL_CLAIMED, .producer = p};
}

static inline void model_commit(struct model *m, unsigned p)
{
	uint32_t len = (uint32_t)model_draw(m, m->msg_size + 1);
	struct shmchan_msg msg = {.len = len, .type = (uint16_t)p, .corr = model_id(m->corr)};
	int err;

	if (m->reserved[p])
		model_fill(m->reserved[p], len, m->corr);
	err = !msg.corr && model_inlines(m) ? shmchan_inline_commit(m->tx[p], msg.type, len) : shmchan_commit(m->tx[p], &msg);
	cr_assert_eq(err, m->reserved[p] ? 0 : SHMCHAN_EINVAL);
	if (m->reserved[p])
		model_publish(m, p, len, m->corr++);
	m->reserved[p] = NULL;
}

static inline void model_void_claim(struct model *m, unsigned p)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->cell[i].state == MODEL_CLAIMED && m->cell[i].producer == p)
			m->cell[i].state = MODEL_VOID;
	m->reserved[p] = NULL;
}

static inline void model_flush(struct model *m)
{
	m->head = m->base;
	m->unfreed = 0;
}

static inline void model_take(struct model *m)
{
	bool wait = model_draw(m, 4) == 0;
	struct shmchan_msg msg;
	struct model_cell *c;
	int err;

	if (wait)
		err = shmchan_recv(m->rx, &msg, 0);
	else
		err = model_inlines(m) ? shmchan_inline_take(m->rx, &msg) : shmchan_take(m->rx, &msg);
	while (m->taken < m->n && m->cell[m->taken].state == MODEL_VOID) {
		if (m->taken)
			m->taken++;
		else
			model_pop(m);
	}
	c = &m->cell[m->taken];
	if (m->taken == m->n || c->state == MODEL_CLAIMED) {
		cr_assert_eq(err, wait ? SHMCHAN_TIMEOUT : SHMCHAN_EMPTY);
		model_flush(m);
		return;
	}
	cr_assert_eq(err, 0);
	cr_assert_eq(msg.status, 0);
	cr_assert_eq(msg.corr, model_id(c->corr));
	cr_assert_eq(msg.len, c->len);
	cr_assert_eq(msg.type, c->producer);
	cr_assert_eq(msg.sender, shmchan_owner_make(c->producer, shmchan_owner_inc(msg.sender)));
	cr_assert_eq(msg.pos, m->base + m->taken);
	c->data = msg.data;
	m->taken++;
	m->st.dequeued++;
}

static inline void model_done(struct model *m)
{
	struct model_cell *c = &m->cell[0];

	if (m->taken == 0) {
		cr_assert_eq(model_inlines(m) ? shmchan_inline_done(m->rx) : shmchan_done(m->rx), SHMCHAN_ENOENT);
		return;
	}
	for (uint32_t i = 0; i < c->len; i++)
		if (c->data[i] != model_byte(c->corr, i))
			cr_assert_fail("byte %u of message %llu", i, (unsigned long long)c->corr);
	if (model_draw(m, 2)) {
		cr_assert_eq(shmchan_tally_add(m->rx, 0, c->len), 0);
		m->counting += c->len;
	}
	cr_assert_eq(shmchan_tally_get(m->rx, 0), m->tally + m->counting);
	cr_assert_eq(model_inlines(m) ? shmchan_inline_done(m->rx) : shmchan_done(m->rx), 0);
	model_pop(m);
	m->st.done++;
	while (m->taken && m->cell[0].state == MODEL_VOID)
		model_pop(m);
	if (++m->unfreed >= m->rx->batch)
		model_flush(m);
}

static inline void model_reopen(struct model *m)
{
	for (uint32_t i = 0; i < m->taken; i++)
		m->st.dequeued -= m->cell[i].state == MODEL_FULL;
	shmchan_close(m->rx);
	shmchan_detach(m->proc[MODEL_CONSUMER]);
	model_attach_consumer(m);
}

static inline void model_kill_consumer(struct model *m)
{
	struct shmchan_repair repair;
	uint64_t dead = 0;

	shmchan_detach(m->proc[MODEL_CONSUMER]);
	m->counting = 0;
	for (; m->taken || m->again; model_pop(m)) {
		m->st.dequeued += m->taken == 0;
		dead += m->cell[0].state == MODEL_FULL;
	}
	repair = harness_bury(&m->h, MODEL_CONSUMER);
	cr_assert_eq(repair.dead_letters, dead);
	m->st.dead += dead;
	m->st.done += dead;
	model_attach_consumer(m);
}

static inline void model_kill_producer(struct model *m, unsigned p)
{
	bool claimed = m->reserved[p] && m->kind >= SHMCHAN_KIND_MPSC;
	struct shmchan_repair repair;

	// As a death does: without the cancel of shmchan_close.
	m->tx[p]->reserved = false;
	shmchan_detach(m->proc[p]);
	repair = harness_bury(&m->h, p);
	cr_assert_eq(repair.aborted, claimed);
	m->st.aborted += claimed;
	model_void_claim(m, p);
	model_attach_producer(m, p);
}

static inline void model_compare(struct model *m)
{
	struct shmchan_stat st;

	m->st.in_flight = m->st.depth = 0;
	for (uint32_t i = 0; i < m->n; i++) {
		m->st.in_flight += i < m->taken && m->cell[i].state == MODEL_FULL;
		m->st.depth += i >= m->taken && m->cell[i].state == MODEL_FULL;
	}
	m->st.capacity = m->cap;
	m->st.high_water = m->st.full ? m->cap : 0;
	shmchan_stat(m->rx, &st);
	cr_assert_eq(st.enqueued, m->st.enqueued);
	cr_assert_eq(st.dequeued, m->st.dequeued);
	cr_assert_eq(st.done, m->st.done);
	cr_assert_eq(st.depth, m->st.depth);
	cr_assert_eq(st.in_flight, m->st.in_flight);
	cr_assert_eq(st.dead, m->st.dead);
	cr_assert_eq(st.dropped, 0);
	cr_assert_eq(st.aborted, m->st.aborted);
	cr_assert_eq(st.bad, 0);
	cr_assert_eq(st.full, m->st.full);
	cr_assert_eq(st.high_water, m->st.high_water);
	cr_assert_eq(st.capacity, m->cap);
}

static inline void model_step(struct model *m, bool fill)
{
	unsigned p = 1 + (unsigned)model_draw(m, m->producers);
	uint64_t what = model_draw(m, 1000);

	if (what < (fill ? 600 : 300))
		model_send(m, p);
	else if (what < 700)
		model_take(m);
	else if (what < 880)
		model_done(m);
	else if (what < 930)
		model_reserve(m, p);
	else if (what < 975)
		model_commit(m, p);
	else if (what < 994)
		shmchan_cancel(m->tx[p]), model_void_claim(m, p);
	else if (what < 996)
		model_reopen(m);
	else if (what < 998)
		model_kill_consumer(m);
	else
		model_kill_producer(m, p);
}

static inline void model_run_with(enum shmchan_kind kind, uint32_t cap, uint32_t msg_size, uint64_t start, unsigned steps,
				  bool inlined)
{
	static struct model m;

	m = (struct model){.inlined = inlined};
	model_create(&m, kind, cap, msg_size, start);
	for (unsigned i = 0; i < steps; i++) {
		// Long enough one way for a deep ring to become full, and empty again.
		model_step(&m, i / (4 * cap + 64) % 2 == 0);
		if (i % 16 == 0 || cap < 8)
			model_compare(&m);
		if (i % 1024 == 0)
			harness_check(&m.h);
	}
	harness_check(&m.h);
	for (unsigned p = 1; p <= m.producers; p++)
		shmchan_detach(m.proc[p]);
	shmchan_detach(m.proc[MODEL_CONSUMER]);
	harness_end(&m.h);
}

static inline void model_run(enum shmchan_kind kind, uint32_t cap, uint32_t msg_size, uint64_t start, unsigned steps)
{
	model_run_with(kind, cap, msg_size, start, steps, false);
}

#endif
