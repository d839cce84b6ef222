#ifndef ETH_SHA256_KERNEL_H
#define ETH_SHA256_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Private to sha256*.c: the constants and the functions a kernel consists of. */
extern const uint32_t eth_sha256_k[64] __attribute__((aligned(64)));

/* K[i] + W[i] of the second block of a 64-byte message: 0x80, zeroes, the length 512. */
extern const uint32_t eth_sha256_kpad[64] __attribute__((aligned(64)));

extern const uint32_t eth_sha256_iv[8];

/* Every load of a message precedes every store of a digest at or after it, so that out == in works. */
struct eth_sha256_ops {
	void (*pairs)(uint8_t *out, const uint8_t *in, size_t n);
	void (*blocks)(uint8_t *out, const uint8_t *in, size_t n); /* n messages of one padded block */
	void (*compress)(uint32_t h[8], const uint8_t *in, size_t blocks);
};

extern const struct eth_sha256_ops eth_sha256_ops_portable;
extern const struct eth_sha256_ops eth_sha256_ops_shani;
extern const struct eth_sha256_ops eth_sha256_ops_avx512;
extern const struct eth_sha256_ops eth_sha256_ops_mixed;

#endif
