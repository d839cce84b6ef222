#ifndef ETH_MERKLE_H
#define ETH_MERKLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Merkleisation (ssz/simple-serialize.md, `merkleize`) of a sequence of 32-byte chunks that arrive in
 * batches, in constant memory: each batch is reduced level by level with many hashes per call, and the roots
 * of batches are combined like the digits of a binary counter.
 *
 *   struct eth_merkle m;
 *   eth_merkle_init(&m, depth);
 *   while (more) fill up to ETH_MERKLE_BATCH chunks at m.batch; eth_merkle_add(&m, chunks);
 *   eth_merkle_root(&m, out);
 *
 * Every batch but the last is full. A tree of fewer than ETH_MERKLE_LOG levels is one batch.
 */
#define ETH_MERKLE_LOG 10
#define ETH_MERKLE_BATCH (1u << ETH_MERKLE_LOG)

struct eth_merkle {
	unsigned depth;       /* of the whole tree, in [0,64] */
	uint64_t batches;     /* full batches so far */
	size_t last;          /* chunks in the batch that was not full */
	uint8_t node[65][32]; /* by height: roots of full subtrees that wait for their right sibling */
	uint8_t batch[ETH_MERKLE_BATCH * 32];
};

void eth_merkle_init(struct eth_merkle *m, unsigned depth);
void eth_merkle_add(struct eth_merkle *m, size_t chunks);
void eth_merkle_root(struct eth_merkle *m, uint8_t out[32]);

/*
 * eth_merkle_bytes is the root of `n` bytes packed into chunks (the last one padded with zeroes), in a tree
 * of `depth` levels. n <= 32 << depth is assumed.
 */
void eth_merkle_bytes(uint8_t out[32], const void *bytes, size_t n, unsigned depth);

/* eth_merkle_depth is the smallest d with 2^d >= chunks (0 for 0 and 1). */
unsigned eth_merkle_depth(uint64_t chunks);

/* eth_mix_in_length writes hash(root || length as 32 bytes little-endian); `out` may be `root`. */
void eth_mix_in_length(uint8_t out[32], const uint8_t root[32], uint64_t length);

/*
 * eth_merkle_reduce reduces, in place, `n` chunks at `chunks` by `levels` levels of a tree whose leaves past
 * `n` are zero subtrees of height `height`; returns how many chunks are left. Room for one chunk more than n
 * is needed where n is odd.
 */
size_t eth_merkle_reduce(uint8_t *chunks, size_t n, unsigned height, unsigned levels);

#endif
