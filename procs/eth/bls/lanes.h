#ifndef PROCS_ETH_BLS_LANES_H
#define PROCS_ETH_BLS_LANES_H

/* Eight at a time with AVX512-IFMA: what a batch does once per item. Numbers go in and out in the form of
 * fp.h, so that the caller is any other engine; points are Jacobian unless they are struct bls_pubkey or
 * bls_signature. */

#include <stddef.h>
#include "procs/eth/bls/bls.h"

#define LANES 8
/* Pairs per lane that share their squarings in one call of bls_lanes_pairs. */
#define LANES_DEEP 4
#define LANES_PAIRS ((size_t)LANES * LANES_DEEP)

struct lanes_g1 {
	uint64_t l[18];
};
struct lanes_g2 {
	uint64_t l[36];
};
struct lanes_fp12 {
	uint64_t l[72];
};

/* A point to be decoded; x and the flags have been read from the bytes. */
struct lanes_decode {
	uint64_t x[12]; /* an integer, not in Montgomery form; 6 limbs for G1 */
	uint8_t upper;  /* which y: 1 the larger one */
	int8_t result;  /* out: BLS_OK, BLS_OFF_CURVE or BLS_SUBGROUP */
};

/* The processor has it and the kernel saves the registers. */
int bls_lanes_supported(void);

/* out[i] = [a + b x^2] keys[i], a, b = factors[i], i < n <= LANES. */
void bls_lanes_mul_keys(struct lanes_g1 out[LANES], const struct bls_pubkey *const keys[LANES],
			const uint32_t factors[][2], size_t n);

/* Adds n <= LANES lists, none empty; bit i of the value is set when *sums[i] holds the sum. It isn't when equal or
 * opposite points met on the way, or the sum is the identity. */
unsigned bls_lanes_sum_keys(struct bls_pubkey *const sums[LANES], const struct bls_key_list lists[LANES],
			    size_t n);

/* The sum of out[0..7] is the sum of [a + b x^2] signature over n items, a, b = factors[i]. */
void bls_lanes_sum_signatures(struct lanes_g2 out[LANES], const struct bls_item *items,
			      const uint32_t factors[][2], size_t n);

/* The product of f[0..7] is the product of the Miller loops over (keys[i], hash i), n <= LANES_PAIRS, up to
 * factors that the final exponentiation removes; the hash is that of the 256 bytes bytes[i] of
 * bls_expand_message. A key may be the identity. */
void bls_lanes_pairs(struct lanes_fp12 f[LANES], const struct lanes_g1 *keys, const uint8_t (*bytes)[256],
		     size_t n);

/* Decodes n <= LANES points: y from x, and the subgroup check; signatures[i] is written where result is
 * BLS_OK. */
void bls_lanes_decode_signatures(struct bls_signature *const signatures[LANES], struct lanes_decode d[LANES],
				 size_t n);
void bls_lanes_decode_pubkeys(struct bls_pubkey *const keys[LANES], struct lanes_decode d[LANES], size_t n);

#endif
