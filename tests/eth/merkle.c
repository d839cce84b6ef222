#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* The definition, one node at a time. */
static void slow_root(const uint8_t *p, size_t n, unsigned depth, uint8_t out[32])
{
	uint8_t left[32], right[32];

	if (n == 0) {
		memcpy(out, eth_zero_hash(depth), 32);
	} else if (depth == 0) {
		memset(out, 0, 32);
		memcpy(out, p, n < 32 ? n : 32);
	} else {
		size_t half = depth - 1 < 40 ? (size_t)32 << (depth - 1) : SIZE_MAX;

		slow_root(p, n < half ? n : half, depth - 1, left);
		slow_root(n < half ? p : p + half, n < half ? 0 : n - half, depth - 1, right);
		eth_sha256_pair(out, left, right);
	}
}

Test(eth_merkle, depths)
{
	static const uint64_t want[][2] = {
		{0, 0}, {1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {UINT64_C(1) << 40, 40}};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_assert(eth_merkle_depth(want[i][0]) == want[i][1]);
}

Test(eth_merkle, bytes_agree_with_the_definition)
{
	const size_t full = 32 * ETH_MERKLE_BATCH;
	const size_t lengths[] = {0,
				  1,
				  31,
				  32,
				  33,
				  64,
				  65,
				  96,
				  1000,
				  full - 1,
				  full,
				  full + 1,
				  full + 32,
				  2 * full - 32,
				  2 * full,
				  3 * full - 1,
				  3 * full + 32,
				  4 * full,
				  5 * full + 77,
				  8 * full};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = lengths[i];
		uint8_t *p = malloc(n + 1), out[32], want[32];
		unsigned least = eth_merkle_depth((n + 31) / 32);

		for (size_t j = 0; j < n; j++)
			p[j] = (uint8_t)(j * 131 + j / 256 + 1);
		for (unsigned depth = least; depth < least + 4; depth++) {
			eth_merkle_bytes(out, p, n, depth);
			slow_root(p, n, depth, want);
			cr_assert(!memcmp(out, want, 32), "%zu bytes, depth %u", n, depth);
		}
		eth_merkle_bytes(out, p, n, 40);
		slow_root(p, n, 40, want);
		cr_assert(!memcmp(out, want, 32), "%zu bytes, depth 40", n);
		free(p);
	}
}
