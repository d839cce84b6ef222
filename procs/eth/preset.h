#ifndef ETH_PRESET_H
#define ETH_PRESET_H

#include <stddef.h>
#include <stdint.h>

/*
 * The two presets of the specification (consensus-specs v1.5.0, presets/{mainnet,minimal}/phase0.yaml): sizes
 * that are part of the types, so that a program cannot read them from a configuration. Columns: field,
 * official name, mainnet, minimal.
 */
#define ETH_PRESET_VALUES(X)                                                                \
	X(max_committees_per_slot, MAX_COMMITTEES_PER_SLOT, 64, 4)                          \
	X(target_committee_size, TARGET_COMMITTEE_SIZE, 128, 4)                             \
	X(max_validators_per_committee, MAX_VALIDATORS_PER_COMMITTEE, 2048, 2048)           \
	X(shuffle_round_count, SHUFFLE_ROUND_COUNT, 90, 10)                                 \
	X(hysteresis_quotient, HYSTERESIS_QUOTIENT, 4, 4)                                   \
	X(hysteresis_downward_multiplier, HYSTERESIS_DOWNWARD_MULTIPLIER, 1, 1)             \
	X(hysteresis_upward_multiplier, HYSTERESIS_UPWARD_MULTIPLIER, 5, 5)                 \
	X(min_deposit_amount, MIN_DEPOSIT_AMOUNT, 1000000000, 1000000000)                   \
	X(max_effective_balance, MAX_EFFECTIVE_BALANCE, 32000000000, 32000000000)           \
	X(effective_balance_increment, EFFECTIVE_BALANCE_INCREMENT, 1000000000, 1000000000) \
	X(min_attestation_inclusion_delay, MIN_ATTESTATION_INCLUSION_DELAY, 1, 1)           \
	X(slots_per_epoch, SLOTS_PER_EPOCH, 32, 8)                                          \
	X(min_seed_lookahead, MIN_SEED_LOOKAHEAD, 1, 1)                                     \
	X(max_seed_lookahead, MAX_SEED_LOOKAHEAD, 4, 4)                                     \
	X(min_epochs_to_inactivity_penalty, MIN_EPOCHS_TO_INACTIVITY_PENALTY, 4, 4)         \
	X(epochs_per_eth1_voting_period, EPOCHS_PER_ETH1_VOTING_PERIOD, 64, 4)              \
	X(slots_per_historical_root, SLOTS_PER_HISTORICAL_ROOT, 8192, 64)                   \
	X(epochs_per_historical_vector, EPOCHS_PER_HISTORICAL_VECTOR, 65536, 64)            \
	X(epochs_per_slashings_vector, EPOCHS_PER_SLASHINGS_VECTOR, 8192, 64)               \
	X(historical_roots_limit, HISTORICAL_ROOTS_LIMIT, 16777216, 16777216)               \
	X(validator_registry_limit, VALIDATOR_REGISTRY_LIMIT, 1099511627776, 1099511627776) \
	X(base_reward_factor, BASE_REWARD_FACTOR, 64, 64)                                   \
	X(whistleblower_reward_quotient, WHISTLEBLOWER_REWARD_QUOTIENT, 512, 512)           \
	X(proposer_reward_quotient, PROPOSER_REWARD_QUOTIENT, 8, 8)                         \
	X(inactivity_penalty_quotient, INACTIVITY_PENALTY_QUOTIENT, 67108864, 33554432)     \
	X(min_slashing_penalty_quotient, MIN_SLASHING_PENALTY_QUOTIENT, 128, 64)            \
	X(proportional_slashing_multiplier, PROPORTIONAL_SLASHING_MULTIPLIER, 1, 2)         \
	X(max_proposer_slashings, MAX_PROPOSER_SLASHINGS, 16, 16)                           \
	X(max_attester_slashings, MAX_ATTESTER_SLASHINGS, 2, 2)                             \
	X(max_attestations, MAX_ATTESTATIONS, 128, 128)                                     \
	X(max_deposits, MAX_DEPOSITS, 16, 16)                                               \
	X(max_voluntary_exits, MAX_VOLUNTARY_EXITS, 16, 16)

enum eth_preset_id {
	ETH_MAINNET,
	ETH_MINIMAL,
	ETH_PRESETS,
};

struct eth_preset {
	enum eth_preset_id id;
	const char *name; /* "mainnet" or "minimal" */
#define X(field, official, mainnet, minimal) uint64_t field;
	ETH_PRESET_VALUES(X)
#undef X
	uint64_t eth1_votes_limit;         /* epochs_per_eth1_voting_period * slots_per_epoch */
	uint64_t epoch_attestations_limit; /* max_attestations * slots_per_epoch */
};

/* eth_preset returns the constants of a preset; static. `id` must be in [0, ETH_PRESETS). */
const struct eth_preset *eth_preset(enum eth_preset_id id);

/* eth_preset_by_name returns the preset called `name` ("mainnet", "minimal"), NULL where there is none. */
const struct eth_preset *eth_preset_by_name(const char *name);

/* Constants that no preset changes (phase0/beacon-chain.md, Constants). */
#define ETH_FAR_FUTURE_EPOCH UINT64_MAX
#define ETH_BASE_REWARDS_PER_EPOCH 4
#define ETH_DEPOSIT_CONTRACT_TREE_DEPTH 32
#define ETH_JUSTIFICATION_BITS_LENGTH 4
#define ETH_GENESIS_SLOT 0
#define ETH_GENESIS_EPOCH 0

#endif
