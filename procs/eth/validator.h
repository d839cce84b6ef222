#ifndef ETH_VALIDATOR_H
#define ETH_VALIDATOR_H

#include "procs/eth/bls/bls.h"
#include "procs/eth/committee.h"
#include "procs/eth/domain.h"

/*
 * What a validator computes and signs (phase0/validator.md), from states and secret keys at hand. Whether
 * signing is safe is not asked here: see protection.h.
 */

/* is_aggregator: by the selection proof, for a committee of `committee` members. */
bool eth_is_aggregator(uint64_t committee, const uint8_t selection_proof[96]);

/* compute_subnet_for_attestation. */
uint64_t eth_attestation_subnet(const struct eth_config *config, uint64_t committees_per_slot, uint64_t slot,
				uint64_t committee_index);

/*
 * eth_attestation_data fills in what to attest to at the state's slot (get_attestation data of validator.md):
 * `head` is the root of the block that the state, advanced to that slot, is the post-state of.
 */
void eth_attestation_data(const struct eth_state *s, const uint8_t head[32], uint64_t committee_index,
			  struct ssz_attestation_data *data);

/* Signing roots: of an AttestationData, of a BeaconBlock, of a RANDAO reveal, of a selection proof. */
void eth_attestation_signing_root(const struct eth_state *s, const struct ssz_attestation_data *data,
				  uint8_t out[32]);
void eth_block_signing_root(const struct eth_state *s, struct ssz_view block, uint8_t out[32]);
void eth_randao_signing_root(const struct eth_state *s, uint64_t epoch, uint8_t out[32]);
void eth_selection_signing_root(const struct eth_state *s, uint64_t slot, uint8_t out[32]);

/* Of an AggregateAndProof, of a VoluntaryExit, of a BeaconBlockHeader. */
void eth_aggregate_signing_root(const struct eth_state *s, struct ssz_view aggregate_and_proof,
				uint8_t out[32]);
void eth_exit_signing_root(const struct eth_state *s, const struct ssz_voluntary_exit *exit, uint8_t out[32]);
void eth_header_signing_root(const struct eth_state *s, const struct ssz_beacon_block_header *header,
			     uint8_t out[32]);

/* eth_sign signs a signing root and writes the 96-byte form. */
void eth_sign(const struct bls_secret *secret, const uint8_t signing_root[32], uint8_t signature[96]);

#endif
