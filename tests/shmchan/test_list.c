// Lists: their layout, each point at which a producer or consumer may die, several of them at once, and several consumers.
#include "tests/shmchan/harness.h"

#include <sched.h>
#include "shmchan/list_chan.h"
#include "shmchan/proc.h"

_Static_assert(sizeof(struct shmchan_node) == 48 && offsetof(struct shmchan_node, len) == 16 &&
		       offsetof(struct shmchan_node, block) == 24 &&
		       offsetof(struct shmchan_node, link) == 32 &&
		       offsetof(struct shmchan_node, pos) == 40 && sizeof(struct shmchan_link) == 32 &&
		       sizeof(struct shmchan_list) == 512 && offsetof(struct shmchan_list, head) == 128 &&
		       offsetof(struct shmchan_list, hint) == 256 &&
		       offsetof(struct shmchan_list, rx_wait) == 384 &&
		       sizeof(struct shmchan_list_rx) == 768 &&
		       offsetof(struct shmchan_list_rx, tally) == 256,
	       "lists of layout 1");

#define CAP 12
#define LIVE 4 // the producer that does not die
#define TAKER 5
#define TAKER2 6

struct stage {
	struct harness h;
	struct shmchan_proc *proc[7];
	struct shmchan *tx[LIVE + 1], *rx[7];
};

static void create(struct stage *s, enum shmchan_kind kind, uint32_t cap, enum shmchan_on_crash on_crash)
{
	static const unsigned producers[] = {1, 2, 3, LIVE}, takers[] = {TAKER, TAKER2};
	static const char *const tally[] = {"n"};
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = cap,
					 .msg_size = 8,
					 .producers = producers,
					 .producer_cnt = 4,
					 .consumers = takers,
					 .consumer_cnt = kind == SHMCHAN_KIND_MPMC2 ? 2 : 1,
					 .on_crash = on_crash,
					 .max_deliveries = on_crash == SHMCHAN_REDELIVER ? 3 : 0,
					 .tally = tally,
					 .tally_cnt = 1};

	memset(s, 0, sizeof(*s));
	harness_create(&s->h, 6, &spec, 1, NULL, 0);
	for (unsigned slot = 1; slot <= LIVE; slot++) {
		s->proc[slot] = harness_attach(&s->h, slot);
		s->tx[slot] = harness_open(s->proc[slot], "c", SHMCHAN_TX);
	}
	for (unsigned slot = TAKER; slot < TAKER + spec.consumer_cnt; slot++) {
		s->proc[slot] = harness_attach(&s->h, slot);
		s->rx[slot] = harness_open(s->proc[slot], "c", SHMCHAN_RX);
	}
}

static void end(struct stage *s)
{
	harness_check(&s->h);
	for (unsigned slot = 1; slot <= TAKER2; slot++)
		shmchan_detach(s->proc[slot]);
	harness_end(&s->h);
}

static void send(struct stage *s, unsigned slot, uint64_t corr)
{
	cr_assert_eq(shmchan_try_send(s->tx[slot], &(struct shmchan_msg){.corr = corr}), 0);
}

enum stop { CLAIMED, SENT, EXCHANGED };

// What a send leaves of a process that dies before its next step.
static void send_half(struct stage *s, unsigned slot, uint64_t corr, enum stop stop)
{
	struct shmchan *tx = s->tx[slot];
	uint64_t before, place;
	void *data;

	cr_assert_eq(shmchan_reserve(tx, &data), 0);
	if (stop == CLAIMED)
		return;
	shmchan_list_fill(tx, &(struct shmchan_msg){.corr = corr}, tx->me);
	atomic_store(&tx->l->node->word, shmchan_node_word(SHMCHAN_NODE_SENT, tx->me, 0));
	tx->reserved = false;
	if (stop == SENT)
		return;
	cr_assert(tx->r.kind == SHMCHAN_KIND_MPMC2
			  ? shmchan_mpmc2_exchange(&tx->r, (uint32_t)tx->pos, tx->l->link, &before, &place)
			  : shmchan_mpsc_list_exchange(&tx->r, (uint32_t)tx->pos, tx->l->link, &before,
						       &place));
}

static struct shmchan_repair die(struct stage *s, unsigned slot)
{
	if (slot <= LIVE) { // as a death does: without the cancel and the emptied cache of a close
		s->tx[slot]->reserved = false;
		s->tx[slot]->l->cache_cnt = 0;
	}
	shmchan_detach(s->proc[slot]);
	s->proc[slot] = NULL;
	return harness_bury(&s->h, slot);
}

static void expect(struct stage *s, unsigned slot, uint64_t corr)
{
	struct shmchan_msg m;
	int err = shmchan_take(s->rx[slot], &m);

	if (!corr) {
		cr_assert_eq(err, SHMCHAN_EMPTY);
		return;
	}
	cr_assert_eq(err, 0, "message %llu: %s", (unsigned long long)corr, shmchan_strerror(err));
	cr_assert_eq(m.corr, corr, "%llu, not %llu", (unsigned long long)m.corr, (unsigned long long)corr);
	cr_assert_eq(shmchan_done(s->rx[slot]), 0);
}

static void refill(struct stage *s, uint32_t cap)
{
	struct shmchan_msg m;

	expect(s, TAKER, 0); // who finds nothing gives back what it has done
	for (uint32_t i = 0; i < cap; i++)
		send(s, LIVE, 1000 + i);
	cr_assert_eq(shmchan_try_send(s->tx[LIVE], &(struct shmchan_msg){0}), SHMCHAN_FULL);
	for (uint32_t i = 0; i < cap; i++)
		expect(s, TAKER, 1000 + i);
	cr_assert_eq(shmchan_take(s->rx[TAKER], &m), SHMCHAN_EMPTY);
}

// Each may die first, and be repaired first.
static void gaps(const unsigned order[3])
{
	struct stage s;
	bool buried[4] = {false};
	const uint64_t queue[] = {12, 41, 42, 22, 43, 31, 44}, from[] = {1, 0, 0, 2, 0, 3, 0};
	unsigned at = 0;

	create(&s, SHMCHAN_KIND_MPSC_LIST, CAP, SHMCHAN_DEAD_LETTER);
	send(&s, 1, 11);
	send_half(&s, 1, 12, EXCHANGED);
	send(&s, LIVE, 41);
	send(&s, LIVE, 42);
	// The receiver stops before the first gap, whatever stands behind it.
	expect(&s, TAKER, 11);
	expect(&s, TAKER, 0);
	send_half(&s, 2, 22, EXCHANGED);
	send(&s, LIVE, 43);
	send_half(&s, 3, 31, EXCHANGED);
	send(&s, LIVE, 44);
	for (unsigned i = 0; i < 3; i++) {
		struct shmchan_repair r = die(&s, order[i]);

		cr_assert_eq(r.aborted, 0);
		buried[order[i]] = true;
		harness_check(&s.h);
		// Up to the gap of one who may still live.
		for (; at < 7 && (from[at] == 0 || buried[from[at]]); at++)
			expect(&s, TAKER, queue[at]);
		expect(&s, TAKER, 0);
	}
	cr_assert_eq(at, 7);
	refill(&s, CAP);
	end(&s);
}

Test(list, gaps_of_several_dead_at_once)
{
	static const unsigned orders[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
					     {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};

	for (unsigned i = 0; i < 6; i++)
		gaps(orders[i]);
}

static void unsent(enum shmchan_kind kind)
{
	struct stage s;

	create(&s, kind, CAP, SHMCHAN_DEAD_LETTER);
	send(&s, 1, 11);
	send_half(&s, 1, 12, SENT); // decided, and nowhere in the queue
	send_half(&s, 2, 0, CLAIMED);
	send(&s, 3, 31);
	send(&s, LIVE, 41);
	cr_assert_eq(die(&s, 2).aborted, 1);
	cr_assert_eq(die(&s, 1).aborted, 0);
	cr_assert_eq(die(&s, 3).aborted, 0);
	expect(&s, TAKER, 11);
	expect(&s, TAKER, 31);
	expect(&s, TAKER, 41);
	expect(&s, TAKER, 12); // its producer's order is kept
	expect(&s, TAKER, 0);
	refill(&s, CAP);
	end(&s);
}

Test(list, what_was_decided_is_pushed)
{
	unsent(SHMCHAN_KIND_MPSC_LIST);
	unsent(SHMCHAN_KIND_MPMC2);
}

Test(list, a_dead_producers_cache_is_not_lost)
{
	struct stage s;
	struct shmchan_stat st;

	create(&s, SHMCHAN_KIND_MPMC2, 64, SHMCHAN_DEAD_LETTER);
	for (unsigned slot = 1; slot <= 3; slot++) {
		send(&s, slot, slot);
		expect(&s, TAKER, slot);
		cr_assert_gt(s.tx[slot]->l->cache_cnt, 0);
	}
	// What living producers keep can be used by others, too.
	refill(&s, 64);
	for (unsigned slot = 1; slot <= 3; slot++) {
		send(&s, slot, slot);
		expect(&s, TAKER, slot);
		die(&s, slot);
	}
	harness_check(&s.h);
	refill(&s, 64);
	shmchan_stat(s.rx[TAKER], &st);
	cr_assert_eq(st.enqueued, st.done);
	end(&s);
}

Test(list, a_reservation_holds_up_nobody)
{
	struct stage s;
	void *data;

	create(&s, SHMCHAN_KIND_MPSC_LIST, 2, SHMCHAN_DEAD_LETTER);
	cr_assert_eq(shmchan_reserve(s.tx[1], &data), 0);
	for (unsigned i = 1; i <= 10; i++) {
		send(&s, LIVE, i);
		expect(&s, TAKER, i);
	}
	send(&s, LIVE, 11);
	cr_assert_eq(shmchan_try_send(s.tx[LIVE], &(struct shmchan_msg){0}), SHMCHAN_FULL);
	cr_assert_eq(shmchan_commit(s.tx[1], &(struct shmchan_msg){.corr = 12}), 0);
	expect(&s, TAKER, 11);
	expect(&s, TAKER, 12);
	end(&s);
}

Test(list, a_consumer_dies_between_taking_and_saying_so)
{
	struct stage s;
	struct shmchan_msg m;
	uint64_t head;

	create(&s, SHMCHAN_KIND_MPMC2, CAP, SHMCHAN_DEAD_LETTER);
	for (unsigned i = 1; i <= 3; i++)
		send(&s, LIVE, i);
	head = atomic_load(&s.rx[TAKER]->r.list->head);
	cr_assert_eq(shmchan_take(s.rx[TAKER], &m), 0);
	atomic_store(&s.rx[TAKER]->r.list->head, head);
	atomic_store(&s.rx[TAKER]->r.list->head_lock, (uint64_t)s.rx[TAKER]->me << 32 | 0x3ffffff0);
	cr_assert_eq(die(&s, TAKER).dead_letters, 1);
	expect(&s, TAKER2, 2);
	expect(&s, TAKER2, 3);
	expect(&s, TAKER2, 0);
	end(&s);
}

Test(list, each_message_goes_to_one_of_several_consumers)
{
	struct stage s;
	struct shmchan_msg m[2];
	struct shmchan_stat st;

	create(&s, SHMCHAN_KIND_MPMC2, CAP, SHMCHAN_DEAD_LETTER);
	for (unsigned i = 1; i <= 4; i++)
		send(&s, 1, i);
	cr_assert_eq(shmchan_take(s.rx[TAKER], &m[0]), 0);
	cr_assert_eq(shmchan_take(s.rx[TAKER2], &m[1]), 0);
	cr_assert(m[0].corr == 1 && m[1].corr == 2);
	expect(&s, TAKER2, 3);
	shmchan_stat(s.tx[1], &st);
	cr_assert(st.in_flight == 2 && st.depth == 1 && st.dequeued == 3 && st.done == 1);
	// It completes its own, not the older one of the other.
	cr_assert_eq(shmchan_tally_add(s.rx[TAKER2], 0, 5), 0);
	cr_assert_eq(shmchan_done(s.rx[TAKER2]), 0);
	cr_assert_eq(shmchan_tally_get(s.tx[1], 0), 5);
	cr_assert_eq(shmchan_tally_add(s.rx[TAKER], 0, 2), 0);
	cr_assert_eq(shmchan_done(s.rx[TAKER]), 0);
	expect(&s, TAKER, 4);
	cr_assert_eq(shmchan_tally_get(s.tx[1], 0), 7);
	cr_assert_eq(shmchan_tally_get(s.rx[TAKER], 0), 2);
	end(&s);
}

Test(list, what_is_given_back_goes_to_whoever_takes_next)
{
	struct stage s;
	struct shmchan_msg m;

	create(&s, SHMCHAN_KIND_MPMC2, CAP, SHMCHAN_REDELIVER);
	for (unsigned i = 1; i <= 4; i++)
		send(&s, 1, i);
	cr_assert_eq(shmchan_take(s.rx[TAKER], &m), 0);
	cr_assert_eq(shmchan_take(s.rx[TAKER], &m), 0);
	cr_assert_eq(die(&s, TAKER).redelivered, 2);
	harness_check(&s.h);
	for (unsigned i = 1; i <= 4; i++) {
		cr_assert_eq(shmchan_take(s.rx[TAKER2], &m), 0);
		cr_assert_eq(m.deliveries, i <= 2);
		cr_assert_eq(m.corr, i);
		cr_assert_eq(shmchan_done(s.rx[TAKER2]), 0);
	}
	expect(&s, TAKER2, 0);
	end(&s);
}

Test(list, what_is_given_back_keeps_its_place)
{
	struct stage s;
	struct shmchan_msg m;

	create(&s, SHMCHAN_KIND_MPSC_LIST, CAP, SHMCHAN_REDELIVER);
	for (unsigned i = 1; i <= 5; i++)
		send(&s, 1, i);
	expect(&s, TAKER, 1);
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(shmchan_take(s.rx[TAKER], &m), 0);
	cr_assert_eq(die(&s, TAKER).redelivered, 3);
	s.proc[TAKER] = harness_attach(&s.h, TAKER);
	s.rx[TAKER] = harness_open(s.proc[TAKER], "c", SHMCHAN_RX);
	for (unsigned i = 2; i <= 5; i++)
		expect(&s, TAKER, i);
	expect(&s, TAKER, 0);
	end(&s);
}

Test(list, what_a_broker_gave_back_before_it_died_keeps_its_place)
{
	struct stage s;
	uint64_t n = 0;

	create(&s, SHMCHAN_KIND_MPSC_LIST, CAP, SHMCHAN_REDELIVER);
	// In many rounds, as what is wrong may come right by where the nodes lie.
	for (unsigned round = 0; round < 2 * CAP; round++) {
		struct shmchan *rx = s.rx[TAKER];
		struct shmchan_msg m;

		for (unsigned i = 0; i < 3; i++)
			send(&s, 1, ++n);
		for (unsigned i = 0; i < 3; i++)
			cr_assert_eq(shmchan_take(rx, &m), 0);
		// Two words are all that it needs to have written.
		for (unsigned i = 0; i < 2; i++) {
			struct shmchan_node *node =
				shmchan_list_node(&rx->r, rx->l->held[(rx->done_i + i) % CAP]);
			uint64_t w = atomic_load(&node->word);

			atomic_store(&node->word,
				     shmchan_node_word(SHMCHAN_NODE_RETURNED, (shmchan_owner)w, w >> 35));
		}
		cr_assert_eq(die(&s, TAKER).redelivered, 1);
		s.proc[TAKER] = harness_attach(&s.h, TAKER);
		s.rx[TAKER] = harness_open(s.proc[TAKER], "c", SHMCHAN_RX);
		for (uint64_t i = n - 2; i <= n; i++)
			expect(&s, TAKER, i);
	}
	expect(&s, TAKER, 0);
	end(&s);
}

static int sleep_and_take(void *ctx)
{
	struct stage *s = ctx;
	unsigned slot = s->rx[TAKER] ? TAKER : TAKER2;
	struct shmchan_proc *p;
	struct shmchan_msg m;
	struct shmchan *rx;

	if (shmchan_attach(&p, s->h.group, slot, s->h.inc[slot], NULL) ||
	    shmchan_open(p, "c", SHMCHAN_RX, &rx, NULL))
		return 1;
	return shmchan_recv(rx, &m, SHMCHAN_FOREVER) == 0 && m.corr && shmchan_done(rx) == 0 ? 0 : 2;
}

static void await_sleeper(struct stage *s, unsigned slot)
{
	while (!(atomic_load(&s->proc[LIVE]->c.procs[slot].bell) & SHMCHAN_BELL_ASLEEP))
		sched_yield();
}

static void create_with_sleepers(struct stage *s, pid_t pid[2])
{
	create(s, SHMCHAN_KIND_MPMC2, CAP, SHMCHAN_DEAD_LETTER);
	pid[0] = harness_fork(sleep_and_take, s);
	s->rx[TAKER] = NULL;
	pid[1] = harness_fork(sleep_and_take, s);
	await_sleeper(s, TAKER);
	await_sleeper(s, TAKER2);
}

Test(list, a_push_wakes_one_sleeper_and_the_next_the_other, .timeout = 60)
{
	struct stage s;
	pid_t pid[2];
	int status;

	create_with_sleepers(&s, pid);
	send(&s, LIVE, 1);
	send(&s, LIVE, 2);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(waitpid(pid[i], &status, 0), pid[i]);
		cr_assert_eq(status, 0);
	}
	end(&s);
}

// The one that was woken dies before it takes: the message is not left to the others' next wake-up.
Test(list, a_sleeper_takes_over_from_one_that_was_woken_and_died, .timeout = 60)
{
	struct stage s;
	pid_t pid[2];
	int status;

	create_with_sleepers(&s, pid);
	kill(pid[0], SIGSTOP);
	// Its turn is the stopped one's or the other's: after two messages the stopped one has been chosen once.
	send(&s, LIVE, 1);
	cr_assert_eq(kill(pid[0], SIGKILL), 0);
	cr_assert_eq(waitpid(pid[0], &status, 0), pid[0]);
	harness_bury(&s.h, TAKER);
	cr_assert_eq(waitpid(pid[1], &status, 0), pid[1]);
	cr_assert_eq(status, 0);
	end(&s);
}
