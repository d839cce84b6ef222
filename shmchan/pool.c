#include "shmchan/pool.h"

#include <stdio.h>

#define PAGE 4096

static uint64_t stride_of(uint64_t block_size)
{
	return shmchan_align(block_size, block_size >= PAGE ? PAGE : SHMCHAN_LINE);
}

static uint64_t blocks_off_of(uint32_t block_cnt)
{
	return shmchan_align(sizeof(struct shmchan_pool_shm) +
				     (uint64_t)block_cnt * sizeof(struct shmchan_pool_word),
			     PAGE);
}

size_t shmchan_pool_footprint(uint64_t block_size, uint32_t block_cnt)
{
	if (block_size < 1 || block_size > SHMCHAN_POOL_SIZE_MAX || block_cnt < 1 ||
	    block_cnt >= SHMCHAN_POOL_BLOCK_MAX ||
	    stride_of(block_size) > (UINT64_MAX >> 1) / block_cnt - blocks_off_of(block_cnt))
		return 0;
	return blocks_off_of(block_cnt) + stride_of(block_size) * block_cnt;
}

void shmchan_pool_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t pool_no, uint64_t block_size, uint32_t block_cnt)
{
	struct shmchan_pool_shm *p = mem;

	shmchan_obj_new(&p->obj, SHMCHAN_OBJ_POOL, shmchan_pool_footprint(block_size, block_cnt), group,
			group_tag, name, id);
	p->block_size = block_size;
	p->stride = stride_of(block_size);
	p->words_off = sizeof(*p);
	p->blocks_off = blocks_off_of(block_cnt);
	p->block_cnt = block_cnt;
	p->pool_no = pool_no;
	shmchan_obj_publish(&p->obj);
}

int shmchan_pool_join(struct shmchan_pool_ref *out, void *mem, size_t size, struct shmchan_why *why)
{
	struct shmchan_pool_shm *p = mem;
	size_t need;
	int err = shmchan_obj_join(&p->obj, size, SHMCHAN_OBJ_POOL, why);

	if (err)
		return err;
	if (size < sizeof(*p))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "pool", "%zu bytes", size);
	*out = (struct shmchan_pool_ref){
		.block_size = p->block_size, .block_cnt = p->block_cnt, .pool_no = p->pool_no};
	snprintf(out->name, sizeof(out->name), "%.31s", p->obj.name);
	need = shmchan_pool_footprint(out->block_size, out->block_cnt);
	if (!need || out->pool_no < 1 || out->pool_no > SHMCHAN_POOL_MAX)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, out->name, "header values out of bounds");
	if (need > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, out->name, "segment has %zu bytes, %zu needed",
				    size, need);
	out->stride = stride_of(out->block_size);
	out->words = (void *)((char *)mem + sizeof(*p));
	out->blocks = (char *)mem + blocks_off_of(out->block_cnt);
	return 0;
}

// Success: acq_rel, so that what the last owner wrote is seen by the next one, and nothing of the next one's runs ahead.
// Failure: relaxed, as nothing is done with the value.
static bool change(struct shmchan_pool_ref *p, uint32_t i, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong_explicit(&p->words[i].word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

static uint64_t peek(const struct shmchan_pool_ref *p, uint32_t i)
{
	// Relaxed: only a candidate for the compare-and-swap that decides.
	return atomic_load_explicit(&p->words[i].word, memory_order_relaxed);
}

int shmchan_pool_alloc(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t *hint, uint32_t *out)
{
	uint32_t i = *hint < p->block_cnt ? *hint : 0;

	for (uint32_t n = 0; n < p->block_cnt; n++) {
		// Dying after the exchange leaves the block OWNED by the dead: recovery frees it.
		if (peek(p, i) == 0 && change(p, i, 0, shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner))) {
			*out = i;
			*hint = i + 1;
			return 0;
		}
		i = i + 1 < p->block_cnt ? i + 1 : 0;
	}
	return SHMCHAN_EXHAUSTED;
}

// A block that its owner may dispose of: OWNED or KEPT by it. Returns the word, 0 if it is neither.
static uint64_t mine(const struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i)
{
	uint64_t w = peek(p, i);

	return w == shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner) ||
			       w == shmchan_block_owned(SHMCHAN_BLOCK_KEPT, owner)
		       ? w
		       : 0;
}

bool shmchan_pool_mine(const struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i)
{
	return mine(p, owner, i) != 0;
}

int shmchan_pool_free(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i)
{
	uint64_t w = mine(p, owner, i);

	return w && change(p, i, w, 0) ? 0 : SHMCHAN_ENOENT;
}

int shmchan_pool_send(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
		      uint64_t pos)
{
	uint64_t w = mine(p, owner, i);

	return w && change(p, i, w, shmchan_block_sent(chan, pos)) ? 0 : SHMCHAN_ENOENT;
}

int shmchan_pool_receive(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
			 uint64_t pos)
{
	return change(p, i, shmchan_block_sent(chan, pos), shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner))
		       ? 0
		       : SHMCHAN_ENOENT;
}

int shmchan_pool_keep(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint64_t tag)
{
	uint64_t w = mine(p, owner, i);

	if (!w)
		return SHMCHAN_ENOENT;
	// Dying before the exchange leaves an OWNED block with a tag that nobody reads. Relaxed: ordered by the exchange.
	atomic_store_explicit(&p->words[i].tag, tag, memory_order_relaxed);
	return change(p, i, w, shmchan_block_owned(SHMCHAN_BLOCK_KEPT, owner)) ? 0 : SHMCHAN_ENOENT;
}

int shmchan_pool_kept(struct shmchan_pool_ref *p, shmchan_owner owner, uint64_t tag, uint32_t *out)
{
	for (uint32_t i = 0; i < p->block_cnt; i++) {
		uint64_t w = atomic_load_explicit(&p->words[i].word,
						  memory_order_acquire); // pairs with keep's exchange

		if (shmchan_block_state(w) == SHMCHAN_BLOCK_KEPT &&
		    shmchan_owner_slot((shmchan_owner)w) == shmchan_owner_slot(owner) &&
		    atomic_load_explicit(&p->words[i].tag, memory_order_relaxed) == tag &&
		    change(p, i, w, shmchan_block_owned(SHMCHAN_BLOCK_KEPT, owner))) {
			*out = i;
			return 0;
		}
	}
	return SHMCHAN_ENOENT;
}

uint32_t shmchan_pool_recover(struct shmchan_pool_ref *p, shmchan_owner dead)
{
	uint64_t w = shmchan_block_owned(SHMCHAN_BLOCK_OWNED, dead);
	uint32_t freed = 0;

	for (uint32_t i = 0; i < p->block_cnt; i++)
		if (peek(p, i) == w)
			freed += change(p, i, w, 0);
	return freed;
}

bool shmchan_pool_unsend(struct shmchan_pool_ref *p, uint32_t i, uint16_t chan, uint64_t pos)
{
	return change(p, i, shmchan_block_sent(chan, pos), 0);
}

void shmchan_pool_count(const struct shmchan_pool_ref *p, struct shmchan_pool_count *out)
{
	*out = (struct shmchan_pool_count){0};
	for (uint32_t i = 0; i < p->block_cnt; i++) {
		switch (shmchan_block_state(peek(p, i))) {
		case SHMCHAN_BLOCK_OWNED:
			out->owned++;
			break;
		case SHMCHAN_BLOCK_KEPT:
			out->kept++;
			break;
		case SHMCHAN_BLOCK_SENT:
			out->sent++;
			break;
		case SHMCHAN_BLOCK_FREE:
			out->free++;
			break;
		}
	}
}
