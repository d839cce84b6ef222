#ifndef PROCS_ETH_BLS_CURVE_H
#define PROCS_ETH_BLS_CURVE_H

/* G1: E(Fp) y^2 = x^3 + 4; G2: E'(Fp2) y^2 = x^3 + 4 (1 + u); their endomorphisms and subgroup checks. */

#include "procs/eth/bls/fp2.h"

/* The curve's parameter is x = -BLS_X; r = x^4 - x^2 + 1. */
#define BLS_X UINT64_C(0xd201000000010000)

static inline void fp_set_one(struct fp *r)
{
	*r = fp_one;
}

static inline void fp2_set_one(struct fp2 *r)
{
	memset(r, 0, sizeof(*r));
	r->c0 = fp_one;
}

#define PT(name) g1_##name
#define FE(name) fp_##name
#define PT_JACOBIAN g1
#define PT_AFFINE g1a
#define FE_T fp
#include "procs/eth/bls/point.inc"
#undef PT
#undef FE
#undef PT_JACOBIAN
#undef PT_AFFINE
#undef FE_T

#define PT(name) g2_##name
#define FE(name) fp2_##name
#define PT_JACOBIAN g2
#define PT_AFFINE g2a
#define FE_T fp2
#include "procs/eth/bls/point.inc"
#undef PT
#undef FE
#undef PT_JACOBIAN
#undef PT_AFFINE
#undef FE_T

static const struct fp fp_beta = FP_BETA;
static const struct fp fp_psi2_x = FP_PSI2_X;
static const struct fp2 fp2_psi_x = FP2_PSI_X;
static const struct fp2 fp2_psi_y = FP2_PSI_Y;
static const struct g1a g1_generator = FP_G1;
static const struct g2a g2_generator = FP2_G2;

/* psi: [x] on the subgroup. */
static inline void g2_psi(struct g2 *r, const struct g2 *p)
{
	fp2_conj(&r->x, &p->x);
	fp2_conj(&r->y, &p->y);
	fp2_conj(&r->z, &p->z);
	fp2_mul(&r->x, &r->x, &fp2_psi_x);
	fp2_mul(&r->y, &r->y, &fp2_psi_y);
}

static inline void g2_psi2(struct g2 *r, const struct g2 *p)
{
	fp2_mul_fp(&r->x, &p->x, &fp_psi2_x);
	fp2_neg(&r->y, &p->y);
	r->z = p->z;
}

/* On the curve: y^2 = x^3 + 4. The identity is not. */
static inline fpmask g1_on_curve(const struct g1a *p)
{
	struct fp l, r, b = fp_one;
	fp_sqr(&l, &p->y);
	fp_sqr(&r, &p->x);
	fp_mul(&r, &r, &p->x);
	fp_dbl(&b, &b);
	fp_dbl(&b, &b);
	fp_add(&r, &r, &b);
	return fp_eq(&l, &r);
}

static inline void g2_rhs(struct fp2 *r, const struct fp2 *x)
{
	struct fp b = fp_one;
	struct fp2 t;
	fp2_sqr(&t, x);
	fp2_mul(r, &t, x);
	fp_dbl(&b, &b);
	fp_dbl(&b, &b);
	fp_add(&r->c0, &r->c0, &b);
	fp_add(&r->c1, &r->c1, &b);
}

static inline fpmask g2_on_curve(const struct g2a *p)
{
	struct fp2 l, r;
	fp2_sqr(&l, &p->y);
	g2_rhs(&r, &p->x);
	return fp2_eq(&l, &r);
}

/* Scott, "A note on group membership tests for G1, G2 and GT on BLS pairing-friendly curves" (ePrint
 * 2021/1130): a point of the curve is in the subgroup when phi(p) = [-x^2] p, or psi(p) = [x] p. The identity
 * passes. */
FP_CALL fpmask g1_in_subgroup(const struct g1a *p)
{
	struct g1 t;
	struct g1a f = *p;
	fp_mul(&f.x, &f.x, &fp_beta);
	g1_from_affine(&t, p);
	g1_mul_x(&t, &t);
	g1_mul_x(&t, &t);
	g1_neg(&t, &t);
	return g1_eq_affine(&t, &f);
}

FP_CALL fpmask g2_in_subgroup(const struct g2a *p)
{
	struct g2 t;
	struct g2a f;
	fp2_conj(&f.x, &p->x);
	fp2_conj(&f.y, &p->y);
	fp2_mul(&f.x, &f.x, &fp2_psi_x);
	fp2_mul(&f.y, &f.y, &fp2_psi_y);
	g2_from_affine(&t, p);
	g2_mul_x(&t, &t);
	g2_neg(&t, &t);
	return g2_eq_affine(&t, &f);
}

/* Cofactor clearing (RFC 9380, G.3): [x^2 - x - 1] p + [x - 1] psi(p) + psi^2(2 p). */
FP_CALL void g2_clear_cofactor(struct g2 *r, const struct g2 *p)
{
	struct g2 t1, t2, t3;
	g2_mul_x(&t1, p);
	g2_neg(&t1, &t1);
	g2_psi(&t2, p);
	g2_dbl(&t3, p);
	g2_psi2(&t3, &t3);
	struct g2 n;
	g2_neg(&n, &t2);
	g2_add(&t3, &t3, &n);
	g2_add(&t2, &t1, &t2);
	g2_mul_x(&t2, &t2);
	g2_neg(&t2, &t2);
	g2_add(&t3, &t3, &t2);
	g2_neg(&t1, &t1);
	g2_add(&t3, &t3, &t1);
	g2_neg(&n, p);
	g2_add(r, &t3, &n);
}

#endif
