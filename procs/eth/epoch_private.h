#ifndef ETH_EPOCH_PRIVATE_H
#define ETH_EPOCH_PRIVATE_H

#include "procs/eth/engine_private.h"
#include "procs/eth/transition.h"

/* What a validator did, as the state's pending attestations tell; slashed ones included. */
#define PART_SOURCE 1         /* get_matching_source_attestations(previous epoch) */
#define PART_TARGET 2         /* … target … */
#define PART_HEAD 4           /* … head … */
#define PART_CURRENT_TARGET 8 /* get_matching_target_attestations(current epoch) */
#define PART_SLASHED 16
#define PART_ELIGIBLE 32 /* get_eligible_validator_indices */
#define ETH_ODD UINT8_MAX

/*
 * Reads both lists of pending attestations and the registry once; fills e->part. ETH_BAD_PENDING,
 * ETH_BAD_REGISTRY, ETH_BAD_NO_ACTIVE_VALIDATORS, ETH_ERR_MEMORY.
 */
int eth_participation(struct eth_engine *e, const struct eth_state *s);

/* The steps of the epoch that need what eth_participation found. */
void eth_justify(const struct eth_engine *e, struct eth_state *s);
int eth_reward(struct eth_engine *e, struct eth_state *s);

/* initiate_validator_exit; ETH_BAD_OVERFLOW. e->exits is the queue; known = false where it has to be found.
 */
int eth_initiate_exit(struct eth_engine *e, struct eth_state *s, uint64_t index);

/* compute_activation_exit_epoch. */
static inline uint64_t eth_activation_exit_epoch(const struct eth_preset *p, uint64_t epoch)
{
	return epoch + 1 + p->max_seed_lookahead;
}

static inline bool eth_active(const struct eth_validator *v, uint64_t epoch)
{
	return v->activation_epoch <= epoch && epoch < v->exit_epoch;
}

/* Every rule that reads a validator's balance assumes one for each. */
static inline bool eth_registry_whole(const struct eth_state *s)
{
	return eth_state_count(s, ETH_BALANCES) == eth_state_validator_count(s);
}

#endif
