#ifndef ETH_POOL_H
#define ETH_POOL_H

#include "procs/eth/committee.h"
#include "procs/eth/ssz.h"

/*
 * Attestations that wait for a block. Those with the same data are joined where nobody is in both, so that
 * the pool holds few and large ones. Nothing is verified here: hand over only what has a valid signature.
 * One thread at a time.
 */
struct eth_pool;

/* NULL when out of memory; NULL may be freed. */
struct eth_pool *eth_pool_new(const struct eth_preset *preset);
void eth_pool_free(struct eth_pool *pool);

/*
 * eth_pool_add takes in a checked Attestation. 0, also where it tells nothing that is not known;
 * ETH_BAD_ATTESTATION_SIGNATURE (its bytes are no signature), ETH_ERR_MEMORY.
 */
int eth_pool_add(struct eth_pool *pool, struct ssz_view attestation);

/* eth_pool_prune drops what no block at `slot` or later may contain. */
void eth_pool_prune(struct eth_pool *pool, uint64_t slot);

/* How many there are. */
size_t eth_pool_count(const struct eth_pool *pool);

/*
 * eth_pool_pack chooses attestations for a block on the state, which is at the block's slot: those it may
 * contain, at most `max`, greedily by the effective balance of attesters whose vote neither the state nor one
 * chosen before has (so never less than 1 - 1/e of the best choice there is). Writes them as a serialized
 * list of Attestations to `out`, in the order chosen. 0 with `*n` bytes; ETH_ERR_ROOM, ETH_ERR_MEMORY, or the
 * code of a committee that cannot be computed.
 */
int eth_pool_pack(struct eth_pool *pool, struct eth_engine *e, const struct eth_state *s, size_t max,
		  void *out, size_t room, size_t *n);

/*
 * eth_pool_aggregate writes the largest attestation with that data (an AttestationData's root) as a
 * serialized Attestation, and returns its size; 0 where there is none or `room` is too little.
 */
size_t eth_pool_aggregate(const struct eth_pool *pool, const struct ssz_attestation_data *data, void *out,
			  size_t room);

#endif
