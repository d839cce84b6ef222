#include "procs/eth/types.h"
#include "procs/eth/containers.h"
#include "procs/eth/roots.h"

#include <string.h>

#define UINT(n, bits_)                     \
	static const struct ssz_type n = { \
		.name = #n, .kind = SSZ_UINT, .size = bits_ / 8, .fixed = bits_ / 8, .limit = bits_}
#define BYTES(n, len)                                         \
	static const struct ssz_type n = {.name = #n,         \
					  .kind = SSZ_VECTOR, \
					  .size = len,        \
					  .fixed = len,       \
					  .limit = len,       \
					  .elem = &uint8,     \
					  .bytes = true}
#define VECTOR(n, text, elem_, len, elem_size)                          \
	static const struct ssz_type n = {.name = text,                 \
					  .kind = SSZ_VECTOR,           \
					  .size = (len) * (elem_size),  \
					  .fixed = (len) * (elem_size), \
					  .limit = len,                 \
					  .elem = &elem_}
#define LIST(n, text, elem_, max) \
	static const struct ssz_type n = {.name = text, .kind = SSZ_LIST, .limit = max, .elem = &elem_}

/* FIX is a field whose value is in the fixed-size part, VAR one whose offset is. */
#define FIX(s, f, t)                          \
	{                                     \
#f, &t, offsetof(struct s, f) \
	}
#define VAR(s, f, t)                               \
	{                                          \
#f, &t, offsetof(struct s, f##_at) \
	}
#define CONTAINER(n, s, size_, roots_, ...)                          \
	static const struct ssz_field n##_fields[] = {__VA_ARGS__};  \
	static const struct ssz_type n = {.name = #n,                \
					  .kind = SSZ_CONTAINER,     \
					  .size = size_,             \
					  .fixed = sizeof(struct s), \
					  .field = n##_fields,       \
					  .roots = roots_,           \
					  .fields = sizeof(n##_fields) / sizeof(n##_fields[0])}
#define FIXED(n, s, ...) CONTAINER(n, s, sizeof(struct s), NULL, __VA_ARGS__)
#define VARIABLE(n, s, ...) CONTAINER(n, s, 0, NULL, __VA_ARGS__)

UINT(uint8, 8);
UINT(uint64, 64);
static const struct ssz_type boolean = {
	.name = "boolean", .kind = SSZ_BOOLEAN, .size = 1, .fixed = 1, .limit = 8};
BYTES(Bytes4, 4);
BYTES(Bytes32, 32);
BYTES(Bytes48, 48);
BYTES(Bytes96, 96);
/* Limits that do not differ between the presets. tests/eth/types.c holds every number here to preset.h. */
#define COMMITTEE 2048
#define REGISTRY 1099511627776
static const struct ssz_type committee_bits = {
	.name = "Bitlist[2048]", .kind = SSZ_BITLIST, .limit = COMMITTEE};
static const struct ssz_type justification = {
	.name = "Bitvector[4]", .kind = SSZ_BITVECTOR, .size = 1, .fixed = 1, .limit = 4};
VECTOR(deposit_proof, "Vector[Bytes32, 33]", Bytes32, 33, 32);
LIST(indices, "List[uint64, 2048]", uint64, COMMITTEE);
LIST(roots, "List[Bytes32, 16777216]", Bytes32, 16777216);
LIST(gweis, "List[uint64, 1099511627776]", uint64, REGISTRY);

FIXED(Fork, ssz_fork, FIX(ssz_fork, previous_version, Bytes4), FIX(ssz_fork, current_version, Bytes4),
      FIX(ssz_fork, epoch, uint64));
FIXED(ForkData, ssz_fork_data, FIX(ssz_fork_data, current_version, Bytes4),
      FIX(ssz_fork_data, genesis_validators_root, Bytes32));
FIXED(SigningData, ssz_signing_data, FIX(ssz_signing_data, object_root, Bytes32),
      FIX(ssz_signing_data, domain, Bytes32));
FIXED(Checkpoint, ssz_checkpoint, FIX(ssz_checkpoint, epoch, uint64), FIX(ssz_checkpoint, root, Bytes32));
FIXED(Validator, ssz_validator, FIX(ssz_validator, pubkey, Bytes48),
      FIX(ssz_validator, withdrawal_credentials, Bytes32), FIX(ssz_validator, effective_balance, uint64),
      FIX(ssz_validator, slashed, boolean), FIX(ssz_validator, activation_eligibility_epoch, uint64),
      FIX(ssz_validator, activation_epoch, uint64), FIX(ssz_validator, exit_epoch, uint64),
      FIX(ssz_validator, withdrawable_epoch, uint64));
FIXED(AttestationData, ssz_attestation_data, FIX(ssz_attestation_data, slot, uint64),
      FIX(ssz_attestation_data, index, uint64), FIX(ssz_attestation_data, beacon_block_root, Bytes32),
      FIX(ssz_attestation_data, source, Checkpoint), FIX(ssz_attestation_data, target, Checkpoint));
VARIABLE(IndexedAttestation, ssz_indexed_attestation,
	 VAR(ssz_indexed_attestation, attesting_indices, indices),
	 FIX(ssz_indexed_attestation, data, AttestationData),
	 FIX(ssz_indexed_attestation, signature, Bytes96));
VARIABLE(PendingAttestation, ssz_pending_attestation,
	 VAR(ssz_pending_attestation, aggregation_bits, committee_bits),
	 FIX(ssz_pending_attestation, data, AttestationData),
	 FIX(ssz_pending_attestation, inclusion_delay, uint64),
	 FIX(ssz_pending_attestation, proposer_index, uint64));
CONTAINER(Attestation, ssz_attestation, 0, eth_attestation_roots,
	  VAR(ssz_attestation, aggregation_bits, committee_bits), FIX(ssz_attestation, data, AttestationData),
	  FIX(ssz_attestation, signature, Bytes96));
FIXED(Eth1Data, ssz_eth1_data, FIX(ssz_eth1_data, deposit_root, Bytes32),
      FIX(ssz_eth1_data, deposit_count, uint64), FIX(ssz_eth1_data, block_hash, Bytes32));
FIXED(Eth1Block, ssz_eth1_block, FIX(ssz_eth1_block, timestamp, uint64),
      FIX(ssz_eth1_block, deposit_root, Bytes32), FIX(ssz_eth1_block, deposit_count, uint64));
FIXED(DepositMessage, ssz_deposit_message, FIX(ssz_deposit_message, pubkey, Bytes48),
      FIX(ssz_deposit_message, withdrawal_credentials, Bytes32), FIX(ssz_deposit_message, amount, uint64));
FIXED(DepositData, ssz_deposit_data, FIX(ssz_deposit_data, pubkey, Bytes48),
      FIX(ssz_deposit_data, withdrawal_credentials, Bytes32), FIX(ssz_deposit_data, amount, uint64),
      FIX(ssz_deposit_data, signature, Bytes96));
FIXED(BeaconBlockHeader, ssz_beacon_block_header, FIX(ssz_beacon_block_header, slot, uint64),
      FIX(ssz_beacon_block_header, proposer_index, uint64),
      FIX(ssz_beacon_block_header, parent_root, Bytes32), FIX(ssz_beacon_block_header, state_root, Bytes32),
      FIX(ssz_beacon_block_header, body_root, Bytes32));
FIXED(SignedBeaconBlockHeader, ssz_signed_beacon_block_header,
      FIX(ssz_signed_beacon_block_header, message, BeaconBlockHeader),
      FIX(ssz_signed_beacon_block_header, signature, Bytes96));
FIXED(ProposerSlashing, ssz_proposer_slashing,
      FIX(ssz_proposer_slashing, signed_header_1, SignedBeaconBlockHeader),
      FIX(ssz_proposer_slashing, signed_header_2, SignedBeaconBlockHeader));
VARIABLE(AttesterSlashing, ssz_attester_slashing,
	 VAR(ssz_attester_slashing, attestation_1, IndexedAttestation),
	 VAR(ssz_attester_slashing, attestation_2, IndexedAttestation));
FIXED(Deposit, ssz_deposit, FIX(ssz_deposit, proof, deposit_proof), FIX(ssz_deposit, data, DepositData));
FIXED(VoluntaryExit, ssz_voluntary_exit, FIX(ssz_voluntary_exit, epoch, uint64),
      FIX(ssz_voluntary_exit, validator_index, uint64));
FIXED(SignedVoluntaryExit, ssz_signed_voluntary_exit, FIX(ssz_signed_voluntary_exit, message, VoluntaryExit),
      FIX(ssz_signed_voluntary_exit, signature, Bytes96));

LIST(proposer_slashings, "List[ProposerSlashing, 16]", ProposerSlashing, 16);
LIST(attester_slashings, "List[AttesterSlashing, 2]", AttesterSlashing, 2);
LIST(attestations, "List[Attestation, 128]", Attestation, 128);
LIST(deposits, "List[Deposit, 16]", Deposit, 16);
LIST(voluntary_exits, "List[SignedVoluntaryExit, 16]", SignedVoluntaryExit, 16);
LIST(validators, "List[Validator, 1099511627776]", Validator, REGISTRY);
VARIABLE(BeaconBlockBody, ssz_beacon_block_body, FIX(ssz_beacon_block_body, randao_reveal, Bytes96),
	 FIX(ssz_beacon_block_body, eth1_data, Eth1Data), FIX(ssz_beacon_block_body, graffiti, Bytes32),
	 VAR(ssz_beacon_block_body, proposer_slashings, proposer_slashings),
	 VAR(ssz_beacon_block_body, attester_slashings, attester_slashings),
	 VAR(ssz_beacon_block_body, attestations, attestations),
	 VAR(ssz_beacon_block_body, deposits, deposits),
	 VAR(ssz_beacon_block_body, voluntary_exits, voluntary_exits));
VARIABLE(BeaconBlock, ssz_beacon_block, FIX(ssz_beacon_block, slot, uint64),
	 FIX(ssz_beacon_block, proposer_index, uint64), FIX(ssz_beacon_block, parent_root, Bytes32),
	 FIX(ssz_beacon_block, state_root, Bytes32), VAR(ssz_beacon_block, body, BeaconBlockBody));
VARIABLE(SignedBeaconBlock, ssz_signed_beacon_block, VAR(ssz_signed_beacon_block, message, BeaconBlock),
	 FIX(ssz_signed_beacon_block, signature, Bytes96));
VARIABLE(AggregateAndProof, ssz_aggregate_and_proof, FIX(ssz_aggregate_and_proof, aggregator_index, uint64),
	 VAR(ssz_aggregate_and_proof, aggregate, Attestation),
	 FIX(ssz_aggregate_and_proof, selection_proof, Bytes96));
VARIABLE(SignedAggregateAndProof, ssz_signed_aggregate_and_proof,
	 VAR(ssz_signed_aggregate_and_proof, message, AggregateAndProof),
	 FIX(ssz_signed_aggregate_and_proof, signature, Bytes96));

struct ETH_PACKED deltas {
	uint32_t rewards_at, penalties_at;
};
VARIABLE(Deltas, deltas, VAR(deltas, rewards, gweis), VAR(deltas, penalties, gweis));

/* The two types whose sizes depend on the preset. */
#define STR2(x) #x
#define STR(x) STR2(x)
#define PRESET(p, historical, randao, slashings_, votes, pending)                                     \
	VECTOR(p##_roots, "Vector[Bytes32, " STR(historical) "]", Bytes32, historical, 32);           \
	VECTOR(p##_randao, "Vector[Bytes32, " STR(randao) "]", Bytes32, randao, 32);                  \
	VECTOR(p##_slashings, "Vector[uint64, " STR(slashings_) "]", uint64, slashings_, 8);          \
	LIST(p##_votes, "List[Eth1Data, " STR(votes) "]", Eth1Data, votes);                           \
	LIST(p##_pending, "List[PendingAttestation, " STR(pending) "]", PendingAttestation, pending); \
	struct ETH_PACKED p##_batch {                                                                 \
		uint8_t block_roots[historical][32], state_roots[historical][32];                     \
	};                                                                                            \
	static const struct ssz_field p##_batch_fields[] = {FIX(p##_batch, block_roots, p##_roots),   \
							    FIX(p##_batch, state_roots, p##_roots)};  \
	static const struct ssz_type p##_HistoricalBatch = {.name = "HistoricalBatch",                \
							    .kind = SSZ_CONTAINER,                    \
							    .size = sizeof(struct p##_batch),         \
							    .fixed = sizeof(struct p##_batch),        \
							    .field = p##_batch_fields,                \
							    .fields = 2};                             \
	struct ETH_PACKED p##_state {                                                                 \
		uint64_t genesis_time;                                                                \
		uint8_t genesis_validators_root[32];                                                  \
		uint64_t slot;                                                                        \
		struct ssz_fork fork;                                                                 \
		struct ssz_beacon_block_header latest_block_header;                                   \
		uint8_t block_roots[historical][32], state_roots[historical][32];                     \
		uint32_t historical_roots_at;                                                         \
		struct ssz_eth1_data eth1_data;                                                       \
		uint32_t eth1_data_votes_at;                                                          \
		uint64_t eth1_deposit_index;                                                          \
		uint32_t validators_at, balances_at;                                                  \
		uint8_t randao_mixes[randao][32];                                                     \
		uint64_t slashings[slashings_];                                                       \
		uint32_t previous_epoch_attestations_at, current_epoch_attestations_at;               \
		uint8_t justification_bits;                                                           \
		struct ssz_checkpoint previous_justified_checkpoint, current_justified_checkpoint;    \
		struct ssz_checkpoint finalized_checkpoint;                                           \
	};                                                                                            \
	static const struct ssz_field p##_state_fields[] = {                                          \
		FIX(p##_state, genesis_time, uint64),                                                 \
		FIX(p##_state, genesis_validators_root, Bytes32),                                     \
		FIX(p##_state, slot, uint64),                                                         \
		FIX(p##_state, fork, Fork),                                                           \
		FIX(p##_state, latest_block_header, BeaconBlockHeader),                               \
		FIX(p##_state, block_roots, p##_roots),                                               \
		FIX(p##_state, state_roots, p##_roots),                                               \
		VAR(p##_state, historical_roots, roots),                                              \
		FIX(p##_state, eth1_data, Eth1Data),                                                  \
		VAR(p##_state, eth1_data_votes, p##_votes),                                           \
		FIX(p##_state, eth1_deposit_index, uint64),                                           \
		VAR(p##_state, validators, validators),                                               \
		VAR(p##_state, balances, gweis),                                                      \
		FIX(p##_state, randao_mixes, p##_randao),                                             \
		FIX(p##_state, slashings, p##_slashings),                                             \
		VAR(p##_state, previous_epoch_attestations, p##_pending),                             \
		VAR(p##_state, current_epoch_attestations, p##_pending),                              \
		FIX(p##_state, justification_bits, justification),                                    \
		FIX(p##_state, previous_justified_checkpoint, Checkpoint),                            \
		FIX(p##_state, current_justified_checkpoint, Checkpoint),                             \
		FIX(p##_state, finalized_checkpoint, Checkpoint)};                                    \
	static const struct ssz_type p##_BeaconState = {.name = "BeaconState",                        \
							.kind = SSZ_CONTAINER,                        \
							.fixed = sizeof(struct p##_state),            \
							.field = p##_state_fields,                    \
							.fields = sizeof(p##_state_fields) /          \
								  sizeof(p##_state_fields[0])}

PRESET(mainnet, 8192, 65536, 8192, 2048, 4096);
PRESET(minimal, 64, 64, 64, 32, 1024);

static const struct ssz_type *const common[ETH_TYPE_COUNT] = {
#define C(n) [ETH_##n] = &n
	C(Fork),
	C(ForkData),
	C(SigningData),
	C(Checkpoint),
	C(Validator),
	C(AttestationData),
	C(IndexedAttestation),
	C(PendingAttestation),
	C(Eth1Data),
	C(Eth1Block),
	C(DepositMessage),
	C(DepositData),
	C(BeaconBlockHeader),
	C(SignedBeaconBlockHeader),
	C(ProposerSlashing),
	C(AttesterSlashing),
	C(Attestation),
	C(Deposit),
	C(VoluntaryExit),
	C(SignedVoluntaryExit),
	C(BeaconBlockBody),
	C(BeaconBlock),
	C(SignedBeaconBlock),
	C(AggregateAndProof),
	C(SignedAggregateAndProof),
	C(Deltas),
#undef C
};
static const struct ssz_type *const own[ETH_PRESETS][2] = {
	[ETH_MAINNET] = {&mainnet_HistoricalBatch, &mainnet_BeaconState},
	[ETH_MINIMAL] = {&minimal_HistoricalBatch, &minimal_BeaconState},
};

const struct ssz_type *eth_type(enum eth_preset_id preset, enum eth_type_id id)
{
	return id == ETH_HistoricalBatch ? own[preset][0]
	       : id == ETH_BeaconState   ? own[preset][1]
					 : common[id];
}

const struct ssz_type *eth_type_by_name(enum eth_preset_id preset, const char *name)
{
	for (int i = 0; i < ETH_TYPE_COUNT; i++)
		if (!strcmp(eth_type(preset, i)->name, name))
			return eth_type(preset, i);
	return NULL;
}
