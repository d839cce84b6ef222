// Pools with classes, and magazines, through the public calls.
#include "tests/shmchan/harness.h"

#include "shmchan/proc.h"

enum { SMALL = 4 * SHMCHAN_MAGAZINE_MAX * 2, LARGE = 2 };

static const unsigned both[] = {1, 2};
static const struct shmchan_pool_class sizes[] = {{100, SMALL}, {5000, LARGE}};
static const struct shmchan_pool_spec pools[] = {
	{.name = "p", .classes = sizes, .class_cnt = 2, .users = both, .user_cnt = 2}};

static void create(struct harness *h)
{
	harness_create(h, 2, NULL, 0, pools, 1);
}

Test(block, classes)
{
	struct shmchan_pool *pool;
	struct shmchan_why why;
	struct harness h;
	shmchan_block b;

	create(&h);
	pool = harness_pool(harness_attach(&h, 1), "p");
	cr_assert_str_eq(shmchan_pool_name(pool), "p");
	cr_assert_eq(shmchan_pool_block_size(pool), 5000);
	cr_assert_eq(shmchan_pool_block_cnt(pool), SMALL + LARGE);
	cr_assert_eq(shmchan_block_alloc_size(pool, 0, &b, NULL), 0);
	cr_assert_eq(shmchan_block_size(pool, b), 100);
	memset(shmchan_block_data(pool, b), 1, 100);
	cr_assert_eq(shmchan_block_free(pool, b), 0);
	cr_assert_eq(shmchan_block_alloc_size(pool, 5001, &b, &why), SHMCHAN_EINVAL);
	cr_assert_str_eq(why.object, "p");
	cr_assert_eq(b, SHMCHAN_NO_BLOCK);
	for (unsigned i = 0; i < LARGE; i++) {
		cr_assert_eq(shmchan_block_alloc(pool, &b), 0);
		cr_assert_eq(shmchan_block_size(pool, b), 5000);
	}
	cr_assert_eq(shmchan_block_alloc(pool, &b), SHMCHAN_EXHAUSTED);
	cr_assert_eq(shmchan_block_alloc_size(pool, 101, &b, &why), SHMCHAN_EXHAUSTED);
	cr_assert_str_eq(why.object, "p", "the error names the pool");
	cr_assert_eq(shmchan_block_size(pool, b), 0);
	cr_assert_eq(shmchan_block_size(pool, shmchan_block_make(2, 0)), 0);
	harness_end(&h);
}

// Blocks in the magazine of one process are no loss to another, whether the one lives, leaves or dies.
Test(block, magazines)
{
	struct shmchan_pool *one, *two;
	struct shmchan_proc *p;
	struct shmchan_repair repair;
	struct harness h;
	shmchan_block b, all[SMALL];

	create(&h);
	p = harness_attach(&h, 1);
	one = harness_pool(p, "p");
	two = harness_pool(harness_attach(&h, 2), "p");
	cr_assert_eq(shmchan_block_alloc_size(one, 1, &b, NULL), 0);
	cr_assert_gt(one->mags[0].cnt, 0);
	cr_assert_eq(shmchan_block_free(two, b), SHMCHAN_ENOENT);
	for (unsigned i = 0; i < SMALL - 1; i++) {
		cr_assert_eq(shmchan_block_alloc_size(two, 1, &all[i], NULL), 0);
		cr_assert_eq(shmchan_block_size(two, all[i]), 100);
	}
	for (unsigned i = 0; i < SMALL - 1; i++)
		cr_assert_eq(shmchan_block_free(two, all[i]), 0);
	cr_assert_gt(two->mags[0].cnt, 0);
	harness_check(&h);
	repair = harness_bury(&h, 2);
	cr_assert_eq(repair.blocks, 0, "what is cached was free");
	cr_assert_eq(shmchan_block_free(one, b), 0);
	shmchan_detach(p);
	harness_check(&h);
	harness_end(&h);
}
