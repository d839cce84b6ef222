// A peer gone mad: the input is a program of calls of libshmchan by three services and a broker, and of writes to
// the group's segments by somebody else. Whatever is written, no call may touch memory outside the segments, loop
// without end or crash. Segments are mapped between guard pages (guard.c).
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/broker_priv.h"
#include "shmchan/inline.h"
#include "shmchan/view.h"
#include "tests/fuzz/fuzz_segment.h"

#define CHANS 9
#define POOLS 2
#define SLOTS 3
#define SEGS (1 + CHANS + POOLS + 1)

struct end {
	struct shmchan_proc *proc;
	struct shmchan *tx[CHANS], *rx[CHANS];
	struct shmchan_pool *pool[POOLS];
	shmchan_block block; // the last one it had to do with
};

struct world {
	char group[SHMCHAN_NAME_MAX];
	struct shmchan_broker *b;
	struct shmchan_seg seg[SEGS]; // the mad one's own mappings
	unsigned inc[SLOTS + 1];
	struct end end[SLOTS + 1];
	const uint8_t *in, *in_end;
};

static const unsigned s1[] = {1}, s2[] = {2}, s13[] = {1, 3}, s23[] = {2, 3}, all[] = {1, 2, 3};
static const char *const tally[] = {"x", "y"};
static const char *const services[] = {"s1", "s2", "s3"};
static const struct shmchan_chan_spec chans[CHANS] = {
	{"spsc", SHMCHAN_KIND_SPSC, 3, 24, s1, 1, s2, 1, SHMCHAN_DEAD_LETTER, 0, tally, 2, 0},
	{"mpsc", SHMCHAN_KIND_MPSC, 5, 16, s13, 2, s2, 1, SHMCHAN_REDELIVER, 3, NULL, 0, 0},
	{"slot", SHMCHAN_KIND_SLOT, 1, 8, s2, 1, s1, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
	{"ref", SHMCHAN_KIND_SLOT_REF, 1, 0, s2, 1, s1, 1, SHMCHAN_DROP, 0, NULL, 0, 0},
	{"back", SHMCHAN_KIND_MPSC, 2, 40, s2, 1, s1, 1, SHMCHAN_DROP, 0, tally, 2, 0},
	{"big", SHMCHAN_KIND_SPSC, 2, 4000, s1, 1, s2, 1, SHMCHAN_REDELIVER, 2, NULL, 0, 0},
	{"list", SHMCHAN_KIND_MPSC_LIST, 3, 24, s13, 2, s2, 1, SHMCHAN_REDELIVER, 3, tally, 2, 0},
	{"chain", SHMCHAN_KIND_MPSC_INTRUSIVE, 5, 24, s13, 2, s2, 1, SHMCHAN_REDELIVER, 3, tally, 2, 0},
	{"many", SHMCHAN_KIND_MPMC2, 16, 16, s1, 1, s23, 2, SHMCHAN_DEAD_LETTER, 0, tally, 2, 0},
};
static const struct shmchan_pool_class sizes[] = {{200, 3}, {5000, 2}};
static const struct shmchan_pool_spec pools[POOLS] = {
	{.name = "pool", .block_size = 100, .block_cnt = 4, .users = all, .user_cnt = 3},
	{.name = "pages", .classes = sizes, .class_cnt = 2, .users = all, .user_cnt = 3}};
static const char *const objects[SEGS] = {NULL,   "spsc", "mpsc", "slot",  "ref",
					  "back", "big",  "list", "chain", "many", "pool", "pages", "dead"};

static uint8_t byte(struct world *w)
{
	return w->in < w->in_end ? *w->in++ : 0;
}

static uint64_t number(struct world *w, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | byte(w);
	return n;
}

// Values that stand at the edge of something.
static uint64_t edge(struct world *w)
{
	static const uint64_t edges[] = {0,
					 1,
					 2,
					 3,
					 4,
					 5,
					 0x7f,
					 0xff,
					 0x100,
					 0xfff,
					 0x1000,
					 0xffff,
					 0xffffff,
					 0x1000000,
					 0x1ffffffff,
					 0x7fffffff,
					 0x80000000,
					 0xffffffff,
					 UINT64_MAX,
					 INT64_MAX,
					 (uint64_t)INT64_MIN,
					 UINT64_MAX - 1,
					 UINT64_MAX - 5,
					 (uint64_t)1 << 61,
					 (uint64_t)3 << 61 | (uint64_t)2 << 32,
					 (uint64_t)3 << 61 | (uint64_t)0xffff << 32,
					 0xfffffffe};

	return edges[byte(w) % (sizeof(edges) / sizeof(edges[0]))];
}

static void patch(struct world *w, const struct shmchan_seg *seg)
{
	static const uint8_t widths[] = {1, 2, 4, 8, 8, 8, 4, 4};
	uint8_t how = byte(w);
	unsigned width = widths[how & 7];
	size_t at = number(w, 2) * ((how & 0x40) ? 1 : 8) % seg->size;
	uint64_t old = 0, value;

	if (how & 0x80) // a run of the same byte: names without an end, and worse
		width = (unsigned)(how & 0x3f) * 8;
	if (at + width > seg->size)
		at = width < seg->size ? seg->size - width : 0;
	if (at + width > seg->size)
		return;
	if (how & 0x80) {
		memset((char *)seg->base + at, byte(w) | 1, width);
		return;
	}
	memcpy(&old, (char *)seg->base + at, width);
	value = (how & 0x30) == 0x10   ? old + byte(w) - 128
		: (how & 0x30) == 0x20 ? number(w, width)
		: (how & 0x30) == 0x30 ? old ^ (uint64_t)1 << (byte(w) & 63)
				       : edge(w);
	memcpy((char *)seg->base + at, &value, width);
}

static void use(const void *p, size_t n)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum ^= ((const uint8_t *)p)[i];
	__asm__ volatile("" : : "r"(sum)); // the bytes must be read
}

static void report(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	use(object, strlen(object));
	use(text, strlen(text));
}

static void attach(struct world *w, unsigned slot)
{
	struct end *e = &w->end[slot];

	if (e->proc || shmchan_attach(&e->proc, w->group, slot, w->inc[slot], NULL))
		return;
	for (unsigned i = 0; i < CHANS; i++) {
		struct shmchan_why why;

		shmchan_open(e->proc, chans[i].name, SHMCHAN_TX, &e->tx[i], &why);
		shmchan_open(e->proc, chans[i].name, SHMCHAN_RX, &e->rx[i], &why);
	}
	for (unsigned i = 0; i < POOLS; i++)
		shmchan_pool_open(e->proc, pools[i].name, &e->pool[i], NULL);
}

static void detach(struct world *w, unsigned slot)
{
	shmchan_detach(w->end[slot].proc);
	w->end[slot] = (struct end){0};
}

static struct shmchan_msg message(struct world *w, struct end *e, const struct shmchan *ch)
{
	static const char data[4096];
	uint8_t how = byte(w);
	uint32_t room = shmchan_msg_size(ch), len = byte(w);

	if (how & 0x10)
		len = room - (len & 1);
	return (struct shmchan_msg){.data = data,
				    .len = len,
				    .type = how & 3,
				    .reply = (how & 4) ? byte(w) & 15 : 0,
				    .corr = byte(w),
				    .block = (how & 8) ? e->block : SHMCHAN_NO_BLOCK};
}

static void received(struct world *w, struct end *e, const struct shmchan_msg *m)
{
	struct shmchan_pool *pool = shmchan_block_pool(e->proc, m->block);

	(void)w;
	use(m->data, m->len);
	if (!m->block)
		return;
	e->block = m->block;
	if (!pool || !shmchan_block_data(pool, m->block))
		abort();
	memset(shmchan_block_data(pool, m->block), 1, shmchan_block_size(pool, m->block));
}

#define INLINED 0x80 // an operation by inline.h, if it is there

static void call_sender(struct world *w, struct end *e, struct shmchan *tx, uint8_t op)
{
	struct shmchan_msg m = message(w, e, tx);
	struct shmchan_sel sel = {.ch = tx};
	struct shmchan_stat st;
	bool inlined = op & INLINED;
	void *data;

	switch (op % 8) {
	case 0:
		if ((inlined ? shmchan_inline_reserve(tx, &data) : shmchan_reserve(tx, &data)) == 0)
			memset(data, 2, shmchan_msg_size(tx));
		break;
	case 1:
		inlined ? shmchan_inline_commit(tx, m.type, m.len) : shmchan_commit(tx, &m);
		break;
	case 2:
		shmchan_cancel(tx);
		break;
	case 3:
		shmchan_send(tx, &m, 1000);
		break;
	case 4:
		shmchan_select(e->proc, &sel, 1, 1000);
		shmchan_stat(tx, &st);
		shmchan_tally_get(tx, byte(w) & 3);
		break;
	default:
		inlined ? shmchan_inline_try_send(tx, m.type, m.data, m.len) : shmchan_try_send(tx, &m);
	}
}

static void call_receiver(struct world *w, struct end *e, struct shmchan *rx, uint8_t op)
{
	struct shmchan *tx = e->tx[byte(w) % CHANS];
	struct shmchan_sel sel = {.ch = rx};
	struct shmchan_msg m = {0};
	bool inlined = op & INLINED;

	switch (op % 8) {
	case 0:
		if (shmchan_recv(rx, &m, 1000) == 0)
			received(w, e, &m);
		break;
	case 1:
	case 2:
		inlined ? shmchan_inline_done(rx) : shmchan_done(rx);
		break;
	case 3:
		if (tx)
			m = message(w, e, tx), shmchan_try_answer(rx, tx, &m);
		break;
	case 4:
		if (tx)
			m = message(w, e, tx), shmchan_answer(rx, tx, &m, 1000);
		break;
	case 5:
		shmchan_tally_add(rx, byte(w) & 3, 1);
		shmchan_tally_get(rx, byte(w) & 3);
		shmchan_select(e->proc, &sel, 1, 1000);
		break;
	default:
		if ((inlined ? shmchan_inline_take(rx, &m) : shmchan_take(rx, &m)) == 0)
			received(w, e, &m);
	}
}

static void call_chan(struct world *w)
{
	struct end *e = &w->end[1 + byte(w) % SLOTS];
	unsigned i = byte(w) % CHANS;
	uint8_t op = byte(w);

	if (!e->proc)
		return;
	if (e->tx[i])
		call_sender(w, e, e->tx[i], op);
	else if (e->rx[i])
		call_receiver(w, e, e->rx[i], op);
}

static void call_pool(struct world *w)
{
	struct end *e = &w->end[1 + byte(w) % SLOTS];
	struct shmchan_pool *pool = e->pool[byte(w) % POOLS];
	shmchan_block b;
	void *data;

	if (!pool)
		return;
	switch (byte(w) % 7) {
	case 6:
		if (shmchan_block_alloc_size(pool, byte(w), &b, NULL) == 0)
			e->block = b;
		break;
	case 0:
		shmchan_block_free(pool, e->block);
		break;
	case 1:
		shmchan_block_keep(pool, e->block, byte(w) & 1);
		break;
	case 2:
		if (shmchan_block_kept(pool, byte(w) & 1, &b) == 0)
			e->block = b;
		break;
	case 3:
		e->block = (shmchan_block)number(w, 4);
		break;
	default:
		if (shmchan_block_alloc(pool, &b) == 0)
			e->block = b;
	}
	data = shmchan_block_data(pool, e->block);
	if (data)
		memset(data, 3, shmchan_block_size(pool, e->block));
}

static void call_proc(struct world *w)
{
	unsigned slot = 1 + byte(w) % SLOTS, i = byte(w) % CHANS;
	struct end *e = &w->end[slot];
	struct shmchan *ch;

	switch (byte(w) % 5) {
	case 0:
		detach(w, slot);
		break;
	case 1:
		detach(w, slot);
		attach(w, slot);
		break;
	case 2:
		if (e->proc)
			shmchan_reply_channel(e->proc, (uint16_t)number(w, 2), &ch);
		break;
	case 3:
		if (!e->proc)
			break;
		shmchan_close(e->rx[i]);
		shmchan_open(e->proc, chans[i].name, SHMCHAN_RX, &e->rx[i], NULL);
		break;
	default:
		if (!e->proc)
			break;
		use(shmchan_self_name(e->proc), strlen(shmchan_self_name(e->proc)));
		shmchan_alive(e->proc, (uint32_t)number(w, 4));
		shmchan_beat(e->proc);
		if (e->rx[i])
			use(shmchan_name(e->rx[i]), strlen(shmchan_name(e->rx[i])));
	}
}

static void peer(void *ctx, const char *name, unsigned slot)
{
	(void)ctx;
	(void)slot;
	use(name, strlen(name));
}

static void look(struct world *w)
{
	struct shmchan_view *v;
	struct shmchan_view_group g;
	struct shmchan_view_proc p;
	struct shmchan_view_chan c;
	struct shmchan_view_pool pool;
	struct shmchan_view_account account[4];
	unsigned accounts;
	struct shmchan_view_msg m;
	struct shmchan_view_block b;
	struct shmchan_view_dead d;
	struct shmchan_why why;
	char buf[64];
	uint32_t kept;
	uint64_t cnt;

	if (shmchan_view_open(&v, w->group, &why))
		return;
	shmchan_view_group(v, &g);
	for (unsigned i = 0; shmchan_view_proc(v, i, &p) == 0 && i < 8; i++)
		use(p.name, strlen(p.name));
	for (unsigned i = 0; i < 8; i++) {
		shmchan_view_chan(v, i, &c);
		shmchan_view_chan_peers(v, i, SHMCHAN_TX, peer, NULL);
		for (uint32_t k = 0; k < 6; k++)
			shmchan_view_msg(v, i, k, &m, buf, sizeof(buf));
		shmchan_view_pool(v, i, &pool);
		shmchan_view_pool_class(v, i, 1, &pool);
		if (shmchan_view_pool_accounts(v, i, account, 4, &accounts) == 0)
			use(account, accounts * sizeof(account[0]));
		for (uint32_t k = 0; k < 4; k++)
			if (shmchan_view_block(v, i, k, &b) == 0)
				use(b.channel, strlen(b.channel));
	}
	cnt = shmchan_view_dead_cnt(v, &kept);
	for (uint64_t no = cnt - kept; no != cnt && kept <= 64; no++)
		if (shmchan_view_dead(v, no + 1, &d) == 0)
			use(d.data, d.bytes), use(d.channel, strlen(d.channel)),
				use(d.receiver, strlen(d.receiver));
	shmchan_view_check(v, report, NULL);
	shmchan_view_close(v);
}

static void call_broker(struct world *w)
{
	unsigned slot = 1 + byte(w) % SLOTS;
	struct shmchan_ctl *ctl = w->seg[0].base;
	struct shmchan_why why;

	switch (byte(w) % 6) {
	case 0:
		look(w);
		return;
	case 1:
		shmchan_broker_leave(w->b);
		w->b = NULL;
		// Nobody is the broker: as after its death.
		atomic_store(&ctl->broker_pid, 0);
		if (shmchan_broker_adopt(&w->b, w->group, &why))
			w->b = NULL;
		return;
	}
	if (!w->b)
		return;
	switch (byte(w) % 4) {
	case 0:
		shmchan_broker_check(w->b, report, NULL);
		break;
	case 1:
		shmchan_broker_retry(w->b);
		break;
	default:
		shmchan_broker_recover(w->b, slot, NULL, NULL);
		shmchan_broker_announce(w->b, slot, &w->inc[slot]);
		shmchan_broker_spawned(w->b, slot, getpid());
	}
}

static void sweep(void *ctx, const char *group, const char *object)
{
	(void)ctx;
	shmchan_seg_unlink(group, object);
}

void fuzz_segment_sweep(const char *group)
{
	shmchan_seg_each(group, sweep, NULL);
}

static void create(struct world *w)
{
	struct shmchan_group_spec spec = {w->group, services, SLOTS, chans, CHANS, pools, POOLS, 4, 16};
	struct shmchan_why why;

	snprintf(w->group, sizeof(w->group), "t%d-fuzz", (int)getpid());
	if (shmchan_broker_create(&w->b, &spec, &why)) {
		fprintf(stderr, "fuzz_segment: %s: %s\n", why.object, why.text);
		exit(2);
	}
	for (unsigned i = 0; i < SEGS; i++)
		if (shmchan_seg_open(&w->seg[i], w->group, objects[i], true, NULL))
			exit(2);
	for (unsigned slot = 1; slot <= SLOTS; slot++) {
		shmchan_broker_announce(w->b, slot, &w->inc[slot]);
		attach(w, slot);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.in = data, .in_end = data + size};

	create(&w);
	fuzz_segment_created(w.group);
	while (w.in != w.in_end) {
		uint8_t op = byte(&w);

		if (op < 80)
			patch(&w, &w.seg[op % SEGS]);
		else if (op < 190)
			call_chan(&w);
		else if (op < 215)
			call_pool(&w);
		else if (op < 235)
			call_proc(&w);
		else
			call_broker(&w);
	}
	fuzz_segment_ending(w.group);
	for (unsigned slot = 1; slot <= SLOTS; slot++)
		detach(&w, slot);
	for (unsigned i = 0; i < SEGS; i++)
		shmchan_seg_close(&w.seg[i]);
	shmchan_broker_destroy(w.b);
	fuzz_segment_sweep(w.group);
	return 0;
}

__attribute__((weak)) void fuzz_segment_created(const char *group)
{
	(void)group;
}

__attribute__((weak)) void fuzz_segment_ending(const char *group)
{
	(void)group;
}
