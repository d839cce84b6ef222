#ifndef ETH_SHA256_H
#define ETH_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * SHA-256 (FIPS 180-4) for Merkle trees: many independent messages of exactly 64 bytes. The second
 * compression of such a message has a constant schedule, and several messages keep the SHA unit busy where
 * one cannot; that is why it is our own and not OpenSSL's, which takes about twice as long per pair.
 *
 * The kernel is chosen by CPUID when the program starts, before main. All functions are reentrant.
 */
enum eth_sha256_kernel {
	ETH_SHA256_PORTABLE,
	ETH_SHA256_SHANI,
	ETH_SHA256_AVX512,
	ETH_SHA256_MIXED, /* AVX-512 for sixteen at a time, SHA-NI for what is left */
	ETH_SHA256_KERNELS,
};

/*
 * eth_sha256_pairs hashes `n` messages of 64 bytes, one after the other at `in`, to `n` digests of 32 bytes,
 * one after the other at `out`. `out` may be `in` (a tree level reduced in place); otherwise they must not
 * overlap.
 */
void eth_sha256_pairs(void *out, const void *in, size_t n);

/* eth_sha256_pair hashes the 64 bytes left || right; `out` may be either of them. */
void eth_sha256_pair(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]);

/*
 * eth_sha256_short hashes `n` messages that were padded by the caller to one block of 64 bytes each (0x80,
 * zeroes, length in bits as 8 bytes big-endian). Digests as in eth_sha256_pairs; in place too. For shuffling.
 */
void eth_sha256_short(void *out, const void *blocks, size_t n);

/* eth_sha256 hashes `n` bytes of any length. `out` may lie inside `in`. */
void eth_sha256(uint8_t out[32], const void *in, size_t n);

/* The same for a message in parts: init, any number of updates, final. */
struct eth_sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};
void eth_sha256_init(struct eth_sha256 *s);
void eth_sha256_update(struct eth_sha256 *s, const void *in, size_t n);
void eth_sha256_final(struct eth_sha256 *s, uint8_t out[32]);

/*
 * eth_zero_hash returns the root of a tree of 2^height zero chunks, height in [0,64]. The 65 roots lie one
 * after the other, 32 bytes each.
 */
const uint8_t *eth_zero_hash(unsigned height);

/* For tests and benches: which kernels this CPU can run, which one was chosen, and a run with a given one. */
bool eth_sha256_usable(enum eth_sha256_kernel k);
enum eth_sha256_kernel eth_sha256_chosen(void);
const char *eth_sha256_kernel_name(enum eth_sha256_kernel k);
void eth_sha256_pairs_with(enum eth_sha256_kernel k, void *out, const void *in, size_t n);
void eth_sha256_short_with(enum eth_sha256_kernel k, void *out, const void *blocks, size_t n);

#endif
