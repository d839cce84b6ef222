#include "procs/eth/sha256_kernel.h"

#ifdef __x86_64__
#include <immintrin.h>

/*
 * SHA-NI. sha256rnds2 has a latency of 4 cycles and depends on the one before it, so a single message leaves
 * the unit idle half of the time; LANES messages in lockstep fill it. Everything below is inlined into one
 * function per number of lanes, with the loops unrolled, so that the arrays become registers.
 */
#define NI __attribute__((target("sha,sse4.1")))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

struct lane {
	__m128i abef, cdgh, w[4];
};

NI INLINE void rnds4(struct lane *l, __m128i kw)
{
	l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, kw);
	l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

/* w[i % 4] becomes the schedule's words 4i … 4i+3, i >= 4. */
NI INLINE void schedule(struct lane *l, int i)
{
	__m128i *w0 = &l->w[i % 4], w1 = l->w[(i + 1) % 4], w2 = l->w[(i + 2) % 4], w3 = l->w[(i + 3) % 4];

	*w0 = _mm_add_epi32(_mm_sha256msg1_epu32(*w0, w1), _mm_alignr_epi8(w3, w2, 4));
	*w0 = _mm_sha256msg2_epu32(*w0, w3);
}

NI INLINE __m128i k4(const uint32_t *k, int i)
{
	return _mm_load_si128((const __m128i *)(k + 4 * i));
}

NI INLINE void first_block(struct lane *l, const int lanes)
{
	UNROLL
	for (int i = 0; i < 16; i++) {
		UNROLL
		for (int j = 0; j < lanes; j++) {
			if (i >= 4)
				schedule(&l[j], i);
			rnds4(&l[j], _mm_add_epi32(l[j].w[i % 4], k4(eth_sha256_k, i)));
		}
	}
}

NI INLINE void pad_block(struct lane *l, const int lanes)
{
	UNROLL
	for (int i = 0; i < 16; i++) {
		__m128i kw = k4(eth_sha256_kpad, i);

		UNROLL
		for (int j = 0; j < lanes; j++)
			rnds4(&l[j], kw);
	}
}

NI INLINE void load(struct lane *l, const uint8_t *in)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);

	UNROLL
	for (int i = 0; i < 4; i++)
		l->w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(in + 16 * i)), swap);
}

NI INLINE void store(const struct lane *l, uint8_t *out)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
	__m128i feba = _mm_shuffle_epi32(l->abef, 0x1b), dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
	__m128i dcba = _mm_blend_epi16(feba, dchg, 0xf0), hgfe = _mm_alignr_epi8(dchg, feba, 8);

	_mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(dcba, swap));
	_mm_storeu_si128((__m128i *)(out + 16), _mm_shuffle_epi8(hgfe, swap));
}

/* The initial value in the order of the instructions. */
#define IV_ABEF _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c)
#define IV_CDGH _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19)

NI INLINE void hash(uint8_t *out, const uint8_t *in, const int lanes, const int padded)
{
	struct lane l[4];
	__m128i abef[4], cdgh[4];

	UNROLL
	for (int j = 0; j < lanes; j++) {
		load(&l[j], in + 64 * j);
		l[j].abef = IV_ABEF;
		l[j].cdgh = IV_CDGH;
	}
	first_block(l, lanes);
	UNROLL
	for (int j = 0; j < lanes; j++) {
		abef[j] = l[j].abef = _mm_add_epi32(l[j].abef, IV_ABEF);
		cdgh[j] = l[j].cdgh = _mm_add_epi32(l[j].cdgh, IV_CDGH);
	}
	if (!padded) {
		pad_block(l, lanes);
		UNROLL
		for (int j = 0; j < lanes; j++) {
			l[j].abef = _mm_add_epi32(l[j].abef, abef[j]);
			l[j].cdgh = _mm_add_epi32(l[j].cdgh, cdgh[j]);
		}
	}
	UNROLL
	for (int j = 0; j < lanes; j++)
		store(&l[j], out + 32 * j);
}

#define LANES 4

NI static void ni_pairs(uint8_t *out, const uint8_t *in, size_t n)
{
	for (; n >= LANES; n -= LANES, in += 64 * LANES, out += 32 * LANES)
		hash(out, in, LANES, 0);
	if (n >= 2) {
		hash(out, in, 2, 0);
		n -= 2;
		in += 128;
		out += 64;
	}
	if (n)
		hash(out, in, 1, 0);
}

NI static void ni_blocks(uint8_t *out, const uint8_t *in, size_t n)
{
	for (; n >= LANES; n -= LANES, in += 64 * LANES, out += 32 * LANES)
		hash(out, in, LANES, 1);
	for (; n; n--, in += 64, out += 32)
		hash(out, in, 1, 1);
}

NI static void ni_compress(uint32_t h[8], const uint8_t *in, size_t blocks)
{
	__m128i dcba = _mm_loadu_si128((const __m128i *)h), hgfe = _mm_loadu_si128((const __m128i *)(h + 4));
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	struct lane l = {.abef = _mm_alignr_epi8(cdab, efgh, 8), .cdgh = _mm_blend_epi16(efgh, cdab, 0xf0)};

	for (; blocks; blocks--, in += 64) {
		__m128i abef = l.abef, cdgh = l.cdgh;

		load(&l, in);
		first_block(&l, 1);
		l.abef = _mm_add_epi32(l.abef, abef);
		l.cdgh = _mm_add_epi32(l.cdgh, cdgh);
	}
	__m128i feba = _mm_shuffle_epi32(l.abef, 0x1b), dchg = _mm_shuffle_epi32(l.cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)h, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(h + 4), _mm_alignr_epi8(dchg, feba, 8));
}

const struct eth_sha256_ops eth_sha256_ops_shani = {ni_pairs, ni_blocks, ni_compress};
#endif
