#ifndef ETH_ROOTS_H
#define ETH_ROOTS_H

#include "procs/eth/ssz.h"
#include "procs/eth/state.h"

/*
 * Private: roots of many attestations at once. One by one, each of their twenty hashes waits for the one before it;
 * side by side, they fill the lanes.
 */
#define ETH_ROOTS_MAX SSZ_ROOTS_MAX

/* hash_tree_root of n PendingAttestation records, n in [1, ETH_ROOTS_MAX], to 32 bytes each at `out`. */
void eth_pending_roots(uint8_t *out, const struct eth_pending *const *a, size_t n);

/* The same of n checked Attestation values; the `roots` of their type. */
void eth_attestation_roots(const struct ssz_view *v, size_t n, uint8_t *out);

#endif
