#include "procs/eth/sha256_kernel.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <string.h>

/*
 * AVX-512: sixteen messages side by side, word i of all of them in one register. For CPUs without SHA-NI, and
 * as a second opinion on it in the tests.
 */
#define V __attribute__((target("avx512f,avx512bw")))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define LANES 16

V INLINE __m512i xor3(__m512i a, __m512i b, __m512i c)
{
	return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

#define SIGMA(x, p, q, r) xor3(_mm512_ror_epi32(x, p), _mm512_ror_epi32(x, q), _mm512_ror_epi32(x, r))
#define SMALL(x, p, q, r) xor3(_mm512_ror_epi32(x, p), _mm512_ror_epi32(x, q), _mm512_srli_epi32(x, r))

/* One round; the caller passes the state rotated by one register per round. */
V INLINE void round1(__m512i s[8], int i, __m512i kw)
{
	__m512i a = s[(64 - i) % 8], b = s[(65 - i) % 8], c = s[(66 - i) % 8], *d = &s[(67 - i) % 8];
	__m512i e = s[(68 - i) % 8], f = s[(69 - i) % 8], g = s[(70 - i) % 8], *h = &s[(71 - i) % 8];
	__m512i ch = _mm512_ternarylogic_epi32(e, f, g, 0xca), maj = _mm512_ternarylogic_epi32(a, b, c, 0xe8);
	__m512i t1 = _mm512_add_epi32(_mm512_add_epi32(*h, kw), _mm512_add_epi32(SIGMA(e, 6, 11, 25), ch));

	*d = _mm512_add_epi32(*d, t1);
	*h = _mm512_add_epi32(t1, _mm512_add_epi32(SIGMA(a, 2, 13, 22), maj));
}

/* Transposes sixteen rows of sixteen words. */
V INLINE void transpose(__m512i r[16])
{
	__m512i t[16];

	UNROLL
	for (int i = 0; i < 16; i += 2) {
		t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
		t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
	}
	UNROLL
	for (int i = 0; i < 16; i += 4) {
		r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
		r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
		r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
		r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
	}
	UNROLL
	for (int i = 0; i < 4; i++) {
		t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
		t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
		t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
		t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
	}
	UNROLL
	for (int i = 0; i < 8; i++) {
		r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
		r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
	}
}

V INLINE void hash16(uint8_t *out, const uint8_t *in, const int padded)
{
	const __m512i swap = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
	__m512i w[16], s[8], h[8];

	UNROLL
	for (int i = 0; i < 16; i++)
		w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(in + 64 * i), swap);
	transpose(w);
	UNROLL
	for (int i = 0; i < 8; i++)
		s[i] = _mm512_set1_epi32((int)eth_sha256_iv[i]);
	for (int j = 0; j < 64; j += 16) {
		UNROLL
		for (int i = 0; i < 16; i++) {
			if (j)
				w[i] = _mm512_add_epi32(
					_mm512_add_epi32(w[i], w[(i + 9) % 16]),
					_mm512_add_epi32(SMALL(w[(i + 1) % 16], 7, 18, 3),
							 SMALL(w[(i + 14) % 16], 17, 19, 10)));
			round1(s, i, _mm512_add_epi32(w[i], _mm512_set1_epi32((int)eth_sha256_k[i + j])));
		}
	}
	UNROLL
	for (int i = 0; i < 8; i++)
		h[i] = s[i] = _mm512_add_epi32(s[i], _mm512_set1_epi32((int)eth_sha256_iv[i]));
	if (!padded) {
		for (int j = 0; j < 64; j += 16) {
			UNROLL
			for (int i = 0; i < 16; i++)
				round1(s, i, _mm512_set1_epi32((int)eth_sha256_kpad[i + j]));
		}
		UNROLL
		for (int i = 0; i < 8; i++)
			h[i] = _mm512_add_epi32(s[i], h[i]);
	}
	UNROLL
	for (int i = 0; i < 8; i++) {
		w[i] = h[i];
		w[i + 8] = _mm512_setzero_si512();
	}
	transpose(w);
	UNROLL
	for (int i = 0; i < 16; i++)
		_mm256_storeu_si256((__m256i *)(out + 32 * i),
				    _mm512_castsi512_si256(_mm512_shuffle_epi8(w[i], swap)));
}

/* Fewer than this many are cheaper one at a time. */
#define FEW_PORTABLE 4
#define FEW_SHANI 9

V INLINE void run(uint8_t *out, const uint8_t *in, size_t n, const int padded, const size_t few)
{
	const struct eth_sha256_ops *rest =
		few == FEW_SHANI ? &eth_sha256_ops_shani : &eth_sha256_ops_portable;

	for (; n >= LANES; n -= LANES, in += 64 * LANES, out += 32 * LANES)
		hash16(out, in, padded);
	if (n >= few) {
		uint8_t tail[64 * LANES];

		memcpy(tail, in, 64 * n);
		memset(tail + 64 * n, 0, 64 * (LANES - n));
		hash16(tail, tail, padded);
		memcpy(out, tail, 32 * n);
		n = 0;
	}
	_mm256_zeroupper(); /* SHA-NI after a dirty upper half takes twice as long */
	if (n)
		(padded ? rest->blocks : rest->pairs)(out, in, n);
}

V static void avx512_pairs(uint8_t *out, const uint8_t *in, size_t n)
{
	run(out, in, n, 0, FEW_PORTABLE);
}

V static void avx512_blocks(uint8_t *out, const uint8_t *in, size_t n)
{
	run(out, in, n, 1, FEW_PORTABLE);
}

V static void mixed_pairs(uint8_t *out, const uint8_t *in, size_t n)
{
	run(out, in, n, 0, FEW_SHANI);
}

V static void mixed_blocks(uint8_t *out, const uint8_t *in, size_t n)
{
	run(out, in, n, 1, FEW_SHANI);
}

static void avx512_compress(uint32_t h[8], const uint8_t *in, size_t blocks)
{
	eth_sha256_ops_portable.compress(h, in, blocks);
}

static void mixed_compress(uint32_t h[8], const uint8_t *in, size_t blocks)
{
	eth_sha256_ops_shani.compress(h, in, blocks);
}

const struct eth_sha256_ops eth_sha256_ops_avx512 = {avx512_pairs, avx512_blocks, avx512_compress};
const struct eth_sha256_ops eth_sha256_ops_mixed = {mixed_pairs, mixed_blocks, mixed_compress};
#endif
