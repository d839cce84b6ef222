// The list of blocks: its bounds, its order, each point at which an end may die, blocks that are gone before their message
// is done, and peers gone mad.
#include "tests/shmchan/harness.h"

#include "shmchan/edit.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/proc.h"

_Static_assert(sizeof(struct shmchan_pool_link) == 128 && offsetof(struct shmchan_pool_link, desc) == 8 &&
		       offsetof(struct shmchan_pool_link, sender) == 24 &&
		       offsetof(struct shmchan_pool_link, data) == 32,
	       "links of layout 1");

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

static void enter(struct stage *s, unsigned slot)
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
static void start_at(struct stage *s, uint64_t pos)
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

static void create(struct stage *s, uint32_t cap, enum shmchan_on_crash on_crash, uint64_t pos)
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

static void no_block_is_used(struct stage *s, unsigned kept)
{
	struct shmchan_view_pool p;

	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(shmchan_view_pool(s->v, i, &p), 0);
		cr_assert(p.sent == 0 && p.owned == 0 && p.kept == (i == 0 ? kept : 0),
			  "pool %s: %u sent, %u owned, %u kept", p.name, p.sent, p.owned, p.kept);
	}
}

static void leave(struct stage *s, unsigned slot)
{
	shmchan_detach(s->proc[slot]);
	s->proc[slot] = NULL;
}

static void end(struct stage *s)
{
	harness_check(&s->h);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		leave(s, slot);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		harness_bury(&s->h, slot);
	shmchan_view_close(s->v);
	harness_end(&s->h);
}

static shmchan_block block(struct stage *s, unsigned slot, uint64_t n)
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

static int try_send(struct stage *s, unsigned slot, uint64_t n)
{
	struct shmchan_msg m = {.data = &n, .len = 8, .corr = n, .type = (uint16_t)slot, .block = block(s, slot, n)};
	int err = shmchan_try_send(s->tx[slot], &m);

	if (err)
		cr_assert_eq(shmchan_block_free(shmchan_block_pool(s->proc[slot], m.block), m.block), 0);
	return err;
}

static void send(struct stage *s, unsigned slot, uint64_t n)
{
	cr_assert_eq(try_send(s, slot, n), 0);
}

static shmchan_block take(struct stage *s, uint64_t n)
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

static void take_and_finish(struct stage *s, uint64_t n)
{
	shmchan_block b = take(s, n);

	cr_assert_eq(shmchan_block_free(shmchan_block_pool(s->proc[TAKER], b), b), 0);
	cr_assert_eq(shmchan_done(s->rx), 0);
}

static void expect_empty(struct stage *s)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(s->rx, &m), SHMCHAN_EMPTY);
}

static uint64_t word_of(struct stage *s, unsigned slot, shmchan_block b)
{
	return atomic_load(&shmchan_block_pool(s->proc[slot], b)->ref.words[b & 0xffffff].word);
}

static struct shmchan_pool_link *link_of(struct stage *s, unsigned slot, shmchan_block b)
{
	return &shmchan_block_pool(s->proc[slot], b)->ref.links[b & 0xffffff];
}

Test(mpsc_intrusive, what_it_refuses)
{
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = SHMCHAN_KIND_MPSC_INTRUSIVE,
					 .capacity = 1,
					 .msg_size = SHMCHAN_MSG_MAX_INTRUSIVE + 1,
					 .producers = senders,
					 .producer_cnt = 3,
					 .consumers = taker,
					 .consumer_cnt = 1};
	static const char *const names[] = {"a", "b", "c", "d"};
	struct shmchan_group_spec group = {.name = "t0-refused", .services = names, .service_cnt = 4, .chans = &spec, .chan_cnt = 1};
	struct shmchan_msg m = {.data = "x", .len = 1};
	struct shmchan_broker *b;
	struct shmchan_pool *own;
	struct shmchan_why why;
	struct stage s;
	shmchan_block foreign;

	cr_assert_eq(shmchan_broker_create(&b, &group, &why), SHMCHAN_EINVAL);
	cr_assert_neq(strstr(why.text, "96"), NULL, "%s", why.text);
	create(&s, 2, SHMCHAN_DEAD_LETTER, 0);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_EINVAL, "no block");
	own = harness_pool(s.proc[1], "own");
	cr_assert_eq(shmchan_block_alloc(own, &m.block), 0);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_EINVAL, "the consumer could not read it");
	cr_assert_eq(shmchan_block_free(own, m.block), 0);
	foreign = m.block = block(&s, 2, 1);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_ENOENT, "another's block");
	cr_assert_eq(shmchan_block_free(s.pool[2], foreign), 0);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_ENOENT, "nobody's block");
	m.block = SHMCHAN_POOL_MAX << 24;
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_ENOENT, "a block of no pool");
	no_block_is_used(&s, 0);
	end(&s);
}

static void each_capacity(uint32_t cap, uint64_t pos)
{
	struct shmchan_stat st;
	struct stage s;
	uint64_t n = 0;
	void *data;

	create(&s, cap, SHMCHAN_DEAD_LETTER, pos);
	for (uint64_t round = 0; round < 5; round++) {
		struct shmchan_msg m = {.type = 1, .len = 8};
		uint64_t first = n;

		cr_assert_eq(shmchan_reserve(s.tx[1], &data), 0);
		for (uint32_t i = 0; i < cap; i++, n++)
			send(&s, 2 + (unsigned)(n % 2), n);
		cr_assert_eq(try_send(&s, 2, n), SHMCHAN_FULL);
		m.block = block(&s, 1, n);
		memcpy(data, &n, 8);
		m.corr = n;
		cr_assert_eq(shmchan_commit(s.tx[1], &m), SHMCHAN_FULL, "a reservation is only a look");
		shmchan_stat(s.tx[1], &st);
		cr_assert(st.depth == cap && st.enqueued == pos + n && st.high_water == cap);
		take_and_finish(&s, first);
		for (uint64_t k = first + 1; k < n; k++)
			take_and_finish(&s, k);
		expect_empty(&s);
		cr_assert_eq(shmchan_commit(s.tx[1], &m), 0, "it is still held");
		take_and_finish(&s, n++);
		expect_empty(&s);
		no_block_is_used(&s, 0);
	}
	end(&s);
}

Test(mpsc_intrusive, holds_as_many_as_its_capacity)
{
	static const uint32_t caps[] = {1, 2, 7, 30};

	for (unsigned i = 0; i < 4; i++) {
		each_capacity(caps[i], 0);
		each_capacity(caps[i], ((uint64_t)1 << 32) - 2 * caps[i]);
	}
}

// Beside a model: a queue of numbers, at most `cap` of them, `taken` of which are in flight.
static void walk(uint32_t cap, uint64_t pos)
{
	uint64_t rng = harness_seed(), queue[BLOCKS], n = 1;
	uint32_t cnt = 0, taken = 0;
	shmchan_block held[BLOCKS];
	struct shmchan_stat st;
	struct stage s;

	create(&s, cap, SHMCHAN_DEAD_LETTER, pos);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned what = (unsigned)(harness_random(&rng) % 8);

		if (what < 4) {
			unsigned slot = 1 + (unsigned)(harness_random(&rng) % 3);

			// What is done may be told late: FULL before it is full, but never past it.
			if (try_send(&s, slot, n) == 0)
				queue[cnt++] = n++;
			else
				cr_assert(cnt + cap / 8 >= cap);
			cr_assert_leq(cnt, cap);
		} else if (what < 6 && taken < cnt) {
			held[taken] = take(&s, queue[taken]);
			// Some are gone before their message is done.
			if (harness_random(&rng) % 2) {
				cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[TAKER], held[taken]), held[taken]), 0);
				held[taken] = SHMCHAN_NO_BLOCK;
			}
			taken++;
		} else if (what == 6 && taken) {
			if (held[0])
				cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[TAKER], held[0]), held[0]), 0);
			cr_assert_eq(shmchan_done(s.rx), 0);
			memmove(held, held + 1, --taken * sizeof(held[0]));
			memmove(queue, queue + 1, --cnt * sizeof(queue[0]));
		} else if (taken == cnt) {
			expect_empty(&s);
		}
		shmchan_stat(s.rx, &st);
		cr_assert(st.depth == cnt - taken && st.in_flight == taken && st.enqueued == pos + n - 1 &&
			  st.dequeued == pos + n - 1 - (cnt - taken));
		if (step % 256 == 0)
			harness_check(&s.h);
	}
	end(&s);
}

Test(mpsc_intrusive, beside_a_model)
{
	walk(1, 0);
	walk(5, 0);
	walk(24, 0);
	walk(5, ((uint64_t)1 << 32) - 1000);
}

// ------------------------------------------------------------------------------------------------- dead producers

// What a producer has done when it dies before the exchange.
static shmchan_block offer(struct stage *s, unsigned slot, uint64_t n, bool keep)
{
	shmchan_block b = block(s, slot, n);
	struct shmchan_pool *pool = shmchan_block_pool(s->proc[slot], b);

	if (keep)
		cr_assert_eq(shmchan_block_keep(pool, b, n), 0);
	link_of(s, slot, b)->sender = s->tx[slot]->me;
	cr_assert_eq(shmchan_pool_offer(&pool->ref, s->tx[slot]->me, b & 0xffffff, s->tx[slot]->r.id, 0), 0);
	return b;
}

Test(mpsc_intrusive, what_the_dead_had_offered_is_theirs_again)
{
	struct shmchan_repair repair;
	struct stage s;
	shmchan_block kept;

	create(&s, 8, SHMCHAN_DEAD_LETTER, 0);
	send(&s, 1, 1);
	send(&s, 2, 2);
	offer(&s, 1, 3, false);
	offer(&s, 2, 4, false);
	kept = offer(&s, 2, 5, true);
	send(&s, 3, 6); // nobody waits for them
	take_and_finish(&s, 1);
	leave(&s, 1);
	leave(&s, 2);
	repair = harness_bury(&s.h, 1);
	cr_assert_eq(repair.blocks, 1);
	harness_check(&s.h);
	repair = harness_bury(&s.h, 2);
	cr_assert_eq(repair.blocks, 1);
	harness_check(&s.h);
	enter(&s, 1);
	enter(&s, 2);
	send(&s, 1, 7);
	cr_assert_eq(shmchan_block_kept(shmchan_block_pool(s.proc[2], kept), 5, &kept), 0);
	take_and_finish(&s, 2);
	take_and_finish(&s, 6);
	take_and_finish(&s, 7);
	expect_empty(&s);
	no_block_is_used(&s, 1);
	cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[2], kept), kept), 0);
	end(&s);
}

// All of it while they are in the queue, in a cell, in flight.
Test(mpsc_intrusive, what_the_dead_had_sent_is_received)
{
	struct shmchan_msg m;
	struct stage s;
	shmchan_block b;

	create(&s, 8, SHMCHAN_DEAD_LETTER, 0);
	for (uint64_t n = 1; n <= 3; n++)
		send(&s, 1, n);
	b = take(&s, 1); // 2 and 3 are brought over with it
	send(&s, 1, 4);
	leave(&s, 1);
	harness_bury(&s.h, 1);
	harness_check(&s.h);
	cr_assert_eq(shmchan_broker_repair(s.h.b, harness_report, NULL), 0);
	cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[TAKER], b), b), 0);
	cr_assert_eq(shmchan_done(s.rx), 0);
	for (uint64_t n = 2; n <= 4; n++)
		take_and_finish(&s, n);
	cr_assert_eq(shmchan_take(s.rx, &m), SHMCHAN_EMPTY);
	enter(&s, 1);
	end(&s);
}

// A producer that fires its probe holds up what is behind it, and no longer than until its death is known.
Test(mpsc_intrusive, held_back_for_a_probe)
{
	struct stage s;
	shmchan_block b;

	create(&s, 8, SHMCHAN_DEAD_LETTER, 0);
	for (unsigned slot = 1; slot <= 3; slot++)
		send(&s, slot, slot);
	b = (shmchan_block)atomic_load_explicit(&link_of(&s, 3, (shmchan_block)atomic_load(&s.tx[3]->r.ring->tail))->prev,
						memory_order_relaxed);
	atomic_fetch_or(&s.pool[2]->ref.words[b & 0xffffff].word, SHMCHAN_OFFER_HELD);
	take_and_finish(&s, 1);
	expect_empty(&s);
	cr_assert_not(shmchan_has_work(s.rx));
	harness_check(&s.h);
	leave(&s, 2);
	harness_bury(&s.h, 2);
	cr_assert(shmchan_has_work(s.rx));
	take_and_finish(&s, 2);
	take_and_finish(&s, 3);
	enter(&s, 2);
	end(&s);
}

// -------------------------------------------------------------------------------------------------- dead consumers

Test(mpsc_intrusive, letters_tell_of_blocks_that_were_gone)
{
	struct shmchan_view_dead d;
	struct shmchan_msg pass = {0};
	struct stage s;
	struct shmchan *back;

	create(&s, 8, SHMCHAN_DEAD_LETTER, 0);
	back = harness_open(s.proc[TAKER], "back", SHMCHAN_TX);
	for (uint64_t n = 1; n <= 5; n++)
		send(&s, 1, n);
	cr_assert_eq(shmchan_block_free(s.pool[TAKER], take(&s, 1)), 0);
	pass.block = take(&s, 2);
	pass.corr = 99;
	cr_assert_eq(shmchan_try_send(back, &pass), 0, "its link is now another message's");
	take(&s, 3);
	leave(&s, TAKER);
	cr_assert_eq(harness_bury(&s.h, TAKER).dead_letters, 3);
	harness_check(&s.h);
	for (uint64_t n = 1; n <= 3; n++) {
		uint64_t data;

		cr_assert_eq(shmchan_view_dead(s.v, n, &d), 0);
		memcpy(&data, d.data, 8);
		cr_assert(d.corr == n && data == n && d.had_block && d.sender_slot == 1 && d.pos == n - 1);
	}
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 1, NULL), SHMCHAN_EINVAL);
	enter(&s, TAKER);
	take_and_finish(&s, 4);
	take_and_finish(&s, 5);
	back = harness_open(s.proc[1], "back", SHMCHAN_RX);
	cr_assert_eq(shmchan_take(back, &pass), 0);
	cr_assert(pass.corr == 99 && pass.status == 0);
	cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[1], pass.block), pass.block), 0);
	cr_assert_eq(shmchan_done(back), 0);
	no_block_is_used(&s, 0);
	end(&s);
}

Test(mpsc_intrusive, given_back)
{
	struct stage s;
	struct shmchan_msg m;

	create(&s, 4, SHMCHAN_REDELIVER, 0);
	for (uint64_t n = 1; n <= 4; n++)
		send(&s, 1 + (unsigned)(n % 2), n);
	for (unsigned death = 0; death < 2; death++) {
		take(&s, 1);
		take(&s, 2);
		leave(&s, TAKER);
		cr_assert_eq(harness_bury(&s.h, TAKER).redelivered, 2);
		harness_check(&s.h);
		cr_assert_eq(try_send(&s, 1, 9), SHMCHAN_FULL);
		leave(&s, 1); // while its message, sent or not, is of another's word
		harness_bury(&s.h, 1);
		enter(&s, 1);
		harness_check(&s.h);
		enter(&s, TAKER);
	}
	take(&s, 1);
	leave(&s, TAKER);
	cr_assert_eq(harness_bury(&s.h, TAKER).dead_letters, 1);
	enter(&s, TAKER);
	for (uint64_t n = 2; n <= 4; n++) {
		cr_assert_eq(shmchan_take(s.rx, &m), 0);
		cr_assert(m.corr == n && m.status == 0 && m.deliveries == (n == 2 ? 2 : 0));
		cr_assert_eq(shmchan_block_free(shmchan_block_pool(s.proc[TAKER], m.block), m.block), 0);
		cr_assert_eq(shmchan_done(s.rx), 0);
	}
	no_block_is_used(&s, 0);
	end(&s);
}

Test(mpsc_intrusive, opened_again_it_begins_with_what_is_in_flight)
{
	struct stage s;

	create(&s, 4, SHMCHAN_DEAD_LETTER, 0);
	for (uint64_t n = 1; n <= 4; n++)
		send(&s, 1, n);
	take(&s, 1);
	take(&s, 2);
	shmchan_close(s.rx);
	s.rx = harness_open(s.proc[TAKER], "c", SHMCHAN_RX);
	for (uint64_t n = 1; n <= 4; n++)
		take_and_finish(&s, n);
	expect_empty(&s);
	no_block_is_used(&s, 0);
	end(&s);
}

// A request whose answer belongs into a list of blocks: the broker has none, and says it beside the queue.
Test(mpsc_intrusive, who_asked_is_told_of_a_death)
{
	struct shmchan_msg m = {.corr = 7, .len = 0};
	struct shmchan *back;
	struct stage s;

	create(&s, 4, SHMCHAN_DEAD_LETTER, 0);
	back = harness_open(s.proc[1], "back", SHMCHAN_RX);
	m.reply = shmchan_id(back);
	m.block = block(&s, 1, 7);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), 0);
	cr_assert_eq(shmchan_take(s.rx, &m), 0);
	leave(&s, TAKER);
	cr_assert_eq(harness_bury(&s.h, TAKER).died_sent, 1);
	cr_assert_eq(shmchan_take(back, &m), 0);
	cr_assert(m.status == SHMCHAN_PEER_DIED && m.corr == 7);
	cr_assert_eq(shmchan_done(back), 0);
	cr_assert_eq(shmchan_take(back, &m), SHMCHAN_EMPTY);
	enter(&s, TAKER);
	end(&s);
}

// ------------------------------------------------------------------------------------------------------- tools

static void expect_at(struct stage *s, uint32_t k, uint64_t n, bool in_flight)
{
	struct shmchan_view_msg m;
	uint64_t data;

	cr_assert_eq(shmchan_view_msg(s->v, 0, k, &m, &data, sizeof(data)), 0);
	cr_assert(m.corr == n && data == n && m.pos == n - 1 && m.in_flight == in_flight && m.block,
		  "message %llu in place %u", (unsigned long long)m.corr, k);
}

Test(mpsc_intrusive, looked_at)
{
	struct shmchan_view_block vb;
	struct shmchan_view_msg m;
	struct shmchan_follow f;
	char pool[SHMCHAN_NAME_MAX];
	struct stage s;
	uint64_t data;
	size_t len;

	create(&s, 5, SHMCHAN_DEAD_LETTER, 0);
	cr_assert_eq(shmchan_view_follow_begin(s.v, 0, SHMCHAN_FOLLOW_NEW, &f), 0);
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), SHMCHAN_EMPTY);
	send(&s, 1, 1);
	send(&s, 2, 2);
	take_and_finish(&s, 1);
	send(&s, 3, 3);
	send(&s, 1, 4);
	take(&s, 2);
	send(&s, 2, 5);
	expect_at(&s, 0, 2, true);
	expect_at(&s, 1, 3, false);
	expect_at(&s, 2, 4, false); // this and the next are still in the list
	expect_at(&s, 3, 5, false);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 4, &m, &data, 8), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 3, &m, &data, 8), 0);
	cr_assert_eq(shmchan_view_block_data(s.v, 0, m.pos, m.block, pool, &data, 8, &len), 0);
	cr_assert(data == 5 && strcmp(pool, "p") == 0 && len == 64);
	cr_assert_eq(shmchan_view_block(s.v, 0, m.block & 0xffffff, &vb), 0);
	cr_assert(vb.state == SHMCHAN_VIEW_SENT && vb.pos == 4 && strcmp(vb.channel, "c") == 0);
	for (uint64_t n = 1; n <= 5; n++) {
		cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), 0);
		cr_assert(m.corr == n && data == n && m.pos == n - 1 && m.in_flight == (n == 2));
	}
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_done(s.rx), 0);
	for (uint64_t n = 3; n <= 5; n++)
		take_and_finish(&s, n);
	for (uint64_t n = 6; n <= 25; n++) {
		send(&s, 1, n);
		take_and_finish(&s, n);
	}
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), 0);
	cr_assert(f.missed >= 15 && m.corr == m.pos + 1 && data == m.corr && m.pos == 5 + f.missed);
	end(&s);
}

Test(mpsc_intrusive, drained_and_injected_into)
{
	struct shmchan_edit_block with = {.pool = "p", .data = "\x9\0\0\0\0\0\0", .len = 8};
	uint64_t cnt, left, nine = 9;
	struct shmchan_msg m = {.data = &nine, .len = 8, .corr = 9};
	struct stage s;

	create(&s, 6, SHMCHAN_DEAD_LETTER, 0);
	for (uint64_t n = 1; n <= 5; n++)
		send(&s, 1, n);
	take(&s, 1);
	leave(&s, TAKER);
	cr_assert_eq(shmchan_broker_recover(s.h.b, TAKER, NULL, NULL), 0);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "c", 2, false, &cnt, &left, NULL), 0);
	cr_assert(cnt == 2 && left == 2);
	harness_check(&s.h);
	cr_assert_eq(shmchan_view_dead_cnt(s.v, NULL), 3);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "c", &m, NULL, NULL), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "c", &m, &with, NULL), 0);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "c", 1, true, &cnt, &left, NULL), 0);
	cr_assert(cnt == 1 && left == 2);
	cr_assert_eq(shmchan_broker_announce(s.h.b, TAKER, &s.h.inc[TAKER]), 0);
	enter(&s, TAKER);
	take_and_finish(&s, 5);
	cr_assert_eq(shmchan_take(s.rx, &m), 0);
	cr_assert(m.corr == 9 && (m.sender & 0xfff) == 0);
	cr_assert_eq(shmchan_block_free(s.pool[TAKER], m.block), 0);
	cr_assert_eq(shmchan_done(s.rx), 0);
	no_block_is_used(&s, 0);
	end(&s);
}

// ---------------------------------------------------------------------------------------------- peers gone mad

static void count(void *ctx, const char *object, const char *text)
{
	(void)object;
	(void)text;
	++*(unsigned *)ctx;
}

static unsigned complaints(struct stage *s)
{
	unsigned n = 0;

	shmchan_broker_check(s->h.b, count, &n);
	return n;
}

Test(mpsc_intrusive, a_list_cut_short)
{
	static const uint64_t prevs[] = {0, UINT64_MAX, (uint64_t)2 << 32, (uint64_t)2 << 32 | 0xffffff,
					 (uint64_t)2 << 32 | 0x7f000001, (uint64_t)3 << 32 | 0x1000001};
	struct shmchan_msg m;

	for (unsigned i = 0; i < sizeof(prevs) / sizeof(prevs[0]); i++) {
		struct stage s;

		create(&s, 6, SHMCHAN_DEAD_LETTER, 0);
		for (uint64_t n = 1; n <= 5; n++)
			send(&s, 1 + (unsigned)(n % 3), n);
		// The link of message 3 leads nowhere, or in a circle.
		atomic_store(&link_of(&s, 1, (shmchan_block)atomic_load(
				      &link_of(&s, 1, (shmchan_block)atomic_load(
					      &link_of(&s, 1, (shmchan_block)atomic_load(&s.tx[1]->r.ring->tail))->prev))->prev))->prev,
			     prevs[i]);
		cr_assert_geq(complaints(&s), 1);
		// What is before it can't be found, what is behind it comes.
		for (unsigned k = 0; k < 2; k++) {
			cr_assert_eq(shmchan_take(s.rx, &m), 0);
			cr_assert_eq(m.status, SHMCHAN_ECORRUPT);
			cr_assert_eq(shmchan_done(s.rx), 0);
		}
		for (uint64_t n = 3; n <= 5; n++)
			take_and_finish(&s, n);
		expect_empty(&s);
		// The blocks of the lost ones are their senders' until they end.
		for (unsigned slot = 1; slot <= 3; slot++) {
			leave(&s, slot);
			harness_bury(&s.h, slot);
			enter(&s, slot);
		}
		no_block_is_used(&s, 0);
		end(&s);
	}
}

Test(mpsc_intrusive, a_tail_overwritten)
{
	static const uint64_t tails[] = {UINT64_MAX, (uint64_t)100 << 32, (uint64_t)4 << 32 | 0x1ffffff, 0};
	struct shmchan_msg m;

	for (unsigned i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		unsigned mended = 0;
		struct stage s;

		create(&s, 6, SHMCHAN_DEAD_LETTER, 0);
		send(&s, 1, 1);
		take_and_finish(&s, 1);
		send(&s, 1, 2);
		send(&s, 2, 3);
		atomic_store(&s.tx[1]->r.ring->tail, tails[i]);
		cr_assert_geq(complaints(&s), 1);
		cr_assert_geq(shmchan_broker_repair(s.h.b, count, &mended), 0);
		for (unsigned slot = 1; slot <= TAKER; slot++) {
			leave(&s, slot);
			cr_assert_eq(shmchan_broker_recover(s.h.b, slot, NULL, NULL), 0);
		}
		mended = 0;
		cr_assert_geq(shmchan_broker_repair(s.h.b, count, &mended), 1);
		for (unsigned slot = 1; slot <= TAKER; slot++) {
			cr_assert_eq(shmchan_broker_announce(s.h.b, slot, &s.h.inc[slot]), 0);
			enter(&s, slot);
		}
		for (unsigned k = 0; k < 6 && shmchan_take(s.rx, &m) == 0; k++) {
			cr_assert_eq(m.status, SHMCHAN_ECORRUPT);
			cr_assert_eq(shmchan_done(s.rx), 0);
		}
		harness_check(&s.h);
		no_block_is_used(&s, 0);
		for (uint64_t n = 4; n <= 9; n++)
			send(&s, 3, n);
		cr_assert_eq(try_send(&s, 3, 10), SHMCHAN_FULL);
		for (uint64_t n = 4; n <= 9; n++)
			take_and_finish(&s, n);
		end(&s);
	}
}

Test(mpsc_intrusive, a_block_that_is_not_in_its_message)
{
	struct shmchan_msg m;
	struct stage s;
	shmchan_block b;

	create(&s, 6, SHMCHAN_DEAD_LETTER, 0);
	send(&s, 1, 1);
	send(&s, 1, 2);
	b = (shmchan_block)atomic_load(&s.tx[1]->r.ring->tail);
	atomic_store(&s.pool[1]->ref.words[b & 0xffffff].word, 0);
	cr_assert_eq(complaints(&s), 1);
	take_and_finish(&s, 1);
	cr_assert_eq(shmchan_take(s.rx, &m), 0);
	cr_assert(m.status == SHMCHAN_ECORRUPT && m.block == SHMCHAN_NO_BLOCK);
	cr_assert_eq(shmchan_done(s.rx), 0);
	send(&s, 1, 3);
	take_and_finish(&s, 3);
	// A message longer than any: it is refused, and its block freed.
	send(&s, 1, 4);
	b = (shmchan_block)atomic_load(&s.tx[1]->r.ring->tail);
	atomic_store(&link_of(&s, 1, b)->desc, shmchan_desc(1, 17));
	cr_assert_eq(shmchan_take(s.rx, &m), 0);
	cr_assert(m.status == SHMCHAN_ECORRUPT && m.len == 0 && word_of(&s, 1, b) == 0);
	cr_assert_eq(shmchan_done(s.rx), 0);
	no_block_is_used(&s, 0);
	end(&s);
}
