#include "procs/eth/pool.h"

#include <stdlib.h>
#include <string.h>

#define BITS_MAX 2048
#define WORDS (BITS_MAX / 64)

struct waiting {
	struct ssz_attestation_data data;
	uint64_t bits;
	uint64_t bit[WORDS];
	struct bls_signature signature;
	/* Of the block being packed. */
	uint64_t gain;
	bool fits, chosen;
};

/* Who has voted already, by the state and what was chosen: one per committee. */
struct covered {
	uint64_t slot, index;
	uint64_t bit[WORDS];
};

struct eth_pool {
	const struct eth_preset *preset;
	struct waiting *item;
	size_t n, room;
	struct covered *covered;
	size_t covereds, covered_room;
};

struct eth_pool *eth_pool_new(const struct eth_preset *preset)
{
	struct eth_pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pool->preset = preset;
	return pool;
}

void eth_pool_free(struct eth_pool *pool)
{
	if (!pool)
		return;
	free(pool->item);
	free(pool->covered);
	free(pool);
}

size_t eth_pool_count(const struct eth_pool *pool)
{
	return pool->n;
}

static bool overlap(const uint64_t *a, const uint64_t *b)
{
	for (int i = 0; i < WORDS; i++)
		if (a[i] & b[i])
			return true;
	return false;
}

/* All of `b` are in `a`. */
static bool contains(const uint64_t *a, const uint64_t *b)
{
	for (int i = 0; i < WORDS; i++)
		if (b[i] & ~a[i])
			return false;
	return true;
}

int eth_pool_add(struct eth_pool *pool, struct ssz_view attestation)
{
	const struct ssz_attestation *a = (const void *)attestation.p;
	struct ssz_view bits = ssz_field(attestation, 0);
	struct waiting w = {.data = a->data, .bits = ssz_length(bits)};

	for (uint64_t i = 0; i < w.bits; i++)
		if (ssz_bit(bits, i))
			w.bit[i / 64] |= UINT64_C(1) << i % 64;
	if (bls_signature_from_bytes(&w.signature, a->signature, 96))
		return ETH_BAD_ATTESTATION_SIGNATURE;
	for (size_t i = 0; i < pool->n; i++) {
		struct waiting *p = &pool->item[i];

		if (p->bits != w.bits || memcmp(&p->data, &w.data, sizeof(w.data)))
			continue;
		if (contains(p->bit, w.bit))
			return 0;
		if (overlap(p->bit, w.bit))
			continue;
		const struct bls_signature both[] = {p->signature, w.signature};

		bls_aggregate_signatures(&p->signature, both, 2);
		for (int k = 0; k < WORDS; k++)
			p->bit[k] |= w.bit[k];
		return 0;
	}
	if (pool->n == pool->room) {
		size_t room = pool->room ? 2 * pool->room : 64;
		struct waiting *grown = realloc(pool->item, room * sizeof(*grown));

		if (!grown)
			return ETH_ERR_MEMORY;
		pool->item = grown;
		pool->room = room;
	}
	pool->item[pool->n++] = w;
	return 0;
}

void eth_pool_prune(struct eth_pool *pool, uint64_t slot)
{
	size_t to = 0;

	for (size_t i = 0; i < pool->n; i++)
		if (pool->item[i].data.slot + pool->preset->slots_per_epoch >= slot)
			pool->item[to++] = pool->item[i];
	pool->n = to;
}

static struct covered *covered_of(struct eth_pool *pool, uint64_t slot, uint64_t index)
{
	for (size_t i = 0; i < pool->covereds; i++)
		if (pool->covered[i].slot == slot && pool->covered[i].index == index)
			return &pool->covered[i];
	if (pool->covereds == pool->covered_room) {
		size_t room = pool->covered_room ? 2 * pool->covered_room : 64;
		struct covered *grown = realloc(pool->covered, room * sizeof(*grown));

		if (!grown)
			return NULL;
		pool->covered = grown;
		pool->covered_room = room;
	}
	pool->covered[pool->covereds] = (struct covered){.slot = slot, .index = index};
	return &pool->covered[pool->covereds++];
}

static int cover(struct eth_pool *pool, const struct eth_state *s, bool previous)
{
	for (const struct eth_pending *p = eth_pending_first(s, previous); p; p = eth_pending_next(s, p)) {
		struct covered *c = covered_of(pool, p->data.slot, p->data.index);

		if (!c)
			return ETH_ERR_MEMORY;
		for (uint32_t k = 0; k < p->bits && k < BITS_MAX; k++)
			c->bit[k / 64] |= (uint64_t)(p->bit[k / 8] >> k % 8 & 1) << k % 64;
	}
	return 0;
}

/* process_attestation's conditions on the data; the target's root makes sure of the same committees. */
static bool fits(const struct eth_pool *pool, const struct eth_state *s, const struct ssz_attestation_data *d)
{
	uint64_t per = pool->preset->slots_per_epoch, now = eth_current_epoch(s),
		 before = eth_previous_epoch(s);
	const struct ssz_checkpoint *source =
		d->target.epoch == now ? &s->current_justified_checkpoint : &s->previous_justified_checkpoint;
	const uint8_t *target = eth_block_root_at(s, d->target.epoch * per);

	return (d->target.epoch == now || d->target.epoch == before) && d->target.epoch == d->slot / per &&
	       d->slot + pool->preset->min_attestation_inclusion_delay <= s->slot &&
	       s->slot <= d->slot + per && !memcmp(&d->source, source, sizeof(*source)) && target &&
	       !memcmp(target, d->target.root, 32);
}

static int weigh(struct eth_pool *pool, struct eth_engine *e, const struct eth_state *s, struct waiting *w)
{
	struct covered *c = covered_of(pool, w->data.slot, w->data.index);
	const struct eth_validator *v = eth_state_validators(s);
	struct eth_committee committee;

	if (!c)
		return ETH_ERR_MEMORY;
	int rc = eth_beacon_committee(e, s, w->data.slot, w->data.index, &committee);

	w->gain = 0;
	if (rc == ETH_BAD_COMMITTEE_INDEX || (rc == 0 && committee.n != w->bits)) {
		w->fits = false;
		return 0;
	}
	for (size_t i = 0; rc == 0 && i < committee.n; i++)
		if ((w->bit[i / 64] & ~c->bit[i / 64]) >> i % 64 & 1)
			w->gain += v[committee.index[i]].effective_balance;
	return rc;
}

static size_t serialize(const struct waiting *w, uint8_t *out, size_t room)
{
	size_t bytes = w->bits / 8 + 1, n = sizeof(struct ssz_attestation) + bytes;
	struct ssz_attestation a = {.aggregation_bits_at = sizeof(a), .data = w->data};

	if (n > room)
		return 0;
	bls_signature_to_bytes(a.signature, &w->signature);
	memcpy(out, &a, sizeof(a));
	memcpy(out + sizeof(a), w->bit, bytes < sizeof(w->bit) ? bytes : sizeof(w->bit));
	if (w->bits % 8 == 0)
		out[n - 1] = 0;
	out[n - 1] |= (uint8_t)(1 << w->bits % 8);
	return n;
}

/* The one that adds most; NULL when none adds anything. Gains only fall, so those of one committee are enough. */
static struct waiting *choose(struct eth_pool *pool)
{
	struct waiting *best = NULL;

	for (size_t i = 0; i < pool->n; i++) {
		struct waiting *w = &pool->item[i];

		if (w->fits && !w->chosen && w->gain && (!best || w->gain > best->gain))
			best = w;
	}
	return best;
}

/* What the choice covers is worth nothing to the others of its committee. */
static int take(struct eth_pool *pool, struct eth_engine *e, const struct eth_state *s, struct waiting *best)
{
	struct covered *c = covered_of(pool, best->data.slot, best->data.index);
	int rc = c ? 0 : ETH_ERR_MEMORY;

	best->chosen = true;
	for (int k = 0; c && k < WORDS; k++)
		c->bit[k] |= best->bit[k];
	for (size_t i = 0; rc == 0 && i < pool->n; i++) {
		struct waiting *w = &pool->item[i];

		if (w->fits && !w->chosen && w->data.slot == best->data.slot &&
		    w->data.index == best->data.index)
			rc = weigh(pool, e, s, w);
	}
	return rc;
}

int eth_pool_pack(struct eth_pool *pool, struct eth_engine *e, const struct eth_state *s, size_t max,
		  void *out, size_t room, size_t *n)
{
	struct waiting *list[128];
	size_t chosen = 0, at;
	int rc;

	if (max > sizeof(list) / sizeof(list[0]))
		max = sizeof(list) / sizeof(list[0]);
	pool->covereds = 0;
	rc = cover(pool, s, true);
	if (rc == 0)
		rc = cover(pool, s, false);
	for (size_t i = 0; rc == 0 && i < pool->n; i++) {
		struct waiting *w = &pool->item[i];

		w->chosen = false;
		w->fits = fits(pool, s, &w->data);
		if (w->fits)
			rc = weigh(pool, e, s, w);
	}
	for (struct waiting *w; rc == 0 && chosen < max && (w = choose(pool)); chosen++) {
		list[chosen] = w;
		rc = take(pool, e, s, w);
	}
	at = 4 * chosen;
	*n = 0;
	if (rc || at > room)
		return rc ? rc : ETH_ERR_ROOM;
	for (size_t i = 0; i < chosen; i++) {
		uint32_t offset = (uint32_t)at;
		size_t one = serialize(list[i], (uint8_t *)out + at, room - at);

		if (!one)
			return ETH_ERR_ROOM;
		memcpy((uint8_t *)out + 4 * i, &offset, 4);
		at += one;
	}
	*n = at;
	return 0;
}

size_t eth_pool_aggregate(const struct eth_pool *pool, const struct ssz_attestation_data *data, void *out,
			  size_t room)
{
	const struct waiting *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < pool->n; i++) {
		const struct waiting *w = &pool->item[i];
		uint64_t members = 0;

		if (memcmp(&w->data, data, sizeof(*data)))
			continue;
		for (int k = 0; k < WORDS; k++)
			members += (uint64_t)__builtin_popcountll(w->bit[k]);
		if (members > most) {
			most = members;
			best = w;
		}
	}
	return best ? serialize(best, out, room) : 0;
}
