#ifndef ETH_CONTAINERS_H
#define ETH_CONTAINERS_H

#include <stdint.h>

/*
 * The fixed-size parts of the phase 0 containers exactly as they are serialized (phase0/beacon-chain.md,
 * Containers; phase0/validator.md for the aggregates), for reading checked bytes in place. `..._at` members
 * are SSZ offsets, relative to the start of the container. None of these differs between the presets;
 * BeaconState and HistoricalBatch do and are in types.c.
 */
#define ETH_PACKED __attribute__((packed))

struct ETH_PACKED ssz_fork {
	uint8_t previous_version[4];
	uint8_t current_version[4];
	uint64_t epoch;
};

struct ETH_PACKED ssz_fork_data {
	uint8_t current_version[4];
	uint8_t genesis_validators_root[32];
};

struct ETH_PACKED ssz_signing_data {
	uint8_t object_root[32];
	uint8_t domain[32];
};

struct ETH_PACKED ssz_checkpoint {
	uint64_t epoch;
	uint8_t root[32];
};

struct ETH_PACKED ssz_validator {
	uint8_t pubkey[48];
	uint8_t withdrawal_credentials[32];
	uint64_t effective_balance;
	uint8_t slashed;
	uint64_t activation_eligibility_epoch;
	uint64_t activation_epoch;
	uint64_t exit_epoch;
	uint64_t withdrawable_epoch;
};

struct ETH_PACKED ssz_attestation_data {
	uint64_t slot;
	uint64_t index;
	uint8_t beacon_block_root[32];
	struct ssz_checkpoint source;
	struct ssz_checkpoint target;
};

struct ETH_PACKED ssz_attestation {
	uint32_t aggregation_bits_at;
	struct ssz_attestation_data data;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_indexed_attestation {
	uint32_t attesting_indices_at;
	struct ssz_attestation_data data;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_pending_attestation {
	uint32_t aggregation_bits_at;
	struct ssz_attestation_data data;
	uint64_t inclusion_delay;
	uint64_t proposer_index;
};

struct ETH_PACKED ssz_eth1_data {
	uint8_t deposit_root[32];
	uint64_t deposit_count;
	uint8_t block_hash[32];
};

struct ETH_PACKED ssz_eth1_block {
	uint64_t timestamp;
	uint8_t deposit_root[32];
	uint64_t deposit_count;
};

struct ETH_PACKED ssz_deposit_message {
	uint8_t pubkey[48];
	uint8_t withdrawal_credentials[32];
	uint64_t amount;
};

struct ETH_PACKED ssz_deposit_data {
	uint8_t pubkey[48];
	uint8_t withdrawal_credentials[32];
	uint64_t amount;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_deposit {
	uint8_t proof[33][32];
	struct ssz_deposit_data data;
};

struct ETH_PACKED ssz_beacon_block_header {
	uint64_t slot;
	uint64_t proposer_index;
	uint8_t parent_root[32];
	uint8_t state_root[32];
	uint8_t body_root[32];
};

struct ETH_PACKED ssz_signed_beacon_block_header {
	struct ssz_beacon_block_header message;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_proposer_slashing {
	struct ssz_signed_beacon_block_header signed_header_1;
	struct ssz_signed_beacon_block_header signed_header_2;
};

struct ETH_PACKED ssz_attester_slashing {
	uint32_t attestation_1_at;
	uint32_t attestation_2_at;
};

struct ETH_PACKED ssz_voluntary_exit {
	uint64_t epoch;
	uint64_t validator_index;
};

struct ETH_PACKED ssz_signed_voluntary_exit {
	struct ssz_voluntary_exit message;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_beacon_block_body {
	uint8_t randao_reveal[96];
	struct ssz_eth1_data eth1_data;
	uint8_t graffiti[32];
	uint32_t proposer_slashings_at;
	uint32_t attester_slashings_at;
	uint32_t attestations_at;
	uint32_t deposits_at;
	uint32_t voluntary_exits_at;
};

struct ETH_PACKED ssz_beacon_block {
	uint64_t slot;
	uint64_t proposer_index;
	uint8_t parent_root[32];
	uint8_t state_root[32];
	uint32_t body_at;
};

struct ETH_PACKED ssz_signed_beacon_block {
	uint32_t message_at;
	uint8_t signature[96];
};

struct ETH_PACKED ssz_aggregate_and_proof {
	uint64_t aggregator_index;
	uint32_t aggregate_at;
	uint8_t selection_proof[96];
};

struct ETH_PACKED ssz_signed_aggregate_and_proof {
	uint32_t message_at;
	uint8_t signature[96];
};

_Static_assert(sizeof(struct ssz_validator) == 121, "as in the specification");
_Static_assert(sizeof(struct ssz_attestation_data) == 128, "as in the specification");
_Static_assert(sizeof(struct ssz_deposit) == 1240, "as in the specification");
_Static_assert(sizeof(struct ssz_beacon_block_body) == 220, "as in the specification");
_Static_assert(sizeof(struct ssz_beacon_block) == 84, "as in the specification");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "serialized integers are read in place: little-endian hosts only"
#endif

#endif
