#include "procs/eth/containers.h"
#include "procs/eth/sha256.h"
#include "procs/eth/types.h"
#include "procs/ncli/generic.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(eth_ssz, specification_values_have_their_roots, .timeout = 600)
{
	static const char *const archives[ETH_PRESETS] = {"phase0-mainnet-ssz_static.tar.zst",
							  "phase0-minimal-ssz_static.tar.zst"};
	static const size_t cases[ETH_PRESETS] = {128, 1161};

	for (int preset = 0; preset < ETH_PRESETS; preset++) {
		struct vec_set set = vec_open(archives[preset]);

		cr_assert(set.n == cases[preset], "%s: %zu cases", archives[preset], set.n);
		for (size_t i = 0; i < set.n; i++) {
			const struct vec_case *c = &set.cases[i];
			uint8_t root[32], want[32], *p;
			char text[128];
			size_t n;

			vec_component(c->path, 4, text, sizeof(text));
			const struct ssz_type *t = eth_type_by_name(preset, text);
			cr_assert(t, "%s: no type", c->path);
			p = vec_ssz(c, "serialized", &n);
			cr_assert(p && ssz_check(t, p, n, NULL) == 0, "%s: refused", c->path);
			cr_assert(vec_yaml(vec_file(c, "roots.yaml"), "root", text, sizeof(text)));
			vec_hex(text, want, 32);
			ssz_root(t, p, n, root);
			cr_assert(!memcmp(root, want, 32), "%s: wrong root", c->path);
			free(p);
		}
		vec_close(&set);
	}
}

Test(eth_ssz, generic_cases, .timeout = 600)
{
	struct vec_set set = vec_open("ssz_generic.tar.zst");

	cr_assert(set.n == 1865, "%zu cases", set.n);
	for (size_t i = 0; i < set.n; i++) {
		const struct vec_case *c = &set.cases[i];
		char handler[64], suite[64], name[128], text[128];
		struct ncli_generic g;
		uint8_t root[32], want[32], *p;
		size_t n;

		vec_component(c->path, 4, handler, sizeof(handler));
		vec_component(c->path, 5, suite, sizeof(suite));
		vec_component(c->path, 6, name, sizeof(name));
		const struct ssz_type *t = ncli_generic_type(handler, name, &g);
		cr_assert(t, "%s: no type", c->path);
		p = vec_ssz(c, "serialized", &n);
		cr_assert(p);
		int r = ssz_check(t, p, n, NULL);
		if (!strcmp(suite, "invalid")) {
			cr_assert(r < 0, "%s: accepted", c->path);
		} else {
			cr_assert(r == 0, "%s: %s", c->path, eth_strerror(r));
			cr_assert(vec_yaml(vec_file(c, "meta.yaml"), "root", text, sizeof(text)));
			vec_hex(text, want, 32);
			ssz_root(t, p, n, root);
			cr_assert(!memcmp(root, want, 32), "%s: wrong root", c->path);
		}
		free(p);
	}
	vec_close(&set);
}

/* Visits every value below `v`, so that a sanitizer sees any view that leaves the bytes. */
static uint64_t visit(struct ssz_view v)
{
	uint64_t sum = 0;

	if (v.type->kind == SSZ_CONTAINER) {
		for (uint32_t i = 0; i < v.type->fields; i++)
			sum += visit(ssz_field(v, i));
	} else if (v.type->kind == SSZ_LIST || v.type->kind == SSZ_VECTOR) {
		for (uint64_t i = 0, n = ssz_length(v); i < n; i++)
			sum += visit(ssz_elem(v, i));
	} else if (v.type->kind == SSZ_BITLIST || v.type->kind == SSZ_BITVECTOR) {
		for (uint64_t i = 0, n = ssz_length(v); i < n; i++)
			sum += ssz_bit(v, i);
	} else {
		sum += ssz_u64(v);
	}
	return sum;
}

/* Refused, or a value all of which can be read and hashed. */
static bool accepted(const struct ssz_type *t, const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1), root[32];
	struct ssz_fault fault;

	memcpy(exact, p, n);
	int r = ssz_check(t, exact, n, &fault);
	if (r == 0) {
		ssz_root(t, exact, n, root);
		visit((struct ssz_view){t, exact, n});
	} else {
		cr_assert(fault.at <= n && fault.type, "%s: fault at %zu of %zu", t->name, fault.at, n);
	}
	free(exact);
	return r == 0;
}

Test(eth_ssz, damaged_values_are_refused_or_stay_in_bounds, .timeout = 600)
{
	struct vec_set set = vec_open("phase0-minimal-ssz_static.tar.zst");
	uint64_t seed = 1;
	size_t flipped = 0, refused = 0;

	for (size_t i = 0; i < set.n; i += 7) {
		const struct vec_case *c = &set.cases[i];
		char name[64];
		size_t n;
		uint8_t *p = vec_ssz(c, "serialized", &n);

		vec_component(c->path, 4, name, sizeof(name));
		const struct ssz_type *t = eth_type_by_name(ETH_MINIMAL, name);
		for (int k = 0; k < 40; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			/* Half of the time in the front, where the offsets are. */
			size_t at = (seed >> 33) % (seed & 1 << 20 && n > 300 ? 300 : n);
			uint8_t bit = (uint8_t)(1u << (seed >> 60 & 7));

			p[at] ^= bit;
			refused += !accepted(t, p, n);
			flipped++;
			p[at] ^= bit;
			size_t cut = (seed >> 13) % n;
			cr_assert(!t->size || !accepted(t, p, cut), "%s cut to %zu bytes", c->path, cut);
			accepted(t, p, cut);
		}
		free(p);
	}
	cr_assert(flipped > 1000 && refused > 0 && refused < flipped);
	vec_close(&set);
}

/* A SignedBeaconBlock with one attestation, by hand, so that each error can be caused by itself. */
struct ETH_PACKED sample {
	struct ssz_signed_beacon_block signed_block;
	struct ssz_beacon_block block;
	struct ssz_beacon_block_body body;
	uint32_t attestation_at;
	struct ssz_attestation attestation;
	uint8_t bits[2];
};

static struct sample sample(void)
{
	struct sample s;

	memset(&s, 0, sizeof(s));
	s.signed_block.message_at = sizeof(s.signed_block);
	s.block.body_at = sizeof(s.block);
	s.body.proposer_slashings_at = s.body.attester_slashings_at = s.body.attestations_at = sizeof(s.body);
	s.body.deposits_at = s.body.voluntary_exits_at =
		sizeof(s.body) + sizeof(s.attestation_at) + sizeof(s.attestation) + sizeof(s.bits);
	s.attestation_at = 4;
	s.attestation.aggregation_bits_at = sizeof(s.attestation);
	s.bits[1] = 1;
	return s;
}

static int check_sample(const struct sample *s, size_t n, struct ssz_fault *f)
{
	return ssz_check(eth_type(ETH_MAINNET, ETH_SignedBeaconBlock), (const uint8_t *)s, n, f);
}

Test(eth_ssz, every_error_has_its_code_and_place)
{
	struct ssz_fault f;
	struct sample s = sample();

	cr_assert(check_sample(&s, sizeof(s), NULL) == 0);
	cr_assert(check_sample(&s, 99, &f) == ETH_ERR_SHORT);
	s.signed_block.message_at++;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_FIRST_OFFSET && f.at == 0);
	s = sample();
	s.body.attestations_at--;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_OFFSET_ORDER);
	cr_assert(!strcmp(f.type->name, "BeaconBlockBody") && !strcmp(f.field, "attestations"));
	s = sample();
	s.body.voluntary_exits_at = 1 << 20;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_OFFSET_RANGE);
	s = sample();
	s.body.voluntary_exits_at--;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_OFFSET_ORDER);
	s.body.deposits_at--;
	cr_assert(check_sample(&s, sizeof(s), &f) != 0);
	s = sample();
	s.attestation_at = 5;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_FIRST_OFFSET);
	s = sample();
	s.attestation_at = 4 * 129;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_LIST_LIMIT);
	s = sample();
	s.bits[1] = 0;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_BITLIST_DELIMITER && f.at == sizeof(s));
	s = sample();
	s.body.voluntary_exits_at -= 1;
	s.body.deposits_at -= 1;
	s.bits[0] = 1;
	cr_assert(check_sample(&s, sizeof(s), &f) == ETH_ERR_LIST_BYTES &&
		  !strcmp(f.field, "voluntary_exits"));
}

Test(eth_ssz, a_bitlist_past_its_limit_is_refused)
{
	static const struct ssz_type t = {.name = "Bitlist[9]", .kind = SSZ_BITLIST, .limit = 9};
	static const uint8_t nine[] = {0xff, 0x03}, ten[] = {0xff, 0x07}, many[] = {0, 0, 1};

	cr_assert(ssz_check(&t, nine, 2, NULL) == 0 && ssz_bitlist_length(nine, 2) == 9);
	cr_assert(ssz_check(&t, ten, 2, NULL) == ETH_ERR_BITLIST_LIMIT);
	cr_assert(ssz_check(&t, many, 3, NULL) == ETH_ERR_BITLIST_LIMIT);
	cr_assert(ssz_check(&t, many, 0, NULL) == ETH_ERR_BITLIST_DELIMITER);
}

Test(eth_ssz, fields_are_read_in_place)
{
	struct sample s = sample();
	struct ssz_view v = {eth_type(ETH_MAINNET, ETH_SignedBeaconBlock), (const uint8_t *)&s, sizeof(s)};

	s.block.proposer_index = 1144;
	struct ssz_view block = ssz_field_named(v, "message");
	cr_assert(block.p == (const uint8_t *)&s.block && block.n == sizeof(s) - sizeof(s.signed_block));
	cr_assert(ssz_u64(ssz_field_named(block, "proposer_index")) == 1144);
	struct ssz_view list = ssz_field_named(ssz_field_named(block, "body"), "attestations");
	cr_assert(ssz_length(list) == 1);
	struct ssz_view bits = ssz_field_named(ssz_elem(list, 0), "aggregation_bits");
	cr_assert(bits.p == s.bits && ssz_length(bits) == 8 && !ssz_bit(bits, 7));
	cr_assert_null(ssz_field_named(block, "graffiti").type);
}
