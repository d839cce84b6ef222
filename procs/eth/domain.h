#ifndef ETH_DOMAIN_H
#define ETH_DOMAIN_H

#include <stdint.h>

#include "procs/eth/containers.h"
#include "procs/eth/ssz.h"

struct eth_state;

/* Domain types (phase0/beacon-chain.md, Domain types; phase0/validator.md): the first byte, the others are
 * zero. */
enum eth_domain_type {
	ETH_DOMAIN_BEACON_PROPOSER = 0,
	ETH_DOMAIN_BEACON_ATTESTER = 1,
	ETH_DOMAIN_RANDAO = 2,
	ETH_DOMAIN_DEPOSIT = 3,
	ETH_DOMAIN_VOLUNTARY_EXIT = 4,
	ETH_DOMAIN_SELECTION_PROOF = 5,
	ETH_DOMAIN_AGGREGATE_AND_PROOF = 6,
};

/* compute_fork_data_root. */
void eth_fork_data_root(const uint8_t version[4], const uint8_t genesis_validators_root[32], uint8_t out[32]);

/* compute_fork_digest: the first four bytes of it. */
void eth_fork_digest(const uint8_t version[4], const uint8_t genesis_validators_root[32], uint8_t out[4]);

/* compute_domain. Deposits use the genesis fork version and a zero root. */
void eth_domain_compute(enum eth_domain_type type, const uint8_t version[4],
			const uint8_t genesis_validators_root[32], uint8_t out[32]);

/* get_domain: the fork version in force in `epoch`, by the state's fork. */
void eth_domain(const struct eth_state *s, enum eth_domain_type type, uint64_t epoch, uint8_t out[32]);

/* eth_domain_at is the same without a state at hand. */
void eth_domain_at(const struct ssz_fork *fork, const uint8_t genesis_validators_root[32],
		   enum eth_domain_type type, uint64_t epoch, uint8_t out[32]);

/* compute_signing_root of an object whose root is known, and of a checked value. */
void eth_signing_root(const uint8_t object_root[32], const uint8_t domain[32], uint8_t out[32]);
void eth_signing_root_of(struct ssz_view value, const uint8_t domain[32], uint8_t out[32]);

/* compute_signing_root of an epoch (RANDAO reveals) or a slot (selection proofs). */
void eth_signing_root_u64(uint64_t value, const uint8_t domain[32], uint8_t out[32]);

#endif
