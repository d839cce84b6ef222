/*
 * Block processing on a decoded state that may be senseless. Input: how many bytes of the state to change (mod 32); for
 * each its offset (3 bytes, little-endian, modulo the size) and its value; then a SignedBeaconBlock. Whatever comes,
 * nothing leaves its memory, what is refused is refused with a code, and hash trees agree with a full root.
 */

#include "procs/eth/genesis.h"
#include "procs/eth/transition.h"
#include "procs/eth/types.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* Slots from one block to the next: two epochs of the minimal preset; time is linear in it. */
#define SLOTS_MAX 16
#define VALIDATORS 40

static struct eth_engine *engine;
static uint8_t *base;
static size_t base_size;

static void set_up(void)
{
	struct eth_config config = eth_config_default(ETH_MINIMAL);
	struct eth_headroom room = {.validators = VALIDATORS, .attestation_bytes = 4096};
	size_t bytes = (eth_state_footprint_for(ETH_MINIMAL, &room) + 63) / 64 * 64;
	struct eth_state *s = aligned_alloc(64, bytes);

	engine = eth_engine_new(&config);
	CHECK(engine && s);
	CHECK(eth_genesis_interop(&config, s, bytes, VALIDATORS, 1578009600, NULL) == 0);
	CHECK(eth_process_slots(engine, s, 3) == 0);
	base_size = eth_state_ssz_size(s);
	base = malloc(base_size);
	CHECK(base);
	eth_state_to_ssz(s, base);
	free(s);
}

static struct eth_state *changed_state(const uint8_t *patch, size_t patches)
{
	const struct eth_headroom room = {
		.validators = 16, .historical_roots = 4, .trees = true, .attestation_bytes = 128 * 1024};
	uint8_t *ssz = malloc(base_size);
	struct eth_state *s = NULL;
	size_t bytes;

	CHECK(ssz);
	memcpy(ssz, base, base_size);
	for (size_t i = 0; i < patches; i++, patch += 4)
		ssz[(patch[0] | patch[1] << 8 | patch[2] << 16) % base_size] = patch[3];
	if (eth_state_footprint(ETH_MINIMAL, ssz, base_size, &room, &bytes) == 0) {
		s = aligned_alloc(64, (bytes + 63) / 64 * 64);
		CHECK(s && eth_state_from_ssz(s, bytes, ETH_MINIMAL, ssz, base_size, &room) == 0);
	}
	free(ssz);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned flags =
		ETH_SKIP_BLS | ETH_SKIP_STATE_ROOT | ETH_SKIP_DEPOSIT_PROOF | ETH_SKIP_PARENT_ROOT;
	uint8_t plain[32], cached[32];

	if (!engine)
		set_up();
	size_t patches = size ? data[0] % 32 : 0;
	if (size < 1 + 4 * patches)
		return 0;
	struct ssz_view v = {eth_type(ETH_MINIMAL, ETH_SignedBeaconBlock), data + 1 + 4 * patches,
			     size - 1 - 4 * patches};
	if (ssz_check(v.type, v.p, v.n, NULL))
		return 0;
	struct eth_state *s = changed_state(data + 1, patches);
	if (!s)
		return 0;
	uint64_t slot = ssz_u64(ssz_field(ssz_field(v, 0), 0));
	eth_state_root_cached(s, cached);
	/* The caller's part: a slot far ahead is refused by the clock before it comes here. */
	if (slot > s->slot && slot - s->slot <= SLOTS_MAX) {
		int r = eth_state_transition(engine, s, v, flags);

		CHECK(r <= 0 && r != ETH_ERR_MEMORY);
	}
	CHECK(eth_state_check(s, s->capacity) == 0);
	eth_state_root(s, plain);
	eth_state_root_cached(s, cached);
	CHECK(!memcmp(plain, cached, 32));
	free(s);
	return 0;
}
