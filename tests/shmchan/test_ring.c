// The ring itself, and crowds: many processes at both ends of rings, killed at random, repaired by a broker.
// CROWD_MESSAGES=N for the long form (default 10^6 in all).
#include "tests/shmchan/harness.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include "shmchan/ring.h"

_Static_assert(SHMCHAN_DATA_AT_ONE == 8 && SHMCHAN_DATA_AT_MANY == 16 &&
		       offsetof(struct shmchan_cell, word) == 0 && offsetof(struct shmchan_cell, desc) == 8,
	       "cells of layout 1");
_Static_assert(sizeof(struct shmchan_ext) == 32 && offsetof(struct shmchan_ext, corr) == 0 &&
		       offsetof(struct shmchan_ext, desc) == 8 && offsetof(struct shmchan_ext, block) == 16 &&
		       offsetof(struct shmchan_ext, sender) == 20 && offsetof(struct shmchan_ext, reply) == 24 &&
		       offsetof(struct shmchan_ext, deliveries) == 26,
	       "extensions of layout 1");
_Static_assert(offsetof(struct shmchan_ring, kind) == 128 &&
		       offsetof(struct shmchan_ring, sample) == 156 &&
		       offsetof(struct shmchan_ring, alert_depth) == 164 &&
		       offsetof(struct shmchan_ring, sampler) == 168 && offsetof(struct shmchan_ring, tail) == 256 &&
		       offsetof(struct shmchan_ring, tx_wait) == 384 &&
		       offsetof(struct shmchan_ring, taken) == 512 &&
		       offsetof(struct shmchan_ring, done) == 520 &&
		       offsetof(struct shmchan_ring, head) == 640 &&
		       offsetof(struct shmchan_ring, notice_cnt) == 768 &&
		       offsetof(struct shmchan_ring, tally) == 896 && sizeof(struct shmchan_ring) == 1408,
	       "rings of layout 1");

static const struct shmchan_ring_params good = {
	.kind = SHMCHAN_KIND_SPSC, .cap = 3, .msg_size = 10, .on_crash = SHMCHAN_DEAD_LETTER, .consumer = 1};

Test(ring, footprint_refuses_what_is_out_of_bounds)
{
	struct shmchan_ring_params bad[] = {good, good, good, good, good, good, good, good, good, good, good};

	bad[0].kind = (enum shmchan_kind)0;
	bad[1].kind = (enum shmchan_kind)8;
	bad[2].cap = 0;
	bad[3].cap = SHMCHAN_CAPACITY_MAX + 1;
	bad[4].msg_size = SHMCHAN_MSG_MAX + 1;
	bad[5].on_crash = (enum shmchan_on_crash)3;
	bad[6].on_crash = SHMCHAN_REDELIVER;
	bad[7].on_crash = SHMCHAN_REDELIVER;
	bad[7].max_deliveries = 256;
	bad[8].tally_cnt = SHMCHAN_TALLY_MAX + 1;
	bad[9].consumer = SHMCHAN_SLOT_MAX;
	bad[10].kind = SHMCHAN_KIND_SLOT; // of three cells
	for (unsigned i = 0; i < 11; i++)
		cr_assert_eq(shmchan_ring_footprint(&bad[i]), 0, "%u", i);
	cr_assert_eq(shmchan_ring_footprint(&good), sizeof(struct shmchan_ring) + 256);
}

Test(ring, join_refuses_a_damaged_header)
{
	static _Alignas(128) char mem[8192];
	struct shmchan_ring *ring = (void *)mem;
	size_t size = shmchan_ring_footprint(&good);
	struct shmchan_ring_ref r;
	struct shmchan_why why;

	shmchan_ring_new(mem, "g", 1, "ring", 3, &good);
	cr_assert_eq(shmchan_ring_join(&r, mem, size, &why), 0);
	cr_assert_eq(shmchan_ring_join(&r, mem, size - 1, &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_ring_join(&r, mem, sizeof(struct shmchan_obj), &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_ring_join(&r, mem, 8, &why), SHMCHAN_ETRUNC);
	ring->cap = 0;
	cr_assert_eq(shmchan_ring_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	ring->cap = 1000000;
	cr_assert_eq(shmchan_ring_join(&r, mem, size, &why), SHMCHAN_ETRUNC);
	ring->cap = good.cap;
	// An object that says it is smaller than its parameters need.
	ring->obj.size = sizeof(*ring);
	cr_assert_eq(shmchan_ring_join(&r, mem, sizeof(*ring), &why), SHMCHAN_ETRUNC);
	ring->obj.size = size;
	ring->obj.kind = SHMCHAN_OBJ_POOL;
	cr_assert_eq(shmchan_ring_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	ring->obj.kind = SHMCHAN_OBJ_RING;
	memset(ring->obj.name, 'n', sizeof(ring->obj.name));
	cr_assert_eq(shmchan_ring_join(&r, mem, size, &why), 0);
	cr_assert_eq(strlen(r.name), SHMCHAN_NAME_MAX - 1);
}

static unsigned damages(const struct shmchan_ring_ref *r)
{
	struct shmchan_reporter to = {0};

	shmchan_ring_check(r, &to);
	return to.cnt;
}

Test(ring, check_reports_each_damage)
{
	static _Alignas(128) char mem[8192];
	struct shmchan_ring *ring = (void *)mem;
	struct shmchan_ring_params many = good;
	struct shmchan_ring_ref r;

	many.kind = SHMCHAN_KIND_MPSC;
	shmchan_ring_new(mem, "g", 1, "ring", 3, &good);
	cr_assert_eq(shmchan_ring_join(&r, mem, sizeof(mem), NULL), 0);
	cr_assert_eq(damages(&r), 0);
	atomic_store(&ring->taken, 4);
	cr_assert_eq(damages(&r), 1, "more in flight than there are cells");
	atomic_store(&ring->taken, 1);
	cr_assert_eq(damages(&r), 1, "taken, but never published");
	atomic_store(&ring->taken, 0);
	atomic_store(&ring->head, 1);
	cr_assert_eq(damages(&r), 1, "free, but not done");
	atomic_store(&ring->head, 0);
	atomic_store(&shmchan_ring_cell(&r, 0)->word, shmchan_seq(0) | shmchan_desc(0, good.msg_size + 1));
	cr_assert_eq(damages(&r), 1, "longer than its cell");
	memset(mem, 0, sizeof(mem));
	shmchan_ring_new(mem, "g", 1, "ring", 3, &many);
	cr_assert_eq(shmchan_ring_join(&r, mem, sizeof(mem), NULL), 0);
	cr_assert_eq(damages(&r), 0);
	atomic_store(&shmchan_ring_cell(&r, 1)->word, shmchan_cell_word(0, SHMCHAN_CELL_FULL, 1));
	cr_assert_eq(damages(&r), 1, "behind a free cell");
}

// ------------------------------------------------------------------------------------------------ the crowd

#define PRODUCERS 4
#define LINE 5 // slot of the producer of "line"
#define CONSUMER 6
#define SLOTS 6
#define LETTERS 8192

struct entry { // of one position, as its receiver saw it
	_Atomic uint32_t times;
	uint32_t sender;
	uint64_t corr;
};

struct crowd {
	struct harness h;
	uint64_t in_target, line_target, room;
	_Atomic bool enough, stop, drained;
	_Atomic uint64_t bad;
	struct entry *in, *line; // by position
};

// Gives the processor away between claim and publication: others run on meanwhile, and some kills come just then.
static int send_slowly(struct shmchan_proc *p, struct shmchan *tx, const struct shmchan_msg *m)
{
	struct shmchan_sel sel = {.ch = tx};
	void *data;

	if (shmchan_reserve(tx, &data)) {
		int found = shmchan_select(p, &sel, 1, 1000000);

		return found > 0 ? SHMCHAN_TIMEOUT : found;
	}
	memcpy(data, m->data, m->len);
	sched_yield();
	return shmchan_commit(tx, m);
}

static int produce(struct crowd *c, unsigned slot, const char *name, bool count_on)
{
	struct shmchan_proc *p;
	struct shmchan *tx;
	struct shmchan_stat st;
	uint64_t n = 0, until = UINT64_MAX;

	if (shmchan_attach(&p, c->h.group, slot, c->h.inc[slot], NULL) ||
	    shmchan_open(p, name, SHMCHAN_TX, &tx, NULL))
		return 1;
	if (count_on) {
		// What was sent is known from the channel alone.
		shmchan_stat(tx, &st);
		n = st.enqueued;
		until = c->line_target;
	}
	while (n < until && !(until == UINT64_MAX && atomic_load(&c->stop))) {
		struct shmchan_msg m = {.data = &n, .len = sizeof(n), .corr = n};
		int err;

		// The other channel takes longer; what is logged by position has an end.
		if (until == UINT64_MAX && atomic_load(&c->enough)) {
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
			continue;
		}
		err = n % 64 ? shmchan_send(tx, &m, 1000000) : send_slowly(p, tx, &m);

		if (err && err != SHMCHAN_TIMEOUT)
			return 2;
		n += err == 0;
	}
	return 0;
}

static void note(struct crowd *c, struct entry *log, const struct shmchan_msg *m)
{
	uint64_t n;

	if (m->pos >= c->room || m->len != sizeof(n) || m->status) {
		atomic_fetch_add(&c->bad, 1);
		return;
	}
	memcpy(&n, m->data, sizeof(n));
	if (n != m->corr)
		atomic_fetch_add(&c->bad, 1);
	log[m->pos].sender = m->sender;
	log[m->pos].corr = m->corr;
	atomic_fetch_add(&log[m->pos].times, 1);
}

static int consume(struct crowd *c)
{
	struct shmchan_sel sel[2];
	struct shmchan_proc *p;
	struct shmchan_msg m;

	if (shmchan_attach(&p, c->h.group, CONSUMER, c->h.inc[CONSUMER], NULL) ||
	    shmchan_open(p, "in", SHMCHAN_RX, &sel[0].ch, NULL) ||
	    shmchan_open(p, "line", SHMCHAN_RX, &sel[1].ch, NULL))
		return 1;
	for (;;) {
		int found = shmchan_select(p, sel, 2, 5000000);

		if (found == SHMCHAN_TIMEOUT && atomic_load(&c->drained))
			return 0;
		for (unsigned i = 0; found > 0 && i < 2; i++) {
			unsigned held = 0;

			while (held < 3 && shmchan_take(sel[i].ch, &m) == 0) {
				note(c, i ? c->line : c->in, &m);
				held++;
			}
			while (held--)
				if (shmchan_done(sel[i].ch))
					return 2;
		}
	}
}

struct member {
	struct crowd *c;
	unsigned slot;
};

static int live(void *ctx)
{
	struct member *m = ctx;

	if (m->slot == CONSUMER)
		return consume(m->c);
	return produce(m->c, m->slot, m->slot == LINE ? "line" : "in", m->slot == LINE);
}

static pid_t start(struct crowd *c, unsigned slot)
{
	pid_t pid = harness_fork(live, &(struct member){c, slot});

	cr_assert_eq(shmchan_broker_spawned(c->h.b, slot, pid), 0);
	return pid;
}

static void crowd_create(struct crowd *c)
{
	static const unsigned many[] = {1, 2, 3, 4}, one[] = {LINE}, consumer[] = {CONSUMER};
	static const char *const names[] = {"p1", "p2", "p3", "p4", "line", "consumer"};
	static const struct shmchan_chan_spec chans[] = {{.name = "in",
							  .kind = SHMCHAN_KIND_MPSC,
							  .capacity = 100,
							  .msg_size = 8,
							  .producers = many,
							  .producer_cnt = PRODUCERS,
							  .consumers = consumer,
							  .consumer_cnt = 1},
							 {.name = "line",
							  .kind = SHMCHAN_KIND_SPSC,
							  .capacity = 33,
							  .msg_size = 8,
							  .producers = one,
							  .producer_cnt = 1,
							  .consumers = consumer,
							  .consumer_cnt = 1}};
	struct shmchan_group_spec spec = {.services = names,
					  .service_cnt = SLOTS,
					  .chans = chans,
					  .chan_cnt = 2,
					  .dead_cnt = LETTERS,
					  .dead_bytes = 8};
	uint64_t messages = harness_env("CROWD_MESSAGES", 1000000);

	c->in_target = messages / 5 * 4;
	c->line_target = messages - c->in_target;
	// Positions go on while the crowd is being stopped, and cancelled cells count too.
	c->room = c->in_target + messages / 2 + 1000000;
	c->in = harness_shared(c->room * sizeof(*c->in));
	c->line = harness_shared(c->room * sizeof(*c->line));
	harness_name(&c->h);
	spec.name = c->h.group;
	cr_assert_eq(shmchan_broker_create(&c->h.b, &spec, NULL), 0);
	for (unsigned slot = 1; slot <= SLOTS; slot++)
		cr_assert_eq(shmchan_broker_announce(c->h.b, slot, &c->h.inc[slot]), 0);
}

// Adds what died with its receiver, then walks the positions: each producer's numbers are 0, 1, 2, ... per incarnation.
static uint64_t audit(struct crowd *c, const struct shmchan_view *v, const char *name, struct entry *log,
		      const struct shmchan_stat *st, bool by_incarnation)
{
	static uint64_t next[SLOTS + 1];
	static uint32_t inc[SLOTS + 1];
	uint64_t cnt, seen = 0, total = st->done + st->aborted;
	uint32_t kept;

	memset(next, 0, sizeof(next));
	memset(inc, 0, sizeof(inc));
	cnt = shmchan_view_dead_cnt(v, &kept);
	cr_assert_eq(kept, cnt, "more letters than are kept: make LETTERS larger");
	for (uint64_t no = 1; no <= cnt; no++) {
		struct shmchan_view_dead d;

		cr_assert_eq(shmchan_view_dead(v, no, &d), 0);
		if (strcmp(d.channel, name) != 0)
			continue;
		cr_assert_lt(d.pos, c->room);
		if (log[d.pos].times) {
			cr_assert_eq(log[d.pos].corr, d.corr, "the letter is about what was taken");
			continue;
		}
		log[d.pos] = (struct entry){1, d.sender_incarnation << 12 | d.sender_slot, d.corr};
	}
	for (uint64_t pos = 0; pos < total; pos++) {
		unsigned slot = log[pos].sender & 0xfff;

		if (!log[pos].times)
			continue;
		cr_assert_eq(log[pos].times, 1, "%s: position %llu was taken twice", name,
			     (unsigned long long)pos);
		cr_assert_leq(slot, SLOTS);
		if (by_incarnation && inc[slot] != log[pos].sender >> 12) {
			cr_assert_lt(inc[slot], log[pos].sender >> 12);
			inc[slot] = log[pos].sender >> 12;
			next[slot] = 0;
		}
		cr_assert_eq(log[pos].corr, next[slot], "%s: position %llu: slot %u sent %llu, after %llu",
			     name, (unsigned long long)pos, slot, (unsigned long long)log[pos].corr,
			     (unsigned long long)next[slot]);
		next[slot]++;
		seen++;
	}
	return seen;
}

Test(ring, crowd, .timeout = 3600)
{
	struct crowd *c = harness_shared(sizeof(*c));
	struct shmchan_view_chan in = {0}, line = {0};
	pid_t pid[SLOTS + 1];
	unsigned kills = 0;
	struct shmchan_view *v;
	uint64_t rng = harness_seed();

	crowd_create(c);
	cr_assert_eq(shmchan_view_open(&v, c->h.group, NULL), 0);
	for (unsigned slot = 1; slot <= SLOTS; slot++)
		pid[slot] = start(c, slot);
	while (in.stat.enqueued < c->in_target || line.stat.enqueued < c->line_target) {
		unsigned slot = 1 + (unsigned)(harness_random(&rng) % SLOTS);
		struct timespec pace = {.tv_nsec = (long)(harness_random(&rng) % 4000000)};

		nanosleep(&pace, NULL);
		cr_assert_eq(shmchan_view_chan(v, 0, &in), 0);
		cr_assert_eq(shmchan_view_chan(v, 1, &line), 0);
		atomic_store(&c->enough, in.stat.enqueued >= c->in_target);
		// A producer that has sent its all has ended.
		if ((slot == LINE && line.stat.enqueued >= c->line_target) || kills >= LETTERS / 6)
			continue;
		harness_kill(pid[slot]);
		harness_bury(&c->h, slot);
		if (kills++ % 16 == 0)
			harness_check(&c->h);
		pid[slot] = start(c, slot);
	}
	atomic_store(&c->stop, true);
	for (unsigned slot = 1; slot <= SLOTS; slot++) {
		int status;

		// The consumer last: it ends when nothing comes any more.
		if (slot == CONSUMER)
			atomic_store(&c->drained, true);
		cr_assert_eq(waitpid(pid[slot], &status, 0), pid[slot]);
		cr_assert_eq(status, 0, "slot %u", slot);
		harness_bury(&c->h, slot);
	}
	harness_check(&c->h);
	cr_assert_eq(shmchan_view_chan(v, 0, &in), 0);
	cr_assert_eq(shmchan_view_chan(v, 1, &line), 0);
	cr_assert_eq(atomic_load(&c->bad), 0);
	cr_assert_eq(in.stat.bad + line.stat.bad, 0);
	cr_assert_eq(in.stat.depth + line.stat.depth + in.stat.in_flight + line.stat.in_flight, 0);
	cr_assert_eq(in.stat.enqueued, in.stat.done);
	cr_assert_eq(line.stat.enqueued, c->line_target);
	cr_assert_eq(audit(c, v, "in", c->in, &in.stat, true), in.stat.enqueued);
	cr_assert_eq(audit(c, v, "line", c->line, &line.stat, false), line.stat.enqueued);
	cr_log_info("%llu messages, %u kills, %llu dead letters, %llu cells taken back",
		    (unsigned long long)(in.stat.done + line.stat.done), kills,
		    (unsigned long long)(in.stat.dead + line.stat.dead), (unsigned long long)in.stat.aborted);
	shmchan_view_close(v);
	harness_end(&c->h);
}
