#include "tests/shmchan/harness.h"

#include "shmchan/chan.h"

static const unsigned one[] = {1}, two[] = {2}, both[] = {1, 2};
static const char *const tally[] = {"odd", "even"};
static const struct shmchan_chan_spec chans[] = {
	{"c", SHMCHAN_KIND_MPSC, 400, 20, one, 1, two, 1, SHMCHAN_REDELIVER, 3, tally, 2, 100},
	{"d", SHMCHAN_KIND_SPSC, 4, 8, two, 1, one, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
};
static const struct shmchan_pool_spec pools[] = {{.name = "p", .block_size = 5000, .block_cnt = 3, .users = both, .user_cnt = 2}};

struct scene {
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_view *v;
};

static void begin(struct scene *s)
{
	harness_create(&s->h, 2, chans, 2, pools, 1);
	s->a = harness_attach(&s->h, 1);
	s->b = harness_attach(&s->h, 2);
	s->tx = harness_open(s->a, "c", SHMCHAN_TX);
	s->rx = harness_open(s->b, "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_view_open(&s->v, s->h.group, NULL), 0);
}

static void end(struct scene *s)
{
	shmchan_view_close(s->v);
	shmchan_detach(s->a);
	shmchan_detach(s->b);
	harness_end(&s->h);
}

static void find(void *ctx, const char *name)
{
	struct scene *s = ctx;

	if (strcmp(name, s->h.group) == 0)
		s->h.inc[0]++;
}

static void name_of(void *ctx, const char *name, unsigned slot)
{
	snprintf(ctx, SHMCHAN_NAME_MAX, "%s=%u", name, slot);
}

Test(view, group_processes_channels)
{
	struct shmchan_view_group g;
	struct shmchan_view_proc p;
	struct shmchan_view_chan c;
	struct scene s = {0};
	char name[SHMCHAN_NAME_MAX];

	begin(&s);
	cr_assert_geq(shmchan_view_groups(find, &s), 1);
	cr_assert_eq(s.h.inc[0], 1);
	shmchan_view_group(s.v, &g);
	cr_assert_str_eq(g.name, s.h.group);
	cr_assert_eq(g.broker_pid, getpid());
	cr_assert(g.broker_alive);
	cr_assert_eq(g.proc_cnt, 2);
	cr_assert_eq(g.chan_cnt, 2);
	cr_assert_eq(g.pool_cnt, 1);
	cr_assert_eq(shmchan_view_proc(s.v, 1, &p), 0);
	cr_assert_str_eq(p.name, "s2");
	cr_assert_eq(p.slot, 2);
	cr_assert_eq(p.incarnation, 1);
	cr_assert_eq(p.state, SHMCHAN_PROC_ANNOUNCED);
	cr_assert_eq(shmchan_broker_spawned(s.h.b, 2, getpid()), 0);
	cr_assert_eq(shmchan_view_proc(s.v, 1, &p), 0);
	cr_assert_eq(p.state, SHMCHAN_PROC_RUNNING);
	cr_assert_eq(p.pid, getpid());
	cr_assert(p.alive);
	cr_assert_eq(shmchan_view_proc(s.v, 2, &p), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
	cr_assert_str_eq(c.name, "c");
	cr_assert_eq(c.id, shmchan_id(s.tx));
	cr_assert_eq(c.kind, SHMCHAN_KIND_MPSC);
	cr_assert_eq(c.on_crash, SHMCHAN_REDELIVER);
	cr_assert_eq(c.max_deliveries, 3);
	cr_assert_eq(c.capacity, 400);
	cr_assert_eq(c.alert_depth, 100);
	cr_assert_eq(c.msg_size, 20);
	cr_assert_eq(c.tally_cnt, 2);
	cr_assert_str_eq(c.tally_name[1], "even");
	cr_assert_eq(shmchan_view_chan(s.v, 2, &c), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_chan_peers(s.v, 0, SHMCHAN_TX, name_of, name), 1);
	cr_assert_str_eq(name, "s1=1");
	cr_assert_eq(shmchan_view_chan_peers(s.v, 0, SHMCHAN_RX, name_of, name), 1);
	cr_assert_str_eq(name, "s2=2");
	cr_assert_eq(shmchan_view_chan_peers(s.v, 2, SHMCHAN_RX, name_of, name), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_sample(s.v, 0, 3, 0), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_view_sample(s.v, 0, 1u << 31, 0), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_view_sample(s.v, 2, 4, 0), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_sample(s.v, 0, 4, 0), 0);
	cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
	cr_assert_eq(c.sample_mask, 3);
	cr_assert(c.sample_fixed);
	cr_assert_not(c.sample_orphan);
	end(&s);
}

Test(view, sampling_outlives_its_tool_and_says_so)
{
	struct shmchan_view_chan c;
	struct scene s = {0};
	pid_t tool;

	begin(&s);
	cr_assert_eq(shmchan_view_sample(s.v, 0, 1, getpid()), 0);
	cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
	cr_assert(c.sample_fixed);
	cr_assert_not(c.sample_orphan);
	tool = fork();
	if (tool == 0)
		_exit(shmchan_view_sample(s.v, 0, 1, getpid()));
	cr_assert_eq(waitpid(tool, NULL, 0), tool);
	cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
	cr_assert_eq(c.sample_mask, 0);
	cr_assert(c.sample_orphan);
	cr_assert_eq(shmchan_view_sample(s.v, 0, 0, 0), 0);
	cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
	cr_assert_eq(c.sample_mask, 63);
	cr_assert_not(c.sample_fixed);
	cr_assert_not(c.sample_orphan);
	end(&s);
}

Test(view, messages)
{
	struct shmchan_view_msg m;
	struct shmchan_msg got;
	struct scene s = {0};
	char buf[20];
	void *data;

	begin(&s);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 0, &m, buf, sizeof(buf)), SHMCHAN_ENOENT);
	for (uint64_t n = 0; n < 3; n++)
		cr_assert_eq(shmchan_try_send(s.tx, &(struct shmchan_msg){.data = "message text",
									  .len = 12,
									  .corr = n,
									  .type = 3}),
			     0);
	cr_assert_eq(shmchan_reserve(s.tx, &data), 0);
	cr_assert_eq(shmchan_take(s.rx, &got), 0);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 0, &m, buf, sizeof(buf)), 0);
	cr_assert(m.in_flight);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 1, &m, buf, 7), 0);
	cr_assert_not(m.in_flight);
	cr_assert_eq(m.corr, 1);
	cr_assert_eq(m.type, 3);
	cr_assert_eq(m.len, 12);
	cr_assert_eq(m.bytes, 7);
	cr_assert_eq(memcmp(buf, "message", 7), 0);
	cr_assert_eq(m.sender_slot, 1);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 3, &m, buf, sizeof(buf)), SHMCHAN_EMPTY, "claimed");
	cr_assert_eq(shmchan_view_msg(s.v, 0, 4, &m, buf, sizeof(buf)), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 400, &m, buf, sizeof(buf)), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_msg(s.v, 9, 0, &m, buf, sizeof(buf)), SHMCHAN_ENOENT);
	atomic_store(&s.tx->r.ring->taken, UINT64_MAX);
	cr_assert_eq(shmchan_view_msg(s.v, 0, 0, &m, buf, sizeof(buf)), SHMCHAN_ECORRUPT);
	end(&s);
}

Test(view, blocks)
{
	struct shmchan_pool *pool;
	struct shmchan_view_block b;
	struct shmchan_view_pool p;
	struct shmchan_view_account a[2];
	struct shmchan_seg seg;
	struct scene s = {0};
	shmchan_block x[3];
	unsigned cnt;

	begin(&s);
	pool = harness_pool(s.a, "p");
	for (unsigned i = 0; i < 3; i++)
		cr_assert_eq(shmchan_block_alloc(pool, &x[i]), 0);
	cr_assert_eq(shmchan_block_keep(pool, x[1], 77), 0);
	cr_assert_eq(shmchan_try_send(s.tx, &(struct shmchan_msg){.block = x[2]}), 0);
	cr_assert_eq(shmchan_view_pool(s.v, 0, &p), 0);
	cr_assert_str_eq(p.name, "p");
	cr_assert(p.block_cnt == 3 && p.owned == 1 && p.kept == 1 && p.sent == 1 && p.free == 0);
	cr_assert_eq(shmchan_view_pool(s.v, 1, &p), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_pool_class(s.v, 0, 0, &p), 0);
	cr_assert(p.block_cnt == 3 && p.block_size == 5000 && p.owned == 1 && p.class_cnt == 1);
	cr_assert_eq(shmchan_view_pool_class(s.v, 0, 1, &p), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_pool_accounts(s.v, 0, a, 2, &cnt), 0);
	cr_assert_eq(cnt, 1);
	cr_assert(a[0].slot == 1 && a[0].incarnation == 1 && a[0].owned == 1 && a[0].kept == 1 && a[0].cached == 0 &&
		  a[0].bytes == 10000);
	cr_assert_eq(shmchan_view_pool_accounts(s.v, 0, a, 0, &cnt), 0);
	cr_assert_eq(cnt, 0);
	cr_assert_eq(shmchan_view_pool_accounts(s.v, 1, a, 2, &cnt), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_block(s.v, 0, x[0] & 0xffffff, &b), 0);
	cr_assert(b.state == SHMCHAN_VIEW_OWNED && b.slot == 1 && b.incarnation == 1);
	cr_assert_eq(shmchan_view_block(s.v, 0, x[1] & 0xffffff, &b), 0);
	cr_assert(b.state == SHMCHAN_VIEW_KEPT && b.tag == 77);
	cr_assert_eq(shmchan_view_block(s.v, 0, x[2] & 0xffffff, &b), 0);
	cr_assert(b.state == SHMCHAN_VIEW_SENT && b.pos == 0);
	cr_assert_str_eq(b.channel, "c");
	cr_assert_eq(shmchan_view_block(s.v, 0, 3, &b), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_view_block(s.v, 1, 0, &b), SHMCHAN_ENOENT);
	seg = harness_map(&s.h, "p");
	atomic_store((_Atomic uint64_t *)((char *)seg.base + sizeof(struct shmchan_pool_shm)),
		     (uint64_t)7 << 61);
	cr_assert_eq(shmchan_view_block(s.v, 0, 0, &b), SHMCHAN_ECORRUPT);
	cr_assert_eq(shmchan_view_check(s.v, harness_report, NULL), 1);
	shmchan_seg_close(&seg);
	end(&s);
}

static void count(void *ctx, const char *object, const char *text)
{
	(void)text;
	(*(unsigned *)ctx)++;
	cr_assert_eq(strcmp(object, "c") == 0 || strcmp(object, "p") == 0, true);
}

// Each object that can't be read says why where it is asked for; the others can be.
Test(view, unreadable_objects)
{
	struct shmchan_view_chan c;
	struct shmchan_view_pool p;
	struct shmchan_view_block b;
	struct shmchan_view_msg m;
	struct shmchan_why why;
	struct shmchan_view *v;
	struct shmchan_seg seg;
	struct scene s = {0};
	unsigned n = 0;

	begin(&s);
	harness_truncate(&s.h, "p", 4096);
	cr_assert_eq(shmchan_view_check(s.v, count, &n), 1, "cut short after it was mapped");
	seg = harness_map(&s.h, "c");
	((struct shmchan_ring *)seg.base)->obj.version = 9;
	cr_assert_eq(shmchan_view_open(&v, s.h.group, &why), 0);
	cr_assert_eq(shmchan_view_chan(v, 0, &c), SHMCHAN_ELAYOUT);
	cr_assert_str_eq(c.name, "c");
	cr_assert_eq(shmchan_view_msg(v, 0, 0, &m, NULL, 0), SHMCHAN_ELAYOUT);
	cr_assert_eq(shmchan_view_sample(v, 0, 1, 0), SHMCHAN_ELAYOUT);
	cr_assert_eq(shmchan_view_chan(v, 1, &c), 0);
	cr_assert_eq(shmchan_view_pool(v, 0, &p), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_view_block(v, 0, 0, &b), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_view_check(v, harness_report, NULL), 2);
	shmchan_view_close(v);
	shmchan_seg_close(&seg);
	end(&s);
}

Test(view, refusals)
{
	struct shmchan_why why;
	struct shmchan_view *v;
	struct scene s = {0};
	struct shmchan_seg seg;

	cr_assert_eq(shmchan_view_open(&v, "t-none", &why), SHMCHAN_ENOENT);
	cr_assert_null(v);
	cr_assert_eq(shmchan_view_open(&v, "a.b", &why), SHMCHAN_EINVAL);
	begin(&s);
	seg = harness_map(&s.h, NULL);
	((struct shmchan_obj *)seg.base)->layout ^= 1;
	cr_assert_eq(shmchan_view_open(&v, s.h.group, &why), SHMCHAN_ELAYOUT);
	((struct shmchan_obj *)seg.base)->layout ^= 1;
	((struct shmchan_ctl *)seg.base)->entry_cnt = 0;
	cr_assert_eq(shmchan_view_open(&v, s.h.group, &why), SHMCHAN_ECORRUPT);
	((struct shmchan_ctl *)seg.base)->entry_cnt = 4;
	shmchan_seg_close(&seg);
	shmchan_view_close(NULL);
	end(&s);
}
