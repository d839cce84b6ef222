#if defined(__x86_64__)
#if defined(__clang__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512ifma"))), \
			     apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512ifma")
#endif

#include "procs/eth/bls/fp8.h"
#include "procs/eth/bls/lanes.h"
#include "procs/eth/bls/map.h"
#include "procs/eth/bls/pairing.h"

static const struct fp fp_from64 = FP_FROM64;
static const struct fp fp_to64 = FP_TO64;
static const struct fp fp_r2 = FP_R2;
static const struct fp fp_wide = FP_WIDE;

int bls_lanes_supported(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
}

/* Six limbs of 64 bits in each lane to eight of 52, as an integer. */
static inline void lanes_split(struct fp *r, uint64_t t[6][LANES])
{
	__m512i w[7];
	for (int i = 0; i < 6; i++)
		w[i] = _mm512_load_si512(t[i]);
	w[6] = _mm512_setzero_si512();
	for (int i = 0; i < 8; i++) {
		int bit = 52 * i, word = bit / 64, shift = bit % 64;
		__m512i v = _mm512_srl_epi64(w[word], _mm_cvtsi32_si128(shift));
		if (shift > 12)
			v = _mm512_or_si512(v, _mm512_sll_epi64(w[word + 1], _mm_cvtsi32_si128(64 - shift)));
		r->l[i] = _mm512_and_si512(v, fp_mask52());
	}
}

/* r = the elements at p[i] + offset, limbs of fp.h. Lanes without an element are zero. */
static inline void lanes_load(struct fp *r, const uint64_t *const p[LANES], size_t offset)
{
	_Alignas(64) uint64_t t[6][LANES];
	for (int lane = 0; lane < LANES; lane++)
		for (int i = 0; i < 6; i++)
			t[i][lane] = p[lane] ? p[lane][offset + i] : 0;
	lanes_split(r, t);
	fp_mul(r, r, &fp_from64);
}

static inline void lanes_load2(struct fp2 *r, const uint64_t *const p[LANES], size_t offset)
{
	lanes_load(&r->c0, p, offset);
	lanes_load(&r->c1, p, offset + 6);
}

static void lanes_store(uint64_t *const p[LANES], size_t offset, const struct fp *a)
{
	static const struct fp zero;
	_Alignas(64) uint64_t t[8][LANES];
	struct fp n, d;
	/* The product of fp_mul is below p + p / 2^13. */
	fp_mul(&n, a, &fp_to64);
	fp_sub(&d, &n, &fp_p);
	fp_carry(d.l, d.l, zero.l);
	fp_cmov(&n, &d, (fpmask)~_mm512_movepi64_mask(d.l[7]));
	for (int i = 0; i < 8; i++)
		_mm512_store_si512(t[i], n.l[i]);
	for (int lane = 0; lane < LANES; lane++) {
		if (!p[lane])
			continue;
		for (int i = 0; i < 6; i++) {
			int limb = 64 * i / 52, shift = 64 * i % 52;
			uint64_t v = t[limb][lane] >> shift | t[limb + 1][lane] << (52 - shift);
			if (shift > 40 && limb + 2 < 8)
				v |= t[limb + 2][lane] << (104 - shift);
			p[lane][offset + i] = v;
		}
	}
}

static inline void lanes_store2(uint64_t *const p[LANES], size_t offset, const struct fp2 *a)
{
	lanes_store(p, offset, &a->c0);
	lanes_store(p, offset + 6, &a->c1);
}

/* Bit i of f[lane][k], for all lanes. */
static inline fpmask factor_bits(const uint32_t f[LANES][2], int k, int i)
{
	fpmask m = 0;
	for (int lane = 0; lane < LANES; lane++)
		m |= (fpmask)((f[lane][k] >> i & 1) << lane);
	return m;
}

/* r = [f0] p + [f1] q, bit by bit from a table of p, q and p + q. */
#define FACTOR_LADDER(g, r, p, q, f)                                                     \
	do {                                                                             \
		struct g both, pick, t;                                                  \
		g##_add(&both, p, q);                                                    \
		g##_set_inf(&t);                                                         \
		for (int bit = 31; bit >= 0; bit--) {                                    \
			fpmask m0 = factor_bits(f, 0, bit), m1 = factor_bits(f, 1, bit); \
			g##_dbl(&t, &t);                                                 \
			g##_set_inf(&pick);                                              \
			g##_cmov(&pick, p, m0);                                          \
			g##_cmov(&pick, q, m1);                                          \
			g##_cmov(&pick, &both, m0 &m1);                                  \
			g##_add(&t, &t, &pick);                                          \
		}                                                                        \
		*(r) = t;                                                                \
	} while (0)

void bls_lanes_mul_keys(struct lanes_g1 out[LANES], const struct bls_pubkey *const keys[LANES],
			const uint32_t factors[][2], size_t n)
{
	const uint64_t *in[LANES] = {NULL};
	uint64_t *to[LANES] = {NULL};
	uint32_t f[LANES][2] = {{0}};
	struct g1a a;
	struct g1 p, q, r;
	for (size_t i = 0; i < n; i++) {
		in[i] = keys[i]->x;
		to[i] = out[i].l;
		memcpy(f[i], factors[i], sizeof(f[i]));
	}
	lanes_load(&a.x, in, 0);
	lanes_load(&a.y, in, 6);
	g1_from_affine(&p, &a);
	fp_mul(&q.x, &p.x, &fp_beta);
	fp_neg(&q.y, &p.y);
	q.z = p.z;
	FACTOR_LADDER(g1, &r, &p, &q, f);
	lanes_store(to, 0, &r.x);
	lanes_store(to, 6, &r.y);
	lanes_store(to, 12, &r.z);
}

/* p += q where p != +-q and neither is the identity; else z becomes zero, and stays so. */
static inline void lanes_add_open(struct g1 *p, const struct g1a *q)
{
	struct fp zz, h, m, hh, t, sum;
	fp_sqr(&zz, &p->z);
	fp_mul(&h, &q->x, &zz);
	fp_sub(&h, &h, &p->x);
	fp_mul(&zz, &zz, &p->z);
	fp_mul(&m, &q->y, &zz);
	fp_sub(&m, &m, &p->y);
	fp_mul(&p->z, &p->z, &h);
	fp_sqr(&hh, &h);
	fp_dbl(&sum, &p->x);
	fp_add(&sum, &sum, &h);
	fp_mul(&sum, &sum, &hh);
	fp_mul(&t, &p->x, &hh);
	fp_mul(&hh, &hh, &h);
	fp_mul(&hh, &hh, &p->y);
	fp_sqr(&zz, &m);
	fp_sub(&p->x, &zz, &sum);
	fp_sub(&t, &t, &p->x);
	fp_mul(&t, &t, &m);
	fp_sub(&p->y, &t, &hh);
}

unsigned bls_lanes_sum_keys(struct bls_pubkey *const sums[LANES], const struct bls_key_list lists[LANES],
			    size_t n)
{
	uint64_t *to[LANES] = {NULL};
	struct g1 p, before;
	struct fp i, ii;
	size_t longest = 0;
	for (size_t lane = 0; lane < n; lane++)
		longest = lists[lane].n > longest ? lists[lane].n : longest;
	for (size_t k = 0; k < longest; k++) {
		const uint64_t *in[LANES] = {NULL};
		struct g1a q;
		fpmask ended = 0;
		for (size_t lane = 0; lane < n; lane++) {
			if (k < lists[lane].n)
				in[lane] = lists[lane].keys[k]->x;
			else
				ended |= (fpmask)(1u << lane);
		}
		lanes_load(&q.x, in, 0);
		lanes_load(&q.y, in, 6);
		if (k == 0) {
			p.x = q.x;
			p.y = q.y;
			p.z = fp_one;
			continue;
		}
		before = p;
		lanes_add_open(&p, &q);
		if (ended)
			g1_cmov(&p, &before, ended);
	}
	unsigned exact = ~(unsigned)fp_is_zero(&p.z) & ((1u << n) - 1);
	for (size_t lane = 0; lane < n; lane++)
		if (exact >> lane & 1)
			to[lane] = sums[lane]->x;
	fp_inv(&i, &p.z);
	fp_sqr(&ii, &i);
	fp_mul(&p.x, &p.x, &ii);
	fp_mul(&ii, &ii, &i);
	fp_mul(&p.y, &p.y, &ii);
	lanes_store(to, 0, &p.x);
	lanes_store(to, 6, &p.y);
	return exact;
}

void bls_lanes_sum_signatures(struct lanes_g2 out[LANES], const struct bls_item *items,
			      const uint32_t factors[][2], size_t n)
{
	uint64_t *to[LANES];
	struct g2 sum;
	g2_set_inf(&sum);
	for (size_t i = 0; i < n; i += LANES) {
		const uint64_t *in[LANES] = {NULL};
		uint32_t f[LANES][2] = {{0}};
		struct g2a a;
		struct g2 p, q, r;
		for (size_t lane = 0; lane < LANES && i + lane < n; lane++) {
			in[lane] = items[i + lane].signature->x;
			memcpy(f[lane], factors[i + lane], sizeof(f[lane]));
		}
		lanes_load2(&a.x, in, 0);
		lanes_load2(&a.y, in, 12);
		g2_from_affine(&p, &a);
		g2_psi2(&q, &p);
		FACTOR_LADDER(g2, &r, &p, &q, f);
		g2_add(&sum, &sum, &r);
	}
	for (int lane = 0; lane < LANES; lane++)
		to[lane] = out[lane].l;
	lanes_store2(to, 0, &sum.x);
	lanes_store2(to, 12, &sum.y);
	lanes_store2(to, 24, &sum.z);
}

/* 64 bytes, big endian, modulo p, in each lane. */
static void lanes_from_wide(struct fp *r, const uint8_t *const bytes[LANES], size_t offset)
{
	_Alignas(64) uint64_t low[6][LANES], high[6][LANES];
	struct fp h;
	for (int lane = 0; lane < LANES; lane++)
		for (int i = 0; i < 8; i++) {
			uint64_t v;
			memcpy(&v, bytes[lane] + offset + 8 * (7 - i), sizeof(v));
			v = __builtin_bswap64(v);
			if (i < 6)
				low[i][lane] = v;
			else
				high[i - 6][lane] = v;
		}
	memset(high[2], 0, 4 * sizeof(high[0]));
	lanes_split(r, low);
	lanes_split(&h, high);
	fp_mul(r, r, &fp_r2);
	fp_mul(&h, &h, &fp_wide);
	fp_add(r, r, &h);
}

/* Affine coordinates of both with one inversion: of z times the norm of the other z. The identity becomes (0,
 * 0), if only p is; where q is, both do. */
static void lanes_to_affine(struct g1a *pa, struct g2a *qa, const struct g1 *p, const struct g2 *q)
{
	struct fp norm, t, i, iz, z = p->z;
	struct fp2 jz, jj;
	struct fp2 c;
	fpmask inf = fp_is_zero(&z);
	fp_cmov(&z, &fp_one, inf);
	fp_sqr(&norm, &q->z.c0);
	fp_sqr(&t, &q->z.c1);
	fp_add(&norm, &norm, &t);
	fp_mul(&t, &norm, &z);
	fp_inv(&i, &t);
	fp_mul(&iz, &i, &norm);
	fp_mul(&i, &i, &z);
	static const struct fp zero;
	fp_cmov(&iz, &zero, inf);
	fp2_conj(&c, &q->z);
	fp2_mul_fp(&jz, &c, &i);
	fp_sqr(&t, &iz);
	fp_mul(&pa->x, &p->x, &t);
	fp_mul(&t, &t, &iz);
	fp_mul(&pa->y, &p->y, &t);
	fp2_sqr(&jj, &jz);
	fp2_mul(&qa->x, &q->x, &jj);
	fp2_mul(&jj, &jj, &jz);
	fp2_mul(&qa->y, &q->y, &jj);
}

/* A line evaluated in the identity (0, 0) is an element of Fp2, which the final exponentiation makes one:
 * lanes without a pair have that for a key and any hash. */
void bls_lanes_pairs(struct lanes_fp12 f[LANES], const struct lanes_g1 *keys, const uint8_t (*bytes)[256],
		     size_t n)
{
	struct miller m[LANES_DEEP];
	struct fp12 product;
	size_t deep = 0;
	for (size_t i = 0; i < n; i += LANES, deep++) {
		const uint64_t *in[LANES] = {NULL};
		const uint8_t *wide[LANES];
		struct g1 key;
		struct g1a p;
		struct g2 h;
		struct g2a q;
		struct fp2 u[2];
		for (size_t lane = 0; lane < LANES; lane++) {
			if (i + lane < n)
				in[lane] = keys[i + lane].l;
			wide[lane] = bytes[i + lane < n ? i + lane : i];
		}
		lanes_load(&key.x, in, 0);
		lanes_load(&key.y, in, 6);
		lanes_load(&key.z, in, 12);
		for (int k = 0; k < 4; k++)
			lanes_from_wide(k % 2 ? &u[k / 2].c1 : &u[k / 2].c0, wide, 64 * (size_t)k);
		map_to_g2(&h, u);
		lanes_to_affine(&p, &q, &key, &h);
		miller_start(&m[deep], &p, &q);
	}
	miller_loop(&product, m, deep);
	uint64_t *to[LANES];
	for (int lane = 0; lane < LANES; lane++)
		to[lane] = f[lane].l;
	const struct fp2 *c = &product.c0.c0;
	for (size_t k = 0; k < 6; k++)
		lanes_store2(to, 12 * k, &c[k]);
}

/* y > (p - 1) / 2 */
static fpmask lanes_is_upper(const struct fp *y)
{
	static const struct fp zero;
	struct fp n, d;
	fp_to_int(&n, y);
	fp_sub(&d, &fp_p, &n);
	fp_sub(&d, &d, &n);
	fp_carry(d.l, d.l, zero.l);
	return _mm512_movepi64_mask(d.l[7]);
}

static void lanes_load_x(struct fp *r, const struct lanes_decode d[LANES], size_t offset, size_t n)
{
	_Alignas(64) uint64_t t[6][LANES] = {{0}};
	for (size_t lane = 0; lane < n; lane++)
		for (int i = 0; i < 6; i++)
			t[i][lane] = d[lane].x[offset + i];
	lanes_split(r, t);
	fp_mul(r, r, &fp_r2);
}

static fpmask lanes_results(struct lanes_decode d[LANES], fpmask on_curve, fpmask in_group, size_t n)
{
	fpmask upper = 0;
	for (size_t lane = 0; lane < n; lane++) {
		upper |= (fpmask)(!!d[lane].upper << lane);
		if (!(on_curve >> lane & 1))
			d[lane].result = BLS_OFF_CURVE;
		else
			d[lane].result = in_group >> lane & 1 ? BLS_OK : BLS_SUBGROUP;
	}
	return upper;
}

void bls_lanes_decode_signatures(struct bls_signature *const signatures[LANES], struct lanes_decode d[LANES],
				 size_t n)
{
	uint64_t *to[LANES] = {NULL};
	struct g2a p;
	struct fp2 rhs, minus;
	lanes_load_x(&p.x.c0, d, 0, n);
	lanes_load_x(&p.x.c1, d, 6, n);
	g2_rhs(&rhs, &p.x);
	fpmask on_curve = fp2_sqrt(&p.y, &rhs, 0, NULL);
	/* Before the sign is known: p is in the subgroup if -p is. */
	fpmask upper = lanes_results(d, on_curve, g2_in_subgroup(&p), n);
	fpmask is_upper = lanes_is_upper(&p.y.c1) | (fp_is_zero(&p.y.c1) & lanes_is_upper(&p.y.c0));
	fp2_neg(&minus, &p.y);
	fp2_cmov(&p.y, &minus, is_upper ^ upper);
	for (size_t lane = 0; lane < n; lane++)
		if (d[lane].result == BLS_OK)
			to[lane] = signatures[lane]->x;
	lanes_store2(to, 0, &p.x);
	lanes_store2(to, 12, &p.y);
}

void bls_lanes_decode_pubkeys(struct bls_pubkey *const keys[LANES], struct lanes_decode d[LANES], size_t n)
{
	uint64_t *to[LANES] = {NULL};
	struct g1a p;
	struct fp rhs, minus, four;
	lanes_load_x(&p.x, d, 0, n);
	fp_dbl(&four, &fp_one);
	fp_dbl(&four, &four);
	fp_sqr(&rhs, &p.x);
	fp_mul(&rhs, &rhs, &p.x);
	fp_add(&rhs, &rhs, &four);
	fpmask on_curve = fp_sqrt(&p.y, &rhs);
	fpmask upper = lanes_results(d, on_curve, g1_in_subgroup(&p), n);
	fp_neg(&minus, &p.y);
	fp_cmov(&p.y, &minus, lanes_is_upper(&p.y) ^ upper);
	for (size_t lane = 0; lane < n; lane++)
		if (d[lane].result == BLS_OK)
			to[lane] = keys[lane]->x;
	lanes_store(to, 0, &p.x);
	lanes_store(to, 6, &p.y);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
