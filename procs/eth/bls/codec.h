#ifndef PROCS_ETH_BLS_CODEC_H
#define PROCS_ETH_BLS_CODEC_H

/* Points as bytes (draft-irtf-cfrg-pairing-friendly-curves, appendix C): big endian x, for Fp2 the u
 * coordinate first, and three flags in the top bits. */

#include "procs/eth/bls/bls.h"
#include "procs/eth/bls/map.h"

#define CODEC_COMPRESSED 0x80
#define CODEC_INFINITY 0x40
#define CODEC_SIGN 0x20
#define CODEC_FLAGS 0xe0

static const struct fp fp_r2 = FP_R2;
static const struct fp fp_r3 = FP_R3;

/* 48 bytes, big endian, as an integer of 6 limbs. */
static inline void fp_load(struct fp *r, const uint8_t *b)
{
	for (int i = 0; i < 6; i++) {
		uint64_t v = 0;
		for (int j = 0; j < 8; j++)
			v = v << 8 | b[40 - 8 * i + j];
		r->l[i] = v;
	}
}

/* a > b as integers */
static inline fpmask fp_greater(const uint64_t a[6], const uint64_t b[6])
{
	uint64_t borrow = 0;
	for (int i = 0; i < 6; i++)
		fp_subb(b[i], a[i], &borrow);
	return -borrow;
}

/* All ones when the integer is below p. */
static inline fpmask fp_from_bytes(struct fp *r, const uint8_t *b, uint8_t flags)
{
	uint8_t plain[48];
	struct fp n;
	memcpy(plain, b, sizeof(plain));
	plain[0] &= (uint8_t)~flags;
	fp_load(&n, plain);
	fpmask ok = fp_greater(fp_p.l, n.l);
	fp_mul(r, &n, &fp_r2);
	return ok;
}

static inline void fp_to_bytes(uint8_t *b, const struct fp *a)
{
	uint64_t n[6];
	fp_to_int(n, a);
	for (int i = 0; i < 48; i++)
		b[47 - i] = (uint8_t)(n[i / 8] >> 8 * (i % 8));
}

/* 64 bytes, big endian, modulo p (RFC 9380, 5.2). */
static inline void fp_from_wide(struct fp *r, const uint8_t *b)
{
	uint8_t high[48] = {0};
	struct fp h, l;
	memcpy(high + 32, b, 16);
	fp_load(&h, high);
	fp_load(&l, b + 16);
	/* l may be anything below 2^384, which only the second factor may. */
	fp_mul(&h, &fp_r3, &h);
	fp_mul(&l, &fp_r2, &l);
	fp_add(r, &h, &l);
}

/* y > (p - 1) / 2, that is 2 y > p as integers. */
static inline fpmask fp_is_upper(const struct fp *y)
{
	uint64_t n[6], carry = 0;
	fp_to_int(n, y);
	for (int i = 0; i < 6; i++)
		n[i] = fp_addc(n[i], n[i], &carry);
	return fp_greater(n, fp_p.l);
}

static inline fpmask fp2_is_upper(const struct fp2 *y)
{
	return fp_is_upper(&y->c1) | (fp_is_zero(&y->c1) & fp_is_upper(&y->c0));
}

/* BLS_OK with *inf set or not, or BLS_ENCODING: the flags and, for the identity, all other bits. */
static inline int codec_flags(const uint8_t *b, size_t len, int *inf)
{
	if (!(b[0] & CODEC_COMPRESSED))
		return BLS_ENCODING;
	*inf = b[0] & CODEC_INFINITY;
	if (!*inf)
		return BLS_OK;
	uint8_t rest = b[0] & (uint8_t) ~(CODEC_COMPRESSED | CODEC_INFINITY);
	for (size_t i = 1; i < len; i++)
		rest |= b[i];
	return rest ? BLS_ENCODING : BLS_OK;
}

/* On the curve; the subgroup is not checked. The identity is all zero. */
FP_CALL int g1_from_bytes(struct g1a *r, const uint8_t *b)
{
	struct fp rhs, four, n;
	int inf, rc = codec_flags(b, 48, &inf);
	memset(r, 0, sizeof(*r));
	if (rc || inf)
		return rc;
	if (!fp_from_bytes(&r->x, b, CODEC_FLAGS))
		return BLS_ENCODING;
	fp_dbl(&four, &fp_one);
	fp_dbl(&four, &four);
	fp_sqr(&rhs, &r->x);
	fp_mul(&rhs, &rhs, &r->x);
	fp_add(&rhs, &rhs, &four);
	if (!fp_sqrt(&r->y, &rhs))
		return BLS_OFF_CURVE;
	fp_neg(&n, &r->y);
	fp_cmov(&r->y, &n, fp_is_upper(&r->y) ^ -(uint64_t) !!(b[0] & CODEC_SIGN));
	return BLS_OK;
}

FP_CALL int g2_from_bytes(struct g2a *r, const uint8_t *b)
{
	struct fp2 rhs, n;
	int inf, rc = codec_flags(b, 96, &inf);
	memset(r, 0, sizeof(*r));
	if (rc || inf)
		return rc;
	if (!fp_from_bytes(&r->x.c1, b, CODEC_FLAGS) || !fp_from_bytes(&r->x.c0, b + 48, 0))
		return BLS_ENCODING;
	g2_rhs(&rhs, &r->x);
	if (!fp2_sqrt(&r->y, &rhs, 0, NULL))
		return BLS_OFF_CURVE;
	fp2_neg(&n, &r->y);
	fp2_cmov(&r->y, &n, fp2_is_upper(&r->y) ^ -(uint64_t) !!(b[0] & CODEC_SIGN));
	return BLS_OK;
}

FP_CALL void g1_to_bytes(uint8_t *b, const struct g1a *p)
{
	fp_to_bytes(b, &p->x);
	b[0] |= CODEC_COMPRESSED | (g1_affine_is_inf(p) & CODEC_INFINITY) | (fp_is_upper(&p->y) & CODEC_SIGN);
}

FP_CALL void g2_to_bytes(uint8_t *b, const struct g2a *p)
{
	fp_to_bytes(b, &p->x.c1);
	fp_to_bytes(b + 48, &p->x.c0);
	b[0] |= CODEC_COMPRESSED | (g2_affine_is_inf(p) & CODEC_INFINITY) |
		(fp2_is_upper(&p->y) & CODEC_SIGN);
}

#endif
