/* Arithmetic below the signatures: fields, tower, curves, pairing, map; constants re-derived from
 * definitions. */

#include <criterion/criterion.h>
#include "procs/eth/bls/fp.h"
#include "procs/eth/bls/codec.h"
#include "procs/eth/bls/pairing.h"
#include "procs/eth/bls/scalar.h"

static uint64_t state;

static uint64_t next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Random, or now and then one of the values where carries go wrong: 0, 1, p - 1, long runs of ones. */
static void fp_random(struct fp *r)
{
	uint8_t wide[64];
	for (int i = 0; i < 64; i++)
		wide[i] = (uint8_t)next();
	fp_from_wide(r, wide);
	switch (next() % 16) {
	case 0:
		memset(r, 0, sizeof(*r));
		break;
	case 1:
		*r = fp_p;
		r->l[0]--;
		break;
	case 2:
		memset(r, 0xff, sizeof(*r));
		r->l[5] = fp_p.l[5] - 1;
		break;
	case 3:
		*r = fp_one;
		break;
	}
}

static void fp2_random(struct fp2 *r)
{
	fp_random(&r->c0);
	fp_random(&r->c1);
}

static void fp12_random(struct fp12 *r)
{
	struct fp2 *c = (struct fp2 *)r;
	for (int i = 0; i < 6; i++)
		fp2_random(&c[i]);
}

/* Points of the subgroups: small multiples, by repeated doubling and adding. */
static void g1_random(struct g1a *r)
{
	struct bls_secret s = {{next(), next(), next(), next() >> 2}};
	struct g1 p;
	g1_mul_generator(&p, &s);
	g1_to_affine(r, &p);
}

static void g2_random(struct g2a *r)
{
	struct bls_secret s = {{next(), next(), next(), next() >> 2}};
	struct g2 p;
	g2_from_affine(&p, &g2_generator);
	g2_mul_secret(&p, &p, &s);
	g2_to_affine(r, &p);
}

/* a^e for an exponent of n limbs */
static void fp2_pow(struct fp2 *r, const struct fp2 *a, const uint64_t *e, int n)
{
	struct fp2 t;
	fp2_set_one(&t);
	for (int i = 64 * n - 1; i >= 0; i--) {
		fp2_sqr(&t, &t);
		if (e[i / 64] >> (i % 64) & 1)
			fp2_mul(&t, &t, a);
	}
	*r = t;
}

/* n / d, which must be exact */
static void divide(uint64_t n[6], uint64_t d)
{
	unsigned __int128 rest = 0;
	for (int i = 5; i >= 0; i--) {
		rest = rest << 64 | n[i];
		n[i] = (uint64_t)(rest / d);
		rest %= d;
	}
	cr_assert_eq((uint64_t)rest, 0);
}

#define EQ(a, b) cr_assert_arr_eq(&(a), &(b), sizeof(a))

Test(bls_field, ring_laws)
{
	state = 1;
	for (int i = 0; i < 2000; i++) {
		struct fp a, b, c, l, r, t;
		fp_random(&a);
		fp_random(&b);
		fp_random(&c);
		fp_add(&l, &a, &b);
		fp_mul(&l, &l, &c);
		fp_mul(&r, &a, &c);
		fp_mul(&t, &b, &c);
		fp_add(&r, &r, &t);
		EQ(l, r);
		fp_sub(&t, &a, &b);
		fp_add(&t, &t, &b);
		EQ(t, a);
		fp_sqr(&l, &a);
		fp_mul(&r, &a, &a);
		EQ(l, r);
		struct fpw w;
		fpw_mul(&w, &a, &b);
		fp_redc(&l, &w);
		fp_mul(&r, &a, &b);
		EQ(l, r);
		fp_neg(&t, &a);
		fp_add(&t, &t, &a);
		cr_assert(fp_is_zero(&t));
		fp_inv(&t, &a);
		fp_mul(&t, &t, &a);
		cr_assert(fp_is_zero(&a) || fp_eq(&t, &fp_one));
	}
}

Test(bls_field, bytes_and_integers)
{
	state = 2;
	for (int i = 0; i < 500; i++) {
		struct fp a, b;
		uint8_t bytes[48];
		fp_random(&a);
		fp_to_bytes(bytes, &a);
		cr_assert(fp_from_bytes(&b, bytes, 0));
		EQ(a, b);
	}
	uint8_t p[48];
	struct fp t;
	for (int i = 0; i < 48; i++)
		p[47 - i] = (uint8_t)(fp_p.l[i / 8] >> 8 * (i % 8));
	cr_assert(!fp_from_bytes(&t, p, 0));
	p[47]--;
	cr_assert(fp_from_bytes(&t, p, 0));
	fp_add(&t, &t, &fp_one);
	cr_assert(fp_is_zero(&t));
}

/* Digit by digit, also where the lower 384 bits are close to 2^384. */
Test(bls_field, wide_integers)
{
	state = 15;
	for (int i = 0; i < 2000; i++) {
		uint8_t wide[64];
		struct fp got, want, digit, base;
		for (int j = 0; j < 64; j++)
			wide[j] = j >= 16 && j < 16 + i % 49 ? 0xff : (uint8_t)next();
		memset(&base, 0, sizeof(base));
		base.l[0] = 256;
		fp_mul(&base, &base, &fp_r2);
		memset(&want, 0, sizeof(want));
		for (int j = 0; j < 64; j++) {
			memset(&digit, 0, sizeof(digit));
			digit.l[0] = wide[j];
			fp_mul(&digit, &digit, &fp_r2);
			fp_mul(&want, &want, &base);
			fp_add(&want, &want, &digit);
		}
		fp_from_wide(&got, wide);
		EQ(got, want);
	}
}

/* The constants that are powers of xi = 1 + u, roots, or Montgomery's. */
Test(bls_field, constants)
{
	struct fp2 xi = {fp_one, fp_one}, g, power;
	struct fp t, two;
	uint64_t e[6];
	cr_assert_eq((uint64_t)(fp_p.l[0] * FP_INV), UINT64_MAX);
	memset(&t, 0, sizeof(t));
	t.l[0] = 1;
	fp_mul(&t, &t, &fp_r2);
	EQ(t, fp_one);
	fp_mul(&t, &fp_r2, &fp_r2);
	EQ(t, fp_r3);
	fp_dbl(&two, &fp_one);
	fp_mul(&t, &two, &fp_half);
	EQ(t, fp_one);

	memcpy(e, fp_p.l, sizeof(e));
	e[0]--;
	divide(e, 6);
	fp2_pow(&g, &xi, e, 6);
	power = g;
	for (int i = 0; i < 5; i++) {
		struct fp2 norm, conj;
		EQ(power, fp2_frob[i]);
		fp2_conj(&conj, &power);
		fp2_mul(&norm, &conj, &power);
		cr_assert(fp_eq(&norm.c0, &fp_frob2[i].c) && fp_is_zero(&norm.c1));
		if (i == 1 || i == 2) {
			fp2_mul(&norm, &power, i == 1 ? &fp2_psi_x : &fp2_psi_y);
			cr_assert(fp_eq(&norm.c0, &fp_one) && fp_is_zero(&norm.c1));
		}
		fp2_mul(&power, &power, &g);
	}
	fp_sqr(&t, &fp_sqrt_m5);
	for (int i = 0; i < 5; i++)
		fp_add(&t, &t, &fp_one);
	cr_assert(fp_is_zero(&t));
	fp_sqr(&t, &fp_beta);
	fp_add(&t, &t, &fp_beta);
	fp_add(&t, &t, &fp_one);
	cr_assert(fp_is_zero(&t), "beta is a primitive cube root of one");
}

Test(bls_field, square_roots)
{
	state = 3;
	int squares = 0;
	for (int i = 0; i < 400; i++) {
		struct fp2 a, s, t, z;
		struct fp n, n2;
		fp2_random(&a);
		if (i % 8 == 0)
			memset(&a.c1, 0, sizeof(a.c1));
		if (i % 8 == 1)
			memset(&a.c0, 0, sizeof(a.c0));
		if (fp2_is_zero(&a))
			continue;
		n = a.c0;
		if (fp_is_zero(&n))
			n = fp_one;
		fp_sqr(&n2, &n);
		fpmask square = fp2_sqrt(&s, &a, 1, &n);
		squares += !!square;
		fp2_sqr(&t, &s);
		if (!square) {
			/* -(2 + u) a */
			fp_dbl(&z.c0, &fp_one);
			z.c1 = fp_one;
			fp2_neg(&z, &z);
			fp2_mul(&a, &a, &z);
		}
		EQ(t, a);
		fp_mul(&n, &n, &n2);
		cr_assert(fp_eq(&n, &fp_one), "1 / n^2");
	}
	cr_assert(squares > 100 && squares < 300);
}

Test(bls_tower, laws)
{
	state = 4;
	for (int i = 0; i < 200; i++) {
		struct fp12 a, b, c, l, r, t;
		fp12_random(&a);
		fp12_random(&b);
		fp12_random(&c);
		fp12_mul(&l, &a, &b);
		fp12_mul(&l, &l, &c);
		fp12_mul(&r, &b, &c);
		fp12_mul(&r, &a, &r);
		EQ(l, r);
		fp12_sqr(&l, &a);
		fp12_mul(&r, &a, &a);
		EQ(l, r);
		fp12_inv(&t, &a);
		fp12_mul(&t, &t, &a);
		cr_assert(fp12_is_one(&t));
		/* Frobenius is a homomorphism of order 12 */
		fp12_mul(&t, &a, &b);
		fp12_frob(&t, &t);
		fp12_frob(&l, &a);
		fp12_frob(&r, &b);
		fp12_mul(&l, &l, &r);
		EQ(t, l);
		fp12_frob(&t, &a);
		fp12_frob(&t, &t);
		fp12_frob2(&l, &a);
		EQ(t, l);
		for (int k = 0; k < 5; k++)
			fp12_frob2(&l, &l);
		EQ(l, a);
	}
}

Test(bls_tower, sparse_products)
{
	state = 5;
	for (int i = 0; i < 100; i++) {
		struct fp12 a, x, y, l, r;
		struct fp12_line lx, ly;
		struct fp12_lines lines;
		fp12_random(&a);
		memset(&x, 0, sizeof(x));
		memset(&y, 0, sizeof(y));
		fp2_random(&lx.a0);
		fp2_random(&lx.a1);
		fp2_random(&lx.a4);
		fp2_random(&ly.a0);
		fp2_random(&ly.a1);
		fp2_random(&ly.a4);
		x.c0.c0 = lx.a0;
		x.c0.c1 = lx.a1;
		x.c1.c1 = lx.a4;
		y.c0.c0 = ly.a0;
		y.c0.c1 = ly.a1;
		y.c1.c1 = ly.a4;
		fp12_mul_line(&l, &a, &lx);
		fp12_mul(&r, &a, &x);
		EQ(l, r);
		fp12_line_mul(&lines, &lx, &ly);
		fp12_mul_lines(&l, &a, &lines);
		fp12_mul(&r, &r, &y);
		EQ(l, r);
	}
}

Test(bls_tower, cyclotomic_square)
{
	state = 6;
	for (int i = 0; i < 20; i++) {
		struct fp12 a, b, l, r;
		fp12_random(&a);
		/* a^((p^6 - 1)(p^2 + 1)) */
		fp12_inv(&b, &a);
		fp12_conj(&a, &a);
		fp12_mul(&a, &a, &b);
		fp12_frob2(&b, &a);
		fp12_mul(&a, &a, &b);
		fp12_cyclo_sqr(&l, &a);
		fp12_sqr(&r, &a);
		EQ(l, r);
	}
}

/* Addition with every special case: the identity on either side, equal, opposite. */
#define GROUP_LAWS(g, aff, generator)                                           \
	do {                                                                    \
		for (int i = 0; i < 20; i++) {                                  \
			struct aff pa, qa, ra, sa;                              \
			struct g p, q, r, s, inf;                               \
			g##_random(&pa);                                        \
			g##_random(&qa);                                        \
			g##_from_affine(&p, &pa);                               \
			g##_from_affine(&q, &qa);                               \
			g##_set_inf(&inf);                                      \
			cr_assert(g##_in_subgroup(&pa));                        \
			cr_assert(g##_on_curve(&pa));                           \
			g##_add(&r, &p, &q);                                    \
			g##_add_affine(&s, &q, &pa);                            \
			g##_to_affine(&ra, &r);                                 \
			g##_to_affine(&sa, &s);                                 \
			EQ(ra, sa);                                             \
			/* (p + q) + p = 2p + q, with z != 1 */                 \
			g##_add_secret(&r, &r, &p);                             \
			g##_dbl(&s, &p);                                        \
			g##_add(&s, &s, &q);                                    \
			g##_to_affine(&ra, &r);                                 \
			cr_assert(g##_eq_affine(&s, &ra));                      \
			g##_add(&r, &r, &s);                                    \
			g##_dbl(&s, &s);                                        \
			g##_to_affine(&ra, &r);                                 \
			cr_assert(g##_eq_affine(&s, &ra), "p + p = 2p");        \
			g##_add_affine(&r, &p, &pa);                            \
			g##_dbl(&s, &p);                                        \
			g##_to_affine(&ra, &r);                                 \
			cr_assert(g##_eq_affine(&s, &ra), "p + p = 2p, mixed"); \
			g##_neg(&s, &p);                                        \
			g##_add(&r, &p, &s);                                    \
			cr_assert(g##_is_inf(&r));                              \
			g##_add_affine(&r, &s, &pa);                            \
			cr_assert(g##_is_inf(&r));                              \
			g##_add(&r, &inf, &p);                                  \
			cr_assert(g##_eq_affine(&r, &pa));                      \
			g##_add(&r, &p, &inf);                                  \
			cr_assert(g##_eq_affine(&r, &pa));                      \
			g##_add_affine(&r, &inf, &pa);                          \
			cr_assert(g##_eq_affine(&r, &pa));                      \
			memset(&qa, 0, sizeof(qa));                             \
			g##_add_affine(&r, &p, &qa);                            \
			cr_assert(g##_eq_affine(&r, &pa));                      \
			g##_dbl(&r, &inf);                                      \
			cr_assert(g##_is_inf(&r));                              \
		}                                                               \
		struct aff ga = generator;                                      \
		cr_assert(g##_on_curve(&ga) && g##_in_subgroup(&ga));           \
	} while (0)

Test(bls_curve, g1_laws)
{
	state = 7;
	GROUP_LAWS(g1, g1a, g1_generator);
}

Test(bls_curve, g2_laws)
{
	state = 8;
	GROUP_LAWS(g2, g2a, g2_generator);
}

static const uint64_t group_order[4] = {0xffffffff00000001, 0x53bda402fffe5bfe, 0x3339d80809a1d805,
					0x73eda753299d7d48};

/* Points of the curve that are not in the subgroup: any x with a square right-hand side, but for a chance of
 * 1 / cofactor. The order times them is not the identity, which is the definition. */
Test(bls_curve, subgroup_checks)
{
	const uint64_t *r = group_order;
	state = 9;
	for (int i = 0, found = 0; found < 10; i++) {
		struct g2a p;
		struct g2 t;
		fp2_random(&p.x);
		struct fp2 rhs;
		g2_rhs(&rhs, &p.x);
		if (!fp2_sqrt(&p.y, &rhs, 0, NULL))
			continue;
		found++;
		cr_assert(g2_on_curve(&p));
		for (int clear = 0; clear < 2; clear++) {
			g2_set_inf(&t);
			for (int bit = 255; bit >= 0; bit--) {
				g2_dbl(&t, &t);
				if (r[bit / 64] >> (bit % 64) & 1)
					g2_add_affine(&t, &t, &p);
			}
			cr_assert_eq(!!g2_is_inf(&t), clear);
			cr_assert_eq(!!g2_in_subgroup(&p), clear);
			g2_from_affine(&t, &p);
			g2_clear_cofactor(&t, &t);
			g2_to_affine(&p, &t);
		}
	}
	for (int i = 0, found = 0; found < 10; i++) {
		struct g1a p;
		struct g1 t;
		struct fp b = fp_one, rhs;
		fp_dbl(&b, &b);
		fp_dbl(&b, &b);
		fp_random(&p.x);
		fp_sqr(&rhs, &p.x);
		fp_mul(&rhs, &rhs, &p.x);
		fp_add(&rhs, &rhs, &b);
		if (!fp_sqrt(&p.y, &rhs))
			continue;
		found++;
		g1_set_inf(&t);
		for (int bit = 255; bit >= 0; bit--) {
			g1_dbl(&t, &t);
			if (r[bit / 64] >> (bit % 64) & 1)
				g1_add_affine(&t, &t, &p);
		}
		cr_assert_eq(!!g1_is_inf(&t), !!g1_in_subgroup(&p));
		cr_assert(!g1_in_subgroup(&p));
	}
}

/* [s] p by digits against plain doubling and adding. */
Test(bls_curve, secret_multiplication)
{
	state = 10;
	for (int i = 0; i < 20; i++) {
		struct bls_secret s = {{next(), next(), next(), next() >> 2}};
		if (i < 4)
			s = (struct bls_secret){{(uint64_t)i + 1}};
		struct g2 p, t;
		struct g1 q, u;
		struct g2a a;
		struct g1a b;
		g2_random(&a);
		g2_from_affine(&p, &a);
		g2_mul_secret(&p, &p, &s);
		g1_mul_generator(&q, &s);
		g2_set_inf(&t);
		g1_set_inf(&u);
		for (int bit = 255; bit >= 0; bit--) {
			g2_dbl(&t, &t);
			g1_dbl(&u, &u);
			if (!(s.k[bit / 64] >> (bit % 64) & 1))
				continue;
			g2_add_affine(&t, &t, &a);
			g1_add_affine(&u, &u, &g1_generator);
		}
		g2_to_affine(&a, &p);
		cr_assert(g2_eq_affine(&t, &a));
		g1_to_affine(&b, &q);
		cr_assert(g1_eq_affine(&u, &b));
	}
}

static void pair(struct fp12 *f, const struct g1a *p, const struct g2a *q)
{
	struct miller m;
	miller_start(&m, p, q);
	miller_loop(f, &m, 1);
	final_exp(f, f);
}

Test(bls_pairing, bilinear)
{
	state = 11;
	struct fp12 one, f, g, h;
	struct g1a p, q, s;
	struct g2a u, v, w;
	struct g1 t;
	struct g2 z;
	memset(&one, 0, sizeof(one));
	one.c0.c0.c0 = fp_one;
	for (int i = 0; i < 5; i++) {
		g1_random(&p);
		g1_random(&q);
		g2_random(&u);
		g2_random(&v);
		g1_from_affine(&t, &p);
		g1_add_affine(&t, &t, &q);
		g1_to_affine(&s, &t);
		pair(&f, &p, &u);
		pair(&g, &q, &u);
		pair(&h, &s, &u);
		fp12_mul(&f, &f, &g);
		EQ(f, h);
		cr_assert(!fp12_is_one(&h), "not degenerate");
		g2_from_affine(&z, &u);
		g2_add_affine(&z, &z, &v);
		g2_to_affine(&w, &z);
		pair(&f, &p, &u);
		pair(&g, &p, &v);
		pair(&h, &p, &w);
		fp12_mul(&f, &f, &g);
		EQ(f, h);
		/* e([2] p, u) = e(p, u)^2 = e(p, [2] u) */
		g1_from_affine(&t, &p);
		g1_dbl(&t, &t);
		g1_to_affine(&s, &t);
		pair(&f, &p, &u);
		fp12_sqr(&f, &f);
		pair(&g, &s, &u);
		EQ(f, g);
	}
}

Test(bls_pairing, products)
{
	state = 12;
	for (size_t n = 1; n <= 5; n++) {
		struct miller m[5];
		struct fp12 f, g, h;
		for (size_t i = 0; i < n; i++) {
			struct g1a p;
			struct g2a q;
			g1_random(&p);
			g2_random(&q);
			pair(&g, &p, &q);
			if (i == 0)
				h = g;
			else
				fp12_mul(&h, &h, &g);
			miller_start(&m[i], &p, &q);
		}
		miller_loop(&f, m, n);
		final_exp(&f, &f);
		EQ(f, h);
	}
}

/* What RFC 9380's own vectors don't reach: u = 0, where the map divides by zero, and two equal points. */
Test(bls_map, isogeny_and_exceptions)
{
	state = 13;
	for (int i = 0; i < 40; i++) {
		struct fp2 u[2];
		struct g2 p, q, r;
		struct g2a a;
		fp2_random(&u[0]);
		if (i == 0)
			memset(&u[0], 0, sizeof(u[0]));
		map_sswu(&p, &u[0]);
		map_isogeny(&r, &p);
		g2_to_affine(&a, &r);
		cr_assert(g2_on_curve(&a));
		/* Both elements the same: the addition on E' is a doubling; the isogeny is a homomorphism. */
		map_add(&q, &p, &p);
		map_isogeny(&q, &q);
		g2_dbl(&r, &r);
		g2_to_affine(&a, &r);
		cr_assert(g2_eq_affine(&q, &a));
		u[1] = u[0];
		map_to_g2(&q, u);
		g2_to_affine(&a, &q);
		cr_assert(g2_in_subgroup(&a) && !g2_affine_is_inf(&a));
	}
}

#if defined(__x86_64__)
#include <cpuid.h>

static int has_adx(void)
{
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2) && (b & bit_ADX);
}

/* Each function of mulx.S against the C that it stands for, also on unreduced sums, where the contract has
 * them. */
Test(bls_mulx, as_the_portable)
{
	if (!has_adx())
		cr_skip("this processor has no mulx and adx");
	state = 14;
	for (int i = 0; i < 20000; i++) {
		struct fp2 a, b, l, r;
		struct fp x, y, s, t;
		struct fpw v, w;
		struct fp2w p, q, m, n;
		fp2_random(&a);
		fp2_random(&b);
		fp_add_lazy(&x, &a.c0, &a.c1);
		fp_add_lazy(&y, &b.c0, &b.c1);
		bls_fp_mul_adx(&s, &x, &y);
		fp_mul(&t, &x, &y);
		EQ(s, t);
		for (int j = 0; j < 6; j++)
			y.l[j] = j < i % 7 ? UINT64_MAX : next();
		bls_fp_mul_adx(&s, &a.c0, &y);
		fp_mul(&t, &a.c0, &y);
		EQ(s, t);
		fp_add_lazy(&y, &b.c0, &b.c1);
		bls_fp_sqr_adx(&s, &x);
		fp_mul(&t, &x, &x);
		EQ(s, t);
		bls_fpw_mul_adx(&v, &x, &y);
		fpw_mul(&w, &x, &y);
		EQ(v, w);
		bls_fp_redc_adx(&s, &v);
		fp_redc(&t, &v);
		EQ(s, t);
		bls_fp2_add_adx(&l, &a, &b);
		fp2_add(&r, &a, &b);
		EQ(l, r);
		bls_fp2_sub_adx(&l, &a, &b);
		fp2_sub(&r, &a, &b);
		EQ(l, r);
		bls_fp2_mul_adx(&l, &a, &b);
		fp2_mul(&r, &a, &b);
		EQ(l, r);
		bls_fp2_sqr_adx(&l, &a);
		fp2_sqr(&r, &a);
		EQ(l, r);
		bls_fp2w_mul_adx(&p, &a, &b);
		fp2w_mul(&q, &a, &b);
		EQ(p, q);
		bls_fp2w_sqr_adx(&m, &a);
		fp2w_sqr(&n, &a);
		EQ(m, n);
		bls_fp2_redc_adx(&l, &p);
		fp2_redc(&r, &p);
		EQ(l, r);
		bls_fp2w_add_adx(&q, &p, &m);
		fp2w_add(&n, &p, &m);
		EQ(q, n);
		bls_fp2w_sub_adx(&q, &p, &m);
		fp2w_sub(&n, &p, &m);
		EQ(q, n);
		/* results in place of arguments */
		l = a;
		bls_fp2_mul_adx(&l, &l, &b);
		fp2_mul(&r, &a, &b);
		EQ(l, r);
		l = a;
		bls_fp2_sqr_adx(&l, &l);
		fp2_sqr(&r, &a);
		EQ(l, r);
	}
}
#endif
