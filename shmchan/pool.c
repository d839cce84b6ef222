#include "shmchan/pool.h"

#include <stdio.h>

#define PAGE 4096

static uint64_t stride_of(uint64_t block_size)
{
	return shmchan_align(block_size, block_size >= PAGE ? PAGE : SHMCHAN_LINE);
}

static uint64_t links_off_of(uint64_t block_cnt)
{
	return shmchan_align(sizeof(struct shmchan_pool_shm) + block_cnt * sizeof(struct shmchan_pool_word),
			     SHMCHAN_LINE);
}

static uint64_t blocks_off_of(uint64_t block_cnt)
{
	return shmchan_align(links_off_of(block_cnt) + block_cnt * sizeof(struct shmchan_pool_link), PAGE);
}

// Where a page begins in a pool, blocks of whole pages begin, so that one class's blocks do not share pages with the next's.
static uint64_t class_bytes(const struct shmchan_pool_class *c)
{
	return shmchan_align(stride_of(c->block_size) * c->block_cnt, PAGE);
}

size_t shmchan_pool_footprint(const struct shmchan_pool_class *classes, uint32_t class_cnt)
{
	uint64_t blocks = 0, bytes = 0, last = 0;

	if (class_cnt < 1 || class_cnt > SHMCHAN_POOL_CLASSES)
		return 0;
	for (uint32_t i = 0; i < class_cnt; i++) {
		const struct shmchan_pool_class *c = &classes[i];

		if (c->block_size <= last || c->block_size > SHMCHAN_POOL_SIZE_MAX || c->block_cnt < 1 ||
		    c->block_cnt >= SHMCHAN_POOL_BLOCK_MAX - blocks)
			return 0;
		// Fewer than 2^24 blocks of at most 2^40 bytes: one class does not overflow.
		if (class_bytes(c) > ((uint64_t)1 << 62) - bytes)
			return 0;
		bytes += class_bytes(c);
		blocks += c->block_cnt;
		last = c->block_size;
	}
	return blocks_off_of(blocks) + bytes;
}

void shmchan_pool_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t pool_no, const struct shmchan_pool_class *classes, uint32_t class_cnt)
{
	struct shmchan_pool_shm *p = mem;

	shmchan_obj_new(&p->obj, SHMCHAN_OBJ_POOL, shmchan_pool_footprint(classes, class_cnt), group,
			group_tag, name, id);
	p->pool_no = pool_no;
	p->class_cnt = class_cnt;
	for (uint32_t i = 0; i < class_cnt; i++) {
		p->classes[i].block_size = classes[i].block_size;
		p->classes[i].block_cnt = classes[i].block_cnt;
	}
	shmchan_obj_publish(&p->obj);
}

// The classes as the header says; what the footprint refuses is refused by the caller.
static size_t copy_classes(struct shmchan_pool_class *to, const struct shmchan_pool_shm *p, uint32_t cnt)
{
	for (uint32_t i = 0; i < cnt && i < SHMCHAN_POOL_CLASSES; i++) {
		uint64_t block_cnt = p->classes[i].block_cnt;

		to[i].block_size = p->classes[i].block_size;
		to[i].block_cnt = block_cnt <= UINT32_MAX ? (uint32_t)block_cnt : 0;
	}
	return shmchan_pool_footprint(to, cnt);
}

static void lay_out(struct shmchan_pool_ref *out, void *mem, const struct shmchan_pool_class *classes)
{
	char *at;

	for (uint32_t i = 0; i < out->class_cnt; i++) {
		out->classes[i] = (struct shmchan_pool_class_ref){.block_size = classes[i].block_size,
								  .stride = stride_of(classes[i].block_size),
								  .first = out->block_cnt,
								  .cnt = classes[i].block_cnt};
		out->block_cnt += classes[i].block_cnt;
	}
	out->words = (void *)((char *)mem + sizeof(struct shmchan_pool_shm));
	out->links = (void *)((char *)mem + links_off_of(out->block_cnt));
	at = (char *)mem + blocks_off_of(out->block_cnt);
	for (uint32_t i = 0; i < out->class_cnt; i++) {
		out->classes[i].blocks = at;
		at += class_bytes(&classes[i]);
	}
}

int shmchan_pool_join(struct shmchan_pool_ref *out, void *mem, size_t size, struct shmchan_why *why)
{
	struct shmchan_pool_shm *p = mem;
	struct shmchan_pool_class classes[SHMCHAN_POOL_CLASSES];
	size_t need;
	int err = shmchan_obj_join(&p->obj, size, SHMCHAN_OBJ_POOL, why);

	if (err)
		return err;
	if (size < sizeof(*p))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "pool", "%zu bytes", size);
	*out = (struct shmchan_pool_ref){.pool_no = p->pool_no, .class_cnt = p->class_cnt};
	snprintf(out->name, sizeof(out->name), "%.31s", p->obj.name);
	need = copy_classes(classes, p, out->class_cnt);
	if (!need || out->pool_no < 1 || out->pool_no > SHMCHAN_POOL_MAX)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, out->name, "header values out of bounds");
	if (need > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, out->name, "segment has %zu bytes, %zu needed",
				    size, need);
	lay_out(out, mem, classes);
	return 0;
}

// Success: acq_rel, so that what the last owner wrote is seen by the next one, and nothing of the next one's runs ahead.
// Failure: relaxed, as nothing is done with the value.
static bool change(struct shmchan_pool_ref *p, uint32_t i, uint64_t from, uint64_t to)
{
	bool done = atomic_compare_exchange_strong_explicit(&p->words[i].word, &from, to, memory_order_acq_rel,
							    memory_order_relaxed);

	// Who copies a block as a bystander (shmchan_view_block_data) and gets anything of what is written from here on sees that
	// the word is another. Pairs with the acquire fence there.
	atomic_thread_fence(memory_order_release);
	return done;
}

static uint64_t peek(const struct shmchan_pool_ref *p, uint32_t i)
{
	// Relaxed: only a candidate for the compare-and-swap that decides.
	return atomic_load_explicit(&p->words[i].word, memory_order_relaxed);
}

void shmchan_magazine_init(struct shmchan_magazine *mag, const struct shmchan_pool_class_ref *c, unsigned seed)
{
	uint32_t room = c->cnt / 8; // what is cached can be taken by others, but that takes them a second look

	*mag = (struct shmchan_magazine){
		.hint = seed % c->cnt,
		.room = room < SHMCHAN_MAGAZINE_MAX ? room : SHMCHAN_MAGAZINE_MAX,
	};
}

// From the magazine: what another process took out of it, having found none FREE, is passed over.
static bool pop(struct shmchan_pool_ref *p, shmchan_owner owner, struct shmchan_magazine *mag, uint32_t *out)
{
	while (mag->cnt) {
		uint32_t i = mag->block[--mag->cnt];

		if (change(p, i, shmchan_block_owned(SHMCHAN_BLOCK_CACHED, owner),
			   shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner))) {
			*out = i;
			return true;
		}
	}
	return false;
}

// Fills half the magazine from the words that follow block i of the class: they share a line with it.
static void fill(struct shmchan_pool_ref *p, shmchan_owner owner, const struct shmchan_pool_class_ref *c,
		 struct shmchan_magazine *mag, uint32_t i)
{
	while (mag->cnt < mag->room / 2 && ++i < c->cnt && peek(p, c->first + i) == 0)
		if (change(p, c->first + i, 0, shmchan_block_owned(SHMCHAN_BLOCK_CACHED, owner)))
			mag->block[mag->cnt++] = c->first + i;
}

// From the words: a FREE block; if there is none, one that somebody has CACHED.
static bool scan(struct shmchan_pool_ref *p, shmchan_owner owner, const struct shmchan_pool_class_ref *c,
		 struct shmchan_magazine *mag, uint32_t *out)
{
	uint64_t own = shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner);

	for (unsigned cached = 0; cached < 2; cached++) {
		uint32_t i = mag->hint < c->cnt ? mag->hint : 0;

		for (uint32_t n = 0; n < c->cnt; n++) {
			uint64_t w = peek(p, c->first + i);
			bool fit = cached ? shmchan_block_state(w) == SHMCHAN_BLOCK_CACHED : w == 0;

			// Dying after the exchange leaves the block OWNED by the dead: recovery frees it.
			if (fit && change(p, c->first + i, w, own)) {
				*out = c->first + i;
				if (!cached)
					fill(p, owner, c, mag, i);
				mag->hint = i + 1;
				return true;
			}
			i = i + 1 < c->cnt ? i + 1 : 0;
		}
	}
	return false;
}

int shmchan_pool_alloc(struct shmchan_pool_ref *p, shmchan_owner owner, uint64_t bytes,
		       struct shmchan_magazine *mags, uint32_t *out)
{
	struct shmchan_magazine none = {0};

	if (bytes > p->classes[p->class_cnt - 1].block_size)
		return SHMCHAN_EINVAL;
	for (uint32_t i = 0; i < p->class_cnt; i++) {
		struct shmchan_magazine *mag = mags ? &mags[i] : &none;

		if (p->classes[i].block_size >= bytes &&
		    (pop(p, owner, mag, out) || scan(p, owner, &p->classes[i], mag, out)))
			return 0;
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

int shmchan_pool_free(struct shmchan_pool_ref *p, shmchan_owner owner, struct shmchan_magazine *mags, uint32_t i)
{
	const struct shmchan_pool_class_ref *c = shmchan_pool_class_of(p, i);
	struct shmchan_magazine *mag = mags ? &mags[c - p->classes] : NULL;
	uint64_t w = mine(p, owner, i);

	if (!w)
		return SHMCHAN_ENOENT;
	if (mag && mag->cnt < mag->room) {
		// Dying after the exchange leaves the block CACHED by the dead: recovery frees it, and an allocation may before.
		if (!change(p, i, w, shmchan_block_owned(SHMCHAN_BLOCK_CACHED, owner)))
			return SHMCHAN_ENOENT;
		mag->block[mag->cnt++] = i;
		return 0;
	}
	if (!change(p, i, w, 0))
		return SHMCHAN_ENOENT;
	if (mag)
		mag->hint = i - c->first; // still in this processor's cache
	return 0;
}

void shmchan_pool_flush(struct shmchan_pool_ref *p, shmchan_owner owner, struct shmchan_magazine *mags)
{
	for (uint32_t i = 0; i < p->class_cnt; i++)
		while (mags[i].cnt)
			change(p, mags[i].block[--mags[i].cnt],
			       shmchan_block_owned(SHMCHAN_BLOCK_CACHED, owner), 0);
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

int shmchan_pool_offer(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan, uint64_t marks)
{
	uint64_t w = mine(p, owner, i);

	if (w && shmchan_block_state(w) == SHMCHAN_BLOCK_KEPT)
		marks |= SHMCHAN_OFFER_KEPT;
	return w && change(p, i, w, shmchan_block_offered(chan, owner, marks)) ? 0 : SHMCHAN_ENOENT;
}

// Is it in a message of the channel, or offered to it?
static bool offered(uint64_t w, uint16_t chan)
{
	return shmchan_block_state(w) == SHMCHAN_BLOCK_SENT && shmchan_block_chan(w) == chan;
}

int shmchan_pool_accept(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint64_t word)
{
	return word && change(p, i, word, shmchan_block_owned(SHMCHAN_BLOCK_OWNED, owner)) ? 0 : SHMCHAN_ENOENT;
}

int shmchan_pool_retract(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan)
{
	uint64_t w = peek(p, i);
	enum shmchan_block_state was = w & SHMCHAN_OFFER_KEPT ? SHMCHAN_BLOCK_KEPT : SHMCHAN_BLOCK_OWNED;

	return offered(w, chan) && (shmchan_owner)w == owner && change(p, i, w, shmchan_block_owned(was, owner))
		       ? 0
		       : SHMCHAN_ENOENT;
}

void shmchan_pool_release(struct shmchan_pool_ref *p, shmchan_owner owner, uint32_t i, uint16_t chan)
{
	uint64_t w = peek(p, i);

	if (offered(w, chan) && (shmchan_owner)w == owner && w & SHMCHAN_OFFER_HELD)
		change(p, i, w, w & ~SHMCHAN_OFFER_HELD);
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
	uint64_t owned = shmchan_block_owned(SHMCHAN_BLOCK_OWNED, dead);
	uint64_t cached = shmchan_block_owned(SHMCHAN_BLOCK_CACHED, dead);
	uint32_t freed = 0;

	for (uint32_t i = 0; i < p->block_cnt; i++) {
		uint64_t w = peek(p, i);

		if (w == owned)
			freed += change(p, i, w, 0);
		else if (w == cached)
			change(p, i, w, 0);
	}
	return freed;
}

bool shmchan_pool_unsend(struct shmchan_pool_ref *p, uint32_t i, uint16_t chan, uint64_t pos)
{
	return change(p, i, shmchan_block_sent(chan, pos), 0);
}

bool shmchan_pool_unoffer(struct shmchan_pool_ref *p, uint32_t i, uint64_t word)
{
	return word && change(p, i, word, 0);
}

void shmchan_pool_count(const struct shmchan_pool_ref *p, uint32_t first, uint32_t cnt,
			struct shmchan_pool_count *out)
{
	*out = (struct shmchan_pool_count){0};
	for (uint32_t i = first; i - first < cnt; i++) {
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
		case SHMCHAN_BLOCK_CACHED:
			out->cached++;
			break;
		case SHMCHAN_BLOCK_FREE:
			out->free++;
			break;
		}
	}
}
