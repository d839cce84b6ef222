#ifndef ETH_COMMITTEE_H
#define ETH_COMMITTEE_H

#include "procs/eth/engine.h"

/*
 * Committees and proposers (phase0/beacon-chain.md, Beacon state accessors). The shuffled active set of an
 * epoch is computed once and kept in the engine under everything it depends on.
 */
struct eth_committee {
	const uint32_t *index; /* validator indices, each < number of validators of the state asked about */
	size_t n;
};

/* The shuffled active set of one epoch. Valid until the next call that takes the engine. */
struct eth_shuffling {
	uint64_t epoch;
	const uint32_t *index;
	size_t active;
	uint64_t committees_per_slot;
};

static inline uint64_t eth_epoch_of(const struct eth_preset *p, uint64_t slot)
{
	return slot / p->slots_per_epoch;
}

static inline uint64_t eth_current_epoch(const struct eth_state *s)
{
	return s->slot / eth_state_preset(s)->slots_per_epoch;
}

static inline uint64_t eth_previous_epoch(const struct eth_state *s)
{
	uint64_t current = eth_current_epoch(s);

	return current == ETH_GENESIS_EPOCH ? current : current - 1;
}

/* get_seed. */
void eth_seed(const struct eth_state *s, uint64_t epoch, unsigned domain_type, uint8_t seed[32]);

/* The shuffling of an epoch by the state. ETH_BAD_NO_ACTIVE_VALIDATORS, ETH_ERR_MEMORY. */
int eth_shuffling(struct eth_engine *e, const struct eth_state *s, uint64_t epoch, struct eth_shuffling *out);

/* get_beacon_committee out of a shuffling; slot of its epoch and index < committees_per_slot are assumed. */
struct eth_committee eth_committee_of(const struct eth_shuffling *sh, const struct eth_preset *p,
				      uint64_t slot, uint64_t index);

/* get_beacon_committee. ETH_BAD_COMMITTEE_INDEX, ETH_BAD_NO_ACTIVE_VALIDATORS, ETH_ERR_MEMORY. */
int eth_beacon_committee(struct eth_engine *e, const struct eth_state *s, uint64_t slot, uint64_t index,
			 struct eth_committee *out);

/*
 * get_beacon_proposer_index for a slot of the state's current epoch (the specification knows only the state's
 * own slot; within the epoch the others are fixed as well). ETH_BAD_NO_ACTIVE_VALIDATORS, ETH_BAD_SLOT
 * (another epoch), ETH_ERR_MEMORY.
 */
int eth_proposer_index(struct eth_engine *e, const struct eth_state *s, uint64_t slot, uint64_t *index);

/* get_block_root_at_slot; NULL where slot < state.slot <= slot + SLOTS_PER_HISTORICAL_ROOT does not hold. */
const uint8_t *eth_block_root_at(const struct eth_state *s, uint64_t slot);

/* get_total_active_balance. */
uint64_t eth_total_active_balance(const struct eth_state *s);

#endif
