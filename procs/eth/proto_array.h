#ifndef ETH_PROTO_ARRAY_H
#define ETH_PROTO_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procs/eth/containers.h"

/*
 * The block tree of fork choice as an array in which every block comes after its parent (proto-array,
 * github.com/protolambda/lmd-ghost), so that one pass from the end to the front adds up the weight below
 * each block, and one more chooses among children. What changed since the last pass is kept in the nodes:
 * a vote costs two additions, a look for the head costs one step per block that is not finalized.
 */
#define ETH_NO_NODE UINT32_MAX

struct eth_node {
	uint8_t root[32];
	uint64_t slot;
	uint64_t proposer_index;
	uint32_t parent;                 /* ETH_NO_NODE for the first */
	bool timely;                     /* arrived before the attesting interval of its own slot */
	struct ssz_checkpoint justified; /* of its post-state */
	struct ssz_checkpoint unrealized_justified; /* of its post-state, were the epoch over */
	uint64_t weight;                            /* of all votes at or below it, as of the last pass */
	int64_t delta;                              /* to be added to it and to all before it */
	/* Of the last pass. */
	bool leads;     /* some leaf below it, or itself where it is one, is viable */
	bool parents;   /* it has children */
	bool finalized; /* its ancestor at the start of the finalized epoch is the finalized block */
	uint32_t best;  /* child to follow */
};

struct eth_proto_array {
	struct eth_node *node;
	uint32_t n, room;
	uint32_t *map; /* open addressing on roots: index + 1; 0 is empty */
	uint32_t map_room;
};

/*
 * What decides whether a leaf may be the head (filter_block_tree, phase0/fork-choice.md). The finalized block is not
 * later than its epoch's first slot.
 */
struct eth_viability {
	struct ssz_checkpoint justified, finalized;
	uint64_t current_epoch;
	uint64_t slots_per_epoch;
};

void eth_proto_array_free(struct eth_proto_array *a);

/* The index of a block, ETH_NO_NODE where it is not known. */
uint32_t eth_proto_array_find(const struct eth_proto_array *a, const uint8_t root[32]);

/*
 * Adds a block whose parent (its index, or ETH_NO_NODE for the first) is known and whose root is not.
 * Everything from `weight` on is set here. Its index, or ETH_NO_NODE when out of memory.
 */
uint32_t eth_proto_array_add(struct eth_proto_array *a, const struct eth_node *node);

/* get_ancestor: the latest block at or before `slot` in the chain of `node`; ETH_NO_NODE if none is known. */
uint32_t eth_proto_array_ancestor(const struct eth_proto_array *a, uint32_t node, uint64_t slot);

/* Adds up what changed and chooses the best child of each block. */
void eth_proto_array_pass(struct eth_proto_array *a, const struct eth_viability *v);

/* The head from block `from` on, as of the last pass: `from` itself where nothing below it is viable. */
uint32_t eth_proto_array_head(const struct eth_proto_array *a, uint32_t from);

/*
 * Drops every block that is neither `first` nor descends from it. `moved[i]`, an array of a->n elements of
 * the caller, is where block i went, ETH_NO_NODE where it was dropped. No deltas may be pending.
 */
void eth_proto_array_prune(struct eth_proto_array *a, uint32_t first, uint32_t *moved);

#endif
