#ifndef PROCS_ETH_BLS_PAIRING_H
#define PROCS_ETH_BLS_PAIRING_H

/* The optimal ate pairing of BLS12-381. What is checked is always that a product of pairings is one, so
 * factors that the final exponentiation removes, and an exponent prime to r, are left in: miller_loop gives
 * the inverse of the textbook's value up to such factors, final_exp the cube of the reduced pairing. */

#include "procs/eth/bls/curve.h"
#include "procs/eth/bls/fp12.h"

/* A pair (p, q) of the Miller loop: -x, -3x and y of p; q; t, the multiple of q reached, homogeneous. */
struct miller {
	struct fp nx, nx3, y;
	struct g2a q;
	struct fp2 tx, ty, tz;
};

/* Neither point is the identity. */
static inline void miller_start(struct miller *m, const struct g1a *p, const struct g2a *q)
{
	fp_neg(&m->nx, &p->x);
	fp_mul3(&m->nx3, &m->nx);
	m->y = p->y;
	m->q = *q;
	m->tx = q->x;
	m->ty = q->y;
	fp2_set_one(&m->tz);
}

/* t = 2t, and the tangent at t, evaluated in p (Aranha et al., EUROCRYPT 2011, section 4, times 4 to have no
 * halves). Untwisting is (x, y) -> (x / w^2, y / w^3); the tangent times w^3 and 2YZ is
 * (Y^2 - 3b'Z^2) - 3X^2 x_p w^2 + 2YZ y_p w^3. */
FP_CALL void miller_dbl(struct fp12_line *l, struct miller *m)
{
	struct fp2 a, b, c, e, f, h, j, t;
	fp2_mul(&a, &m->tx, &m->ty);
	fp2_sqr(&b, &m->ty);
	fp2_sqr(&c, &m->tz);
	fp2_mul3(&e, &c);
	fp2_dbl(&e, &e);
	fp2_dbl(&e, &e);
	fp2_mul_xi(&e, &e);
	fp2_mul3(&f, &e);
	fp2_add(&h, &m->ty, &m->tz);
	fp2_sqr(&h, &h);
	fp2_sub(&h, &h, &b);
	fp2_sub(&h, &h, &c);
	fp2_sqr(&j, &m->tx);
	fp2_sub(&l->a0, &b, &e);
	fp2_mul_fp(&l->a1, &j, &m->nx3);
	fp2_mul_fp(&l->a4, &h, &m->y);
	fp2_sub(&t, &b, &f);
	fp2_dbl(&a, &a);
	fp2_mul(&m->tx, &a, &t);
	fp2_mul(&t, &b, &h);
	fp2_dbl(&t, &t);
	fp2_dbl(&m->tz, &t);
	fp2_add(&t, &b, &f);
	fp2_sqr(&t, &t);
	fp2_sqr(&e, &e);
	fp2_mul3(&e, &e);
	fp2_dbl(&e, &e);
	fp2_dbl(&e, &e);
	fp2_sub(&m->ty, &t, &e);
}

/* t = t + q, and the line through both, evaluated in p: (theta x_q - lambda y_q) - theta x_p w^2 + lambda y_p
 * w^3. */
FP_CALL void miller_add(struct fp12_line *l, struct miller *m)
{
	struct fp2 theta, lambda, c, d, e, f, g, h, t;
	fp2_mul(&t, &m->q.y, &m->tz);
	fp2_sub(&theta, &m->ty, &t);
	fp2_mul(&t, &m->q.x, &m->tz);
	fp2_sub(&lambda, &m->tx, &t);
	fp2_mul(&l->a0, &theta, &m->q.x);
	fp2_mul(&t, &lambda, &m->q.y);
	fp2_sub(&l->a0, &l->a0, &t);
	fp2_mul_fp(&l->a1, &theta, &m->nx);
	fp2_mul_fp(&l->a4, &lambda, &m->y);
	fp2_sqr(&c, &theta);
	fp2_sqr(&d, &lambda);
	fp2_mul(&e, &lambda, &d);
	fp2_mul(&f, &m->tz, &c);
	fp2_mul(&g, &m->tx, &d);
	fp2_add(&h, &e, &f);
	fp2_sub(&h, &h, &g);
	fp2_sub(&h, &h, &g);
	fp2_mul(&m->tx, &lambda, &h);
	fp2_sub(&g, &g, &h);
	fp2_mul(&t, &theta, &g);
	fp2_mul(&g, &e, &m->ty);
	fp2_sub(&m->ty, &t, &g);
	fp2_mul(&t, &m->tz, &e);
	m->tz = t;
}

/* Lines are multiplied two by two first: 6 + 17 products in Fp2 instead of 2 * 13. */
static inline void miller_lines(struct fp12 *f, struct miller *m, size_t n,
				void (*step)(struct fp12_line *, struct miller *))
{
	struct fp12_line l[2];
	struct fp12_lines ll;
	for (size_t i = 0; i + 1 < n; i += 2) {
		step(&l[0], &m[i]);
		step(&l[1], &m[i + 1]);
		fp12_line_mul(&ll, &l[0], &l[1]);
		fp12_mul_lines(f, f, &ll);
	}
	if (n & 1) {
		step(&l[0], &m[n - 1]);
		fp12_mul_line(f, f, &l[0]);
	}
}

/* The product over n started pairs; they are used up. */
FP_CALL void miller_loop(struct fp12 *f, struct miller *m, size_t n)
{
	memset(f, 0, sizeof(*f));
	f->c0.c0.c0 = fp_one;
	for (int i = 62; i >= 0; i--) {
		if (i != 62)
			fp12_sqr(f, f);
		miller_lines(f, m, n, miller_dbl);
		if (BLS_X >> i & 1)
			miller_lines(f, m, n, miller_add);
	}
}

/* a^x for a in the cyclotomic subgroup, where the conjugate is the inverse. */
FP_CALL void fp12_pow_x(struct fp12 *r, const struct fp12 *a)
{
	struct fp12 t = *a;
	for (int i = 62; i >= 0; i--) {
		fp12_cyclo_sqr(&t, &t);
		if (BLS_X >> i & 1)
			fp12_mul(&t, &t, a);
	}
	fp12_conj(r, &t);
}

/* f^(3 (p^12 - 1) / r). The hard part is Hayashida, Hayasaka, Teruya, "Efficient final exponentiation via
 * cyclotomic structure" (ePrint 2020/875): (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3. */
FP_CALL void final_exp(struct fp12 *r, const struct fp12 *f)
{
	struct fp12 t0, t1, t2;
	fp12_inv(&t0, f);
	fp12_conj(&t1, f);
	fp12_mul(&t0, &t0, &t1);
	fp12_frob2(&t1, &t0);
	fp12_mul(&t0, &t0, &t1);

	struct fp12 e = t0;
	for (int i = 0; i < 2; i++) {
		fp12_pow_x(&t1, &e);
		fp12_conj(&e, &e);
		fp12_mul(&e, &e, &t1);
	}
	fp12_pow_x(&t1, &e);
	fp12_frob(&t2, &e);
	fp12_mul(&e, &t1, &t2);
	fp12_pow_x(&t1, &e);
	fp12_pow_x(&t1, &t1);
	fp12_frob2(&t2, &e);
	fp12_mul(&t1, &t1, &t2);
	fp12_conj(&e, &e);
	fp12_mul(&e, &t1, &e);
	fp12_cyclo_sqr(&t1, &t0);
	fp12_mul(&t1, &t1, &t0);
	fp12_mul(r, &e, &t1);
}

#endif
