#ifndef ETH_TREE_H
#define ETH_TREE_H

#include "procs/eth/mutate.h"

/*
 * Private to state*.c: the hash trees of a state's large fields, in its region ETH_TREES. They make the root
 * of a state cost what changed since the last root: every change marks a leaf (eth_tree_touch), and the next
 * root hashes the marked leaves' paths, level by level, many nodes per call.
 *
 * A tree has the levels of its populated part only, each exactly as long as the field's room makes it; the
 * zero subtrees to the right and above are known. Leaves that are the field's own bytes are not stored again;
 * those of validators, votes and attestations are roots and are. Trees travel with the state: for the
 * mainnet genesis state they make its copy 10.6 MB instead of 5.7 (1.6 ms instead of 0.8), and save who goes on with it
 * the 9 ms of hashing everything (make bench-eth, "copy"). Who only looks things up asks eth_state_regrow for a copy
 * without them.
 */
#define ETH_TREE_LEVELS 42

struct eth_tree {
	/* fixed by the rooms of the state; eth_state_check holds them to eth_trees_shape */
	uint64_t leaves;              /* room */
	uint64_t at[ETH_TREE_LEVELS]; /* of each level, from the start of the region; 0: not stored */
	uint64_t bits_at, bits;       /* marks: one bit per leaf, or per pair where leaves are not stored */
	uint32_t levels, depth;       /* stored levels above the leaves; depth of the whole tree */
	uint32_t stored;              /* 1: leaves are stored */
	/* state of the tree */
	uint32_t all;    /* 1: everything is to be hashed */
	uint64_t dirty;  /* 1: some bit is set, or the root below is not of the field as it is */
	uint64_t hashed; /* attestations: leaves in the tree, the records before `scanned` */
	uint8_t root[32];
	uint64_t mixed_length; /* lists: `mixed` is root and this length hashed; UINT64_MAX: nothing is */
	uint8_t mixed[32];
};

/* The top of the state's own tree: its fields' roots and the nodes above them, of the last time. */
#define ETH_FIELDS 21
#define ETH_SMALL_FIELDS 6 /* containers in the header */
struct eth_top {
	uint64_t known; /* 0: nothing below is */
	uint8_t small_value[ETH_SMALL_FIELDS][112];
	uint8_t small_root[ETH_SMALL_FIELDS][32];
	uint8_t leaf[ETH_FIELDS][32];
	uint8_t node[ETH_FIELDS + 2][32]; /* 11, 6, 3, 2 and 1 of them */
};

struct eth_trees {
	uint64_t flipped; /* 1: the trees of both attestation lists have changed places */
	uint64_t scanned; /* records up to this byte of their region are leaves already */
	struct eth_tree tree[ETH_TREES_COUNT];
	struct eth_top top;
};

/* Fills everything in `t` that depends on the rooms, and zeroes the rest; returns the bytes of the region. */
uint64_t eth_trees_shape(struct eth_trees *t, const struct eth_preset *p, uint64_t validators,
			 uint64_t historical_roots);

/* eth_trees_reset formats the region of a state whose rooms and counts are set: everything is to be hashed.
 */
void eth_trees_reset(struct eth_state *s);

/* eth_trees_check: the shape is that of the state's rooms, and `scanned` and `hashed` agree with the records.
 */
bool eth_trees_check(const struct eth_state *s);

/* eth_tree_root brings a tree up to date: the root of the field, without the length that lists mix in. */
void eth_tree_root(struct eth_state *s, enum eth_tree_id id, uint8_t out[32]);

/* The same with the length mixed in. */
void eth_tree_list_root(struct eth_state *s, enum eth_tree_id id, uint64_t length, uint8_t out[32]);

static inline bool eth_has_trees(const struct eth_state *s)
{
	return s->region[ETH_TREES].room != 0;
}

/* From state_root.c: the leaves that are roots. */
void eth_validator_roots(uint8_t *out, const struct eth_validator *const *v, size_t n); /* n <= 64 */
void eth_vote_root(const struct ssz_eth1_data *v, uint8_t out[32]);

#endif
