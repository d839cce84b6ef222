#include "procs/eth/engine.h"
#include "procs/eth/committee.h"
#include "procs/eth/genesis.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATORS 40

static struct eth_config config;
static struct eth_engine *engine;

static void set_up(void)
{
	config = eth_config_default(ETH_MINIMAL);
	engine = eth_engine_new(&config);
	cr_assert(engine);
}

static void tear_down(void)
{
	eth_engine_free(engine);
}

TestSuite(eth_engine, .init = set_up, .fini = tear_down);

static struct eth_state *genesis(uint64_t validators)
{
	size_t bytes = eth_state_footprint_for(ETH_MINIMAL, &(struct eth_headroom){.validators = validators});
	bytes = (bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN;
	struct eth_state *s = aligned_alloc(ETH_STATE_ALIGN, bytes);

	cr_assert(s && eth_genesis_interop(&config, s, bytes, validators, 1600000000, NULL) == 0);
	return s;
}

static struct eth_validator *validator(struct eth_state *s, uint64_t i)
{
	return (struct eth_validator *)eth_state_at_mut(s, ETH_VALIDATORS) + i;
}

static void assert_keys(struct eth_state *s)
{
	for (uint64_t i = 0; i < eth_state_validator_count(s); i++) {
		const struct bls_pubkey *key;
		uint8_t bytes[48];
		uint64_t found;

		cr_assert(eth_engine_pubkey(engine, s, i, &key) == 0);
		bls_pubkey_to_bytes(bytes, key);
		cr_assert(!memcmp(bytes, eth_state_pubkey(s, i), 48), "validator %lu", i);
		cr_assert(eth_engine_validator_index(engine, s, bytes, &found) == 0 && found == i);
	}
}

Test(eth_engine, keys_and_indices)
{
	struct eth_state *s = genesis(VALIDATORS);
	const struct bls_pubkey *key;
	uint8_t unknown[48] = {0xc0};
	uint64_t found;

	assert_keys(s);
	cr_assert(eth_engine_validator_index(engine, s, unknown, &found) == 0 && found == UINT64_MAX);
	cr_assert(eth_engine_pubkey(engine, s, VALIDATORS, &key) == ETH_BAD_VALIDATOR_INDEX);
	cr_assert(eth_engine_warm_keys(engine, s) == 0);
	size_t warm = eth_engine_bytes(engine);
	assert_keys(s);
	cr_assert(eth_engine_bytes(engine) == warm);
	free(s);
}

/* Forks whose registries differ at the same indices take turns; each gets its own answers. */
Test(eth_engine, registries_of_forks)
{
	struct eth_state *a = genesis(VALIDATORS), *b = genesis(VALIDATORS), *small = genesis(8);
	uint8_t first[48], last[48];
	uint64_t found;

	memcpy(first, eth_state_pubkey(a, 3), 48);
	memcpy(last, eth_state_pubkey(a, 30), 48);
	memcpy(validator(b, 3)->pubkey, last, 48);
	memcpy(validator(b, 30)->pubkey, first, 48);
	for (int i = 0; i < 3; i++) {
		assert_keys(a);
		assert_keys(b);
		assert_keys(small);
		cr_assert(eth_engine_validator_index(engine, small, last, &found) == 0 &&
			  found == UINT64_MAX);
		cr_assert(eth_engine_validator_index(engine, a, last, &found) == 0 && found == 30);
		cr_assert(eth_engine_validator_index(engine, b, last, &found) == 0 && found == 3);
	}
	memset(validator(b, 5)->pubkey, 0xff, 48);
	const struct bls_pubkey *key;
	cr_assert(eth_engine_pubkey(engine, b, 5, &key) == ETH_BAD_PUBKEY);
	cr_assert(eth_engine_pubkey(engine, a, 5, &key) == 0);
	free(a);
	free(b);
	free(small);
}

/* All committees of an epoch together are the active set, each member once. */
static void assert_partition(const struct eth_state *s, uint64_t epoch, uint64_t active)
{
	uint8_t seen[VALIDATORS] = {0};
	struct eth_shuffling sh;
	uint64_t members = 0;

	cr_assert(eth_shuffling(engine, s, epoch, &sh) == 0 && sh.active == active);
	for (uint64_t slot = epoch * 8; slot < epoch * 8 + 8; slot++) {
		for (uint64_t i = 0; i < sh.committees_per_slot; i++) {
			struct eth_committee c = eth_committee_of(&sh, eth_state_preset(s), slot, i);

			for (size_t k = 0; k < c.n; k++, members++)
				cr_assert(!seen[c.index[k]]++);
		}
	}
	cr_assert(members == active);
}

Test(eth_engine, committees_follow_the_state_they_are_asked_for)
{
	struct eth_state *s = genesis(VALIDATORS);
	struct eth_committee c;
	uint64_t proposer;

	assert_partition(s, 0, VALIDATORS);
	/* Decoded again, so that the prints are those of the changed registry. */
	validator(s, 7)->exit_epoch = 0;
	size_t n = eth_state_ssz_size(s), bytes;
	uint8_t *ssz = malloc(n);
	eth_state_to_ssz(s, ssz);
	cr_assert(eth_state_footprint(ETH_MINIMAL, ssz, n, NULL, &bytes) == 0);
	struct eth_state *t = aligned_alloc(ETH_STATE_ALIGN, (bytes + 63) / 64 * 64);
	cr_assert(t && eth_state_from_ssz(t, bytes, ETH_MINIMAL, ssz, n, NULL) == 0);
	validator(s, 7)->exit_epoch = UINT64_MAX;
	for (int i = 0; i < 2; i++) {
		assert_partition(t, 0, VALIDATORS - 1);
		assert_partition(s, 0, VALIDATORS);
	}
	cr_assert(eth_proposer_index(engine, s, 8, &proposer) == ETH_BAD_SLOT);
	cr_assert(eth_beacon_committee(engine, s, 0, 99, &c) == ETH_BAD_COMMITTEE_INDEX);
	free(ssz);
	free(t);
	free(s);
}

Test(eth_engine, nobody_active)
{
	struct eth_state *s = genesis(VALIDATORS);
	struct eth_shuffling sh;
	uint64_t proposer;

	for (uint64_t i = 0; i < VALIDATORS; i++)
		validator(s, i)->exit_epoch = 0;
	cr_assert(eth_shuffling(engine, s, 0, &sh) == ETH_BAD_NO_ACTIVE_VALIDATORS);
	cr_assert(eth_proposer_index(engine, s, 0, &proposer) == ETH_BAD_NO_ACTIVE_VALIDATORS);
	free(s);
}
