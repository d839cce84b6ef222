#ifndef ETH_SLASHING_H
#define ETH_SLASHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procs/eth/containers.h"
#include "procs/eth/preset.h"
#include "procs/eth/ssz.h"

/*
 * Slashing detection: double votes, surround votes and double proposals among the attestations and headers
 * seen, over a bounded window of epochs (is_slashable_attestation_data and process_proposer_slashing,
 * phase0/beacon-chain.md). Nothing is verified here: hand over only what has a valid signature.
 *
 * Min/max span arrays (github.com/protolambda/eth2-surround) answer a surround query in one look-up and pay
 * for it with up to a window of writes per vote, and still can't name the other vote. Here each validator has
 * one vote per target epoch. As long as it commits no offence, its sources do not decrease with its targets,
 * so only the nearest vote before and the nearest vote after a target can be in conflict: one look-up in the
 * common case, one write, and the evidence at hand. A vote that is an offence is reported and not kept, so
 * the order holds; whoever was reported stays on record, and later votes are compared with what was kept.
 *
 * Memory: 4 bytes per validator and epoch in which anyone voted, each attestation that brought something
 * new once, and 208 bytes per header. One thread at a time.
 */
struct eth_slasher;

enum eth_offence_kind {
	ETH_DOUBLE_VOTE,
	ETH_SURROUND_VOTE,
	ETH_DOUBLE_PROPOSAL,
};

/*
 * One offence. Of votes, `first` and `second` are IndexedAttestations in the order that an AttesterSlashing
 * needs (the surrounding one first), and further validators may be in both; of proposals they are
 * SignedBeaconBlockHeaders. Valid during the callback.
 */
struct eth_offence {
	enum eth_offence_kind kind;
	uint64_t validator; /* the lowest index found in both */
	struct ssz_view first, second;
};

typedef void eth_offence_fn(void *context, const struct eth_offence *offence);

enum eth_slasher_result {
	ETH_SLASHER_OUTSIDE = -3000, /* target epoch or slot is before the window or after the next epoch */
	ETH_SLASHER_INDEX = -2999, /* a validator index is >= ETH_SLASHER_VALIDATORS, or they do not ascend */
	ETH_SLASHER_MEMORY = -2998,
};

/* Above every registry; bounds the memory that one hostile index could ask for. */
#define ETH_SLASHER_VALIDATORS (UINT64_C(1) << 22)

/* eth_slasher_new watches the last `window` epochs (>= 2). NULL when out of memory. NULL may be freed. */
struct eth_slasher *eth_slasher_new(const struct eth_preset *preset, uint32_t window);
void eth_slasher_free(struct eth_slasher *s);

/* eth_slasher_advance sets the current epoch, which never goes back, and forgets what leaves the window. */
void eth_slasher_advance(struct eth_slasher *s, uint64_t epoch);

/*
 * eth_slasher_attestation compares a checked IndexedAttestation with what was seen and remembers it; `found`
 * is called for each earlier attestation that it is in conflict with, at most once per pair. Returns the
 * number of calls, or an enum eth_slasher_result. After ETH_SLASHER_MEMORY the attestation may be
 * remembered for some of its validators. Validators whose vote is an offence keep their earlier one.
 */
int eth_slasher_attestation(struct eth_slasher *s, struct ssz_view indexed, eth_offence_fn *found,
			    void *context);

/* eth_slasher_header is the same for a block's signed header: proposer and slot equal, header different. */
int eth_slasher_header(struct eth_slasher *s, const struct ssz_signed_beacon_block_header *header,
		       eth_offence_fn *found, void *context);

/* eth_slasher_voted says whether a vote of the validator for that target epoch is known. */
bool eth_slasher_voted(const struct eth_slasher *s, uint64_t validator, uint64_t target_epoch);

/* eth_slasher_bytes is the memory held now. */
size_t eth_slasher_bytes(const struct eth_slasher *s);

/*
 * eth_offence_ssz writes the AttesterSlashing or ProposerSlashing of an offence to `out`, when `room` is
 * enough, and returns its size.
 */
size_t eth_offence_ssz(const struct eth_offence *offence, void *out, size_t room);

#endif
