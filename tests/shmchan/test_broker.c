#include "tests/shmchan/harness.h"

#include "shmchan/ctl.h"

static const unsigned one[] = {1}, two[] = {2}, both[] = {1, 2}, none[] = {0}, far[] = {3};
static const char *const services[] = {"s1", "s2"};
static const char *const counters[] = {"n"}, *const bad_counters[] = {"no spaces"};

static struct shmchan_chan_spec chan(const char *name)
{
	return (struct shmchan_chan_spec){.name = name,
					  .kind = SHMCHAN_KIND_SPSC,
					  .capacity = 4,
					  .msg_size = 8,
					  .producers = one,
					  .producer_cnt = 1,
					  .consumers = two,
					  .consumer_cnt = 1};
}

static const struct shmchan_pool_spec pool = {.name = "pool", .block_size = 100, .block_cnt = 2, .users = both, .user_cnt = 2};

struct group {
	struct harness h;
	struct shmchan_chan_spec chans[2];
	struct shmchan_pool_spec pools[2];
	struct shmchan_group_spec spec;
};

static void group_init(struct group *g)
{
	harness_name(&g->h);
	g->chans[0] = chan("a");
	g->chans[1] = chan("b");
	g->pools[0] = g->pools[1] = pool;
	g->spec = (struct shmchan_group_spec){.name = g->h.group,
					      .services = services,
					      .service_cnt = 2,
					      .chans = g->chans,
					      .chan_cnt = 2,
					      .pools = g->pools,
					      .pool_cnt = 1};
}

static void count(void *ctx, const char *group, const char *object)
{
	(void)group;
	(void)object;
	++*(unsigned *)ctx;
}

static unsigned segments(const struct group *g)
{
	unsigned n = 0;

	shmchan_seg_each(g->h.group, count, &n);
	return n;
}

static void refused(struct group *g, const char *object)
{
	struct shmchan_why why = {0};

	cr_assert_eq(shmchan_broker_create(&g->h.b, &g->spec, &why), SHMCHAN_EINVAL, "%s", object);
	cr_assert_null(g->h.b);
	cr_assert_str_eq(why.object, object);
	cr_assert_neq(why.text[0], 0);
	cr_assert_eq(segments(g), 0, "nothing is left behind");
}

// Each refusal is of one value of an otherwise good specification.
#define REFUSED(object, ...)          \
	do {                          \
		struct group g = {0}; \
		group_init(&g);       \
		__VA_ARGS__;          \
		refused(&g, object);  \
	} while (0)

Test(broker, create_refuses_bad_groups)
{
	REFUSED("", g.spec.name = NULL);
	REFUSED("", g.spec.name = "");
	REFUSED("a.b", g.spec.name = "a.b");
	REFUSED("a/b", g.spec.name = "a/b");
	REFUSED("abcdefghijklmnopqrstuvwxyz0123456789", g.spec.name = "abcdefghijklmnopqrstuvwxyz0123456789");
	REFUSED(g.h.group, g.spec.service_cnt = 0);
	REFUSED(g.h.group, g.spec.service_cnt = SHMCHAN_SLOT_MAX);
	REFUSED(g.h.group, g.spec.pool_cnt = 129);
	REFUSED(g.h.group, g.spec.chan_cnt = 4096);
	REFUSED(g.h.group, g.spec.dead_cnt = (1u << 20) + 1);
	REFUSED(g.h.group, g.spec.dead_bytes = (1u << 20) + 1);
	REFUSED("s 1", g.spec.services = (const char *const[]){"s 1", "s2"});
	REFUSED("b", g.chans[0].name = "b");
	REFUSED("pool", g.chans[0].name = "pool");
	REFUSED("dead", g.chans[0].name = "dead");
}

Test(broker, create_refuses_bad_objects)
{
	REFUSED("", g.chans[0].name = NULL);
	REFUSED("a.", g.chans[0].name = "a.");
	REFUSED("a", g.chans[0].kind = (enum shmchan_kind)0);
	REFUSED("a", g.chans[0].capacity = 0);
	REFUSED("a", g.chans[0].capacity = (1u << 24) + 1);
	REFUSED("a", g.chans[0].msg_size = SHMCHAN_MSG_MAX + 1);
	REFUSED("a", g.chans[0].kind = SHMCHAN_KIND_SLOT); // of 4 cells
	REFUSED("a", g.chans[0].producer_cnt = 0);
	REFUSED("a", g.chans[0].producers = both, g.chans[0].producer_cnt = 2);
	REFUSED("a", g.chans[0].consumer_cnt = 0);
	REFUSED("a", g.chans[0].consumers = both, g.chans[0].consumer_cnt = 2);
	REFUSED("a", g.chans[0].producers = none);
	REFUSED("a", g.chans[0].consumers = far);
	REFUSED("a", g.chans[0].on_crash = SHMCHAN_REDELIVER); // 0 times
	REFUSED("a", g.chans[0].tally = bad_counters, g.chans[0].tally_cnt = 1);
	REFUSED("a", g.chans[0].tally = counters, g.chans[0].tally_cnt = SHMCHAN_TALLY_MAX + 1);
	REFUSED("", g.pools[0].name = NULL);
	REFUSED("pool", g.pools[0].block_size = 0);
	REFUSED("pool", g.pools[0].block_size = ((size_t)1 << 40) + 1);
	REFUSED("pool", g.pools[0].block_cnt = 0);
	REFUSED("pool", g.pools[0].block_cnt = 1u << 24);
	REFUSED("pool", g.pools[0].users = far, g.pools[0].user_cnt = 1);
}

Test(broker, what_cannot_be_had_leaves_nothing)
{
	struct shmchan_why why = {0};
	struct group g = {0};

	group_init(&g);
	g.pools[0].block_size = (size_t)1 << 40;
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), SHMCHAN_ESYS);
	cr_assert_neq(why.sys_errno, 0);
	cr_assert_eq(segments(&g), 0);
}

Test(broker, one_group_of_a_name)
{
	struct shmchan_why why = {0};
	struct shmchan_broker *b;
	struct group g = {0};
	unsigned cnt = 0;
	char pid[32];

	group_init(&g);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, NULL, &why), 0, "there is none");
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), 0);
	cr_assert_eq(segments(&g), 5);
	cr_assert_eq(shmchan_broker_create(&b, &g.spec, &why), SHMCHAN_EEXIST);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	cr_assert_neq(strstr(why.text, pid), NULL, "%s", why.text);
	cr_assert_eq(shmchan_broker_adopt(&b, g.h.group, &why), SHMCHAN_EEXIST);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, &cnt, &why), SHMCHAN_EEXIST);
	cr_assert_eq(segments(&g), 5);
	shmchan_broker_destroy(g.h.b);
	cr_assert_eq(segments(&g), 0);
	cr_assert_eq(shmchan_broker_adopt(&b, g.h.group, &why), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_adopt(&b, "a.b", &why), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_group_remove_stale("a.b", NULL, NULL, &why), SHMCHAN_EINVAL);
	shmchan_broker_destroy(NULL);
	shmchan_broker_leave(NULL);
}

// Makes the group and dies with it; a service of it lives on in `living` if that is not 0.
struct maker {
	struct group *g;
	pid_t living;
};

static int make_and_die(void *ctx)
{
	struct maker *m = ctx;
	unsigned inc;

	if (shmchan_broker_create(&m->g->h.b, &m->g->spec, NULL) ||
	    shmchan_broker_announce(m->g->h.b, 1, &inc) ||
	    (m->living && shmchan_broker_spawned(m->g->h.b, 1, m->living)))
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static void orphan(struct group *g, pid_t living)
{
	int status;
	pid_t pid;

	group_init(g);
	pid = harness_fork(make_and_die, &(struct maker){g, living});
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(segments(g), 5);
}

static int sleep_on(void *ctx)
{
	(void)ctx;
	while (pause())
		;
	return 0;
}

Test(broker, a_dead_broker_leaves_a_stale_group)
{
	struct shmchan_why why = {0};
	struct group g = {0};
	pid_t living[1] = {0}, pid = harness_fork(sleep_on, NULL);
	unsigned cnt = 1;

	orphan(&g, pid);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), SHMCHAN_EEXIST);
	cr_assert_neq(strstr(why.text, "stale"), NULL, "%s", why.text);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, living, &cnt, &why), SHMCHAN_ESTALE);
	cr_assert_eq(cnt, 1);
	cr_assert_eq(living[0], pid);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, NULL, &why), SHMCHAN_ESTALE);
	cr_assert_eq(segments(&g), 5, "nothing is removed while one lives");
	harness_kill(pid);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, living, &cnt, &why), 5);
	cr_assert_eq(cnt, 0);
	cr_assert_eq(segments(&g), 0);
}

// Who of it lives can't be told.
Test(broker, a_stale_group_of_another_layout_is_left_alone)
{
	pid_t pid = harness_fork(sleep_on, NULL);
	struct shmchan_why why = {0};
	struct shmchan_seg seg;
	struct group g = {0};
	uint32_t version;

	orphan(&g, pid);
	cr_assert_eq(shmchan_seg_open(&seg, g.h.group, NULL, true, NULL), 0);
	version = ((struct shmchan_obj *)seg.base)->version++;
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, NULL, &why), SHMCHAN_ELAYOUT);
	cr_assert_neq(strstr(why.text, "layout"), NULL, "%s", why.text);
	cr_assert_eq(segments(&g), 5);
	((struct shmchan_obj *)seg.base)->version = version;
	shmchan_seg_close(&seg);
	harness_kill(pid);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, NULL, &why), 5);
}

// A pid alone is nobody: its number may have been given to another process since.
Test(broker, a_pid_with_another_start_time_is_dead)
{
	struct shmchan_why why = {0};
	struct group g = {0};
	struct shmchan_seg seg;
	struct shmchan_broker *b;

	group_init(&g);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), 0);
	seg = harness_map(&g.h, NULL);
	atomic_fetch_add(&((struct shmchan_ctl *)seg.base)->broker_start, 1);
	cr_assert_eq(shmchan_broker_adopt(&b, g.h.group, &why), 0);
	cr_assert_eq(atomic_load(&((struct shmchan_ctl *)seg.base)->broker_inc), 2);
	shmchan_seg_close(&seg);
	shmchan_broker_leave(g.h.b);
	shmchan_broker_destroy(b);
	cr_assert_eq(segments(&g), 0);
}

Test(broker, adopted_with_what_is_in_it)
{
	struct shmchan_why why = {0};
	struct shmchan_proc *p;
	struct shmchan *tx;
	struct shmchan_stat st;
	struct group g = {0};
	unsigned inc;

	orphan(&g, getpid());
	cr_assert_eq(shmchan_attach(&p, g.h.group, 1, 1, &why), 0, "services do not notice");
	cr_assert_eq(shmchan_open(p, "a", SHMCHAN_TX, &tx, &why), 0);
	cr_assert_eq(shmchan_try_send(tx, &(struct shmchan_msg){0}), 0);
	cr_assert_eq(shmchan_broker_adopt(&g.h.b, g.h.group, &why), 0);
	shmchan_broker_leave(g.h.b);
	cr_assert_eq(shmchan_broker_adopt(&g.h.b, g.h.group, &why), SHMCHAN_EEXIST, "this process is its broker");
	cr_assert_eq(shmchan_broker_resume(&g.h.b, g.h.group, &why), 0, "as after execve");
	cr_assert_eq(shmchan_try_send(tx, &(struct shmchan_msg){0}), 0);
	shmchan_stat(tx, &st);
	cr_assert_eq(st.depth, 2);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), SHMCHAN_ESTALE, "it lives");
	harness_check(&g.h);
	shmchan_detach(p);
	harness_end(&g.h);
}

// A segment without a control segment: a removal that was cut short.
Test(broker, a_leftover_is_not_the_makers_to_remove)
{
	struct shmchan_why why = {0};
	struct group g = {0};
	struct shmchan_seg seg;

	group_init(&g);
	cr_assert_eq(shmchan_seg_create(&seg, g.h.group, "b", 4096, &why), 0);
	shmchan_seg_close(&seg);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), SHMCHAN_EEXIST);
	cr_assert_eq(segments(&g), 1);
	cr_assert_eq(shmchan_group_remove_stale(g.h.group, NULL, NULL, &why), 1);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), 0);
	harness_end(&g.h);
}

// Names in the directory may be overwritten; what the broker made it removes all the same.
Test(broker, removes_what_it_made_whatever_the_directory_says)
{
	struct shmchan_ctl_ref c;
	struct shmchan_seg seg;
	struct group g = {0};

	group_init(&g);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, NULL), 0);
	seg = harness_map(&g.h, NULL);
	cr_assert_eq(shmchan_ctl_join(&c, seg.base, seg.size, NULL), 0);
	for (uint32_t i = 0; i < c.entry_cnt; i++)
		memset(c.entries[i].name, 'x', sizeof(c.entries[i].name));
	shmchan_seg_close(&seg);
	shmchan_broker_destroy(g.h.b);
	cr_assert_eq(segments(&g), 0);
}

Test(broker, processes_come_in_order)
{
	struct group g = {0};
	unsigned inc;

	group_init(&g);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, NULL), 0);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 0, &inc), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 3, &inc), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spawned(g.h.b, 0, getpid()), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spawned(g.h.b, 1, 0), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_spawned(g.h.b, 1, getpid()), SHMCHAN_ESTALE, "not announced");
	cr_assert_eq(shmchan_broker_recover(g.h.b, 0, NULL, NULL), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_recover(g.h.b, 3, NULL, NULL), SHMCHAN_EINVAL);
	for (unsigned i = 1; i < 4; i++) {
		cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), 0);
		cr_assert_eq(inc, i);
		cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), SHMCHAN_ESTALE, "not recovered");
		cr_assert_eq(shmchan_broker_spawned(g.h.b, 1, getpid()), 0);
		cr_assert_eq(shmchan_broker_spawned(g.h.b, 1, getpid()), SHMCHAN_ESTALE);
		cr_assert_eq(shmchan_broker_recover(g.h.b, 1, NULL, NULL), 0);
	}
	harness_end(&g.h);
}

Test(broker, says_what_a_slot_is)
{
	struct shmchan_slot_state st;
	struct group g = {0};
	unsigned inc;

	group_init(&g);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, NULL), 0);
	cr_assert_eq(shmchan_broker_slot(g.h.b, 0, &st), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_slot(g.h.b, 3, &st), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_broker_slot(g.h.b, 1, &st), 0);
	cr_assert_eq(st.state, SHMCHAN_PROC_FREE);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), 0);
	cr_assert_eq(shmchan_broker_spawned(g.h.b, 1, getpid()), 0);
	shmchan_broker_slot(g.h.b, 1, &st);
	cr_assert_eq(st.state, SHMCHAN_PROC_RUNNING);
	cr_assert_eq(st.incarnation, inc);
	cr_assert_eq(st.pid, getpid());
	cr_assert_eq(st.start_time, shmchan_start_time(getpid()));
	cr_assert_not(st.attached || st.ready);
	cr_assert_eq(st.exit_status, -1);
	harness_end(&g.h);
}

static int leaves(void *ctx)
{
	const struct group *g = ctx;
	struct shmchan_proc *p;

	if (shmchan_attach(&p, g->h.group, 1, 1, NULL))
		return 1;
	shmchan_ready(p);
	shmchan_detach(p);
	exit(7); // not _exit: it is what a program does that ends by itself
}

// For a supervisor that was away when it ended.
Test(broker, who_calls_exit_leaves_its_status)
{
	struct shmchan_slot_state st;
	struct group g = {0};
	unsigned inc;
	pid_t pid;
	int status;

	group_init(&g);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, NULL), 0);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), 0);
	pid = harness_fork(leaves, &g);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	shmchan_broker_slot(g.h.b, 1, &st);
	cr_assert(st.attached && st.ready);
	cr_assert_eq(st.exit_status, 7);
	cr_assert_eq(shmchan_broker_recover(g.h.b, 1, NULL, NULL), 0);
	cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), 0);
	shmchan_broker_slot(g.h.b, 1, &st);
	cr_assert_eq(st.exit_status, -1, "the next incarnation has not said anything");
	harness_end(&g.h);
}

#define DIFFERS(which, ...)                                                               \
	do {                                                                               \
		struct shmchan_why why = {0};                                              \
		struct group o = {0};                                                      \
		group_init(&o);                                                            \
		o.spec.name = g.h.group;                                                   \
		__VA_ARGS__;                                                               \
		cr_assert_eq(shmchan_group_fits(&o.spec, &why), SHMCHAN_ELAYOUT, #__VA_ARGS__); \
		cr_assert_str_eq(why.object, which);                                      \
		cr_assert_neq(why.text[0], 0);                                             \
	} while (0)

Test(broker, knows_the_group_that_a_specification_makes)
{
	static const char *const others[] = {"s1", "other"}, *const three[] = {"s1", "s2", "s3"};
	struct group g = {0};

	group_init(&g);
	cr_assert_eq(shmchan_group_fits(&g.spec, NULL), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, NULL), 0);
	cr_assert_eq(shmchan_group_fits(&g.spec, NULL), 0);
	DIFFERS("other", o.spec.services = others);
	DIFFERS(g.h.group, o.spec.services = three, o.spec.service_cnt = 3);
	DIFFERS(g.h.group, o.spec.pool_cnt = 0);
	DIFFERS("c", o.chans[1].name = "c");
	DIFFERS("b", o.chans[1].capacity = 5);
	DIFFERS("b", o.chans[1].msg_size = 16);
	DIFFERS("b", o.chans[1].kind = SHMCHAN_KIND_MPSC);
	DIFFERS("b", o.chans[1].on_crash = SHMCHAN_DROP);
	DIFFERS("b", o.chans[1].consumers = one);
	DIFFERS("b", o.chans[1].tally = counters, o.chans[1].tally_cnt = 1);
	DIFFERS("pool", o.pools[0].block_cnt++);
	DIFFERS("pool", o.pools[0].user_cnt = 1);
	harness_end(&g.h);
}

static void remember(void *ctx, const char *object, const char *text)
{
	(void)text;
	snprintf(ctx, SHMCHAN_NAME_MAX, "%.31s", object);
}

Test(broker, segments_cut_short_are_reported_and_left_out)
{
	static const char *const objects[] = {"a", "pool", "dead", NULL};
	struct shmchan_why why = {0};

	for (unsigned i = 0; i < 4; i++) {
		char said[SHMCHAN_NAME_MAX] = "";
		struct group g = {0};
		struct shmchan_broker *b;
		struct shmchan_seg seg;
		unsigned inc;

		group_init(&g);
		g.chans[0].capacity = 1000;
		g.pools[0].block_size = 8192;
		cr_assert_eq(shmchan_broker_create(&g.h.b, &g.spec, &why), 0);
		cr_assert_eq(shmchan_broker_announce(g.h.b, 1, &inc), 0);
		harness_truncate(&g.h, objects[i], objects[i] ? 4096 : 1000);
		if (objects[i]) {
			cr_assert_eq(shmchan_broker_check(g.h.b, remember, said), 1);
			cr_assert_str_eq(said, objects[i]);
			cr_assert_eq(shmchan_broker_recover(g.h.b, 1, NULL, NULL),
				     i == 2 ? SHMCHAN_ETRUNC : 0);
			cr_assert_eq(shmchan_broker_retry(g.h.b), i == 2 ? SHMCHAN_ETRUNC : 0);
			cr_assert_eq(shmchan_broker_check(g.h.b, remember, said), 1);
			seg = harness_map(&g.h, NULL);
			atomic_store(&((struct shmchan_ctl *)seg.base)->broker_pid, 0);
			shmchan_seg_close(&seg);
		}
		cr_assert_eq(shmchan_broker_adopt(&b, g.h.group, &why), SHMCHAN_ETRUNC);
		cr_assert_neq(why.object[0], 0);
		cr_assert_null(b);
		harness_end(&g.h);
		cr_assert_eq(segments(&g), 0);
	}
}
