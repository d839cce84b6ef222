// Crowds around lists: many processes at both ends, killed at random, repaired by a broker. What each producer sent is taken
// once, or is a dead letter; each consumer sees a producer's messages in order. LIST_MESSAGES=N for the long form.
#include "tests/shmchan/harness.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PRODUCERS 4
#define CONSUMERS 2
#define SLOTS (PRODUCERS + CONSUMERS)
#define LETTERS 16384
#define LIVES 2048 // incarnations of a producer

struct life { // one incarnation of a producer; its messages are numbered 0, 1, 2, ...
	_Atomic uint64_t sent; // numbers whose call has begun
	_Atomic uint64_t taken;
};

struct crowd {
	struct harness h;
	enum shmchan_kind kind;
	unsigned consumers;
	_Atomic bool stop, drained;
	_Atomic uint64_t bad;
	_Atomic uint64_t last[CONSUMERS][PRODUCERS + 1]; // incarnation << 40 | number + 1, newest seen by a consumer
	struct life life[PRODUCERS + 1][LIVES];
	uint8_t *seen; // [PRODUCERS + 1][room]: times the n-th message of a producer was taken or died
	uint64_t room;
	uint64_t start[PRODUCERS + 1][LIVES]; // where the numbers of an incarnation begin in `seen`
};

struct member {
	struct crowd *c;
	unsigned slot;
};

static int produce(struct crowd *c, unsigned slot)
{
	unsigned inc = c->h.inc[slot];
	struct shmchan_proc *p;
	struct shmchan *tx;
	void *data;

	if (inc >= LIVES || shmchan_attach(&p, c->h.group, slot, inc, NULL) ||
	    shmchan_open(p, "c", SHMCHAN_TX, &tx, NULL))
		return 1;
	for (uint64_t n = 0; !atomic_load(&c->stop); n++) {
		struct shmchan_msg m = {.data = &n, .len = 8, .corr = (uint64_t)inc << 40 | n};
		int err = SHMCHAN_TIMEOUT;

		if (c->start[slot][inc] + n + 1 >= c->room)
			return 0;
		atomic_store(&c->life[slot][inc].sent, n + 1);
		while (err == SHMCHAN_TIMEOUT && !atomic_load(&c->stop)) {
			if (n % 8 == 3 && shmchan_reserve(tx, &data) == 0) {
				memcpy(data, &n, 8);
				sched_yield();
				err = shmchan_commit(tx, &m);
			} else {
				err = shmchan_send(tx, &m, 1000000);
			}
		}
		if (err && err != SHMCHAN_TIMEOUT)
			return 2;
	}
	return 0;
}

static void note(struct crowd *c, unsigned consumer, unsigned slot, uint64_t corr, bool order)
{
	uint64_t inc = corr >> 40, n = corr & 0xffffffffff, at;

	if (slot < 1 || slot > PRODUCERS || inc >= LIVES) {
		atomic_fetch_add(&c->bad, 1);
		return;
	}
	at = c->start[slot][inc] + n;
	if (at < c->room)
		__atomic_fetch_add(&c->seen[slot * c->room + at], 1, __ATOMIC_RELAXED);
	if (order) {
		if (atomic_load(&c->last[consumer][slot]) > corr)
			atomic_fetch_add(&c->bad, 1);
		atomic_store(&c->last[consumer][slot], corr + 1);
	}
}

static int consume(struct crowd *c, unsigned slot)
{
	struct shmchan_proc *p;
	struct shmchan_msg m;
	struct shmchan *rx;

	if (shmchan_attach(&p, c->h.group, slot, c->h.inc[slot], NULL) ||
	    shmchan_open(p, "c", SHMCHAN_RX, &rx, NULL))
		return 1;
	for (unsigned held = 0;;) {
		int err = held ? shmchan_take(rx, &m) : shmchan_recv(rx, &m, 5000000);

		if (err == SHMCHAN_TIMEOUT && atomic_load(&c->drained))
			return 0;
		if (err == 0) {
			// Dying between it and done, it is a letter too: read_letters tells.
			note(c, slot - PRODUCERS - 1, m.sender & 0xfff, m.corr, true);
			held++;
			if (m.corr % 16 == 7) // some deaths come while messages are in flight
				sched_yield();
			if (m.status || m.len != 8 || memcmp(m.data, &(uint64_t){m.corr & 0xffffffffff}, 8) != 0)
				atomic_fetch_add(&c->bad, 1);
		}
		if (held == 3 || (held && err)) {
			while (held) {
				if (shmchan_tally_add(rx, m.sender & 0xfff, 1) || shmchan_done(rx))
					return 2;
				held--;
			}
		}
	}
}

static int live(void *ctx)
{
	struct member *m = ctx;

	return m->slot <= PRODUCERS ? produce(m->c, m->slot) : consume(m->c, m->slot);
}

static pid_t start(struct crowd *c, unsigned slot)
{
	pid_t pid;

	if (slot <= PRODUCERS) { // behind what its last incarnation may have sent
		unsigned inc = c->h.inc[slot];

		c->start[slot][inc] =
			inc > 1 ? c->start[slot][inc - 1] + atomic_load(&c->life[slot][inc - 1].sent) : 0;
	}
	pid = harness_fork(live, &(struct member){c, slot});
	cr_assert_eq(shmchan_broker_spawned(c->h.b, slot, pid), 0);
	return pid;
}

static void create(struct crowd *c, enum shmchan_kind kind)
{
	static const unsigned producers[] = {1, 2, 3, 4}, consumers[] = {5, 6};
	static const char *const names[] = {"p1", "p2", "p3", "p4", "c1", "c2"};
	static const char *const tally[] = {"t0", "t1", "t2", "t3", "t4"};
	struct shmchan_chan_spec chan = {.name = "c",
					 .kind = kind,
					 .capacity = 50,
					 .msg_size = 8,
					 .producers = producers,
					 .producer_cnt = PRODUCERS,
					 .consumers = consumers,
					 .tally = tally,
					 .tally_cnt = 5};
	struct shmchan_group_spec spec = {.services = names,
					  .service_cnt = SLOTS,
					  .chans = &chan,
					  .chan_cnt = 1,
					  .dead_cnt = LETTERS,
					  .dead_bytes = 8};

	c->kind = kind;
	chan.consumer_cnt = c->consumers = kind == SHMCHAN_KIND_MPMC2 ? CONSUMERS : 1;
	harness_name(&c->h);
	spec.name = c->h.group;
	cr_assert_eq(shmchan_broker_create(&c->h.b, &spec, NULL), 0);
	for (unsigned slot = 1; slot <= SLOTS; slot++)
		cr_assert_eq(shmchan_broker_announce(c->h.b, slot, &c->h.inc[slot]), 0);
}

// Letters count as seen, unless their receiver had noted the message before it died.
static uint64_t read_letters(struct crowd *c, const struct shmchan_view *v)
{
	uint32_t kept;
	uint64_t cnt = shmchan_view_dead_cnt(v, &kept), n = 0;

	cr_assert_eq(kept, cnt, "more letters than are kept: make LETTERS larger");
	for (uint64_t no = 1; no <= cnt; no++) {
		struct shmchan_view_dead d;
		uint64_t at;

		cr_assert_eq(shmchan_view_dead(v, no, &d), 0);
		at = c->start[d.sender_slot][d.corr >> 40] + (d.corr & 0xffffffffff);
		if (at < c->room && c->seen[d.sender_slot * c->room + at] == 0)
			note(c, 0, d.sender_slot, d.corr, false);
		n++;
	}
	return n;
}

// One after the other without a hole: of each incarnation all numbers up to the last that arrived.
static void audit(struct crowd *c)
{
	for (unsigned slot = 1; slot <= PRODUCERS; slot++)
		for (unsigned inc = 1; inc < LIVES && inc <= c->h.inc[slot]; inc++) {
			uint64_t sent = atomic_load(&c->life[slot][inc].sent);
			const uint8_t *seen = c->seen + slot * c->room + c->start[slot][inc];
			bool ended = false;

			for (uint64_t n = 0; n < sent; n++) {
				cr_assert_leq(seen[n], 1, "slot %u, incarnation %u: %llu came %u times", slot, inc,
					      (unsigned long long)n, seen[n]);
				cr_assert_not(ended && seen[n], "slot %u, incarnation %u: %llu is lost", slot, inc,
					      (unsigned long long)n - 1);
				ended |= seen[n] == 0;
			}
			// Only the one whose call was cut short may be missing.
			cr_assert(sent < 2 || seen[sent - 2], "slot %u, incarnation %u: %llu is lost", slot, inc,
				  (unsigned long long)sent - 2);
		}
}

static void crowd(enum shmchan_kind kind)
{
	struct crowd *c = harness_shared(sizeof(*c));
	uint64_t target = harness_env("LIST_MESSAGES", 300000), rng = harness_seed();
	struct shmchan_view_chan st = {0};
	unsigned slots, kills = 0;
	struct shmchan_view *v;
	pid_t pid[SLOTS + 1];

	c->room = target + 1000000;
	c->seen = harness_shared((PRODUCERS + 1) * c->room);
	create(c, kind);
	slots = PRODUCERS + c->consumers;
	cr_assert_eq(shmchan_view_open(&v, c->h.group, NULL), 0);
	for (unsigned slot = 1; slot <= slots; slot++)
		pid[slot] = start(c, slot);
	while (st.stat.done < target) {
		unsigned slot = 1 + (unsigned)(harness_random(&rng) % slots);
		struct timespec pace = {.tv_nsec = (long)(harness_random(&rng) % 4000000)};

		nanosleep(&pace, NULL);
		cr_assert_eq(shmchan_view_chan(v, 0, &st), 0);
		if (kills >= LIVES - 16)
			continue;
		harness_kill(pid[slot]);
		harness_bury(&c->h, slot);
		if (kills++ % 16 == 0)
			harness_check(&c->h);
		pid[slot] = start(c, slot);
	}
	atomic_store(&c->stop, true);
	for (unsigned slot = 1; slot <= slots; slot++) {
		int status;

		if (slot > PRODUCERS)
			atomic_store(&c->drained, true);
		cr_assert_eq(waitpid(pid[slot], &status, 0), pid[slot]);
		cr_assert_eq(status, 0, "slot %u", slot);
		harness_bury(&c->h, slot);
	}
	harness_check(&c->h);
	cr_assert_eq(shmchan_view_chan(v, 0, &st), 0);
	cr_assert_eq(st.stat.depth + st.stat.in_flight + st.stat.bad, 0);
	cr_assert_eq(st.stat.enqueued, st.stat.done);
	cr_assert_eq(atomic_load(&c->bad), 0);
	cr_assert_eq(read_letters(c, v), st.stat.dead);
	audit(c);
	cr_log_info("%llu messages, %u kills, %llu dead letters, %llu nodes taken back",
		    (unsigned long long)st.stat.done, kills, (unsigned long long)st.stat.dead,
		    (unsigned long long)st.stat.aborted);
	shmchan_view_close(v);
	harness_end(&c->h);
}

Test(list_crowd, mpsc_list, .timeout = 3600)
{
	crowd(SHMCHAN_KIND_MPSC_LIST);
}

Test(list_crowd, mpmc2, .timeout = 3600)
{
	crowd(SHMCHAN_KIND_MPMC2);
}
