// The pool: blocks of one or several sizes, each with one word that names its state and its owner (word.h). There is no
// free list: allocation scans for a FREE word from a private starting point and takes it by compare-and-swap, so that
// there is no instruction at which a block is in neither place. What a process frees it keeps CACHED, its magazine, and
// takes again first: that word and that block are in its processor's cache, and no two processes meet on one line of words.
// A cached block is no reserve: who finds none FREE takes one that another has CACHED, so that a pool is exhausted only
// when every block is in use. The magazine is Bonwick's and Adams' (USENIX 2001) without the depot: the words are one.
//
// Truth: the words. Derived: everything else (counts are made by a scan).
//
// Beside its word each block has a *link*, which the block's owner writes when it sends the block through a channel of kind
// mpsc-intrusive (mpsc_intrusive.h), and nobody from then on until another owner does.
#ifndef SHMCHAN_POOL_H
#define SHMCHAN_POOL_H

#include "shmchan/broker.h"
#include "shmchan/obj.h"
#include "shmchan/word.h"

#define SHMCHAN_POOL_BLOCK_MAX (1u << 24)
#define SHMCHAN_POOL_SIZE_MAX ((uint64_t)1 << 40)
#define SHMCHAN_POOL_MAX 128 // pools of a group
#define SHMCHAN_MAGAZINE_MAX 16

struct shmchan_pool_word {
	_Atomic uint64_t word;
	_Atomic uint64_t tag; // of a KEPT block; written by its owner before it is kept
};

struct shmchan_pool_link {
	_Atomic uint64_t prev; // place (ring.h) of the message sent before this one
	_Atomic uint64_t desc; // word.h
	uint64_t corr;
	uint32_t sender; // owner tag
	uint16_t reply, pad;
	unsigned char data[SHMCHAN_MSG_MAX_INTRUSIVE];
};
_Static_assert(sizeof(struct shmchan_pool_link) == SHMCHAN_LINE, "layout");

struct shmchan_pool_shm {
	struct shmchan_obj obj;
	uint32_t pool_no; // from 1; upper byte of a shmchan_block
	uint32_t class_cnt;
	char pad[SHMCHAN_LINE - 8];
	struct {
		uint64_t block_size; // bytes a user asked for; grows from class to class
		uint64_t block_cnt;
	} classes[SHMCHAN_POOL_CLASSES];
};
_Static_assert(sizeof(struct shmchan_pool_shm) == 4 * SHMCHAN_LINE, "layout");

// Blocks are numbered through all classes, those of the smallest first.
struct shmchan_pool_class_ref {
	char *blocks;
	uint64_t block_size; // bytes
	uint64_t stride;     // bytes from block to block, a multiple of SHMCHAN_LINE (of a page for large blocks)
	uint32_t first, cnt; // indices [first, first + cnt)
};

struct shmchan_pool_ref {
	struct shmchan_pool_word *words;
	struct shmchan_pool_link *links; // as many
	struct shmchan_pool_class_ref classes[SHMCHAN_POOL_CLASSES];
	uint32_t class_cnt, block_cnt, pool_no;
	char name[SHMCHAN_NAME_MAX]; // a copy, with its NUL
};

// Bytes of a pool with those classes; 0 if a count or size is out of bounds, or the sizes do not grow.
size_t shmchan_pool_footprint(const struct shmchan_pool_class *classes, uint32_t class_cnt);
void shmchan_pool_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t pool_no, const struct shmchan_pool_class *classes, uint32_t class_cnt);
int shmchan_pool_join(struct shmchan_pool_ref *out, void *mem, size_t size, struct shmchan_why *why);

// Class of block i < block_cnt.
static inline const struct shmchan_pool_class_ref *shmchan_pool_class_of(const struct shmchan_pool_ref *p,
									 uint32_t i)
{
	const struct shmchan_pool_class_ref *c = p->classes;

	while (i - c->first >= c->cnt)
		c++;
	return c;
}

static inline void *shmchan_pool_data(const struct shmchan_pool_ref *p, uint32_t i)
{
	const struct shmchan_pool_class_ref *c = shmchan_pool_class_of(p, i);

	return c->blocks + (i - c->first) * c->stride;
}

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

// What one process knows of the free blocks of one class: a magazine of blocks that are CACHED by it, and where it looked
// last. In its private memory; losing it loses nothing, as the blocks' words say CACHED.
struct shmchan_magazine {
	uint32_t hint; // relative to the class
	uint32_t cnt, room;
	uint32_t block[SHMCHAN_MAGAZINE_MAX];
};
void shmchan_magazine_init(struct shmchan_magazine *mag, const struct shmchan_pool_class_ref *c, unsigned seed);

// The moves of a block between owners; each is one compare-and-swap that fails with ENOENT if the block isn't `owner`'s.
// alloc: a block of the smallest class that holds `bytes` and has a free one; mags[class_cnt] or NULL. Errors: EINVAL
// (no class is that large), EXHAUSTED.
int shmchan_pool_alloc(struct shmchan_pool_ref *p, shmchan_owner owner, uint64_t bytes,
		       struct shmchan_magazine *mags, uint32_t *out);
// Is block i OWNED or KEPT by `owner`?
bool shmchan_pool_mine(const struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i);
// With mags, the block stays CACHED by `owner` if there is room.
int shmchan_pool_free(struct shmchan_pool_ref *p, shmchan_owner owner, struct shmchan_magazine *mags, uint32_t i);
// Gives back what is cached.
void shmchan_pool_flush(struct shmchan_pool_ref *p, shmchan_owner owner, struct shmchan_magazine *mags);
int shmchan_pool_send(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
		      uint64_t pos);
int shmchan_pool_receive(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan,
			 uint64_t pos);
// The same for mpsc-intrusive, where the word names the sender until the receiver's: `marks` is 0 or SHMCHAN_OFFER_HELD.
int shmchan_pool_offer(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan, uint64_t marks);
// word: what the block's word was when it was seen to be in the message (shmchan_chain_word); 0 is none.
int shmchan_pool_accept(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint64_t word);
// Takes an offer back: the block is as it was. Only of one that is not in the channel.
int shmchan_pool_retract(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan);
// Takes the mark HELD away.
void shmchan_pool_release(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan);
int shmchan_pool_keep(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint64_t tag);
int shmchan_pool_kept(struct shmchan_pool_ref *p, shmchan_owner owner, uint64_t tag, uint32_t *out);

// Frees what a dead owner OWNED or had CACHED; what it KEPT stays. Returns how many it OWNED. Idempotent.
uint32_t shmchan_pool_recover(struct shmchan_pool_ref *p, shmchan_owner dead);
// Frees block i if it is SENT in message `pos` of channel `chan`. Returns whether it was.
bool shmchan_pool_unsend(struct shmchan_pool_ref *p, uint32_t i, uint16_t chan, uint64_t pos);
// The same for mpsc-intrusive; word as in accept.
bool shmchan_pool_unoffer(struct shmchan_pool_ref *p, uint32_t i, uint64_t word);

struct shmchan_pool_count {
	uint32_t free, cached, owned, kept, sent;
};
// Of the blocks [first, first + cnt), which are the pool's.
void shmchan_pool_count(const struct shmchan_pool_ref *p, uint32_t first, uint32_t cnt,
			struct shmchan_pool_count *out);

#endif
