#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"

#include <string.h>

unsigned eth_merkle_depth(uint64_t chunks)
{
	return chunks > 1 ? 64 - (unsigned)__builtin_clzll(chunks - 1) : 0;
}

void eth_mix_in_length(uint8_t out[32], const uint8_t root[32], uint64_t length)
{
	uint8_t chunk[32] = {0};

	memcpy(chunk, &length, sizeof(length));
	eth_sha256_pair(out, root, chunk);
}

size_t eth_merkle_reduce(uint8_t *chunks, size_t n, unsigned height, unsigned levels)
{
	for (unsigned l = 0; l < levels; l++) {
		if (n % 2)
			memcpy(chunks + 32 * n, eth_zero_hash(height + l), 32);
		n = (n + 1) / 2;
		eth_sha256_pairs(chunks, chunks, n);
	}
	return n;
}

void eth_merkle_init(struct eth_merkle *m, unsigned depth)
{
	m->depth = depth;
	m->batches = 0;
	m->last = 0;
}

static unsigned batch_height(const struct eth_merkle *m)
{
	return m->depth < ETH_MERKLE_LOG ? m->depth : ETH_MERKLE_LOG;
}

/* The batch's root is in m->batch[0..31]; a full one is added to the counter, the last waits there. */
static void carry(struct eth_merkle *m, size_t chunks)
{
	uint8_t *node = m->batch;
	unsigned height = batch_height(m);

	if (chunks < ETH_MERKLE_BATCH) {
		m->last = chunks;
		return;
	}
	for (uint64_t i = m->batches++; i & 1; i >>= 1, height++)
		eth_sha256_pair(node, m->node[height], node);
	memcpy(m->node[height], node, 32);
}

void eth_merkle_add(struct eth_merkle *m, size_t chunks)
{
	if (!chunks)
		return;
	eth_merkle_reduce(m->batch, chunks, 0, batch_height(m));
	carry(m, chunks);
}

void eth_merkle_root(struct eth_merkle *m, uint8_t out[32])
{
	const uint8_t *node = m->last ? m->batch : NULL;
	uint64_t i = m->batches;

	for (unsigned h = batch_height(m); h < m->depth; h++, i >>= 1) {
		if (!(i & 1) && !node)
			continue;
		eth_sha256_pair(out, i & 1 ? m->node[h] : node, i & 1 && node ? node : eth_zero_hash(h));
		node = out;
	}
	if (i & 1)
		node = m->node[m->depth];
	if (!node)
		node = eth_zero_hash(m->depth);
	memmove(out, node, 32);
}

void eth_merkle_bytes(uint8_t out[32], const void *bytes, size_t n, unsigned depth)
{
	const uint8_t *p = bytes;
	struct eth_merkle m;

	if (n <= 32 && depth == 0) {
		memset(out, 0, 32);
		memcpy(out, p, n);
		return;
	}
	eth_merkle_init(&m, depth);
	/* The first level is read where it lies; only what does not fill a batch is copied. */
	for (; n >= sizeof(m.batch); n -= sizeof(m.batch), p += sizeof(m.batch)) {
		eth_sha256_pairs(m.batch, p, ETH_MERKLE_BATCH / 2);
		eth_merkle_reduce(m.batch, ETH_MERKLE_BATCH / 2, 1, ETH_MERKLE_LOG - 1);
		carry(&m, ETH_MERKLE_BATCH);
	}
	if (n) {
		memcpy(m.batch, p, n);
		memset(m.batch + n, 0, -n % 32);
		eth_merkle_add(&m, (n + 31) / 32);
	}
	eth_merkle_root(&m, out);
}
