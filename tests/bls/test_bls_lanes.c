/* Eight lanes against one element at a time: the same points, the same products of pairings, the same
 * verdicts. */

#include <criterion/criterion.h>
#include "procs/eth/bls/fp.h"
#include "procs/eth/bls/codec.h"
#include "procs/eth/bls/engine.h"
#include "procs/eth/bls/lanes.h"
#include "procs/eth/bls/pairing.h"
#include "procs/eth/bls/scalar.h"

#define MANY 40

static uint64_t state;
static struct bls_pubkey keys[MANY];
static struct bls_signature signatures[MANY];
static uint8_t messages[MANY][32];
static struct bls_item items[MANY];
static uint32_t factors[MANY][2];

static uint64_t next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void setup(uint64_t seed)
{
	if (!bls_lanes_supported())
		cr_skip("this processor has no AVX512-IFMA");
	state = seed;
	for (int i = 0; i < MANY; i++) {
		struct bls_secret s = {{next(), next(), next(), next() >> 2}};
		bls_sk_to_pk(&keys[i], &s);
		for (int j = 0; j < 32; j++)
			messages[i][j] = (uint8_t)next();
		bls_sign(&signatures[i], &s, messages[i], 32);
		items[i] = (struct bls_item){&keys[i], &signatures[i], messages[i], 32};
		factors[i][0] = (uint32_t)next() | 1;
		factors[i][1] = (uint32_t)next();
	}
	memset(factors[1], 0, sizeof(factors[1]));
	factors[2][0] = factors[2][1] = UINT32_MAX;
	factors[3][0] = 1;
	factors[3][1] = 0;
}

#define MULTIPLE(g, out, point, endo, factor)            \
	do {                                             \
		struct g p_, q_;                         \
		g##_from_affine(&p_, point);             \
		endo;                                    \
		g##_set_inf(out);                        \
		for (int bit_ = 31; bit_ >= 0; bit_--) { \
			g##_dbl(out, out);               \
			if ((factor)[0] >> bit_ & 1)     \
				g##_add(out, out, &p_);  \
			if ((factor)[1] >> bit_ & 1)     \
				g##_add(out, out, &q_);  \
		}                                        \
	} while (0)

static void key_multiple(struct g1 *r, const struct bls_pubkey *key, const uint32_t factor[2])
{
	struct g1a a;
	memcpy(&a, key, sizeof(a));
	MULTIPLE(g1, r, &a, (q_ = p_, fp_mul(&q_.x, &q_.x, &fp_beta), fp_neg(&q_.y, &q_.y)), factor);
}

static void signature_multiple(struct g2 *r, const struct bls_signature *signature, const uint32_t factor[2])
{
	struct g2a a;
	memcpy(&a, signature, sizeof(a));
	MULTIPLE(g2, r, &a, g2_psi2(&q_, &p_), factor);
}

Test(bls_lanes, keys)
{
	setup(1);
	struct lanes_g1 out[LANES];
	for (size_t n = 1; n <= LANES; n++) {
		const struct bls_pubkey *in[LANES];
		for (size_t i = 0; i < n; i++)
			in[i] = &keys[i];
		bls_lanes_mul_keys(out, in, factors, n);
		for (size_t i = 0; i < n; i++) {
			struct g1 want, got;
			struct g1a a;
			key_multiple(&want, &keys[i], factors[i]);
			memcpy(&got, &out[i], sizeof(got));
			g1_to_affine(&a, &got);
			cr_assert(g1_eq_affine(&want, &a), "lane %zu of %zu", i, n);
		}
	}
}

Test(bls_lanes, signatures)
{
	setup(2);
	memset(&signatures[5], 0, sizeof(signatures[5]));
	for (size_t n = 1; n <= MANY; n += 6) {
		struct lanes_g2 out[LANES];
		struct g2 want, got, t;
		struct g2a a;
		bls_lanes_sum_signatures(out, items, factors, n);
		g2_set_inf(&want);
		g2_set_inf(&got);
		for (size_t i = 0; i < n; i++) {
			signature_multiple(&t, &signatures[i], factors[i]);
			g2_add(&want, &want, &t);
		}
		for (size_t i = 0; i < LANES; i++) {
			memcpy(&t, &out[i], sizeof(t));
			g2_add(&got, &got, &t);
		}
		g2_to_affine(&a, &got);
		cr_assert(g2_eq_affine(&want, &a), "%zu signatures", n);
	}
}

/* Every number of pairs, so every number of idle lanes; one key is the identity. */
Test(bls_lanes, pairs)
{
	setup(3);
	static struct lanes_g1 in[LANES_PAIRS];
	static uint8_t bytes[LANES_PAIRS][256];
	for (size_t i = 0; i < LANES_PAIRS; i++) {
		struct g1 p;
		key_multiple(&p, &keys[i], factors[i]);
		memcpy(&in[i], &p, sizeof(p));
		bls_expand_message(bytes[i], messages[i], 32, BLS_DST, BLS_DST_LEN);
	}
	struct fp12 want, got, f;
	memset(&want, 0, sizeof(want));
	want.c0.c0.c0 = fp_one;
	for (size_t n = 1; n <= LANES_PAIRS; n++) {
		struct lanes_fp12 out[LANES];
		struct g1a p;
		struct g1 key;
		struct g2a q;
		struct bls_signature hash;
		struct miller m;
		memcpy(&key, &in[n - 1], sizeof(key));
		g1_to_affine(&p, &key);
		bls_hash_to_g2(&hash, messages[n - 1], 32, BLS_DST, BLS_DST_LEN);
		memcpy(&q, &hash, sizeof(q));
		if (!g1_affine_is_inf(&p)) {
			miller_start(&m, &p, &q);
			miller_loop(&f, &m, 1);
			fp12_mul(&want, &want, &f);
		}
		bls_lanes_pairs(out, in, bytes, n);
		memcpy(&got, &out[0], sizeof(got));
		for (size_t i = 1; i < LANES; i++) {
			memcpy(&f, &out[i], sizeof(f));
			fp12_mul(&got, &got, &f);
		}
		struct fp12 a, b;
		final_exp(&a, &want);
		final_exp(&b, &got);
		cr_assert_arr_eq(&a, &b, sizeof(a), "%zu pairs", n);
	}
}
