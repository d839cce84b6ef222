#include "procs/eth/roots.h"
#include "procs/eth/containers.h"
#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"

#include <string.h>

#define MANY ETH_ROOTS_MAX
#define BITS_CHUNKS 8 /* of Bitlist[2048] */

typedef uint8_t chunk[32];

static void put_u64(chunk c, uint64_t v)
{
	memset(c + 8, 0, 24);
	memcpy(c, &v, 8);
}

/* Trees of `width` (a power of two) chunks each, behind one another; their roots come to lie behind one another. */
static void reduce(chunk *c, size_t trees, unsigned width)
{
	for (; width > 1; width /= 2)
		eth_sha256_pairs(c, c, trees * width / 2);
}

static void checkpoint_leaves(chunk *c, const struct ssz_checkpoint *p)
{
	put_u64(c[0], p->epoch);
	memcpy(c[1], p->root, 32);
}

/* AttestationData of n attestations, each `stride` chunks after the one before at `out`. */
static void data_roots(chunk *out, size_t stride, const struct ssz_attestation_data *const *d, size_t n)
{
	chunk point[MANY][4] = {{{0}}}, leaf[MANY][8];

	for (size_t i = 0; i < n; i++) {
		checkpoint_leaves(point[i], &d[i]->source);
		checkpoint_leaves(point[i] + 2, &d[i]->target);
	}
	reduce(point[0], 2 * n, 2);
	for (size_t i = 0; i < n; i++) {
		put_u64(leaf[i][0], d[i]->slot);
		put_u64(leaf[i][1], d[i]->index);
		memcpy(leaf[i][2], d[i]->beacon_block_root, 32);
		memcpy(leaf[i][3], ((chunk *)point)[2 * i], 64);
		memset(leaf[i][5], 0, 96);
	}
	reduce(leaf[0], n, 8);
	for (size_t i = 0; i < n; i++)
		memcpy(out[i * stride], ((chunk *)leaf)[i], 32);
}

struct bits {
	const uint8_t *p;
	uint32_t n;
};

/* Bitlists of n attestations without their delimiters, length mixed in. */
static void bits_roots(chunk *out, size_t stride, const struct bits *b, size_t n)
{
	chunk leaf[MANY * BITS_CHUNKS], last[MANY][2];
	unsigned width = 1;

	for (size_t i = 0; i < n; i++)
		while (width * 256 < b[i].n)
			width *= 2;
	memset(leaf, 0, n * width * 32);
	for (size_t i = 0; i < n; i++) {
		uint8_t *to = leaf[i * width];

		memcpy(to, b[i].p, (b[i].n + 7) / 8);
		if (b[i].n % 8)
			to[b[i].n / 8] &= (uint8_t)((1u << b[i].n % 8) - 1);
	}
	reduce(leaf, n, width);
	for (unsigned h = eth_merkle_depth(width); h < eth_merkle_depth(BITS_CHUNKS); h++) {
		for (size_t i = 0; i < n; i++) {
			memcpy(last[i][0], leaf[i], 32);
			memcpy(last[i][1], eth_zero_hash(h), 32);
		}
		eth_sha256_pairs(leaf, last, n);
	}
	for (size_t i = 0; i < n; i++) {
		memcpy(last[i][0], leaf[i], 32);
		put_u64(last[i][1], b[i].n);
	}
	eth_sha256_pairs(leaf, last, n);
	for (size_t i = 0; i < n; i++)
		memcpy(out[i * stride], leaf[i], 32);
}

/* Signatures: 96 bytes are three chunks. */
static void signature_roots(chunk *out, size_t stride, const struct ssz_attestation *const *a, size_t n)
{
	chunk leaf[MANY][4];

	for (size_t i = 0; i < n; i++) {
		memcpy(leaf[i], a[i]->signature, 96);
		memset(leaf[i][3], 0, 32);
	}
	reduce(leaf[0], n, 4);
	for (size_t i = 0; i < n; i++)
		memcpy(out[i * stride], ((chunk *)leaf)[i], 32);
}

void eth_pending_roots(uint8_t *out, const struct eth_pending *const *a, size_t n)
{
	const struct ssz_attestation_data *data[MANY] = {0};
	struct bits bits[MANY] = {{0}};
	chunk leaf[MANY][4];

	for (size_t i = 0; i < n; i++) {
		bits[i] = (struct bits){a[i]->bit, a[i]->bits};
		data[i] = &a[i]->data;
		put_u64(leaf[i][2], a[i]->inclusion_delay);
		put_u64(leaf[i][3], a[i]->proposer_index);
	}
	bits_roots(leaf[0], 4, bits, n);
	data_roots(leaf[0] + 1, 4, data, n);
	reduce(leaf[0], n, 4);
	memcpy(out, leaf, 32 * n);
}

void eth_attestation_roots(const struct ssz_view *v, size_t n, uint8_t *out)
{
	const struct ssz_attestation *a[MANY];
	const struct ssz_attestation_data *data[MANY] = {0};
	struct bits bits[MANY] = {{0}};
	chunk leaf[MANY][4];

	for (size_t i = 0; i < n; i++) {
		struct ssz_view b = ssz_field(v[i], 0);

		a[i] = (const struct ssz_attestation *)v[i].p;
		bits[i] = (struct bits){b.p, (uint32_t)ssz_length(b)};
		data[i] = &a[i]->data;
		memset(leaf[i][3], 0, 32);
	}
	bits_roots(leaf[0], 4, bits, n);
	data_roots(leaf[0] + 1, 4, data, n);
	signature_roots(leaf[0] + 2, 4, a, n);
	reduce(leaf[0], n, 4);
	memcpy(out, leaf, 32 * n);
}
