#include "procs/eth/domain.h"
#include "procs/eth/sha256.h"
#include "procs/eth/types.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

static json_t *expected(const struct vec_case *c)
{
	const struct vec_file *f = vec_file(c, "expected.json");
	json_error_t e;

	cr_assert(f);
	json_t *j = json_loadb((const char *)f->p, f->n, 0, &e);
	cr_assert(j, "expected.json: %s", e.text);
	return j;
}

static void assert_root(json_t *block, const char *key, const uint8_t root[32])
{
	uint8_t want[32];

	vec_hex(json_string_value(json_object_get(block, key)), want, 32);
	cr_assert(!memcmp(root, want, 32), "%s of %s", key,
		  json_string_value(json_object_get(block, "file")));
}

Test(eth_domain, roots_of_real_mainnet_blocks)
{
	struct vec_set set = vec_open("real-mainnet-blocks.tar.zst");
	json_t *j, *block;
	size_t i;

	cr_assert(set.n == 1);
	j = expected(&set.cases[0]);
	cr_assert(json_array_size(json_object_get(j, "blocks")) == 4);
	json_array_foreach(json_object_get(j, "blocks"), i, block)
	{
		const struct vec_file *f =
			vec_file(&set.cases[0], json_string_value(json_object_get(block, "file")));
		struct ssz_view v = {eth_type(ETH_MAINNET, ETH_SignedBeaconBlock), f->p, f->n}, message;
		uint8_t root[32];

		cr_assert(ssz_check(v.type, v.p, v.n, NULL) == 0, "%s", f->name);
		message = ssz_field_named(v, "message");
		ssz_root(message.type, message.p, message.n, root);
		assert_root(block, "root", root);
		const struct ssz_beacon_block *b = (const struct ssz_beacon_block *)message.p;
		assert_root(block, "parent_root", b->parent_root);
		assert_root(block, "state_root", b->state_root);
		cr_assert((json_int_t)b->slot == json_integer_value(json_object_get(block, "slot")));
		struct ssz_view a = ssz_field_named(ssz_field_named(message, "body"), "attestations");
		cr_assert((json_int_t)ssz_length(a) ==
			  json_integer_value(json_object_get(block, "attestations")));
	}
	json_decref(j);
	vec_close(&set);
}

/* The fork digest of mainnet's phase 0, as peers announce it. */
Test(eth_domain, mainnet_fork_digest)
{
	uint8_t root[32], digest[4];

	vec_hex("0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95", root, 32);
	eth_fork_digest((const uint8_t[4]){0}, root, digest);
	cr_assert(!memcmp(digest, "\xb5\x30\x3f\x2a", 4));
}

Test(eth_domain, the_fork_in_force_decides)
{
	struct ssz_fork fork = {
		.previous_version = {0, 0, 0, 1}, .current_version = {1, 0, 0, 1}, .epoch = 5};
	uint8_t root[32] = {9}, before[32], at[32], want[32];

	eth_domain_at(&fork, root, ETH_DOMAIN_RANDAO, 4, before);
	eth_domain_at(&fork, root, ETH_DOMAIN_RANDAO, 5, at);
	eth_domain_compute(ETH_DOMAIN_RANDAO, fork.previous_version, root, want);
	cr_assert(!memcmp(before, want, 32) && before[0] == 2);
	eth_domain_compute(ETH_DOMAIN_RANDAO, fork.current_version, root, want);
	cr_assert(!memcmp(at, want, 32) && memcmp(at, before, 32));
}

Test(eth_domain, signing_root_is_that_of_signing_data)
{
	struct ssz_signing_data d = {.object_root = {1}, .domain = {2}};
	uint8_t want[32], got[32];

	ssz_root(eth_type(ETH_MAINNET, ETH_SigningData), (const uint8_t *)&d, sizeof(d), want);
	eth_signing_root(d.object_root, d.domain, got);
	cr_assert(!memcmp(got, want, 32));
	eth_signing_root_u64(1, d.domain, got);
	cr_assert(!memcmp(got, want, 32));
}
