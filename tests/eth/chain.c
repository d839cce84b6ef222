#include "procs/eth/genesis.h"
#include "procs/eth/transition.h"
#include "procs/eth/types.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chain of the vectors, replayed: every block on the state of its parent. */
struct chain {
	const char *name;
	enum eth_preset_id preset;
	struct vec_set set;
	struct eth_engine *e;
	json_t *blocks, *epochs;
	size_t epochs_seen;
	/* Post-states by number of block; 0 is genesis. Freed after the last child. */
	struct eth_state **state;
	uint8_t (*root)[32];
	size_t *last_child;
	size_t bytes;
};

static const struct vec_case *folder(const struct chain *c, const char *below)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", c->name, *below ? "/" : "", below);
	for (size_t i = 0; i < c->set.n; i++)
		if (!strcmp(c->set.cases[i].path, path) && c->set.cases[i].files)
			return &c->set.cases[i];
	cr_assert_fail("no folder %s", path);
	return NULL;
}

/* A file of the top folder, whichever of the groups of that folder has it. */
static const struct vec_file *top_file(const struct chain *c, const char *name)
{
	for (size_t i = 0; i < c->set.n; i++)
		if (!strcmp(c->set.cases[i].path, c->name) && vec_file(&c->set.cases[i], name))
			return vec_file(&c->set.cases[i], name);
	cr_assert_fail("no file %s", name);
	return NULL;
}

static json_t *json_of(const struct chain *c, const char *name)
{
	const struct vec_file *f = top_file(c, name);
	json_error_t error;
	json_t *j = json_loadb((const char *)f->p, f->n, 0, &error);

	cr_assert(j, "%s: line %d: %s", name, error.line, error.text);
	return j;
}

/* `path` is "folder/name.ssz_snappy". */
static struct ssz_view value_of(const struct chain *c, const char *path, enum eth_type_id type)
{
	struct ssz_view v = {.type = eth_type(c->preset, type)};
	const char *slash = strchr(path, '/');
	char below[64] = "", name[128];

	if (slash)
		snprintf(below, sizeof(below), "%.*s", (int)(slash - path), path);
	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
	*strstr(name, ".ssz_snappy") = 0;
	for (size_t i = 0; i < c->set.n && !v.p; i++) {
		char full[128];

		snprintf(full, sizeof(full), "%s%s%s", c->name, *below ? "/" : "", below);
		if (!strcmp(c->set.cases[i].path, full))
			v.p = vec_ssz(&c->set.cases[i], name, &v.n);
	}
	cr_assert(v.p, "no file %s", path);
	return v;
}

static struct eth_state *decode(const struct chain *c, struct ssz_view v, size_t *bytes)
{
	const struct eth_headroom room = {
		.validators = 64, .historical_roots = 16, .trees = true, .attestation_bytes = 1 << 20};
	struct eth_state *s;

	cr_assert(eth_state_footprint(c->preset, v.p, v.n, &room, bytes) == 0);
	*bytes = (*bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN;
	s = aligned_alloc(ETH_STATE_ALIGN, *bytes);
	cr_assert(s && eth_state_from_ssz(s, *bytes, c->preset, v.p, v.n, &room) == 0);
	return s;
}

static struct eth_state *copy_of(const struct chain *c, const struct eth_state *s)
{
	struct eth_state *copy = aligned_alloc(ETH_STATE_ALIGN, c->bytes);

	cr_assert(copy);
	memcpy(copy, s, eth_state_size(s));
	cr_assert(eth_state_adopt(copy, c->bytes) == 0);
	return copy;
}

static void assert_hex(const json_t *j, const char *key, const uint8_t got[32], const char *what, size_t n)
{
	uint8_t want[32];

	vec_hex(json_string_value(json_object_get(j, key)), want, 32);
	cr_assert(!memcmp(got, want, 32), "%s %zu: %s differs", what, n, key);
}

static void assert_checkpoint(const json_t *j, const char *key, const struct ssz_checkpoint *got, size_t n)
{
	const json_t *want = json_object_get(j, key);

	cr_assert((uint64_t)json_integer_value(json_object_get(want, "epoch")) == got->epoch, "epoch %zu: %s",
		  n, key);
	assert_hex(want, "root", got->root, "epoch", n);
}

static void assert_number(const json_t *j, const char *key, uint64_t got, size_t n)
{
	cr_assert((uint64_t)json_integer_value(json_object_get(j, key)) == got, "epoch %zu: %s is %lu", n,
		  key, got);
}

static void assert_committees(const struct chain *c, const json_t *want, const struct eth_state *s, size_t n)
{
	const json_t *slots = json_object_get(want, "committees");
	uint64_t first = s->slot;

	for (size_t slot = 0; slot < json_array_size(slots); slot++) {
		const json_t *list = json_array_get(slots, slot);
		struct eth_committee committee;

		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *members = json_array_get(list, i);

			cr_assert(eth_beacon_committee(c->e, s, first + slot, i, &committee) == 0);
			cr_assert(json_array_size(members) == committee.n, "epoch %zu", n);
			for (size_t k = 0; k < committee.n; k++)
				cr_assert(committee.index[k] ==
						  json_integer_value(json_array_get(members, k)),
					  "epoch %zu slot %zu committee %zu", n, slot, i);
		}
		cr_assert(eth_beacon_committee(c->e, s, first + slot, json_array_size(list), &committee) ==
			  ETH_BAD_COMMITTEE_INDEX);
	}
}

static void assert_epoch(const struct chain *c, const json_t *want, const struct eth_state *s, size_t n)
{
	const struct eth_validator *v = eth_state_validators(s);
	const uint64_t *balance = eth_state_at(s, ETH_BALANCES);
	uint64_t active = 0, slashed = 0, sum = 0, proposer;
	const json_t *proposers = json_object_get(want, "proposers");
	uint8_t seed[32];

	assert_checkpoint(want, "previous_justified", &s->previous_justified_checkpoint, n);
	assert_checkpoint(want, "current_justified", &s->current_justified_checkpoint, n);
	assert_checkpoint(want, "finalized", &s->finalized_checkpoint, n);
	for (uint64_t i = 0; i < eth_state_validator_count(s); i++) {
		active += v[i].activation_epoch <= n && n < v[i].exit_epoch;
		slashed += v[i].slashed;
		sum += balance[i];
	}
	assert_number(want, "validators", eth_state_validator_count(s), n);
	assert_number(want, "active_validators", active, n);
	assert_number(want, "slashed", slashed, n);
	assert_number(want, "sum_balances", sum, n);
	assert_number(want, "total_active_balance", eth_total_active_balance(s), n);
	for (size_t i = 0; i < json_array_size(proposers); i++) {
		cr_assert(eth_proposer_index(c->e, s, s->slot + i, &proposer) == 0);
		cr_assert((uint64_t)json_integer_value(json_array_get(proposers, i)) == proposer, "epoch %zu",
			  n);
	}
	eth_seed(s, n, 1, seed);
	/* Not every epoch was recorded with its committees and their seed. */
	if (json_object_get(want, "attester_seed"))
		assert_hex(want, "attester_seed", seed, "epoch", n);
	assert_committees(c, want, s, n);
}

/* The epochs that begin between a state and the slot of its next block, if they do on the branch that was recorded. */
static void check_epochs(struct chain *c, const struct eth_state *from, uint64_t to)
{
	const struct eth_preset *p = eth_preset(c->preset);
	struct eth_state *s = NULL;

	for (uint64_t epoch = from->slot / p->slots_per_epoch + (from->slot != 0);
	     epoch * p->slots_per_epoch <= to; epoch++) {
		json_t *want = json_array_get(c->epochs, epoch);
		uint8_t root[32], expected[32];

		if (!want || json_object_get(want, "seen"))
			continue;
		if (!s)
			s = copy_of(c, from);
		if (s->slot < epoch * p->slots_per_epoch)
			cr_assert(eth_process_slots(c->e, s, epoch * p->slots_per_epoch) == 0);
		eth_state_root_cached(s, root);
		vec_hex(json_string_value(json_object_get(want, "state_root_at_epoch_start")), expected, 32);
		if (memcmp(root, expected, 32))
			continue;
		assert_epoch(c, want, s, epoch);
		json_object_set_new(want, "seen", json_true());
		c->epochs_seen++;
	}
	free(s);
}

static size_t number_of(const struct chain *c, const uint8_t root[32])
{
	for (size_t i = 0; i <= json_array_size(c->blocks); i++)
		if (!memcmp(c->root[i], root, 32))
			return i;
	cr_assert_fail("unknown parent");
	return 0;
}

static void plan(struct chain *c)
{
	size_t n = json_array_size(c->blocks) + 1;
	uint8_t parent[32];

	c->state = calloc(n, sizeof(*c->state));
	c->root = calloc(n, sizeof(*c->root));
	c->last_child = calloc(n, sizeof(*c->last_child));
	struct ssz_view anchor = value_of(c, "anchor_block.ssz_snappy", ETH_BeaconBlock);
	ssz_root(anchor.type, anchor.p, anchor.n, c->root[0]);
	free((void *)anchor.p);
	for (size_t i = 1; i < n; i++)
		vec_hex(json_string_value(json_object_get(json_array_get(c->blocks, i - 1), "root")),
			c->root[i], 32);
	for (size_t i = 1; i < n; i++) {
		vec_hex(json_string_value(json_object_get(json_array_get(c->blocks, i - 1), "parent_root")),
			parent, 32);
		c->last_child[number_of(c, parent)] = i;
	}
}

static void replay_block(struct chain *c, size_t i)
{
	const json_t *want = json_array_get(c->blocks, i - 1);
	struct ssz_view v =
		value_of(c, json_string_value(json_object_get(want, "file")), ETH_SignedBeaconBlock);
	struct ssz_view message;
	uint8_t root[32];

	cr_assert(ssz_check(v.type, v.p, v.n, NULL) == 0, "block %zu", i);
	message = ssz_field(v, 0);
	const struct ssz_beacon_block *b = (const struct ssz_beacon_block *)message.p;
	ssz_root(message.type, message.p, message.n, root);
	assert_hex(want, "root", root, "block", i);
	size_t parent = number_of(c, b->parent_root);
	cr_assert(c->state[parent], "block %zu comes before its parent", i);
	check_epochs(c, c->state[parent], b->slot);
	c->state[i] = copy_of(c, c->state[parent]);
	int r = eth_state_transition(c->e, c->state[i], v, 0);
	cr_assert(r == 0, "block %zu: %s", i, eth_strerror(r));
	eth_state_root_cached(c->state[i], root);
	assert_hex(want, "state_root", root, "block", i);
	if (i % 50 == 0) {
		eth_state_root(c->state[i], root);
		assert_hex(want, "state_root", root, "block", i);
	}
	if (c->last_child[parent] == i) {
		free(c->state[parent]);
		c->state[parent] = NULL;
	}
	free((void *)v.p);
}

static void open_chain(struct chain *c, const char *name, enum eth_preset_id preset)
{
	struct eth_config config = eth_config_default(preset);
	char archive[64];

	snprintf(archive, sizeof(archive), "%s.tar.zst", name);
	*c = (struct chain){
		.name = name, .preset = preset, .set = vec_open(archive), .e = eth_engine_new(&config)};
	cr_assert(c->e);
	folder(c, "blocks");
	c->blocks = json_of(c, "blocks.json");
	c->epochs = json_of(c, "epochs.json");
}

static void close_chain(struct chain *c)
{
	for (size_t i = 0; c->state && i <= json_array_size(c->blocks); i++)
		free(c->state[i]);
	free(c->state);
	free(c->root);
	free(c->last_child);
	json_decref(c->blocks);
	json_decref(c->epochs);
	eth_engine_free(c->e);
	vec_close(&c->set);
}

static void replay(const char *name, enum eth_preset_id preset, size_t blocks)
{
	struct chain c;

	open_chain(&c, name, preset);
	cr_assert(json_array_size(c.blocks) == blocks);
	plan(&c);
	struct ssz_view genesis = value_of(&c, "genesis.ssz_snappy", ETH_BeaconState);
	c.state[0] = decode(&c, genesis, &c.bytes);
	free((void *)genesis.p);
	for (size_t i = 1; i <= blocks; i++)
		replay_block(&c, i);
	/* Epochs after the last block. */
	for (size_t i = 0; i <= blocks; i++)
		if (c.state[i])
			check_epochs(&c, c.state[i],
				     json_array_size(c.epochs) * eth_preset(preset)->slots_per_epoch);
	cr_assert(c.epochs_seen == json_array_size(c.epochs), "%zu of %zu epochs were on no branch",
		  json_array_size(c.epochs) - c.epochs_seen, json_array_size(c.epochs));
	close_chain(&c);
}

Test(eth_chain, minimal, .timeout = 900)
{
	replay("chain-minimal", ETH_MINIMAL, 575);
}

Test(eth_chain, mainnet_preset, .timeout = 900)
{
	replay("chain-mainnet-preset", ETH_MAINNET, 164);
}

/* The minimal chain begins with exactly the mocked start. */
Test(eth_chain, mocked_start)
{
	const struct eth_headroom room = {.trees = true};
	struct eth_config config = eth_config_default(ETH_MINIMAL);
	struct chain c;

	open_chain(&c, "chain-minimal", ETH_MINIMAL);
	struct ssz_view want = value_of(&c, "genesis.ssz_snappy", ETH_BeaconState);
	size_t bytes =
		eth_state_footprint_for(ETH_MINIMAL, &(struct eth_headroom){.validators = 64, .trees = true});
	bytes = (bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN;
	struct eth_state *s = aligned_alloc(ETH_STATE_ALIGN, bytes);
	cr_assert(s && eth_genesis_interop(&config, s, bytes - 64, 65, 1578009900, &room) == ETH_ERR_ROOM);
	cr_assert(eth_genesis_interop(&config, s, bytes, 64, 1578009900, &room) == 0);
	uint8_t *got = malloc(eth_state_ssz_size(s)), root[32], cached[32];
	eth_state_to_ssz(s, got);
	cr_assert(eth_state_ssz_size(s) == want.n && !memcmp(got, want.p, want.n));
	ssz_root(want.type, want.p, want.n, root);
	eth_state_root_cached(s, cached);
	cr_assert(!memcmp(root, cached, 32));
	free(got);
	free(s);
	free((void *)want.p);
	close_chain(&c);
}

static const struct {
	const char *reason;
	int code;      /* 0: the bytes are no block */
	int otherwise; /* the same fault across the border of an epoch is another rule's */
} reasons[] = {
	{"bad_proposer_signature", ETH_BAD_BLOCK_SIGNATURE, 0},
	{"signature_at_infinity", ETH_BAD_BLOCK_SIGNATURE, 0},
	{"bad_state_root", ETH_BAD_STATE_ROOT, 0},
	{"wrong_proposer", ETH_BAD_PROPOSER_INDEX, 0},
	{"proposer_out_of_range", ETH_BAD_VALIDATOR_INDEX, 0},
	{"bad_randao_reveal", ETH_BAD_RANDAO, 0},
	{"unknown_parent", ETH_BAD_PARENT_ROOT, 0},
	{"slot_not_after_parent", ETH_BAD_SLOT, 0},
	{"bad_attestation_signature", ETH_BAD_ATTESTATION_SIGNATURE, 0},
	{"attestation_bits_too_long", ETH_BAD_BITS, 0},
	{"attestation_too_new", ETH_BAD_INCLUSION, ETH_BAD_TARGET_EPOCH},
	{"attestation_wrong_source", ETH_BAD_SOURCE, 0},
	{"attestation_committee_out_of_range", ETH_BAD_COMMITTEE_INDEX, 0},
	{"unexpected_deposit", ETH_BAD_DEPOSIT_COUNT, 0},
	{"voluntary_exit_too_early", ETH_BAD_EXIT_TOO_SOON, 0},
	{"voluntary_exit_bad_signature", ETH_BAD_EXIT_SIGNATURE, 0},
	{"proposer_slashing_same_header", ETH_BAD_SLASHING_SAME, 0},
	{"ssz_truncated", 0, 0},
	{"ssz_trailing_bytes", 0, 0},
	{"ssz_bad_first_offset", 0, 0},
	{"ssz_empty", 0, 0},
};

static size_t reason_of(const char *reason)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		size_t n = strlen(reasons[i].reason);

		if (!strncmp(reason, reasons[i].reason, n) && (!reason[n] || reason[n] == ' '))
			return i;
	}
	cr_assert_fail("unknown reason %s", reason);
	return 0;
}

/* Each invalid block on its parent's state, all signatures at once and one by one. */
static void refuse(const char *name, enum eth_preset_id preset, size_t count)
{
	struct chain c;
	json_t *list, *item;
	size_t i;

	open_chain(&c, name, preset);
	list = json_of(&c, "invalid.json");
	cr_assert(json_array_size(list) == count);
	json_array_foreach(list, i, item)
	{
		const char *file = json_string_value(json_object_get(item, "file"));
		size_t reason = reason_of(json_string_value(json_object_get(item, "reason")));
		int want = reasons[reason].code;
		struct ssz_view v = value_of(&c, file, ETH_SignedBeaconBlock);
		int r = ssz_check(v.type, v.p, v.n, NULL);

		cr_assert((want == 0) == (r != 0), "%s: %s", file, eth_strerror(r));
		for (int k = 0; want && k < 2; k++) {
			struct ssz_view parent =
				value_of(&c, json_string_value(json_object_get(item, "parent_state")),
					 ETH_BeaconState);
			struct eth_state *s = decode(&c, parent, &c.bytes);

			r = eth_state_transition(c.e, s, v, k ? ETH_ONE_BY_ONE : 0);
			cr_assert(r == want || (r && r == reasons[reason].otherwise), "%s: %s", file,
				  eth_errname(r));
			free(s);
			free((void *)parent.p);
		}
		free((void *)v.p);
	}
	json_decref(list);
	close_chain(&c);
}

Test(eth_chain, invalid_blocks_minimal, .timeout = 900)
{
	refuse("chain-minimal", ETH_MINIMAL, 55);
}

Test(eth_chain, invalid_blocks_mainnet_preset, .timeout = 900)
{
	refuse("chain-mainnet-preset", ETH_MAINNET, 20);
}
