// A reader beside a channel: what it is told is what was sent, in order, and what it misses it counts.
#include "tests/shmchan/harness.h"

static const unsigned one[] = {1}, two[] = {2}, one_three[] = {1, 3}, all[] = {1, 2, 3};

#define WORDS 8

static const struct shmchan_chan_spec specs[] = {
	{.name = "spsc",
	 .kind = SHMCHAN_KIND_SPSC,
	 .capacity = 64,
	 .msg_size = 8 * WORDS,
	 .producers = one,
	 .producer_cnt = 1,
	 .consumers = two,
	 .consumer_cnt = 1},
	{.name = "small",
	 .kind = SHMCHAN_KIND_SPSC,
	 .capacity = 3,
	 .msg_size = 8 * WORDS,
	 .producers = one,
	 .producer_cnt = 1,
	 .consumers = two,
	 .consumer_cnt = 1},
	{.name = "slot",
	 .kind = SHMCHAN_KIND_SLOT,
	 .capacity = 1,
	 .msg_size = 8 * WORDS,
	 .producers = one,
	 .producer_cnt = 1,
	 .consumers = two,
	 .consumer_cnt = 1},
	{.name = "mpsc",
	 .kind = SHMCHAN_KIND_MPSC,
	 .capacity = 61,
	 .msg_size = 8 * WORDS,
	 .producers = one_three,
	 .producer_cnt = 2,
	 .consumers = two,
	 .consumer_cnt = 1},
};
static const struct shmchan_pool_spec pool = {
	.name = "p", .block_size = 64, .block_cnt = 2, .users = all, .user_cnt = 3};

struct ends {
	struct harness h;
	struct shmchan_proc *proc[4];
	struct shmchan *tx, *tx3, *rx;
	struct shmchan_view *v;
	struct shmchan_follow f;
};

static void begin(struct ends *e, unsigned kind)
{
	const char *name = specs[kind].name;

	*e = (struct ends){0};
	harness_create(&e->h, 3, &specs[kind], 1, &pool, 1);
	for (unsigned slot = 1; slot <= 3; slot++)
		e->proc[slot] = harness_attach(&e->h, slot);
	e->tx = harness_open(e->proc[1], name, SHMCHAN_TX);
	e->rx = harness_open(e->proc[2], name, SHMCHAN_RX);
	if (specs[kind].producer_cnt == 2)
		e->tx3 = harness_open(e->proc[3], name, SHMCHAN_TX);
	cr_assert_eq(shmchan_view_open(&e->v, e->h.group, NULL), 0);
	cr_assert_eq(shmchan_view_follow_begin(e->v, 0, SHMCHAN_FOLLOW_NEW, &e->f), 0);
}

static void end(struct ends *e)
{
	shmchan_view_close(e->v);
	for (unsigned slot = 1; slot <= 3; slot++)
		shmchan_detach(e->proc[slot]);
	harness_end(&e->h);
}

static int send(struct shmchan *tx, uint64_t number, uint64_t timeout_ns)
{
	uint64_t words[WORDS];
	const struct shmchan_msg m = {.data = words, .len = sizeof(words), .corr = number, .type = 3};

	for (unsigned i = 0; i < WORDS; i++)
		words[i] = number * (i + 1);
	return shmchan_send(tx, &m, timeout_ns);
}

static int follow(struct ends *e, struct shmchan_view_msg *m)
{
	uint64_t words[WORDS];
	int err = shmchan_view_follow(e->v, 0, &e->f, m, words, sizeof(words));

	if (err)
		return err;
	cr_assert_eq(m->len, sizeof(words));
	for (unsigned i = 0; i < WORDS; i++)
		cr_assert_eq(words[i], m->corr * (i + 1), "word %u of message %llu", i,
			     (unsigned long long)m->corr);
	return 0;
}

static void take(struct ends *e)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(e->rx, &m), 0);
	cr_assert_eq(shmchan_done(e->rx), 0);
}

Test(follow, completed_messages_are_told_too)
{
	struct shmchan_view_msg m;

	for (unsigned kind = 0; kind < 4; kind++) {
		struct ends e;
		uint32_t cap = specs[kind].capacity, n = cap < 4 ? 1 : 4;

		begin(&e, kind);
		cr_assert_eq(follow(&e, &m), SHMCHAN_EMPTY);
		for (uint64_t i = 1; i <= n; i++) {
			cr_assert_eq(send(e.tx, i, 0), 0);
			take(&e);
		}
		cr_assert_eq(send(e.tx, n + 1, 0), cap == 1 ? 0 : 0);
		for (uint64_t i = cap == 1 ? n + 1 : 1; i <= n + 1; i++) {
			cr_assert_eq(follow(&e, &m), 0, "%s: message %u", specs[kind].name, (unsigned)i);
			cr_assert_eq(m.corr, i);
			cr_assert_eq(m.type, 3);
			cr_assert_eq(m.sender_slot, 1);
		}
		cr_assert_eq(follow(&e, &m), SHMCHAN_EMPTY);
		cr_assert_eq(e.f.missed, cap == 1 ? 1 : 0);
		end(&e);
	}
}

Test(follow, begins_where_it_is_told)
{
	struct shmchan_view_msg m;
	struct ends e;

	begin(&e, 0);
	cr_assert_eq(send(e.tx, 1, 0), 0);
	take(&e);
	cr_assert_eq(send(e.tx, 2, 0), 0);
	cr_assert_eq(send(e.tx, 3, 0), 0);
	cr_assert_eq(shmchan_view_follow_begin(e.v, 0, SHMCHAN_FOLLOW_QUEUED, &e.f), 0);
	cr_assert_eq(follow(&e, &m), 0);
	cr_assert_eq(m.corr, 2);
	cr_assert_eq(shmchan_view_follow_begin(e.v, 0, SHMCHAN_FOLLOW_NEW, &e.f), 0);
	cr_assert_eq(follow(&e, &m), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_view_follow_begin(e.v, 0, SHMCHAN_FOLLOW_KEPT, &e.f), 0);
	cr_assert_eq(follow(&e, &m), 0);
	cr_assert_eq(m.corr, 1);
	cr_assert_eq(shmchan_view_follow_begin(e.v, 1, SHMCHAN_FOLLOW_NEW, &e.f), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_follow(e.v, 1, &e.f, &m, NULL, 0), SHMCHAN_ENOENT);
	end(&e);
}

Test(follow, what_it_misses_it_counts)
{
	struct shmchan_view_msg m;
	struct ends e;
	uint64_t got = 0;

	for (unsigned kind = 0; kind < 4; kind++) {
		begin(&e, kind);
		got = 0;
		for (uint64_t i = 1; i <= 1000; i++) {
			cr_assert_eq(send(e.tx, i, 0), 0);
			take(&e);
		}
		for (; follow(&e, &m) == 0; got++)
			;
		cr_assert_eq(got + e.f.missed, 1000, "%s: %llu told, %llu missed", specs[kind].name,
			     (unsigned long long)got, (unsigned long long)e.f.missed);
		cr_assert(got > 0 || specs[kind].capacity == 1);
		end(&e);
	}
}

// A claim that was taken back holds an old message: it is not told again.
Test(follow, cancelled_cells_hold_nothing)
{
	struct shmchan_view_msg m;
	struct ends e;
	void *data;
	uint64_t last = 0, got = 0;

	begin(&e, 3);
	for (uint64_t i = 1; i <= 300; i++) {
		if (i % 3 == 0) {
			cr_assert_eq(shmchan_reserve(e.tx3, &data), 0);
			shmchan_cancel(e.tx3);
		}
		cr_assert_eq(send(e.tx, i, 0), 0);
		take(&e);
		for (; i % 20 == 0 && follow(&e, &m) == 0; got++) {
			cr_assert_gt(m.corr, last, "%llu after %llu", (unsigned long long)m.corr,
				     (unsigned long long)last);
			last = m.corr;
		}
	}
	cr_assert_leq(got, 300);
	cr_assert_geq(got + e.f.missed, 300);
	end(&e);
}

Test(follow, a_block_is_copied_while_it_is_in_its_message)
{
	struct shmchan_pool *p1, *p2;
	struct shmchan_msg m = {.corr = 1}, got;
	struct shmchan_view_msg seen;
	char name[SHMCHAN_NAME_MAX], bytes[8] = "";
	struct ends e;
	size_t len;

	begin(&e, 0);
	p1 = harness_pool(e.proc[1], "p");
	p2 = harness_pool(e.proc[2], "p");
	cr_assert_eq(shmchan_block_alloc(p1, &m.block), 0);
	memcpy(shmchan_block_data(p1, m.block), "block", 6);
	cr_assert_eq(shmchan_try_send(e.tx, &m), 0);
	cr_assert_eq(shmchan_view_follow(e.v, 0, &e.f, &seen, bytes, sizeof(bytes)), 0);
	cr_assert_eq(shmchan_view_block_data(e.v, 0, seen.pos, seen.block, name, bytes, sizeof(bytes), &len),
		     0);
	cr_assert_str_eq(name, "p");
	cr_assert_str_eq(bytes, "block");
	cr_assert_eq(len, 64);
	len = 0;
	cr_assert_eq(shmchan_view_block_data(e.v, 0, seen.pos, seen.block, name, NULL, 0, &len), 0);
	cr_assert_eq(len, 64, "its size alone");
	cr_assert_eq(shmchan_view_block_data(e.v, 0, seen.pos, 0xffffffff, name, bytes, 8, &len),
		     SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_take(e.rx, &got), 0);
	cr_assert_eq(shmchan_view_block_data(e.v, 0, seen.pos, seen.block, name, bytes, 8, &len),
		     SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_block_free(p2, got.block), 0);
	end(&e);
}

// ------------------------------------------------------------------------------------------------ beside real traffic

#define COUNT 20000

static int produce(void *ctx)
{
	struct ends *e = ctx;

	for (uint64_t i = 1; i <= COUNT; i++)
		if (send(e->tx, 2 * i, SHMCHAN_FOREVER))
			return 1;
	return 0;
}

static int produce_too(void *ctx)
{
	struct ends *e = ctx;
	void *data;

	for (uint64_t i = 1; i <= COUNT; i++) {
		if (i % 1000 == 0 && shmchan_reserve(e->tx3, &data) == 0)
			shmchan_cancel(e->tx3);
		if (send(e->tx3, 2 * i + 1, SHMCHAN_FOREVER))
			return 1;
	}
	return 0;
}

static int consume(void *ctx)
{
	struct ends *e = ctx;
	struct shmchan_msg m;

	for (uint64_t i = 0, n = e->tx3 ? 2 * COUNT : COUNT; i < n; i++)
		if (shmchan_recv(e->rx, &m, SHMCHAN_FOREVER) || shmchan_done(e->rx))
			return 1;
	return 0;
}

static bool ended(pid_t *pid)
{
	int status;

	if (*pid && waitpid(*pid, &status, WNOHANG) == *pid) {
		cr_assert_eq(status, 0);
		*pid = 0;
	}
	return !*pid;
}

Test(follow, beside_traffic_nothing_is_torn, .timeout = 120)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		uint64_t last[2] = {0, 0}, got = 0, pos = 0;
		struct shmchan_view_msg m;
		pid_t pids[3] = {0};
		struct ends e;
		bool over = false;

		begin(&e, kind);
		pids[0] = harness_fork(consume, &e);
		pids[1] = harness_fork(produce, &e);
		if (e.tx3)
			pids[2] = harness_fork(produce_too, &e);
		while (!over) {
			over = true;
			for (unsigned i = 0; i < 3; i++)
				over = ended(&pids[i]) && over;
			while (follow(&e, &m) == 0) {
				cr_assert(got == 0 || m.pos > pos);
				pos = m.pos;
				cr_assert_gt(m.corr, last[m.corr & 1], "in each producer's order");
				last[m.corr & 1] = m.corr;
				got++;
			}
		}
		// Positions of mpsc count cancelled cells too.
		if (e.tx3)
			cr_assert_geq(got + e.f.missed, 2 * COUNT);
		else
			cr_assert_eq(got + e.f.missed, COUNT, "%s: %llu told, %llu missed", specs[kind].name,
				     (unsigned long long)got, (unsigned long long)e.f.missed);
		fprintf(stderr, "%s: %llu told, %llu missed\n", specs[kind].name, (unsigned long long)got,
			(unsigned long long)e.f.missed);
		end(&e);
	}
}
