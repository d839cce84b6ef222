// Batches: many messages by one call, on every kind.
#include "tests/shmchan/harness.h"

#define CAP 7

static const unsigned one[] = {1}, two[] = {2}, one_three[] = {1, 3};
static const char *const tally[] = {"n"};

struct batch {
	struct harness h;
	struct shmchan_proc *a, *b, *c;
	struct shmchan *tx, *rx, *tx3;
	uint64_t number[4 * CAP];
	struct shmchan_msg m[4 * CAP], got[4 * CAP];
};

static const struct {
	enum shmchan_kind kind;
	uint32_t cap;
} kinds[] = {{SHMCHAN_KIND_SLOT, 1}, {SHMCHAN_KIND_SPSC, CAP}, {SHMCHAN_KIND_MPSC, CAP}};

static void begin(struct batch *t, unsigned k)
{
	bool many = kinds[k].kind == SHMCHAN_KIND_MPSC;
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kinds[k].kind,
					 .capacity = kinds[k].cap,
					 .msg_size = 8,
					 .producers = one_three,
					 .producer_cnt = many ? 2 : 1,
					 .consumers = two,
					 .consumer_cnt = 1,
					 .tally = tally,
					 .tally_cnt = 1};

	memset(t, 0, sizeof(*t));
	if (!many)
		spec.producers = one;
	harness_create(&t->h, 3, &spec, 1, NULL, 0);
	t->a = harness_attach(&t->h, 1);
	t->b = harness_attach(&t->h, 2);
	t->tx = harness_open(t->a, "c", SHMCHAN_TX);
	t->rx = harness_open(t->b, "c", SHMCHAN_RX);
	if (many) {
		t->c = harness_attach(&t->h, 3);
		t->tx3 = harness_open(t->c, "c", SHMCHAN_TX);
	}
}

static void finish(struct batch *t)
{
	harness_check(&t->h);
	shmchan_detach(t->a);
	shmchan_detach(t->b);
	shmchan_detach(t->c);
	harness_end(&t->h);
}

static struct shmchan_msg *numbers(struct batch *t, uint64_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		t->number[i] = from + i;
		t->m[i] = (struct shmchan_msg){
			.data = &t->number[i], .len = 8, .type = 3, .corr = (from + i) % 3 ? 0 : from + i};
	}
	return t->m;
}

static void are(struct batch *t, int cnt, uint64_t from)
{
	for (int i = 0; i < cnt; i++) {
		uint64_t v, want = from + (uint64_t)i;

		cr_assert_eq(t->got[i].len, 8);
		memcpy(&v, t->got[i].data, 8);
		cr_assert_eq(v, want);
		cr_assert_eq(t->got[i].pos, want);
		cr_assert_eq(t->got[i].type, 3);
		cr_assert_eq(t->got[i].corr, want % 3 ? 0 : want);
		cr_assert_eq(t->got[i].sender, shmchan_self(t->a));
		cr_assert_eq(t->got[i].status, 0);
	}
}

Test(batch, goes_as_far_as_there_is_room_and_comes_in_order)
{
	static struct batch t;

	for (unsigned k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		uint64_t sent = 0, got = 0, done = 0;
		uint64_t rng = harness_seed();

		begin(&t, k);
		cr_assert_eq(shmchan_take_batch(t.rx, t.got, 5), SHMCHAN_EMPTY);
		cr_assert_eq(shmchan_done_batch(t.rx, 1), SHMCHAN_ENOENT);
		cr_assert_eq(shmchan_done_batch(t.rx, 0), SHMCHAN_EINVAL);
		cr_assert_eq(shmchan_try_send_batch(t.tx, t.m, 0), SHMCHAN_EINVAL);
		cr_assert_eq(shmchan_take_batch(t.tx, t.got, 1), SHMCHAN_EINVAL);
		cr_assert_eq(shmchan_done_batch(t.tx, 1), SHMCHAN_EINVAL);
		for (unsigned round = 0; round < 300; round++) {
			unsigned n = 1 + (unsigned)(harness_random(&rng) % (2 * CAP));
			uint64_t room = kinds[k].cap - (sent - done), in_flight;
			int r = shmchan_try_send_batch(t.tx, numbers(&t, sent, n), n);

			cr_assert_leq(r, (int)(n < room ? n : room));
			if (r < 0)
				cr_assert_eq(r, SHMCHAN_FULL);
			sent += r > 0 ? (unsigned)r : 0;
			n = 1 + (unsigned)(harness_random(&rng) % CAP);
			r = shmchan_take_batch(t.rx, t.got, n);
			if (sent == got) {
				cr_assert_eq(r, SHMCHAN_EMPTY);
			} else {
				cr_assert_eq(r, (int)(n < sent - got ? n : sent - got));
				are(&t, r, got);
				got += (unsigned)r;
			}
			in_flight = got - done;
			cr_assert_eq(shmchan_done_batch(t.rx, (unsigned)in_flight + 1), SHMCHAN_ENOENT);
			if (!in_flight)
				continue;
			n = 1 + (unsigned)(harness_random(&rng) % in_flight);
			cr_assert_eq(shmchan_tally_add(t.rx, 0, n), 0);
			cr_assert_eq(shmchan_done_batch(t.rx, n), 0);
			done += n;
			cr_assert_eq(shmchan_tally_get(t.tx, 0), done);
		}
		finish(&t);
	}
}

Test(batch, stops_before_what_cannot_be_sent)
{
	static struct batch t;

	for (unsigned k = 1; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		begin(&t, k);
		numbers(&t, 0, 4)[2].len = 9;
		cr_assert_eq(shmchan_try_send_batch(t.tx, t.m, 4), 2);
		cr_assert_eq(shmchan_try_send_batch(t.tx, t.m + 2, 2), SHMCHAN_EINVAL);
		cr_assert_eq(shmchan_send_batch(t.tx, t.m + 2, 2, SHMCHAN_FOREVER), SHMCHAN_EINVAL);
		numbers(&t, 2, CAP);
		cr_assert_eq(shmchan_send_batch(t.tx, t.m, CAP, 1000), CAP - 2);
		cr_assert_eq(shmchan_send_batch(t.tx, t.m, 1, 1000), SHMCHAN_TIMEOUT);
		cr_assert_eq(shmchan_recv_batch(t.rx, t.got, 3, SHMCHAN_FOREVER), 3);
		are(&t, 3, 0);
		cr_assert_eq(shmchan_recv_batch(t.rx, t.got, 4 * CAP, SHMCHAN_FOREVER), CAP - 3);
		are(&t, CAP - 3, 3);
		cr_assert_eq(shmchan_recv_batch(t.rx, t.got, 1, 1000), SHMCHAN_TIMEOUT);
		cr_assert_eq(shmchan_recv_batch(t.rx, t.got, 0, 1000), SHMCHAN_EINVAL);
		cr_assert_eq(shmchan_done_batch(t.rx, CAP), 0);
		finish(&t);
	}
}

// Cells that were claimed and given up lie between the messages of a batch.
Test(batch, passes_cells_that_hold_nothing)
{
	static struct batch t;
	struct shmchan_stat st;
	void *data;

	begin(&t, 2);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(shmchan_try_send_batch(t.tx, numbers(&t, 2 * i, 1), 1), 1);
		cr_assert_eq(shmchan_reserve(t.tx3, &data), 0);
		shmchan_cancel(t.tx3);
	}
	cr_assert_eq(shmchan_take_batch(t.rx, t.got, 4 * CAP), 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(t.got[i].pos, 2 * i);
	cr_assert_eq(shmchan_done_batch(t.rx, 4), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_done_batch(t.rx, 2), 0);
	harness_check(&t.h);
	shmchan_stat(t.rx, &st);
	cr_assert_eq(st.done, 2);
	cr_assert_eq(st.in_flight, 1);
	cr_assert_eq(shmchan_done_batch(t.rx, 1), 0);
	shmchan_stat(t.rx, &st);
	cr_assert_eq(st.done, 3);
	cr_assert_eq(st.enqueued, 3);
	cr_assert_eq(st.in_flight + st.depth, 0);
	finish(&t);
}

// What a batch has taken and not completed is in flight, message by message.
Test(batch, what_was_taken_becomes_dead_letters)
{
	static struct batch t;

	for (unsigned k = 1; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct shmchan_repair repair;

		begin(&t, k);
		cr_assert_eq(shmchan_try_send_batch(t.tx, numbers(&t, 0, 6), 6), 6);
		cr_assert_eq(shmchan_take_batch(t.rx, t.got, 5), 5);
		cr_assert_eq(shmchan_tally_add(t.rx, 0, 2), 0);
		cr_assert_eq(shmchan_done_batch(t.rx, 2), 0);
		cr_assert_eq(shmchan_tally_add(t.rx, 0, 100), 0);
		shmchan_detach(t.b);
		repair = harness_bury(&t.h, 2);
		cr_assert_eq(repair.dead_letters, 3);
		cr_assert_eq(shmchan_tally_get(t.tx, 0), 2);
		t.b = harness_attach(&t.h, 2);
		t.rx = harness_open(t.b, "c", SHMCHAN_RX);
		cr_assert_eq(shmchan_take_batch(t.rx, t.got, 5), 1);
		are(&t, 1, 5);
		finish(&t);
	}
}
