#include "tests/shmchan/harness.h"

#include "shmchan/pool.h"

_Static_assert(sizeof(struct shmchan_pool_word) == 16 &&
		       offsetof(struct shmchan_pool_shm, block_size) == 128 &&
		       offsetof(struct shmchan_pool_shm, stride) == 136 &&
		       offsetof(struct shmchan_pool_shm, block_cnt) == 160 &&
		       offsetof(struct shmchan_pool_shm, pool_no) == 164,
	       "pools of layout 1");

Test(pool, footprint)
{
	cr_assert_eq(shmchan_pool_footprint(0, 1), 0);
	cr_assert_eq(shmchan_pool_footprint(1, 0), 0);
	cr_assert_eq(shmchan_pool_footprint(1, SHMCHAN_POOL_BLOCK_MAX), 0);
	cr_assert_eq(shmchan_pool_footprint(SHMCHAN_POOL_SIZE_MAX + 1, 1), 0);
	cr_assert_eq(shmchan_pool_footprint(SHMCHAN_POOL_SIZE_MAX, SHMCHAN_POOL_BLOCK_MAX - 1), 0,
		     "overflows");
	cr_assert_eq(shmchan_pool_footprint(1, 1), 4096 + 128);
	cr_assert_eq(shmchan_pool_footprint(4097, 2), 4096 + 2 * 8192);
	cr_assert_eq(shmchan_pool_footprint(UINT64_MAX, 1), 0);
}

Test(pool, join_refuses_a_damaged_header)
{
	static _Alignas(4096) char mem[16384];
	struct shmchan_pool_shm *shm = (void *)mem;
	size_t size = shmchan_pool_footprint(100, 5);
	struct shmchan_pool_ref p;
	struct shmchan_why why;

	shmchan_pool_new(mem, "g", 1, "pool", 1, 3, 100, 5);
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), 0);
	cr_assert_eq(shmchan_pool_join(&p, mem, size - 1, &why), SHMCHAN_ETRUNC);
	shm->obj.size = 128;
	cr_assert_eq(shmchan_pool_join(&p, mem, 200, &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_pool_join(&p, mem, size - 1, &why), SHMCHAN_ETRUNC);
	for (unsigned i = 0; i < 2; i++) {
		shm->pool_no = i ? SHMCHAN_POOL_MAX + 1 : 0;
		cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
	}
	shm->pool_no = 3;
	shm->block_size = UINT64_MAX;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
	shm->block_size = 1 << 20;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ETRUNC);
	shm->block_size = 100;
	shm->obj.kind = SHMCHAN_OBJ_RING;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
}

enum { BLOCKS = 7, OWNERS = 3, CHANS = 2 };

struct belief { // about one block
	enum shmchan_block_state state;
	shmchan_owner owner;
	uint16_t chan;
	uint64_t pos, tag;
};

struct game {
	struct shmchan_pool_ref p;
	struct belief b[BLOCKS];
	shmchan_owner owner[OWNERS];
	uint32_t inc, hint[OWNERS];
	uint64_t rng;
};

static uint64_t draw(struct game *g, uint64_t below)
{
	return harness_random(&g->rng) % below;
}

static bool mine(const struct belief *b, shmchan_owner o)
{
	return (b->state == SHMCHAN_BLOCK_OWNED || b->state == SHMCHAN_BLOCK_KEPT) && b->owner == o;
}

static void alloc(struct game *g, unsigned who)
{
	uint32_t i, free = 0;
	int err = shmchan_pool_alloc(&g->p, g->owner[who], &g->hint[who], &i);

	for (unsigned n = 0; n < BLOCKS; n++)
		free += g->b[n].state == SHMCHAN_BLOCK_FREE;
	cr_assert_eq(err, free ? 0 : SHMCHAN_EXHAUSTED);
	if (err)
		return;
	cr_assert_eq(g->b[i].state, SHMCHAN_BLOCK_FREE);
	g->b[i] = (struct belief){.state = SHMCHAN_BLOCK_OWNED, .owner = g->owner[who]};
}

static void change(struct game *g, unsigned who)
{
	uint32_t i = (uint32_t)draw(g, BLOCKS);
	struct belief *b = &g->b[i];
	shmchan_owner o = g->owner[who];
	uint16_t chan = (uint16_t)draw(g, CHANS);
	uint64_t pos = draw(g, 3), tag = draw(g, 3);
	bool ok = mine(b, o), sent = b->state == SHMCHAN_BLOCK_SENT && b->chan == chan && b->pos == pos;

	cr_assert_eq(shmchan_pool_mine(&g->p, o, i), ok);
	switch (draw(g, 5)) {
	case 0:
		cr_assert_eq(shmchan_pool_free(&g->p, o, i), ok ? 0 : SHMCHAN_ENOENT);
		if (ok)
			*b = (struct belief){0};
		break;
	case 1:
		cr_assert_eq(shmchan_pool_send(&g->p, o, i, chan, pos), ok ? 0 : SHMCHAN_ENOENT);
		if (ok)
			*b = (struct belief){SHMCHAN_BLOCK_SENT, 0, chan, pos, 0};
		break;
	case 2:
		cr_assert_eq(shmchan_pool_receive(&g->p, o, i, chan, pos), sent ? 0 : SHMCHAN_ENOENT);
		if (sent)
			*b = (struct belief){.state = SHMCHAN_BLOCK_OWNED, .owner = o};
		break;
	case 3:
		cr_assert_eq(shmchan_pool_keep(&g->p, o, i, tag), ok ? 0 : SHMCHAN_ENOENT);
		if (ok)
			*b = (struct belief){.state = SHMCHAN_BLOCK_KEPT, .owner = o, .tag = tag};
		break;
	default:
		cr_assert_eq(shmchan_pool_unsend(&g->p, i, chan, pos), sent);
		if (sent)
			*b = (struct belief){0};
	}
}

static void find_kept(struct game *g, unsigned who)
{
	uint64_t tag = draw(g, 3);
	uint32_t i = UINT32_MAX, want = UINT32_MAX;
	int err = shmchan_pool_kept(&g->p, g->owner[who], tag, &i);

	for (uint32_t n = BLOCKS; n-- > 0;)
		if (g->b[n].state == SHMCHAN_BLOCK_KEPT && g->b[n].tag == tag &&
		    shmchan_owner_slot(g->b[n].owner) == shmchan_owner_slot(g->owner[who]))
			want = n;
	cr_assert_eq(err, want == UINT32_MAX ? SHMCHAN_ENOENT : 0);
	cr_assert_eq(i, want);
	if (!err)
		g->b[i].owner = g->owner[who];
}

static void die(struct game *g, unsigned who)
{
	uint32_t freed = 0;

	for (unsigned n = 0; n < BLOCKS; n++)
		if (g->b[n].state == SHMCHAN_BLOCK_OWNED && g->b[n].owner == g->owner[who]) {
			g->b[n] = (struct belief){0};
			freed++;
		}
	cr_assert_eq(shmchan_pool_recover(&g->p, g->owner[who]), freed);
	cr_assert_eq(shmchan_pool_recover(&g->p, g->owner[who]), 0);
	g->owner[who] = shmchan_owner_make(who + 1, ++g->inc);
}

Test(pool, model)
{
	static _Alignas(4096) char mem[16384];
	struct game g = {.rng = harness_seed(), .inc = 1};
	struct shmchan_pool_count cnt;

	shmchan_pool_new(mem, "g", 1, "pool", 1, 3, 100, BLOCKS);
	cr_assert_eq(shmchan_pool_join(&g.p, mem, sizeof(mem), NULL), 0);
	for (unsigned i = 0; i < OWNERS; i++)
		g.owner[i] = shmchan_owner_make(i + 1, 1);
	for (unsigned step = 0; step < 200000; step++) {
		unsigned who = (unsigned)draw(&g, OWNERS), states[4] = {0};
		uint64_t what = draw(&g, 100);

		if (what < 40)
			alloc(&g, who);
		else if (what < 88)
			change(&g, who);
		else if (what < 98)
			find_kept(&g, who);
		else
			die(&g, who);
		for (unsigned n = 0; n < BLOCKS; n++)
			states[g.b[n].state]++;
		shmchan_pool_count(&g.p, &cnt);
		cr_assert_eq(cnt.free, states[SHMCHAN_BLOCK_FREE]);
		cr_assert_eq(cnt.owned, states[SHMCHAN_BLOCK_OWNED]);
		cr_assert_eq(cnt.kept, states[SHMCHAN_BLOCK_KEPT]);
		cr_assert_eq(cnt.sent, states[SHMCHAN_BLOCK_SENT]);
	}
}
