#ifndef PROCS_ETH_BLS_SCALAR_H
#define PROCS_ETH_BLS_SCALAR_H

/* Multiplication by secret scalars: a scalar below r < x^4 has four digits of 64 bits in base |x|, and
 * multiplication by |x| is an endomorphism (psi, up to the sign), so 64 doublings of one sum do
 * (Galbraith, Lin, Scott, EUROCRYPT 2009). No branch and no address depends on the scalar. */

#include "procs/eth/bls/bls.h"
#include "procs/eth/bls/curve.h"

/* n = n / |x|, and the rest. */
static inline uint64_t scalar_div_x(uint64_t n[4])
{
	unsigned __int128 rest = 0;
	for (int i = 255; i >= 0; i--) {
		rest = rest << 1 | (n[i / 64] >> (i % 64) & 1);
		uint64_t fits = (uint64_t)((rest - BLS_X) >> 127) ^ 1;
		rest -= BLS_X & fp_opaque(-fits);
		n[i / 64] = (n[i / 64] & ~(UINT64_C(1) << i % 64)) | fits << i % 64;
	}
	return (uint64_t)rest;
}

static inline void scalar_digits(uint64_t d[4], const struct bls_secret *s)
{
	uint64_t n[4];
	memcpy(n, s->k, sizeof(n));
	for (int i = 0; i < 3; i++)
		d[i] = scalar_div_x(n);
	d[3] = n[0];
	explicit_bzero(n, sizeof(n));
}

static inline fpmask scalar_equal(unsigned a, unsigned b)
{
	return fp_opaque(((uint64_t)(a ^ b) - 1) >> 63) * ~UINT64_C(0);
}

/* table[i] = the sum of base[j] over the bits j of i. */
FP_CALL void g2_mul_secret(struct g2 *r, const struct g2 *p, const struct bls_secret *s)
{
	struct g2 table[16], t, pick;
	uint64_t d[4];
	scalar_digits(d, s);
	g2_set_inf(&table[0]);
	table[1] = *p;
	for (int i = 2; i < 16; i *= 2) {
		g2_psi(&t, &table[i / 2]);
		g2_neg(&table[i], &t);
		for (int j = 1; j < i; j++)
			g2_add(&table[i + j], &table[i], &table[j]);
	}
	g2_set_inf(&t);
	for (int i = 63; i >= 0; i--) {
		unsigned column = 0;
		for (int j = 0; j < 4; j++)
			column |= (unsigned)(d[j] >> i & 1) << j;
		g2_dbl(&t, &t);
		pick = table[0];
		for (unsigned j = 1; j < 16; j++)
			g2_cmov(&pick, &table[j], scalar_equal(column, j));
		g2_add_secret(&t, &t, &pick);
	}
	*r = t;
	explicit_bzero(d, sizeof(d));
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&pick, sizeof(pick));
}

/* The generator by two digits in base x^2, where phi is multiplication by -x^2; two bits of each at a time.
 * table[i + 4j] = i g + j x^2 g. */
FP_CALL void g1_mul_generator(struct g1 *r, const struct bls_secret *s)
{
	struct g1 table[16], t, pick;
	uint64_t d[4];
	unsigned __int128 k[2];
	scalar_digits(d, s);
	for (int i = 0; i < 2; i++)
		k[i] = d[2 * i] + (unsigned __int128)d[2 * i + 1] * BLS_X;
	g1_set_inf(&table[0]);
	g1_from_affine(&table[1], &g1_generator);
	g1_neg(&table[4], &table[1]);
	fp_mul(&table[4].x, &table[4].x, &fp_beta);
	for (int i = 2; i < 16; i++)
		if (i != 4)
			g1_add(&table[i], &table[i < 4 ? i - 1 : i - 4], &table[i < 4 ? 1 : 4]);
	g1_set_inf(&t);
	for (int i = 126; i >= 0; i -= 2) {
		unsigned column = (unsigned)(k[0] >> i & 3) | (unsigned)(k[1] >> i & 3) << 2;
		g1_dbl(&t, &t);
		g1_dbl(&t, &t);
		pick = table[0];
		for (unsigned j = 1; j < 16; j++)
			g1_cmov(&pick, &table[j], scalar_equal(column, j));
		g1_add_secret(&t, &t, &pick);
	}
	*r = t;
	explicit_bzero(d, sizeof(d));
	explicit_bzero(k, sizeof(k));
	explicit_bzero(&t, sizeof(t));
	explicit_bzero(&pick, sizeof(pick));
}

#endif
