#include "procs/eth/ssz.h"
#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"

#include <string.h>

/* Fields of a container; the largest of phase 0 has 21. Types with more are not described here. */
#define FIELDS_MAX 32

static void container_root(struct ssz_view v, uint8_t out[32])
{
	uint8_t leaf[FIELDS_MAX][32];

	for (uint32_t i = 0; i < v.type->fields; i++) {
		struct ssz_view f = ssz_field(v, i);

		ssz_root(f.type, f.p, f.n, leaf[i]);
	}
	eth_merkle_reduce(leaf[0], v.type->fields, 0, ssz_depth(v.type));
	memcpy(out, leaf[0], 32);
}

/* Roots of elements [first, first + n), n <= SSZ_ROOTS_MAX. */
static void some_roots(struct ssz_view v, uint64_t first, size_t n, uint8_t *out)
{
	struct ssz_view e[SSZ_ROOTS_MAX];

	for (size_t i = 0; i < n; i++)
		e[i] = ssz_elem(v, first + i);
	if (n && v.type->elem->roots) {
		v.type->elem->roots(e, n, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ssz_root(e[i].type, e[i].p, e[i].n, out + 32 * i);
}

_Static_assert(ETH_MERKLE_BATCH % SSZ_ROOTS_MAX == 0, "a batch is whole calls");

static void elems_root(struct ssz_view v, uint8_t out[32])
{
	uint64_t count = ssz_length(v);
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, ssz_depth(v.type));
	for (uint64_t i = 0; i < count;) {
		size_t n = count - i < SSZ_ROOTS_MAX ? count - i : SSZ_ROOTS_MAX;

		some_roots(v, i, n, m.batch + 32 * have);
		i += n;
		have += n;
		if (have == ETH_MERKLE_BATCH) {
			eth_merkle_add(&m, have);
			have = 0;
		}
	}
	eth_merkle_add(&m, have);
	eth_merkle_root(&m, out);
}

void ssz_bits_root(const uint8_t *bytes, uint64_t bits, uint64_t limit, uint8_t out[32])
{
	size_t n = (bits + 7) / 8;
	struct eth_merkle m;

	eth_merkle_init(&m, eth_merkle_depth((limit + 255) / 256));
	while (n) {
		size_t take = n < sizeof(m.batch) ? n : sizeof(m.batch);

		memcpy(m.batch, bytes, take);
		if (take == n && bits % 8)
			m.batch[n - 1] &= (1u << bits % 8) - 1;
		memset(m.batch + take, 0, -take % 32);
		eth_merkle_add(&m, (take + 31) / 32);
		bytes += take;
		n -= take;
	}
	eth_merkle_root(&m, out);
}

static void list_root(struct ssz_view v, uint8_t out[32])
{
	if (v.type->kind == SSZ_BITLIST)
		ssz_bits_root(v.p, ssz_length(v), v.type->limit, out);
	else if (ssz_basic(v.type->elem) || (v.type->elem->bytes && v.type->elem->size == 32))
		eth_merkle_bytes(out, v.p, v.n, ssz_depth(v.type));
	else
		elems_root(v, out);
}

void ssz_root(const struct ssz_type *t, const uint8_t *p, size_t n, uint8_t out[32])
{
	struct ssz_view v = {t, p, n};

	switch (t->kind) {
	case SSZ_UINT:
	case SSZ_BOOLEAN:
		memset(out, 0, 32);
		memcpy(out, p, n);
		return;
	case SSZ_BITVECTOR:
		eth_merkle_bytes(out, p, n, ssz_depth(t));
		return;
	case SSZ_VECTOR:
		list_root(v, out);
		return;
	case SSZ_LIST:
	case SSZ_BITLIST:
		list_root(v, out);
		eth_mix_in_length(out, out, ssz_length(v));
		return;
	case SSZ_CONTAINER:
		container_root(v, out);
		return;
	}
}
