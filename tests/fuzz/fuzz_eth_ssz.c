/* Serialized values of every container. The first byte chooses preset and type; what is accepted can be read and hashed
 * in full, and a state goes into its block form and back. */

#include "procs/eth/state.h"
#include "procs/eth/types.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static uint64_t visit(struct ssz_view v)
{
	uint64_t sum = 0;

	switch (v.type->kind) {
	case SSZ_CONTAINER:
		for (uint32_t i = 0; i < v.type->fields; i++)
			sum += visit(ssz_field(v, i));
		return sum;
	case SSZ_LIST:
	case SSZ_VECTOR:
		for (uint64_t i = 0, n = ssz_length(v); i < n; i++)
			sum += visit(ssz_elem(v, i));
		return sum;
	case SSZ_BITLIST:
	case SSZ_BITVECTOR:
		for (uint64_t i = 0, n = ssz_length(v); i < n; i++)
			sum += ssz_bit(v, i);
		return sum;
	default:
		return ssz_u64(v);
	}
}

static void through_block(enum eth_preset_id preset, struct ssz_view v)
{
	const struct eth_headroom room = {.validators = 2, .trees = true, .attestation_bytes = 64};
	uint8_t want[32], plain[32], cached[32];
	size_t bytes;

	CHECK(eth_state_footprint(preset, v.p, v.n, &room, &bytes) == 0);
	struct eth_state *s = aligned_alloc(ETH_STATE_ALIGN, (bytes + 63) / 64 * 64);
	uint8_t *back = malloc(v.n);
	CHECK(s && back && eth_state_from_ssz(s, bytes, preset, v.p, v.n, &room) == 0);
	CHECK(eth_state_check(s, bytes) == 0 && eth_state_ssz_size(s) == v.n);
	eth_state_to_ssz(s, back);
	CHECK(!memcmp(back, v.p, v.n));
	ssz_root(v.type, v.p, v.n, want);
	eth_state_root(s, plain);
	eth_state_root_cached(s, cached);
	CHECK(!memcmp(want, plain, 32) && !memcmp(want, cached, 32));
	free(back);
	free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssz_fault fault;
	uint8_t root[32];

	if (!size)
		return 0;
	enum eth_preset_id preset = data[0] & 1;
	struct ssz_view v = {eth_type(preset, (data[0] >> 1) % ETH_TYPE_COUNT), data + 1, size - 1};
	if (ssz_check(v.type, v.p, v.n, &fault)) {
		CHECK(fault.at <= v.n && fault.type);
		return 0;
	}
	ssz_root(v.type, v.p, v.n, root);
	visit(v);
	if (v.type == eth_type(preset, ETH_BeaconState))
		through_block(preset, v);
	return 0;
}
