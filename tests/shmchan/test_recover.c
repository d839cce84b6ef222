// Every line of struct shmchan_repair, provoked by itself.
#include "tests/shmchan/harness.h"

#include "shmchan/broker_priv.h"

static const unsigned one[] = {1}, two[] = {2}, one_three[] = {1, 3}, all[] = {1, 2, 3};
static const char *const tally[] = {"n"};

enum { ASK, LINE, DROP, AGAIN, REPLY, BACK, CHANS };

static const struct shmchan_chan_spec chans[CHANS] = {
	{"ask", SHMCHAN_KIND_MPSC, 4, 8, one_three, 2, two, 1, SHMCHAN_DEAD_LETTER, 0, tally, 1, 0},
	{"line", SHMCHAN_KIND_SPSC, 4, 8, one, 1, two, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
	{"drop", SHMCHAN_KIND_SPSC, 4, 8, one, 1, two, 1, SHMCHAN_DROP, 0, NULL, 0, 0},
	{"again", SHMCHAN_KIND_MPSC, 4, 8, one, 1, two, 1, SHMCHAN_REDELIVER, 2, NULL, 0, 0},
	{"reply", SHMCHAN_KIND_SLOT, 1, 8, two, 1, one, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
	{"back", SHMCHAN_KIND_MPSC, 2, 8, two, 1, one, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
};
static const struct shmchan_pool_spec pool = {.name = "p", .block_size = 64, .block_cnt = 4, .users = all, .user_cnt = 3};

struct scene {
	struct harness h;
	struct shmchan_proc *proc[4];
	struct shmchan *tx[CHANS], *rx[CHANS], *tx3;
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
	if (slot == 3)
		s->tx3 = harness_open(s->proc[3], "ask", SHMCHAN_TX);
}

static void begin(struct scene *s)
{
	harness_create(&s->h, 3, chans, CHANS, &pool, 1);
	for (unsigned slot = 1; slot <= 3; slot++)
		enter(s, slot);
}

// Without the cancel of shmchan_close: a process that is killed cancels nothing.
static void die(struct scene *s, unsigned slot)
{
	for (unsigned i = 0; i < CHANS; i++)
		if (s->tx[i] && s->tx[i]->proc == s->proc[slot])
			s->tx[i]->reserved = false;
	shmchan_detach(s->proc[slot]);
	s->proc[slot] = NULL;
}

static struct shmchan_repair bury(struct scene *s, unsigned slot)
{
	struct shmchan_repair r, again;

	cr_assert_eq(shmchan_broker_recover(s->h.b, slot, NULL, &r), 0);
	harness_check(&s->h);
	cr_assert_eq(shmchan_broker_recover(s->h.b, slot, NULL, &again), 0);
	cr_assert_eq(again.nsec, 0, "once is enough");
	cr_assert_eq(shmchan_broker_announce(s->h.b, slot, &s->h.inc[slot]), 0);
	r.nsec = 0;
	return r;
}

static void is(struct shmchan_repair got, struct shmchan_repair want)
{
	cr_assert_eq(got.dead_letters, want.dead_letters);
	cr_assert_eq(got.dropped, want.dropped);
	cr_assert_eq(got.redelivered, want.redelivered);
	cr_assert_eq(got.answered, want.answered);
	cr_assert_eq(got.aborted, want.aborted);
	cr_assert_eq(got.published, want.published);
	cr_assert_eq(got.blocks, want.blocks);
	cr_assert_eq(got.died_sent, want.died_sent);
	cr_assert_eq(got.died_pending, want.died_pending);
}

static void end(struct scene *s)
{
	harness_check(&s->h);
	for (unsigned slot = 1; slot <= 3; slot++)
		shmchan_detach(s->proc[slot]);
	harness_end(&s->h);
}

static void send_one(struct shmchan *tx, uint64_t corr, uint16_t reply)
{
	cr_assert_eq(
		shmchan_try_send(tx,
				 &(struct shmchan_msg){
					 .data = &corr, .len = 8, .type = 5, .corr = corr, .reply = reply}),
		0);
}

static void take_one(struct shmchan *rx, uint64_t corr)
{
	struct shmchan_msg m;

	cr_assert_eq(shmchan_take(rx, &m), 0);
	cr_assert_eq(m.corr, corr);
}

Test(recover, nothing)
{
	struct scene s = {0};

	begin(&s);
	die(&s, 2);
	is(bury(&s, 2), (struct shmchan_repair){0});
	enter(&s, 2);
	end(&s);
}

Test(recover, a_letter_tells_who_when_and_why)
{
	struct shmchan_death death = {.pid = 77, .code = CLD_DUMPED, .status = SIGSEGV, .time_ns = 12345};
	struct shmchan_view_dead d;
	struct shmchan_view *v;
	struct scene s = {0};
	uint64_t corr = 41;
	uint32_t kept;

	begin(&s);
	send_one(s.tx[ASK], corr, 0);
	take_one(s.rx[ASK], corr);
	die(&s, 2);
	cr_assert_eq(shmchan_broker_recover(s.h.b, 2, &death, NULL), 0);
	cr_assert_eq(shmchan_view_open(&v, s.h.group, NULL), 0);
	cr_assert_eq(shmchan_view_dead_cnt(v, &kept), 1);
	cr_assert_eq(kept, 1);
	cr_assert_eq(shmchan_view_dead(v, 0, &d), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_dead(v, 2, &d), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_dead(v, 1, &d), 0);
	cr_assert_str_eq(d.channel, "ask");
	cr_assert_str_eq(d.receiver, "s2");
	cr_assert_eq(d.slot, 2);
	cr_assert_eq(d.incarnation, 1);
	cr_assert_eq(d.sender_slot, 1);
	cr_assert_eq(d.sender_incarnation, 1);
	cr_assert_eq(d.pid, 77);
	cr_assert_eq(d.code, CLD_DUMPED);
	cr_assert_eq(d.status, SIGSEGV);
	cr_assert_eq(d.time_ns, 12345);
	cr_assert_eq(d.corr, corr);
	cr_assert_eq(d.type, 5);
	cr_assert_eq(d.len, 8);
	cr_assert_eq(d.bytes, 8);
	cr_assert_eq(memcmp(d.data, &corr, 8), 0);
	cr_assert_eq(d.deliveries, 1);
	cr_assert_eq(d.answer, 0);
	cr_assert_not(d.had_block);
	cr_assert_not(d.parked);
	cr_assert_eq(shmchan_broker_park(s.h.b, d.no), 0);
	cr_assert(shmchan_view_dead(v, d.no, &d) == 0 && d.parked);
	cr_assert_eq(shmchan_broker_park(s.h.b, d.no + 1), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_park(s.h.b, 0), SHMCHAN_ENOENT);
	shmchan_view_close(v);
	cr_assert_eq(shmchan_broker_announce(s.h.b, 2, &s.h.inc[2]), 0);
	enter(&s, 2);
	end(&s);
}

Test(recover, by_policy)
{
	struct scene s = {0};
	struct shmchan_stat st;

	begin(&s);
	for (uint64_t n = 1; n <= 3; n++) {
		send_one(s.tx[LINE], n, 0);
		send_one(s.tx[DROP], n, 0);
		send_one(s.tx[AGAIN], n, 0);
	}
	for (uint64_t n = 1; n <= 2; n++) {
		take_one(s.rx[LINE], n);
		take_one(s.rx[DROP], n);
		take_one(s.rx[AGAIN], n);
	}
	die(&s, 2);
	is(bury(&s, 2), (struct shmchan_repair){.dead_letters = 2, .dropped = 2, .redelivered = 2});
	enter(&s, 2);
	shmchan_stat(s.rx[DROP], &st);
	cr_assert_eq(st.dropped, 2);
	cr_assert_eq(st.dead, 0);
	take_one(s.rx[LINE], 3);
	take_one(s.rx[DROP], 3);
	take_one(s.rx[AGAIN], 1);
	die(&s, 2);
	// The second delivery was the last; what had not been taken again is not touched.
	is(bury(&s, 2), (struct shmchan_repair){.dead_letters = 2, .dropped = 1});
	enter(&s, 2);
	take_one(s.rx[AGAIN], 2);
	cr_assert_eq(shmchan_done(s.rx[AGAIN]), 0);
	take_one(s.rx[AGAIN], 3);
	end(&s);
}

Test(recover, an_answer_that_is_out_completes_its_request)
{
	struct shmchan_msg m = {.corr = 1};
	struct scene s = {0};

	begin(&s);
	send_one(s.tx[ASK], 1, 0);
	take_one(s.rx[ASK], 1);
	cr_assert_eq(shmchan_tally_add(s.rx[ASK], 0, 7), 0);
	// Dies between the answer's publication and done: the consumer's `done` goes back by one.
	cr_assert_eq(shmchan_try_answer(s.rx[ASK], s.tx[BACK], &m), 0);
	atomic_fetch_sub(&s.rx[ASK]->r.ring->done, 1);
	atomic_store(&shmchan_ring_cell(&s.rx[ASK]->r, 0)->word, shmchan_cell_word(0, SHMCHAN_CELL_FULL, 1));
	die(&s, 2);
	is(bury(&s, 2), (struct shmchan_repair){.answered = 1});
	cr_assert_eq(shmchan_tally_get(s.tx[ASK], 0), 7, "what was counted with the answer counts");
	take_one(s.rx[BACK], 1);
	enter(&s, 2);
	end(&s);
}

Test(recover, a_claimed_cell_is_taken_back)
{
	struct shmchan_msg m;
	struct shmchan_stat st;
	struct scene s = {0};
	void *data;

	begin(&s);
	cr_assert_eq(shmchan_reserve(s.tx[ASK], &data), 0);
	send_one(s.tx3, 9, 0);
	cr_assert_eq(shmchan_take(s.rx[ASK], &m), SHMCHAN_EMPTY, "behind a claim");
	die(&s, 1);
	is(bury(&s, 1), (struct shmchan_repair){.aborted = 1});
	take_one(s.rx[ASK], 9);
	shmchan_stat(s.rx[ASK], &st);
	cr_assert_eq(st.aborted, 1);
	cr_assert_eq(st.enqueued, 1);
	enter(&s, 1);
	end(&s);
}

// The block is handed over, the cell does not say so yet: the send was decided.
static void decided(unsigned chan)
{
	struct shmchan_msg m = {.corr = 3};
	struct scene s = {0};
	struct shmchan_ext *ext;
	struct shmchan *tx;
	void *data;

	begin(&s);
	tx = s.tx[chan];
	cr_assert_eq(shmchan_block_alloc(s.pool[1], &m.block), 0);
	cr_assert_eq(shmchan_reserve(tx, &data), 0);
	ext = &tx->r.exts[tx->i];
	*ext = (struct shmchan_ext){
		.corr = 3, .desc = SHMCHAN_DESC_EXT | shmchan_desc(9, 0), .block = m.block, .sender = tx->me};
	if (tx->many)
		atomic_store(&tx->hot.cell->desc, ext->desc);
	cr_assert_eq(shmchan_pool_send(&s.pool[1]->ref, tx->me, m.block & 0xffffff, shmchan_id(tx), tx->pos), 0);
	die(&s, 1);
	is(bury(&s, 1), (struct shmchan_repair){.published = 1});
	cr_assert_eq(shmchan_take(s.rx[chan], &m), 0);
	cr_assert_eq(m.status, 0);
	cr_assert_neq(m.block, SHMCHAN_NO_BLOCK);
	cr_assert_eq(m.corr, 3);
	cr_assert_eq(m.type, 9);
	cr_assert_eq(m.sender, 1u << 12 | 1);
	enter(&s, 1);
	end(&s);
}

Test(recover, a_decided_send_is_finished)
{
	decided(ASK);
	decided(LINE);
}

Test(recover, blocks_of_the_dead)
{
	struct shmchan_msg m = {0};
	struct scene s = {0};
	shmchan_block b;

	begin(&s);
	cr_assert_eq(shmchan_block_alloc(s.pool[2], &b), 0);
	cr_assert_eq(shmchan_block_alloc(s.pool[2], &b), 0);
	cr_assert_eq(shmchan_block_keep(s.pool[2], b, 1), 0);
	cr_assert_eq(shmchan_block_alloc(s.pool[1], &m.block), 0);
	cr_assert_eq(shmchan_try_send(s.tx[ASK], &m), 0);
	cr_assert_eq(shmchan_take(s.rx[ASK], &m), 0);
	die(&s, 2);
	// Its own, and that of the message in flight; not the kept one.
	is(bury(&s, 2), (struct shmchan_repair){.dead_letters = 1, .blocks = 2});
	enter(&s, 2);
	cr_assert_eq(shmchan_block_kept(s.pool[2], 1, &b), 0);
	end(&s);
}

Test(recover, askers_are_told_as_there_is_room)
{
	struct shmchan_msg m;
	struct scene s = {0};

	begin(&s);
	// Room for one notice in "reply", for two answers in "back", of which one is taken up.
	send_one(s.tx[BACK], 50, 0);
	for (uint64_t n = 1; n <= 4; n++) {
		send_one(s.tx[ASK], n, shmchan_id(s.rx[n <= 2 ? REPLY : BACK]));
		take_one(s.rx[ASK], n);
	}
	die(&s, 2);
	is(bury(&s, 2), (struct shmchan_repair){.dead_letters = 4, .died_sent = 2, .died_pending = 2});
	cr_assert_eq(shmchan_broker_retry(s.h.b), 2);
	cr_assert_eq(shmchan_take(s.rx[REPLY], &m), 0);
	cr_assert_eq(m.status, SHMCHAN_PEER_DIED);
	cr_assert_eq(m.corr, 1);
	cr_assert_eq(shmchan_take(s.rx[REPLY], &m), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_done(s.rx[REPLY]), 0);
	take_one(s.rx[BACK], 50);
	cr_assert_eq(shmchan_done(s.rx[BACK]), 0);
	cr_assert_eq(shmchan_broker_retry(s.h.b), 0);
	cr_assert_eq(shmchan_take(s.rx[REPLY], &m), 0);
	cr_assert_eq(m.corr, 2);
	for (uint64_t n = 3; n <= 4; n++) {
		cr_assert_eq(shmchan_take(s.rx[BACK], &m), 0);
		cr_assert_eq(m.status, SHMCHAN_PEER_DIED);
		cr_assert_eq(m.corr, n);
		cr_assert_eq(shmchan_done(s.rx[BACK]), 0);
	}
	enter(&s, 2);
	end(&s);
}

// A dropped message leaves no letter, but its sender is told; also when the broker dies before it can be.
Test(recover, a_successor_tells_what_was_pending)
{
	struct shmchan_broker *next;
	struct shmchan_ctl *ctl;
	struct shmchan_msg m;
	struct scene s = {0};
	struct shmchan_seg seg;

	begin(&s);
	for (uint64_t n = 1; n <= 2; n++) {
		send_one(s.tx[DROP], n, shmchan_id(s.rx[REPLY]));
		take_one(s.rx[DROP], n);
	}
	die(&s, 2);
	is(bury(&s, 2), (struct shmchan_repair){.dropped = 2, .died_sent = 1, .died_pending = 1});
	seg = harness_map(&s.h, NULL);
	ctl = seg.base;
	atomic_store(&ctl->broker_pid, 0);
	cr_assert_eq(shmchan_broker_adopt(&next, s.h.group, NULL), 0);
	shmchan_broker_leave(s.h.b);
	s.h.b = next;
	shmchan_seg_close(&seg);
	for (uint64_t n = 1; n <= 2; n++) {
		cr_assert_eq(shmchan_take(s.rx[REPLY], &m), 0);
		cr_assert_eq(m.corr, n);
		cr_assert_eq(shmchan_done(s.rx[REPLY]), 0);
		cr_assert_eq(shmchan_broker_retry(next), 0);
	}
	cr_assert_eq(shmchan_take(s.rx[REPLY], &m), SHMCHAN_EMPTY);
	enter(&s, 2);
	end(&s);
}

// A recovery that was begun (the slot says DEAD) by a broker that died is finished by its successor.
Test(recover, a_successor_goes_on)
{
	struct shmchan_broker *next;
	struct scene s = {0};
	struct shmchan_stat st;
	uint64_t life;

	begin(&s);
	send_one(s.tx[ASK], 1, 0);
	take_one(s.rx[ASK], 1);
	die(&s, 2);
	life = atomic_load(&s.h.b->map.c.procs[2].life);
	atomic_store(&s.h.b->map.c.procs[2].life, shmchan_life(SHMCHAN_PROC_DEAD, (uint32_t)life));
	atomic_store(&s.h.b->map.c.ctl->broker_pid, 0);
	cr_assert_eq(shmchan_broker_adopt(&next, s.h.group, NULL), 0);
	shmchan_broker_leave(s.h.b);
	s.h.b = next;
	shmchan_stat(s.tx[ASK], &st);
	cr_assert_eq(st.dead, 1);
	cr_assert_eq(shmchan_broker_announce(next, 2, &s.h.inc[2]), 0);
	enter(&s, 2);
	end(&s);
}

static unsigned bells(const struct scene *s)
{
	unsigned sum = 0;

	for (unsigned slot = 1; slot <= 3; slot++)
		sum += atomic_load(&s->h.b->map.c.procs[slot].bell);
	return sum;
}

// Peers of the dead are woken when the broker is quiet no more, once, or by its successor.
Test(recover, quietly)
{
	struct shmchan_broker *next;
	struct scene s = {0};
	unsigned before, after;

	begin(&s);
	for (int killed = 0; killed < 2; killed++) {
		send_one(s.tx[DROP], 1, shmchan_id(s.rx[REPLY]));
		take_one(s.rx[DROP], 1);
		die(&s, 2);
		before = bells(&s);
		shmchan_broker_quiet(s.h.b, true);
		is(bury(&s, 2), (struct shmchan_repair){.dropped = 1, .died_sent = 1});
		cr_assert_eq(bells(&s), before);
		if (killed) {
			atomic_store(&s.h.b->map.c.ctl->broker_pid, 0);
			cr_assert_eq(shmchan_broker_adopt(&next, s.h.group, NULL), 0);
			shmchan_broker_leave(s.h.b);
			s.h.b = next;
		}
		shmchan_broker_quiet(s.h.b, false);
		after = bells(&s);
		cr_assert_gt(after, before);
		shmchan_broker_quiet(s.h.b, false);
		cr_assert_eq(bells(&s), after);
		take_one(s.rx[REPLY], 1);
		cr_assert_eq(shmchan_done(s.rx[REPLY]), 0);
		enter(&s, 2);
	}
	end(&s);
}

// PEER_DIED is the oldest thing in flight: it can't be answered in place of a request.
Test(recover, a_notice_is_not_answered)
{
	struct shmchan_msg m;
	struct scene s = {0};

	begin(&s);
	send_one(s.tx[ASK], 1, shmchan_id(s.rx[REPLY]));
	take_one(s.rx[ASK], 1);
	die(&s, 2);
	bury(&s, 2);
	enter(&s, 2);
	cr_assert_eq(shmchan_take(s.rx[REPLY], &m), 0);
	send_one(s.tx[REPLY], 2, 0);
	take_one(s.rx[REPLY], 2);
	cr_assert_eq(shmchan_try_answer(s.rx[REPLY], s.tx[LINE], &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_done(s.rx[REPLY]), 0);
	cr_assert_eq(shmchan_try_answer(s.rx[REPLY], s.tx[LINE], &(struct shmchan_msg){0}), 0);
	cr_assert_eq(shmchan_done(s.rx[REPLY]), SHMCHAN_ENOENT);
	end(&s);
}
