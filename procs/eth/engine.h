#ifndef ETH_ENGINE_H
#define ETH_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "procs/eth/bls/bls.h"
#include "procs/eth/config.h"
#include "procs/eth/state.h"

/*
 * An engine is a configuration and what one thread remembers between calls so that it need not compute it
 * again: shuffled committees of recent epochs, decoded public keys, which index a public key has, scratch
 * memory. Nothing in it changes an answer: every entry is keyed by all that its value depends on. States are
 * not part of it; one engine serves any number of states, of any fork, of its preset. One thread at a time.
 *
 * Memory grows with the largest registry seen and is then reused: once warm, a block allocates nothing.
 */
struct eth_engine;

/* eth_engine_new returns an engine, NULL when out of memory. eth_engine_free frees it; NULL is fine. */
struct eth_engine *eth_engine_new(const struct eth_config *config);
void eth_engine_free(struct eth_engine *e);

const struct eth_config *eth_engine_config(const struct eth_engine *e);

/* eth_engine_bytes is the memory the engine holds now. */
size_t eth_engine_bytes(const struct eth_engine *e);

/*
 * eth_engine_pubkey is the decoded, validated public key of a validator; it stays valid until the next call
 * that takes the engine. ETH_BAD_VALIDATOR_INDEX, ETH_BAD_PUBKEY (the registry holds bytes that are no key),
 * ETH_ERR_MEMORY.
 */
int eth_engine_pubkey(struct eth_engine *e, const struct eth_state *s, uint64_t index,
		      const struct bls_pubkey **key);

/* eth_engine_warm_keys decodes all keys of the registry now, instead of each at its first use. */
int eth_engine_warm_keys(struct eth_engine *e, const struct eth_state *s);

/* eth_engine_validator_index finds a validator by its serialized key: 0 and `*index`, or UINT64_MAX in it. */
int eth_engine_validator_index(struct eth_engine *e, const struct eth_state *s, const uint8_t pubkey[48],
			       uint64_t *index);

#endif
