#ifndef ETH_PRODUCE_H
#define ETH_PRODUCE_H

#include "procs/eth/pool.h"
#include "procs/eth/transition.h"

/*
 * Block production (phase0/validator.md, Block proposal). Lists are as they are serialized: elements of fixed
 * size one after the other; attester slashings and attestations behind their offsets.
 */
struct eth_list {
	const void *p;
	size_t n; /* bytes; 0: empty */
};

struct eth_block_plan {
	uint8_t randao_reveal[96];
	uint8_t graffiti[32];
	struct ssz_eth1_data eth1_data; /* the proposer's vote */
	struct eth_list proposer_slashings, attester_slashings, deposits, voluntary_exits;
	struct eth_pool *pool; /* attestations; NULL: none */
};

/* Above the serialized size of every SignedBeaconBlock. */
#define ETH_BLOCK_BYTES_MAX ((size_t)1 << 20)

/*
 * eth_produce_block makes the block for the state's slot: `s` has been advanced to it on the block's parent, and
 * becomes the block's post-state. Writes a SignedBeaconBlock to `out` whose signature is zero, for the
 * proposer to fill in (bytes 4 to 99) after signing eth_block_signing_root of what is behind it.
 *
 * The operations are processed as those of any block, without a look at their signatures: a code ETH_BAD_… says
 * that one of them is not valid on this state. ETH_ERR_ROOM (`out`, or the state's), ETH_ERR_MEMORY.
 */
int eth_produce_block(struct eth_engine *e, struct eth_state *s, const struct eth_block_plan *plan, void *out,
		      size_t room, size_t *n);

/* Orders two IndexedAttestations, serialized, as an AttesterSlashing; returns its size, 0: no room. */
size_t eth_attester_slashing(struct eth_list one, struct eth_list two, void *out, size_t room);

#endif
