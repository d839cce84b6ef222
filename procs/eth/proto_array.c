#include "procs/eth/proto_array.h"

#include <stdlib.h>
#include <string.h>

void eth_proto_array_free(struct eth_proto_array *a)
{
	free(a->node);
	free(a->map);
	*a = (struct eth_proto_array){0};
}

/* Roots are hashes: any bytes of them spread evenly. */
static uint32_t place(const struct eth_proto_array *a, const uint8_t root[32])
{
	uint32_t h;

	memcpy(&h, root, sizeof(h));
	return h & (a->map_room - 1);
}

uint32_t eth_proto_array_find(const struct eth_proto_array *a, const uint8_t root[32])
{
	if (!a->map_room)
		return ETH_NO_NODE;
	for (uint32_t i = place(a, root); a->map[i]; i = (i + 1) & (a->map_room - 1))
		if (!memcmp(a->node[a->map[i] - 1].root, root, 32))
			return a->map[i] - 1;
	return ETH_NO_NODE;
}

static void map_all(struct eth_proto_array *a)
{
	memset(a->map, 0, a->map_room * sizeof(*a->map));
	for (uint32_t n = 0; n < a->n; n++) {
		uint32_t i = place(a, a->node[n].root);

		while (a->map[i])
			i = (i + 1) & (a->map_room - 1);
		a->map[i] = n + 1;
	}
}

static bool grow(struct eth_proto_array *a)
{
	uint32_t room = a->room ? 2 * a->room : 64;
	struct eth_node *node = realloc(a->node, room * sizeof(*node));

	if (!node)
		return false;
	a->node = node;
	uint32_t *map = realloc(a->map, 4 * (size_t)room * sizeof(*map));

	if (!map)
		return false;
	a->map = map;
	a->map_room = 4 * room;
	a->room = room;
	map_all(a);
	return true;
}

uint32_t eth_proto_array_add(struct eth_proto_array *a, const struct eth_node *node)
{
	if (a->n == a->room && !grow(a))
		return ETH_NO_NODE;
	struct eth_node *to = &a->node[a->n];
	uint32_t i = place(a, node->root);

	*to = *node;
	to->weight = 0;
	to->delta = 0;
	to->leads = to->parents = to->finalized = false;
	to->best = ETH_NO_NODE;
	while (a->map[i])
		i = (i + 1) & (a->map_room - 1);
	a->map[i] = ++a->n;
	return a->n - 1;
}

uint32_t eth_proto_array_ancestor(const struct eth_proto_array *a, uint32_t node, uint64_t slot)
{
	while (node != ETH_NO_NODE && a->node[node].slot > slot)
		node = a->node[node].parent;
	return node;
}

static void settle_finality(struct eth_proto_array *a, const struct eth_viability *v)
{
	uint64_t start = v->finalized.epoch * v->slots_per_epoch;

	for (uint32_t i = 0; i < a->n; i++) {
		struct eth_node *n = &a->node[i];

		n->parents = n->leads = false;
		n->best = ETH_NO_NODE;
		n->finalized = n->slot > start && n->parent != ETH_NO_NODE
				       ? a->node[n->parent].finalized
				       : !memcmp(n->root, v->finalized.root, 32);
	}
}

static bool viable(const struct eth_node *n, const struct eth_viability *v)
{
	/* get_voting_source: a block of an earlier epoch is taken as if its epoch had been processed. */
	uint64_t source = v->current_epoch > n->slot / v->slots_per_epoch ? n->unrealized_justified.epoch
									  : n->justified.epoch;

	return (v->justified.epoch == 0 || source == v->justified.epoch || source + 2 >= v->current_epoch) &&
	       (v->finalized.epoch == 0 || n->finalized);
}

/* Heavier first, then the greater root. */
static bool better(const struct eth_node *a, const struct eth_node *b)
{
	return a->weight != b->weight ? a->weight > b->weight : memcmp(a->root, b->root, 32) > 0;
}

void eth_proto_array_pass(struct eth_proto_array *a, const struct eth_viability *v)
{
	settle_finality(a, v);
	for (uint32_t i = a->n; i--;) {
		struct eth_node *n = &a->node[i],
				*parent = n->parent == ETH_NO_NODE ? NULL : &a->node[n->parent];

		n->weight += (uint64_t)n->delta;
		if (!n->parents)
			n->leads = viable(n, v);
		if (parent) {
			parent->delta += n->delta;
			parent->parents = true;
			parent->leads |= n->leads;
			if (n->leads && (parent->best == ETH_NO_NODE || better(n, &a->node[parent->best])))
				parent->best = i;
		}
		n->delta = 0;
	}
}

uint32_t eth_proto_array_head(const struct eth_proto_array *a, uint32_t from)
{
	while (a->node[from].best != ETH_NO_NODE)
		from = a->node[from].best;
	return from;
}

void eth_proto_array_prune(struct eth_proto_array *a, uint32_t first, uint32_t *moved)
{
	uint32_t to = 0;

	for (uint32_t i = 0; i < a->n; i++) {
		uint32_t parent = a->node[i].parent;
		bool keep =
			i == first || (parent != ETH_NO_NODE && i > first && moved[parent] != ETH_NO_NODE);

		moved[i] = keep ? to : ETH_NO_NODE;
		if (!keep)
			continue;
		a->node[to] = a->node[i];
		a->node[to].parent = i == first ? ETH_NO_NODE : moved[parent];
		a->node[to].best = ETH_NO_NODE;
		to++;
	}
	a->n = to;
	map_all(a);
}
