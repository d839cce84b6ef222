#include "procs/eth/transition.h"
#include "procs/eth/genesis.h"
#include "procs/eth/shuffle.h"
#include "procs/eth/types.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One case of the specification's layout and what runs it. */
struct spec {
	const struct vec_case *files;
	enum eth_preset_id preset;
	char handler[64];
	unsigned flags;
	struct eth_engine *e;
	bool trees; /* run it on states that carry hash trees */
};

static struct eth_state *state_of(const struct spec *c, const char *name)
{
	/* Enough for every operation and block of one case. */
	const struct eth_headroom room = {
		.validators = 64, .historical_roots = 8, .trees = c->trees, .attestation_bytes = 2 << 20};
	struct eth_state *s;
	size_t n, bytes;
	uint8_t *p = vec_ssz(c->files, name, &n), root[32];

	cr_assert(p && eth_state_footprint(c->preset, p, n, &room, &bytes) == 0, "%s: %s", c->files->path,
		  name);
	s = aligned_alloc(ETH_STATE_ALIGN, (bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN);
	cr_assert(s && eth_state_from_ssz(s, bytes, c->preset, p, n, &room) == 0);
	/* Trees that know the state from before must follow every change. */
	eth_state_root_cached(s, root);
	free(p);
	return s;
}

static struct ssz_view value_of(const struct spec *c, const char *name, enum eth_type_id type)
{
	struct ssz_view v = {.type = eth_type(c->preset, type)};

	v.p = vec_ssz(c->files, name, &v.n);
	cr_assert(!v.p || ssz_check(v.type, v.p, v.n, NULL) == 0, "%s: %s", c->files->path, name);
	return v;
}

static void assert_state(const struct spec *c, struct eth_state *s, const char *name)
{
	struct ssz_view want = value_of(c, name, ETH_BeaconState), got = want;
	uint8_t root[32], plain[32], cached[32], *p;

	got.n = eth_state_ssz_size(s);
	got.p = p = malloc(got.n);
	eth_state_to_ssz(s, p);
	for (uint32_t i = 0; i < want.type->fields; i++) {
		struct ssz_view a = ssz_field(got, i), b = ssz_field(want, i);

		cr_assert(a.n == b.n && !memcmp(a.p, b.p, a.n), "%s: %s differs", c->files->path,
			  want.type->field[i].name);
	}
	ssz_root(want.type, want.p, want.n, root);
	eth_state_root(s, plain);
	eth_state_root_cached(s, cached);
	cr_assert(!memcmp(root, plain, 32), "%s: other root", c->files->path);
	cr_assert(!memcmp(root, cached, 32), "%s: other root out of the hash trees", c->files->path);
	cr_assert(eth_state_check(s, s->capacity) == 0, "%s: the block is damaged", c->files->path);
	free(p);
	free((void *)want.p);
}

static void assert_outcome(const struct spec *c, struct eth_state *s, int r)
{
	if (vec_file(c->files, "post.ssz_snappy")) {
		cr_assert(r == 0, "%s: refused: %s", c->files->path, eth_strerror(r));
		assert_state(c, s, "post");
	} else {
		cr_assert(r != 0, "%s: accepted", c->files->path);
		cr_assert(r > ETH_BAD_FIRST, "%s: not refused by a rule: %s", c->files->path,
			  eth_strerror(r));
	}
	free(s);
}

static void run_operation(const struct spec *c)
{
	static const struct {
		const char *handler, *file;
		enum eth_type_id type;
		int (*process)(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);
	} ops[] = {
		{"attestation", "attestation", ETH_Attestation, eth_process_attestation},
		{"attester_slashing", "attester_slashing", ETH_AttesterSlashing,
		 eth_process_attester_slashing},
		{"block_header", "block", ETH_BeaconBlock, eth_process_block_header},
		{"deposit", "deposit", ETH_Deposit, eth_process_deposit},
		{"proposer_slashing", "proposer_slashing", ETH_ProposerSlashing,
		 eth_process_proposer_slashing},
		{"voluntary_exit", "voluntary_exit", ETH_SignedVoluntaryExit, eth_process_voluntary_exit},
	};
	size_t i = 0;

	while (strcmp(ops[i].handler, c->handler))
		cr_assert(++i < sizeof(ops) / sizeof(ops[0]), "unknown operation %s", c->handler);
	struct eth_state *s = state_of(c, "pre");
	struct ssz_view v = value_of(c, ops[i].file, ops[i].type);
	assert_outcome(c, s, ops[i].process(c->e, s, v, c->flags));
	free((void *)v.p);
}

static void run_epoch_step(const struct spec *c)
{
	static const struct {
		const char *handler;
		int (*process)(struct eth_engine *e, struct eth_state *s);
	} steps[] = {
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
	size_t i = 0;

	while (strcmp(steps[i].handler, c->handler))
		cr_assert(++i < sizeof(steps) / sizeof(steps[0]), "unknown step %s", c->handler);
	struct eth_state *s = state_of(c, "pre");
	assert_outcome(c, s, steps[i].process(c->e, s));
}

static void run_blocks(const struct spec *c)
{
	struct eth_state *s = state_of(c, "pre");
	int r = 0;

	for (unsigned i = 0; !r; i++) {
		char name[32];

		snprintf(name, sizeof(name), "blocks_%u", i);
		struct ssz_view block = value_of(c, name, ETH_SignedBeaconBlock);
		if (!block.p)
			break;
		r = eth_state_transition(c->e, s, block, c->flags);
		free((void *)block.p);
	}
	assert_outcome(c, s, r);
}

static void run_sanity(const struct spec *c)
{
	const struct vec_file *f = vec_file(c->files, "slots.yaml");

	if (strcmp(c->handler, "slots")) {
		run_blocks(c);
		return;
	}
	struct eth_state *s = state_of(c, "pre");
	char text[24] = "";
	cr_assert(f && f->n < sizeof(text));
	memcpy(text, f->p, f->n);
	assert_outcome(c, s, eth_process_slots(c->e, s, s->slot + strtoull(text, NULL, 10)));
}

static void run_rewards(const struct spec *c)
{
	static const char *const files[ETH_DELTAS] = {
		[ETH_DELTA_SOURCE] = "source_deltas",
		[ETH_DELTA_TARGET] = "target_deltas",
		[ETH_DELTA_HEAD] = "head_deltas",
		[ETH_DELTA_INCLUSION_DELAY] = "inclusion_delay_deltas",
		[ETH_DELTA_INACTIVITY] = "inactivity_penalty_deltas",
	};
	struct eth_state *s = state_of(c, "pre");
	uint64_t n = eth_state_validator_count(s);
	uint64_t *rewards = calloc(n, 8), *penalties = calloc(n, 8);

	for (int i = 0; i < ETH_DELTAS; i++) {
		struct ssz_view want = value_of(c, files[i], ETH_Deltas);

		cr_assert(eth_attestation_deltas(c->e, s, i, rewards, penalties) == 0);
		cr_assert(ssz_field(want, 0).n == 8 * n && !memcmp(ssz_field(want, 0).p, rewards, 8 * n),
			  "%s: rewards of %s", c->files->path, files[i]);
		cr_assert(ssz_field(want, 1).n == 8 * n && !memcmp(ssz_field(want, 1).p, penalties, 8 * n),
			  "%s: penalties of %s", c->files->path, files[i]);
		free((void *)want.p);
	}
	free(rewards);
	free(penalties);
	free(s);
}

/* The numbers of a flow or block sequence under `mapping:`; read by hand because it is all there is in the
 * file. */
static void run_shuffling(const struct spec *c)
{
	const struct vec_file *f = vec_file(c->files, "mapping.yaml");
	unsigned rounds = (unsigned)eth_preset(c->preset)->shuffle_round_count;
	char seed_text[80], count_text[32];
	uint8_t seed[32];

	cr_assert(vec_yaml(f, "seed", seed_text, sizeof(seed_text)));
	cr_assert(vec_yaml(f, "count", count_text, sizeof(count_text)));
	vec_hex(seed_text, seed, 32);
	size_t n = strtoul(count_text, NULL, 10);
	uint32_t *list = malloc(4 * n + 4);
	void *scratch = malloc(eth_shuffle_scratch(n));
	char *text = strndup((const char *)f->p, f->n), *p = strstr(text, "mapping:");
	for (uint32_t i = 0; i < n; i++)
		list[i] = i;
	eth_shuffle(list, n, seed, rounds, scratch);
	for (size_t i = 0; i < n; i++) {
		p += strcspn(p, "0123456789");
		uint64_t want = strtoull(p, &p, 10);

		cr_assert(list[i] == want, "%s: index %zu", c->files->path, i);
		cr_assert(eth_shuffled_index(i, n, seed, rounds) == want, "%s: index %zu alone",
			  c->files->path, i);
	}
	free(text);
	free(scratch);
	free(list);
}

static void run_initialization(const struct spec *c)
{
	const struct vec_file *eth1 = vec_file(c->files, "eth1.yaml");
	size_t size = eth_type(c->preset, ETH_Deposit)->size, count = 0;
	char hash_text[80], time_text[32], name[32];
	uint8_t hash[32], *deposits = NULL;

	cr_assert(vec_yaml(eth1, "eth1_block_hash", hash_text, sizeof(hash_text)));
	cr_assert(vec_yaml(eth1, "eth1_timestamp", time_text, sizeof(time_text)));
	vec_hex(hash_text, hash, 32);
	for (;; count++) {
		snprintf(name, sizeof(name), "deposits_%zu", count);
		struct ssz_view d = value_of(c, name, ETH_Deposit);
		if (!d.p)
			break;
		deposits = realloc(deposits, (count + 1) * size);
		memcpy(deposits + count * size, d.p, size);
		free((void *)d.p);
	}
	size_t bytes = eth_state_footprint_for(
		c->preset, &(struct eth_headroom){.validators = count + 1, .trees = c->trees});
	struct eth_state *s = aligned_alloc(ETH_STATE_ALIGN, (bytes + 63) / 64 * 64);
	int r = eth_genesis_from_deposits(c->e, s, bytes, hash, strtoull(time_text, NULL, 10), deposits,
					  count, &(struct eth_headroom){.trees = c->trees});
	cr_assert(r == 0, "%s: %s", c->files->path, eth_strerror(r));
	assert_state(c, s, "state");
	free(deposits);
	free(s);
}

static void run_genesis(const struct spec *c)
{
	const struct vec_file *valid = vec_file(c->files, "is_valid.yaml");

	if (!strcmp(c->handler, "initialization")) {
		run_initialization(c);
		return;
	}
	struct eth_state *s = state_of(c, "genesis");
	cr_assert(valid && eth_genesis_valid(eth_engine_config(c->e), s) == (valid->p[0] == 't'), "%s",
		  c->files->path);
	free(s);
}

static void run_archive(const char *archive, size_t cases, void (*run)(const struct spec *c))
{
	struct vec_set set = vec_open(archive);
	struct spec c = {.preset = strstr(archive, "minimal") ? ETH_MINIMAL : ETH_MAINNET};
	struct eth_config config = eth_config_default(c.preset);

	c.e = eth_engine_new(&config);
	cr_assert(c.e && set.n == cases, "%s: %zu cases", archive, set.n);
	for (size_t i = 0; i < set.n; i++) {
		char bls[8] = "0";

		c.files = &set.cases[i];
		c.trees = i % 3 != 0;
		vec_component(c.files->path, 4, c.handler, sizeof(c.handler));
		vec_yaml(vec_file(c.files, "meta.yaml"), "bls_setting", bls, sizeof(bls));
		/* Both ways to check a block's signatures have to give the same answer. */
		c.flags = (*bls == '2' ? ETH_SKIP_BLS : 0) | (i % 2 ? ETH_ONE_BY_ONE : 0);
		run(&c);
	}
	eth_engine_free(c.e);
	vec_close(&set);
}

#define ARCHIVE(name, file, cases, run)                             \
	Test(eth_transition, name, .timeout = 900)                  \
	{                                                           \
		run_archive("phase0-" file ".tar.zst", cases, run); \
	}

ARCHIVE(operations_minimal, "minimal-operations", 119, run_operation)
ARCHIVE(operations_mainnet, "mainnet-operations", 118, run_operation)
ARCHIVE(epoch_processing_minimal, "minimal-epoch_processing", 56, run_epoch_step)
ARCHIVE(epoch_processing_mainnet, "mainnet-epoch_processing", 52, run_epoch_step)
ARCHIVE(sanity_minimal, "minimal-sanity", 52, run_sanity)
ARCHIVE(sanity_mainnet, "mainnet-sanity", 47, run_sanity)
ARCHIVE(finality_minimal, "minimal-finality", 5, run_blocks)
ARCHIVE(finality_mainnet, "mainnet-finality", 5, run_blocks)
ARCHIVE(random_minimal, "minimal-random", 16, run_blocks)
ARCHIVE(rewards_minimal, "minimal-rewards", 49, run_rewards)
ARCHIVE(shuffling_minimal, "minimal-shuffling", 80, run_shuffling)
ARCHIVE(shuffling_mainnet, "mainnet-shuffling", 80, run_shuffling)
ARCHIVE(genesis_minimal, "minimal-genesis", 10, run_genesis)
