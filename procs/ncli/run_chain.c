/* Whole chains: chain-*.tar.zst, and what `ncli testnet` writes. */
#include "procs/ncli/run_chain.h"
#include "procs/eth/types.h"
#include "procs/eth/validator.h"
#include "procs/ncli/run.h"
#include "procs/ncli/state_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number or root under a key, that must be there. */
static bool number(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *in, const char *key,
		   uint64_t *out)
{
	return ncli_yaml_u64(ncli_yaml_get(y, in, key), out) || ncli_case_fail(c, "%s is no number", key);
}

static bool same_number(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *in, const char *key,
			uint64_t got)
{
	uint64_t want;

	return number(c, y, in, key, &want) &&
	       (got == want || ncli_case_fail(c, "%s is %" PRIu64 ", expected %" PRIu64, key, got, want));
}

static bool same_root(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *in, const char *key,
		      const uint8_t got[32])
{
	uint8_t want[32];

	return ncli_yaml_bytes(ncli_yaml_get(y, in, key), want, 32) ? ncli_case_root(c, key, got, want)
								    : ncli_case_fail(c, "%s is no root", key);
}

static bool same_checkpoint(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *in, const char *key,
			    const struct ssz_checkpoint *got)
{
	const yaml_node_t *node = ncli_yaml_get(y, in, key);
	bool ok = same_number(c, y, node, "epoch", got->epoch) && same_root(c, y, node, "root", got->root);
	char why[300];

	if (!ok) {
		snprintf(why, sizeof(why), "%.299s", c->why);
		ncli_case_fail(c, "%s: %s", key, why);
	}
	return ok;
}

/* Puts where it happened in front of c->why. */
__attribute__((format(printf, 2, 3))) static bool at(struct ncli_case *c, const char *format, ...)
{
	char where[120], why[280];
	va_list args;

	va_start(args, format);
	vsnprintf(where, sizeof(where), format, args);
	va_end(args);
	snprintf(why, sizeof(why), "%.279s", c->why);
	return ncli_case_fail(c, "%s: %s", where, why);
}

/* A value by the name of its file, which ends in .ssz_snappy or .ssz. */
static bool named(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *in, const char *key,
		  enum eth_type_id type, struct ssz_view *v)
{
	const char *file = ncli_yaml_text(ncli_yaml_get(y, in, key));
	char name[200];

	if (!file)
		return ncli_case_fail(c, "%s is missing", key);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	return ncli_case_value(c, name, eth_type(c->preset, type), v);
}

/* One line of blocks.json against the block and its post-state. */
static bool check_block(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e, struct ssz_view v,
			struct ncli_store *s)
{
	struct ssz_view block = ssz_field(v, 0), body = ssz_field_named(block, "body");
	const struct ssz_beacon_block *b = (const void *)block.p;
	static const char *const list[] = {"attestations", "deposits", "proposer_slashings",
					   "attester_slashings", "voluntary_exits"};
	uint8_t root[32];

	ssz_root(block.type, block.p, block.n, root);
	const struct eth_state *post = ncli_store_state(s, root);

	if (!post)
		return ncli_case_fail(c, "has no post-state");
	if (!same_number(c, y, e, "slot", b->slot) ||
	    !same_number(c, y, e, "proposer_index", b->proposer_index) ||
	    !same_root(c, y, e, "parent_root", b->parent_root) || !same_root(c, y, e, "root", root))
		return false;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (!same_number(c, y, e, list[i], ssz_length(ssz_field_named(body, list[i]))))
			return false;
	eth_state_root(post, root);
	return same_root(c, y, e, "state_root", root) && same_number(c, y, e, "ssz_bytes", v.n);
}

/* Imports all blocks in the order of production, without fork choice. */
static bool import_all(struct ncli_case *c, struct ncli_store *s, unsigned flags)
{
	struct ncli_yaml y;
	bool ok = true;

	if (!ncli_yaml_open(c, "blocks.json", &y))
		return false;
	for (size_t i = 0; ok && i < ncli_yaml_length(y.root); i++) {
		const yaml_node_t *e = ncli_yaml_at(&y, y.root, i);
		struct ssz_view v;

		ok = named(c, &y, e, "file", ETH_SignedBeaconBlock, &v);
		if (ok) {
			int rc = ncli_store_import(s, v, flags);

			ok = (rc == 0 || ncli_case_fail(c, "%s", eth_fork_choice_strerror(rc))) &&
			     check_block(c, &y, e, v, s);
		}
		if (!ok)
			at(c, "block %zu", i + 1);
	}
	ncli_yaml_close(&y);
	return ok;
}

/* Every block with its signatures, and its post-state's root. */
static bool run_blocks(struct ncli_case *c)
{
	struct ncli_store *s = ncli_case_store(c, "genesis", "anchor_block");
	bool ok = s && import_all(c, s, 0);

	ncli_store_free(s);
	return ok;
}

/* What summary.json says of genesis and of the end. */
static bool check_summary(struct ncli_case *c, struct ncli_store *s)
{
	struct eth_fork_choice *fc = ncli_store_fork_choice(s);
	struct eth_fork_choice_view v = eth_fork_choice_view(fc);
	struct ncli_yaml y;
	uint8_t head[32], root[32];
	uint64_t slot;
	int rc = eth_fork_choice_head(fc, head, &slot);

	if (rc)
		return ncli_case_fail(c, "head: %s", eth_fork_choice_strerror(rc));
	if (!ncli_yaml_open(c, "summary.json", &y))
		return false;
	const yaml_node_t *node = ncli_yaml_get(&y, y.root, "head");
	const struct eth_state *post = ncli_store_state(s, head);
	bool ok = same_number(c, &y, node, "slot", slot) && same_root(c, &y, node, "root", head) &&
		  same_checkpoint(c, &y, y.root, "justified_checkpoint", &v.justified) &&
		  same_checkpoint(c, &y, y.root, "finalized_checkpoint", &v.finalized);

	if (ok && post) {
		eth_state_root(post, root);
		ok = same_root(c, &y, node, "state_root", root) &&
		     same_number(c, &y, y.root, "validators_at_head", eth_state_validator_count(post));
	}
	ncli_yaml_close(&y);
	return ok;
}

static bool check_states(struct ncli_case *c, struct ncli_store *s)
{
	struct eth_fork_choice *fc = ncli_store_fork_choice(s);
	struct eth_fork_choice_view v = eth_fork_choice_view(fc);
	uint8_t head[32];

	if (eth_fork_choice_head(fc, head, NULL))
		return ncli_case_fail(c, "there is no head");
	const struct eth_state *state = ncli_store_state(s, head);

	if (!state || !ncli_case_same_state(c, state, "states/head_state"))
		return at(c, "states");
	state = ncli_store_state(s, v.finalized.root);
	if (!state || !ncli_case_same_state(c, state, "states/finalized_block_state"))
		return at(c, "states");
	if (!ncli_case_has(c, "states/finalized_checkpoint_state"))
		return true;
	state = ncli_store_state_at(s, v.finalized.root,
				    v.finalized.epoch * eth_preset(c->preset)->slots_per_epoch);
	return (state && ncli_case_same_state(c, state, "states/finalized_checkpoint_state")) ||
	       at(c, "states");
}

static bool run_steps(struct ncli_case *c)
{
	struct ncli_store *s = ncli_case_store(c, "genesis", "anchor_block");
	bool ok = s && ncli_case_steps(c, s, true) && check_summary(c, s) && check_states(c, s);

	ncli_store_free(s);
	return ok;
}

/* The last block before `slot` in the history of the branch that the epoch's line names. */
static bool base_of(struct ncli_case *c, struct ncli_yaml *blocks, const char *branch, uint64_t slot,
		    uint8_t root[32])
{
	size_t n = ncli_yaml_length(blocks->root), i = 0;
	const yaml_node_t *e = NULL;
	uint64_t at_slot;

	/* The first block of the branch that is not before the slot; the last of all where there is none. */
	for (i = 0; i < n; i++) {
		const yaml_node_t *candidate = ncli_yaml_at(blocks, blocks->root, i);
		const char *name = ncli_yaml_text(ncli_yaml_get(blocks, candidate, "branch"));

		if (!name || !number(c, blocks, candidate, "slot", &at_slot))
			return false;
		if (strcmp(name, branch))
			continue;
		e = candidate;
		if (at_slot >= slot)
			break;
	}
	if (!e)
		return false;
	if (at_slot < slot)
		return ncli_yaml_bytes(ncli_yaml_get(blocks, e, "root"), root, 32);
	while (e && number(c, blocks, e, "slot", &at_slot) && at_slot >= slot) {
		const yaml_node_t *parent = NULL;
		uint8_t other[32];

		if (!ncli_yaml_bytes(ncli_yaml_get(blocks, e, "parent_root"), root, 32))
			return false;
		for (size_t k = 0; k < n && !parent; k++) {
			const yaml_node_t *candidate = ncli_yaml_at(blocks, blocks->root, k);

			if (ncli_yaml_bytes(ncli_yaml_get(blocks, candidate, "root"), other, 32) &&
			    !memcmp(other, root, 32))
				parent = candidate;
		}
		e = parent;
	}
	return true;
}

static bool check_committees(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e,
			     const struct eth_state *s)
{
	const yaml_node_t *slots = ncli_yaml_get(y, e, "committees");
	struct eth_engine *engine = ncli_engine(c->preset);
	uint64_t per_epoch = eth_preset(c->preset)->slots_per_epoch, want;

	if (ncli_yaml_length(slots) != per_epoch)
		return ncli_case_fail(c, "committees has %zu slots", ncli_yaml_length(slots));
	for (uint64_t i = 0; i < per_epoch; i++) {
		const yaml_node_t *list = ncli_yaml_at(y, slots, i);

		for (size_t k = 0; k < ncli_yaml_length(list); k++) {
			const yaml_node_t *members = ncli_yaml_at(y, list, k);
			struct eth_committee committee;
			int rc = eth_beacon_committee(engine, s, s->slot + i, k, &committee);

			if (rc || committee.n != ncli_yaml_length(members))
				return ncli_case_fail(c, "committee %zu of slot %" PRIu64 ": %s", k,
						      s->slot + i,
						      rc ? eth_strerror(rc) : "has another length");
			for (size_t m = 0; m < committee.n; m++)
				if (!ncli_yaml_u64(ncli_yaml_at(y, members, m), &want) ||
				    want != committee.index[m])
					return ncli_case_fail(c,
							      "member %zu of committee %zu, slot %" PRIu64
							      " is %" PRIu32 ", expected %" PRIu64,
							      m, k, s->slot + i, committee.index[m], want);
		}
		/* And there is none more. */
		struct eth_committee none;

		if (eth_beacon_committee(engine, s, s->slot + i, ncli_yaml_length(list), &none) == 0)
			return ncli_case_fail(c, "slot %" PRIu64 " has more committees", s->slot + i);
	}
	return true;
}

static bool check_proposers(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e,
			    const struct eth_state *s)
{
	const yaml_node_t *list = ncli_yaml_get(y, e, "proposers");
	uint64_t want, got;

	if (ncli_yaml_length(list) != eth_preset(c->preset)->slots_per_epoch)
		return ncli_case_fail(c, "proposers has %zu slots", ncli_yaml_length(list));
	for (size_t i = 0; i < ncli_yaml_length(list); i++) {
		int rc = eth_proposer_index(ncli_engine(c->preset), s, s->slot + i, &got);

		if (rc || !ncli_yaml_u64(ncli_yaml_at(y, list, i), &want) || want != got)
			return ncli_case_fail(
				c, "proposer of slot %" PRIu64 " is %" PRIu64 ", expected %" PRIu64,
				s->slot + i, got, want);
	}
	return true;
}

static bool check_epoch(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e,
			const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	const uint64_t *balance = eth_state_at(s, ETH_BALANCES);
	uint64_t active = 0, sum = 0, slashed = 0, epoch = eth_current_epoch(s);
	uint8_t root[32];

	for (uint64_t i = 0; i < eth_state_validator_count(s); i++) {
		active += v[i].activation_epoch <= epoch && epoch < v[i].exit_epoch;
		slashed += v[i].slashed;
		sum += balance[i];
	}
	eth_state_root(s, root);
	if (!same_root(c, y, e, "state_root_at_epoch_start", root) ||
	    !same_checkpoint(c, y, e, "previous_justified", &s->previous_justified_checkpoint) ||
	    !same_checkpoint(c, y, e, "current_justified", &s->current_justified_checkpoint) ||
	    !same_checkpoint(c, y, e, "finalized", &s->finalized_checkpoint) ||
	    !same_number(c, y, e, "active_validators", active) ||
	    !same_number(c, y, e, "total_active_balance", eth_total_active_balance(s)) ||
	    !same_number(c, y, e, "sum_balances", sum) || !same_number(c, y, e, "slashed", slashed) ||
	    !same_number(c, y, e, "validators", eth_state_validator_count(s)))
		return false;
	/* The last epochs come without their shuffling. */
	if (!ncli_yaml_get(y, e, "attester_seed") && !ncli_yaml_get(y, e, "proposers") &&
	    !ncli_yaml_get(y, e, "committees"))
		return true;
	eth_seed(s, epoch, ETH_DOMAIN_BEACON_ATTESTER, root);
	return same_root(c, y, e, "attester_seed", root) && check_proposers(c, y, e, s) &&
	       check_committees(c, y, e, s);
}

static bool each_epoch(struct ncli_case *c, struct ncli_store *s, struct ncli_yaml *epochs,
		       struct ncli_yaml *blocks)
{
	size_t n = ncli_yaml_length(epochs->root);

	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *e = ncli_yaml_at(epochs, epochs->root, i);
		const char *branch = ncli_yaml_text(ncli_yaml_get(epochs, e, "branch"));
		uint8_t root[32];
		uint64_t slot;

		if (!branch || !number(c, epochs, e, "slot", &slot))
			return at(c, "epoch %zu", i);
		struct eth_fork_choice_view v = eth_fork_choice_view(ncli_store_fork_choice(s));

		memcpy(root, v.finalized.root, 32);
		if (slot && !base_of(c, blocks, branch, slot, root))
			return ncli_case_fail(c, "epoch %zu: no block of branch %s before it", i, branch);
		const struct eth_state *state = ncli_store_state_at(s, root, slot);

		if (!state)
			return ncli_case_fail(c, "epoch %zu: no state", i);
		if (!check_epoch(c, epochs, e, state))
			return at(c, "epoch %zu", i);
	}
	return n || ncli_case_fail(c, "epochs.json has no epochs");
}

static bool run_epochs(struct ncli_case *c)
{
	struct ncli_store *s = ncli_case_store(c, "genesis", "anchor_block");
	struct ncli_yaml epochs, blocks;
	bool ok = s && import_all(c, s, ETH_SKIP_BLS);

	if (ok && ncli_yaml_open(c, "epochs.json", &epochs)) {
		ok = ncli_yaml_open(c, "blocks.json", &blocks);
		if (ok) {
			ok = each_epoch(c, s, &epochs, &blocks);
			ncli_yaml_close(&blocks);
		}
		ncli_yaml_close(&epochs);
	} else {
		ok = false;
	}
	ncli_store_free(s);
	return ok;
}

static const struct reason {
	const char *text;
	int code[2]; /* any of them */
} reasons[] = {
	{"bad_proposer_signature", {ETH_BAD_BLOCK_SIGNATURE}},
	{"signature_at_infinity", {ETH_BAD_BLOCK_SIGNATURE}},
	{"bad_state_root", {ETH_BAD_STATE_ROOT}},
	{"wrong_proposer", {ETH_BAD_PROPOSER_INDEX}},
	{"proposer_out_of_range", {ETH_BAD_VALIDATOR_INDEX, ETH_BAD_PROPOSER_INDEX}},
	{"bad_randao_reveal", {ETH_BAD_RANDAO}},
	{"unknown_parent", {ETH_BAD_PARENT_ROOT}},
	{"slot_not_after_parent", {ETH_BAD_SLOT, ETH_BAD_BLOCK_SLOT}},
	{"bad_attestation_signature", {ETH_BAD_ATTESTATION_SIGNATURE}},
	{"attestation_bits_too_long", {ETH_BAD_BITS}},
	/* Where the slot after it is of the next epoch, its target is wrong as well. */
	{"attestation_too_new", {ETH_BAD_INCLUSION, ETH_BAD_TARGET_EPOCH}},
	{"attestation_wrong_source", {ETH_BAD_SOURCE}},
	{"attestation_committee_out_of_range", {ETH_BAD_COMMITTEE_INDEX}},
	{"unexpected_deposit", {ETH_BAD_DEPOSIT_COUNT}},
	{"voluntary_exit_too_early", {ETH_BAD_EXIT_TOO_SOON, ETH_BAD_EXIT_EPOCH}},
	{"voluntary_exit_bad_signature", {ETH_BAD_EXIT_SIGNATURE}},
	{"proposer_slashing_same_header", {ETH_BAD_SLASHING_SAME}},
};

static bool refused_for(struct ncli_case *c, const char *reason, int rc)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reasons[i].text, reason))
			return (rc && (rc == reasons[i].code[0] || rc == reasons[i].code[1])) ||
			       ncli_case_fail(c, "%s: expected %s", rc ? eth_strerror(rc) : "is accepted",
					      reason);
	return ncli_case_fail(c, "reason %s is not known", reason);
}

/* The block itself, and the valid one it was made from, on the state of the parent. */
static bool on_parent(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e, const char *reason,
		      struct ssz_view v)
{
	struct eth_engine *engine = ncli_engine(c->preset);
	const char *parent = ncli_yaml_text(ncli_yaml_get(y, e, "parent_state"));
	struct ssz_view sibling;
	struct eth_state *post;
	uint64_t valid;
	char name[200];

	if (!parent || !engine || !number(c, y, e, "valid_sibling_block", &valid))
		return ncli_case_fail(c, "parent state or sibling is missing");
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(parent, "."), parent);
	const struct eth_state *from = ncli_case_state(c, name);

	if (!from)
		return false;
	int rc = ncli_state_after(engine, from, v, 0, &post);

	free(rc ? NULL : post);
	if (!refused_for(c, reason, rc))
		return false;
	rc = ncli_state_after(engine, from, v, ETH_ONE_BY_ONE, &post);
	free(rc ? NULL : post);
	if (!refused_for(c, reason, rc))
		return at(c, "signatures one by one");
	snprintf(name, sizeof(name), "blocks/block_%05" PRIu64, valid);
	if (!ncli_case_value(c, name, eth_type(c->preset, ETH_SignedBeaconBlock), &sibling))
		return false;
	rc = ncli_state_after(engine, from, sibling, 0, &post);
	free(rc ? NULL : post);
	return rc == 0 || ncli_case_fail(c, "its valid sibling is refused: %s", eth_strerror(rc));
}

static bool run_invalid(struct ncli_case *c, size_t i)
{
	const struct ssz_type *t = eth_type(c->preset, ETH_SignedBeaconBlock);
	struct ncli_yaml y;
	struct ssz_view v;
	char name[200];
	bool ok;

	if (!ncli_yaml_open(c, "invalid.json", &y))
		return false;
	const yaml_node_t *e = ncli_yaml_at(&y, y.root, i);
	const char *file = ncli_yaml_text(ncli_yaml_get(&y, e, "file"));
	const char *reason = ncli_yaml_text(ncli_yaml_get(&y, e, "reason"));

	snprintf(name, sizeof(name), "%.*s", file ? (int)strcspn(file, ".") : 0, file ? file : "");
	if (!reason)
		ok = ncli_case_fail(c, "has no reason");
	else if (strstr(reason, "must fail to decode"))
		ok = ncli_case_bytes(c, name, &v.p, &v.n) &&
		     (ssz_check(t, v.p, v.n, NULL) || ncli_case_fail(c, "is decoded"));
	else
		ok = ncli_case_value(c, name, t, &v) && on_parent(c, &y, e, reason, v);
	ncli_yaml_close(&y);
	return ok;
}

static const struct {
	const char *part;
	bool (*run)(struct ncli_case *);
} parts[] = {
	{"steps", run_steps},
	{"blocks", run_blocks},
	{"epochs", run_epochs},
	{"gossip", ncli_case_gossip},
};

bool ncli_case_chain(struct ncli_case *c)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(c->name, parts[i].part))
			return parts[i].run(c);
	return run_invalid(c, strtoul(c->suite, NULL, 10));
}

bool ncli_chain_import(struct ncli_case *c, struct ncli_store *s)
{
	return import_all(c, s, ETH_SKIP_BLS);
}
