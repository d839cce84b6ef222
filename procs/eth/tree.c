#include "procs/eth/tree.h"
#include "procs/eth/merkle.h"
#include "procs/eth/roots.h"
#include "procs/eth/sha256.h"

#include <string.h>

/* Nodes hashed per call. */
#define GROUP 64

static uint64_t align(uint64_t n)
{
	return (n + 63) / 64 * 64;
}

static struct eth_trees *trees_of(struct eth_state *s)
{
	return eth_state_at_mut(s, ETH_TREES);
}

/* The attestations' trees change places at the end of an epoch instead of being copied. */
static struct eth_tree *tree_of(struct eth_state *s, enum eth_tree_id id)
{
	struct eth_trees *t = trees_of(s);

	if (t->flipped & 1 && id >= ETH_TREE_PREVIOUS)
		id = ETH_TREE_PREVIOUS + ETH_TREE_CURRENT - id;
	return &t->tree[id];
}

static uint64_t nodes(uint64_t leaves, unsigned level)
{
	return level ? ((leaves - 1) >> level) + 1 : leaves;
}

static uint64_t shape_one(struct eth_tree *t, uint64_t at, uint64_t leaves, uint64_t limit, bool stored)
{
	memset(t, 0, sizeof(*t));
	t->leaves = leaves;
	t->levels = leaves ? eth_merkle_depth(leaves) : 0;
	t->depth = eth_merkle_depth(limit);
	t->stored = stored;
	for (unsigned l = stored ? 0 : 1; leaves && l <= t->levels; l++) {
		t->at[l] = at;
		at = align(at + 32 * nodes(leaves, l));
	}
	t->bits = stored ? leaves : (leaves + 1) / 2;
	t->bits_at = at;
	return align(at + (t->bits + 63) / 64 * 8);
}

uint64_t eth_trees_shape(struct eth_trees *t, const struct eth_preset *p, uint64_t validators,
			 uint64_t historical_roots)
{
	const struct {
		uint64_t leaves, limit;
		bool stored;
	} form[ETH_TREES_COUNT] = {
		[ETH_TREE_BLOCK_ROOTS] = {p->slots_per_historical_root, p->slots_per_historical_root, false},
		[ETH_TREE_STATE_ROOTS] = {p->slots_per_historical_root, p->slots_per_historical_root, false},
		[ETH_TREE_RANDAO] = {p->epochs_per_historical_vector, p->epochs_per_historical_vector, false},
		[ETH_TREE_SLASHINGS] = {p->epochs_per_slashings_vector / 4,
					p->epochs_per_slashings_vector / 4, false},
		[ETH_TREE_HISTORICAL] = {historical_roots, p->historical_roots_limit, false},
		[ETH_TREE_VOTES] = {p->eth1_votes_limit, p->eth1_votes_limit, true},
		[ETH_TREE_BALANCES] = {(validators + 3) / 4, p->validator_registry_limit / 4, false},
		[ETH_TREE_VALIDATORS] = {validators, p->validator_registry_limit, true},
		[ETH_TREE_PREVIOUS] = {p->epoch_attestations_limit, p->epoch_attestations_limit, true},
		[ETH_TREE_CURRENT] = {p->epoch_attestations_limit, p->epoch_attestations_limit, true},
	};
	uint64_t at = align(sizeof(*t));

	t->flipped = t->scanned = 0;
	for (int i = 0; i < ETH_TREES_COUNT; i++)
		at = shape_one(&t->tree[i], at, form[i].leaves, form[i].limit, form[i].stored);
	return at;
}

void eth_trees_reset(struct eth_state *s)
{
	struct eth_trees *t = trees_of(s);

	eth_trees_shape(t, eth_state_preset(s), s->region[ETH_VALIDATORS].room,
			s->region[ETH_HISTORICAL_ROOTS].room);
	for (int i = 0; i < ETH_TREES_COUNT; i++) {
		memset((uint8_t *)t + t->tree[i].bits_at, 0, (t->tree[i].bits + 63) / 64 * 8);
		t->tree[i].all = 1;
		t->tree[i].dirty = 1;
		t->tree[i].mixed_length = UINT64_MAX;
	}
	t->top.known = 0;
}

bool eth_trees_check(const struct eth_state *s)
{
	const struct eth_trees *t = eth_state_at(s, ETH_TREES);
	const struct eth_tree *previous = &t->tree[t->flipped & 1 ? ETH_TREE_CURRENT : ETH_TREE_PREVIOUS];
	const struct eth_tree *current = &t->tree[t->flipped & 1 ? ETH_TREE_PREVIOUS : ETH_TREE_CURRENT];
	const uint8_t *records = eth_state_at(s, ETH_ATTESTATIONS);
	uint64_t seen[2] = {0}, at = 0;
	struct eth_trees shape;

	if (s->region[ETH_TREES].room < sizeof(*t) ||
	    eth_trees_shape(&shape, eth_state_preset(s), s->region[ETH_VALIDATORS].room,
			    s->region[ETH_HISTORICAL_ROOTS].room) != s->region[ETH_TREES].room)
		return false;
	for (int i = 0; i < ETH_TREES_COUNT; i++)
		if (memcmp(&t->tree[i], &shape.tree[i], offsetof(struct eth_tree, all)))
			return false;
	for (; at < t->scanned && at < eth_state_count(s, ETH_ATTESTATIONS);) {
		const struct eth_pending *a = (const struct eth_pending *)(records + at);

		seen[a->previous]++;
		at += a->size;
	}
	return at == t->scanned && previous->hashed == seen[1] && current->hashed == seen[0];
}

void eth_tree_touch(struct eth_state *s, enum eth_tree_id id, uint64_t leaf)
{
	if (!eth_has_trees(s))
		return;
	struct eth_tree *t = tree_of(s, id);
	uint64_t bit = t->stored ? leaf : leaf / 2;

	/* Attestations need no marks: those behind `scanned` are what is missing. */
	if (id < ETH_TREE_PREVIOUS)
		((uint64_t *)((uint8_t *)trees_of(s) + t->bits_at))[bit / 64] |= UINT64_C(1) << bit % 64;
	t->dirty = 1;
}

void eth_tree_touch_all(struct eth_state *s, enum eth_tree_id id)
{
	if (!eth_has_trees(s))
		return;
	tree_of(s, id)->all = 1;
	tree_of(s, id)->dirty = 1;
}

void eth_tree_rotate_attestations(struct eth_state *s, bool complete)
{
	struct eth_trees *t;

	if (!eth_has_trees(s))
		return;
	t = trees_of(s);
	t->flipped ^= 1;
	tree_of(s, ETH_TREE_CURRENT)->hashed = 0;
	tree_of(s, ETH_TREE_CURRENT)->dirty = 1;
	t->scanned = eth_state_count(s, ETH_ATTESTATIONS);
	if (complete)
		return;
	/* Some of what is now the previous list never became leaves: start over with it. */
	tree_of(s, ETH_TREE_PREVIOUS)->hashed = 0;
	tree_of(s, ETH_TREE_PREVIOUS)->dirty = 1;
	t->scanned = 0;
}

bool eth_tree_attestations_complete(const struct eth_state *s)
{
	return eth_has_trees(s) && ((const struct eth_trees *)eth_state_at(s, ETH_TREES))->scanned ==
					   eth_state_count(s, ETH_ATTESTATIONS);
}

/* A tree at work: its levels in memory, and how many nodes of each are populated. */
struct work {
	struct eth_state *s;
	struct eth_tree *t;
	uint8_t *base;
	const uint8_t *data; /* leaves that are the field's bytes */
	uint64_t bytes;
	uint64_t leaves;
};

static uint8_t *node_at(const struct work *w, unsigned level, uint64_t i)
{
	return w->base + w->t->at[level] + 32 * i;
}

/* Both children of node i of a level, as the 64 bytes that are hashed. */
static void children(const struct work *w, unsigned level, uint64_t i, uint8_t out[64])
{
	if (level == 1 && !w->t->stored) {
		uint64_t from = 64 * i, have = w->bytes - from < 64 ? w->bytes - from : 64;

		memcpy(out, w->data + from, have);
		memset(out + have, 0, 64 - have);
		return;
	}
	memcpy(out, node_at(w, level - 1, 2 * i), 32);
	memcpy(out + 32,
	       2 * i + 1 < nodes(w->leaves, level - 1) ? node_at(w, level - 1, 2 * i + 1)
						       : eth_zero_hash(level - 1),
	       32);
}

static void hash_nodes(const struct work *w, unsigned level, const uint64_t *index, size_t n)
{
	uint8_t block[GROUP][64];

	children(w, level, index[0], block[0]); /* n > 0, said so that the compiler knows it too */
	for (size_t i = 1; i < n; i++)
		children(w, level, index[i], block[i]);
	eth_sha256_pairs(block, block, n);
	for (size_t i = 0; i < n; i++)
		memcpy(node_at(w, level, index[i]), (uint8_t *)block + 32 * i, 32);
}

/* Nodes [lo, hi) of a level. Those whose children lie whole and in order are hashed where they are. */
static void hash_range(const struct work *w, unsigned level, uint64_t lo, uint64_t hi)
{
	bool data = level == 1 && !w->t->stored;
	uint64_t whole = data ? w->bytes / 64 : nodes(w->leaves, level - 1) / 2;

	if (whole > hi)
		whole = hi;
	if (whole > lo) {
		eth_sha256_pairs(node_at(w, level, lo),
				 data ? w->data + 64 * lo : node_at(w, level - 1, 2 * lo), whole - lo);
		lo = whole;
	}
	for (; lo < hi; lo++)
		hash_nodes(w, level, &lo, 1);
}

/* Leaves [lo, hi) and all above them. */
static void update_range(const struct work *w, uint64_t lo, uint64_t hi)
{
	unsigned levels = eth_merkle_depth(w->leaves);

	for (unsigned l = 1; l <= levels && lo < hi; l++) {
		lo /= 2;
		hi = (hi + 1) / 2;
		hash_range(w, l, lo, hi);
	}
}

/* Bit i of the result: bit 2i or 2i + 1 of x. */
static uint32_t halve(uint64_t x)
{
	x = (x | x >> 1) & UINT64_C(0x5555555555555555);
	x = (x | x >> 1) & UINT64_C(0x3333333333333333);
	x = (x | x >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	x = (x | x >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x >> 8) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(x | x >> 16);
}

static size_t halve_all(uint64_t *bits, size_t words)
{
	for (size_t i = 0; i < (words + 1) / 2; i++) {
		uint64_t high = 2 * i + 1 < words ? bits[2 * i + 1] : 0;

		bits[i] = halve(bits[2 * i]) | (uint64_t)halve(high) << 32;
	}
	/* What was moved down is cleared, so that the marks end as they began: none. */
	memset(bits + (words + 1) / 2, 0, (words - (words + 1) / 2) * sizeof(*bits));
	return (words + 1) / 2;
}

typedef void visit_nodes(const struct work *w, unsigned level, const uint64_t *index, size_t n);

static void visit_marked(const struct work *w, unsigned level, const uint64_t *bits, size_t words,
			 uint64_t limit, visit_nodes *visit)
{
	uint64_t index[GROUP];
	size_t n = 0;

	for (size_t i = 0; i < words; i++) {
		for (uint64_t x = bits[i]; x; x &= x - 1) {
			uint64_t at = 64 * i + (uint64_t)__builtin_ctzll(x);

			if (at < limit)
				index[n++] = at;
			if (n == GROUP) {
				visit(w, level, index, n);
				n = 0;
			}
		}
	}
	if (n)
		visit(w, level, index, n);
}

static void make_validators(const struct work *w, unsigned level, const uint64_t *index, size_t n)
{
	const struct eth_validator *all = eth_state_validators(w->s), *v[GROUP] = {0};
	uint8_t out[GROUP][32];

	for (size_t i = 0; i < n; i++)
		v[i] = &all[index[i]];
	eth_validator_roots(out[0], v, n);
	for (size_t i = 0; i < n; i++)
		memcpy(node_at(w, level, index[i]), out[i], 32);
}

static void make_votes(const struct work *w, unsigned level, const uint64_t *index, size_t n)
{
	const struct ssz_eth1_data *v = eth_state_at(w->s, ETH_ETH1_VOTES);

	for (size_t i = 0; i < n; i++)
		eth_vote_root(&v[index[i]], node_at(w, level, index[i]));
}

static void make_all(const struct work *w, visit_nodes *make)
{
	uint64_t index[GROUP];

	for (uint64_t i = 0; i < w->leaves;) {
		size_t n = 0;

		for (; n < GROUP && i < w->leaves; n++, i++)
			index[n] = i;
		make(w, 0, index, n);
	}
}

static void update_marked(const struct work *w, visit_nodes *make)
{
	uint64_t *bits = (uint64_t *)(w->base + w->t->bits_at);
	size_t words = (w->t->bits + 63) / 64;
	unsigned level = w->t->stored ? 0 : 1, levels = eth_merkle_depth(w->leaves);

	if (level == 0) {
		visit_marked(w, 0, bits, words, w->leaves, make);
		words = halve_all(bits, words);
		level = 1;
	}
	for (; level <= levels; level++) {
		visit_marked(w, level, bits, words, nodes(w->leaves, level), hash_nodes);
		words = halve_all(bits, words);
	}
	memset(bits, 0, words * sizeof(*bits));
}

/* Records that came since the last time become leaves of their list's tree. */
static void scan_attestations(struct eth_state *s)
{
	uint8_t *records = eth_state_at_mut(s, ETH_ATTESTATIONS);
	struct eth_trees *t = trees_of(s);
	uint64_t from[2], end = eth_state_count(s, ETH_ATTESTATIONS);
	static const enum eth_tree_id id[2] = {ETH_TREE_CURRENT, ETH_TREE_PREVIOUS};

	for (int i = 0; i < 2; i++)
		from[i] = tree_of(s, id[i])->hashed;
	while (t->scanned < end) {
		const struct eth_pending *group[GROUP];
		uint8_t root[GROUP][32];
		size_t n = 0;

		for (; n < GROUP && t->scanned < end; t->scanned += group[n++]->size)
			group[n] = (const struct eth_pending *)(records + t->scanned);
		eth_pending_roots(root[0], group, n);
		for (size_t i = 0; i < n; i++) {
			struct eth_tree *tree = tree_of(s, id[group[i]->previous]);

			memcpy((uint8_t *)t + tree->at[0] + 32 * tree->hashed++, root[i], 32);
		}
	}
	for (int i = 0; i < 2; i++) {
		struct eth_tree *tree = tree_of(s, id[i]);
		struct work w = {.s = s, .t = tree, .base = (uint8_t *)t, .leaves = tree->hashed};

		update_range(&w, from[i], tree->hashed);
	}
}

static void work_on(struct eth_state *s, enum eth_tree_id id, struct work *w)
{
	static const uint8_t region[ETH_TREES_COUNT] = {
		[ETH_TREE_BLOCK_ROOTS] = ETH_BLOCK_ROOTS,     [ETH_TREE_STATE_ROOTS] = ETH_STATE_ROOTS,
		[ETH_TREE_RANDAO] = ETH_RANDAO_MIXES,         [ETH_TREE_SLASHINGS] = ETH_SLASHINGS,
		[ETH_TREE_HISTORICAL] = ETH_HISTORICAL_ROOTS, [ETH_TREE_VOTES] = ETH_ETH1_VOTES,
		[ETH_TREE_BALANCES] = ETH_BALANCES,           [ETH_TREE_VALIDATORS] = ETH_VALIDATORS,
	};
	uint64_t count = eth_state_count(s, region[id]);
	bool words = id == ETH_TREE_SLASHINGS || id == ETH_TREE_BALANCES;

	*w = (struct work){.s = s, .t = tree_of(s, id), .base = (uint8_t *)trees_of(s)};
	w->data = eth_state_at(s, region[id]);
	w->bytes = count * (words ? 8 : 32);
	w->leaves = words ? (count + 3) / 4 : count;
}

static void update(struct eth_state *s, enum eth_tree_id id)
{
	visit_nodes *make = id == ETH_TREE_VALIDATORS ? make_validators
			    : id == ETH_TREE_VOTES    ? make_votes
						      : NULL;
	struct work w;

	work_on(s, id, &w);
	if (!w.t->all && w.leaves) {
		update_marked(&w, make);
		return;
	}
	if (make)
		make_all(&w, make);
	update_range(&w, 0, w.leaves);
	memset(w.base + w.t->bits_at, 0, (w.t->bits + 63) / 64 * 8);
	w.t->all = 0;
}

/* The root of the populated part, led up to the depth of the type. */
static void lead_up(struct eth_state *s, enum eth_tree_id id, uint64_t leaves)
{
	struct eth_tree *t = tree_of(s, id);
	unsigned levels = eth_merkle_depth(leaves);
	const uint8_t *from = (uint8_t *)trees_of(s) + t->at[levels];

	if (!leaves) {
		memcpy(t->root, eth_zero_hash(t->depth), 32);
		return;
	}
	if (levels == 0 && !t->stored) {
		struct work w;

		work_on(s, id, &w);
		memset(t->root, 0, 32);
		memcpy(t->root, w.data, w.bytes);
	} else {
		memcpy(t->root, from, 32);
	}
	for (unsigned l = levels; l < t->depth; l++)
		eth_sha256_pair(t->root, t->root, eth_zero_hash(l));
}

void eth_tree_root(struct eth_state *s, enum eth_tree_id id, uint8_t out[32])
{
	struct eth_tree *t = tree_of(s, id);
	struct work w;

	if (t->dirty && id >= ETH_TREE_PREVIOUS) {
		scan_attestations(s);
		lead_up(s, id, t->hashed);
		t->dirty = 0;
	} else if (t->dirty) {
		update(s, id);
		work_on(s, id, &w);
		lead_up(s, id, w.leaves);
		t->dirty = 0;
	}
	memcpy(out, t->root, 32);
}

void eth_tree_list_root(struct eth_state *s, enum eth_tree_id id, uint64_t length, uint8_t out[32])
{
	struct eth_tree *t = tree_of(s, id);

	if (t->dirty || t->mixed_length != length) {
		eth_tree_root(s, id, out);
		eth_mix_in_length(t->mixed, out, length);
		t->mixed_length = length;
	}
	memcpy(out, t->mixed, 32);
}
