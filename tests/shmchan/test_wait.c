#include "tests/shmchan/harness.h"

#include <pthread.h>
#include <sys/time.h>
#include "shmchan/chan.h"
#include "tests/shmchan/sleepers.h"

static const unsigned one[] = {1}, two[] = {2}, one_three[] = {1, 3};

#define MS 1000000u

struct pair {
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
};

static void pair_create(struct pair *p, enum shmchan_kind kind, uint32_t cap)
{
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = cap,
					 .msg_size = 8,
					 .producers = one_three,
					 .producer_cnt = kind == SHMCHAN_KIND_MPSC ? 2 : 1,
					 .consumers = two,
					 .consumer_cnt = 1};

	harness_create(&p->h, 3, &spec, 1, NULL, 0);
	p->a = harness_attach(&p->h, 1);
	p->b = harness_attach(&p->h, 2);
	p->tx = harness_open(p->a, "c", SHMCHAN_TX);
	p->rx = harness_open(p->b, "c", SHMCHAN_RX);
}

static void pair_end(struct pair *p)
{
	harness_check(&p->h);
	shmchan_detach(p->a);
	shmchan_detach(p->b);
	harness_end(&p->h);
}

static void fill(struct shmchan *tx)
{
	while (shmchan_try_send(tx, &(struct shmchan_msg){.corr = 1}) == 0)
		;
}

Test(wait, a_full_channel_times_out)
{
	for (enum shmchan_kind k = SHMCHAN_KIND_SLOT; k <= SHMCHAN_KIND_MPSC; k++) {
		struct shmchan_sel sel;
		struct pair p;

		if (k == SHMCHAN_KIND_SLOT_REF)
			continue;
		pair_create(&p, k, k == SHMCHAN_KIND_SLOT ? 1 : 3);
		fill(p.tx);
		cr_assert_eq(shmchan_send(p.tx, &(struct shmchan_msg){0}, 0), SHMCHAN_TIMEOUT);
		cr_assert_eq(shmchan_send(p.tx, &(struct shmchan_msg){0}, MS), SHMCHAN_TIMEOUT);
		sel = (struct shmchan_sel){.ch = p.tx};
		cr_assert_eq(shmchan_select(p.a, &sel, 1, MS), SHMCHAN_TIMEOUT);
		pair_end(&p);
	}
}

// Two producers leave the hint one behind when the one that claimed later moves it last.
Test(wait, a_lagging_hint_does_not_hide_a_full_ring, .timeout = 20)
{
	for (uint32_t cap = 1; cap <= 5; cap++)
		for (uint32_t back = 0; back < cap; back++) {
			struct shmchan_sel sel;
			struct pair p;

			pair_create(&p, SHMCHAN_KIND_MPSC, cap);
			fill(p.tx);
			atomic_store(&p.tx->r.ring->tail, back);
			cr_assert_eq(shmchan_send(p.tx, &(struct shmchan_msg){0}, MS), SHMCHAN_TIMEOUT);
			sel = (struct shmchan_sel){.ch = p.tx};
			cr_assert_eq(shmchan_select(p.a, &sel, 1, MS), SHMCHAN_TIMEOUT);
			pair_end(&p);
		}
}

struct waste {
	struct shmchan *tx;
	_Atomic bool stop;
};

static void *scribble(void *arg)
{
	struct waste *w = arg;

	while (!atomic_load(&w->stop))
		atomic_store(&w->tx->r.ring->tail, UINT32_MAX);
	return NULL;
}

// The hint says that there may be room each time it is asked: the time is up all the same.
Test(wait, a_deadline_holds_whatever_the_hint_says, .timeout = 20)
{
	struct waste w = {0};
	struct pair p;
	pthread_t t;

	pair_create(&p, SHMCHAN_KIND_MPSC, 3);
	fill(p.tx);
	w.tx = p.tx;
	cr_assert_eq(pthread_create(&t, NULL, scribble, &w), 0);
	for (unsigned i = 0; i < 50; i++)
		cr_assert_eq(shmchan_send(p.tx, &(struct shmchan_msg){0}, MS / 10), SHMCHAN_TIMEOUT);
	atomic_store(&w.stop, true);
	pthread_join(t, NULL);
	pair_end(&p);
}

static volatile sig_atomic_t handled;

static void on_alarm(int sig)
{
	(void)sig;
	handled++;
}

// Signals keep coming until one finds the call asleep.
static void alarms(bool on)
{
	struct itimerval every = {0};

	if (on) {
		struct sigaction sa = {.sa_handler = on_alarm};

		sigaction(SIGALRM, &sa, NULL);
		every.it_interval.tv_usec = every.it_value.tv_usec = 5000;
	}
	setitimer(ITIMER_REAL, &every, NULL);
}

// Process 1 asks, process 2 answers.
struct dialogue {
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *ask, *in, *reply;
};

static void dialogue_begin(struct dialogue *d, struct shmchan_chan_spec ask, struct shmchan_chan_spec reply)
{
	struct shmchan_chan_spec spec[] = {ask, reply};

	spec[0].name = "ask";
	spec[1].name = "reply";
	spec[0].producers = spec[1].consumers = one;
	spec[1].producers = spec[0].consumers = two;
	for (unsigned i = 0; i < 2; i++)
		spec[i].producer_cnt = spec[i].consumer_cnt = 1;
	harness_create(&d->h, 2, spec, 2, NULL, 0);
	d->a = harness_attach(&d->h, 1);
	d->b = harness_attach(&d->h, 2);
	d->ask = harness_open(d->a, "ask", SHMCHAN_TX);
	d->in = harness_open(d->b, "ask", SHMCHAN_RX);
	d->reply = harness_open(d->b, "reply", SHMCHAN_TX);
}

static void dialogue_end(struct dialogue *d)
{
	harness_check(&d->h);
	shmchan_detach(d->a);
	shmchan_detach(d->b);
	harness_end(&d->h);
}

Test(wait, signals_interrupt_every_waiting_call)
{
	struct shmchan_sel sel;
	struct shmchan_msg m;
	struct dialogue d;

	dialogue_begin(&d, (struct shmchan_chan_spec){.kind = SHMCHAN_KIND_SPSC, .capacity = 2},
		       (struct shmchan_chan_spec){.kind = SHMCHAN_KIND_MPSC, .capacity = 1});
	alarms(true);
	cr_assert_eq(shmchan_recv(d.in, &m, SHMCHAN_FOREVER), SHMCHAN_INTR);
	sel.ch = d.in;
	cr_assert_eq(shmchan_select(d.b, &sel, 1, SHMCHAN_FOREVER), SHMCHAN_INTR);
	fill(d.ask);
	cr_assert_eq(shmchan_send(d.ask, &(struct shmchan_msg){0}, SHMCHAN_FOREVER), SHMCHAN_INTR);
	cr_assert_eq(shmchan_take(d.in, &m), 0);
	fill(d.reply);
	cr_assert_eq(shmchan_answer(d.in, d.reply, &(struct shmchan_msg){0}, SHMCHAN_FOREVER), SHMCHAN_INTR);
	alarms(false);
	cr_assert_gt(handled, 0);
	cr_assert_eq(shmchan_answer(d.in, d.reply, &(struct shmchan_msg){0}, MS), SHMCHAN_TIMEOUT);
	cr_assert_eq(shmchan_done(d.in), 0, "what could not be answered is still in flight");
	dialogue_end(&d);
}

// A consumer that is dead frees nothing: who answers it into a channel of its own is told, instead of waiting.
Test(wait, answering_the_dead_ends)
{
	struct shmchan_msg m = {0};
	struct dialogue d;

	dialogue_begin(&d, (struct shmchan_chan_spec){.kind = SHMCHAN_KIND_MPSC, .capacity = 4},
		       (struct shmchan_chan_spec){.kind = SHMCHAN_KIND_SLOT, .capacity = 1});
	for (unsigned i = 0; i < 2; i++)
		cr_assert_eq(shmchan_try_send(d.ask, &m), 0);
	cr_assert_eq(shmchan_take(d.in, &m), 0);
	cr_assert_eq(shmchan_answer(d.in, d.reply, &m, 0), 0);
	cr_assert_eq(shmchan_take(d.in, &m), 0);
	cr_assert_eq(shmchan_answer(d.in, d.reply, &m, MS), SHMCHAN_TIMEOUT);
	shmchan_detach(d.a);
	d.a = NULL;
	harness_bury(&d.h, 1);
	cr_assert_eq(shmchan_answer(d.in, d.reply, &m, SHMCHAN_FOREVER), SHMCHAN_PEER_DIED);
	cr_assert_eq(shmchan_done(d.in), SHMCHAN_ENOENT, "the request is completed");
	dialogue_end(&d);
}

Test(wait, select_tells_which)
{
	struct shmchan_chan_spec spec[] = {{.name = "x",
					    .kind = SHMCHAN_KIND_SPSC,
					    .capacity = 1,
					    .producers = one,
					    .producer_cnt = 1,
					    .consumers = two,
					    .consumer_cnt = 1},
					   {.name = "y",
					    .kind = SHMCHAN_KIND_MPSC,
					    .capacity = 1,
					    .producers = one,
					    .producer_cnt = 1,
					    .consumers = two,
					    .consumer_cnt = 1}};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan_sel tx[2], rx[2];
	struct shmchan_msg m;

	harness_create(&h, 2, spec, 2, NULL, 0);
	a = harness_attach(&h, 1);
	b = harness_attach(&h, 2);
	for (unsigned i = 0; i < 2; i++) {
		tx[i].ch = harness_open(a, spec[i].name, SHMCHAN_TX);
		rx[i].ch = harness_open(b, spec[i].name, SHMCHAN_RX);
	}
	cr_assert_eq(shmchan_select(a, tx, 0, SHMCHAN_FOREVER), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_select(a, tx, 2, SHMCHAN_FOREVER), 2);
	cr_assert_eq(shmchan_select(b, rx, 2, MS), SHMCHAN_TIMEOUT);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(shmchan_try_send(tx[i].ch, &(struct shmchan_msg){.corr = i}), 0);
		cr_assert_eq(shmchan_select(b, rx, 2, SHMCHAN_FOREVER), 1);
		cr_assert(rx[i].ready && !rx[1 - i].ready);
		cr_assert_eq(shmchan_select(a, tx, 2, SHMCHAN_FOREVER), 1);
		cr_assert(!tx[i].ready && tx[1 - i].ready);
		cr_assert_eq(shmchan_take(rx[i].ch, &m), 0);
		cr_assert_eq(shmchan_select(b, rx, 2, MS), SHMCHAN_TIMEOUT);
		cr_assert_eq(shmchan_done(rx[i].ch), 0);
	}
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

static int send_on(struct shmchan *tx, uint64_t n)
{
	return shmchan_send(tx, &(struct shmchan_msg){.corr = n}, SHMCHAN_FOREVER);
}

static int receive(struct shmchan *rx, uint64_t n)
{
	struct shmchan_msg m;

	return shmchan_recv(rx, &m, SHMCHAN_FOREVER) || m.corr != n || shmchan_done(rx);
}

static struct sleepers sleepers = {
	.send = send_on, .receive = receive, .to = SHMCHAN_KIND_SPSC, .from = SHMCHAN_KIND_MPSC, .cap = 1, .rounds = 5000};

Test(wait, no_wake_up_is_lost_with_membarrier, .timeout = 30)
{
	if (shmchan_bell_fence_best() == SHMCHAN_FENCE_MEMBARRIER)
		sleepers_run(&sleepers, SHMCHAN_FENCE_MEMBARRIER);
}

Test(wait, no_wake_up_is_lost_with_fences, .timeout = 30)
{
	sleepers_run(&sleepers, SHMCHAN_FENCE_PLAIN);
}
