#include "procs/eth/snappy.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t packed(uint8_t **p, const uint8_t *in, size_t n)
{
	*p = malloc(eth_snappy_bound(n) + 1);
	return eth_snappy_encode(in, n, *p);
}

Test(eth_snappy, there_and_back)
{
	static const size_t lengths[] = {0, 1, 59, 60, 61, 300, 65536, 200000};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t n = lengths[i], got = 1;
		uint8_t *in = malloc(n + 1), *out = malloc(n + 1), *p;

		for (size_t j = 0; j < n; j++)
			in[j] = (uint8_t)(j * j / 77);
		size_t m = packed(&p, in, n);
		cr_assert(eth_snappy_length(p, m, n, &got) == 0 && got == n);
		cr_assert(eth_snappy_decode(p, m, out, n, &got) == 0 && got == n && !memcmp(in, out, n));
		if (n)
			cr_assert(eth_snappy_decode(p, m, out, n - 1, &got) == ETH_ERR_SNAPPY_LIMIT);
		free(in);
		free(out);
		free(p);
	}
}

Test(eth_snappy, refusals)
{
	uint8_t in[1000], out[2000], *p;
	size_t got;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * i);
	size_t m = packed(&p, in, sizeof(in));
	/* 1000 is the varint e8 07 */
	cr_assert(p[0] == 0xe8 && p[1] == 0x07);
	p[0]++;
	cr_assert(eth_snappy_decode(p, m, out, sizeof(out), &got) == ETH_ERR_SNAPPY_DATA,
		  "one more declared");
	p[0] -= 2;
	cr_assert(eth_snappy_decode(p, m, out, sizeof(out), &got) == ETH_ERR_SNAPPY_DATA,
		  "one less declared");
	p[0]++;
	p[m] = 0;
	cr_assert(eth_snappy_decode(p, m + 1, out, sizeof(out), &got) == ETH_ERR_SNAPPY_DATA,
		  "trailing byte");
	cr_assert(eth_snappy_decode(p, m - 1, out, sizeof(out), &got) == ETH_ERR_SNAPPY_DATA, "cut");
	cr_assert(eth_snappy_decode(p, 2, out, sizeof(out), &got) == ETH_ERR_SNAPPY_DATA, "header only");
	cr_assert(eth_snappy_decode(p, 0, out, sizeof(out), &got) == ETH_ERR_SNAPPY_HEADER, "empty");
	cr_assert(eth_snappy_decode("\xff\xff\xff\xff\xff\xff", 6, out, sizeof(out), &got) ==
		  ETH_ERR_SNAPPY_HEADER);
	cr_assert(eth_snappy_decode("\xff\xff\xff\xff\x0f", 5, out, sizeof(out), &got) ==
		  ETH_ERR_SNAPPY_LIMIT);
	free(p);
}
