// What an operator changes in a group: where it is allowed, what it leaves, and that a broker killed after any
// instruction of it leaves a message here or there, never both and never neither.
#include "tests/shmchan/harness.h"

#include "shmchan/broker_priv.h"
#include "shmchan/edit.h"
#include "tests/crash/step.h"

static const unsigned one[] = {1}, two[] = {2}, three[] = {3}, one_three[] = {1, 3}, all[] = {1, 2, 3};

enum { MANY, LINE, REF, BACK, CHANS };

#define CHAN(n, k, cap, size, from, from_cnt, to, policy)                                                  \
	{                                                                                                  \
		.name = n, .kind = SHMCHAN_KIND_##k, .capacity = cap, .msg_size = size, .producers = from, \
		.producer_cnt = from_cnt, .consumers = to, .consumer_cnt = 1, .on_crash = policy           \
	}
static const struct shmchan_chan_spec chans[CHANS] = {
	CHAN("many", MPSC, 4, 8, one_three, 2, two, SHMCHAN_DEAD_LETTER),
	CHAN("line", SPSC, 4, 16, one, 1, two, SHMCHAN_DEAD_LETTER),
	CHAN("ref", SLOT_REF, 1, 0, one, 1, two, SHMCHAN_DROP),
	CHAN("back", MPSC, 8, 8, two, 1, three, SHMCHAN_DEAD_LETTER),
};
static const struct shmchan_pool_spec pool = {.name = "p", .block_size = 64, .block_cnt = 2, .users = all, .user_cnt = 3};

struct scene {
	struct harness h;
	struct shmchan_proc *proc[4];
	struct shmchan *tx[CHANS], *rx[CHANS];
	struct shmchan_pool *pool[4];
};

static void enter(struct scene *s, unsigned slot)
{
	s->proc[slot] = harness_attach(&s->h, slot);
	s->pool[slot] = harness_pool(s->proc[slot], "p");
	for (unsigned i = 0; i < CHANS; i++) {
		if (chans[i].producers[0] == slot)
			s->tx[i] = harness_open(s->proc[slot], chans[i].name, SHMCHAN_TX);
		if (chans[i].consumers[0] == slot)
			s->rx[i] = harness_open(s->proc[slot], chans[i].name, SHMCHAN_RX);
	}
}

static void begin(struct scene *s)
{
	*s = (struct scene){0};
	harness_create(&s->h, 3, chans, CHANS, &pool, 1);
	for (unsigned slot = 1; slot <= 3; slot++)
		enter(s, slot);
}

// The service has no process and none is announced, as after `shmsup stop` of it.
static void stop(struct scene *s, unsigned slot)
{
	shmchan_detach(s->proc[slot]);
	s->proc[slot] = NULL;
	cr_assert_eq(shmchan_broker_recover(s->h.b, slot, NULL, NULL), 0);
}

static void restart(struct scene *s, unsigned slot)
{
	cr_assert_eq(shmchan_broker_announce(s->h.b, slot, &s->h.inc[slot]), 0);
	enter(s, slot);
}

static void end(struct scene *s)
{
	for (unsigned slot = 1; slot <= 3; slot++)
		shmchan_detach(s->proc[slot]);
	harness_end(&s->h);
}

static void send(struct scene *s, unsigned chan, uint64_t corr, uint16_t reply)
{
	const struct shmchan_msg m = {.data = &corr, .len = 8, .type = 7, .corr = corr, .reply = reply};

	cr_assert_eq(shmchan_try_send(s->tx[chan], &m), 0);
}

static int inject(struct scene *s, const char *chan, uint64_t corr, struct shmchan_why *why)
{
	const struct shmchan_msg m = {.data = &corr, .len = 8, .type = 9, .corr = corr};

	return shmchan_broker_inject(s->h.b, chan, &m, NULL, why);
}

static void receives(struct scene *s, unsigned chan, uint64_t corr, uint16_t type)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(s->rx[chan], &m), 0, "correlation %llu", (unsigned long long)corr);
	cr_assert_eq(m.corr, corr);
	cr_assert_eq(m.type, type);
	if (m.len)
		cr_assert_eq(memcmp(m.data, &corr, 8), 0);
	cr_assert_eq(shmchan_done(s->rx[chan]), 0);
}

static void is_empty(struct scene *s, unsigned chan)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(s->rx[chan], &m), SHMCHAN_EMPTY);
}

Test(edit, many_producers_and_the_broker_beside_them)
{
	struct scene s;
	struct shmchan_why why = {0};

	begin(&s);
	send(&s, MANY, 1, 0);
	cr_assert_eq(inject(&s, "many", 2, NULL), 0);
	send(&s, MANY, 3, 0);
	cr_assert_eq(inject(&s, "many", 4, NULL), 0);
	cr_assert_eq(inject(&s, "many", 5, &why), SHMCHAN_FULL);
	receives(&s, MANY, 1, 7);
	receives(&s, MANY, 2, 9);
	receives(&s, MANY, 3, 7);
	receives(&s, MANY, 4, 9);
	is_empty(&s, MANY);
	harness_check(&s.h);
	end(&s);
}

Test(edit, one_writer_means_one)
{
	struct scene s;
	struct shmchan_why why = {0};

	begin(&s);
	send(&s, LINE, 1, 0);
	cr_assert_eq(inject(&s, "line", 2, &why), SHMCHAN_EBUSY);
	cr_assert_str_eq(why.object, "line");
	cr_assert_str_eq(why.text, "its producer s1 runs; stop that first");
	stop(&s, 1);
	cr_assert_eq(inject(&s, "line", 2, &why), 0);
	cr_assert_eq(inject(&s, "line", 3, &why), 0);
	restart(&s, 1);
	send(&s, LINE, 4, 0);
	cr_assert_eq(inject(&s, "line", 5, NULL), SHMCHAN_EBUSY, "it runs again");
	receives(&s, LINE, 1, 7);
	receives(&s, LINE, 2, 9);
	receives(&s, LINE, 3, 9);
	receives(&s, LINE, 4, 7);
	is_empty(&s, LINE);
	harness_check(&s.h);
	end(&s);
}

Test(edit, what_does_not_fit)
{
	static const char bytes[65];
	const struct shmchan_edit_block large = {"p", bytes, 65}, nowhere = {"q", bytes, 1},
					fits = {"p", bytes, 64};
	struct shmchan_msg m = {.data = bytes, .len = 9};
	struct shmchan_why why = {0};
	struct scene s;

	begin(&s);
	cr_assert_eq(inject(&s, "none", 1, &why), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_inject(s.h.b, NULL, &m, NULL, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "many", &m, NULL, &why), SHMCHAN_EINVAL);
	m.len = 8;
	m.type = SHMCHAN_TYPE_MAX + 1;
	cr_assert_eq(shmchan_broker_inject(s.h.b, "many", &m, NULL, &why), SHMCHAN_EINVAL);
	m = (struct shmchan_msg){.corr = 1, .block = 77};
	stop(&s, 1);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, NULL, &why), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, &large, &why), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, &nowhere, &why), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, &fits, &why), 0);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, &fits, &why), SHMCHAN_FULL);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "many", &m, &fits, &why), 0);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "many", &m, &fits, &why), SHMCHAN_EXHAUSTED);
	harness_check(&s.h);
	end(&s);
}

Test(edit, a_block_goes_along)
{
	const struct shmchan_edit_block block = {"p", "state", 5};
	const struct shmchan_msg m = {.corr = 5, .type = 2};
	struct shmchan_msg got;
	struct scene s;

	begin(&s);
	stop(&s, 1);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "ref", &m, &block, NULL), 0);
	cr_assert_eq(shmchan_take(s.rx[REF], &got), 0);
	cr_assert_eq(got.corr, 5);
	cr_assert_str_eq(shmchan_block_data(s.pool[2], got.block), "state");
	cr_assert_eq(shmchan_block_free(s.pool[2], got.block), 0);
	cr_assert_eq(shmchan_done(s.rx[REF]), 0);
	harness_check(&s.h);
	end(&s);
}

static unsigned letters(struct scene *s, uint64_t corr[8])
{
	struct shmchan_view_dead d;
	struct shmchan_view *v;
	unsigned n = 0;
	uint64_t cnt;

	cr_assert_eq(shmchan_view_open(&v, s->h.group, NULL), 0);
	cnt = shmchan_view_dead_cnt(v, NULL);
	for (uint64_t no = 1; no <= cnt; no++)
		if (shmchan_view_dead(v, no, &d) == 0) {
			cr_assert_eq(d.code, SHMCHAN_DEATH_DRAINED);
			corr[n++] = d.corr;
		}
	shmchan_view_close(v);
	return n;
}

Test(edit, draining_sets_aside_and_tells)
{
	uint64_t cnt, left, corr[8];
	struct shmchan_why why = {0};
	struct shmchan_stat stat;
	struct scene s;

	begin(&s);
	for (uint64_t n = 1; n <= 4; n++)
		send(&s, MANY, n, shmchan_id(s.rx[BACK]));
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", UINT64_MAX, false, &cnt, &left, &why),
		     SHMCHAN_EBUSY);
	cr_assert_str_eq(why.text, "its consumer s2 runs; stop that first");
	cr_assert_eq(shmchan_broker_drain(s.h.b, "none", 1, false, &cnt, &left, &why), SHMCHAN_ENOENT);
	stop(&s, 2);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", 3, false, &cnt, &left, &why), 0);
	cr_assert_eq(cnt, 3);
	cr_assert_eq(left, 1);
	cr_assert_eq(letters(&s, corr), 3);
	cr_assert_eq(corr[0], 1);
	cr_assert_eq(corr[2], 3);
	for (uint64_t n = 1; n <= 3; n++) {
		struct shmchan_msg m;

		cr_assert_eq(shmchan_take(s.rx[BACK], &m), 0);
		cr_assert_eq(m.status, SHMCHAN_PEER_DIED);
		cr_assert_eq(m.corr, n);
		cr_assert_eq(shmchan_done(s.rx[BACK]), 0);
	}
	send(&s, MANY, 5, 0);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", UINT64_MAX, true, &cnt, &left, &why), 0);
	cr_assert_eq(cnt, 2);
	cr_assert_eq(left, 0);
	cr_assert_eq(letters(&s, corr), 3, "what is dropped leaves no letter");
	shmchan_stat(s.tx[MANY], &stat);
	cr_assert_eq(stat.enqueued, 5);
	cr_assert_eq(stat.done, 5);
	cr_assert_eq(stat.dead, 3);
	cr_assert_eq(stat.dropped, 2);
	restart(&s, 2);
	send(&s, MANY, 6, 0);
	receives(&s, MANY, 6, 7);
	harness_check(&s.h);
	end(&s);
}

Test(edit, draining_passes_cancelled_cells_and_stops_at_claimed_ones)
{
	uint64_t cnt, left;
	struct scene s;
	void *data;

	begin(&s);
	cr_assert_eq(shmchan_reserve(s.tx[MANY], &data), 0);
	shmchan_cancel(s.tx[MANY]);
	send(&s, MANY, 1, 0);
	cr_assert_eq(shmchan_reserve(s.tx[MANY], &data), 0);
	cr_assert_eq(inject(&s, "many", 2, NULL), 0);
	stop(&s, 2);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", UINT64_MAX, true, &cnt, &left, NULL), 0);
	cr_assert_eq(cnt, 1);
	shmchan_cancel(s.tx[MANY]);
	restart(&s, 2);
	receives(&s, MANY, 2, 9);
	harness_check(&s.h);
	end(&s);
}

Test(edit, letters_are_dropped_and_replayed)
{
	struct shmchan_why why = {0};
	uint64_t cnt, left, corr[8];
	struct scene s;

	begin(&s);
	for (uint64_t n = 1; n <= 3; n++)
		send(&s, LINE, n, 0);
	stop(&s, 2);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "line", UINT64_MAX, false, &cnt, &left, NULL), 0);
	cr_assert_eq(shmchan_broker_dead_drop(s.h.b, 4, &why), SHMCHAN_ENOENT);
	cr_assert_str_eq(why.text, "there is no dead letter 4");
	cr_assert_eq(shmchan_broker_dead_drop(s.h.b, 0, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_dead_drop(s.h.b, 1, NULL), 0);
	cr_assert_eq(shmchan_broker_dead_drop(s.h.b, 1, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 1, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 3, &why), SHMCHAN_EBUSY);
	stop(&s, 1);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 3, NULL), 0);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 3, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(letters(&s, corr), 1);
	cr_assert_eq(corr[0], 2);
	restart(&s, 2);
	receives(&s, LINE, 3, 7);
	is_empty(&s, LINE);
	harness_check(&s.h);
	end(&s);
}

Test(edit, a_letter_without_its_block_is_not_replayed)
{
	const struct shmchan_edit_block block = {"p", "x", 1};
	const struct shmchan_msg m = {.corr = 1};
	struct shmchan_why why = {0};
	uint64_t cnt, left;
	struct scene s;

	begin(&s);
	cr_assert_eq(shmchan_broker_inject(s.h.b, "many", &m, &block, NULL), 0);
	stop(&s, 2);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", UINT64_MAX, false, &cnt, &left, NULL), 0);
	cr_assert_eq(shmchan_broker_dead_replay(s.h.b, 1, &why), SHMCHAN_EINVAL);
	cr_assert(strstr(why.text, "had a block"));
	harness_check(&s.h);
	end(&s);
}

// ------------------------------------------------------------------------------------------------ repair

static unsigned told;

static void tell(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	(void)object;
	(void)text;
	told++;
}

static void mends(struct scene *s, int violations, int repaired)
{
	told = 0;
	cr_assert_eq(shmchan_broker_check(s->h.b, tell, NULL), violations);
	told = 0;
	cr_assert_eq(shmchan_broker_repair(s->h.b, tell, NULL), repaired);
	cr_assert_eq(told, (unsigned)repaired);
}

Test(edit, repair_of_positions_waits_for_the_consumer)
{
	struct scene s;
	struct shmchan_seg seg;
	struct shmchan_ring *ring;

	begin(&s);
	send(&s, LINE, 1, 0);
	send(&s, LINE, 2, 0);
	receives(&s, LINE, 1, 7);
	mends(&s, 0, 0);
	stop(&s, 2);
	seg = harness_map(&s.h, "line");
	ring = seg.base;
	atomic_store(&ring->taken, 1000000);
	cr_assert_eq(shmchan_broker_announce(s.h.b, 2, &s.h.inc[2]), 0);
	mends(&s, 1, 0);
	cr_assert_eq(shmchan_broker_check(s.h.b, tell, NULL), 1, "its consumer may be writing there");
	cr_assert_eq(shmchan_broker_recover(s.h.b, 2, NULL, NULL), 0);
	atomic_store(&ring->taken, 1000000);
	mends(&s, 1, 1);
	atomic_store(&ring->taken, 4);
	mends(&s, 1, 1);
	atomic_store(&ring->head, 1000000);
	mends(&s, 1, 1);
	harness_check(&s.h);
	shmchan_seg_close(&seg);
	restart(&s, 2);
	receives(&s, LINE, 2, 7);
	end(&s);
}

Test(edit, repair_beside_the_living)
{
	struct scene s;
	struct shmchan_seg seg, blocks, dead;
	struct shmchan_ring_ref r;
	struct shmchan_pool_ref p;
	struct shmchan_dead_ref d;
	uint64_t cnt, left;

	begin(&s);
	seg = harness_map(&s.h, "many");
	blocks = harness_map(&s.h, "p");
	dead = harness_map(&s.h, "dead");
	cr_assert_eq(shmchan_ring_join(&r, seg.base, seg.size, NULL), 0);
	cr_assert_eq(shmchan_pool_join(&p, blocks.base, blocks.size, NULL), 0);
	cr_assert_eq(shmchan_dead_join(&d, dead.base, dead.size, NULL), 0);

	atomic_store(&shmchan_ring_cell(&r, 0)->word,
		     shmchan_cell_word(0, SHMCHAN_CELL_CLAIMED, shmchan_owner_make(1, 99)));
	mends(&s, 1, 1);
	send(&s, MANY, 1, 0);
	receives(&s, MANY, 1, 7);
	atomic_store(&p.words[0].word, shmchan_block_owned(SHMCHAN_BLOCK_OWNED, shmchan_owner_make(3, 99)));
	atomic_store(&p.words[1].word, shmchan_block_sent(r.id, 0));
	mends(&s, 2, 2);
	atomic_store(&p.words[0].word, 5);
	atomic_store(&p.words[1].word, UINT64_MAX);
	mends(&s, 2, 2);
	atomic_store(&p.words[0].word, shmchan_block_sent(999, 0));
	mends(&s, 1, 1);
	cr_assert_eq(p.words[0].word, 0);

	send(&s, MANY, 2, 0);
	stop(&s, 2);
	cr_assert_eq(shmchan_broker_drain(s.h.b, "many", UINT64_MAX, false, &cnt, &left, NULL), 0);
	shmchan_dead_entry(&d, 1)->bytes = UINT32_MAX;
	mends(&s, 1, 1);
	cr_assert_eq(shmchan_broker_dead_drop(s.h.b, 1, NULL), SHMCHAN_ENOENT);
	harness_check(&s.h);
	shmchan_seg_close(&seg);
	shmchan_seg_close(&blocks);
	shmchan_seg_close(&dead);
	end(&s);
}

// ------------------------------------------------------------------------------------------------ killed brokers

struct crash {
	struct scene s;
	struct shmchan_broker *b; // in the child
	int (*op)(struct shmchan_broker *b);
};

static void adopt(void *ctx)
{
	struct crash *c = ctx;

	if (shmchan_broker_adopt(&c->b, c->s.h.group, NULL))
		_exit(1);
}

static void operate(void *ctx)
{
	struct crash *c = ctx;

	c->op(c->b);
}

static int op_drain(struct shmchan_broker *b)
{
	uint64_t cnt, left;

	return shmchan_broker_drain(b, "many", UINT64_MAX, false, &cnt, &left, NULL);
}

static int op_replay_many(struct shmchan_broker *b)
{
	return shmchan_broker_dead_replay(b, 1, NULL);
}

static int op_inject(struct shmchan_broker *b)
{
	const struct shmchan_edit_block block = {"p", "state", 5};
	const struct shmchan_msg m = {.data = "12345678", .len = 8, .corr = 9};

	return shmchan_broker_inject(b, "many", &m, &block, NULL);
}

static int op_inject_line(struct shmchan_broker *b)
{
	const struct shmchan_edit_block block = {"p", "state", 5};
	const struct shmchan_msg m = {.data = "12345678", .len = 8, .corr = 9};

	return shmchan_broker_inject(b, "line", &m, &block, NULL);
}

// Three messages, the second of them a cancelled cell's neighbour; letters 1 and 2 of channel `chan`.
static void set_the_stage(struct crash *c, bool drained, unsigned chan)
{
	uint64_t cnt, left;
	void *data;

	begin(&c->s);
	send(&c->s, chan, 1, shmchan_id(c->s.rx[BACK]));
	if (chan == MANY) {
		cr_assert_eq(shmchan_reserve(c->s.tx[MANY], &data), 0);
		shmchan_cancel(c->s.tx[MANY]);
	}
	send(&c->s, chan, 2, 0);
	send(&c->s, chan, 3, shmchan_id(c->s.rx[BACK]));
	stop(&c->s, 1);
	stop(&c->s, 2);
	if (drained)
		cr_assert_eq(shmchan_broker_drain(c->s.h.b, chans[chan].name, UINT64_MAX, false, &cnt, &left,
						  NULL),
			     0);
	shmchan_broker_leave(c->s.h.b);
	c->s.h.b = NULL;
}

// Kills a broker in the middle of the operation, lets the next adopt the group and check it, and counts where each of the
// correlation ids is: how often as a letter, how often received. Returns whether the operation had ended.
static bool round_of(struct crash *c, long k, bool drained, unsigned chan, unsigned letter[16],
		     unsigned got[16], unsigned notice[16])
{
	const struct step step = {.before = adopt, .op = operate, .ctx = c};
	struct shmchan_msg m;
	struct shmchan_seg seg;
	uint64_t corr[8];
	struct stepper st;
	bool finished;
	unsigned n;

	memset(letter, 0, 16 * sizeof(*letter));
	memset(got, 0, 16 * sizeof(*got));
	memset(notice, 0, 16 * sizeof(*notice));
	set_the_stage(c, drained, chan);
	seg = harness_map(&c->s.h, NULL);
	atomic_store(&((struct shmchan_ctl *)seg.base)->broker_pid, 0);
	shmchan_seg_close(&seg);
	step_begin(&st, &step);
	step_to(&st, k);
	cr_assert_neq(st.state, STEP_BROKEN);
	finished = st.state == STEP_FINISHED;
	step_kill(&st);
	cr_assert_eq(shmchan_broker_adopt(&c->s.h.b, c->s.h.group, NULL), 0);
	harness_check(&c->s.h);
	n = letters(&c->s, corr);
	for (unsigned i = 0; i < n; i++)
		letter[corr[i]]++;
	restart(&c->s, 2);
	while (shmchan_take(c->s.rx[chan], &m) == 0) {
		cr_assert_lt(m.corr, 16);
		got[m.corr]++;
		if (m.block)
			shmchan_block_free(c->s.pool[2], m.block);
		cr_assert_eq(shmchan_done(c->s.rx[chan]), 0);
	}
	while (shmchan_take(c->s.rx[BACK], &m) == 0) {
		cr_assert_eq(m.status, SHMCHAN_PEER_DIED);
		notice[m.corr]++;
		cr_assert_eq(shmchan_done(c->s.rx[BACK]), 0);
	}
	harness_check(&c->s.h);
	end(&c->s);
	return finished;
}

static long stride(void)
{
	return (long)harness_env("HARNESS_STRIDE", 331);
}

Test(edit, a_drain_cut_short, .timeout = 600)
{
	unsigned letter[16], got[16], notice[16];
	struct crash c = {.op = op_drain};
	bool finished = false;

	for (long k = 0; !finished; k += stride()) {
		finished = round_of(&c, k, false, MANY, letter, got, notice);
		for (unsigned n = 1; n <= 3; n++) {
			cr_assert_eq(letter[n] + got[n], 1,
				     "k %ld: message %u: %u letters, received %u times", k, n, letter[n],
				     got[n]);
			cr_assert_eq(notice[n], n == 2 ? 0 : letter[n], "k %ld: notices of %u: %u", k, n,
				     notice[n]);
		}
	}
	cr_assert_eq(letter[1] + letter[2] + letter[3], 3);
}

Test(edit, a_replay_cut_short, .timeout = 600)
{
	unsigned letter[16], got[16], notice[16];

	for (unsigned chan = MANY; chan <= LINE; chan++) {
		struct crash c = {.op = op_replay_many};
		bool finished = false;

		for (long k = 0; !finished; k += stride()) {
			finished = round_of(&c, k, true, chan, letter, got, notice);
			cr_assert_eq(letter[1] + got[1], 1, "k %ld: %u letters, received %u times", k,
				     letter[1], got[1]);
			cr_assert_eq(letter[2] + letter[3], 2);
		}
		cr_assert_eq(got[1], 1);
	}
}

Test(edit, an_inject_cut_short, .timeout = 600)
{
	unsigned letter[16], got[16], notice[16];

	for (unsigned chan = MANY; chan <= LINE; chan++) {
		struct crash c = {.op = chan == MANY ? op_inject : op_inject_line};
		bool finished = false;

		for (long k = 0; !finished; k += stride()) {
			finished = round_of(&c, k, true, chan, letter, got, notice);
			cr_assert_leq(got[9], 1);
		}
		cr_assert_eq(got[9], 1);
	}
}
