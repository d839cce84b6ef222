#ifndef PROCS_ETH_BLS_FP_H
#define PROCS_ETH_BLS_FP_H

/* The field of p elements, 6 limbs of 64 bits, least significant first, Montgomery form with R = 2^384.
 *
 * struct fp is reduced, < p, unless a function says otherwise. p < 2^381 leaves three bits: sums of two or
 * three elements may go unreduced into a product. struct fpw is a product that waits for its reduction, in
 * [0, p R): a sum of products is then reduced once ("lazy reduction", Aranha et al., EUROCRYPT 2011).
 *
 * Nothing here branches on a value or indexes by one. */

#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include "procs/eth/bls/const.h"

struct fp {
	uint64_t l[6];
};
struct fpw {
	uint64_t l[12];
};

/* All ones or all zero: a truth value without a branch. */
typedef uint64_t fpmask;
#define FP_ANY(mask) (mask)

/* Large enough that a call costs nothing, and too large to have in many places. */
#define FP_CALL static __attribute__((noinline, unused))

#define FPC(...)                    \
	{                           \
		{                   \
			__VA_ARGS__ \
		}                   \
	}

static const struct fp fp_p = FP_P;

typedef unsigned __int128 fp_u128;

/* Loops over limbs have constant bounds, and are worth nothing as loops. */
#if defined(BLS_ROLLED)
#define FP_UNROLL
#elif defined(__clang__)
#define FP_UNROLL _Pragma("clang loop unroll(full)")
#else
#define FP_UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__clang__)
#define fp_addc(a, b, c)                                          \
	({                                                        \
		unsigned long long co_;                           \
		uint64_t s_ = __builtin_addcll(a, b, *(c), &co_); \
		*(c) = co_;                                       \
		s_;                                               \
	})
#define fp_subb(a, b, c)                                          \
	({                                                        \
		unsigned long long co_;                           \
		uint64_t s_ = __builtin_subcll(a, b, *(c), &co_); \
		*(c) = co_;                                       \
		s_;                                               \
	})
#else
#if defined(__x86_64__)
#include <immintrin.h>
static inline uint64_t fp_addc(uint64_t a, uint64_t b, uint64_t *c)
{
	unsigned long long s;
	*c = _addcarry_u64((unsigned char)*c, a, b, &s);
	return s;
}
static inline uint64_t fp_subb(uint64_t a, uint64_t b, uint64_t *c)
{
	unsigned long long s;
	*c = _subborrow_u64((unsigned char)*c, a, b, &s);
	return s;
}
#else
static inline uint64_t fp_addc(uint64_t a, uint64_t b, uint64_t *c)
{
	fp_u128 s = (fp_u128)a + b + *c;
	*c = (uint64_t)(s >> 64);
	return (uint64_t)s;
}
static inline uint64_t fp_subb(uint64_t a, uint64_t b, uint64_t *c)
{
	fp_u128 s = (fp_u128)a - b - *c;
	*c = (uint64_t)(s >> 64) & 1;
	return (uint64_t)s;
}
#endif
#endif

/* acc + a b + carry; the carry goes on. */
static inline uint64_t fp_mac(uint64_t acc, uint64_t a, uint64_t b, uint64_t *carry)
{
	fp_u128 t = (fp_u128)a * b + acc + *carry;
	*carry = (uint64_t)(t >> 64);
	return (uint64_t)t;
}

/* A mask of which the compiler can't know that it is 0 or all ones: else it may make a branch of it. */
static inline uint64_t fp_opaque(uint64_t mask)
{
	__asm__("" : "+r"(mask));
	return mask;
}

/* t in [0, 2p) to [0, p). */
static inline void fp_reduce_once(struct fp *r, const uint64_t t[6])
{
	uint64_t s[6], borrow = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		s[i] = fp_subb(t[i], fp_p.l[i], &borrow);
	uint64_t below = fp_opaque(-borrow);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = s[i] ^ ((s[i] ^ t[i]) & below);
}

static inline void fp_add(struct fp *r, const struct fp *a, const struct fp *b)
{
	uint64_t t[6], carry = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		t[i] = fp_addc(a->l[i], b->l[i], &carry);
	fp_reduce_once(r, t);
}

/* The sum as an integer, for a product that follows. */
static inline void fp_add_lazy(struct fp *r, const struct fp *a, const struct fp *b)
{
	uint64_t carry = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = fp_addc(a->l[i], b->l[i], &carry);
}

static inline void fp_sub(struct fp *r, const struct fp *a, const struct fp *b)
{
	uint64_t t[6], borrow = 0, carry = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		t[i] = fp_subb(a->l[i], b->l[i], &borrow);
	uint64_t mask = fp_opaque(-borrow);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = fp_addc(t[i], fp_p.l[i] & mask, &carry);
}

/* a - b + p, below 2p, for a product that follows. */
static inline void fp_sub_lazy(struct fp *r, const struct fp *a, const struct fp *b)
{
	uint64_t t[6], borrow = 0, carry = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		t[i] = fp_addc(a->l[i], fp_p.l[i], &carry);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = fp_subb(t[i], b->l[i], &borrow);
}

static inline void fpw_add(struct fpw *r, const struct fpw *a, const struct fpw *b)
{
	uint64_t t[6], carry = 0;
	struct fp high;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = fp_addc(a->l[i], b->l[i], &carry);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		t[i] = fp_addc(a->l[6 + i], b->l[6 + i], &carry);
	fp_reduce_once(&high, t);
	memcpy(r->l + 6, high.l, sizeof(high.l));
}

static inline void fpw_sub(struct fpw *r, const struct fpw *a, const struct fpw *b)
{
	uint64_t t[6], borrow = 0, carry = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] = fp_subb(a->l[i], b->l[i], &borrow);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		t[i] = fp_subb(a->l[6 + i], b->l[6 + i], &borrow);
	uint64_t mask = fp_opaque(-borrow);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[6 + i] = fp_addc(t[i], fp_p.l[i] & mask, &carry);
}

/* a - b where a >= b as integers. */
static inline void fpw_sub_positive(struct fpw *r, const struct fpw *a, const struct fpw *b)
{
	uint64_t borrow = 0;
	FP_UNROLL
	for (int i = 0; i < 12; i++)
		r->l[i] = fp_subb(a->l[i], b->l[i], &borrow);
}

/* mulx.S, to the contracts of the C below. */
void bls_fp_mul_adx(struct fp *r, const struct fp *a, const struct fp *b);
void bls_fp_sqr_adx(struct fp *r, const struct fp *a);
void bls_fpw_mul_adx(struct fpw *r, const struct fp *a, const struct fp *b);
void bls_fp_redc_adx(struct fp *r, const struct fpw *a);
#ifdef BLS_ADX
#define fp_mul bls_fp_mul_adx
#define fp_sqr bls_fp_sqr_adx
#define fpw_mul bls_fpw_mul_adx
#define fp_redc bls_fp_redc_adx
#else
/* a b as an integer, a b < p R. */
FP_CALL void fpw_mul(struct fpw *r, const struct fp *a, const struct fp *b)
{
	uint64_t t[12] = {0};
	FP_UNROLL
	for (int i = 0; i < 6; i++) {
		uint64_t carry = 0;
		FP_UNROLL
		for (int j = 0; j < 6; j++)
			t[i + j] = fp_mac(t[i + j], a->l[i], b->l[j], &carry);
		t[i + 6] = carry;
	}
	memcpy(r->l, t, sizeof(t));
}

/* a / R for a < p R. */
FP_CALL void fp_redc(struct fp *r, const struct fpw *a)
{
	uint64_t t[12], high = 0;
	memcpy(t, a->l, sizeof(t));
	FP_UNROLL
	for (int i = 0; i < 6; i++) {
		uint64_t m = t[i] * FP_INV, carry = 0;
		FP_UNROLL
		for (int j = 0; j < 6; j++)
			t[i + j] = fp_mac(t[i + j], m, fp_p.l[j], &carry);
		t[i + 6] = fp_addc(t[i + 6], carry, &high);
	}
	fp_reduce_once(r, t + 6);
}

/* a b / R for a < 2^382 and a b < p R, so b may be any six limbs where a < p. Product and reduction limb by
 * limb, so that the accumulator stays in registers. A row ends below a + p < 2^384, so its two carries add up
 * without one of their own. */
FP_CALL void fp_mul(struct fp *r, const struct fp *a, const struct fp *b)
{
	uint64_t t[6] = {0};
	FP_UNROLL
	for (int i = 0; i < 6; i++) {
		uint64_t carry = 0, carry_m = 0;
		t[0] = fp_mac(t[0], a->l[0], b->l[i], &carry);
		uint64_t m = t[0] * FP_INV;
		fp_mac(t[0], m, fp_p.l[0], &carry_m);
		FP_UNROLL
		for (int j = 1; j < 6; j++) {
			uint64_t s = fp_mac(t[j], a->l[j], b->l[i], &carry);
			t[j - 1] = fp_mac(s, m, fp_p.l[j], &carry_m);
		}
		t[5] = carry + carry_m;
	}
	fp_reduce_once(r, t);
}

static inline void fp_sqr(struct fp *r, const struct fp *a)
{
	fp_mul(r, a, a);
}
#endif

static inline void fp_neg(struct fp *r, const struct fp *a)
{
	static const struct fp zero;
	fp_sub(r, &zero, a);
}

static inline fpmask fp_is_zero(const struct fp *a)
{
	uint64_t v = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		v |= a->l[i];
	return ((v | -v) >> 63) - 1;
}

static inline fpmask fp_eq(const struct fp *a, const struct fp *b)
{
	uint64_t v = 0;
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		v |= a->l[i] ^ b->l[i];
	return ((v | -v) >> 63) - 1;
}

/* r = a where m. */
static inline void fp_cmov(struct fp *r, const struct fp *a, fpmask m)
{
	m = fp_opaque(m);
	FP_UNROLL
	for (int i = 0; i < 6; i++)
		r->l[i] ^= (r->l[i] ^ a->l[i]) & m;
}

/* The integer in [0, p) that a stands for. */
static inline void fp_to_int(uint64_t n[6], const struct fp *a)
{
	struct fpw w = {0};
	struct fp r;
	memcpy(w.l, a->l, sizeof(a->l));
	fp_redc(&r, &w);
	memcpy(n, r.l, sizeof(r.l));
}

/* The integer is odd. */
static inline fpmask fp_is_odd(const struct fp *a)
{
	uint64_t n[6];
	fp_to_int(n, a);
	return -(n[0] & 1);
}

#endif
