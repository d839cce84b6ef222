#include "tests/shmchan/harness.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "shmchan/proc.h"

static const unsigned one[] = {1}, two[] = {2}, both[] = {1, 2};

static const struct shmchan_chan_spec chans[] = {
	{"c", SHMCHAN_KIND_SPSC, 40, 200, one, 1, two, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
	{"r", SHMCHAN_KIND_SLOT, 1, 8, two, 1, one, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
	{"m", SHMCHAN_KIND_MPSC, 4, 8, one, 1, two, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
};
static const struct shmchan_pool_spec pools[] = {{.name = "p", .block_size = 8192, .block_cnt = 3, .users = both, .user_cnt = 2}, {.name = "q", .block_size = 100, .block_cnt = 1, .users = two, .user_cnt = 1}};

static void create(struct harness *h)
{
	harness_create(h, 2, chans, 3, pools, 2);
}

static int try_attach(const struct harness *h, unsigned slot, unsigned inc)
{
	struct shmchan_why why = {0};
	struct shmchan_proc *p;
	int err = shmchan_attach(&p, h->group, slot, inc, &why);

	cr_assert_eq(why.code, err);
	if (err)
		cr_assert_null(p);
	shmchan_detach(p);
	return err;
}

Test(proc, attach_refuses)
{
	struct shmchan_proc *p;
	struct shmchan_seg seg;
	struct shmchan_ctl *ctl;
	struct harness h, none = {.group = "t-none"};

	create(&h);
	cr_assert_eq(try_attach(&h, 1, 1), 0);
	cr_assert_eq(try_attach(&none, 1, 1), SHMCHAN_ENOENT);
	cr_assert_eq(try_attach(&h, 3, 1), SHMCHAN_ENOENT);
	cr_assert_eq(try_attach(&h, 0, 1), SHMCHAN_EINVAL, "slot 0 is the broker's");
	cr_assert_eq(shmchan_attach(&p, "a/b", 1, 1, NULL), SHMCHAN_EINVAL);
	cr_assert_eq(try_attach(&h, 1, 2), SHMCHAN_ESTALE);
	cr_assert_eq(shmchan_broker_recover(h.b, 1, NULL, NULL), 0);
	cr_assert_eq(try_attach(&h, 1, 1), SHMCHAN_ESTALE, "buried");
	seg = harness_map(&h, NULL);
	ctl = seg.base;
	ctl->obj.version++;
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ELAYOUT);
	ctl->obj.version--;
	ctl->obj.layout ^= 1;
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ELAYOUT);
	ctl->obj.layout ^= 1;
	atomic_fetch_xor(&ctl->obj.magic, 1);
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ECORRUPT);
	atomic_fetch_xor(&ctl->obj.magic, 1);
	ctl->proc_cnt = 1;
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ECORRUPT);
	ctl->proc_cnt = 3;
	ctl->fence = 7;
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ECORRUPT);
	ctl->fence = shmchan_bell_fence_best();
	cr_assert_eq(try_attach(&h, 2, 1), 0);
	harness_truncate(&h, NULL, seg.size - 1);
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ETRUNC);
	harness_truncate(&h, NULL, 20);
	cr_assert_eq(try_attach(&h, 2, 1), SHMCHAN_ETRUNC);
	shmchan_seg_close(&seg);
	harness_end(&h);
}

Test(proc, attach_by_environment)
{
	static const char *const bad[] = {"", "x", "-1", "1x", "99999999999", " 1"};
	struct shmchan_why why;
	struct shmchan_proc *p;
	struct harness h;

	create(&h);
	unsetenv("SHMCHAN_GROUP");
	setenv("SHMCHAN_SLOT", "1", 1);
	setenv("SHMCHAN_INCARNATION", "1", 1);
	cr_assert_eq(shmchan_attach_env(&p, &why), SHMCHAN_EINVAL);
	setenv("SHMCHAN_GROUP", h.group, 1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("SHMCHAN_SLOT", bad[i], 1);
		cr_assert_eq(shmchan_attach_env(&p, &why), SHMCHAN_EINVAL, "'%s'", bad[i]);
		setenv("SHMCHAN_SLOT", "1", 1);
		setenv("SHMCHAN_INCARNATION", bad[i], 1);
		cr_assert_eq(shmchan_attach_env(&p, &why), SHMCHAN_EINVAL, "'%s'", bad[i]);
		setenv("SHMCHAN_INCARNATION", "1", 1);
	}
	cr_assert_eq(shmchan_attach_env(&p, &why), 0);
	cr_assert_str_eq(shmchan_self_name(p), "s1");
	cr_assert_eq(shmchan_self(p), shmchan_owner_make(1, 1));
	shmchan_detach(p);
	shmchan_detach(NULL);
	harness_end(&h);
}

static int try_open(struct shmchan_proc *p, const char *name, int end)
{
	struct shmchan_why why = {0};
	struct shmchan *ch;
	int err = shmchan_open(p, name, end, &ch, &why);

	cr_assert_eq(why.code, err);
	if (err)
		cr_assert_null(ch);
	shmchan_close(ch);
	return err;
}

Test(proc, open_refuses)
{
	struct shmchan *ch, *again;
	struct shmchan_ring *ring;
	struct shmchan_proc *p;
	struct shmchan_seg seg;
	struct harness h;

	create(&h);
	p = harness_attach(&h, 1);
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), 0);
	cr_assert_eq(try_open(p, "c", SHMCHAN_RX), SHMCHAN_EPERM);
	cr_assert_eq(try_open(p, "r", SHMCHAN_TX), SHMCHAN_EPERM);
	cr_assert_eq(try_open(p, "nope", SHMCHAN_TX), SHMCHAN_ENOENT);
	cr_assert_eq(try_open(p, "p", SHMCHAN_TX), SHMCHAN_ENOENT, "a pool is no channel");
	cr_assert_eq(try_open(p, "c", 3), SHMCHAN_EINVAL);
	cr_assert_eq(try_open(p, "c/", SHMCHAN_TX), SHMCHAN_EINVAL);
	ch = harness_open(p, "c", SHMCHAN_TX);
	cr_assert_eq(shmchan_open(p, "c", SHMCHAN_TX, &again, NULL), SHMCHAN_EEXIST);
	cr_assert_eq(shmchan_reply_channel(p, 0, &again), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_reply_channel(p, 4, &again), SHMCHAN_ENOENT, "a pool");
	cr_assert_eq(shmchan_reply_channel(p, 99, &again), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_reply_channel(p, 2, &again), SHMCHAN_EPERM);
	cr_assert_eq(shmchan_reply_channel(p, 1, &again), 0);
	cr_assert_eq(again, ch);
	cr_assert_str_eq(shmchan_name(ch), "c");
	cr_assert_eq(shmchan_id(ch), 1);
	cr_assert_eq(shmchan_capacity(ch), 40);
	cr_assert_eq(shmchan_msg_size(ch), 200);
	shmchan_close(ch);
	shmchan_close(NULL);
	seg = harness_map(&h, "c");
	ring = seg.base;
	ring->obj.layout++;
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ELAYOUT);
	ring->obj.layout--;
	ring->cap = 0;
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ECORRUPT);
	ring->cap = 40;
	ring->consumer = 3;
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ECORRUPT, "no such process slot");
	ring->consumer = 2;
	ring->obj.id = 3;
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ECORRUPT);
	ring->obj.id = 1;
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), 0);
	harness_truncate(&h, "c", 4096);
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_seg_unlink(h.group, "c"), 0);
	cr_assert_eq(try_open(p, "c", SHMCHAN_TX), SHMCHAN_ENOENT);
	shmchan_seg_close(&seg);
	shmchan_detach(p);
	harness_end(&h);
}

static int try_pool(struct shmchan_proc *p, const char *name)
{
	struct shmchan_why why = {0};
	struct shmchan_pool *pool;
	int err = shmchan_pool_open(p, name, &pool, &why);

	cr_assert_eq(why.code, err);
	cr_assert_eq(pool == NULL, err != 0);
	return err;
}

Test(proc, pool_open_refuses)
{
	struct shmchan_pool_shm *shm;
	struct shmchan_proc *p;
	struct shmchan_seg seg;
	struct harness h;

	create(&h);
	p = harness_attach(&h, 1);
	cr_assert_eq(try_pool(p, "q"), SHMCHAN_EPERM);
	cr_assert_eq(try_pool(p, "c"), SHMCHAN_ENOENT);
	cr_assert_eq(try_pool(p, "no.pe"), SHMCHAN_ENOENT);
	seg = harness_map(&h, "p");
	shm = seg.base;
	shm->classes[0].block_cnt = 0;
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_ECORRUPT);
	shm->classes[0].block_cnt = 4;
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_ETRUNC);
	shm->classes[0].block_cnt = 3;
	shm->pool_no = 129;
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_ECORRUPT);
	shm->pool_no = 1;
	shm->obj.version = 0;
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_ELAYOUT);
	shm->obj.version = SHMCHAN_LAYOUT_VERSION;
	harness_truncate(&h, "p", seg.size - 1);
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_ETRUNC);
	harness_truncate(&h, "p", seg.size);
	cr_assert_eq(try_pool(p, "p"), 0);
	cr_assert_eq(try_pool(p, "p"), SHMCHAN_EEXIST);
	shmchan_seg_close(&seg);
	shmchan_detach(p);
	harness_end(&h);
}

Test(proc, blocks)
{
	struct shmchan_pool *a, *b;
	struct shmchan_proc *p, *q;
	shmchan_block x[3], y;
	struct harness h;

	create(&h);
	p = harness_attach(&h, 1);
	q = harness_attach(&h, 2);
	a = harness_pool(p, "p");
	b = harness_pool(q, "p");
	cr_assert_eq(shmchan_pool_block_size(a), 8192);
	cr_assert_eq(shmchan_pool_block_cnt(a), 3);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert_eq(shmchan_block_alloc(a, &x[i]), 0);
		cr_assert_eq((uintptr_t)shmchan_block_data(a, x[i]) % 128, 0);
	}
	cr_assert_eq(shmchan_block_alloc(b, &y), SHMCHAN_EXHAUSTED);
	cr_assert_eq(y, SHMCHAN_NO_BLOCK);
	cr_assert_eq(shmchan_block_free(a, SHMCHAN_NO_BLOCK), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_block_free(a, x[0] + 3), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_block_free(a, 2u << 24), SHMCHAN_EINVAL, "of another pool");
	cr_assert_eq(shmchan_block_keep(a, 2u << 24, 1), SHMCHAN_EINVAL);
	cr_assert_null(shmchan_block_data(a, x[0] + 3));
	cr_assert_null(shmchan_block_data(a, SHMCHAN_NO_BLOCK));
	cr_assert_null(shmchan_block_pool(p, 2u << 24));
	cr_assert_null(shmchan_block_pool(p, UINT32_MAX));
	cr_assert_eq(shmchan_block_pool(p, x[0]), a);
	cr_assert_eq(shmchan_block_free(b, x[0]), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_block_keep(b, x[0], 1), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_block_kept(a, 1, &y), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_block_keep(a, x[0], 1), 0);
	memset(shmchan_block_data(a, x[0]), 9, 8192);
	cr_assert_eq(shmchan_block_kept(b, 1, &y), SHMCHAN_ENOENT, "kept by another service");
	shmchan_detach(p);
	cr_assert_eq(harness_bury(&h, 1).blocks, 2);
	p = harness_attach(&h, 1);
	a = harness_pool(p, "p");
	cr_assert_eq(shmchan_block_kept(a, 2, &y), SHMCHAN_ENOENT);
	cr_assert_eq(shmchan_block_kept(a, 1, &y), 0);
	cr_assert_eq(y, x[0]);
	cr_assert_eq(((char *)shmchan_block_data(a, y))[8191], 9);
	cr_assert_eq(shmchan_block_free(a, y), 0);
	cr_assert_eq(shmchan_block_kept(a, 1, &y), SHMCHAN_ENOENT);
	harness_check(&h);
	shmchan_detach(p);
	shmchan_detach(q);
	harness_end(&h);
}

// The block was received through the first handle; through the second the message still has it.
Test(proc, a_receiver_that_opens_again_gets_the_block_again)
{
	struct shmchan_proc *p, *q;
	struct shmchan_pool *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_msg m = {0};
	struct harness h;

	create(&h);
	p = harness_attach(&h, 1);
	q = harness_attach(&h, 2);
	a = harness_pool(p, "p");
	b = harness_pool(q, "p");
	tx = harness_open(p, "c", SHMCHAN_TX);
	rx = harness_open(q, "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_block_alloc(a, &m.block), 0);
	cr_assert_eq(shmchan_try_send(tx, &m), 0);
	cr_assert_eq(shmchan_take(rx, &m), 0);
	shmchan_close(rx);
	rx = harness_open(q, "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_take(rx, &m), 0);
	cr_assert_eq(m.status, 0);
	cr_assert_neq(m.block, SHMCHAN_NO_BLOCK);
	cr_assert_eq(shmchan_block_free(b, m.block), 0);
	cr_assert_eq(shmchan_done(rx), 0);
	// A message that names a block which its receiver owns already is a bad one.
	cr_assert_eq(shmchan_try_send(tx, &(struct shmchan_msg){0}), 0);
	cr_assert_eq(shmchan_block_alloc(b, &m.block), 0);
	atomic_store(&tx->r.exts[1].block, m.block);
	cr_assert_eq(shmchan_take(rx, &m), 0);
	cr_assert_eq(m.status, SHMCHAN_ECORRUPT);
	cr_assert_eq(m.block, SHMCHAN_NO_BLOCK);
	shmchan_detach(p);
	shmchan_detach(q);
	harness_end(&h);
}

Test(proc, names_are_copies)
{
	struct shmchan_ctl_proc *procs;
	struct shmchan_proc *p;
	struct shmchan_why why;
	struct shmchan_seg seg, ring;
	struct shmchan *ch, *no;
	struct harness h;

	create(&h);
	seg = harness_map(&h, NULL);
	ring = harness_map(&h, "c");
	procs = (void *)((char *)seg.base + ((struct shmchan_ctl *)seg.base)->procs_off);
	memset(procs[1].name, 'x', SHMCHAN_NAME_MAX);
	memset(((struct shmchan_ring *)ring.base)->obj.name, 'y', SHMCHAN_NAME_MAX);
	p = harness_attach(&h, 1);
	ch = harness_open(p, "c", SHMCHAN_TX);
	memset(procs[1].name, 'z', SHMCHAN_NAME_MAX);
	cr_assert_eq(strlen(shmchan_self_name(p)), SHMCHAN_NAME_MAX - 1);
	cr_assert_eq(shmchan_self_name(p)[0], 'x');
	cr_assert_eq(strlen(shmchan_name(ch)), SHMCHAN_NAME_MAX - 1);
	cr_assert_eq(shmchan_open(p, "c", SHMCHAN_RX, &no, &why), SHMCHAN_EPERM);
	shmchan_seg_close(&seg);
	shmchan_seg_close(&ring);
	shmchan_detach(p);
	harness_end(&h);
}

Test(proc, signs_of_life)
{
	struct shmchan_view_proc v;
	struct shmchan_view *view;
	struct shmchan_proc *p, *q;
	uint32_t old;
	uint64_t corr;
	struct harness h;

	create(&h);
	p = harness_attach(&h, 1);
	q = harness_attach(&h, 2);
	cr_assert_eq(shmchan_view_open(&view, h.group, NULL), 0);
	cr_assert_eq(shmchan_view_proc(view, 0, &v), 0);
	cr_assert_not(v.ready);
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(shmchan_ready(p), 0);
	shmchan_beat(p);
	shmchan_beat(p);
	cr_assert_eq(shmchan_view_proc(view, 0, &v), 0);
	cr_assert(v.ready);
	cr_assert_eq(v.beat, 2);
	cr_assert_eq(shmchan_view_proc(view, 2, &v), SHMCHAN_ENOENT);
	corr = shmchan_corr(p);
	cr_assert_neq(shmchan_corr(p), corr);
	cr_assert_neq(shmchan_corr(q) >> 32, corr >> 32);
	old = shmchan_self(p);
	cr_assert(shmchan_alive(q, old));
	cr_assert(shmchan_alive(q, shmchan_owner_make(0, 1)), "the broker");
	cr_assert_not(shmchan_alive(q, 0));
	cr_assert_not(shmchan_alive(q, shmchan_owner_make(9, 1)));
	shmchan_detach(p);
	harness_bury(&h, 1);
	cr_assert_not(shmchan_alive(q, old));
	cr_assert(shmchan_alive(q, shmchan_owner_make(1, 2)));
	shmchan_view_close(view);
	shmchan_detach(q);
	harness_end(&h);
}

Test(proc, receives_while_somebody_is_there_who_stays)
{
	struct shmchan_proc *tx;
	struct shmchan *ch;
	struct harness h;

	create(&h);
	tx = harness_attach(&h, 1);
	ch = harness_open(tx, "c", SHMCHAN_TX);
	cr_assert(shmchan_receives(ch), "announced");
	cr_assert_eq(shmchan_broker_leaving(h.b, 2, true), SHMCHAN_ESTALE, "no process yet");
	cr_assert_eq(shmchan_broker_spawned(h.b, 2, getpid()), 0);
	cr_assert(shmchan_receives(ch));
	cr_assert_eq(shmchan_broker_leaving(h.b, 2, true), 0);
	cr_assert_not(shmchan_receives(ch));
	cr_assert_eq(shmchan_broker_leaving(h.b, 2, false), 0);
	cr_assert(shmchan_receives(ch));
	cr_assert_eq(shmchan_broker_leaving(h.b, 2, true), 0);
	cr_assert_eq(shmchan_broker_recover(h.b, 2, NULL, NULL), 0);
	cr_assert_not(shmchan_receives(ch), "nobody is there");
	cr_assert_eq(shmchan_broker_announce(h.b, 2, &h.inc[2]), 0);
	cr_assert(shmchan_receives(ch), "the next one stays");
	cr_assert_eq(shmchan_broker_leaving(h.b, 9, true), SHMCHAN_EINVAL);
	shmchan_detach(tx);
	harness_end(&h);
}

Test(proc, ready_notifies)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct shmchan_proc *p;
	struct harness h;
	char text[32], name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	create(&h);
	p = harness_attach(&h, 1);
	snprintf(name, sizeof(name), "@%s", h.group);
	memcpy(at.sun_path, name, strlen(name));
	at.sun_path[0] = 0;
	cr_assert_eq(bind(fd, (struct sockaddr *)&at,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		     0);
	setenv("NOTIFY_SOCKET", name, 1);
	cr_assert_eq(shmchan_ready(p), 0);
	cr_assert_eq(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
	cr_assert_eq(memcmp(text, "READY=1", 7), 0);
	close(fd);
	cr_assert_eq(shmchan_ready(p), SHMCHAN_ESYS, "nobody listens");
	shmchan_detach(p);
	harness_end(&h);
}
