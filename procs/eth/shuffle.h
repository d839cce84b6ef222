#ifndef ETH_SHUFFLE_H
#define ETH_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

/* Swap-or-not shuffling (phase0/beacon-chain.md, compute_shuffled_index; Hoang, Morris, Rogaway 2012). */

/* eth_shuffled_index is compute_shuffled_index; index < count is assumed. 2 hashes per round. */
uint64_t eth_shuffled_index(uint64_t index, uint64_t count, const uint8_t seed[32], unsigned rounds);

/* eth_shuffle_scratch is the number of bytes eth_shuffle needs. */
size_t eth_shuffle_scratch(size_t count);

/*
 * eth_shuffle permutes `list` so that list'[i] = list[eth_shuffled_index(i)] for all i at once, in count /
 * 256 hashes per round. `scratch` has eth_shuffle_scratch(count) bytes. count < 2^32.
 */
void eth_shuffle(uint32_t *list, size_t count, const uint8_t seed[32], unsigned rounds, void *scratch);

#endif
