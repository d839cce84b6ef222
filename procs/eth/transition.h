#ifndef ETH_TRANSITION_H
#define ETH_TRANSITION_H

#include "procs/eth/committee.h"
#include "procs/eth/engine.h"
#include "procs/eth/ssz.h"

/*
 * The state transition of phase 0 (consensus-specs v1.5.0, phase0/beacon-chain.md, Beacon chain state
 * transition function). Every function changes the state in place, and names below are those of the
 * specification.
 *
 * Operations and blocks are views of checked values (ssz_check) of the state's preset. A state may be any
 * that passed eth_state_from_ssz or eth_state_adopt, however senseless.
 *
 * A refusal is one of the ETH_BAD_ codes and leaves the state between two valid ones: whoever still needs the
 * state from before works on a copy. ETH_ERR_ROOM is different: it comes before anything was changed; the
 * owner makes room (eth_state_regrow) and calls again. ETH_ERR_MEMORY: the engine's caches could not grow.
 */
enum eth_flags {
	ETH_SKIP_BLS = 1 << 0,           /* no signature of the block is checked; deposits' own ones are */
	ETH_SKIP_STATE_ROOT = 1 << 1,    /* the block's state root is taken for true */
	ETH_SKIP_DEPOSIT_PROOF = 1 << 2, /* Merkle branches of deposits are not checked */
	ETH_SKIP_PARENT_ROOT = 1 << 3,   /* the block's parent need not be the state's latest block */
	ETH_ONE_BY_ONE =
		1 << 4, /* each signature is checked by itself instead of all of a block as one batch */
};

/*
 * eth_state_transition: process_slots to the block's slot, proposer signature, process_block, state root.
 * `block` is a SignedBeaconBlock.
 */
int eth_state_transition(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags);

/*
 * eth_process_slots advances the state to `slot`, through the epoch transitions on the way. ETH_BAD_SLOT
 * where that is not after the state's slot. `opt_state_root`, when given, is hash_tree_root(state) as it is
 * now, known from the block that made it, so that the first slot need not compute it.
 */
int eth_process_slots(struct eth_engine *e, struct eth_state *s, uint64_t slot);
int eth_process_slots_known(struct eth_engine *e, struct eth_state *s, uint64_t slot,
			    const uint8_t *opt_state_root);

/* eth_process_block: `block` is a BeaconBlock whose slot is the state's. Its signatures but the proposer's.
 */
int eth_process_block(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags);

/* eth_verify_block_signature: `block` is a SignedBeaconBlock; the state is at its slot. */
int eth_verify_block_signature(struct eth_engine *e, const struct eth_state *s, struct ssz_view block);

/* The parts of process_block. Flags: ETH_SKIP_…; signatures one by one. */
int eth_process_block_header(struct eth_engine *e, struct eth_state *s, struct ssz_view block,
			     unsigned flags);
int eth_process_randao(struct eth_engine *e, struct eth_state *s, struct ssz_view body, unsigned flags);
int eth_process_eth1_data(struct eth_state *s, struct ssz_view body);
int eth_process_proposer_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view slashing,
				  unsigned flags);
int eth_process_attester_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view slashing,
				  unsigned flags);
int eth_process_attestation(struct eth_engine *e, struct eth_state *s, struct ssz_view attestation,
			    unsigned flags);
int eth_process_deposit(struct eth_engine *e, struct eth_state *s, struct ssz_view deposit, unsigned flags);
int eth_process_voluntary_exit(struct eth_engine *e, struct eth_state *s, struct ssz_view exit,
			       unsigned flags);

/* process_epoch, and its parts in the order in which it runs them. */
int eth_process_epoch(struct eth_engine *e, struct eth_state *s);
int eth_process_justification_and_finalization(struct eth_engine *e, struct eth_state *s);
int eth_process_rewards_and_penalties(struct eth_engine *e, struct eth_state *s);
int eth_process_registry_updates(struct eth_engine *e, struct eth_state *s);
int eth_process_slashings(struct eth_engine *e, struct eth_state *s);
int eth_process_eth1_data_reset(struct eth_engine *e, struct eth_state *s);
int eth_process_effective_balance_updates(struct eth_engine *e, struct eth_state *s);
int eth_process_slashings_reset(struct eth_engine *e, struct eth_state *s);
int eth_process_randao_mixes_reset(struct eth_engine *e, struct eth_state *s);
int eth_process_historical_roots_update(struct eth_engine *e, struct eth_state *s);
int eth_process_participation_record_updates(struct eth_engine *e, struct eth_state *s);

/* One component of get_attestation_deltas: arrays of one number per validator, written completely. */
enum eth_delta {
	ETH_DELTA_SOURCE,
	ETH_DELTA_TARGET,
	ETH_DELTA_HEAD,
	ETH_DELTA_INCLUSION_DELAY,
	ETH_DELTA_INACTIVITY,
	ETH_DELTAS,
};
int eth_attestation_deltas(struct eth_engine *e, const struct eth_state *s, enum eth_delta component,
			   uint64_t *rewards, uint64_t *penalties);

/*
 * eth_process_justification_on_copy writes to `current` and `finalized` what
 * process_justification_and_finalization would make of the state's checkpoints, and leaves the state as it
 * is: for fork choice's unrealized justification.
 */
int eth_unrealized_checkpoints(struct eth_engine *e, const struct eth_state *s,
			       struct ssz_checkpoint *justified, struct ssz_checkpoint *finalized);

/*
 * is_valid_indexed_attestation of a checked IndexedAttestation. ETH_BAD_INDICES (none, unsorted, repeated),
 * ETH_BAD_VALIDATOR_INDEX, ETH_BAD_ATTESTATION_SIGNATURE.
 */
int eth_indexed_attestation_valid(struct eth_engine *e, const struct eth_state *s, struct ssz_view indexed,
				  unsigned flags);

/*
 * eth_attestation_valid is is_valid_indexed_attestation(get_indexed_attestation(attestation)) for a checked
 * Attestation whose target epoch the state can tell committees for; used by fork choice and gossip. Fills
 * `*committee`.
 */
int eth_attestation_valid(struct eth_engine *e, const struct eth_state *s, struct ssz_view attestation,
			  unsigned flags, struct eth_committee *committee);

#endif
