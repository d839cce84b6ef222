#include "tests/shmchan/harness.h"

#define CAP 5

static const unsigned one[] = {1}, two[] = {2}, one_three[] = {1, 3};

static struct shmchan_chan_spec spec_of(const char *name, enum shmchan_kind kind)
{
	bool single = kind == SHMCHAN_KIND_SLOT || kind == SHMCHAN_KIND_SLOT_REF;

	return (struct shmchan_chan_spec){.name = name,
					  .kind = kind,
					  .capacity = single ? 1 : CAP,
					  .msg_size = 24,
					  .producers = one,
					  .producer_cnt = 1,
					  .consumers = two,
					  .consumer_cnt = 1};
}

static const enum shmchan_kind copying[] = {SHMCHAN_KIND_SLOT, SHMCHAN_KIND_SPSC, SHMCHAN_KIND_MPSC};

static struct shmchan_msg number(uint64_t *n)
{
	return (struct shmchan_msg){.data = n, .len = sizeof(*n), .type = 7, .corr = *n + 1};
}

Test(chan, every_kind_fills_and_drains_in_order)
{
	for (unsigned k = 0; k < 3; k++) {
		struct shmchan_chan_spec spec = spec_of("c", copying[k]);
		struct harness h;
		struct shmchan_proc *a, *b;
		struct shmchan *tx, *rx;
		struct shmchan_msg m;
		struct shmchan_stat st;
		uint64_t sent = 0, got = 0;

		harness_create(&h, 2, &spec, 1, NULL, 0);
		a = harness_attach(&h, 1);
		b = harness_attach(&h, 2);
		tx = harness_open(a, "c", SHMCHAN_TX);
		rx = harness_open(b, "c", SHMCHAN_RX);
		for (unsigned round = 0; round < 40; round++) {
			while ((m = number(&sent), shmchan_try_send(tx, &m)) == 0)
				sent++;
			cr_assert_eq(sent - got, spec.capacity);
			cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_FULL);
			shmchan_stat(rx, &st);
			cr_assert_eq(st.enqueued, sent);
			cr_assert_eq(st.depth, spec.capacity);
			// Leaves a different number behind each time, so that every index is a wrap-around once.
			for (unsigned n = round % spec.capacity; n < spec.capacity; n++) {
				uint64_t v;

				cr_assert_eq(shmchan_take(rx, &m), 0);
				cr_assert_eq(m.len, sizeof(v));
				memcpy(&v, m.data, sizeof(v));
				cr_assert_eq(v, got);
				cr_assert_eq(m.corr, got + 1);
				cr_assert_eq(m.pos, got);
				cr_assert_eq(m.sender, shmchan_self(a));
				cr_assert_eq(shmchan_done(rx), 0);
				got++;
			}
			harness_check(&h);
		}
		while (shmchan_take(rx, &m) == 0) {
			cr_assert_eq(shmchan_done(rx), 0);
			got++;
		}
		cr_assert_eq(sent, got);
		cr_assert_eq(shmchan_done(rx), SHMCHAN_ENOENT);
		shmchan_detach(a);
		shmchan_detach(b);
		harness_end(&h);
	}
}

Test(chan, several_messages_in_flight_keep_their_cells)
{
	for (unsigned k = 1; k < 3; k++) {
		struct shmchan_chan_spec spec = spec_of("c", copying[k]);
		struct harness h;
		struct shmchan_proc *a, *b;
		struct shmchan *tx, *rx;
		struct shmchan_msg m[CAP], x;
		uint64_t n, v;

		harness_create(&h, 2, &spec, 1, NULL, 0);
		a = harness_attach(&h, 1);
		b = harness_attach(&h, 2);
		tx = harness_open(a, "c", SHMCHAN_TX);
		rx = harness_open(b, "c", SHMCHAN_RX);
		for (n = 0; n < CAP; n++) {
			x = number(&n);
			cr_assert_eq(shmchan_try_send(tx, &x), 0);
		}
		for (n = 0; n < CAP; n++)
			cr_assert_eq(shmchan_take(rx, &m[n]), 0);
		cr_assert_eq(shmchan_take(rx, &x), SHMCHAN_EMPTY);
		x = number(&n);
		cr_assert_eq(shmchan_try_send(tx, &x), SHMCHAN_FULL);
		for (n = 0; n < CAP; n++) {
			memcpy(&v, m[n].data, sizeof(v));
			cr_assert_eq(v, n);
		}
		cr_assert_eq(shmchan_done(rx), 0);
		n = CAP;
		x = number(&n);
		cr_assert_eq(shmchan_try_send(tx, &x), 0);
		shmchan_detach(a);
		shmchan_detach(b);
		harness_end(&h);
	}
}

Test(chan, refusals)
{
	struct shmchan_chan_spec spec[] = {spec_of("c", SHMCHAN_KIND_SPSC),
					   spec_of("r", SHMCHAN_KIND_SLOT_REF)};
	static const unsigned both[] = {1, 2};
	struct shmchan_pool_spec pool = {.name = "p", .block_size = 8, .block_cnt = 1, .users = both, .user_cnt = 2};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx, *ref, *x;
	struct shmchan_msg m = {.len = 25};
	struct shmchan_why why;
	char big[32] = {0};
	void *data;

	harness_create(&h, 2, spec, 2, &pool, 1);
	a = harness_attach(&h, 1);
	b = harness_attach(&h, 2);
	tx = harness_open(a, "c", SHMCHAN_TX);
	rx = harness_open(b, "c", SHMCHAN_RX);
	ref = harness_open(a, "r", SHMCHAN_TX);
	m.data = big;
	cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_EINVAL);
	m.len = 24;
	m.type = SHMCHAN_TYPE_MAX + 1;
	cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_EINVAL);
	m.type = 0;
	m.block = 0x01000000;
	cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_ENOENT);
	m.block = SHMCHAN_NO_BLOCK;
	cr_assert_eq(shmchan_try_send(ref, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_try_send(rx, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_take(tx, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_take(rx, &m), SHMCHAN_EMPTY);
	cr_assert_eq(shmchan_recv(rx, &m, 0), SHMCHAN_TIMEOUT);
	cr_assert_eq(shmchan_recv(rx, &m, 1000000), SHMCHAN_TIMEOUT);
	cr_assert_eq(shmchan_commit(tx, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_reserve(tx, &data), 0);
	cr_assert_eq(shmchan_reserve(tx, &data), SHMCHAN_EINVAL);
	shmchan_cancel(tx);
	cr_assert_eq(shmchan_open(a, "c", SHMCHAN_TX, &x, &why), SHMCHAN_EEXIST);
	cr_assert_eq(shmchan_open(a, "c", SHMCHAN_RX, &x, &why), SHMCHAN_EPERM);
	cr_assert_str_eq(why.object, "c");
	cr_assert_eq(shmchan_open(a, "nope", SHMCHAN_TX, &x, &why), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_open(a, "no/pe", SHMCHAN_TX, &x, &why), SHMCHAN_EINVAL);
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

Test(chan, blocks_move_with_their_message)
{
	struct shmchan_chan_spec spec = spec_of("r", SHMCHAN_KIND_SLOT_REF);
	const unsigned users[] = {1, 2};
	struct shmchan_pool_spec ps = {
		.name = "p", .block_size = 100000, .block_cnt = 2, .users = users, .user_cnt = 2};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_pool *pa, *pb;
	shmchan_block x, y, z;
	struct shmchan_msg m = {0};

	harness_create(&h, 2, &spec, 1, &ps, 1);
	a = harness_attach(&h, 1);
	b = harness_attach(&h, 2);
	tx = harness_open(a, "r", SHMCHAN_TX);
	rx = harness_open(b, "r", SHMCHAN_RX);
	pa = harness_pool(a, "p");
	pb = harness_pool(b, "p");
	cr_assert_eq(shmchan_block_alloc(pa, &x), 0);
	cr_assert_eq(shmchan_block_alloc(pb, &y), 0);
	cr_assert_eq(shmchan_block_alloc(pa, &z), SHMCHAN_EXHAUSTED);
	cr_assert_eq(shmchan_block_free(pa, y), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_block_free(pb, y), 0);
	cr_assert_eq(shmchan_block_free(pb, y), SHMCHAN_ENOENT);
	memset(shmchan_block_data(pa, x), 0x5a, 100000);
	m.block = x;
	cr_assert_eq(shmchan_try_send(tx, &m), 0);
	cr_assert_eq(shmchan_block_free(pa, x), SHMCHAN_ENOENT, "a sent block is no longer the sender's");
	cr_assert_eq(shmchan_take(rx, &m), 0);
	cr_assert_eq(m.status, 0);
	cr_assert_eq(m.block, x);
	cr_assert_eq(((unsigned char *)shmchan_block_data(pb, m.block))[99999], 0x5a);
	cr_assert_eq(shmchan_done(rx), 0);
	harness_check(&h);
	cr_assert_eq(shmchan_block_free(pb, m.block), 0);
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

Test(chan, tally_counts_with_done)
{
	struct shmchan_chan_spec spec = spec_of("c", SHMCHAN_KIND_MPSC);
	const char *const names[] = {"odd", "even"};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_msg m;
	uint64_t n;

	spec.tally = names;
	spec.tally_cnt = 2;
	harness_create(&h, 2, &spec, 1, NULL, 0);
	a = harness_attach(&h, 1);
	tx = harness_open(a, "c", SHMCHAN_TX);
	for (unsigned life = 0; life < 3; life++) {
		b = harness_attach(&h, 2);
		rx = harness_open(b, "c", SHMCHAN_RX);
		for (n = 0; n < 4; n++) {
			m = number(&n);
			cr_assert_eq(shmchan_try_send(tx, &m), 0);
			cr_assert_eq(shmchan_take(rx, &m), 0);
			cr_assert_eq(shmchan_tally_add(rx, n % 2, 1), 0);
			// The last one of every life is counted but not done: it must not count.
			if (n < 3)
				cr_assert_eq(shmchan_done(rx), 0);
		}
		cr_assert_eq(shmchan_tally_add(rx, 2, 1), SHMCHAN_EINVAL);
		shmchan_detach(b);
		cr_assert_eq(harness_bury(&h, 2).dead_letters, 1);
		cr_assert_eq(shmchan_tally_get(tx, 0), (life + 1) * 2);
		cr_assert_eq(shmchan_tally_get(tx, 1), (life + 1) * 1);
		harness_check(&h);
	}
	shmchan_detach(a);
	harness_end(&h);
}

Test(chan, answer_and_death_notice)
{
	struct shmchan_chan_spec spec[] = {spec_of("ask", SHMCHAN_KIND_MPSC),
					   spec_of("one", SHMCHAN_KIND_SLOT),
					   spec_of("many", SHMCHAN_KIND_MPSC)};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *ask, *in, *one_tx, *one_rx, *many_rx;
	struct shmchan_msg m, r;
	uint64_t n = 41;

	spec[0].producers = one_three;
	spec[0].producer_cnt = 2;
	for (unsigned i = 1; i < 3; i++) {
		spec[i].producers = two;
		spec[i].consumers = one;
	}
	harness_create(&h, 3, spec, 3, NULL, 0);
	a = harness_attach(&h, 1);
	b = harness_attach(&h, 2);
	ask = harness_open(a, "ask", SHMCHAN_TX);
	one_rx = harness_open(a, "one", SHMCHAN_RX);
	many_rx = harness_open(a, "many", SHMCHAN_RX);
	in = harness_open(b, "ask", SHMCHAN_RX);
	m = number(&n);
	m.reply = shmchan_id(one_rx);
	cr_assert_eq(shmchan_try_send(ask, &m), 0);
	cr_assert_eq(shmchan_take(in, &r), 0);
	cr_assert_eq(shmchan_reply_channel(b, r.reply, &one_tx), 0);
	cr_assert_eq(shmchan_try_answer(in, one_tx, &(struct shmchan_msg){.corr = r.corr, .type = 9}), 0);
	cr_assert_eq(shmchan_done(in), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_take(one_rx, &r), 0);
	cr_assert_eq(r.corr, m.corr);
	cr_assert_eq(r.type, 9);
	cr_assert_eq(shmchan_done(one_rx), 0);
	// Each way of being told that nobody will answer.
	for (unsigned i = 0; i < 2; i++) {
		struct shmchan *rx = i ? many_rx : one_rx;

		m.reply = shmchan_id(rx);
		m.corr = 100 + i;
		cr_assert_eq(shmchan_try_send(ask, &m), 0);
		cr_assert_eq(shmchan_take(in, &r), 0);
		shmchan_detach(b);
		struct shmchan_repair repair = harness_bury(&h, 2);
		cr_assert_eq(repair.dead_letters, 1);
		cr_assert_eq(repair.died_sent, 1);
		cr_assert_eq(shmchan_recv(rx, &r, SHMCHAN_FOREVER), 0);
		cr_assert_eq(r.status, SHMCHAN_PEER_DIED);
		cr_assert_eq(r.corr, 100 + i);
		cr_assert_eq(shmchan_done(rx), 0);
		cr_assert_eq(shmchan_take(rx, &r), SHMCHAN_EMPTY);
		harness_check(&h);
		b = harness_attach(&h, 2);
		in = harness_open(b, "ask", SHMCHAN_RX);
	}
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

Test(chan, redelivered_at_most_n_times)
{
	struct shmchan_chan_spec spec = spec_of("c", SHMCHAN_KIND_SPSC);
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_msg m;
	uint64_t n = 1;

	spec.on_crash = SHMCHAN_REDELIVER;
	spec.max_deliveries = 3;
	harness_create(&h, 2, &spec, 1, NULL, 0);
	a = harness_attach(&h, 1);
	tx = harness_open(a, "c", SHMCHAN_TX);
	m = number(&n);
	cr_assert_eq(shmchan_try_send(tx, &m), 0);
	for (unsigned i = 0; i < 3; i++) {
		b = harness_attach(&h, 2);
		rx = harness_open(b, "c", SHMCHAN_RX);
		cr_assert_eq(shmchan_take(rx, &m), 0);
		cr_assert_eq(m.deliveries, i);
		shmchan_detach(b);
		struct shmchan_repair repair = harness_bury(&h, 2);
		cr_assert_eq(repair.redelivered, i < 2);
		cr_assert_eq(repair.dead_letters, i == 2);
		harness_check(&h);
	}
	b = harness_attach(&h, 2);
	rx = harness_open(b, "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_take(rx, &m), SHMCHAN_EMPTY);
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

// Two processes, one message at a time each way, both sleeping: no wake-up may be lost.
Test(chan, sleepers_are_woken, .timeout = 120)
{
	struct shmchan_chan_spec spec[] = {spec_of("to", SHMCHAN_KIND_SPSC),
					   spec_of("from", SHMCHAN_KIND_MPSC)};
	const uint64_t rounds = 20000;
	struct harness h;
	struct shmchan_msg m;
	int status;
	pid_t pid;

	spec[1].producers = two;
	spec[1].consumers = one;
	harness_create(&h, 2, spec, 2, NULL, 0);
	pid = fork();
	if (pid == 0) {
		struct shmchan_proc *b;
		struct shmchan *rx, *tx;

		if (shmchan_attach(&b, h.group, 2, h.inc[2], NULL) ||
		    shmchan_open(b, "to", SHMCHAN_RX, &rx, NULL) ||
		    shmchan_open(b, "from", SHMCHAN_TX, &tx, NULL))
			_exit(1);
		for (uint64_t n = 0; n < rounds; n++)
			if (shmchan_recv(rx, &m, SHMCHAN_FOREVER) || m.corr != n ||
			    shmchan_answer(rx, tx, &(struct shmchan_msg){.corr = n}, SHMCHAN_FOREVER))
				_exit(2);
		_exit(0);
	}
	struct shmchan_proc *a = harness_attach(&h, 1);
	struct shmchan *tx = harness_open(a, "to", SHMCHAN_TX), *rx = harness_open(a, "from", SHMCHAN_RX);
	for (uint64_t n = 0; n < rounds; n++) {
		cr_assert_eq(shmchan_send(tx, &(struct shmchan_msg){.corr = n}, SHMCHAN_FOREVER), 0);
		cr_assert_eq(shmchan_recv(rx, &m, SHMCHAN_FOREVER), 0);
		cr_assert_eq(m.corr, n);
		cr_assert_eq(shmchan_done(rx), 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	shmchan_detach(a);
	harness_end(&h);
}

Test(chan, every_kind_has_a_name_of_its_own)
{
	for (int kind = SHMCHAN_KIND_SLOT; kind <= SHMCHAN_KIND_MPMC2; kind++) {
		const char *name = shmchan_kind_name((enum shmchan_kind)kind);

		cr_assert_str_neq(name, "unknown");
		for (int other = SHMCHAN_KIND_SLOT; other < kind; other++)
			cr_assert_str_neq(name, shmchan_kind_name((enum shmchan_kind)other));
	}
	cr_assert_str_eq(shmchan_kind_name((enum shmchan_kind)0), "unknown");
	cr_assert_str_eq(shmchan_kind_name((enum shmchan_kind)(SHMCHAN_KIND_MPMC2 + 1)), "unknown");
}
