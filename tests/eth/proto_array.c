#include "procs/eth/proto_array.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 60
#define VOTERS 30
#define PER_EPOCH 8

static uint64_t state = 1;

static uint64_t rnd(uint64_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 33) % below;
}

/* The specification's functions on plain arrays, each computed from scratch. */
struct block {
	uint8_t root[32];
	int parent; /* -1: the first */
	uint64_t slot, justified, unrealized;
};

struct model {
	struct block block[BLOCKS];
	int n;
	int vote[VOTERS]; /* -1: none */
	uint64_t balance[VOTERS];
	struct eth_viability v;
};

static int ancestor(const struct model *m, int b, uint64_t slot)
{
	while (b >= 0 && m->block[b].slot > slot)
		b = m->block[b].parent;
	return b;
}

static uint64_t weight(const struct model *m, int b)
{
	uint64_t sum = 0;

	for (int i = 0; i < VOTERS; i++)
		if (m->vote[i] >= 0 && ancestor(m, m->vote[i], m->block[b].slot) == b)
			sum += m->balance[i];
	return sum;
}

static bool filtered(const struct model *m, int b)
{
	const struct eth_viability *v = &m->v;
	bool leaf = true, any = false;

	for (int i = 0; i < m->n; i++)
		if (m->block[i].parent == b) {
			leaf = false;
			any |= filtered(m, i);
		}
	if (!leaf)
		return any;
	uint64_t source = v->current_epoch > m->block[b].slot / PER_EPOCH ? m->block[b].unrealized
									  : m->block[b].justified;
	int checkpoint = ancestor(m, b, v->finalized.epoch * PER_EPOCH);

	return (v->justified.epoch == 0 || source == v->justified.epoch || source + 2 >= v->current_epoch) &&
	       (v->finalized.epoch == 0 ||
		(checkpoint >= 0 && !memcmp(m->block[checkpoint].root, v->finalized.root, 32)));
}

static int head(const struct model *m, int from)
{
	for (;;) {
		int best = -1;

		for (int i = 0; i < m->n; i++) {
			if (m->block[i].parent != from || !filtered(m, i))
				continue;
			uint64_t mine = weight(m, i), other = best < 0 ? 0 : weight(m, best);

			if (best < 0 || mine > other ||
			    (mine == other && memcmp(m->block[i].root, m->block[best].root, 32) > 0))
				best = i;
		}
		if (best < 0)
			return from;
		from = best;
	}
}

static void add(struct model *m, struct eth_proto_array *a, int parent)
{
	struct block *b = &m->block[m->n];
	struct eth_node n = {.parent = ETH_NO_NODE};

	b->parent = parent;
	b->slot = parent < 0 ? 0 : m->block[parent].slot + 1 + rnd(5);
	b->justified = rnd(1 + b->slot / PER_EPOCH);
	b->unrealized = b->justified + rnd(2);
	for (int i = 0; i < 32; i++)
		b->root[i] = (uint8_t)rnd(256);
	memcpy(n.root, b->root, 32);
	n.slot = b->slot;
	n.justified.epoch = b->justified;
	n.unrealized_justified.epoch = b->unrealized;
	if (parent >= 0)
		n.parent = eth_proto_array_find(a, m->block[parent].root);
	cr_assert(eth_proto_array_find(a, b->root) == ETH_NO_NODE);
	cr_assert(eth_proto_array_add(a, &n) != ETH_NO_NODE);
	m->n++;
}

static void move_vote(struct model *m, struct eth_proto_array *a, int voter, int to)
{
	if (m->vote[voter] >= 0)
		a->node[eth_proto_array_find(a, m->block[m->vote[voter]].root)].delta -=
			(int64_t)m->balance[voter];
	m->vote[voter] = to;
	m->balance[voter] = 1 + rnd(32);
	a->node[eth_proto_array_find(a, m->block[to].root)].delta += (int64_t)m->balance[voter];
}

static void compare(struct model *m, struct eth_proto_array *a, int from)
{
	eth_proto_array_pass(a, &m->v);
	uint32_t got = eth_proto_array_head(a, eth_proto_array_find(a, m->block[from].root));
	int want = head(m, from);

	cr_assert(!memcmp(a->node[got].root, m->block[want].root, 32));
	for (int i = from; i < m->n; i++) {
		uint32_t node = eth_proto_array_find(a, m->block[i].root);

		if (node != ETH_NO_NODE)
			cr_assert(a->node[node].weight == weight(m, i), "weight of block %d", i);
	}
}

/* A block with its descendants, in the model as well: votes for others are gone. */
static void prune(struct model *m, struct eth_proto_array *a, int first)
{
	uint32_t moved[BLOCKS], before = a->n;
	int kept = 0;

	eth_proto_array_prune(a, eth_proto_array_find(a, m->block[first].root), moved);
	int index[BLOCKS];

	for (int i = 0; i < m->n; i++) {
		int at = i;

		while (at >= 0 && at != first)
			at = m->block[at].parent;
		index[i] = at == first ? kept++ : -1;
		cr_assert((index[i] >= 0) == (eth_proto_array_find(a, m->block[i].root) != ETH_NO_NODE));
	}
	cr_assert(a->n == (uint32_t)kept && before == (uint32_t)m->n);
	for (int i = 0; i < m->n; i++)
		if (index[i] >= 0) {
			struct block b = m->block[i];

			b.parent = i == first ? -1 : index[b.parent];
			m->block[index[i]] = b;
		}
	for (int i = 0; i < VOTERS; i++)
		if (m->vote[i] >= 0)
			m->vote[i] = index[m->vote[i]];
	m->n = kept;
}

Test(eth_proto_array, head_and_weights_are_those_of_the_specification)
{
	int pruned = 0, inner = 0;

	for (int round = 0; round < 150; round++) {
		struct eth_proto_array a = {0};
		struct model m = {.v.slots_per_epoch = PER_EPOCH};

		memset(m.vote, -1, sizeof(m.vote));
		add(&m, &a, -1);
		while (m.n < BLOCKS) {
			add(&m, &a, (int)rnd((uint64_t)m.n));
			for (int i = 0; i < 3; i++)
				move_vote(&m, &a, (int)rnd(VOTERS), (int)rnd((uint64_t)m.n));
			if (rnd(3))
				continue;
			int from = (int)rnd((uint64_t)m.n / 3 + 1), final = (int)rnd((uint64_t)m.n);
			m.v.current_epoch = m.block[m.n - 1].slot / PER_EPOCH + rnd(2);
			m.v.justified.epoch = rnd(4);
			/* A checkpoint's block is never later than its epoch's first slot. */
			m.v.finalized.epoch =
				rnd(2) ? 0 : (m.block[final].slot + PER_EPOCH - 1) / PER_EPOCH + rnd(2);
			memcpy(m.v.finalized.root, m.block[final].root, 32);
			compare(&m, &a, from);
			inner += head(&m, from) != from;
			if (m.n > BLOCKS / 2 && !rnd(12)) {
				prune(&m, &a, (int)rnd(4));
				compare(&m, &a, 0);
				pruned++;
			}
		}
		eth_proto_array_free(&a);
	}
	cr_assert(pruned > 20 && inner > 500, "%d pruned, %d heads", pruned, inner);
}

Test(eth_proto_array, ancestors)
{
	struct eth_proto_array a = {0};
	struct model m = {0};

	add(&m, &a, -1);
	for (int i = 0; i < 20; i++)
		add(&m, &a, i);
	for (int i = 0; i < m.n; i++)
		for (uint64_t slot = 0; slot < 100; slot++) {
			uint32_t got = eth_proto_array_ancestor(&a, (uint32_t)i, slot);

			cr_assert(got == (uint32_t)ancestor(&m, i, slot));
		}
	cr_assert(eth_proto_array_ancestor(&a, ETH_NO_NODE, 5) == ETH_NO_NODE);
	eth_proto_array_free(&a);
}
