#include "procs/eth/domain.h"
#include "procs/eth/eth_file.h"
#include "procs/eth/state.h"
#include "procs/eth/types.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct eth_headroom some = {.validators = 70, .historical_roots = 3, .attestation_bytes = 10000};

static void *block_for(size_t bytes)
{
	void *p = aligned_alloc(ETH_STATE_ALIGN,
				(bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN);

	cr_assert(p);
	return p;
}

static struct eth_state *decode(enum eth_preset_id preset, const uint8_t *p, size_t n,
				const struct eth_headroom *h, size_t *bytes)
{
	int r = eth_state_footprint(preset, p, n, h, bytes);

	cr_assert(r == 0, "%s", eth_strerror(r));
	struct eth_state *s = block_for(*bytes);
	r = eth_state_from_ssz(s, *bytes, preset, p, n, h);
	cr_assert(r == 0, "%s", eth_strerror(r));
	cr_assert(eth_state_check(s, *bytes) == 0);
	return s;
}

static void assert_same_ssz(const struct eth_state *s, const uint8_t *p, size_t n, const char *what)
{
	cr_assert(eth_state_ssz_size(s) == n, "%s: %zu bytes, not %zu", what, eth_state_ssz_size(s), n);
	uint8_t *out = malloc(n);
	eth_state_to_ssz(s, out);
	cr_assert(!memcmp(out, p, n), "%s: other bytes", what);
	free(out);
}

static void assert_root(const struct eth_state *s, const char *hex, const char *what)
{
	uint8_t root[32], want[32];

	vec_hex(hex, want, 32);
	eth_state_root(s, root);
	cr_assert(!memcmp(root, want, 32), "%s: wrong root", what);
}

static struct eth_file genesis(void)
{
	char *path = vec_path("mainnet-genesis.ssz_snappy");
	struct eth_file f;
	int r = eth_file_read(path, ETH_FILE_LIMIT, &f, NULL);

	cr_assert(r == 0, "%s: %s", path, eth_strerror(r));
	cr_assert(f.n == 5404504);
	free(path);
	return f;
}

Test(eth_state, mainnet_genesis)
{
	struct eth_file f = genesis();
	size_t bytes;
	struct eth_state *s = decode(ETH_MAINNET, f.p, f.n, NULL, &bytes);
	uint8_t root[32];

	assert_root(s, "0x7e76880eb67bbdc86250aa578958e9d0675e64e714337855204fb5abaaf82c2b", "genesis");
	eth_state_validators_root(s, root);
	cr_assert(!memcmp(root, s->genesis_validators_root, 32));
	vec_hex("0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95", root, 32);
	cr_assert(!memcmp(root, s->genesis_validators_root, 32));
	cr_assert(eth_state_validator_count(s) == 21063 && s->genesis_time == 1606824023 &&
		  eth_state_slot(s) == 0);
	cr_assert(eth_state_pubkey(s, 21062) && !eth_state_pubkey(s, 21063));
	assert_same_ssz(s, f.p, f.n, "genesis");
	free(s);
	free(f.p);
}

static void run_static(enum eth_preset_id preset, const char *archive)
{
	struct vec_set set = vec_open(archive);
	size_t seen = 0;

	for (size_t i = 0; i < set.n; i++) {
		const struct vec_case *c = &set.cases[i];
		char text[128];
		size_t n, bytes;

		vec_component(c->path, 4, text, sizeof(text));
		if (strcmp(text, "BeaconState"))
			continue;
		uint8_t *p = vec_ssz(c, "serialized", &n);
		struct eth_state *s = decode(preset, p, n, seen % 2 ? &some : NULL, &bytes);
		cr_assert(vec_yaml(vec_file(c, "roots.yaml"), "root", text, sizeof(text)));
		assert_root(s, text, c->path);
		assert_same_ssz(s, p, n, c->path);
		free(s);
		free(p);
		seen++;
	}
	cr_assert(seen > 0);
	vec_close(&set);
}

Test(eth_state, specification_values_mainnet, .timeout = 600)
{
	run_static(ETH_MAINNET, "phase0-mainnet-ssz_static.tar.zst");
}

Test(eth_state, specification_values_minimal, .timeout = 600)
{
	run_static(ETH_MINIMAL, "phase0-minimal-ssz_static.tar.zst");
}

/* A state of the minimal preset with validators and attestations in both epochs. */
static uint8_t *minimal_state(size_t *n)
{
	struct vec_set set = vec_open("phase0-minimal-ssz_static.tar.zst");
	uint8_t *best = NULL;

	for (size_t i = 0; i < set.n; i++) {
		char text[64];
		uint8_t *p;
		size_t len;

		vec_component(set.cases[i].path, 4, text, sizeof(text));
		if (strcmp(text, "BeaconState"))
			continue;
		p = vec_ssz(&set.cases[i], "serialized", &len);
		if (!best || len > *n) {
			free(best);
			best = p;
			*n = len;
		} else {
			free(p);
		}
	}
	vec_close(&set);
	cr_assert(best);
	return best;
}

Test(eth_state, other_preset_has_its_own_error)
{
	struct eth_file f = genesis();
	uint8_t *memory = block_for(1 << 24);
	size_t n, bytes;
	uint8_t *minimal = minimal_state(&n);

	cr_assert(eth_state_from_ssz(memory, 1 << 24, ETH_MINIMAL, f.p, f.n, NULL) == ETH_ERR_PRESET);
	cr_assert(eth_state_from_ssz(memory, 1 << 24, ETH_MAINNET, minimal, n, NULL) == ETH_ERR_PRESET);
	cr_assert(eth_state_footprint(ETH_MAINNET, minimal, n, NULL, &bytes) == ETH_ERR_PRESET);
	cr_assert(eth_state_from_ssz(memory, 1 << 24, ETH_MAINNET, f.p, f.n - 1, NULL) ==
		  ETH_ERR_OFFSET_RANGE);
	cr_assert(eth_state_from_ssz(memory, 1 << 24, ETH_MAINNET, f.p, 100, NULL) == ETH_ERR_SHORT);
	free(minimal);
	free(memory);
	free(f.p);
}

Test(eth_state, refusals)
{
	size_t n, bytes;
	uint8_t *p = minimal_state(&n);
	uint8_t *memory;

	cr_assert(eth_state_footprint(ETH_MINIMAL, p, n, NULL, &bytes) == 0);
	memory = block_for(bytes + 64);
	cr_assert(eth_state_from_ssz(memory, bytes - 1, ETH_MINIMAL, p, n, NULL) == ETH_ERR_ROOM);
	cr_assert(eth_state_from_ssz(memory, bytes, ETH_MINIMAL, p, n, &some) == ETH_ERR_ROOM);
	cr_assert(eth_state_from_ssz(memory + 8, bytes, ETH_MINIMAL, p, n, NULL) == ETH_ERR_ALIGN);
	cr_assert(eth_state_from_ssz(memory, bytes, ETH_MINIMAL, p, n, NULL) == 0);
	cr_assert(eth_state_check(memory + 8, bytes) == ETH_ERR_ALIGN);
	cr_assert(eth_state_check(memory, bytes - 1) == ETH_ERR_LAYOUT);
	struct eth_state *s = (struct eth_state *)memory;
	s->magic++;
	cr_assert(eth_state_check(memory, bytes) == ETH_ERR_MAGIC);
	s->magic--;
	s->version++;
	cr_assert(eth_state_check(memory, bytes) == ETH_ERR_VERSION);
	free(memory);
	free(p);
}

Test(eth_state, copied_by_one_memcpy_and_adopted)
{
	size_t n, bytes;
	uint8_t *p = minimal_state(&n);
	struct eth_state *s = decode(ETH_MINIMAL, p, n, &some, &bytes);
	uint64_t used = eth_state_size(s);
	struct eth_state *copy = block_for(used);

	cr_assert(used < bytes);
	memcpy(copy, s, used);
	cr_assert(eth_state_check(copy, used) == 0);
	cr_assert(eth_state_adopt(copy, used) == 0);
	cr_assert(copy->region[ETH_ATTESTATIONS].room == copy->region[ETH_ATTESTATIONS].count);
	assert_same_ssz(copy, p, n, "copy");

	struct eth_state *larger = block_for(bytes * 2);
	cr_assert(eth_state_regrow(larger, bytes, copy, &some) == 0);
	cr_assert(eth_state_check(larger, bytes) == 0);
	assert_same_ssz(larger, p, n, "regrown");
	cr_assert(larger->region[ETH_VALIDATORS].room == larger->region[ETH_VALIDATORS].count + 70 ||
		  larger->region[ETH_BALANCES].room == larger->region[ETH_BALANCES].count + 70);
	cr_assert(eth_state_regrow(larger, used, copy, &some) == ETH_ERR_ROOM);
	free(larger);
	free(copy);
	free(s);
	free(p);
}

/* A hostile block is refused, or all that reads it stays inside of it (the sanitizer's to see). */
Test(eth_state, damaged_blocks, .timeout = 600)
{
	size_t n, bytes, refused = 0;
	uint8_t *p = minimal_state(&n);
	struct eth_state *s = decode(ETH_MINIMAL, p, n, &some, &bytes);
	uint64_t used = eth_state_size(s), seed = 7;
	uint8_t *damaged = block_for(used), root[32];
	uint64_t records = s->region[ETH_ATTESTATIONS].at;

	for (int i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t r = seed >> 33;
		/* The header, or the attestations' headers: where offsets and counts are. */
		uint64_t at = i % 2 ? r % sizeof(*s) : records + r % (used - records);

		memcpy(damaged, s, used);
		damaged[at] ^= (uint8_t)(1u << (seed & 7));
		if (eth_state_check(damaged, used)) {
			refused++;
			continue;
		}
		struct eth_state *d = (struct eth_state *)damaged;
		uint8_t *out = malloc(eth_state_ssz_size(d));
		eth_state_to_ssz(d, out);
		if (i % 50 == 0)
			eth_state_root(d, root);
		free(out);
	}
	cr_assert(refused > 1000);
	free(damaged);
	free(s);
	free(p);
}
