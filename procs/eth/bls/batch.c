#include <string.h>
#include "procs/eth/bls/batch.h"
#include "procs/eth/bls/engine.h"

static void choose_factors(uint32_t (*factors)[2], size_t n, const uint8_t seed[BLS_SEED_BYTES])
{
	uint8_t out[256];
	for (size_t i = 0; i < n; i++) {
		uint64_t counter = i / 32;
		if (i % 32 == 0)
			bls_expand_message(out, &counter, sizeof(counter), seed, BLS_SEED_BYTES);
		memcpy(factors[i], out + 8 * (i % 32), 8);
		factors[i][0] |= 1;
	}
}

int bls_item_cmp(const struct bls_item *a, const struct bls_item *b)
{
	if (a->message_len != b->message_len)
		return a->message_len < b->message_len ? -1 : 1;
	return a->message_len ? memcmp(a->message, b->message, a->message_len) : 0;
}

/* Heap sort: in place, without recursion, n log n whatever the messages are. */
static void sort(uint32_t *o, const struct bls_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		o[i] = (uint32_t)i;
	for (size_t start = n / 2, end = n; end > 1;) {
		uint32_t v;
		if (start) {
			v = o[--start];
		} else {
			v = o[--end];
			o[end] = o[0];
		}
		size_t i = start, child;
		while ((child = 2 * i + 1) < end) {
			if (child + 1 < end && bls_item_cmp(&items[o[child]], &items[o[child + 1]]) < 0)
				child++;
			if (bls_item_cmp(&items[v], &items[o[child]]) >= 0)
				break;
			o[i] = o[child];
			i = child;
		}
		o[i] = v;
	}
}

size_t bls_batch_scratch(size_t n)
{
	return n * (sizeof(struct lanes_g1) + 3 * sizeof(uint32_t)) + 64;
}

void bls_batch_plan(struct batch *b, const struct bls_item *items, size_t n,
		    const uint8_t seed[BLS_SEED_BYTES], void *scratch)
{
	b->items = items;
	b->n = n;
	b->keys = scratch;
	b->factors = (uint32_t(*)[2])(b->keys + n);
	b->order = (uint32_t *)(b->factors + n);
	choose_factors(b->factors, n, seed);
	sort(b->order, items, n);
}
