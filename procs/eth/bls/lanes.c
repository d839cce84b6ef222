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

/* Six limbs of 64 bits in each lane to eight of 52, as an integer times 2^up. */
static inline void lanes_split(struct fp *r, const __m512i w[6], int up)
{
	for (int i = 0; i < 8; i++) {
		int bit = 52 * i - up, word = bit / 64, shift = bit % 64;
		__m512i v = _mm512_setzero_si512();
		if (bit <= -52) {
			r->l[i] = v;
			continue;
		}
		if (bit < 0) {
			v = _mm512_sll_epi64(w[0], _mm_cvtsi32_si128(-bit));
		} else {
			if (word < 6)
				v = _mm512_srl_epi64(w[word], _mm_cvtsi32_si128(shift));
			if (shift > 12 && word < 5)
				v = _mm512_or_si512(
					v, _mm512_sll_epi64(w[word + 1], _mm_cvtsi32_si128(64 - shift)));
		}
		r->l[i] = _mm512_and_si512(v, fp_mask52());
	}
}

static inline fpmask lanes_mask(const uint64_t *const p[LANES])
{
	__m512i a = _mm512_loadu_si512(p);
	return _mm512_test_epi64_mask(a, a);
}

/* The six limbs at p[i] + offset. Lanes without an element are zero. */
static inline void lanes_gather(__m512i w[6], const uint64_t *const p[LANES], size_t offset)
{
	__m512i at = _mm512_loadu_si512(p);
	fpmask m = _mm512_test_epi64_mask(at, at);
	for (size_t i = 0; i < 6; i++)
		w[i] = _mm512_mask_i64gather_epi64(
			_mm512_setzero_si512(), m,
			_mm512_add_epi64(at, _mm512_set1_epi64((long long)(8 * (offset + i)))), NULL, 1);
}

/* r = the elements at p[i] + offset, limbs of fp.h. */
static inline void lanes_load(struct fp *r, const uint64_t *const p[LANES], size_t offset)
{
	__m512i w[6];
	lanes_gather(w, p, offset);
	lanes_split(r, w, 0);
	fp_mul(r, r, &fp_from64);
}

/* The same, not reduced: carried, below 2^32 p. Montgomery form with 2^384 becomes that with R = 2^416 by 32 bits. */
static inline void lanes_load_raw(struct fp *r, const uint64_t *const p[LANES], size_t offset)
{
	__m512i w[6];
	lanes_gather(w, p, offset);
	lanes_split(r, w, 32);
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

#define LADDER_DIGITS 11

/* Both halves of a factor, plus 4 at each of the digits: a digit is then three bits, minus 4. */
struct ladder_factor {
	__m512i half[2];
};

static inline void ladder_factor_set(struct ladder_factor *f, const uint32_t factors[LANES][2])
{
	const __m512i fours = _mm512_set1_epi64(4 * ((1LL << 3 * LADDER_DIGITS) - 1) / 7);
	__m512i v = _mm512_loadu_si512(factors);
	f->half[0] = _mm512_add_epi64(_mm512_and_si512(v, _mm512_set1_epi64(UINT32_MAX)), fours);
	f->half[1] = _mm512_add_epi64(_mm512_srli_epi64(v, 32), fours);
}

/* The magnitude of digit k, and where it is negative. The highest is never above 4. */
static inline __m512i ladder_digit_of(const struct ladder_factor *f, int half, int k, fpmask *negative)
{
	const __m512i four = _mm512_set1_epi64(4);
	__m512i d = _mm512_srl_epi64(f->half[half], _mm_cvtsi32_si128(3 * k));
	if (k < LADDER_DIGITS - 1)
		d = _mm512_and_si512(d, _mm512_set1_epi64(7));
	*negative = _mm512_cmplt_epi64_mask(d, four);
	return _mm512_abs_epi64(_mm512_sub_epi64(d, four));
}

static inline fpmask fp_may_be_zero(const struct fp *a)
{
	return fp_is_zero(a);
}

static inline fpmask fp2_may_be_zero(const struct fp2 *a)
{
	return fp_is_zero(&a->c0);
}

static inline void g1_endo(struct g1 *p)
{
	fp_mul(&p->x, &p->x, &fp_beta);
	fp_neg(&p->y, &p->y);
}

static inline void g2_endo(struct g2 *p)
{
	g2_psi2(p, p);
}

#define PT(name) g1_##name
#define FE(name) fp_##name
#define PT_JACOBIAN g1
#define PT_AFFINE g1a
#define FE_T fp
#include "procs/eth/bls/ladder.inc"
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
#include "procs/eth/bls/ladder.inc"

void bls_lanes_mul_keys(struct lanes_g1 out[LANES], const struct bls_pubkey *const keys[LANES],
			const uint32_t factors[][2], size_t n)
{
	const uint64_t *in[LANES] = {NULL};
	uint64_t *to[LANES] = {NULL};
	uint32_t f[LANES][2] = {{0}};
	struct ladder_factor factor;
	struct g1a a;
	struct g1 table[1][4], r;
	for (size_t i = 0; i < n; i++) {
		in[i] = keys[i]->x;
		to[i] = out[i].l;
		memcpy(f[i], factors[i], sizeof(f[i]));
	}
	ladder_factor_set(&factor, (const uint32_t(*)[2])f);
	lanes_load(&a.x, in, 0);
	lanes_load(&a.y, in, 6);
	g1_ladder_table(table[0], &a);
	fpmask present = lanes_mask(in);
	g1_ladder(&r, table, &factor, &present, 1);
	lanes_store(to, 0, &r.x);
	lanes_store(to, 6, &r.y);
	lanes_store(to, 12, &r.z);
}

/* p += q, q not reduced, where p != +-q and neither is the identity; else z becomes zero, and stays so. */
static inline void lanes_add_open(struct g1 *p, const struct g1a *q)
{
	struct fp zz, h, m, hh, t, sum;
	fp_sqr(&zz, &p->z);
	fp_mul_carried(&h, &q->x, &zz);
	fp_sub(&h, &h, &p->x);
	fp_mul(&zz, &zz, &p->z);
	fp_mul_carried(&m, &q->y, &zz);
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
	g1_set_inf(&p);
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
		if (k == 0) {
			lanes_load(&p.x, in, 0);
			lanes_load(&p.y, in, 6);
			p.z = fp_one;
			continue;
		}
		lanes_load_raw(&q.x, in, 0);
		lanes_load_raw(&q.y, in, 6);
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
	struct g2 tables[LANES_DEEP][4], sum;
	g2_set_inf(&sum);
	for (size_t i = 0; i < n;) {
		struct ladder_factor factor[LANES_DEEP];
		fpmask present[LANES_DEEP];
		size_t deep = 0;
		for (; deep < LANES_DEEP && i < n; deep++) {
			const uint64_t *in[LANES] = {NULL};
			uint32_t f[LANES][2] = {{0}};
			struct g2a a;
			for (size_t lane = 0; lane < LANES && i < n; lane++, i++) {
				in[lane] = items[i].signature->x;
				memcpy(f[lane], factors[i], sizeof(f[lane]));
			}
			ladder_factor_set(&factor[deep], (const uint32_t(*)[2])f);
			lanes_load2(&a.x, in, 0);
			lanes_load2(&a.y, in, 12);
			present[deep] = lanes_mask(in) & (fpmask)~g2_affine_is_inf(&a);
			g2_ladder_table(tables[deep], &a);
		}
		struct g2 r;
		g2_ladder(&r, tables, factor, present, deep);
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
	_Alignas(64) uint64_t t[8][LANES];
	__m512i low[6], high[6];
	struct fp h;
	for (int lane = 0; lane < LANES; lane++)
		for (int i = 0; i < 8; i++) {
			uint64_t v;
			memcpy(&v, bytes[lane] + offset + 8 * (7 - i), sizeof(v));
			t[i][lane] = __builtin_bswap64(v);
		}
	for (int i = 0; i < 6; i++) {
		low[i] = _mm512_load_si512(t[i]);
		high[i] = i < 2 ? _mm512_load_si512(t[6 + i]) : _mm512_setzero_si512();
	}
	lanes_split(r, low, 0);
	lanes_split(&h, high, 0);
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
	const uint64_t *in[LANES] = {NULL};
	__m512i w[6];
	for (size_t lane = 0; lane < n; lane++)
		in[lane] = d[lane].x;
	lanes_gather(w, in, offset);
	lanes_split(r, w, 0);
	fp_mul(r, r, &fp_r2);
}

static fpmask lanes_results(struct lanes_decode d[LANES], fpmask on_curve, fpmask in_group, size_t n)
{
	fpmask upper = 0;
	for (size_t lane = 0; lane < LANES && lane < n; lane++) {
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
	for (size_t lane = 0; lane < LANES && lane < n; lane++)
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
	for (size_t lane = 0; lane < LANES && lane < n; lane++)
		if (d[lane].result == BLS_OK)
			to[lane] = keys[lane]->x;
	lanes_store(to, 0, &p.x);
	lanes_store(to, 6, &p.y);
}

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
