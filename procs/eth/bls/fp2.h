#ifndef PROCS_ETH_BLS_FP2_H
#define PROCS_ETH_BLS_FP2_H

/* Powers in Fp; Fp2 = Fp[u] / (u^2 + 1). Written against struct fp, struct fpw and their functions alone, so
 * that it serves one element (fp.h) and eight in the lanes of a vector (fp8.h) alike. Results may overwrite
 * arguments. */

struct fp2 {
	struct fp c0, c1;
};
struct fp2w {
	struct fpw c0, c1;
};

static const struct fp fp_one = FP_ONE;
static const struct fp fp_half = FP_HALF;

static inline void fp_dbl(struct fp *r, const struct fp *a)
{
	fp_add(r, a, a);
}

static inline void fp_mul3(struct fp *r, const struct fp *a)
{
	struct fp t;
	fp_dbl(&t, a);
	fp_add(r, &t, a);
}

/* a^((p - 3) / 4): for a square it is 1 / sqrt(a), up to the sign; for a non-square its square is -1/a. */
FP_CALL void fp_pow_p34(struct fp *r, const struct fp *a)
{
	static const struct {
		uint8_t squarings, power;
	} chain[] = {FP_CHAIN};
	struct fp odd[16], a2, t;
	odd[0] = *a;
	fp_sqr(&a2, a);
	for (int i = 1; i < 16; i++)
		fp_mul(&odd[i], &odd[i - 1], &a2);
	t = odd[chain[0].power / 2];
	for (size_t i = 1; i < sizeof(chain) / sizeof(chain[0]); i++) {
		for (int k = chain[i].squarings; k; k--)
			fp_sqr(&t, &t);
		if (chain[i].power)
			fp_mul(&t, &t, &odd[chain[i].power / 2]);
	}
	*r = t;
}

/* 1/a, 0 for 0: a^(p - 2) = (a^((p - 3) / 4))^4 a. */
static inline void fp_inv(struct fp *r, const struct fp *a)
{
	struct fp t;
	fp_pow_p34(&t, a);
	fp_sqr(&t, &t);
	fp_sqr(&t, &t);
	fp_mul(r, &t, a);
}

/* mulx.S, to the same contracts. */
void bls_fp2_add_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b);
void bls_fp2_sub_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b);
void bls_fp2_mul_adx(struct fp2 *r, const struct fp2 *a, const struct fp2 *b);
void bls_fp2_sqr_adx(struct fp2 *r, const struct fp2 *a);
void bls_fp2_redc_adx(struct fp2 *r, const struct fp2w *a);
void bls_fp2w_add_adx(struct fp2w *r, const struct fp2w *a, const struct fp2w *b);
void bls_fp2w_sub_adx(struct fp2w *r, const struct fp2w *a, const struct fp2w *b);
void bls_fp2w_mul_adx(struct fp2w *r, const struct fp2 *a, const struct fp2 *b);
void bls_fp2w_sqr_adx(struct fp2w *r, const struct fp2 *a);
#ifdef BLS_ADX
#define fp2_add bls_fp2_add_adx
#define fp2_sub bls_fp2_sub_adx
#define fp2_mul bls_fp2_mul_adx
#define fp2_sqr bls_fp2_sqr_adx
#define fp2_redc bls_fp2_redc_adx
#define fp2w_add bls_fp2w_add_adx
#define fp2w_sub bls_fp2w_sub_adx
#define fp2w_mul bls_fp2w_mul_adx
#define fp2w_sqr bls_fp2w_sqr_adx
#else
static inline void fp2_add(struct fp2 *r, const struct fp2 *a, const struct fp2 *b)
{
	fp_add(&r->c0, &a->c0, &b->c0);
	fp_add(&r->c1, &a->c1, &b->c1);
}

static inline void fp2_sub(struct fp2 *r, const struct fp2 *a, const struct fp2 *b)
{
	fp_sub(&r->c0, &a->c0, &b->c0);
	fp_sub(&r->c1, &a->c1, &b->c1);
}

static inline void fp2w_add(struct fp2w *r, const struct fp2w *a, const struct fp2w *b)
{
	fpw_add(&r->c0, &a->c0, &b->c0);
	fpw_add(&r->c1, &a->c1, &b->c1);
}

static inline void fp2w_sub(struct fp2w *r, const struct fp2w *a, const struct fp2w *b)
{
	fpw_sub(&r->c0, &a->c0, &b->c0);
	fpw_sub(&r->c1, &a->c1, &b->c1);
}

static inline void fp2_redc(struct fp2 *r, const struct fp2w *a)
{
	fp_redc(&r->c0, &a->c0);
	fp_redc(&r->c1, &a->c1);
}

/* Karatsuba; the middle product of two unreduced sums is below 4 p^2 < p R. */
FP_CALL void fp2w_mul(struct fp2w *r, const struct fp2 *a, const struct fp2 *b)
{
	struct fpw t0, t1, t2;
	struct fp sa, sb;
	fp_add_lazy(&sa, &a->c0, &a->c1);
	fp_add_lazy(&sb, &b->c0, &b->c1);
	fpw_mul(&t0, &a->c0, &b->c0);
	fpw_mul(&t1, &a->c1, &b->c1);
	fpw_mul(&t2, &sa, &sb);
	fpw_sub_positive(&t2, &t2, &t0);
	fpw_sub_positive(&r->c1, &t2, &t1);
	fpw_sub(&r->c0, &t0, &t1);
}

/* (a0 + a1)(a0 - a1) + 2 a0 a1 u */
FP_CALL void fp2w_sqr(struct fp2w *r, const struct fp2 *a)
{
	struct fp s, d, t;
	fp_add_lazy(&s, &a->c0, &a->c1);
	fp_sub_lazy(&d, &a->c0, &a->c1);
	fp_add_lazy(&t, &a->c0, &a->c0);
	fpw_mul(&r->c1, &t, &a->c1);
	fpw_mul(&r->c0, &s, &d);
}

FP_CALL void fp2_mul(struct fp2 *r, const struct fp2 *a, const struct fp2 *b)
{
	struct fp2w w;
	fp2w_mul(&w, a, b);
	fp2_redc(r, &w);
}

FP_CALL void fp2_sqr(struct fp2 *r, const struct fp2 *a)
{
	struct fp s, d, t;
	fp_add_lazy(&s, &a->c0, &a->c1);
	fp_sub_lazy(&d, &a->c0, &a->c1);
	fp_add_lazy(&t, &a->c0, &a->c0);
	fp_mul(&r->c1, &t, &a->c1);
	fp_mul(&r->c0, &s, &d);
}
#endif

static inline void fp2_dbl(struct fp2 *r, const struct fp2 *a)
{
	fp2_add(r, a, a);
}

static inline void fp2_mul3(struct fp2 *r, const struct fp2 *a)
{
	fp_mul3(&r->c0, &a->c0);
	fp_mul3(&r->c1, &a->c1);
}

static inline void fp2_neg(struct fp2 *r, const struct fp2 *a)
{
	fp_neg(&r->c0, &a->c0);
	fp_neg(&r->c1, &a->c1);
}

static inline void fp2_conj(struct fp2 *r, const struct fp2 *a)
{
	r->c0 = a->c0;
	fp_neg(&r->c1, &a->c1);
}

/* (1 + u) a */
static inline void fp2_mul_xi(struct fp2 *r, const struct fp2 *a)
{
	struct fp t;
	fp_add(&t, &a->c0, &a->c1);
	fp_sub(&r->c0, &a->c0, &a->c1);
	r->c1 = t;
}

static inline void fp2_mul_fp(struct fp2 *r, const struct fp2 *a, const struct fp *b)
{
	fp_mul(&r->c0, &a->c0, b);
	fp_mul(&r->c1, &a->c1, b);
}

static inline void fp2w_mul_xi(struct fp2w *r, const struct fp2w *a)
{
	struct fpw t;
	fpw_add(&t, &a->c0, &a->c1);
	fpw_sub(&r->c0, &a->c0, &a->c1);
	r->c1 = t;
}

static inline void fp2_inv(struct fp2 *r, const struct fp2 *a)
{
	struct fp n, t;
	fp_sqr(&n, &a->c0);
	fp_sqr(&t, &a->c1);
	fp_add(&n, &n, &t);
	fp_inv(&n, &n);
	fp_mul(&r->c0, &a->c0, &n);
	fp_mul(&t, &a->c1, &n);
	fp_neg(&r->c1, &t);
}

static inline fpmask fp2_is_zero(const struct fp2 *a)
{
	return fp_is_zero(&a->c0) & fp_is_zero(&a->c1);
}

static inline fpmask fp2_eq(const struct fp2 *a, const struct fp2 *b)
{
	return fp_eq(&a->c0, &b->c0) & fp_eq(&a->c1, &b->c1);
}

static inline void fp2_cmov(struct fp2 *r, const struct fp2 *a, fpmask m)
{
	fp_cmov(&r->c0, &a->c0, m);
	fp_cmov(&r->c1, &a->c1, m);
}

/* sgn0 of RFC 9380, 4.1 */
static inline fpmask fp2_sgn0(const struct fp2 *a)
{
	return fp_is_odd(&a->c0) | (fp_is_zero(&a->c0) & fp_is_odd(&a->c1));
}

#endif
