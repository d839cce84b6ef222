#ifndef PROCS_ETH_BLS_FP12_H
#define PROCS_ETH_BLS_FP12_H

/* Fp6 = Fp2[v] / (v^3 - xi), xi = 1 + u; Fp12 = Fp6[w] / (w^2 - v). Products are summed before they are
 * reduced, up to the twelve coordinates of an Fp12 product (Aranha et al., EUROCRYPT 2011). */

#include "procs/eth/bls/fp2.h"

struct fp6 {
	struct fp2 c0, c1, c2;
};
struct fp6w {
	struct fp2w c0, c1, c2;
};
struct fp12 {
	struct fp6 c0, c1;
};

/* What a line of the Miller loop is: a0 + a1 v + a4 v w. */
struct fp12_line {
	struct fp2 a0, a1, a4;
};

/* A product of two lines: as an element, but c1.c0 = 0. */
struct fp12_lines {
	struct fp6 c0;
	struct fp2 c11, c12;
};

static const struct fp2 fp2_frob[5] = {FP2_FROB};
static const struct {
	struct fp c;
} fp_frob2[5] = {FP_FROB2};

static inline void fp6_add(struct fp6 *r, const struct fp6 *a, const struct fp6 *b)
{
	fp2_add(&r->c0, &a->c0, &b->c0);
	fp2_add(&r->c1, &a->c1, &b->c1);
	fp2_add(&r->c2, &a->c2, &b->c2);
}

static inline void fp6_sub(struct fp6 *r, const struct fp6 *a, const struct fp6 *b)
{
	fp2_sub(&r->c0, &a->c0, &b->c0);
	fp2_sub(&r->c1, &a->c1, &b->c1);
	fp2_sub(&r->c2, &a->c2, &b->c2);
}

static inline void fp6_neg(struct fp6 *r, const struct fp6 *a)
{
	fp2_neg(&r->c0, &a->c0);
	fp2_neg(&r->c1, &a->c1);
	fp2_neg(&r->c2, &a->c2);
}

static inline void fp6_mul_v(struct fp6 *r, const struct fp6 *a)
{
	struct fp2 t;
	fp2_mul_xi(&t, &a->c2);
	r->c2 = a->c1;
	r->c1 = a->c0;
	r->c0 = t;
}

static inline void fp6w_sub(struct fp6w *r, const struct fp6w *a, const struct fp6w *b)
{
	fp2w_sub(&r->c0, &a->c0, &b->c0);
	fp2w_sub(&r->c1, &a->c1, &b->c1);
	fp2w_sub(&r->c2, &a->c2, &b->c2);
}

static inline void fp6_redc(struct fp6 *r, const struct fp6w *a)
{
	fp2_redc(&r->c0, &a->c0);
	fp2_redc(&r->c1, &a->c1);
	fp2_redc(&r->c2, &a->c2);
}

/* (a + b)(c + d) - ac - bd, given the last two. */
static inline void fp2w_cross(struct fp2w *r, const struct fp2 *a, const struct fp2 *b, const struct fp2 *c,
			      const struct fp2 *d, const struct fp2w *ac, const struct fp2w *bd)
{
	struct fp2 s, t;
	fp2_add(&s, a, b);
	fp2_add(&t, c, d);
	fp2w_mul(r, &s, &t);
	fp2w_sub(r, r, ac);
	fp2w_sub(r, r, bd);
}

FP_CALL void fp6w_mul(struct fp6w *r, const struct fp6 *a, const struct fp6 *b)
{
	struct fp2w v0, v1, v2, t;
	fp2w_mul(&v0, &a->c0, &b->c0);
	fp2w_mul(&v1, &a->c1, &b->c1);
	fp2w_mul(&v2, &a->c2, &b->c2);
	fp2w_cross(&t, &a->c1, &a->c2, &b->c1, &b->c2, &v1, &v2);
	fp2w_mul_xi(&t, &t);
	fp2w_add(&r->c0, &t, &v0);
	fp2w_cross(&r->c1, &a->c0, &a->c1, &b->c0, &b->c1, &v0, &v1);
	fp2w_mul_xi(&t, &v2);
	fp2w_add(&r->c1, &r->c1, &t);
	fp2w_cross(&r->c2, &a->c0, &a->c2, &b->c0, &b->c2, &v0, &v2);
	fp2w_add(&r->c2, &r->c2, &v1);
}

/* a (b0 + b1 v) */
FP_CALL void fp6w_mul_01(struct fp6w *r, const struct fp6 *a, const struct fp2 *b0, const struct fp2 *b1)
{
	struct fp2w v0, v1, t;
	fp2w_mul(&v0, &a->c0, b0);
	fp2w_mul(&v1, &a->c1, b1);
	fp2w_mul(&t, &a->c2, b1);
	fp2w_mul_xi(&t, &t);
	fp2w_add(&r->c0, &t, &v0);
	fp2w_cross(&r->c1, &a->c0, &a->c1, b0, b1, &v0, &v1);
	fp2w_mul(&t, &a->c2, b0);
	fp2w_add(&r->c2, &t, &v1);
}

/* a b1 v */
static inline void fp6w_mul_1(struct fp6w *r, const struct fp6 *a, const struct fp2 *b1)
{
	struct fp2w t;
	fp2w_mul(&t, &a->c2, b1);
	fp2w_mul_xi(&r->c0, &t);
	fp2w_mul(&r->c1, &a->c0, b1);
	fp2w_mul(&r->c2, &a->c1, b1);
}

/* a (b1 v + b2 v^2) */
static inline void fp6w_mul_12(struct fp6w *r, const struct fp6 *a, const struct fp2 *b1,
			       const struct fp2 *b2)
{
	struct fp2w v1, v2, t;
	fp2w_mul(&v1, &a->c1, b1);
	fp2w_mul(&v2, &a->c2, b2);
	fp2w_cross(&t, &a->c1, &a->c2, b1, b2, &v1, &v2);
	fp2w_mul_xi(&r->c0, &t);
	fp2w_mul(&r->c1, &a->c0, b1);
	fp2w_mul_xi(&t, &v2);
	fp2w_add(&r->c1, &r->c1, &t);
	fp2w_mul(&r->c2, &a->c0, b2);
	fp2w_add(&r->c2, &r->c2, &v1);
}

/* r = t0 + v t1 + (t2 - t0 - t1) w: the end of each Karatsuba product over Fp6. */
static inline void fp12_join(struct fp12 *r, const struct fp6w *t0, const struct fp6w *t1, struct fp6w *t2)
{
	struct fp2w t;
	fp6w_sub(t2, t2, t0);
	fp6w_sub(t2, t2, t1);
	fp6_redc(&r->c1, t2);
	fp2w_mul_xi(&t, &t1->c2);
	fp2w_add(&t, &t, &t0->c0);
	fp2_redc(&r->c0.c0, &t);
	fp2w_add(&t, &t0->c1, &t1->c0);
	fp2_redc(&r->c0.c1, &t);
	fp2w_add(&t, &t0->c2, &t1->c1);
	fp2_redc(&r->c0.c2, &t);
}

FP_CALL void fp12_mul(struct fp12 *r, const struct fp12 *a, const struct fp12 *b)
{
	struct fp6w t0, t1, t2;
	struct fp6 sa, sb;
	fp6_add(&sa, &a->c0, &a->c1);
	fp6_add(&sb, &b->c0, &b->c1);
	fp6w_mul(&t0, &a->c0, &b->c0);
	fp6w_mul(&t1, &a->c1, &b->c1);
	fp6w_mul(&t2, &sa, &sb);
	fp12_join(r, &t0, &t1, &t2);
}

FP_CALL void fp12_mul_line(struct fp12 *r, const struct fp12 *a, const struct fp12_line *l)
{
	struct fp6w t0, t1, t2;
	struct fp6 sa;
	struct fp2 s;
	fp6_add(&sa, &a->c0, &a->c1);
	fp2_add(&s, &l->a1, &l->a4);
	fp6w_mul_01(&t0, &a->c0, &l->a0, &l->a1);
	fp6w_mul_1(&t1, &a->c1, &l->a4);
	fp6w_mul_01(&t2, &sa, &l->a0, &s);
	fp12_join(r, &t0, &t1, &t2);
}

FP_CALL void fp12_line_mul(struct fp12_lines *r, const struct fp12_line *a, const struct fp12_line *b)
{
	struct fp2w v0, v1, v4, t;
	fp2w_mul(&v0, &a->a0, &b->a0);
	fp2w_mul(&v1, &a->a1, &b->a1);
	fp2w_mul(&v4, &a->a4, &b->a4);
	fp2w_cross(&t, &a->a0, &a->a1, &b->a0, &b->a1, &v0, &v1);
	fp2_redc(&r->c0.c1, &t);
	fp2w_cross(&t, &a->a0, &a->a4, &b->a0, &b->a4, &v0, &v4);
	fp2_redc(&r->c11, &t);
	fp2w_cross(&t, &a->a1, &a->a4, &b->a1, &b->a4, &v1, &v4);
	fp2_redc(&r->c12, &t);
	fp2_redc(&r->c0.c2, &v1);
	fp2w_mul_xi(&v4, &v4);
	fp2w_add(&v0, &v0, &v4);
	fp2_redc(&r->c0.c0, &v0);
}

FP_CALL void fp12_mul_lines(struct fp12 *r, const struct fp12 *a, const struct fp12_lines *l)
{
	struct fp6w t0, t1, t2;
	struct fp6 sa, sl = l->c0;
	fp6_add(&sa, &a->c0, &a->c1);
	fp2_add(&sl.c1, &sl.c1, &l->c11);
	fp2_add(&sl.c2, &sl.c2, &l->c12);
	fp6w_mul(&t0, &a->c0, &l->c0);
	fp6w_mul_12(&t1, &a->c1, &l->c11, &l->c12);
	fp6w_mul(&t2, &sa, &sl);
	fp12_join(r, &t0, &t1, &t2);
}

/* (a0 + a1)(a0 + v a1) - a0 a1 - v a0 a1 + 2 a0 a1 w */
FP_CALL void fp12_sqr(struct fp12 *r, const struct fp12 *a)
{
	struct fp6w t0, t1;
	struct fp6 s, sv;
	struct fp2w t;
	fp6_add(&s, &a->c0, &a->c1);
	fp6_mul_v(&sv, &a->c1);
	fp6_add(&sv, &sv, &a->c0);
	fp6w_mul(&t0, &a->c0, &a->c1);
	fp6w_mul(&t1, &s, &sv);
	fp6w_sub(&t1, &t1, &t0);
	fp2w_mul_xi(&t, &t0.c2);
	fp2w_sub(&t1.c0, &t1.c0, &t);
	fp2w_sub(&t1.c1, &t1.c1, &t0.c0);
	fp2w_sub(&t1.c2, &t1.c2, &t0.c1);
	fp6_redc(&r->c0, &t1);
	fp6_redc(&s, &t0);
	fp6_add(&r->c1, &s, &s);
}

static inline void fp12_conj(struct fp12 *r, const struct fp12 *a)
{
	r->c0 = a->c0;
	fp6_neg(&r->c1, &a->c1);
}

FP_CALL void fp6_inv(struct fp6 *r, const struct fp6 *a)
{
	struct fp2 t0, t1, t2, s;
	fp2_sqr(&t0, &a->c0);
	fp2_mul(&s, &a->c1, &a->c2);
	fp2_mul_xi(&s, &s);
	fp2_sub(&t0, &t0, &s);
	fp2_sqr(&t1, &a->c2);
	fp2_mul_xi(&t1, &t1);
	fp2_mul(&s, &a->c0, &a->c1);
	fp2_sub(&t1, &t1, &s);
	fp2_sqr(&t2, &a->c1);
	fp2_mul(&s, &a->c0, &a->c2);
	fp2_sub(&t2, &t2, &s);
	struct fp2 n, m;
	fp2_mul(&n, &a->c1, &t2);
	fp2_mul(&m, &a->c2, &t1);
	fp2_add(&n, &n, &m);
	fp2_mul_xi(&n, &n);
	fp2_mul(&m, &a->c0, &t0);
	fp2_add(&n, &n, &m);
	fp2_inv(&n, &n);
	fp2_mul(&r->c0, &t0, &n);
	fp2_mul(&r->c1, &t1, &n);
	fp2_mul(&r->c2, &t2, &n);
}

FP_CALL void fp12_inv(struct fp12 *r, const struct fp12 *a)
{
	struct fp6w w0, w1;
	struct fp6 t0, t1;
	fp6w_mul(&w0, &a->c0, &a->c0);
	fp6w_mul(&w1, &a->c1, &a->c1);
	fp6_redc(&t0, &w0);
	fp6_redc(&t1, &w1);
	fp6_mul_v(&t1, &t1);
	fp6_sub(&t0, &t0, &t1);
	fp6_inv(&t0, &t0);
	fp6w_mul(&w0, &a->c0, &t0);
	fp6w_mul(&w1, &a->c1, &t0);
	fp6_redc(&r->c0, &w0);
	fp6_redc(&t1, &w1);
	fp6_neg(&r->c1, &t1);
}

/* a^p */
FP_CALL void fp12_frob(struct fp12 *r, const struct fp12 *a)
{
	fp2_conj(&r->c0.c0, &a->c0.c0);
	fp2_conj(&r->c0.c1, &a->c0.c1);
	fp2_conj(&r->c0.c2, &a->c0.c2);
	fp2_conj(&r->c1.c0, &a->c1.c0);
	fp2_conj(&r->c1.c1, &a->c1.c1);
	fp2_conj(&r->c1.c2, &a->c1.c2);
	fp2_mul(&r->c1.c0, &r->c1.c0, &fp2_frob[0]);
	fp2_mul(&r->c0.c1, &r->c0.c1, &fp2_frob[1]);
	fp2_mul(&r->c1.c1, &r->c1.c1, &fp2_frob[2]);
	fp2_mul(&r->c0.c2, &r->c0.c2, &fp2_frob[3]);
	fp2_mul(&r->c1.c2, &r->c1.c2, &fp2_frob[4]);
}

/* a^(p^2) */
FP_CALL void fp12_frob2(struct fp12 *r, const struct fp12 *a)
{
	r->c0.c0 = a->c0.c0;
	fp2_mul_fp(&r->c1.c0, &a->c1.c0, &fp_frob2[0].c);
	fp2_mul_fp(&r->c0.c1, &a->c0.c1, &fp_frob2[1].c);
	fp2_mul_fp(&r->c1.c1, &a->c1.c1, &fp_frob2[2].c);
	fp2_mul_fp(&r->c0.c2, &a->c0.c2, &fp_frob2[3].c);
	fp2_mul_fp(&r->c1.c2, &a->c1.c2, &fp_frob2[4].c);
}

/* (a + b s)^2 = a^2 + xi b^2 + 2 a b s, s^2 = xi, as (c0, c1). */
static inline void fp4w_sqr(struct fp2 *c0, struct fp2 *c1, const struct fp2 *a, const struct fp2 *b)
{
	struct fp2w ta, tb, t;
	struct fp2 s;
	fp2w_sqr(&ta, a);
	fp2w_sqr(&tb, b);
	fp2_add(&s, a, b);
	fp2w_sqr(&t, &s);
	fp2w_sub(&t, &t, &ta);
	fp2w_sub(&t, &t, &tb);
	fp2_redc(c1, &t);
	fp2w_mul_xi(&tb, &tb);
	fp2w_add(&ta, &ta, &tb);
	fp2_redc(c0, &ta);
}

/* 3 t - 2 a, 3 t + 2 a */
static inline void fp2_3m2(struct fp2 *r, const struct fp2 *t, const struct fp2 *a)
{
	struct fp2 s;
	fp2_sub(&s, t, a);
	fp2_dbl(&s, &s);
	fp2_add(r, &s, t);
}

static inline void fp2_3p2(struct fp2 *r, const struct fp2 *t, const struct fp2 *a)
{
	struct fp2 s;
	fp2_add(&s, t, a);
	fp2_dbl(&s, &s);
	fp2_add(r, &s, t);
}

/* a^2 for a in the cyclotomic subgroup (Granger, Scott, PKC 2010, 3.2). */
FP_CALL void fp12_cyclo_sqr(struct fp12 *r, const struct fp12 *a)
{
	struct fp2 t0, t1, t2, t3, t4, t5;
	fp4w_sqr(&t0, &t1, &a->c0.c0, &a->c1.c1);
	fp4w_sqr(&t2, &t3, &a->c1.c0, &a->c0.c2);
	fp4w_sqr(&t4, &t5, &a->c0.c1, &a->c1.c2);
	fp2_mul_xi(&t5, &t5);
	fp2_3m2(&r->c0.c0, &t0, &a->c0.c0);
	fp2_3m2(&r->c0.c1, &t2, &a->c0.c1);
	fp2_3m2(&r->c0.c2, &t4, &a->c0.c2);
	fp2_3p2(&r->c1.c0, &t5, &a->c1.c0);
	fp2_3p2(&r->c1.c1, &t1, &a->c1.c1);
	fp2_3p2(&r->c1.c2, &t3, &a->c1.c2);
}

FP_CALL fpmask fp12_is_one(const struct fp12 *a)
{
	return fp_eq(&a->c0.c0.c0, &fp_one) & fp_is_zero(&a->c0.c0.c1) & fp2_is_zero(&a->c0.c1) &
	       fp2_is_zero(&a->c0.c2) & fp2_is_zero(&a->c1.c0) & fp2_is_zero(&a->c1.c1) &
	       fp2_is_zero(&a->c1.c2);
}

#endif
