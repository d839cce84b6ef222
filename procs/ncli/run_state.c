/* Tests of the state transition (consensus-specs, tests/formats: operations … random, genesis, shuffling). */
#include "procs/eth/genesis.h"
#include "procs/eth/shuffle.h"
#include "procs/eth/transition.h"
#include "procs/eth/types.h"
#include "procs/ncli/run.h"
#include "procs/ncli/state_case.h"
#include "procs/ncli/yaml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of meta.yaml, `otherwise` where it or the file is missing. */
static bool meta(struct ncli_case *c, const char *key, uint64_t otherwise, uint64_t *out)
{
	struct ncli_yaml y;

	*out = otherwise;
	if (!ncli_case_file(c, "meta.yaml"))
		return true;
	if (!ncli_yaml_open(c, "meta.yaml", &y))
		return false;
	const yaml_node_t *node = ncli_yaml_get(&y, y.root, key);
	bool ok = !node || ncli_yaml_u64(node, out);

	ncli_yaml_close(&y);
	return ok || ncli_case_fail(c, "meta.yaml: %s is no number", key);
}

/* The state before, the engine and the flags of a case. */
struct setting {
	struct eth_engine *engine;
	struct eth_state *state;
	unsigned flags;
};

static bool prepare(struct ncli_case *c, struct setting *s)
{
	uint64_t bls;

	s->engine = ncli_engine(c->preset);
	if (!s->engine)
		return ncli_case_fail(c, "out of memory");
	s->state = ncli_case_state(c, "pre");
	if (!s->state || !meta(c, "bls_setting", 0, &bls))
		return false;
	s->flags = bls == 2 ? ETH_SKIP_BLS : 0;
	return true;
}

/* What the code must be by whether there is a post-state, and that state. */
static bool finish(struct ncli_case *c, const struct setting *s, int rc)
{
	if (!ncli_case_has(c, "post"))
		return ncli_refuses(rc) ||
		       ncli_case_fail(c, rc ? "%s" : "is accepted, and should be refused%s",
				      rc ? eth_strerror(rc) : "");
	if (rc)
		return ncli_case_fail(c, "is refused: %s", eth_strerror(rc));
	return ncli_case_same_state(c, s->state, "post");
}

static const struct operation {
	const char *handler, *file;
	enum eth_type_id type;
	int (*run)(struct eth_engine *, struct eth_state *, struct ssz_view, unsigned);
} operations[] = {
	{"attestation", "attestation", ETH_Attestation, eth_process_attestation},
	{"attester_slashing", "attester_slashing", ETH_AttesterSlashing, eth_process_attester_slashing},
	{"block_header", "block", ETH_BeaconBlock, eth_process_block_header},
	{"deposit", "deposit", ETH_Deposit, eth_process_deposit},
	{"proposer_slashing", "proposer_slashing", ETH_ProposerSlashing, eth_process_proposer_slashing},
	{"voluntary_exit", "voluntary_exit", ETH_SignedVoluntaryExit, eth_process_voluntary_exit},
};

bool ncli_case_operations(struct ncli_case *c)
{
	struct ssz_view v;
	struct setting s;

	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		const struct operation *o = &operations[i];

		if (strcmp(o->handler, c->handler))
			continue;
		return prepare(c, &s) && ncli_case_value(c, o->file, eth_type(c->preset, o->type), &v) &&
		       finish(c, &s, o->run(s.engine, s.state, v, s.flags));
	}
	return ncli_case_fail(c, "handler %s is not known", c->handler);
}

static const struct {
	const char *handler;
	int (*run)(struct eth_engine *, struct eth_state *);
} substeps[] = {
	{"justification_and_finalization", eth_process_justification_and_finalization},
	{"rewards_and_penalties", eth_process_rewards_and_penalties},
	{"registry_updates", eth_process_registry_updates},
	{"slashings", eth_process_slashings},
	{"eth1_data_reset", eth_process_eth1_data_reset},
	{"effective_balance_updates", eth_process_effective_balance_updates},
	{"slashings_reset", eth_process_slashings_reset},
	{"randao_mixes_reset", eth_process_randao_mixes_reset},
	{"historical_roots_update", eth_process_historical_roots_update},
	{"participation_record_updates", eth_process_participation_record_updates},
};

bool ncli_case_epoch_processing(struct ncli_case *c)
{
	struct setting s;

	for (size_t i = 0; i < sizeof(substeps) / sizeof(substeps[0]); i++)
		if (!strcmp(substeps[i].handler, c->handler))
			return prepare(c, &s) && finish(c, &s, substeps[i].run(s.engine, s.state));
	return ncli_case_fail(c, "handler %s is not known", c->handler);
}

static bool run_slots(struct ncli_case *c)
{
	struct ncli_yaml y;
	struct setting s;
	uint64_t slots;

	if (!prepare(c, &s) || !ncli_yaml_open(c, "slots.yaml", &y))
		return false;
	bool ok = ncli_yaml_u64(y.root, &slots);

	ncli_yaml_close(&y);
	if (!ok)
		return ncli_case_fail(c, "slots.yaml is no number");
	return finish(c, &s, eth_process_slots(s.engine, s.state, s.state->slot + slots));
}

bool ncli_case_blocks(struct ncli_case *c)
{
	struct setting s;
	uint64_t n;
	int rc = 0;

	if (!strcmp(c->runner, "sanity") && !strcmp(c->handler, "slots"))
		return run_slots(c);
	if (!prepare(c, &s) || !meta(c, "blocks_count", UINT64_MAX, &n))
		return false;
	if (n == UINT64_MAX)
		return ncli_case_fail(c, "meta.yaml has no blocks_count");
	for (uint64_t i = 0; rc == 0 && i < n; i++) {
		struct ssz_view v;
		char name[32];

		snprintf(name, sizeof(name), "blocks_%" PRIu64, i);
		if (!ncli_case_value(c, name, eth_type(c->preset, ETH_SignedBeaconBlock), &v))
			return false;
		rc = eth_state_transition(s.engine, s.state, v, s.flags);
	}
	return finish(c, &s, rc);
}

static bool check_deltas(struct ncli_case *c, const struct setting *s, const char *name, enum eth_delta which)
{
	size_t n = eth_state_validator_count(s->state);
	uint64_t *mine[2] = {ncli_case_alloc(c, 8 * n), ncli_case_alloc(c, 8 * n)};
	static const char *const list[] = {"rewards", "penalties"};
	struct ssz_view v;

	if (!mine[0] || !mine[1] || !ncli_case_value(c, name, eth_type(c->preset, ETH_Deltas), &v))
		return false;
	int rc = eth_attestation_deltas(s->engine, s->state, which, mine[0], mine[1]);

	if (rc)
		return ncli_case_fail(c, "%s: %s", name, eth_strerror(rc));
	for (unsigned k = 0; k < 2; k++) {
		char what[64];
		struct ssz_view want = ssz_field(v, k), got = {want.type, (const void *)mine[k], 8 * n};

		snprintf(what, sizeof(what), "%s.%s", name, list[k]);
		if (!ncli_case_same(c, what, got, want))
			return false;
	}
	return true;
}

bool ncli_case_rewards(struct ncli_case *c)
{
	struct setting s;

	return prepare(c, &s) && check_deltas(c, &s, "source_deltas", ETH_DELTA_SOURCE) &&
	       check_deltas(c, &s, "target_deltas", ETH_DELTA_TARGET) &&
	       check_deltas(c, &s, "head_deltas", ETH_DELTA_HEAD) &&
	       check_deltas(c, &s, "inclusion_delay_deltas", ETH_DELTA_INCLUSION_DELAY) &&
	       check_deltas(c, &s, "inactivity_penalty_deltas", ETH_DELTA_INACTIVITY);
}

/* Both ways to shuffle: one index at a time, and the whole list. */
static bool check_mapping(struct ncli_case *c, struct ncli_yaml *y)
{
	const yaml_node_t *mapping = ncli_yaml_get(y, y->root, "mapping");
	unsigned rounds = (unsigned)eth_preset(c->preset)->shuffle_round_count;
	uint8_t seed[32];
	uint64_t n, want;

	if (!ncli_yaml_bytes(ncli_yaml_get(y, y->root, "seed"), seed, 32) ||
	    !ncli_yaml_u64(ncli_yaml_get(y, y->root, "count"), &n) || n != ncli_yaml_length(mapping))
		return ncli_case_fail(c, "seed, count or mapping is not in the known form");
	uint32_t *list = ncli_case_alloc(c, 4 * n);
	void *scratch = ncli_case_alloc(c, eth_shuffle_scratch(n));

	if (!list || !scratch)
		return false;
	for (uint64_t i = 0; i < n; i++)
		list[i] = (uint32_t)i;
	eth_shuffle(list, n, seed, rounds, scratch);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t one = eth_shuffled_index(i, n, seed, rounds);

		if (!ncli_yaml_u64(ncli_yaml_at(y, mapping, i), &want))
			return ncli_case_fail(c, "mapping[%" PRIu64 "] is no number", i);
		if (one != want || list[i] != want)
			return ncli_case_fail(c,
					      "mapping[%" PRIu64 "] is %" PRIu64 " alone, %" PRIu32
					      " in the list, expected %" PRIu64,
					      i, one, list[i], want);
	}
	return true;
}

bool ncli_case_shuffling(struct ncli_case *c)
{
	struct ncli_yaml y;
	bool ok;

	if (!ncli_yaml_open(c, "mapping.yaml", &y))
		return false;
	ok = check_mapping(c, &y);
	ncli_yaml_close(&y);
	return ok;
}

static bool run_initialization(struct ncli_case *c)
{
	struct eth_engine *e = ncli_engine(c->preset);
	const size_t one = sizeof(struct ssz_deposit);
	uint8_t hash[32], *deposits;
	uint64_t n, time;
	struct ncli_yaml y;

	if (!e || !meta(c, "deposits_count", UINT64_MAX, &n) || n > UINT32_MAX)
		return ncli_case_fail(c, "deposits_count is missing");
	if (!ncli_yaml_open(c, "eth1.yaml", &y))
		return false;
	bool ok = ncli_yaml_bytes(ncli_yaml_get(&y, y.root, "eth1_block_hash"), hash, 32) &&
		  ncli_yaml_u64(ncli_yaml_get(&y, y.root, "eth1_timestamp"), &time);

	ncli_yaml_close(&y);
	deposits = ncli_case_alloc(c, n * one);
	if (!ok || !deposits)
		return ncli_case_fail(c, "eth1.yaml is not in the known form");
	for (uint64_t i = 0; i < n; i++) {
		struct ssz_view v;
		char name[40];

		snprintf(name, sizeof(name), "deposits_%" PRIu64, i);
		if (!ncli_case_value(c, name, eth_type(c->preset, ETH_Deposit), &v))
			return false;
		memcpy(deposits + i * one, v.p, one);
	}
	const struct eth_headroom room = {.validators = n, .attestation_bytes = 1 << 16};
	size_t bytes = eth_state_footprint_for(c->preset, &room);
	void *memory = ncli_case_alloc(c, bytes);

	if (!memory)
		return false;
	int rc = eth_genesis_from_deposits(e, memory, bytes, hash, time, deposits, n, NULL);

	return rc ? ncli_case_fail(c, "is refused: %s", eth_strerror(rc))
		  : ncli_case_same_state(c, memory, "state");
}

bool ncli_case_genesis(struct ncli_case *c)
{
	struct eth_config config = eth_config_default(c->preset);
	struct eth_state *s;
	struct ncli_yaml y;

	if (!strcmp(c->handler, "initialization"))
		return run_initialization(c);
	if (strcmp(c->handler, "validity"))
		return ncli_case_fail(c, "handler %s is not known", c->handler);
	s = ncli_case_state(c, "genesis");
	if (!s || !ncli_yaml_open(c, "is_valid.yaml", &y))
		return false;
	const char *text = ncli_yaml_text(y.root);
	bool want = text && !strcmp(text, "true"), known = want || (text && !strcmp(text, "false"));

	ncli_yaml_close(&y);
	if (!known)
		return ncli_case_fail(c, "is_valid.yaml is neither true nor false");
	return eth_genesis_valid(&config, s) == want ||
	       ncli_case_fail(c, "is taken as %s", want ? "invalid" : "valid");
}
