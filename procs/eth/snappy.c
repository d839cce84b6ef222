#include "procs/eth/snappy.h"

#include <snappy-c.h>

int eth_snappy_length(const void *in, size_t n, size_t limit, size_t *length)
{
	size_t declared;

	if (snappy_uncompressed_length(in, n, &declared) != SNAPPY_OK)
		return ETH_ERR_SNAPPY_HEADER;
	if (declared > limit)
		return ETH_ERR_SNAPPY_LIMIT;
	*length = declared;
	return 0;
}

int eth_snappy_decode(const void *in, size_t n, void *out, size_t room, size_t *length)
{
	size_t declared, got;
	int r = eth_snappy_length(in, n, room, &declared);

	if (r)
		return r;
	got = declared;
	/* libsnappy decodes until the input ends and refuses what gives more or less than declared. */
	if (snappy_uncompress(in, n, out, &got) != SNAPPY_OK || got != declared)
		return ETH_ERR_SNAPPY_DATA;
	*length = declared;
	return 0;
}

size_t eth_snappy_bound(size_t n)
{
	return snappy_max_compressed_length(n);
}

size_t eth_snappy_encode(const void *in, size_t n, void *out)
{
	size_t got = snappy_max_compressed_length(n);

	return snappy_compress(in, n, out, &got) == SNAPPY_OK ? got : 0;
}
