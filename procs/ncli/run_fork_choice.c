/* fork_choice (consensus-specs, tests/formats/fork_choice), and the steps.yaml of whole chains. */
#include "procs/ncli/run_chain.h"
#include "procs/eth/types.h"
#include "procs/ncli/run.h"
#include "procs/ncli/state_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ncli_store *ncli_case_store(struct ncli_case *c, const char *state, const char *block)
{
	struct eth_engine *e = ncli_engine(c->preset);
	struct eth_state *anchor = ncli_case_state(c, state);
	struct ssz_view v;
	int rc;

	if (!e || !anchor || !ncli_case_value(c, block, eth_type(c->preset, ETH_BeaconBlock), &v))
		return NULL;
	struct ncli_store *s = ncli_store_new(e, anchor, v, &rc);

	if (!s)
		ncli_case_fail(c, "%s: %s", block, eth_fork_choice_strerror(rc));
	return s;
}

/* A value that a step names, with or without its suffix. */
static bool step_value(struct ncli_case *c, const char *text, enum eth_type_id type, struct ssz_view *v)
{
	char name[160];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "."), text);
	return ncli_case_value(c, name, eth_type(c->preset, type), v);
}

static bool check_root(struct ncli_case *c, const char *what, const uint8_t got[32], const yaml_node_t *node)
{
	uint8_t want[32];

	return ncli_yaml_bytes(node, want, 32) ? ncli_case_root(c, what, got, want)
					       : ncli_case_fail(c, "%s is no root", what);
}

static bool check_number(struct ncli_case *c, const char *what, uint64_t got, const yaml_node_t *node)
{
	uint64_t want;

	if (!ncli_yaml_u64(node, &want))
		return ncli_case_fail(c, "%s is no number", what);
	return got == want || ncli_case_fail(c, "%s is %" PRIu64 ", expected %" PRIu64, what, got, want);
}

static bool check_checkpoint(struct ncli_case *c, struct ncli_yaml *y, const char *what,
			     const struct ssz_checkpoint *got, const yaml_node_t *node)
{
	char name[80];

	snprintf(name, sizeof(name), "epoch of %s", what);
	return check_number(c, name, got->epoch, ncli_yaml_get(y, node, "epoch")) &&
	       check_root(c, what, got->root, ncli_yaml_get(y, node, "root"));
}

static bool check_head(struct ncli_case *c, struct ncli_yaml *y, struct eth_fork_choice *fc,
		       const yaml_node_t *node)
{
	uint8_t root[32];
	uint64_t slot;
	int rc = eth_fork_choice_head(fc, root, &slot);

	if (rc)
		return ncli_case_fail(c, "head: %s", eth_fork_choice_strerror(rc));
	return check_number(c, "slot of the head", slot, ncli_yaml_get(y, node, "slot")) &&
	       check_root(c, "head", root, ncli_yaml_get(y, node, "root"));
}

static bool check_proposer_head(struct ncli_case *c, struct eth_fork_choice *fc, const yaml_node_t *node)
{
	uint8_t head[32], root[32];
	int rc = eth_fork_choice_head(fc, head, NULL);

	if (rc == 0)
		rc = eth_fork_choice_proposer_head(fc, head, eth_fork_choice_view(fc).slot, root);
	if (rc)
		return ncli_case_fail(c, "proposer head: %s", eth_fork_choice_strerror(rc));
	return check_root(c, "proposer head", root, node);
}

static bool check(struct ncli_case *c, struct ncli_yaml *y, struct eth_fork_choice *fc, const char *key,
		  const yaml_node_t *node, const struct eth_fork_choice_view *v)
{
	if (!strcmp(key, "time"))
		return check_number(c, key, v->time, node);
	if (!strcmp(key, "genesis_time"))
		return check_number(c, key, v->genesis_time, node);
	if (!strcmp(key, "head"))
		return check_head(c, y, fc, node);
	if (!strcmp(key, "justified_checkpoint"))
		return check_checkpoint(c, y, key, &v->justified, node);
	if (!strcmp(key, "finalized_checkpoint"))
		return check_checkpoint(c, y, key, &v->finalized, node);
	if (!strcmp(key, "proposer_boost_root"))
		return check_root(c, key, v->proposer_boost_root, node);
	if (!strcmp(key, "get_proposer_head"))
		return check_proposer_head(c, fc, node);
	/* For the reader only. */
	if (!strcmp(key, "note"))
		return true;
	return ncli_case_fail(c, "check %s is not known", key);
}

/* Everything under "checks". */
static bool run_checks(struct ncli_case *c, struct ncli_yaml *y, struct ncli_store *s, yaml_node_t *checks)
{
	struct eth_fork_choice *fc = ncli_store_fork_choice(s);
	struct eth_fork_choice_view v = eth_fork_choice_view(fc);

	if (checks->type != YAML_MAPPING_NODE)
		return ncli_case_fail(c, "checks are no mapping");
	for (yaml_node_pair_t *p = checks->data.mapping.pairs.start; p < checks->data.mapping.pairs.top;
	     p++) {
		const char *key = ncli_yaml_text(yaml_document_get_node(&y->doc, p->key));

		if (!key || !check(c, y, fc, key, yaml_document_get_node(&y->doc, p->value), &v))
			return false;
	}
	return true;
}

/* A step that hands something over: its code, or what the case fails with. */
static bool hand_over(struct ncli_case *c, struct ncli_yaml *y, struct ncli_store *s, const yaml_node_t *step,
		      bool *known, int *rc)
{
	struct eth_fork_choice *fc = ncli_store_fork_choice(s);
	const char *block = ncli_yaml_text(ncli_yaml_get(y, step, "block"));
	const char *attestation = ncli_yaml_text(ncli_yaml_get(y, step, "attestation"));
	const char *slashing = ncli_yaml_text(ncli_yaml_get(y, step, "attester_slashing"));
	struct ssz_view v;

	*known = block || attestation || slashing;
	if (block) {
		if (!step_value(c, block, ETH_SignedBeaconBlock, &v))
			return false;
		*rc = ncli_store_block(s, v, 0);
	} else if (attestation) {
		if (!step_value(c, attestation, ETH_Attestation, &v))
			return false;
		*rc = eth_fork_choice_on_attestation(fc, v, false);
	} else if (slashing) {
		if (!step_value(c, slashing, ETH_AttesterSlashing, &v))
			return false;
		*rc = eth_fork_choice_on_attester_slashing(fc, v, false);
	}
	return true;
}

static bool run_step(struct ncli_case *c, struct ncli_yaml *y, struct ncli_store *s, const yaml_node_t *step)
{
	yaml_node_t *tick = ncli_yaml_get(y, step, "tick"), *checks = ncli_yaml_get(y, step, "checks");
	const char *valid = ncli_yaml_text(ncli_yaml_get(y, step, "valid"));
	bool refuse = valid && !strcmp(valid, "false"), known = false;
	uint64_t time;
	int rc = 0;

	if (!hand_over(c, y, s, step, &known, &rc))
		return false;
	if (known) {
		if (refuse ? ncli_refuses(rc) : rc == 0)
			return true;
		return ncli_case_fail(c, refuse ? "is not refused%s%s" : "is refused%s%s", rc ? ": " : "",
				      rc ? eth_fork_choice_strerror(rc) : "");
	}
	if (tick) {
		if (!ncli_yaml_u64(tick, &time))
			return ncli_case_fail(c, "tick is no number");
		eth_fork_choice_on_tick(ncli_store_fork_choice(s), time);
		return true;
	}
	return checks ? run_checks(c, y, s, checks) : ncli_case_fail(c, "is of a kind that is not known");
}

/* In a whole chain, what cannot be built on any more is dropped when an epoch becomes final. */
static bool prune(struct ncli_case *c, struct ncli_store *s, uint64_t *finalized)
{
	struct eth_fork_choice *fc = ncli_store_fork_choice(s);
	struct eth_fork_choice_view v = eth_fork_choice_view(fc);

	if (v.finalized.epoch == *finalized)
		return true;
	*finalized = v.finalized.epoch;
	int rc = eth_fork_choice_prune(fc, NULL);

	return rc == 0 || ncli_case_fail(c, "pruning: %s", eth_fork_choice_strerror(rc));
}

bool ncli_case_steps(struct ncli_case *c, struct ncli_store *s, bool pruning)
{
	struct ncli_yaml y;
	uint64_t finalized = 0;
	bool ok = true;
	char why[300];

	if (!ncli_yaml_open(c, "steps.yaml", &y))
		return false;
	size_t n = ncli_yaml_length(y.root);

	if (!n)
		ok = ncli_case_fail(c, "steps.yaml has no steps");
	for (size_t i = 0; ok && i < n; i++) {
		ok = run_step(c, &y, s, ncli_yaml_at(&y, y.root, i)) && (!pruning || prune(c, s, &finalized));
		if (!ok) {
			snprintf(why, sizeof(why), "%.299s", c->why);
			ncli_case_fail(c, "step %zu %s", i, why);
		}
	}
	ncli_yaml_close(&y);
	return ok;
}

bool ncli_case_fork_choice(struct ncli_case *c)
{
	struct ncli_store *s = ncli_case_store(c, "anchor_state", "anchor_block");
	bool ok = s && ncli_case_steps(c, s, false);

	ncli_store_free(s);
	return ok;
}
