#include "tests/shmchan/harness.h"

#include "shmchan/pool.h"

_Static_assert(sizeof(struct shmchan_pool_word) == 16 &&
		       offsetof(struct shmchan_pool_shm, pool_no) == 128 &&
		       offsetof(struct shmchan_pool_shm, class_cnt) == 132 &&
		       offsetof(struct shmchan_pool_shm, classes) == 256 &&
		       sizeof(((struct shmchan_pool_shm *)0)->classes[0]) == 16,
	       "pools of layout 1");

static size_t footprint(size_t block_size, uint32_t block_cnt)
{
	return shmchan_pool_footprint(&(struct shmchan_pool_class){block_size, block_cnt}, 1);
}

Test(pool, footprint)
{
	struct shmchan_pool_class two[2] = {{100, 3}, {5000, 2}}, many[SHMCHAN_POOL_CLASSES + 1];

	cr_assert_eq(footprint(0, 1), 0);
	cr_assert_eq(footprint(1, 0), 0);
	cr_assert_eq(footprint(1, SHMCHAN_POOL_BLOCK_MAX), 0);
	cr_assert_eq(footprint(SHMCHAN_POOL_SIZE_MAX + 1, 1), 0);
	cr_assert_eq(footprint(SHMCHAN_POOL_SIZE_MAX, SHMCHAN_POOL_BLOCK_MAX - 1), 0, "overflows");
	cr_assert_eq(footprint(1, 1), 4096 + 4096);
	cr_assert_eq(footprint(4097, 2), 4096 + 2 * 8192);
	cr_assert_eq(footprint(UINT64_MAX, 1), 0);
	cr_assert_eq(shmchan_pool_footprint(two, 2), 4096 + 4096 + 2 * 8192);
	cr_assert_eq(shmchan_pool_footprint(two, 0), 0);
	two[1].block_size = 100;
	cr_assert_eq(shmchan_pool_footprint(two, 2), 0, "sizes grow");
	two[0].block_cnt = two[1].block_cnt = SHMCHAN_POOL_BLOCK_MAX / 2;
	two[1].block_size = 101;
	cr_assert_eq(shmchan_pool_footprint(two, 2), 0, "too many blocks in all");
	for (unsigned i = 0; i <= SHMCHAN_POOL_CLASSES; i++)
		many[i] = (struct shmchan_pool_class){i + 1, 1};
	cr_assert_neq(shmchan_pool_footprint(many, SHMCHAN_POOL_CLASSES), 0);
	cr_assert_eq(shmchan_pool_footprint(many, SHMCHAN_POOL_CLASSES + 1), 0);
	for (unsigned i = 0; i < SHMCHAN_POOL_CLASSES; i++)
		many[i] = (struct shmchan_pool_class){SHMCHAN_POOL_SIZE_MAX - 4096 * (16 - i), 1 << 20};
	cr_assert_eq(shmchan_pool_footprint(many, SHMCHAN_POOL_CLASSES), 0, "the sum overflows");
}

static void new_pool(void *mem, uint32_t pool_no, size_t block_size, uint32_t block_cnt)
{
	shmchan_pool_new(mem, "g", 1, "pool", 1, pool_no, &(struct shmchan_pool_class){block_size, block_cnt}, 1);
}

Test(pool, join_refuses_a_damaged_header)
{
	static _Alignas(4096) char mem[16384];
	struct shmchan_pool_shm *shm = (void *)mem;
	size_t size = footprint(100, 5);
	struct shmchan_pool_ref p;
	struct shmchan_why why;

	new_pool(mem, 3, 100, 5);
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
	for (unsigned i = 0; i < 2; i++) {
		shm->class_cnt = i ? UINT32_MAX : 0;
		cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
	}
	shm->class_cnt = 2;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT, "the second has no blocks");
	shm->class_cnt = 1;
	shm->classes[0].block_size = UINT64_MAX;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
	shm->classes[0].block_size = 1 << 20;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ETRUNC);
	shm->classes[0].block_size = 100;
	shm->classes[0].block_cnt = (1ull << 32) + 5;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
	shm->classes[0].block_cnt = 5;
	shm->obj.kind = SHMCHAN_OBJ_RING;
	cr_assert_eq(shmchan_pool_join(&p, mem, size, &why), SHMCHAN_ECORRUPT);
}

Test(pool, classes)
{
	static _Alignas(4096) char mem[65536];
	struct shmchan_pool_class classes[3] = {{64, 4}, {1000, 3}, {9000, 2}};
	struct shmchan_pool_ref p;
	uint32_t i;

	cr_assert_leq(shmchan_pool_footprint(classes, 3), sizeof(mem));
	shmchan_pool_new(mem, "g", 1, "pool", 1, 1, classes, 3);
	cr_assert_eq(shmchan_pool_join(&p, mem, sizeof(mem), NULL), 0);
	cr_assert_eq(p.block_cnt, 9);
	for (i = 0; i < p.block_cnt; i++) // no two overlap
		memset(shmchan_pool_data(&p, i), (int)i, shmchan_pool_class_of(&p, i)->block_size);
	for (i = 0; i < p.block_cnt; i++) {
		const unsigned char *b = shmchan_pool_data(&p, i);
		size_t size = i < 4 ? 64 : i < 7 ? 1000 : 9000;

		cr_assert_eq(shmchan_pool_class_of(&p, i)->block_size, size);
		cr_assert_eq((uintptr_t)b % SHMCHAN_LINE, 0);
		cr_assert_eq(b[0], i);
		cr_assert_eq(b[size - 1], i);
	}
	cr_assert_eq(shmchan_pool_alloc(&p, 5, 9001, NULL, &i), SHMCHAN_EINVAL);
	for (unsigned n = 0; n < 5; n++) { // the middle class first, then the large one
		cr_assert_eq(shmchan_pool_alloc(&p, 5, 65, NULL, &i), 0);
		cr_assert_eq(shmchan_pool_class_of(&p, i)->block_size, n < 3 ? 1000 : 9000);
	}
	cr_assert_eq(shmchan_pool_alloc(&p, 5, 65, NULL, &i), SHMCHAN_EXHAUSTED);
	cr_assert_eq(shmchan_pool_alloc(&p, 5, 64, NULL, &i), 0);
	cr_assert_lt(i, 4);
}

Test(pool, magazine)
{
	enum { CNT = 4 * SHMCHAN_MAGAZINE_MAX * SHMCHAN_MAGAZINE_MAX };
	static _Alignas(4096) char mem[512 * 1024];
	struct shmchan_magazine a, b;
	struct shmchan_pool_ref p;
	struct shmchan_pool_count n;
	uint32_t i, j, held[CNT];

	cr_assert_leq(footprint(64, CNT), sizeof(mem));
	new_pool(mem, 1, 64, CNT);
	cr_assert_eq(shmchan_pool_join(&p, mem, sizeof(mem), NULL), 0);
	shmchan_magazine_init(&a, &p.classes[0], 0);
	shmchan_magazine_init(&b, &p.classes[0], 3);
	cr_assert_eq(a.room, SHMCHAN_MAGAZINE_MAX);
	cr_assert_eq(shmchan_pool_alloc(&p, 1, 1, &a, &i), 0);
	shmchan_pool_count(&p, 0, CNT, &n);
	cr_assert_eq(n.owned, 1);
	cr_assert_eq(n.cached, SHMCHAN_MAGAZINE_MAX / 2);
	cr_assert_eq(shmchan_pool_free(&p, 1, &a, i), 0);
	cr_assert_eq(shmchan_pool_free(&p, 1, &a, i), SHMCHAN_ENOENT, "twice");
	cr_assert_not(shmchan_pool_mine(&p, 1, i));
	cr_assert_eq(shmchan_pool_alloc(&p, 1, 1, &a, &j), 0);
	cr_assert_eq(j, i, "what was freed last comes first");

	// Another takes everything, also what is cached: a pool is exhausted when all of it is in use, no sooner.
	for (unsigned k = 0; k < CNT - 1; k++)
		cr_assert_eq(shmchan_pool_alloc(&p, 2, 1, &b, &held[k]), 0);
	cr_assert_eq(shmchan_pool_alloc(&p, 2, 1, &b, &j), SHMCHAN_EXHAUSTED);
	cr_assert_eq(shmchan_pool_alloc(&p, 1, 1, &a, &j), SHMCHAN_EXHAUSTED, "its magazine was emptied by the other");
	for (unsigned k = 0; k < CNT - 1; k++)
		cr_assert_eq(shmchan_pool_free(&p, 2, &b, held[k]), 0);
	shmchan_pool_count(&p, 0, CNT, &n);
	cr_assert_eq(n.cached, SHMCHAN_MAGAZINE_MAX);
	cr_assert_eq(n.free, CNT - 1 - SHMCHAN_MAGAZINE_MAX);
	cr_assert_eq(shmchan_pool_recover(&p, 2), 0, "it owned none");
	shmchan_pool_count(&p, 0, CNT, &n);
	cr_assert_eq(n.cached, 0);

	cr_assert_eq(shmchan_pool_free(&p, 1, &a, i), 0);
	shmchan_pool_flush(&p, 1, &a);
	shmchan_pool_count(&p, 0, CNT, &n);
	cr_assert_eq(n.free, CNT);
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
	uint32_t inc;
	struct shmchan_magazine mag[OWNERS];
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
	int err = shmchan_pool_alloc(&g->p, g->owner[who], 100, &g->mag[who], &i);

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
		cr_assert_eq(shmchan_pool_free(&g->p, o, &g->mag[who], i), ok ? 0 : SHMCHAN_ENOENT);
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
	g->mag[who].cnt = 0;
}

Test(pool, model)
{
	static _Alignas(4096) char mem[16384];
	struct game g = {.rng = harness_seed(), .inc = 1};
	struct shmchan_pool_count cnt;

	new_pool(mem, 3, 100, BLOCKS);
	cr_assert_eq(shmchan_pool_join(&g.p, mem, sizeof(mem), NULL), 0);
	for (unsigned i = 0; i < OWNERS; i++) {
		g.owner[i] = shmchan_owner_make(i + 1, 1);
		shmchan_magazine_init(&g.mag[i], &g.p.classes[0], i);
		g.mag[i].room = 2; // more than so small a pool gets, so that the model sees magazines
	}
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
		shmchan_pool_count(&g.p, 0, BLOCKS, &cnt);
		cr_assert_eq(cnt.free + cnt.cached, states[SHMCHAN_BLOCK_FREE]);
		cr_assert_eq(cnt.owned, states[SHMCHAN_BLOCK_OWNED]);
		cr_assert_eq(cnt.kept, states[SHMCHAN_BLOCK_KEPT]);
		cr_assert_eq(cnt.sent, states[SHMCHAN_BLOCK_SENT]);
	}
}
