#ifndef ETH_CONFIG_H
#define ETH_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "procs/eth/err.h"
#include "procs/eth/preset.h"

/*
 * Values of a network that a program reads at run time (consensus-specs v1.5.0,
 * configs/{mainnet,minimal}.yaml), as far as phase 0 uses them. Columns: field, official name, mainnet,
 * minimal.
 */
#define ETH_CONFIG_NUMBERS(X)                                                                 \
	X(min_genesis_active_validator_count, MIN_GENESIS_ACTIVE_VALIDATOR_COUNT, 16384, 64)  \
	X(min_genesis_time, MIN_GENESIS_TIME, 1606824000, 1578009600)                         \
	X(genesis_delay, GENESIS_DELAY, 604800, 300)                                          \
	X(seconds_per_slot, SECONDS_PER_SLOT, 12, 6)                                          \
	X(seconds_per_eth1_block, SECONDS_PER_ETH1_BLOCK, 14, 14)                             \
	X(min_validator_withdrawability_delay, MIN_VALIDATOR_WITHDRAWABILITY_DELAY, 256, 256) \
	X(shard_committee_period, SHARD_COMMITTEE_PERIOD, 256, 64)                            \
	X(eth1_follow_distance, ETH1_FOLLOW_DISTANCE, 2048, 16)                               \
	X(ejection_balance, EJECTION_BALANCE, 16000000000, 16000000000)                       \
	X(min_per_epoch_churn_limit, MIN_PER_EPOCH_CHURN_LIMIT, 4, 2)                         \
	X(churn_limit_quotient, CHURN_LIMIT_QUOTIENT, 65536, 32)                              \
	X(proposer_score_boost, PROPOSER_SCORE_BOOST, 40, 40)                                 \
	X(reorg_head_weight_threshold, REORG_HEAD_WEIGHT_THRESHOLD, 20, 20)                   \
	X(reorg_parent_weight_threshold, REORG_PARENT_WEIGHT_THRESHOLD, 160, 160)             \
	X(reorg_max_epochs_since_finalization, REORG_MAX_EPOCHS_SINCE_FINALIZATION, 2, 2)     \
	X(attestation_propagation_slot_range, ATTESTATION_PROPAGATION_SLOT_RANGE, 32, 32)     \
	X(attestation_subnet_count, ATTESTATION_SUBNET_COUNT, 64, 64)

struct eth_config {
	enum eth_preset_id preset;
	char name[32]; /* CONFIG_NAME */
	uint8_t genesis_fork_version[4];
#define X(field, official, mainnet, minimal) uint64_t field;
	ETH_CONFIG_NUMBERS(X)
#undef X
};

/* eth_config_default is the official configuration of the same name as the preset. */
struct eth_config eth_config_default(enum eth_preset_id preset);

/* Where a configuration is wrong; line counts from 1. */
struct eth_config_fault {
	size_t line;
	char key[64];
};

/*
 * eth_config_parse reads a YAML mapping of official names to values. The defaults are those of its
 * PRESET_BASE (or of `preset_if_absent` where it names none); names that phase 0 does not use are passed
 * over. Errors: ETH_ERR_CONFIG_SYNTAX (not YAML, not a mapping of scalars), ETH_ERR_CONFIG_PRESET
 * (PRESET_BASE is unknown), ETH_ERR_CONFIG_VALUE (a number that is none, out of range, or zero where the
 * rules divide by it); then `*opt_fault` says where.
 */
int eth_config_parse(const char *text, size_t n, enum eth_preset_id preset_if_absent,
		     struct eth_config *config, struct eth_config_fault *opt_fault);

#endif
