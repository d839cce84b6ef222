/* Raw snappy from arbitrary bytes, into memory of exactly the declared length, and what was decoded there and back. */

#include "procs/eth/snappy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n, got;

	if (eth_snappy_length(data, size, LIMIT, &n))
		return 0;
	uint8_t *out = malloc(n ? n : 1);
	if (out && eth_snappy_decode(data, size, out, n, &got) == 0) {
		uint8_t *packed = malloc(eth_snappy_bound(n)), *again = malloc(n ? n : 1);
		size_t m = eth_snappy_encode(out, n, packed);

		if (got != n || eth_snappy_decode(packed, m, again, n, &got) || got != n ||
		    memcmp(out, again, n))
			abort();
		free(packed);
		free(again);
	}
	free(out);
	return 0;
}
