/* The files of a testnet, laid out as whole chains of test vectors are. */
#include "procs/ncli/testnet.h"
#include "procs/eth/types.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum ncli_status testnet_make_directories(struct testnet *t)
{
	static const char *const sub[] = {"", "/blocks", "/attestations", "/states", "/gossip", "/invalid"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(sub) / sizeof(sub[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", t->dir, sub[i]);
		if (mkdir(path, 0777))
			return ncli_fail(t->n, NCLI_FAILED, "%s: cannot be made (%s); nothing is written",
					 path, strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/steps.yaml", t->dir);
	t->steps = fopen(path, "w");
	return t->steps ? NCLI_OK
			: ncli_fail(t->n, NCLI_FAILED, "%s: cannot be made (%s)", path, strerror(errno));
}

enum ncli_status testnet_write(struct testnet *t, const char *name, const void *p, size_t n)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	return ncli_store(t->n, path, p, n);
}

enum ncli_status testnet_write_state(struct testnet *t, const char *name, const struct eth_state *s)
{
	size_t n = s ? eth_state_ssz_size(s) : 0;
	uint8_t *p = s ? malloc(n) : NULL;

	if (!p)
		return ncli_fail(t->n, NCLI_FAILED, "%s/%s: no state, or out of memory", t->dir, name);
	eth_state_to_ssz(s, p);
	enum ncli_status status = testnet_write(t, name, p, n);

	free(p);
	return status;
}

static json_t *root_of(const uint8_t root[32])
{
	char text[67];

	ncli_hex(text, root);
	return json_string(text);
}

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *checkpoint(const struct ssz_checkpoint *c)
{
	return json_pack("{s:o, s:o}", "epoch", number(c->epoch), "root", root_of(c->root));
}

enum ncli_status testnet_step(struct testnet *t, json_t *step)
{
	char *text = step ? json_dumps(step, 0) : NULL;
	bool ok = text && fprintf(t->steps, "- %s\n", text) > 0;

	free(text);
	json_decref(step);
	return ok ? NCLI_OK : ncli_fail(t->n, NCLI_FAILED, "%s/steps.yaml cannot be written", t->dir);
}

enum ncli_status testnet_checks(struct testnet *t)
{
	struct eth_fork_choice_view v = eth_fork_choice_view(t->fc);
	uint8_t head[32];
	uint64_t slot;
	int rc = eth_fork_choice_head(t->fc, head, &slot);

	if (rc)
		return ncli_fail(t->n, NCLI_FAILED, "head: %s", eth_fork_choice_strerror(rc));
	return testnet_step(t, json_pack("{s:{s:o, s:{s:o, s:o}, s:o, s:o, s:o}}", "checks", "time",
					 number(v.time), "head", "slot", number(slot), "root", root_of(head),
					 "justified_checkpoint", checkpoint(&v.justified),
					 "finalized_checkpoint", checkpoint(&v.finalized),
					 "proposer_boost_root", root_of(v.proposer_boost_root)));
}

struct made *testnet_find(struct testnet *t, const uint8_t root[32])
{
	for (size_t i = t->blocks; i--;)
		if (!memcmp(t->block[i].root, root, 32))
			return &t->block[i];
	return NULL;
}

enum ncli_status testnet_write_lines(struct testnet *t, const char *name, json_t *list)
{
	char path[PATH_MAX];
	json_t *e;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	FILE *f = fopen(path, "w");
	bool ok = f && list && fputs("[\n", f) >= 0;

	json_array_foreach(list, i, e)
	{
		char *text = json_dumps(e, 0);

		ok = ok && text && fprintf(f, "%s%s\n", text, i + 1 < json_array_size(list) ? "," : "") > 0;
		free(text);
	}
	ok = ok && fputs("]\n", f) >= 0;
	if (f && fclose(f))
		ok = false;
	json_decref(list);
	return ok ? NCLI_OK
		  : ncli_fail(t->n, NCLI_FAILED, "%s: cannot be written (%s)", path, strerror(errno));
}

static enum ncli_status write_blocks(struct testnet *t)
{
	static const char *const list[] = {"attestations", "deposits", "proposer_slashings",
					   "attester_slashings", "voluntary_exits"};
	json_t *all = json_array();

	for (size_t i = 0; i < t->blocks; i++) {
		const struct made *b = &t->block[i];
		struct ssz_view v = {eth_type(t->preset->id, ETH_SignedBeaconBlock), b->ssz, b->n};
		struct ssz_view body = ssz_field_named(ssz_field(v, 0), "body");
		char file[64], branch[2] = {b->branch, 0};

		snprintf(file, sizeof(file), "blocks/block_%05zu.ssz_snappy", i + 1);
		json_t *e = json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o}", "n", number(i + 1), "file",
				      file, "slot", number(b->slot), "proposer_index", number(b->proposer),
				      "branch", branch, "parent_root", root_of(b->parent), "root",
				      root_of(b->root), "state_root", root_of(b->state_root));

		for (size_t k = 0; k < sizeof(list) / sizeof(list[0]); k++)
			json_object_set_new(e, list[k], number(ssz_length(ssz_field_named(body, list[k]))));
		json_object_set_new(e, "ssz_bytes", number(b->n));
		json_object_set_new(e, "canonical", json_boolean(b->canonical));
		json_array_append_new(all, e);
	}
	return testnet_write_lines(t, "blocks.json", all);
}

static json_t *committees(struct testnet *t, const struct eth_state *s)
{
	json_t *slots = json_array();

	for (uint64_t i = 0; i < t->preset->slots_per_epoch; i++) {
		json_t *list = json_array();
		struct eth_committee c;

		for (uint64_t k = 0; eth_beacon_committee(t->engine, s, s->slot + i, k, &c) == 0; k++) {
			json_t *members = json_array();

			for (size_t m = 0; m < c.n; m++)
				json_array_append_new(members, number(c.index[m]));
			json_array_append_new(list, members);
		}
		json_array_append_new(slots, list);
	}
	return slots;
}

static json_t *epoch_line(struct testnet *t, const struct eth_state *s, char branch_)
{
	const struct eth_validator *v = eth_state_validators(s);
	const uint64_t *balance = eth_state_at(s, ETH_BALANCES);
	uint64_t epoch = eth_current_epoch(s), active = 0, slashed = 0, sum = 0;
	char branch[2] = {branch_, 0};
	json_t *proposers = json_array();
	uint8_t root[32], seed[32];

	for (uint64_t i = 0; i < eth_state_validator_count(s); i++) {
		active += v[i].activation_epoch <= epoch && epoch < v[i].exit_epoch;
		slashed += v[i].slashed;
		sum += balance[i];
	}
	for (uint64_t i = 0; i < t->preset->slots_per_epoch; i++) {
		uint64_t index = 0;

		eth_proposer_index(t->engine, s, s->slot + i, &index);
		json_array_append_new(proposers, number(index));
	}
	eth_state_root(s, root);
	eth_seed(s, epoch, ETH_DOMAIN_BEACON_ATTESTER, seed);
	return json_pack(
		"{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "epoch",
		number(epoch), "slot", number(s->slot), "branch", branch, "state_root_at_epoch_start",
		root_of(root), "previous_justified", checkpoint(&s->previous_justified_checkpoint),
		"current_justified", checkpoint(&s->current_justified_checkpoint), "finalized",
		checkpoint(&s->finalized_checkpoint), "active_validators", number(active),
		"total_active_balance", number(eth_total_active_balance(s)), "sum_balances", number(sum),
		"validators", number(eth_state_validator_count(s)), "slashed", number(slashed), "proposers",
		proposers, "attester_seed", root_of(seed), "committees", committees(t, s));
}

static enum ncli_status write_epochs(struct testnet *t)
{
	json_t *all = json_array();

	for (uint64_t epoch = 0; epoch < t->epochs; epoch++) {
		uint64_t slot = epoch * t->preset->slots_per_epoch;
		const uint8_t *base = t->genesis_root;
		char branch = 'A';

		for (size_t i = 0; i < t->blocks; i++) {
			const struct made *b = &t->block[i];

			if (!b->canonical)
				continue;
			branch = b->branch;
			if (b->slot >= slot)
				break;
			base = b->root;
		}
		const struct eth_state *s = ncli_store_state_at(t->store, base, slot);

		if (!s) {
			json_decref(all);
			return ncli_fail(t->n, NCLI_FAILED, "epoch %" PRIu64 ": no state", epoch);
		}
		json_array_append_new(all, epoch_line(t, s, branch));
	}
	return testnet_write_lines(t, "epochs.json", all);
}

static enum ncli_status write_summary(struct testnet *t, const uint8_t head[32])
{
	struct eth_fork_choice_view v = eth_fork_choice_view(t->fc);
	const struct eth_state *s = ncli_store_state(t->store, head);
	size_t canonical = 0;
	uint8_t root[32];
	char path[PATH_MAX];

	for (size_t i = 0; i < t->blocks; i++)
		canonical += t->block[i].canonical;
	eth_state_root(s, root);
	json_t *j = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:{s:o, s:o, s:o}, s:o, "
		"s:o, s:o}",
		"preset", t->preset->name, "config_name", t->config.name, "validators", number(t->validators),
		"genesis_time", number(t->genesis_time), "seconds_per_slot",
		number(t->config.seconds_per_slot), "slots_per_epoch", number(t->preset->slots_per_epoch),
		"genesis_validators_root", root_of(t->genesis_validators_root), "genesis_state_root",
		root_of(t->genesis_state_root), "genesis_block_root", root_of(t->genesis_root),
		"genesis_is_mocked_start", 1, "seed", number(t->seed), "blocks", number(t->blocks),
		"canonical_blocks", number(canonical), "head", "slot", number(s->slot), "root", root_of(head),
		"state_root", root_of(root), "justified_checkpoint", checkpoint(&v.justified),
		"finalized_checkpoint", checkpoint(&v.finalized), "validators_at_head",
		number(eth_state_validator_count(s)));

	snprintf(path, sizeof(path), "%s/summary.json", t->dir);
	int rc = j ? json_dump_file(j, path, JSON_INDENT(1)) : -1;

	json_decref(j);
	return rc ? ncli_fail(t->n, NCLI_FAILED, "%s: cannot be written", path) : NCLI_OK;
}

static enum ncli_status write_states(struct testnet *t, const uint8_t head[32])
{
	struct eth_fork_choice_view v = eth_fork_choice_view(t->fc);
	uint64_t start = v.finalized.epoch * t->preset->slots_per_epoch;
	const struct eth_state *s = ncli_store_state(t->store, head);
	enum ncli_status status = testnet_write_state(t, "states/head_state.ssz_snappy", s);

	s = ncli_store_state(t->store, v.finalized.root);
	if (status == NCLI_OK)
		status = testnet_write_state(t, "states/finalized_block_state.ssz_snappy", s);
	if (status == NCLI_OK && s->slot < start)
		status = testnet_write_state(t, "states/finalized_checkpoint_state.ssz_snappy",
					     ncli_store_state_at(t->store, v.finalized.root, start));
	return status;
}

enum ncli_status testnet_finish(struct testnet *t)
{
	enum ncli_status status;
	uint8_t head[32];
	int rc = eth_fork_choice_head(t->fc, head, NULL);

	if (rc)
		return ncli_fail(t->n, NCLI_FAILED, "head: %s", eth_fork_choice_strerror(rc));
	for (struct made *b = testnet_find(t, head); b; b = testnet_find(t, b->parent))
		b->canonical = true;
	status = write_blocks(t);
	if (status == NCLI_OK)
		status = write_epochs(t);
	if (status == NCLI_OK)
		status = write_summary(t, head);
	if (status == NCLI_OK)
		status = write_states(t, head);
	if (status == NCLI_OK) {
		status = testnet_write_lines(t, "gossip.json", t->gossip);
		t->gossip = NULL;
	}
	return status ? status : testnet_invalid(t);
}
