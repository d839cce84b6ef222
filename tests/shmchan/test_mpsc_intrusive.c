// The list of blocks: its bounds, its order, each point at which an end may die, blocks that are gone before their message
// is done.
#include "tests/shmchan/intrusive.h"

#include "shmchan/broker_priv.h"

_Static_assert(sizeof(struct shmchan_pool_link) == 128 && offsetof(struct shmchan_pool_link, desc) == 8 &&
		       offsetof(struct shmchan_pool_link, sender) == 24 &&
		       offsetof(struct shmchan_pool_link, data) == 32,
	       "links of layout 1");

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
	// Lengths that other kinds send by a path of their own.
	for (m.len = 0; m.len <= SHMCHAN_MSG_MAX_INTRUSIVE; m.len += 8) {
		static const char words[SHMCHAN_MSG_MAX_INTRUSIVE];

		m.data = words;
		cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_EINVAL, "no block, %u bytes", m.len);
	}
	m.data = "x";
	m.len = 1;
	own = harness_pool(s.proc[1], "own");
	cr_assert_eq(shmchan_block_alloc(own, &m.block), 0);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_EINVAL, "the consumer could not read it");
	cr_assert_eq(shmchan_block_free(own, m.block), 0);
	foreign = m.block = block(&s, 2, 1);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_ENOENT, "another's block");
	cr_assert_eq(shmchan_block_free(s.pool[2], foreign), 0);
	cr_assert_eq(shmchan_try_send(s.tx[1], &m), SHMCHAN_ENOENT, "nobody's block");
	m.block = (shmchan_block)SHMCHAN_POOL_MAX << 24;
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

// A look of the broker's that is interrupted between the cells and the tail: as much goes through meanwhile as the queue holds.
Test(mpsc_intrusive, a_look_that_takes_long_finds_what_is_there)
{
	struct shmchan_chain_sets seen = {NULL};
	struct shmchan_ring_ref r, torn;
	struct shmchan_seg seg;
	struct stage s;
	char *before;

	create(&s, 4, SHMCHAN_DEAD_LETTER, 0);
	seg = harness_map(&s.h, "c");
	before = aligned_alloc(SHMCHAN_LINE, seg.size);
	cr_assert_eq(shmchan_ring_join(&r, seg.base, seg.size, NULL), 0);
	for (uint64_t n = 1; n <= 3; n++)
		send(&s, 2, n);
	send(&s, 1, 4);
	memcpy(before, seg.base, seg.size);
	cr_assert_eq(shmchan_ring_join(&torn, before, seg.size, NULL), 0);
	for (uint64_t n = 1; n <= 3; n++) {
		take_and_finish(&s, n);
		send(&s, 2, n + 4);
	}
	atomic_store(&torn.ring->tail, atomic_load(&r.ring->tail));
	for (uint64_t at = atomic_load(&r.ring->tail); at; at = atomic_load(&link_of(&s, 2, (shmchan_block)at)->prev)) {
		if (SHMCHAN_TICKET(at) < 4)
			break;
		cr_assert(shmchan_chain_holds(&seen, &torn, s.h.b->map.pools, (shmchan_block)at), "message %u",
			  SHMCHAN_TICKET(at));
	}
	shmchan_chain_forget(&seen);
	free(before);
	shmchan_seg_close(&seg);
	for (uint64_t n = 4; n <= 7; n++)
		take_and_finish(&s, n);
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

// Recovery tells by the block's owner whether such an answer is sent: nothing may be noted of one that can't be.
Test(mpsc_intrusive, an_answer_in_somebody_elses_block_is_refused_before_it_is_noted)
{
	struct shmchan *there, *back;
	struct shmchan_msg m, asked = {0};
	struct stage s;
	void *data;

	create(&s, 4, SHMCHAN_DEAD_LETTER, 0);
	there = harness_open(s.proc[TAKER], "back", SHMCHAN_TX);
	back = harness_open(s.proc[1], "back", SHMCHAN_RX);
	asked.block = block(&s, TAKER, 1);
	cr_assert_eq(shmchan_try_send(there, &asked), 0);
	cr_assert_eq(shmchan_take(back, &asked), 0);
	m = (struct shmchan_msg){.block = block(&s, 2, 7)};
	cr_assert_eq(shmchan_reserve(s.tx[1], &data), 0);
	cr_assert_eq(shmchan_commit_answer(back, s.tx[1], &m), SHMCHAN_ENOENT);
	cr_assert_eq(atomic_load(&back->exact->intent_at), 0);
	cr_assert_eq(shmchan_try_send(s.tx[2], &m), 0);
	m.block = asked.block;
	cr_assert_eq(shmchan_commit_answer(back, s.tx[1], &m), 0);
	cr_assert_eq(atomic_load(&back->exact->intent_at), m.block);
	end(&s);
}

// ------------------------------------------------------------------------------- blocks that are in a later message

// Message 1 is taken, and before it is done its block has gone to a producer, who sends message 2 in it.
static void sent_again_in_its_block(struct stage *s, enum shmchan_on_crash on_crash)
{
	struct shmchan *there, *back;
	struct shmchan_msg m = {0};

	create(s, 4, on_crash, 0);
	there = harness_open(s->proc[TAKER], "back", SHMCHAN_TX);
	back = harness_open(s->proc[1], "back", SHMCHAN_RX);
	send(s, 1, 1);
	m.block = take(s, 1);
	cr_assert_eq(shmchan_try_send(there, &m), 0);
	cr_assert_eq(shmchan_take(back, &m), 0);
	cr_assert_eq(shmchan_done(back), 0);
	m = (struct shmchan_msg){.data = &(uint64_t){2}, .len = 8, .corr = 2, .type = 1, .block = m.block};
	memcpy(shmchan_block_data(shmchan_block_pool(s->proc[1], m.block), m.block), m.data, 8);
	cr_assert_eq(shmchan_try_send(s->tx[1], &m), 0);
}

static void only_the_second_is_received(struct stage *s)
{
	take_and_finish(s, 2);
	expect_empty(s);
	no_block_is_used(s, 0);
	end(s);
}

Test(mpsc_intrusive, tools_read_no_later_message_s_block)
{
	char pool[SHMCHAN_NAME_MAX];
	uint64_t n = 0;
	size_t len;
	struct stage s;
	shmchan_block b;

	sent_again_in_its_block(&s, SHMCHAN_DEAD_LETTER);
	b = (shmchan_block)atomic_load(&s.tx[1]->r.ring->tail);
	cr_assert_eq(shmchan_view_block_data(s.v, 0, 0, b, pool, &n, 8, &len), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_view_block_data(s.v, 0, 1, b, pool, &n, 8, &len), 0);
	cr_assert_eq(n, 2);
	cr_assert_eq(shmchan_done(s.rx), 0);
	only_the_second_is_received(&s);
}

Test(mpsc_intrusive, a_letter_leaves_a_later_message_its_block)
{
	struct stage s;

	sent_again_in_its_block(&s, SHMCHAN_DEAD_LETTER);
	leave(&s, TAKER);
	cr_assert_eq(harness_bury(&s.h, TAKER).dead_letters, 1);
	harness_check(&s.h);
	enter(&s, TAKER);
	only_the_second_is_received(&s);
}

Test(mpsc_intrusive, what_is_given_back_has_its_own_block)
{
	struct shmchan_repair repair;
	struct stage s;

	sent_again_in_its_block(&s, SHMCHAN_REDELIVER);
	leave(&s, TAKER);
	repair = harness_bury(&s.h, TAKER);
	cr_assert(repair.dead_letters == 1 && repair.redelivered == 0, "its block is in another message");
	harness_check(&s.h);
	enter(&s, TAKER);
	only_the_second_is_received(&s);
}

Test(mpsc_intrusive, opened_again_it_takes_no_later_message_s_block)
{
	struct shmchan_msg m;
	struct stage s;

	sent_again_in_its_block(&s, SHMCHAN_DEAD_LETTER);
	shmchan_close(s.rx);
	s.rx = harness_open(s.proc[TAKER], "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_take(s.rx, &m), 0);
	cr_assert(m.corr == 1 && m.status == SHMCHAN_ECORRUPT && m.block == SHMCHAN_NO_BLOCK);
	cr_assert_eq(shmchan_done(s.rx), 0);
	only_the_second_is_received(&s);
}
