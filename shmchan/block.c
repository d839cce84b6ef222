// Pools and blocks as a process uses them: shmchan.h on top of pool.h.
#include <stdlib.h>
#include "shmchan/proc.h"

#define SPREAD 8 // processes begin to look for blocks this many apart: a line of words each

int shmchan_pool_open(struct shmchan_proc *p, const char *name, struct shmchan_pool **out,
		      struct shmchan_why *why)
{
	struct shmchan_pool *pool;
	int e, err;

	*out = NULL;
	e = shmchan_name_ok(name) ? shmchan_ctl_find(&p->c, name, SHMCHAN_OBJ_POOL) : -1;
	if (e < 0)
		return shmchan_fail(why, SHMCHAN_ENOENT, 0, name ? name : "", "group %s has no such pool",
				    p->group);
	if (!shmchan_slot_in(p->c.entries[e].producers, p->slot))
		return shmchan_fail(why, SHMCHAN_EPERM, 0, name, "%s is not declared as a user", p->name);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return shmchan_fail(why, SHMCHAN_ENOMEM, 0, name, "%zu bytes", sizeof(*pool));
	err = shmchan_seg_open(&pool->seg, p->group, name, true, why);
	if (!err)
		err = shmchan_pool_join(&pool->ref, pool->seg.base, pool->seg.size, why);
	if (!err && p->pools[pool->ref.pool_no])
		err = shmchan_fail(why, SHMCHAN_EEXIST, 0, name, "the pool is open already");
	if (err) {
		shmchan_seg_close(&pool->seg);
		free(pool);
		return err;
	}
	pool->proc = p;
	pool->users = p->c.entries[e].producers;
	for (unsigned i = 0; i < pool->ref.class_cnt; i++)
		shmchan_magazine_init(&pool->mags[i], &pool->ref.classes[i], p->slot * SPREAD);
	p->pools[pool->ref.pool_no] = pool;
	*out = pool;
	return 0;
}

const char *shmchan_pool_name(const struct shmchan_pool *pool)
{
	return pool->ref.name;
}

size_t shmchan_pool_block_size(const struct shmchan_pool *pool)
{
	return pool->ref.classes[pool->ref.class_cnt - 1].block_size;
}

uint32_t shmchan_pool_block_cnt(const struct shmchan_pool *pool)
{
	return pool->ref.block_cnt;
}

static int alloc(struct shmchan_pool *pool, size_t bytes, shmchan_block *out)
{
	uint32_t i = 0;
	int err = shmchan_pool_alloc(&pool->ref, pool->proc->me, bytes, pool->mags, &i);

	*out = err ? SHMCHAN_NO_BLOCK : shmchan_block_make(pool->ref.pool_no, i);
	return err;
}

int shmchan_block_alloc(struct shmchan_pool *pool, shmchan_block *out)
{
	return alloc(pool, shmchan_pool_block_size(pool), out);
}

int shmchan_block_alloc_size(struct shmchan_pool *pool, size_t bytes, shmchan_block *out,
			     struct shmchan_why *why)
{
	int err = alloc(pool, bytes, out);

	if (err == SHMCHAN_EXHAUSTED)
		shmchan_fail(why, err, 0, pool->ref.name, "all blocks of %zu bytes and more are in use", bytes);
	else if (err)
		shmchan_fail(why, err, 0, pool->ref.name, "%zu bytes asked for, its largest block has %zu", bytes,
			     shmchan_pool_block_size(pool));
	return err;
}

size_t shmchan_block_size(const struct shmchan_pool *pool, shmchan_block b)
{
	uint32_t i = shmchan_block_index(&pool->ref, b);

	return i == UINT32_MAX ? 0 : shmchan_pool_class_of(&pool->ref, i)->block_size;
}

int shmchan_block_free(struct shmchan_pool *pool, shmchan_block b)
{
	uint32_t i = shmchan_block_index(&pool->ref, b);

	return i == UINT32_MAX ? SHMCHAN_EINVAL
			       : shmchan_pool_free(&pool->ref, pool->proc->me, pool->mags, i);
}

void *shmchan_block_data(struct shmchan_pool *pool, shmchan_block b)
{
	uint32_t i = shmchan_block_index(&pool->ref, b);

	return i == UINT32_MAX ? NULL : shmchan_pool_data(&pool->ref, i);
}

struct shmchan_pool *shmchan_block_pool(struct shmchan_proc *p, shmchan_block b)
{
	return b >> 24 <= SHMCHAN_POOL_MAX ? p->pools[b >> 24] : NULL;
}

int shmchan_block_keep(struct shmchan_pool *pool, shmchan_block b, uint64_t tag)
{
	uint32_t i = shmchan_block_index(&pool->ref, b);

	return i == UINT32_MAX ? SHMCHAN_EINVAL : shmchan_pool_keep(&pool->ref, pool->proc->me, i, tag);
}

int shmchan_block_kept(struct shmchan_pool *pool, uint64_t tag, shmchan_block *out)
{
	uint32_t i;
	int err = shmchan_pool_kept(&pool->ref, pool->proc->me, tag, &i);

	*out = err ? SHMCHAN_NO_BLOCK : shmchan_block_make(pool->ref.pool_no, i);
	return err;
}
