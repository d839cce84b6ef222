#include "procs/eth/shuffle.h"
#include "procs/eth/sha256.h"

#include <string.h>

#define SOURCE_BITS 256 /* one hash decides for that many positions */

static void set_length(uint8_t block[64], size_t n)
{
	memset(block + n, 0, 64 - n);
	block[n] = 0x80;
	block[62] = (uint8_t)(n * 8 >> 8);
	block[63] = (uint8_t)(n * 8);
}

static uint64_t pivot_of(const uint8_t hash[32], uint64_t count)
{
	uint64_t v;

	memcpy(&v, hash, sizeof(v));
	return v % count;
}

/* The pivots of all rounds (at most 256: a round is one byte), before the division. */
static void pivot_hashes(uint8_t *out, const uint8_t seed[32], unsigned rounds)
{
	uint8_t block[32][64];

	for (unsigned r = 0; r < rounds; r += 32) {
		unsigned n = rounds - r < 32 ? rounds - r : 32;

		for (unsigned i = 0; i < n; i++) {
			memcpy(block[i], seed, 32);
			block[i][32] = (uint8_t)(r + i);
			set_length(block[i], 33);
		}
		eth_sha256_short(out + 32 * r, block, n);
	}
}

static void source_block(uint8_t block[64], const uint8_t seed[32], unsigned round, uint32_t group)
{
	memcpy(block, seed, 32);
	block[32] = (uint8_t)round;
	memcpy(block + 33, &group, 4);
	set_length(block, 37);
}

uint64_t eth_shuffled_index(uint64_t index, uint64_t count, const uint8_t seed[32], unsigned rounds)
{
	uint8_t pivots[256][32], block[64], source[32];

	pivot_hashes(pivots[0], seed, rounds);
	for (unsigned r = 0; r < rounds; r++) {
		uint64_t flip = (pivot_of(pivots[r], count) + count - index) % count;
		uint64_t position = index > flip ? index : flip;

		source_block(block, seed, r, (uint32_t)(position / SOURCE_BITS));
		eth_sha256_short(source, block, 1);
		if (source[position % SOURCE_BITS / 8] >> position % 8 & 1)
			index = flip;
	}
	return index;
}

size_t eth_shuffle_scratch(size_t count)
{
	return (count / SOURCE_BITS + 1) * 64;
}

/* The mirror images [lo, hi) about the round's pivot change places where the source bit of the larger one is
 * set. */
static void swap_range(uint32_t *list, size_t lo, size_t hi, size_t sum, const uint8_t *source)
{
	for (size_t i = lo; i < hi; i++) {
		size_t j = sum - i;
		/* A mask, not a branch: the bit is a coin. */
		uint32_t mask = -(uint32_t)(source[j / 8] >> j % 8 & 1);
		uint32_t difference = (list[i] ^ list[j]) & mask;

		list[i] ^= difference;
		list[j] ^= difference;
	}
}

void eth_shuffle(uint32_t *list, size_t count, const uint8_t seed[32], unsigned rounds, void *scratch)
{
	uint8_t pivots[256][32], *source = scratch;
	size_t groups = count / SOURCE_BITS + 1;

	if (count < 2)
		return;
	pivot_hashes(pivots[0], seed, rounds);
	/* A round is its own inverse; the last one first makes list'[i] = list[shuffled(i)], not the reverse.
	 */
	for (unsigned r = rounds; r-- > 0;) {
		size_t pivot = pivot_of(pivots[r], count);

		for (size_t g = 0; g < groups; g++)
			source_block(source + 64 * g, seed, r, (uint32_t)g);
		eth_sha256_short(source, source, groups);
		swap_range(list, 0, (pivot + 1) / 2, pivot, source);
		swap_range(list, pivot + 1, (pivot + count + 1) / 2, pivot + count, source);
	}
}
