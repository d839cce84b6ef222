#ifndef ETH_GENESIS_H
#define ETH_GENESIS_H

#include <stdbool.h>

#include "procs/eth/engine.h"
#include "procs/eth/ssz.h"

/*
 * initialize_beacon_state_from_eth1: `deposits` are `n` checked Deposit values, 1240 bytes each, one after
 * the other. Writes the state into `memory`. ETH_ERR_ROOM, ETH_ERR_ALIGN, ETH_BAD_DEPOSIT_PROOF.
 */
int eth_genesis_from_deposits(struct eth_engine *e, void *memory, size_t bytes,
			      const uint8_t eth1_block_hash[32], uint64_t eth1_timestamp,
			      const void *deposits, size_t n, const struct eth_headroom *opt_headroom);

/* is_valid_genesis_state. */
bool eth_genesis_valid(const struct eth_config *config, const struct eth_state *s);

/*
 * eth_genesis_interop is the mocked start (ethereum/eth2.0-pm, interop/mocked_start): `validators` validators
 * with the interop keys, deposits whose proofs and signatures nobody checks, eth1 block hash 0x42 x 32.
 * ETH_ERR_ROOM, ETH_ERR_ALIGN.
 */
int eth_genesis_interop(const struct eth_config *config, void *memory, size_t bytes, uint64_t validators,
			uint64_t genesis_time, const struct eth_headroom *opt_headroom);

/* The interop secret key of a validator: sha256(index as 32 bytes little-endian), little-endian, mod r. */
int eth_interop_secret(struct bls_secret *secret, uint64_t index);

#endif
