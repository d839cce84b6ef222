#include "procs/eth/sha256.h"
#include "procs/eth/sha256_kernel.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif
#include <string.h>

#define ROTR(x, n) ((x) >> (n) | (x) << (32 - (n)))

static uint32_t load_be(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}

static void store_digest(uint8_t *out, const uint32_t h[8])
{
	for (int i = 0; i < 8; i++) {
		uint32_t v = __builtin_bswap32(h[i]);
		memcpy(out + 4 * i, &v, 4);
	}
}

/* A round, with the eight words renamed instead of moved: word i of round r is s[(i - r) mod 8]. */
static inline __attribute__((always_inline)) void round1(uint32_t s[8], unsigned r, uint32_t kw)
{
	uint32_t a = s[-r % 8], b = s[(1 - r) % 8], c = s[(2 - r) % 8], *d = &s[(3 - r) % 8];
	uint32_t e = s[(4 - r) % 8], f = s[(5 - r) % 8], g = s[(6 - r) % 8], *h = &s[(7 - r) % 8];
	uint32_t t = *h + (ROTR(e, 6) ^ ROTR(e, 11) ^ ROTR(e, 25)) + (g ^ (e & (f ^ g))) + kw;

	*d += t;
	*h = t + (ROTR(a, 2) ^ ROTR(a, 13) ^ ROTR(a, 22)) + ((a & b) | (c & (a | b)));
}

static inline __attribute__((always_inline)) void rounds16(uint32_t s[8], const uint32_t *kw)
{
#pragma GCC unroll 16
	for (unsigned i = 0; i < 16; i++)
		round1(s, i, kw[i]);
}

static void pad_block(uint32_t h[8])
{
	uint32_t s[8];

	memcpy(s, h, sizeof(s));
	for (int i = 0; i < 64; i += 16)
		rounds16(s, eth_sha256_kpad + i);
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
}

static void portable_compress(uint32_t h[8], const uint8_t *in, size_t blocks)
{
	for (; blocks; blocks--, in += 64) {
		uint32_t w[64], s[8];

		memcpy(s, h, sizeof(s));
		for (int i = 0; i < 16; i++)
			w[i] = load_be(in + 4 * i);
		for (int i = 16; i < 64; i++) {
			uint32_t a = w[i - 15], b = w[i - 2];
			w[i] = w[i - 16] + w[i - 7] + (ROTR(a, 7) ^ ROTR(a, 18) ^ a >> 3) +
			       (ROTR(b, 17) ^ ROTR(b, 19) ^ b >> 10);
		}
		for (int i = 0; i < 64; i++)
			w[i] += eth_sha256_k[i];
		for (int i = 0; i < 64; i += 16)
			rounds16(s, w + i);
		for (int i = 0; i < 8; i++)
			h[i] += s[i];
	}
}

static void portable_pairs(uint8_t *out, const uint8_t *in, size_t n)
{
	for (; n; n--, in += 64, out += 32) {
		uint32_t h[8];

		memcpy(h, eth_sha256_iv, sizeof(h));
		portable_compress(h, in, 1);
		pad_block(h);
		store_digest(out, h);
	}
}

static void portable_blocks(uint8_t *out, const uint8_t *in, size_t n)
{
	for (; n; n--, in += 64, out += 32) {
		uint32_t h[8];

		memcpy(h, eth_sha256_iv, sizeof(h));
		portable_compress(h, in, 1);
		store_digest(out, h);
	}
}

const struct eth_sha256_ops eth_sha256_ops_portable = {portable_pairs, portable_blocks, portable_compress};

static const struct eth_sha256_ops *const kernels[ETH_SHA256_KERNELS] = {
	[ETH_SHA256_PORTABLE] = &eth_sha256_ops_portable,
#ifdef __x86_64__
	[ETH_SHA256_SHANI] = &eth_sha256_ops_shani,
	[ETH_SHA256_AVX512] = &eth_sha256_ops_avx512,
	[ETH_SHA256_MIXED] = &eth_sha256_ops_mixed,
#endif
};

/* Written once, by the constructor, before any thread can be. */
static enum eth_sha256_kernel chosen;
static const struct eth_sha256_ops *ops = &eth_sha256_ops_portable;
static uint8_t zero_hash[65][32];

bool eth_sha256_usable(enum eth_sha256_kernel k)
{
	switch (k) {
	case ETH_SHA256_PORTABLE:
		return true;
#ifdef __x86_64__
	case ETH_SHA256_SHANI: {
		unsigned a, b, c, d;
		return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) &&
		       __builtin_cpu_supports("sse4.1");
	}
	case ETH_SHA256_AVX512:
		return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
#endif
	case ETH_SHA256_MIXED:
		return eth_sha256_usable(ETH_SHA256_AVX512) && eth_sha256_usable(ETH_SHA256_SHANI);
	default:
		return false;
	}
}

/*
 * AMD's SHA unit takes two messages' rounds at once and beats 16 lanes of AVX-512 (27 against 32 ns per pair
 * on Zen 4); Intel's does not gain from a second message (57 against 27 ns on Sapphire Rapids).
 */
static enum eth_sha256_kernel best(void)
{
#ifdef __x86_64__
	if (eth_sha256_usable(ETH_SHA256_MIXED) && __builtin_cpu_is("intel"))
		return ETH_SHA256_MIXED;
#endif
	if (eth_sha256_usable(ETH_SHA256_SHANI))
		return ETH_SHA256_SHANI;
	return eth_sha256_usable(ETH_SHA256_AVX512) ? ETH_SHA256_AVX512 : ETH_SHA256_PORTABLE;
}

__attribute__((constructor)) static void choose(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
#endif
	chosen = best();
	ops = kernels[chosen];
	for (int i = 0; i < 64; i++)
		eth_sha256_pair(zero_hash[i + 1], zero_hash[i], zero_hash[i]);
}

enum eth_sha256_kernel eth_sha256_chosen(void)
{
	return chosen;
}

const char *eth_sha256_kernel_name(enum eth_sha256_kernel k)
{
	static const char *const names[ETH_SHA256_KERNELS] = {"portable", "sha-ni", "avx512",
							      "avx512 and sha-ni"};

	return names[k];
}

const uint8_t *eth_zero_hash(unsigned height)
{
	return zero_hash[height];
}

void eth_sha256_pairs(void *out, const void *in, size_t n)
{
	ops->pairs(out, in, n);
}

void eth_sha256_short(void *out, const void *blocks, size_t n)
{
	ops->blocks(out, blocks, n);
}

void eth_sha256_pairs_with(enum eth_sha256_kernel k, void *out, const void *in, size_t n)
{
	kernels[k]->pairs(out, in, n);
}

void eth_sha256_short_with(enum eth_sha256_kernel k, void *out, const void *blocks, size_t n)
{
	kernels[k]->blocks(out, blocks, n);
}

void eth_sha256_pair(uint8_t out[32], const uint8_t left[32], const uint8_t right[32])
{
	uint8_t both[64];

	memcpy(both, left, 32);
	memcpy(both + 32, right, 32);
	ops->pairs(out, both, 1);
}

void eth_sha256_init(struct eth_sha256 *s)
{
	memcpy(s->h, eth_sha256_iv, sizeof(s->h));
	s->bytes = 0;
}

void eth_sha256_update(struct eth_sha256 *s, const void *in, size_t n)
{
	const uint8_t *p = in;
	size_t have = s->bytes % 64;

	s->bytes += n;
	if (have) {
		size_t take = n < 64 - have ? n : 64 - have;

		memcpy(s->block + have, p, take);
		p += take;
		n -= take;
		if (have + take < 64)
			return;
		ops->compress(s->h, s->block, 1);
	}
	ops->compress(s->h, p, n / 64);
	if (n % 64)
		memcpy(s->block, p + n / 64 * 64, n % 64);
}

void eth_sha256_final(struct eth_sha256 *s, uint8_t out[32])
{
	uint64_t bits = __builtin_bswap64(s->bytes * 8);
	size_t have = s->bytes % 64;

	s->block[have++] = 0x80;
	if (have > 56) {
		memset(s->block + have, 0, 64 - have);
		ops->compress(s->h, s->block, 1);
		have = 0;
	}
	memset(s->block + have, 0, 56 - have);
	memcpy(s->block + 56, &bits, 8);
	ops->compress(s->h, s->block, 1);
	store_digest(out, s->h);
}

void eth_sha256(uint8_t out[32], const void *in, size_t n)
{
	struct eth_sha256 s;

	eth_sha256_init(&s);
	eth_sha256_update(&s, in, n);
	eth_sha256_final(&s, out);
}
