#ifndef ETH_TYPES_H
#define ETH_TYPES_H

#include "procs/eth/preset.h"
#include "procs/eth/ssz.h"

/* Every phase 0 container, and `Deltas` of the specification's reward tests. */
#define ETH_TYPES(X)               \
	X(Fork)                    \
	X(ForkData)                \
	X(SigningData)             \
	X(Checkpoint)              \
	X(Validator)               \
	X(AttestationData)         \
	X(IndexedAttestation)      \
	X(PendingAttestation)      \
	X(Eth1Data)                \
	X(Eth1Block)               \
	X(HistoricalBatch)         \
	X(DepositMessage)          \
	X(DepositData)             \
	X(BeaconBlockHeader)       \
	X(SignedBeaconBlockHeader) \
	X(ProposerSlashing)        \
	X(AttesterSlashing)        \
	X(Attestation)             \
	X(Deposit)                 \
	X(VoluntaryExit)           \
	X(SignedVoluntaryExit)     \
	X(BeaconBlockBody)         \
	X(BeaconBlock)             \
	X(SignedBeaconBlock)       \
	X(BeaconState)             \
	X(AggregateAndProof)       \
	X(SignedAggregateAndProof) \
	X(Deltas)

enum eth_type_id {
#define X(name) ETH_##name,
	ETH_TYPES(X)
#undef X
		ETH_TYPE_COUNT,
};

/* eth_type returns the descriptor of a container in a preset; static. Both ids in range are assumed. */
const struct ssz_type *eth_type(enum eth_preset_id preset, enum eth_type_id id);

/* eth_type_by_name finds a container by its name in the specification, NULL where there is none. */
const struct ssz_type *eth_type_by_name(enum eth_preset_id preset, const char *name);

#endif
