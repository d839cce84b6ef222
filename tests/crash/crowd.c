// crowd [--messages N] [--seed N] [--tap] [KIND...]: four producers and two consumers on each kind of channel, all killed at
// random moments and replaced, until N messages (default 10^6) have been sent on each. Then the books are balanced: every
// message that a producer saw sent was received or is a dead letter, none twice, each producer's in order; what it was
// sending when it died counts or not. The kinds with one consumer have a channel for each of the two.
// Exit status: 0 all balance, 1 they don't, 2 usage, 3 something could not be done.
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/view.h"

#define PRODUCERS 4
#define CONSUMERS 2
#define SLOTS (PRODUCERS + CONSUMERS)
#define CHANS 4
#define LIVES 8192 // of a slot; after so many it is left in peace
#define CAP 64
#define HELD 3 // messages in flight at a consumer
#define LETTERS 64

static const struct {
	const char *name;
	enum shmchan_kind kind;
	unsigned chans;   // one for each producer, for each consumer, or one for all
	bool many, block; // producers on each; every message carries a block
} kinds[] = {{"slot", SHMCHAN_KIND_SLOT, 4, false, false},
	     {"slot-ref", SHMCHAN_KIND_SLOT_REF, 4, false, true},
	     {"spsc", SHMCHAN_KIND_SPSC, 4, false, false},
	     {"mpsc", SHMCHAN_KIND_MPSC, 2, true, false},
	     {"mpsc-list", SHMCHAN_KIND_MPSC_LIST, 2, true, false},
	     {"mpsc-intrusive", SHMCHAN_KIND_MPSC_INTRUSIVE, 2, true, true},
	     {"mpmc2", SHMCHAN_KIND_MPMC2, 1, true, false}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

// What one consumer has received of one incarnation of a producer on one channel. Numbers are 0, 1, 2, ... there.
struct stream {
	uint64_t cnt, sum, next; // next: one more than the newest
};

// What a consumer is writing into a stream: the stream as it was, to be completed by who buries it.
struct journal {
	struct stream *volatile stream; // NULL: nothing
	struct stream was;
	uint64_t number;
};

// In memory that the test shares with all members; not the group's.
struct books {
	struct stream stream[CONSUMERS][CHANS][PRODUCERS][LIVES];
	struct journal journal[CONSUMERS];
	_Atomic uint64_t certain[CHANS][PRODUCERS][LIVES]; // sends that returned success
	_Atomic uint64_t sent[PRODUCERS];                  // sum of those, for the end
	_Atomic int stop, drained;
	_Atomic unsigned bad;
};

struct crowd {
	unsigned k;
	struct books *books;
	struct shmchan_broker *b;
	char group[SHMCHAN_NAME_MAX];
	unsigned inc[SLOTS + 1];
	pid_t pid[SLOTS + 1];
	uint64_t letters, rng, kills, messages;
	bool failed;
};

static const char *const chan_names[CHANS] = {"c0", "c1", "c2", "c3"};

static void complain(struct crowd *c, const char *what, uint64_t a, uint64_t b)
{
	if (atomic_fetch_add(&c->books->bad, 1) < 20)
		fprintf(stderr, "crowd: %s: %s (%llu, %llu)\n", kinds[c->k].name, what, (unsigned long long)a,
			(unsigned long long)b);
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "crowd: %s: %s\n", what, shmchan_strerror(err));
	_exit(3);
}

// Does that slot use channel i at its end?
static bool uses(const struct crowd *c, unsigned slot, unsigned i)
{
	bool tx = slot <= PRODUCERS;

	if (kinds[c->k].chans == 1)
		return true;
	if (tx)
		return kinds[c->k].many || slot - 1 == i;
	return slot - PRODUCERS - 1 == i % CONSUMERS;
}

// --------------------------------------------------------------------------------------------------- members

static unsigned open_all(struct crowd *c, unsigned slot, struct shmchan_proc **p, struct shmchan_pool **pool,
			 struct shmchan *ch[CHANS], unsigned id[CHANS])
{
	unsigned n = 0;

	must(shmchan_attach(p, c->group, slot, c->inc[slot], NULL), "attach");
	if (kinds[c->k].block)
		must(shmchan_pool_open(*p, "p", pool, NULL), "open the pool");
	for (unsigned i = 0; i < kinds[c->k].chans; i++) {
		if (!uses(c, slot, i))
			continue;
		must(shmchan_open(*p, chan_names[i], slot <= PRODUCERS ? SHMCHAN_TX : SHMCHAN_RX, &ch[n],
				  NULL),
		     "open a channel");
		id[n++] = i;
	}
	return n;
}

// Gives the core away in the middle of a send, where a death leaves most behind: random moments are seldom there.
static int send_slowly(struct shmchan *ch, const struct shmchan_msg *m)
{
	void *data;
	int err = shmchan_reserve(ch, &data);

	if (err)
		return err == SHMCHAN_FULL ? SHMCHAN_TIMEOUT : err;
	memcpy(data, m->data, m->len);
	sched_yield();
	err = shmchan_commit(ch, m);
	if (err)
		shmchan_cancel(ch);
	// In mpsc-intrusive a reservation claims nothing.
	return err == SHMCHAN_FULL ? SHMCHAN_TIMEOUT : err;
}

static void produce(struct crowd *c, unsigned slot)
{
	struct shmchan *ch[CHANS];
	struct shmchan_pool *pool = NULL;
	struct shmchan_proc *p;
	unsigned id[CHANS], n = open_all(c, slot, &p, &pool, ch, id), life = c->inc[slot];
	uint64_t number[CHANS] = {0}, all = 0;

	while (!atomic_load_explicit(&c->books->stop, memory_order_relaxed)) {
		unsigned i = n > 1 ? (unsigned)(all % n) : 0;
		struct shmchan_msg m = {.data = &number[i], .len = 8, .corr = number[i]};
		int err;

		if (kinds[c->k].block) {
			err = shmchan_block_alloc(pool, &m.block);
			if (err == SHMCHAN_EXHAUSTED) {
				nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL);
				continue;
			}
			must(err, "allocate");
			memcpy(shmchan_block_data(pool, m.block), &number[i], 8);
			m.len = 0;
		}
		err = all % 64 ? shmchan_send(ch[i], &m, 1000000) : send_slowly(ch[i], &m);
		if (err == SHMCHAN_TIMEOUT) {
			all++;
			if (m.block)
				must(shmchan_block_free(pool, m.block), "free");
			continue;
		}
		must(err, "send");
		all++;
		number[i]++;
		atomic_store_explicit(&c->books->certain[id[i]][slot - 1][life], number[i],
				      memory_order_relaxed);
		atomic_store_explicit(&c->books->sent[slot - 1],
				      atomic_load_explicit(&c->books->sent[slot - 1], memory_order_relaxed) +
					      1,
				      memory_order_relaxed);
	}
}

static void enter(struct crowd *c, unsigned consumer, unsigned chan, uint32_t sender, uint64_t number,
		  bool letter)
{
	unsigned slot = sender & 0xfff, life = sender >> 12;
	struct journal *j = &c->books->journal[consumer];
	struct stream *s;

	if (slot < 1 || slot > PRODUCERS || life >= LIVES) {
		complain(c, "a message of nobody", sender, number);
		return;
	}
	s = &c->books->stream[consumer][chan][slot - 1][life];
	if (number < s->next) {
		// The consumer had it in its books, and died before it was done.
		if (!letter)
			complain(c, "received again, or out of order", number, s->next);
		return;
	}
	if (kinds[c->k].chans > 1 && number != s->next)
		complain(c, letter ? "a letter out of order" : "received out of order", number, s->next);
	// The stream last: with it the entry is one.
	j->was = *s;
	j->number = number;
	atomic_signal_fence(memory_order_seq_cst);
	j->stream = s;
	atomic_signal_fence(memory_order_seq_cst);
	s->cnt++;
	s->sum += number;
	s->next = number + 1;
	atomic_signal_fence(memory_order_seq_cst);
	j->stream = NULL;
}

static void receive(struct crowd *c, unsigned consumer, unsigned chan, struct shmchan_pool *pool,
		    const struct shmchan_msg *m)
{
	uint64_t number = m->corr + 1;

	if (m->status)
		complain(c, "a message with a status", (uint64_t)(unsigned)m->status, m->corr);
	else if (kinds[c->k].block)
		memcpy(&number, shmchan_block_data(pool, m->block), 8);
	else if (m->len == 8)
		memcpy(&number, m->data, 8);
	if (!m->status && number != m->corr)
		complain(c, "another message's content", number, m->corr);
	enter(c, consumer, chan, m->sender, m->corr, false);
	if (m->block)
		must(shmchan_block_free(pool, m->block), "free");
}

static void consume(struct crowd *c, unsigned slot)
{
	struct shmchan_sel sel[CHANS];
	struct shmchan *ch[CHANS];
	struct shmchan_pool *pool = NULL;
	struct shmchan_proc *p;
	unsigned id[CHANS], n = open_all(c, slot, &p, &pool, ch, id), k = slot - PRODUCERS - 1;

	for (unsigned i = 0; i < n; i++)
		sel[i] = (struct shmchan_sel){.ch = ch[i]};
	for (;;) {
		int found = shmchan_select(p, sel, n, 2000000);

		if (found == SHMCHAN_TIMEOUT && atomic_load(&c->books->drained))
			return;
		for (unsigned i = 0; found > 0 && i < n; i++) {
			struct shmchan_msg m;
			unsigned held = 0;

			while (held < HELD && shmchan_take(ch[i], &m) == 0) {
				receive(c, k, id[i], pool, &m);
				held++;
			}
			while (held--)
				must(shmchan_done(ch[i]), "done");
		}
	}
}

static void start(struct crowd *c, unsigned slot)
{
	pid_t parent = getpid();

	must(shmchan_broker_announce(c->b, slot, &c->inc[slot]), "announce");
	c->pid[slot] = fork();
	if (c->pid[slot] == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			slot <= PRODUCERS ? produce(c, slot) : consume(c, slot);
		_exit(0);
	}
	if (c->pid[slot] > 0)
		must(shmchan_broker_spawned(c->b, slot, c->pid[slot]), "record the pid");
	else
		c->failed = true;
}

// ----------------------------------------------------------------------------------------------------- deaths

// The dead consumer's own entries are finished, then what it had in flight is entered for it.
static void balance_consumer(struct crowd *c, unsigned consumer)
{
	struct journal *j = &c->books->journal[consumer];
	struct shmchan_view_dead d;
	struct shmchan_view *v;
	uint64_t cnt;

	if (j->stream) {
		*j->stream = (struct stream){j->was.cnt + 1, j->was.sum + j->number, j->number + 1};
		j->stream = NULL;
	}
	must(shmchan_view_open(&v, c->group, NULL), "view");
	cnt = shmchan_view_dead_cnt(v, NULL);
	for (; c->letters < cnt; c->letters++) {
		unsigned chan = 0;

		must(shmchan_view_dead(v, c->letters + 1, &d), "read a letter");
		while (chan < CHANS - 1 && strcmp(d.channel, chan_names[chan]) != 0)
			chan++;
		enter(c, consumer, chan, d.sender_incarnation << 12 | d.sender_slot, d.corr, true);
	}
	shmchan_view_close(v);
}

static void bury(struct crowd *c, unsigned slot, bool killed)
{
	struct shmchan_death death = {.pid = c->pid[slot], .code = CLD_KILLED, .status = SIGKILL};
	int status = 0;

	while (waitpid(c->pid[slot], &status, 0) < 0 && errno == EINTR)
		;
	c->pid[slot] = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		complain(c, "a member gave up: slot, status", slot, (uint64_t)WEXITSTATUS(status));
		c->failed = true;
	}
	must(shmchan_broker_recover(c->b, slot, killed ? &death : NULL, NULL), "recover");
	if (slot > PRODUCERS)
		balance_consumer(c, slot - PRODUCERS - 1);
}

static uint64_t draw(struct crowd *c, uint64_t below)
{
	c->rng ^= c->rng >> 12;
	c->rng ^= c->rng << 25;
	c->rng ^= c->rng >> 27;
	return c->rng * 0x2545f4914f6cdd1dull % below;
}

static uint64_t sent(const struct crowd *c)
{
	uint64_t n = 0;

	for (unsigned p = 0; p < PRODUCERS; p++)
		n += atomic_load(&c->books->sent[p]);
	return n;
}

static void kill_at_random(struct crowd *c, volatile sig_atomic_t *stopping)
{
	while (sent(c) < c->messages && !c->failed && !*stopping) {
		unsigned slot = 1 + (unsigned)draw(c, SLOTS);

		nanosleep(&(struct timespec){.tv_nsec = 500000 + (long)draw(c, 12000000)}, NULL);
		if (c->inc[slot] + 2 >= LIVES)
			continue;
		kill(c->pid[slot], SIGKILL);
		bury(c, slot, true);
		start(c, slot);
		c->kills++;
	}
}

// ------------------------------------------------------------------------------------------------------ the end

static void check_said(void *ctx, const char *object, const char *text)
{
	fprintf(stderr, "crowd: check: %s: %s\n", object, text);
	complain(ctx, "check", 0, 0);
}

static uint64_t audit(struct crowd *c)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < kinds[c->k].chans; i++)
		for (unsigned p = 0; p < PRODUCERS; p++)
			for (unsigned life = 0; life < LIVES; life++) {
				uint64_t n = 0, sum = 0,
					 certain = atomic_load(&c->books->certain[i][p][life]);

				for (unsigned k = 0; k < CONSUMERS; k++) {
					n += c->books->stream[k][i][p][life].cnt;
					sum += c->books->stream[k][i][p][life].sum;
				}
				if (n < certain || n > certain + 1)
					complain(c, "received, but sent", n, certain);
				if (n && sum != n * (n - 1) / 2)
					complain(c, "some twice and others not at all", n, sum);
				all += n;
			}
	return all;
}

static void compare_with_counters(struct crowd *c, uint64_t all)
{
	struct shmchan_view_chan ch;
	struct shmchan_view_pool p;
	uint64_t enqueued = 0, done = 0;
	struct shmchan_view *v;

	must(shmchan_view_open(&v, c->group, NULL), "view");
	for (unsigned i = 0; i < kinds[c->k].chans; i++) {
		must(shmchan_view_chan(v, i, &ch), "view a channel");
		enqueued += ch.stat.enqueued;
		done += ch.stat.done;
		if (ch.stat.depth || ch.stat.in_flight)
			complain(c, "not drained", ch.stat.depth, ch.stat.in_flight);
	}
	if (enqueued != all || done != all)
		complain(c, "the counters say otherwise", enqueued, done);
	if (kinds[c->k].block) {
		must(shmchan_view_pool(v, 0, &p), "view the pool");
		if (p.free != p.block_cnt)
			complain(c, "blocks leaked: free, of", p.free, p.block_cnt);
	}
	shmchan_view_close(v);
}

static bool empty(struct crowd *c)
{
	struct shmchan_view_chan ch;
	struct shmchan_view *v;
	uint64_t left = 0;

	must(shmchan_view_open(&v, c->group, NULL), "view");
	for (unsigned i = 0; i < kinds[c->k].chans; i++) {
		must(shmchan_view_chan(v, i, &ch), "view a channel");
		left += ch.stat.depth + ch.stat.in_flight;
	}
	shmchan_view_close(v);
	return left == 0;
}

static bool create(struct crowd *c)
{
	static const char *const services[] = {"p1", "p2", "p3", "p4", "c1", "c2"};
	static const unsigned slots[] = {1, 2, 3, 4, 5, 6};
	bool one = kinds[c->k].kind == SHMCHAN_KIND_SLOT || kinds[c->k].kind == SHMCHAN_KIND_SLOT_REF;
	struct shmchan_chan_spec chans[CHANS];
	struct shmchan_pool_spec pool = {
		.name = "p", .block_size = 64, .block_cnt = 512, .users = slots, .user_cnt = SLOTS};
	struct shmchan_group_spec spec = {.name = c->group,
					  .services = services,
					  .service_cnt = SLOTS,
					  .chans = chans,
					  .chan_cnt = kinds[c->k].chans,
					  .pools = &pool,
					  .pool_cnt = kinds[c->k].block,
					  .dead_cnt = LETTERS,
					  .dead_bytes = 8};
	struct shmchan_why why = {0};

	for (unsigned i = 0; i < kinds[c->k].chans; i++)
		chans[i] = (struct shmchan_chan_spec){
			.name = chan_names[i],
			.kind = kinds[c->k].kind,
			.capacity = one ? 1 : CAP,
			.msg_size = kinds[c->k].block ? 0 : 8,
			.producers = kinds[c->k].many ? slots : &slots[i],
			.producer_cnt = kinds[c->k].many ? PRODUCERS : 1,
			.consumers = &slots[PRODUCERS + (kinds[c->k].chans > 1 ? i % CONSUMERS : 0)],
			.consumer_cnt = kinds[c->k].chans > 1 ? 1 : CONSUMERS};
	snprintf(c->group, sizeof(c->group), "crowd%d", (int)getpid());
	if (shmchan_broker_create(&c->b, &spec, &why) == 0)
		return true;
	fprintf(stderr, "crowd: can't create group %s: %s: %s\n", c->group, why.object, why.text);
	return false;
}

static volatile sig_atomic_t stopping;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static bool run(struct crowd *c, uint64_t *all)
{
	c->books = mmap(NULL, sizeof(*c->books), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c->books == MAP_FAILED || !create(c))
		return false;
	for (unsigned slot = 1; slot <= SLOTS; slot++)
		start(c, slot);
	kill_at_random(c, &stopping);
	atomic_store(&c->books->stop, 1);
	for (unsigned slot = 1; slot <= PRODUCERS; slot++)
		bury(c, slot, false);
	while (!empty(c) && !c->failed && !stopping)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	atomic_store(&c->books->drained, 1);
	for (unsigned slot = PRODUCERS + 1; slot <= SLOTS; slot++)
		bury(c, slot, false);
	*all = audit(c);
	compare_with_counters(c, *all);
	shmchan_broker_check(c->b, check_said, c);
	shmchan_broker_destroy(c->b);
	c->failed |= atomic_load(&c->books->bad) != 0;
	munmap(c->books, sizeof(*c->books));
	return !c->failed && !stopping;
}

static bool wanted(const char *name, int argc, char **argv)
{
	bool found = argc == 0;

	for (int i = 0; i < argc; i++)
		found |= strcmp(name, argv[i]) == 0;
	return found;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"messages", required_argument, NULL, 'm'},
					      {"seed", required_argument, NULL, 's'},
					      {"tap", no_argument, NULL, 't'},
					      {0}};
	uint64_t messages = 1000000, seed = 0x9e3779b97f4a7c15ull;
	unsigned n = 0, failed = 0;
	int o;

	while ((o = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (o == 'm') {
			messages = strtoull(optarg, NULL, 10);
		} else if (o == 's') {
			seed = strtoull(optarg, NULL, 0) | 1;
		} else if (o != 't') {
			fprintf(stderr, "usage: crowd [--messages N] [--seed N] [--tap] [KIND...]\n");
			return 2;
		}
	}
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned k = 0; k < KINDS && !stopping; k++) {
		struct crowd c = {.k = k, .rng = seed + k, .messages = messages};
		uint64_t all = 0;
		bool ok;

		if (!wanted(kinds[k].name, argc - optind, argv + optind))
			continue;
		ok = run(&c, &all);
		failed += !ok;
		printf("%sok %u - %s: %llu messages, %llu of them dead letters, %llu kills\n",
		       ok ? "" : "not ", ++n, kinds[k].name, (unsigned long long)all,
		       (unsigned long long)c.letters, (unsigned long long)c.kills);
	}
	printf("1..%u\n", n);
	if (!n || stopping)
		return n ? 3 : 2;
	return failed ? 1 : 0;
}
