// The list of blocks as tools and operators see it, and after peers gone mad.
#include "tests/shmchan/intrusive.h"

// ------------------------------------------------------------------------------------------------------- tools

static void expect_at(struct stage *s, uint32_t k, uint64_t n, bool in_flight)
{
	struct shmchan_view_msg m;
	uint64_t data;

	cr_assert_eq(shmchan_view_msg(s->v, 0, k, &m, &data, sizeof(data)), 0);
	cr_assert(m.corr == n && data == n && m.pos == n - 1 && m.in_flight == in_flight && m.block,
		  "message %llu in place %u", (unsigned long long)m.corr, k);
}

Test(mpsc_intrusive_edit, looked_at)
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

Test(mpsc_intrusive_edit, drained_and_injected_into)
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

Test(mpsc_intrusive_edit, a_list_cut_short)
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

Test(mpsc_intrusive_edit, a_tail_overwritten)
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

Test(mpsc_intrusive_edit, a_block_that_is_not_in_its_message)
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
