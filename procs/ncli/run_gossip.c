/* The gossip objects of a chain: what a validator sends, against what validator.h computes. */
#include "procs/eth/types.h"
#include "procs/eth/validator.h"
#include "procs/ncli/run_chain.h"
#include "procs/ncli/state_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gossip {
	struct ncli_case *c;
	struct ncli_yaml y;
	const yaml_node_t *e; /* the line at hand */
	struct ncli_store *store;
	struct eth_engine *engine;
};

static uint64_t number(struct gossip *g, const char *key)
{
	uint64_t n = UINT64_MAX;

	ncli_yaml_u64(ncli_yaml_get(&g->y, g->e, key), &n);
	return n;
}

static bool value(struct gossip *g, const char *key, enum eth_type_id type, struct ssz_view *v)
{
	const char *file = ncli_yaml_text(ncli_yaml_get(&g->y, g->e, key));
	char name[200];

	if (!file)
		return ncli_case_fail(g->c, "%s is missing", key);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	return ncli_case_value(g->c, name, eth_type(g->c->preset, type), v);
}

static bool signed_by(struct gossip *g, const struct eth_state *s, uint64_t validator, const uint8_t root[32],
		      const uint8_t signature[96], const char *what)
{
	const struct bls_pubkey *key;
	struct bls_signature decoded;
	int rc = eth_engine_pubkey(g->engine, s, validator, &key);

	if (rc)
		return ncli_case_fail(g->c, "%s: %s", what, eth_strerror(rc));
	rc = bls_signature_from_bytes(&decoded, signature, 96);
	if (rc == BLS_OK)
		rc = bls_verify(key, root, 32, &decoded);
	return rc == BLS_OK || ncli_case_fail(g->c, "%s: %s", what, bls_strerror(rc));
}

/* The single attestation: place, data, subnet, signature. */
static bool check_attestation(struct gossip *g, struct ssz_view v, const struct eth_state *s)
{
	const struct ssz_attestation *a = (const void *)v.p;
	uint64_t slot = number(g, "slot"), position = number(g, "position"),
		 validator = number(g, "validator_index");
	struct eth_committee committee;
	struct ssz_attestation_data data;
	struct eth_shuffling sh;
	uint8_t root[32], want[32];
	int rc = eth_attestation_valid(g->engine, s, v, 0, &committee);

	if (rc)
		return ncli_case_fail(g->c, "attestation: %s", eth_strerror(rc));
	if (a->data.slot != slot || a->data.index != number(g, "committee_index") ||
	    committee.n != number(g, "committee_length") || position >= committee.n ||
	    committee.index[position] != validator || !ssz_bit(ssz_field(v, 0), position))
		return ncli_case_fail(g->c, "is not at its place in the committee");
	struct ssz_view d = ssz_field(v, 1);

	ssz_root(d.type, d.p, d.n, root);
	if (!ncli_yaml_bytes(ncli_yaml_get(&g->y, g->e, "data_root"), want, 32) ||
	    !ncli_case_root(g->c, "data_root", root, want))
		return false;
	/* What we would attest to there. */
	const struct eth_state *at_slot = ncli_store_state_at(g->store, a->data.beacon_block_root, slot);

	if (!at_slot)
		return ncli_case_fail(g->c, "attested block is not known");
	eth_attestation_data(at_slot, a->data.beacon_block_root, a->data.index, &data);
	if (memcmp(&data, &a->data, sizeof(data)))
		return ncli_case_fail(g->c, "attestation data is not what is computed for that head");
	rc = eth_shuffling(g->engine, at_slot, eth_current_epoch(at_slot), &sh);
	uint64_t subnet = rc ? UINT64_MAX
			     : eth_attestation_subnet(eth_engine_config(g->engine), sh.committees_per_slot,
						      slot, a->data.index);

	return subnet == number(g, "subnet_id") || ncli_case_fail(g->c, "subnet is %" PRIu64, subnet);
}

static bool check_aggregate(struct gossip *g, const struct eth_state *s, uint64_t validator,
			    const uint8_t proof[96])
{
	struct eth_committee committee;
	struct ssz_view v;
	uint8_t root[32];

	if (!value(g, "signed_aggregate_and_proof", ETH_SignedAggregateAndProof, &v))
		return false;
	struct ssz_view message = ssz_field(v, 0), aggregate = ssz_field(message, 1);
	const struct ssz_signed_aggregate_and_proof *signed_one = (const void *)v.p;
	const struct ssz_aggregate_and_proof *m = (const void *)message.p;
	int rc = eth_attestation_valid(g->engine, s, aggregate, 0, &committee);

	if (rc)
		return ncli_case_fail(g->c, "aggregate: %s", eth_strerror(rc));
	if (m->aggregator_index != validator || memcmp(m->selection_proof, proof, 96))
		return ncli_case_fail(g->c, "aggregate is by another validator");
	eth_aggregate_signing_root(s, message, root);
	return signed_by(g, s, validator, root, signed_one->signature, "signed aggregate");
}

static bool check_line(struct gossip *g)
{
	const char *flag = ncli_yaml_text(ncli_yaml_get(&g->y, g->e, "is_aggregator"));
	uint64_t slot = number(g, "slot"), validator = number(g, "validator_index");
	uint8_t proof[96], root[32];
	struct ssz_view v;

	if (!value(g, "attestation", ETH_Attestation, &v))
		return false;
	const struct ssz_attestation *a = (const void *)v.p;
	const struct eth_state *s =
		ncli_store_state_at(g->store, a->data.target.root,
				    a->data.target.epoch * eth_preset(g->c->preset)->slots_per_epoch);

	if (!s || !flag || !ncli_yaml_bytes(ncli_yaml_get(&g->y, g->e, "selection_proof"), proof, 96))
		return ncli_case_fail(g->c, "is not in the known form, or its target is not known");
	if (!check_attestation(g, v, s))
		return false;
	s = ncli_store_state_at(g->store, a->data.target.root,
				a->data.target.epoch * eth_preset(g->c->preset)->slots_per_epoch);
	eth_selection_signing_root(s, slot, root);
	if (!signed_by(g, s, validator, root, proof, "selection proof"))
		return false;
	bool want = !strcmp(flag, "true");

	if (eth_is_aggregator(number(g, "committee_length"), proof) != want)
		return ncli_case_fail(g->c, "is_aggregator is not %s", flag);
	return !want || check_aggregate(g, s, validator, proof);
}

bool ncli_case_gossip(struct ncli_case *c)
{
	struct gossip g = {.c = c, .engine = ncli_engine(c->preset)};
	bool ok;
	char why[280];

	g.store = ncli_case_store(c, "genesis", "anchor_block");
	ok = g.store && g.engine && ncli_chain_import(c, g.store) && ncli_yaml_open(c, "gossip.json", &g.y);
	if (ok) {
		size_t n = ncli_yaml_length(g.y.root);

		for (size_t i = 0; ok && i < n; i++) {
			g.e = ncli_yaml_at(&g.y, g.y.root, i);
			ok = check_line(&g);
			if (!ok) {
				snprintf(why, sizeof(why), "%.279s", c->why);
				ncli_case_fail(c, "line %zu: %s", i + 1, why);
			}
		}
		ncli_yaml_close(&g.y);
	}
	ncli_store_free(g.store);
	return ok;
}
