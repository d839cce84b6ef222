#include "procs/eth/sha256.h"

#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* Longer than every kernel's group, and not a multiple of it. */
#define MOST 67

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t)(seed >> 56);
	}
}

Test(eth_sha256, pairs_agree_with_openssl_for_every_kernel_and_count)
{
	for (int k = 0; k < ETH_SHA256_KERNELS; k++) {
		if (!eth_sha256_usable(k))
			continue;
		for (size_t n = 0; n <= MOST; n++) {
			uint8_t *in = malloc(64 * n + 1), *out = malloc(32 * n + 1), want[32];

			fill(in, 64 * n, n);
			eth_sha256_pairs_with(k, out, in, n);
			for (size_t i = 0; i < n; i++) {
				SHA256(in + 64 * i, 64, want);
				cr_assert(!memcmp(out + 32 * i, want, 32), "%s: message %zu of %zu",
					  eth_sha256_kernel_name(k), i, n);
			}
			eth_sha256_pairs_with(k, in, in, n);
			cr_assert(!memcmp(in, out, 32 * n), "%s: in place, %zu", eth_sha256_kernel_name(k),
				  n);
			free(in);
			free(out);
		}
	}
}

Test(eth_sha256, short_messages_agree_with_openssl)
{
	for (int k = 0; k < ETH_SHA256_KERNELS; k++) {
		if (!eth_sha256_usable(k))
			continue;
		for (size_t n = 0; n <= MOST; n++) {
			uint8_t in[MOST + 1][64] = {0}, out[MOST + 1][32], want[32];

			for (size_t i = 0; i < n; i++) {
				fill(in[i], 37, i);
				in[i][37] = 0x80;
				in[i][62] = (37 * 8) >> 8;
				in[i][63] = (37 * 8) & 255;
			}
			eth_sha256_short_with(k, out, in, n);
			for (size_t i = 0; i < n; i++) {
				SHA256(in[i], 37, want);
				cr_assert(!memcmp(out[i], want, 32), "%s: %zu of %zu",
					  eth_sha256_kernel_name(k), i, n);
			}
		}
	}
}

Test(eth_sha256, any_length_in_any_parts)
{
	uint8_t in[300], out[32], want[32];

	fill(in, sizeof(in), 1);
	for (size_t n = 0; n <= sizeof(in); n++) {
		struct eth_sha256 s;
		size_t cut = n * 7 / 11;

		SHA256(in, n, want);
		eth_sha256(out, in, n);
		cr_assert(!memcmp(out, want, 32), "length %zu", n);
		eth_sha256_init(&s);
		eth_sha256_update(&s, in, cut);
		eth_sha256_update(&s, in + cut, n - cut);
		eth_sha256_final(&s, out);
		cr_assert(!memcmp(out, want, 32), "length %zu cut at %zu", n, cut);
	}
}

Test(eth_sha256, zero_hashes)
{
	uint8_t want[32] = {0};

	for (unsigned h = 0; h <= 64; h++) {
		uint8_t both[64];

		cr_assert(!memcmp(eth_zero_hash(h), want, 32), "height %u", h);
		memcpy(both, want, 32);
		memcpy(both + 32, want, 32);
		SHA256(both, 64, want);
	}
}

Test(eth_sha256, the_chosen_kernel_is_usable)
{
	cr_assert(eth_sha256_usable(eth_sha256_chosen()));
}
