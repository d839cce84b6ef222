// The pool: fixed-size blocks, each with one word that names its state and its owner (word.h). There is no free list:
// allocation scans for a FREE word from a private starting point and takes it by compare-and-swap, so that there is no
// instruction at which a block is in neither place. Scans are short as pools of large blocks have few blocks.
//
// Truth: the words. Derived: everything else (counts are made by a scan).
#ifndef SHMCHAN_POOL_H
#define SHMCHAN_POOL_H

#include "shmchan/obj.h"
#include "shmchan/word.h"

#define SHMCHAN_POOL_BLOCK_MAX (1u << 24)
#define SHMCHAN_POOL_SIZE_MAX ((uint64_t)1 << 40)
#define SHMCHAN_POOL_MAX 128 // pools of a group

struct shmchan_pool_word {
	_Atomic uint64_t word;
	_Atomic uint64_t tag; // of a KEPT block; written by its owner before it is kept
};

struct shmchan_pool_shm {
	struct shmchan_obj obj;
	uint64_t block_size; // bytes a user asked for
	uint64_t stride; // bytes from block to block, a multiple of SHMCHAN_LINE (of a page for large blocks)
	uint64_t words_off, blocks_off;
	uint32_t block_cnt;
	uint32_t pool_no; // from 1; upper byte of a shmchan_block
	char pad[SHMCHAN_LINE - 40];
};
_Static_assert(sizeof(struct shmchan_pool_shm) == 2 * SHMCHAN_LINE, "layout");

struct shmchan_pool_ref {
	struct shmchan_pool_word *words;
	char *blocks;
	uint64_t block_size, stride;
	uint32_t block_cnt, pool_no;
	char name[SHMCHAN_NAME_MAX]; // a copy, with its NUL
};

size_t shmchan_pool_footprint(uint64_t block_size, uint32_t block_cnt); // 0 if out of bounds
void shmchan_pool_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t pool_no, uint64_t block_size, uint32_t block_cnt);
int shmchan_pool_join(struct shmchan_pool_ref *out, void *mem, size_t size, struct shmchan_why *why);

static inline shmchan_block shmchan_block_make(uint32_t pool_no, uint32_t i)
{
	return pool_no << 24 | i;
}

// Index of block b in the pool, or UINT32_MAX.
static inline uint32_t shmchan_block_index(const struct shmchan_pool_ref *p, shmchan_block b)
{
	uint32_t i = b & 0xffffff;

	return b >> 24 == p->pool_no && i < p->block_cnt ? i : UINT32_MAX;
}

// The moves of a block between owners; each is one compare-and-swap that fails with ENOENT if the block isn't `owner`'s.
int shmchan_pool_alloc(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t *hint, uint32_t *out);
// Is block i OWNED or KEPT by `owner`?
bool shmchan_pool_mine(const struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i);
int shmchan_pool_free(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i);
int shmchan_pool_send(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
		      uint64_t pos);
int shmchan_pool_receive(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
			 uint64_t pos);
int shmchan_pool_keep(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint64_t tag);
int shmchan_pool_kept(struct shmchan_pool_ref *p, shmchan_owner owner, uint64_t tag, uint32_t *out);

// Frees what a dead owner OWNED; what it KEPT stays. Returns the number freed. Idempotent.
uint32_t shmchan_pool_recover(struct shmchan_pool_ref *p, shmchan_owner dead);
// Frees block i if it is SENT in message `pos` of channel `chan`. Returns whether it was.
bool shmchan_pool_unsend(struct shmchan_pool_ref *p, uint32_t i, uint16_t chan, uint64_t pos);

struct shmchan_pool_count {
	uint32_t free, owned, kept, sent;
};
void shmchan_pool_count(const struct shmchan_pool_ref *p, struct shmchan_pool_count *out);

#endif
