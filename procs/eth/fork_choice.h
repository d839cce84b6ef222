#ifndef ETH_FORK_CHOICE_H
#define ETH_FORK_CHOICE_H

#include "procs/eth/proto_array.h"
#include "procs/eth/transition.h"

/*
 * Fork choice of phase 0 (consensus-specs v1.5.0, phase0/fork-choice.md): the Store and its handlers. It
 * keeps the tree of blocks and the latest vote of each validator, no blocks and no states: those belong to
 * the caller, who runs the state transition and is asked for the state of a checkpoint when one is needed.
 *
 * One thread at a time. Codes: 0, those of err.h, or one of these.
 */
#define ETH_FORK_CHOICE_RESULTS(X)                                                         \
	X(ETH_FC_ANCHOR, "anchor block does not have the root of the anchor state")        \
	X(ETH_FC_UNKNOWN_PARENT, "parent of the block is not known")                       \
	X(ETH_FC_FUTURE_BLOCK, "block is of a slot that has not begun")                    \
	X(ETH_FC_FINALIZED, "block does not descend from the finalized checkpoint")        \
	X(ETH_FC_TARGET_EPOCH, "target epoch is neither the current nor the previous one") \
	X(ETH_FC_TARGET_SLOT, "target epoch is not that of the attestation's slot")        \
	X(ETH_FC_UNKNOWN_TARGET, "target block is not known")                              \
	X(ETH_FC_UNKNOWN_BLOCK, "attested block is not known")                             \
	X(ETH_FC_BLOCK_AFTER_SLOT, "attested block is later than the attestation's slot")  \
	X(ETH_FC_TARGET_ROOT, "target is not the checkpoint of the attested block")        \
	X(ETH_FC_TOO_EARLY, "attestation's slot is not over")                              \
	X(ETH_FC_NOT_SLASHABLE, "attestations of the slashing are not slashable")          \
	X(ETH_FC_BOOSTED, "head still has its proposer boost")                             \
	X(ETH_FC_NO_STATE, "state of a checkpoint is not to be had")                       \
	X(ETH_FC_MEMORY, "out of memory")

enum eth_fork_choice_result {
	ETH_FC_BASE = -2000, /* codes count up from here */
#define X(code, text) code,
	ETH_FORK_CHOICE_RESULTS(X)
#undef X
};

/* The sentence of a code of here or of err.h; static, never NULL. */
const char *eth_fork_choice_strerror(int code);

/*
 * The caller's states: the post-state of the block checkpoint->root, advanced to the first slot of the
 * checkpoint's epoch where it is before it. Valid until the next call. NULL: there is none.
 */
typedef const struct eth_state *eth_checkpoint_state_fn(void *context,
							const struct ssz_checkpoint *checkpoint);

struct eth_fork_choice;

/*
 * get_forkchoice_store: from a trusted state and its block (a BeaconBlock). The engine and the context stay
 * the caller's and are used by later calls. ETH_FC_ANCHOR, ETH_FC_MEMORY; then `*fc` is NULL.
 */
int eth_fork_choice_new(struct eth_fork_choice **fc, struct eth_engine *e,
			const struct eth_state *anchor_state, struct ssz_view anchor_block,
			eth_checkpoint_state_fn *state_of, void *context);
void eth_fork_choice_free(struct eth_fork_choice *fc);

/* on_tick: unix time in seconds. A time before the store's changes nothing but the time. */
void eth_fork_choice_on_tick(struct eth_fork_choice *fc, uint64_t time);

/*
 * on_block, in two halves with the caller's state_transition in between. `check` decides by the tree alone
 * whether the block (a BeaconBlock) may be added: ETH_FC_UNKNOWN_PARENT, ETH_FC_FUTURE_BLOCK,
 * ETH_FC_FINALIZED. `on_block` adds a block that passed both, with its root and post-state; a block that is
 * known already changes nothing. Its attestations and attester slashings are the caller's to hand over.
 * ETH_FC_MEMORY, ETH_ERR_MEMORY.
 */
int eth_fork_choice_check_block(const struct eth_fork_choice *fc, struct ssz_view block);
int eth_fork_choice_on_block(struct eth_fork_choice *fc, struct ssz_view block, const uint8_t root[32],
			     const struct eth_state *post_state);

/*
 * on_attestation of a checked Attestation. One from a block (`is_from_block`) may be old, and its signature,
 * which came with the block's, is not checked again. ETH_FC_…, ETH_BAD_….
 */
int eth_fork_choice_on_attestation(struct eth_fork_choice *fc, struct ssz_view attestation,
				   bool is_from_block);

/* on_attester_slashing of a checked AttesterSlashing; with or without its signatures. */
int eth_fork_choice_on_attester_slashing(struct eth_fork_choice *fc, struct ssz_view slashing,
					 bool is_from_block);

/* get_head. ETH_FC_NO_STATE, ETH_FC_MEMORY. */
int eth_fork_choice_head(struct eth_fork_choice *fc, uint8_t root[32], uint64_t *opt_slot);

/*
 * get_proposer_head: on which block the proposer of `slot` should build: `head`, or its parent where the head
 * came late and is weak. ETH_FC_UNKNOWN_BLOCK, ETH_FC_BOOSTED, ETH_FC_NO_STATE, ETH_FC_MEMORY.
 */
int eth_fork_choice_proposer_head(struct eth_fork_choice *fc, const uint8_t head[32], uint64_t slot,
				  uint8_t root[32]);

/*
 * eth_fork_choice_prune drops all blocks that do not descend from the finalized one, and the votes for them.
 * Without it nothing is ever dropped. `dropped`, when given, is called with the root of each.
 */
int eth_fork_choice_prune(struct eth_fork_choice *fc, void (*dropped)(void *context, const uint8_t root[32]));

/* The Store, to look at. */
struct eth_fork_choice_view {
	uint64_t time, genesis_time, slot;
	struct ssz_checkpoint justified, finalized, unrealized_justified, unrealized_finalized;
	uint8_t proposer_boost_root[32]; /* zero: none */
	size_t blocks;
};
struct eth_fork_choice_view eth_fork_choice_view(const struct eth_fork_choice *fc);

/* Whether a block is known; its slot. */
bool eth_fork_choice_knows(const struct eth_fork_choice *fc, const uint8_t root[32], uint64_t *opt_slot);

/* get_checkpoint_block: false where the chain of `root` is not known back to the epoch's start. */
bool eth_fork_choice_checkpoint_block(const struct eth_fork_choice *fc, const uint8_t root[32],
				      uint64_t epoch, uint8_t out[32]);

/* get_weight as of the last eth_fork_choice_head; 0 for a block that is not known. */
uint64_t eth_fork_choice_weight(const struct eth_fork_choice *fc, const uint8_t root[32]);

#endif
