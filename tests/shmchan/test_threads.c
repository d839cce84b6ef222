// Both ends of a channel as threads of one process: what ThreadSanitizer can judge. It goes by addresses, so that all ends
// are made to use one mapping; what the order of publication protects is then in its sight, header, payload and blocks.
// Not a Criterion program: Criterion's processes and the sanitizer want the same addresses.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/inline.h"
#include "shmchan/list_chan.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/proc.h"

#define MESSAGES 20000u
#define SLOTS 4
#define CHANS 2

static const unsigned producers[] = {1, 2}, consumers[] = {3, 4}, all[] = {1, 2, 3, 4};

struct race {
	enum shmchan_kind kind;
	uint32_t cap;
	const char *name;
	unsigned producers, consumers;
	bool refs;     // each message is a block
	bool selected; // a channel for each producer, and a consumer that waits for any of them
	// Messages with a correlation id and sometimes a block; or with nothing but their content, which go the short way, in the
	// library or inlined.
	enum { FULLY, PLAINLY, INLINED } way;
};

// Relaxed all, so that they order nothing between the threads.
struct tally {
	_Atomic uint32_t received;
	_Atomic unsigned char seen[2][MESSAGES];
};

struct end {
	const struct race *race;
	struct shmchan_proc *proc;
	struct shmchan *ch[CHANS]; // the second: of a consumer that selects
	struct shmchan_pool *pool;
	struct tally *tally;
	unsigned bad;
};

// Written in place or copied, by turns.
static int send_inlined(struct end *e, uint32_t n, const void *text, uint32_t len)
{
	struct shmchan_msg m = {.data = text, .len = len, .type = 1};
	void *room;
	int err;

	if (n % 2) {
		err = shmchan_inline_try_send(e->ch[0], 1, text, len);
	} else {
		err = shmchan_inline_reserve(e->ch[0], &room);
		if (!err) {
			memcpy(room, text, len);
			err = shmchan_inline_commit(e->ch[0], 1, len);
		}
	}
	return err == SHMCHAN_FULL ? shmchan_send(e->ch[0], &m, SHMCHAN_FOREVER) : err;
}

static void *send_plainly(struct end *e)
{
	for (uint32_t n = 0; n < MESSAGES; n++) {
		uint32_t text[4] = {n, n + 1, n + 2, n + 3};
		struct shmchan_msg m = {.data = text, .len = sizeof(text), .type = 1};

		if (e->race->way == INLINED)
			e->bad += send_inlined(e, n, text, sizeof(text)) != 0;
		else
			e->bad += shmchan_send(e->ch[0], &m, SHMCHAN_FOREVER) != 0;
	}
	return NULL;
}

static void *send_all(void *arg)
{
	struct end *e = arg;

	if (e->race->way != FULLY)
		return send_plainly(e);
	for (uint32_t n = 0; n < MESSAGES; n++) {
		uint32_t text[4] = {n, n + 1, n + 2, n + 3};
		struct shmchan_msg m = {.data = text, .len = e->race->refs ? 0 : sizeof(text), .corr = n};
		uint32_t *data;

		if (e->race->refs || n % 3 == 0)
			while (shmchan_block_alloc(e->pool, &m.block) && e->race->refs)
				sched_yield();
		if (m.block) {
			data = shmchan_block_data(e->pool, m.block);
			data[0] = data[20] = n;
		}
		e->bad += shmchan_send(e->ch[0], &m, SHMCHAN_FOREVER) != 0;
	}
	return NULL;
}

static void look_at(struct end *e, const struct shmchan_msg *m, uint64_t next[3])
{
	unsigned slot = shmchan_owner_slot(m->sender);
	uint32_t text[4] = {0}, *data;
	uint64_t n;

	if (m->len == sizeof(text))
		memcpy(text, m->data, sizeof(text));
	n = e->race->way == FULLY ? m->corr : text[0];
	if (slot < 1 || slot > 2 || m->status || n >= MESSAGES) {
		e->bad++;
		return;
	}
	// One of two consumers sees each producer's in order, though not all.
	e->bad += e->race->consumers > 1 ? n < next[slot] : n != next[slot];
	next[slot] = n + 1;
	e->bad += atomic_fetch_add_explicit(&e->tally->seen[slot - 1][n], 1, memory_order_relaxed) != 0;
	e->bad += m->len != (e->race->refs ? 0 : sizeof(text)) || (e->race->refs && !m->block);
	e->bad += m->len == sizeof(text) && (text[0] != n || text[3] != n + 3);
	if (m->block) {
		data = shmchan_block_data(e->pool, m->block);
		e->bad += data[0] != n || data[20] != n;
		e->bad += shmchan_block_free(e->pool, m->block) != 0;
	}
}

// Index of the channel it came from, or an error.
static int receive(struct end *e, struct shmchan_sel sel[CHANS], struct shmchan_msg *m)
{
	if (e->race->way == INLINED && shmchan_inline_take(e->ch[0], m) == 0)
		return 0;
	if (e->race->selected)
		return shmchan_recv_any(e->proc, sel, CHANS, m, SHMCHAN_FOREVER);
	// With one consumer, nobody else gets the last message.
	return shmchan_recv(e->ch[0], m, e->race->consumers > 1 ? 1000000 : SHMCHAN_FOREVER);
}

static void *receive_all(void *arg)
{
	struct end *e = arg;
	struct shmchan_sel sel[CHANS] = {{.ch = e->ch[0]}, {.ch = e->ch[1]}};
	uint64_t next[3] = {0};
	uint32_t cnt = MESSAGES * e->race->producers;

	while (atomic_load_explicit(&e->tally->received, memory_order_relaxed) < cnt) {
		struct shmchan_msg m;
		int from = receive(e, sel, &m);

		if (from == SHMCHAN_TIMEOUT)
			continue;
		if (from < 0) {
			e->bad++;
			break;
		}
		look_at(e, &m, next);
		e->bad += (e->race->way == INLINED ? shmchan_inline_done(e->ch[from]) : shmchan_done(e->ch[from])) != 0;
		atomic_fetch_add_explicit(&e->tally->received, 1, memory_order_relaxed);
	}
	return NULL;
}

static void report(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	fprintf(stderr, "check: %s: %s\n", object, text);
}

static bool used(const struct race *race, unsigned slot)
{
	return slot <= 2 ? slot <= race->producers : slot - 2 <= race->consumers;
}

static const char *const names[CHANS] = {"c", "c2"};

static bool open_ends(struct end *e, unsigned slot)
{
	unsigned first = e->race->selected && slot == 2, cnt = e->race->selected && slot > 2 ? CHANS : 1;

	for (unsigned i = 0; i < cnt; i++)
		if (shmchan_open(e->proc, names[first + i], slot > 2 ? SHMCHAN_RX : SHMCHAN_TX, &e->ch[i], NULL))
			return false;
	return true;
}

// The pool first: a list of blocks then reads the links where the pool's handle has them.
static bool enter(const char *group, struct shmchan_broker *b, struct end *e, unsigned slot)
{
	unsigned inc;

	return shmchan_broker_announce(b, slot, &inc) == 0 &&
	       shmchan_attach(&e->proc, group, slot, inc, NULL) == 0 &&
	       shmchan_pool_open(e->proc, "p", &e->pool, NULL) == 0 && open_ends(e, slot);
}

// From here on `ch` works in the mapping of `with`.
static bool join(struct shmchan *ch, const struct shmchan *with)
{
	if (ch->l)
		shmchan_list_end_close(ch);
	if (ch->chain)
		shmchan_chain_end_close(ch);
	ch->r = with->r;
	return shmchan_join(ch) == 0;
}

// All use what the first that has a channel, or the pool, has mapped.
static bool share(struct end e[SLOTS])
{
	bool ok = true;

	for (unsigned i = 1; i < SLOTS; i++) {
		if (!e[i].proc)
			continue;
		e[i].pool->ref = e[0].pool->ref;
		for (unsigned k = 0; k < CHANS; k++)
			for (unsigned f = 0; e[i].ch[k] && f < i; f++)
				if (e[f].proc && e[f].ch[0]->r.id == e[i].ch[k]->r.id) {
					ok &= join(e[i].ch[k], e[f].ch[0]);
					break;
				}
	}
	return ok;
}

static uint64_t done_of(const struct end *e)
{
	struct shmchan_stat st;
	uint64_t done = 0;

	for (unsigned k = 0; k < CHANS && e->ch[k]; k++) {
		shmchan_stat(e->ch[k], &st);
		done += st.bad ? 0 : st.done;
	}
	return done;
}

static bool run(struct end e[SLOTS], struct shmchan_broker *b, const struct race *race)
{
	pthread_t t[SLOTS];
	unsigned bad = 0;

	if (!share(e))
		return false;
	for (unsigned i = 0; i < SLOTS; i++)
		if (e[i].proc && pthread_create(&t[i], NULL, i < 2 ? send_all : receive_all, &e[i]))
			_exit(1);
	for (unsigned i = 0; i < SLOTS; i++)
		if (e[i].proc)
			pthread_join(t[i], NULL);
	for (unsigned i = 0; i < SLOTS; i++)
		bad += e[i].bad;
	return bad == 0 && done_of(&e[2]) == MESSAGES * race->producers && shmchan_broker_check(b, report, NULL) == 0;
}

static bool create(struct shmchan_broker **b, const char *name, const struct race *race)
{
	static const char *const services[] = {"a", "b", "c", "d"};
	struct shmchan_chan_spec specs[CHANS];
	// As many as give each process a magazine; where blocks are not all of the traffic, so few that they run out.
	struct shmchan_pool_spec pool = {.name = "p",
					 .block_size = 100,
					 .block_cnt = race->refs ? 64 : 4,
					 .users = all,
					 .user_cnt = SLOTS};
	struct shmchan_group_spec group = {.name = name,
					   .services = services,
					   .service_cnt = SLOTS,
					   .chans = specs,
					   .chan_cnt = race->selected ? CHANS : 1,
					   .pools = &pool,
					   .pool_cnt = 1};

	for (unsigned i = 0; i < CHANS; i++)
		specs[i] = (struct shmchan_chan_spec){.name = names[i],
						      .kind = race->kind,
						      .capacity = race->cap,
						      .msg_size = race->refs ? 0 : 16,
						      .producers = &producers[i],
						      .producer_cnt = race->selected ? 1 : race->producers,
						      .consumers = consumers,
						      .consumer_cnt = race->consumers};
	return shmchan_broker_create(b, &group, NULL) == 0;
}

static bool race(const struct race *race)
{
	struct end e[SLOTS] = {0};
	struct shmchan_broker *b;
	struct tally *tally = calloc(1, sizeof(*tally));
	bool ok = true;
	char name[32];

	snprintf(name, sizeof(name), "t%d-threads", (int)getpid());
	if (!tally || !create(&b, name, race)) {
		free(tally);
		return false;
	}
	for (unsigned slot = 1; slot <= SLOTS && ok; slot++) {
		e[slot - 1].race = race;
		e[slot - 1].tally = tally;
		ok = !used(race, slot) || enter(name, b, &e[slot - 1], slot);
	}
	ok = ok && run(e, b, race);
	// The first last: its mapping is that of all.
	for (unsigned i = SLOTS; i > 0; i--)
		shmchan_detach(e[i - 1].proc);
	shmchan_broker_destroy(b);
	free(tally);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct race races[] = {
		{SHMCHAN_KIND_SLOT, 1, "slot", 1, 1, false, false, FULLY},
		{SHMCHAN_KIND_SLOT_REF, 1, "slot-ref", 1, 1, true, false, FULLY},
		{SHMCHAN_KIND_SPSC, 1, "spsc of 1", 1, 1, false, false, FULLY},
		{SHMCHAN_KIND_SPSC, 50, "spsc of 50", 1, 1, false, false, FULLY},
		{SHMCHAN_KIND_MPSC, 1, "mpsc of 1", 2, 1, false, false, FULLY},
		{SHMCHAN_KIND_MPSC, 50, "mpsc of 50", 2, 1, false, false, FULLY},
		{SHMCHAN_KIND_MPSC_LIST, 1, "mpsc-list of 1", 2, 1, false, false, FULLY},
		{SHMCHAN_KIND_MPSC_LIST, 50, "mpsc-list of 50", 2, 1, false, false, FULLY},
		{SHMCHAN_KIND_MPSC_INTRUSIVE, 1, "mpsc-intrusive of 1", 2, 1, true, false, FULLY},
		{SHMCHAN_KIND_MPSC_INTRUSIVE, 50, "mpsc-intrusive of 50", 2, 1, true, false, FULLY},
		{SHMCHAN_KIND_MPMC2, 1, "mpmc2 of 1", 2, 2, false, false, FULLY},
		{SHMCHAN_KIND_MPMC2, 50, "mpmc2 of 50", 2, 2, false, false, FULLY},
		{SHMCHAN_KIND_SPSC, 7, "two spsc, selected", 2, 1, false, true, FULLY},
		{SHMCHAN_KIND_MPSC_LIST, 7, "two mpsc-list, selected", 2, 1, false, true, FULLY},
		{SHMCHAN_KIND_MPSC_INTRUSIVE, 7, "two mpsc-intrusive, selected", 2, 1, true, true, FULLY},
		{SHMCHAN_KIND_MPMC2, 7, "two mpmc2, selected", 2, 1, false, true, FULLY},
		{SHMCHAN_KIND_SPSC, 50, "spsc of 50, plain", 1, 1, false, false, PLAINLY},
		{SHMCHAN_KIND_MPSC, 50, "mpsc of 50, plain", 2, 1, false, false, PLAINLY},
		{SHMCHAN_KIND_SPSC, 1, "spsc of 1, inlined", 1, 1, false, false, INLINED},
		{SHMCHAN_KIND_SPSC, 50, "spsc of 50, inlined", 1, 1, false, false, INLINED},
		{SHMCHAN_KIND_SPSC, 1000, "spsc of 1000, inlined", 1, 1, false, false, INLINED},
		{SHMCHAN_KIND_MPSC, 50, "mpsc of 50, inlined", 2, 1, false, false, INLINED}};
	const unsigned cnt = sizeof(races) / sizeof(races[0]);
	unsigned failed = 0;
	FILE *tap = stdout;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--tap=", 6) == 0)
			tap = fopen(argv[i] + 6, "w");
	if (!tap)
		return 1;
	for (unsigned i = 0; i < cnt; i++) {
		bool ok = race(&races[i]);

		failed += !ok;
		fprintf(tap, "%sok %u - threads at both ends of %s\n", ok ? "" : "not ", i + 1,
			races[i].name);
		fflush(tap);
	}
	fprintf(tap, "1..%u\n", cnt);
	return failed != 0;
}
