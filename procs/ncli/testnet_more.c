/* What a testnet has besides its chain: gossip objects of one slot, and blocks that must be refused. */
#include "procs/ncli/testnet.h"
#include "procs/eth/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ATTESTATION_BYTES (sizeof(struct ssz_attestation) + 257)

static json_t *hex_of(const uint8_t *p, size_t n)
{
	char text[2 + 2 * 96 + 1] = "0x";

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 + 2 * i, 3, "%02x", p[i]);
	return json_string(text);
}

static void sign(const struct testnet *t, uint64_t validator, const uint8_t root[32], uint8_t signature[96])
{
	eth_sign(&t->secret[validator], root, signature);
}

/* The attestation of one member of a committee; returns its size. */
static size_t single(const struct testnet *t, const struct eth_state *s,
		     const struct ssz_attestation_data *data, const struct eth_committee *c, size_t position,
		     uint8_t out[ATTESTATION_BYTES])
{
	struct ssz_attestation *a = (void *)out;
	uint8_t root[32];

	memset(out, 0, ATTESTATION_BYTES);
	a->aggregation_bits_at = sizeof(*a);
	a->data = *data;
	out[sizeof(*a) + position / 8] |= (uint8_t)(1 << position % 8);
	out[sizeof(*a) + c->n / 8] |= (uint8_t)(1 << c->n % 8);
	eth_attestation_signing_root(s, data, root);
	sign(t, c->index[position], root, a->signature);
	return sizeof(*a) + c->n / 8 + 1;
}

/* SignedAggregateAndProof of the largest aggregate there is, or of the aggregator's own attestation. */
static enum ncli_status write_aggregate(struct testnet *t, const struct eth_state *s, uint64_t validator,
					const uint8_t proof[96], const uint8_t *own, size_t own_n,
					const char *name)
{
	struct ETH_PACKED {
		struct ssz_signed_aggregate_and_proof outer;
		struct ssz_aggregate_and_proof m;
		uint8_t aggregate[ATTESTATION_BYTES];
	} *v = calloc(1, sizeof(*v));
	uint8_t root[32];

	if (!v)
		return ncli_fail(t->n, NCLI_FAILED, "%s: out of memory", name);
	size_t n = eth_pool_aggregate(t->pool, &((const struct ssz_attestation *)own)->data, v->aggregate,
				      sizeof(v->aggregate));

	if (!n) {
		memcpy(v->aggregate, own, own_n);
		n = own_n;
	}
	v->outer.message_at = sizeof(v->outer);
	v->m.aggregator_index = validator;
	v->m.aggregate_at = sizeof(v->m);
	memcpy(v->m.selection_proof, proof, 96);
	struct ssz_view message = {eth_type(t->preset->id, ETH_AggregateAndProof), (const void *)&v->m,
				   sizeof(v->m) + n};

	eth_aggregate_signing_root(s, message, root);
	sign(t, validator, root, v->outer.signature);
	enum ncli_status status = testnet_write(t, name, v, sizeof(v->outer) + message.n);

	free(v);
	return status;
}

/* One member's objects, and its line of gossip.json. */
static enum ncli_status member(struct testnet *t, const struct eth_state *s,
			       const struct ssz_attestation_data *data, const struct eth_committee *c,
			       size_t position, uint64_t committees)
{
	uint8_t ssz[ATTESTATION_BYTES], proof[96], root[32];
	uint64_t validator = c->index[position];
	char name[120], place[64];
	size_t n = single(t, s, data, c, position, ssz);

	snprintf(place, sizeof(place), "slot%" PRIu64 "_committee%" PRIu64 "_validator%" PRIu64, data->slot,
		 data->index, validator);
	snprintf(name, sizeof(name), "gossip/attestation_%s.ssz_snappy", place);
	eth_selection_signing_root(s, data->slot, root);
	sign(t, validator, root, proof);
	ssz_root(eth_type(t->preset->id, ETH_AttestationData), (const void *)data, sizeof(*data), root);
	bool aggregates = eth_is_aggregator(c->n, proof);
	json_t *line = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:b}", "slot", (json_int_t)data->slot,
		"committee_index", (json_int_t)data->index, "subnet_id",
		(json_int_t)eth_attestation_subnet(&t->config, committees, data->slot, data->index),
		"validator_index", (json_int_t)validator, "position", (json_int_t)position,
		"committee_length", (json_int_t)c->n, "attestation", name, "data_root", hex_of(root, 32),
		"selection_proof", hex_of(proof, 96), "is_aggregator", aggregates);
	enum ncli_status status = testnet_write(t, name, ssz, n);

	if (status == NCLI_OK && aggregates) {
		snprintf(name, sizeof(name), "gossip/signed_aggregate_and_proof_%s.ssz_snappy", place);
		json_object_set_new(line, "signed_aggregate_and_proof", json_string(name));
		status = write_aggregate(t, s, validator, proof, ssz, n, name);
	}
	json_array_append_new(t->gossip, line);
	return status;
}

enum ncli_status testnet_gossip(struct testnet *t, uint64_t slot, const uint8_t head[32])
{
	const struct eth_state *s = ncli_store_state_at(t->store, head, slot);
	enum ncli_status status = NCLI_OK;
	struct ssz_attestation_data data;
	struct eth_shuffling sh;

	if (!s || eth_shuffling(t->engine, s, eth_current_epoch(s), &sh))
		return ncli_fail(t->n, NCLI_FAILED, "slot %" PRIu64 ": no committees", slot);
	uint64_t committees = sh.committees_per_slot;

	for (uint64_t k = 0; k < committees; k++) {
		struct eth_committee c;

		eth_attestation_data(s, head, k, &data);
		for (size_t i = 0; status == NCLI_OK; i++) {
			if (eth_beacon_committee(t->engine, s, slot, k, &c) || i >= c.n)
				break;
			status = member(t, s, &data, &c, i, committees);
		}
	}
	return status;
}

/* A block that is like a valid one but for one thing. */
struct variant {
	struct testnet *t;
	const struct made *valid;
	const struct eth_state *at_slot; /* the parent's, advanced to the block's slot */
	uint64_t parent_slot;
	uint8_t *p; /* a copy, to be changed */
	size_t n;
	uint64_t other; /* a validator that is not the proposer */
};

static struct ssz_beacon_block *message(struct variant *v)
{
	return (struct ssz_beacon_block *)(v->p + sizeof(struct ssz_signed_beacon_block));
}

static void sign_again(struct variant *v, uint64_t validator)
{
	struct ssz_view whole = {eth_type(v->t->preset->id, ETH_SignedBeaconBlock), v->p, v->n};
	uint8_t root[32];

	eth_block_signing_root(v->at_slot, ssz_field(whole, 0), root);
	sign(v->t, validator, root, v->p + 4);
}

static void bad_proposer_signature(struct variant *v)
{
	sign_again(v, v->other);
}

static void signature_at_infinity(struct variant *v)
{
	memset(v->p + 4, 0, 96);
	v->p[4] = 0xc0;
}

static void bad_state_root(struct variant *v)
{
	message(v)->state_root[0] ^= 1;
	sign_again(v, v->valid->proposer);
}

static void wrong_proposer(struct variant *v)
{
	message(v)->proposer_index = v->other;
	sign_again(v, v->other);
}

static void proposer_out_of_range(struct variant *v)
{
	message(v)->proposer_index = v->t->validators + 5;
	sign_again(v, v->valid->proposer);
}

static void bad_randao_reveal(struct variant *v)
{
	uint8_t root[32];

	eth_randao_signing_root(v->at_slot, eth_current_epoch(v->at_slot), root);
	sign(v->t, v->other, root, (uint8_t *)message(v) + sizeof(struct ssz_beacon_block));
	sign_again(v, v->valid->proposer);
}

static void unknown_parent(struct variant *v)
{
	message(v)->parent_root[0] ^= 1;
	sign_again(v, v->valid->proposer);
}

static void slot_not_after_parent(struct variant *v)
{
	message(v)->slot = v->parent_slot;
	sign_again(v, v->valid->proposer);
}

static void ssz_truncated(struct variant *v)
{
	v->n /= 2;
}

static void ssz_trailing_bytes(struct variant *v)
{
	v->p[v->n++] = 0;
}

static void ssz_bad_first_offset(struct variant *v)
{
	v->p[0]++;
}

static void ssz_empty(struct variant *v)
{
	v->n = 0;
}

#define VARIANT(name)             \
	{                         \
#name, name, true \
	}
#define UNDECODABLE(name)          \
	{                          \
#name, name, false \
	}
static const struct {
	const char *name;
	void (*change)(struct variant *);
	bool decodes;
} variants[] = {
	VARIANT(bad_proposer_signature), VARIANT(signature_at_infinity),    VARIANT(bad_state_root),
	VARIANT(wrong_proposer),         VARIANT(proposer_out_of_range),    VARIANT(bad_randao_reveal),
	VARIANT(unknown_parent),         VARIANT(slot_not_after_parent),    UNDECODABLE(ssz_truncated),
	UNDECODABLE(ssz_trailing_bytes), UNDECODABLE(ssz_bad_first_offset), UNDECODABLE(ssz_empty),
};

static enum ncli_status write_variant(struct variant *v, size_t i, size_t number, const char *parent,
				      json_t *all)
{
	char name[120], reason[80];

	memcpy(v->p, v->valid->ssz, v->valid->n);
	v->n = v->valid->n;
	variants[i].change(v);
	snprintf(name, sizeof(name), "invalid/block_%05zu_%s.ssz_snappy", number, variants[i].name);
	snprintf(reason, sizeof(reason), "%s%s", variants[i].name,
		 variants[i].decodes ? "" : " (must fail to decode)");
	json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:s?, s:I}", "file", name, "reason", reason,
					     "slot", (json_int_t)v->valid->slot, "parent_state",
					     variants[i].decodes ? parent : NULL, "valid_sibling_block",
					     (json_int_t)number));
	return testnet_write(v->t, name, v->p, v->n);
}

enum ncli_status testnet_invalid(struct testnet *t)
{
	const struct made *valid = NULL;
	struct variant v = {.t = t};
	enum ncli_status status;
	char parent[80];

	for (size_t i = 0; i < t->blocks; i++)
		if (t->block[i].canonical)
			valid = &t->block[i];
	if (!valid)
		return NCLI_OK;
	size_t number = (size_t)(valid - t->block) + 1;
	const struct eth_state *s = ncli_store_state(t->store, valid->parent);

	v.valid = valid;
	v.other = (valid->proposer + 1) % t->validators;
	v.parent_slot = s ? s->slot : 0;
	snprintf(parent, sizeof(parent), "invalid/parent_state_of_block_%05zu.ssz_snappy", number);
	status = testnet_write_state(t, parent, s);
	v.at_slot = status ? NULL : ncli_store_state_at(t->store, valid->parent, valid->slot);
	v.p = malloc(valid->n + 1);
	json_t *all = json_array();

	if (status == NCLI_OK && (!v.p || !v.at_slot))
		status = ncli_fail(t->n, NCLI_FAILED, "block %zu: out of memory", number);
	for (size_t i = 0; status == NCLI_OK && i < sizeof(variants) / sizeof(variants[0]); i++)
		status = write_variant(&v, i, number, parent, all);
	free(v.p);
	if (status) {
		json_decref(all);
		return status;
	}
	return testnet_write_lines(t, "invalid.json", all);
}
