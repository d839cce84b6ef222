#ifndef PROCS_ETH_BLS_BATCH_H
#define PROCS_ETH_BLS_BATCH_H

/* Many signatures at once. With factors r_i, all signatures s_i by keys p_i on messages m_i are valid, up to
 * the chance of a lucky factor, when
 *
 *     product over messages m of e(sum of r_i p_i over i with m_i = m, H(m))  =  e(g1, sum of r_i s_i).
 *
 * A factor is a + b x^2 with 32-bit a, b, which the endomorphisms (-phi on G1, psi^2 on G2) turn into two
 * products of half the length. Different (a, b) give different factors modulo r: |a + b x^2| < 2^160 < r. */

#include "procs/eth/bls/lanes.h"

struct batch {
	const struct bls_item *items;
	size_t n;
	struct lanes_g1 *keys;  /* by item: factor times key */
	uint32_t (*factors)[2]; /* by item: a, which is odd, and b */
	uint32_t *order;        /* items, equal messages side by side */
};

/* bls_batch_plan lays the batch out in bls_batch_scratch(n) bytes of scratch, derives the factors from seed
 * and sorts the items by message. */
void bls_batch_plan(struct batch *b, const struct bls_item *items, size_t n,
		    const uint8_t seed[BLS_SEED_BYTES], void *scratch);

/* bls_item_cmp orders items by message; 0: the same message. */
int bls_item_cmp(const struct bls_item *a, const struct bls_item *b);

#endif
