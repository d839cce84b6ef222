#ifndef PROCS_ETH_BLS_MAP_H
#define PROCS_ETH_BLS_MAP_H

/* From field elements to G2: RFC 9380's simplified SWU map on a curve E' that is 3-isogenous to G2's, the
 * isogeny, and the square roots that this and decoding need. */

#include "procs/eth/bls/curve.h"

static const struct fp fp_sqrt_m5 = FP_SQRT_M5;
static const struct fp fp_sswu_a = FP_SSWU_A;
static const struct fp fp_sswu_b = FP_SSWU_B;

/* Square root in Fp; the result is all ones when a is a square. */
static inline fpmask fp_sqrt(struct fp *r, const struct fp *a)
{
	struct fp t, s;
	fp_pow_p34(&t, a);
	fp_mul(&t, &t, a);
	fp_sqr(&s, &t);
	fpmask ok = fp_eq(&s, a);
	*r = t;
	return ok;
}

/* s = sqrt(a) when the result is all ones; otherwise s = sqrt(z a), z = -(2 + u), where z_case is set, and
 * undefined where it isn't. inv_n2, unless NULL, is set to 1 / n^2 for the n given there.
 *
 * Complex method: with s0 = sqrt(norm(a)) and d = (a0 + s0) / 2, or (a0 - s0) / 2 if that is not a square,
 * sqrt(a) = sqrt(d) + a1 / (2 sqrt(d)) u. t = d^((p-3)/4) serves both cases: t^2 = 1/d or -1/d; in the second
 * (a0 - s0) / 2 = -a1^2 / 4d, with root a1 t / 2. norm(a) is not a square when a isn't; norm(z a) = 5 norm(a)
 * then is, and its root is sqrt(-5) times that of -norm(a), which the same power gives. So two powers in all.
 * 1/n^2 comes for free: (d n^4)^((p-3)/4) = t / n^2, and 1/t = +-d t. */
static inline fpmask fp2_sqrt(struct fp2 *s, const struct fp2 *a, int z_case, struct fp *n)
{
	struct fp norm, s0, t, d, c0, c1;
	struct fp2 b = *a;
	fp_sqr(&norm, &a->c0);
	fp_sqr(&t, &a->c1);
	fp_add(&norm, &norm, &t);
	fpmask square = fp_sqrt(&s0, &norm);
	if (z_case) {
		struct fp2 za;
		fp_dbl(&za.c0, &a->c0);
		fp_sub(&za.c0, &a->c1, &za.c0);
		fp_dbl(&za.c1, &a->c1);
		fp_add(&za.c1, &za.c1, &a->c0);
		fp_neg(&za.c1, &za.c1);
		fp2_cmov(&b, &za, ~square);
		fp_mul(&t, &s0, &fp_sqrt_m5);
		fp_cmov(&s0, &t, ~square);
	}
	fp_add(&d, &b.c0, &s0);
	fp_mul(&d, &d, &fp_half);
	fp_cmov(&d, &b.c0, fp_is_zero(&d));
	if (n) {
		struct fp n2, n4;
		fp_sqr(&n2, n);
		fp_sqr(&n4, &n2);
		fp_mul(&n4, &n4, &d);
		fp_pow_p34(&t, &n4);
		*n = t;
		fp_mul(&t, &t, &n2);
	} else {
		fp_pow_p34(&t, &d);
	}
	fp_mul(&c0, &d, &t);
	fp_mul(&c1, &b.c1, &t);
	fp_mul(&c1, &c1, &fp_half);
	/* t d t is 1 or -1 as d is a square or not. */
	struct fp dt2, nc0;
	fp_mul(&dt2, &c0, &t);
	fpmask first = fp_eq(&dt2, &fp_one);
	fp_neg(&nc0, &c0);
	if (n) {
		struct fp inv_t = c0;
		fp_cmov(&inv_t, &nc0, ~first);
		fp_mul(n, n, &inv_t);
	}
	s->c0 = c1;
	s->c1 = nc0;
	fp_cmov(&s->c0, &c0, first);
	fp_cmov(&s->c1, &c1, first);
	return square;
}

/* Simplified SWU for A B != 0 (RFC 9380, 6.6.2), as a Jacobian point of E' with Z = d: x = xn / d,
 * g(x) = gn / d^3, and y = sqrt(gn d) / d^2 with 1 / d^2 = conj(d)^2 / norm(d)^2. */
FP_CALL void map_sswu(struct g2 *r, const struct fp2 *u)
{
	struct fp2 zu2, xn, d, d2, d3, gn, t, one;
	fp2_set_one(&one);
	fp2_sqr(&t, u);
	fp_dbl(&zu2.c0, &t.c0);
	fp_sub(&zu2.c0, &t.c1, &zu2.c0);
	fp_dbl(&zu2.c1, &t.c1);
	fp_add(&zu2.c1, &zu2.c1, &t.c0);
	fp_neg(&zu2.c1, &zu2.c1);

	struct fp2 w, z;
	fp2_sqr(&w, &zu2);
	fp2_add(&w, &w, &zu2);
	fp2_add(&xn, &w, &one);
	fp2_mul_fp(&xn, &xn, &fp_sswu_b);
	fp2_mul_xi(&xn, &xn);
	/* d = -A w, or A z where w = 0. */
	fpmask zero = fp2_is_zero(&w);
	fp2_neg(&w, &w);
	fp_dbl(&z.c0, &fp_one);
	fp_neg(&z.c0, &z.c0);
	fp_neg(&z.c1, &fp_one);
	fp2_cmov(&w, &z, zero);
	fp_mul(&d.c1, &w.c0, &fp_sswu_a);
	fp_mul(&d.c0, &w.c1, &fp_sswu_a);
	fp_neg(&d.c0, &d.c0);

	/* gn = xn^3 + A xn d^2 + B d^3 */
	fp2_sqr(&d2, &d);
	fp2_mul(&d3, &d2, &d);
	struct fp2 ad2, bd3;
	fp_mul(&ad2.c1, &d2.c0, &fp_sswu_a);
	fp_mul(&ad2.c0, &d2.c1, &fp_sswu_a);
	fp_neg(&ad2.c0, &ad2.c0);
	fp2_sqr(&gn, &xn);
	fp2_add(&gn, &gn, &ad2);
	fp2_mul(&gn, &gn, &xn);
	fp2_mul_fp(&bd3, &d3, &fp_sswu_b);
	fp2_mul_xi(&bd3, &bd3);
	fp2_add(&gn, &gn, &bd3);

	struct fp2 s, x2, zu3;
	struct fp n;
	fp2_mul(&gn, &gn, &d);
	fp_sqr(&n, &d.c0);
	fp_sqr(&t.c0, &d.c1);
	fp_add(&n, &n, &t.c0);
	fpmask square = fp2_sqrt(&s, &gn, 1, &n);
	/* Second candidate: x2 = z u^2 x1, g(x2) = (z u^2)^3 g(x1), and s is the root of z gn d. */
	fp2_mul(&x2, &xn, &zu2);
	fp2_cmov(&xn, &x2, ~square);
	fp2_mul(&zu3, &zu2, u);
	fp2_mul(&zu3, &zu3, &s);
	fp2_cmov(&s, &zu3, ~square);

	struct fp2 y, cd;
	fp2_conj(&cd, &d);
	fp2_sqr(&cd, &cd);
	fp2_mul(&y, &s, &cd);
	fp2_mul_fp(&y, &y, &n);
	fp2_neg(&t, &s);
	fp2_cmov(&s, &t, fp2_sgn0(&y) ^ fp2_sgn0(u));
	fp2_mul(&r->x, &xn, &d);
	fp2_mul(&r->y, &s, &d);
	r->z = d;
}

/* p + q on E', where doubling has A; otherwise as g2_add. Neither is the identity. */
FP_CALL void map_add(struct g2 *r, const struct g2 *p, const struct g2 *q)
{
	struct fp2 zp, zq, u1, s1, h, m, z, t, hh, sum;
	fp2_sqr(&zp, &p->z);
	fp2_sqr(&zq, &q->z);
	fp2_mul(&u1, &p->x, &zq);
	fp2_mul(&h, &q->x, &zp);
	fp2_sub(&h, &h, &u1);
	fp2_mul(&zq, &zq, &q->z);
	fp2_mul(&s1, &p->y, &zq);
	fp2_mul(&zp, &zp, &p->z);
	fp2_mul(&m, &q->y, &zp);
	fp2_sub(&m, &m, &s1);
	fp2_mul(&z, &p->z, &q->z);
	fpmask equal = fp2_is_zero(&h) & fp2_is_zero(&m);
	fp2_dbl(&sum, &u1);
	fp2_add(&t, &sum, &h);
	fp2_cmov(&t, &sum, equal);
	sum = t;
	if (FP_ANY(equal)) {
		/* m = 3 u1^2 + A z^4, h = 2 s1 */
		fp2_dbl(&t, &s1);
		fp2_cmov(&h, &t, equal);
		fp2_sqr(&t, &z);
		fp2_sqr(&t, &t);
		fp_mul(&hh.c1, &t.c0, &fp_sswu_a);
		fp_mul(&hh.c0, &t.c1, &fp_sswu_a);
		fp_neg(&hh.c0, &hh.c0);
		fp2_sqr(&t, &u1);
		fp2_mul3(&t, &t);
		fp2_add(&t, &t, &hh);
		fp2_cmov(&m, &t, equal);
	}
	fp2_mul(&r->z, &z, &h);
	fp2_sqr(&hh, &h);
	fp2_mul(&sum, &sum, &hh);
	fp2_sqr(&t, &m);
	fp2_sub(&r->x, &t, &sum);
	fp2_mul(&sum, &h, &hh);
	fp2_mul(&sum, &sum, &s1);
	fp2_mul(&t, &u1, &hh);
	fp2_sub(&t, &t, &r->x);
	fp2_mul(&t, &t, &m);
	fp2_sub(&r->y, &t, &sum);
}

static inline void fp2_mul16(struct fp2 *r, const struct fp2 *a)
{
	fp2_dbl(r, a);
	fp2_dbl(r, r);
	fp2_dbl(r, r);
	fp2_dbl(r, r);
}

/* The isogeny E' -> E of RFC 9380, E.3, by Velu's formulas: kernel x0 = -6 + 6u, t = 48u, v = 16 (1 + u),
 * scaled by c = -1/3:  x = c^2 (x' + t/e + v/e^2),  y = c^3 y' (1 - t/e^2 - 2v/e^3),  e = x' - x0. */
FP_CALL void map_isogeny(struct g2 *r, const struct g2 *p)
{
	struct fp2 z2, z4, z6, e, e2, tez, s, t;
	fp2_sqr(&z2, &p->z);
	fp2_sqr(&z4, &z2);
	fp2_mul(&z6, &z4, &z2);
	/* e = X + 6 (1 - u) Z^2 */
	fp_add(&t.c0, &z2.c0, &z2.c1);
	fp_sub(&t.c1, &z2.c1, &z2.c0);
	fp2_mul3(&t, &t);
	fp2_dbl(&t, &t);
	fp2_add(&e, &p->x, &t);
	fp2_sqr(&e2, &e);
	/* t e Z^4 */
	fp2_mul(&s, &e, &z4);
	fp2_mul3(&s, &s);
	fp2_mul16(&s, &s);
	fp_neg(&tez.c0, &s.c1);
	tez.c1 = s.c0;
	/* v Z^6 */
	fp2_mul_xi(&z6, &z6);
	fp2_mul16(&z6, &z6);

	fp2_mul(&s, &p->x, &e2);
	fp2_add(&s, &s, &tez);
	fp2_add(&r->x, &s, &z6);
	fp2_mul(&s, &e2, &e);
	fp2_sub(&s, &s, &tez);
	fp2_dbl(&z6, &z6);
	fp2_sub(&s, &s, &z6);
	fp2_mul(&r->y, &p->y, &s);
	fp2_mul(&s, &e, &p->z);
	fp2_mul3(&s, &s);
	fp2_neg(&r->z, &s);
}

/* The point of G2 that RFC 9380 assigns to two elements (hash_to_curve, steps 2 to 6). */
FP_CALL void map_to_g2(struct g2 *r, const struct fp2 u[2])
{
	struct g2 p, q;
	map_sswu(&p, &u[0]);
	map_sswu(&q, &u[1]);
	map_add(&p, &p, &q);
	map_isogeny(&p, &p);
	g2_clear_cofactor(r, &p);
}

#endif
