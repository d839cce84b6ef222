#ifndef PROCS_ETH_BLS_FP8_H
#define PROCS_ETH_BLS_FP8_H

/* The field of p elements, eight at a time: one in each 64-bit lane of AVX-512 registers, 8 limbs of 52 bits
 * for the multiply-add of AVX512-IFMA, Montgomery form with R = 2^416. The names are those of fp.h, so that
 * the layers above serve both.
 *
 * R is 2^35 p, and that room is spent on reducing nothing but products: a struct fp is any integer of
 * magnitude below 2^10 p whose limbs are signed and not carried; sums and differences are eight additions. A
 * product's result is in [0, 2.1 p) with limbs in [0, 2^52). struct fpw is sixteen signed columns of a sum of
 * products, the sum below p R / 4 in magnitude and each column below 2^62: one product has columns below
 * 2^56, fp12.h adds up at most 34. */

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FPB(x)                         \
	{                              \
		x, x, x, x, x, x, x, x \
	}
#define FPC(a, b, c, d, e, f, g, h)                                                    \
	{                                                                              \
		{                                                                      \
			FPB(a), FPB(b), FPB(c), FPB(d), FPB(e), FPB(f), FPB(g), FPB(h) \
		}                                                                      \
	}
#include "procs/eth/bls/const52.h"

#define FP_CALL static __attribute__((noinline, unused))
#if defined(BLS_ROLLED)
#define FP_UNROLL
#elif defined(__clang__)
#define FP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FP_UNROLL _Pragma("GCC unroll 16")
#endif

struct fp {
	__m512i l[8];
};
struct fpw {
	__m512i l[16];
};

/* A bit per lane. */
typedef uint8_t fpmask;
#define FP_ANY(mask) (mask)

static const struct fp fp_p = FP_P;

static inline __m512i fp_mask52(void)
{
	return _mm512_set1_epi64((1LL << 52) - 1);
}

/* Carries the limbs of t + bias, which is not negative, into [0, 2^52). */
static inline void fp_carry(__m512i r[8], const __m512i t[8], const __m512i bias[8])
{
	__m512i carry = _mm512_setzero_si512();
	FP_UNROLL
	for (int i = 0; i < 7; i++) {
		__m512i s = _mm512_add_epi64(_mm512_add_epi64(t[i], bias[i]), carry);
		carry = _mm512_srai_epi64(s, 52);
		r[i] = _mm512_and_si512(s, fp_mask52());
	}
	r[7] = _mm512_add_epi64(_mm512_add_epi64(t[7], bias[7]), carry);
}

static inline void fp_add(struct fp *r, const struct fp *a, const struct fp *b)
{
	FP_UNROLL
	for (int i = 0; i < 8; i++)
		r->l[i] = _mm512_add_epi64(a->l[i], b->l[i]);
}

static inline void fp_sub(struct fp *r, const struct fp *a, const struct fp *b)
{
	FP_UNROLL
	for (int i = 0; i < 8; i++)
		r->l[i] = _mm512_sub_epi64(a->l[i], b->l[i]);
}

#define fp_add_lazy fp_add
#define fp_sub_lazy fp_sub

static inline void fp_neg(struct fp *r, const struct fp *a)
{
	FP_UNROLL
	for (int i = 0; i < 8; i++)
		r->l[i] = _mm512_sub_epi64(_mm512_setzero_si512(), a->l[i]);
}

static inline void fpw_add(struct fpw *r, const struct fpw *a, const struct fpw *b)
{
	FP_UNROLL
	for (int i = 0; i < 16; i++)
		r->l[i] = _mm512_add_epi64(a->l[i], b->l[i]);
}

static inline void fpw_sub(struct fpw *r, const struct fpw *a, const struct fpw *b)
{
	FP_UNROLL
	for (int i = 0; i < 16; i++)
		r->l[i] = _mm512_sub_epi64(a->l[i], b->l[i]);
}

#define fpw_sub_positive fpw_sub

/* 2^10 p, to make what is carried positive. */
static const struct fp fp_bias = FP_BIAS;

static inline void fp_normal(struct fp *r, const struct fp *a)
{
	fp_carry(r->l, a->l, fp_bias.l);
}

/* t = a b for carried a, b. */
static inline void fp_columns(__m512i t[16], const struct fp *a, const struct fp *b)
{
	FP_UNROLL
	for (int i = 0; i < 16; i++)
		t[i] = _mm512_setzero_si512();
	FP_UNROLL
	for (int i = 0; i < 8; i++) {
		FP_UNROLL
		for (int j = 0; j < 8; j++)
			t[i + j] = _mm512_madd52lo_epu64(t[i + j], a->l[i], b->l[j]);
		FP_UNROLL
		for (int j = 0; j < 8; j++)
			t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a->l[i], b->l[j]);
	}
}

/* The same for a = b: products off the diagonal once, doubled. */
static inline void fp_columns_sqr(__m512i t[16], const struct fp *a)
{
	FP_UNROLL
	for (int i = 0; i < 16; i++)
		t[i] = _mm512_setzero_si512();
	FP_UNROLL
	for (int i = 0; i < 7; i++) {
		FP_UNROLL
		for (int j = i + 1; j < 8; j++)
			t[i + j] = _mm512_madd52lo_epu64(t[i + j], a->l[i], a->l[j]);
		FP_UNROLL
		for (int j = i + 1; j < 8; j++)
			t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a->l[i], a->l[j]);
	}
	FP_UNROLL
	for (int i = 0; i < 16; i++)
		t[i] = _mm512_add_epi64(t[i], t[i]);
	FP_UNROLL
	for (int i = 0; i < 8; i++) {
		t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a->l[i], a->l[i]);
		t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a->l[i], a->l[i]);
	}
}

/* r = t / R + p where the columns may be negative (bias), or t / R. */
static inline void fp_fold(struct fp *r, __m512i t[16], const __m512i bias[8])
{
	const __m512i inv = _mm512_set1_epi64(FP_INV);
	FP_UNROLL
	for (int i = 0; i < 8; i++) {
		__m512i m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), t[i], inv);
		FP_UNROLL
		for (int j = 0; j < 8; j++)
			t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, fp_p.l[j]);
		FP_UNROLL
		for (int j = 0; j < 8; j++)
			t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, fp_p.l[j]);
		t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64(t[i], 52));
	}
	fp_carry(r->l, t + 8, bias);
}

static const __m512i fp_no_bias[8];

FP_CALL void fpw_mul(struct fpw *r, const struct fp *a, const struct fp *b)
{
	struct fp x, y;
	fp_normal(&x, a);
	fp_normal(&y, b);
	fp_columns(r->l, &x, &y);
}

FP_CALL void fp_redc(struct fp *r, const struct fpw *a)
{
	struct fpw t = *a;
	fp_fold(r, t.l, fp_p.l);
}

FP_CALL void fp_mul(struct fp *r, const struct fp *a, const struct fp *b)
{
	struct fp x, y;
	struct fpw t;
	fp_normal(&x, a);
	fp_normal(&y, b);
	fp_columns(t.l, &x, &y);
	fp_fold(r, t.l, fp_no_bias);
}

/* The same for carried a and b, a b < p R / 2. */
FP_CALL void fp_mul_carried(struct fp *r, const struct fp *a, const struct fp *b)
{
	struct fpw t;
	fp_columns(t.l, a, b);
	fp_fold(r, t.l, fp_no_bias);
}

FP_CALL void fp_sqr(struct fp *r, const struct fp *a)
{
	struct fp x;
	struct fpw t;
	fp_normal(&x, a);
	fp_columns_sqr(t.l, &x);
	fp_fold(r, t.l, fp_no_bias);
}

/* a / R, carried: zero is 0 or p, anything else below p + p / 2^24. */
static inline void fp_canonical(struct fp *r, const struct fp *a)
{
	struct fp x;
	struct fpw t;
	fp_normal(&x, a);
	memset(&t, 0, sizeof(t));
	memcpy(t.l, x.l, sizeof(x.l));
	fp_fold(r, t.l, fp_no_bias);
}

static inline fpmask fp_is_limbs(const struct fp *a, const struct fp *b)
{
	__m512i d = _mm512_setzero_si512();
	FP_UNROLL
	for (int i = 0; i < 8; i++)
		d = _mm512_or_si512(d, _mm512_xor_si512(a->l[i], b->l[i]));
	return _mm512_testn_epi64_mask(d, d);
}

static inline fpmask fp_is_zero(const struct fp *a)
{
	static const struct fp zero;
	struct fp c;
	fp_canonical(&c, a);
	return fp_is_limbs(&c, &zero) | fp_is_limbs(&c, &fp_p);
}

static inline fpmask fp_eq(const struct fp *a, const struct fp *b)
{
	struct fp d;
	fp_sub(&d, a, b);
	return fp_is_zero(&d);
}

static inline void fp_cmov(struct fp *r, const struct fp *a, fpmask m)
{
	FP_UNROLL
	for (int i = 0; i < 8; i++)
		r->l[i] = _mm512_mask_mov_epi64(r->l[i], m, a->l[i]);
}

/* The integers in [0, p) that a stands for, carried. */
static inline void fp_to_int(struct fp *n, const struct fp *a)
{
	struct fp d;
	fp_canonical(n, a);
	fp_sub(&d, n, &fp_p);
	fp_carry(d.l, d.l, fp_no_bias);
	fp_cmov(n, &d, (fpmask)~_mm512_movepi64_mask(d.l[7]));
}

static inline fpmask fp_is_odd(const struct fp *a)
{
	struct fp n;
	fp_to_int(&n, a);
	return _mm512_test_epi64_mask(n.l[0], _mm512_set1_epi64(1));
}

#endif
