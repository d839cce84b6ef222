// Lists as tools and operators see them: peeked at, followed, drained, injected into, replayed, repaired.
#include "tests/shmchan/harness.h"

#include "shmchan/edit.h"
#include "shmchan/list_chan.h"

#define TAKER 2

struct stage {
	struct harness h;
	struct shmchan_proc *proc[3];
	struct shmchan *tx, *rx;
	struct shmchan_view *v;
};

static void create(struct stage *s, enum shmchan_kind kind)
{
	static const unsigned producers[] = {1}, takers[] = {TAKER};
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = 5,
					 .msg_size = 16,
					 .producers = producers,
					 .producer_cnt = 1,
					 .consumers = takers,
					 .consumer_cnt = 1};

	memset(s, 0, sizeof(*s));
	harness_create(&s->h, 2, &spec, 1, NULL, 0);
	for (unsigned slot = 1; slot <= TAKER; slot++)
		s->proc[slot] = harness_attach(&s->h, slot);
	s->tx = harness_open(s->proc[1], "c", SHMCHAN_TX);
	s->rx = harness_open(s->proc[TAKER], "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_view_open(&s->v, s->h.group, NULL), 0);
}

static void end(struct stage *s)
{
	harness_check(&s->h);
	shmchan_view_close(s->v);
	shmchan_detach(s->proc[1]);
	shmchan_detach(s->proc[TAKER]);
	harness_end(&s->h);
}

static void send(struct stage *s, uint64_t n)
{
	cr_assert_eq(shmchan_try_send(s->tx, &(struct shmchan_msg){.data = &n, .len = 8, .corr = n, .type = 7}), 0);
}

static void take(struct stage *s, uint64_t n)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(s->rx, &m), 0);
	cr_assert_eq(m.corr, n);
}

static void leave(struct stage *s)
{
	shmchan_detach(s->proc[TAKER]);
	s->proc[TAKER] = NULL;
	cr_assert_eq(shmchan_broker_recover(s->h.b, TAKER, NULL, NULL), 0);
}

static void come_back(struct stage *s)
{
	cr_assert_eq(shmchan_broker_announce(s->h.b, TAKER, &s->h.inc[TAKER]), 0);
	s->proc[TAKER] = harness_attach(&s->h, TAKER);
	s->rx = harness_open(s->proc[TAKER], "c", SHMCHAN_RX);
}

static void expect_at(struct stage *s, uint32_t k, uint64_t n, bool in_flight)
{
	struct shmchan_view_msg m;
	uint64_t data;

	cr_assert_eq(shmchan_view_msg(s->v, 0, k, &m, &data, sizeof(data)), 0);
	cr_assert(m.corr == n && data == n && m.pos == n - 1 && m.type == 7 && m.in_flight == in_flight,
		  "message %llu in place %u", (unsigned long long)m.corr, k);
}

static void peek(enum shmchan_kind kind)
{
	struct shmchan_view_msg m;
	struct stage s;

	create(&s, kind);
	for (uint64_t n = 1; n <= 4; n++)
		send(&s, n);
	take(&s, 1);
	cr_assert_eq(shmchan_done(s.rx), 0);
	take(&s, 2);
	take(&s, 3);
	expect_at(&s, 0, 2, true);
	expect_at(&s, 1, 3, true);
	expect_at(&s, 2, 4, false);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 3, &m, NULL, 0), SHMCHAN_ENOENT);
	end(&s);
}

Test(list_edit, peek)
{
	peek(SHMCHAN_KIND_MPSC_LIST);
	peek(SHMCHAN_KIND_MPMC2);
}

Test(list_edit, follow)
{
	struct shmchan_follow f;
	struct shmchan_view_msg m;
	struct stage s;
	uint64_t data;

	create(&s, SHMCHAN_KIND_MPSC_LIST);
	cr_assert_eq(shmchan_view_follow_begin(s.v, 0, true, &f), 0);
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), SHMCHAN_EMPTY);
	for (uint64_t n = 1; n <= 3; n++) {
		send(&s, n);
		if (n == 2) { // also when it has been taken, or is done, as long as its node is not in use again
			take(&s, 1);
			cr_assert_eq(shmchan_done(s.rx), 0);
			take(&s, 2);
		}
	}
	for (uint64_t n = 1; n <= 3; n++) {
		cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), 0);
		cr_assert(m.corr == n && data == n && m.pos == n - 1 && m.in_flight == (n == 2));
	}
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_done(s.rx), 0);
	take(&s, 3);
	cr_assert_eq(shmchan_done(s.rx), 0);
	for (uint64_t n = 4; n <= 23; n++) {
		send(&s, n);
		take(&s, n);
		cr_assert_eq(shmchan_done(s.rx), 0);
	}
	// Who is late misses the oldest, and knows how many.
	cr_assert_eq(shmchan_view_follow(s.v, 0, &f, &m, &data, 8), 0);
	cr_assert(f.missed >= 15 && m.corr == m.pos + 1 && data == m.corr && m.pos == 3 + f.missed);
	end(&s);
}

static void drain(enum shmchan_kind kind)
{
	struct shmchan_msg m = {.corr = 9, .type = 7};
	struct shmchan_repair r;
	struct stage s;
	uint64_t cnt, left;

	create(&s, kind);
	for (uint64_t n = 1; n <= 4; n++)
		send(&s, n);
	take(&s, 1);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "c", 2, false, &cnt, &left, NULL), SHMCHAN_EBUSY);
	shmchan_detach(s.proc[TAKER]);
	cr_assert_eq(shmchan_broker_recover(s.h.b, TAKER, NULL, &r), 0);
	cr_assert_eq(r.dead_letters, 1);
	s.proc[TAKER] = NULL;
	cr_assert_eq(shmchan_broker_drain(s.h.b, "c", 2, false, &cnt, &left, NULL), 0);
	cr_assert(cnt == 2 && left == 1);
	harness_check(&s.h);
	cr_assert_eq(shmchan_view_dead_cnt(s.v, NULL), 3);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "c", &m, NULL, NULL), 0);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 2, NULL), 0);
	come_back(&s);
	take(&s, 4);
	take(&s, 9);
	take(&s, 2);
	cr_assert_eq(shmchan_done_batch(s.rx, 3), 0);
	send(&s, 10);
	leave(&s);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "c", UINT64_MAX, true, &cnt, &left, NULL), 0);
	cr_assert(cnt == 1 && left == 0);
	end(&s);
}

Test(list_edit, drain_inject_replay)
{
	drain(SHMCHAN_KIND_MPSC_LIST);
	drain(SHMCHAN_KIND_MPMC2);
}

static void count(void *ctx, const char *object, const char *text)
{
	(void)object;
	(void)text;
	++*(unsigned *)ctx;
}

Test(list_edit, check_reports_each_damage_and_repair_mends_claims)
{
	struct shmchan_ring_ref *r;
	struct shmchan_list *list;
	unsigned n = 0, mended = 0;
	struct stage s;
	uint64_t old;

	create(&s, SHMCHAN_KIND_MPSC_LIST);
	r = &s.tx->r;
	list = r->list;
	send(&s, 1);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 0);
	atomic_store(&shmchan_list_node(r, 4)->word,
		     shmchan_node_word(SHMCHAN_NODE_CLAIMED, shmchan_owner_make(1, 77), 0));
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 1, "held by nobody");
	cr_assert_eq(shmchan_broker_repair(s.h.b, count, &mended), 1);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 0);
	atomic_store(&shmchan_list_node(r, 4)->word, 1);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 1, "impossible word");
	atomic_store(&shmchan_list_node(r, 4)->word, 0);
	atomic_store(&shmchan_list_node(r, 4)->link, 6);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 1, "no such link");
	atomic_store(&shmchan_list_node(r, 4)->link, 5);
	atomic_fetch_add(&shmchan_list_node(r, (uint32_t)s.tx->pos)->len, 16);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 1, "longer than its node");
	atomic_fetch_sub(&shmchan_list_node(r, (uint32_t)s.tx->pos)->len, 16);
	atomic_store(&list->rx[0].freed, 1);
	cr_assert_eq(shmchan_broker_check(s.h.b, count, &n), 1, "free, but not done");
	atomic_store(&list->rx[0].freed, 0);
	old = atomic_exchange(&list->tail, SHMCHAN_PLACE(100, 1));
	cr_assert_geq(shmchan_broker_check(s.h.b, count, &n), 1, "more places than nodes");
	atomic_store(&list->tail, old);
	old = atomic_exchange(&shmchan_list_node(r, (uint32_t)s.tx->pos)->word, 0);
	cr_assert_geq(shmchan_broker_check(s.h.b, count, &n), 1, "a place without a message");
	atomic_store(&shmchan_list_node(r, (uint32_t)s.tx->pos)->word, old);
	end(&s);
}
