#ifndef ETH_SNAPPY_H
#define ETH_SNAPPY_H

#include <stddef.h>

#include "procs/eth/err.h"

/*
 * Raw (block) snappy, as in the specification's test vectors and in gossip: a varint with the uncompressed
 * length, then literals and copies to the end. Decoded by libsnappy.
 */

/*
 * eth_snappy_length reads the uncompressed length that `n` bytes at `in` declare. ETH_ERR_SNAPPY_HEADER;
 * ETH_ERR_SNAPPY_LIMIT above `limit`, before anything of that size is allocated by anyone.
 */
int eth_snappy_length(const void *in, size_t n, size_t limit, size_t *length);

/*
 * eth_snappy_decode decodes `n` bytes at `in` to `out`, which has room for `room` bytes. 0 and `*length`, or
 * ETH_ERR_SNAPPY_HEADER, ETH_ERR_SNAPPY_LIMIT (declares more than `room`), ETH_ERR_SNAPPY_DATA (corrupt,
 * gives another length than declared, or goes on after it). `out` may be written to in part on an error.
 */
int eth_snappy_decode(const void *in, size_t n, void *out, size_t room, size_t *length);

/* eth_snappy_bound is the room that encoding `n` bytes takes at most. eth_snappy_encode: bytes written to
 * `out`. */
size_t eth_snappy_bound(size_t n);
size_t eth_snappy_encode(const void *in, size_t n, void *out);

#endif
