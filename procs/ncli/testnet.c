/* `ncli testnet`: a network in one process, every choice of which follows from a seed. */
#include "procs/ncli/testnet.h"
#include "procs/eth/genesis.h"
#include "procs/eth/produce.h"
#include "procs/eth/types.h"
#include "procs/ncli/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of 256: slots without a block, validators that miss their attestation. */
#define SKIPPED 12
#define ABSENT 10

/* A fork begins every so many epochs, and lasts so many slots. */
#define FORK_EPOCHS 3
#define FORK_SLOTS 6

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t draw(struct testnet *t, uint64_t below)
{
	uint64_t x = t->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

static enum ncli_status failed(const struct testnet *t, uint64_t slot, const char *what, int code)
{
	return ncli_fail(t->n, NCLI_FAILED, "slot %" PRIu64 ": %s: %s", slot, what,
			 eth_fork_choice_strerror(code));
}

static void sign(const struct testnet *t, uint64_t validator, const uint8_t root[32], uint8_t signature[96])
{
	eth_sign(&t->secret[validator], root, signature);
}

/* One committee's attestation by those of it that vote for the head; added to the pool. */
static int attest_committee(struct testnet *t, const struct eth_state *s, const uint8_t head[32],
			    uint64_t index, const uint8_t *votes)
{
	uint8_t ssz[sizeof(struct ssz_attestation) + 257] = {0}, root[32], signature[96];
	struct ssz_attestation *a = (void *)ssz;
	struct bls_signature one, sum;
	struct eth_committee c;
	size_t voters = 0;
	int rc = eth_beacon_committee(t->engine, s, s->slot, index, &c);

	if (rc)
		return rc;
	a->aggregation_bits_at = sizeof(*a);
	eth_attestation_data(s, head, index, &a->data);
	eth_attestation_signing_root(s, &a->data, root);
	for (size_t i = 0; i < c.n; i++) {
		if (!votes[c.index[i]])
			continue;
		sign(t, c.index[i], root, signature);
		bls_signature_from_bytes(&one, signature, 96);
		const struct bls_signature both[] = {sum, one};

		if (!voters++)
			sum = one;
		else
			bls_aggregate_signatures(&sum, both, 2);
		ssz[sizeof(*a) + i / 8] |= (uint8_t)(1 << i % 8);
	}
	if (!voters)
		return 0;
	ssz[sizeof(*a) + c.n / 8] |= (uint8_t)(1 << c.n % 8);
	bls_signature_to_bytes(a->signature, &sum);
	struct ssz_view v = {eth_type(t->preset->id, ETH_Attestation), ssz, sizeof(*a) + c.n / 8 + 1};

	if (s->slot % t->preset->slots_per_epoch == 3 && index == 0 && !t->alone_n &&
	    v.n <= sizeof(t->alone)) {
		memcpy(t->alone, ssz, v.n);
		t->alone_n = v.n;
	}
	return eth_pool_add(t->pool, v);
}

/* Everyone whose turn it is votes for `head`, but those the flags leave out. */
static int attest(struct testnet *t, uint64_t slot, const uint8_t head[32], const uint8_t *votes)
{
	const struct eth_state *s = ncli_store_state_at(t->store, head, slot);
	struct eth_shuffling sh;
	int rc = s ? eth_shuffling(t->engine, s, eth_current_epoch(s), &sh) : ETH_FC_NO_STATE;
	uint64_t committees = rc ? 0 : sh.committees_per_slot;

	for (uint64_t i = 0; rc == 0 && i < committees; i++)
		rc = attest_committee(t, s, head, i, votes);
	return rc;
}

static enum ncli_status attest_slot(struct testnet *t, uint64_t slot)
{
	uint8_t *votes = calloc(2, t->validators), head[32];
	int rc = votes ? eth_fork_choice_head(t->fc, head, NULL) : ETH_ERR_MEMORY;
	const struct eth_state *s = rc ? NULL : ncli_store_state(t->store, head);

	for (uint64_t i = 0; s && i < t->validators; i++) {
		bool present = draw(t, 256) >= ABSENT, forks = draw(t, 256) < t->fork_share;

		if (present && !eth_state_validators(s)[i].slashed)
			votes[(t->forking && forks ? t->validators : 0) + i] = 1;
	}
	if (rc == 0)
		rc = attest(t, slot, t->forking ? t->main_head : head, votes);
	if (rc == 0 && t->forking)
		rc = attest(t, slot, t->fork_head, votes + t->validators);
	free(votes);
	if (rc)
		return failed(t, slot, "attestations", rc);
	if (slot != (t->epochs - 1) * t->preset->slots_per_epoch + t->preset->slots_per_epoch / 2)
		return NCLI_OK;
	return testnet_gossip(t, slot, t->forking ? t->main_head : head);
}

/* A block, signed, on `parent` at `slot`; 1 where there is none because the proposer is slashed. */
static int produce(struct testnet *t, const uint8_t parent[32], uint64_t slot, struct made *b)
{
	const struct eth_state *before = ncli_store_state_at(t->store, parent, slot);
	struct eth_state *s = before ? ncli_state_copy(before, NULL) : NULL;
	struct eth_block_plan plan = {.pool = t->pool};
	uint64_t proposer;
	uint8_t root[32];
	int rc = s ? eth_proposer_index(t->engine, s, slot, &proposer) : ETH_ERR_MEMORY;

	if (rc || eth_state_validators(s)[proposer].slashed) {
		free(s);
		return rc ? rc : 1;
	}
	plan.eth1_data = s->eth1_data;
	snprintf((char *)plan.graffiti, sizeof(plan.graffiti), "testnet %" PRIu64, t->seed);
	eth_randao_signing_root(s, eth_current_epoch(s), root);
	sign(t, proposer, root, plan.randao_reveal);
	if (t->offender != UINT64_MAX && !eth_state_validators(s)[t->offender].slashed) {
		if (t->attester_slashing_n)
			plan.attester_slashings =
				(struct eth_list){t->attester_slashing, t->attester_slashing_n};
		else
			plan.proposer_slashings =
				(struct eth_list){t->proposer_slashing, sizeof(t->proposer_slashing)};
	}
	b->ssz = malloc(ETH_BLOCK_BYTES_MAX);
	rc = b->ssz ? eth_produce_block(t->engine, s, &plan, b->ssz, ETH_BLOCK_BYTES_MAX, &b->n)
		    : ETH_ERR_MEMORY;
	if (rc == 0) {
		struct ssz_view v = {eth_type(t->preset->id, ETH_SignedBeaconBlock), b->ssz, b->n};
		struct ssz_view message = ssz_field(v, 0);
		const struct ssz_beacon_block *m = (const void *)message.p;

		eth_block_signing_root(s, message, root);
		sign(t, proposer, root, b->ssz + 4);
		ssz_root(message.type, message.p, message.n, b->root);
		memcpy(b->parent, m->parent_root, 32);
		memcpy(b->state_root, m->state_root, 32);
		b->slot = slot;
		b->proposer = proposer;
	} else {
		free(b->ssz);
		b->ssz = NULL;
	}
	free(s);
	return rc;
}

/* Hands a block to the network and writes it down. */
static enum ncli_status publish(struct testnet *t, struct made *b)
{
	struct ssz_view v = {eth_type(t->preset->id, ETH_SignedBeaconBlock), b->ssz, b->n};
	struct made *grown = realloc(t->block, (t->blocks + 1) * sizeof(*grown));
	char name[40];
	int rc;

	if (!grown) {
		free(b->ssz);
		return failed(t, b->slot, "block", ETH_ERR_MEMORY);
	}
	t->block = grown;
	t->block[t->blocks++] = *b;
	rc = ncli_store_block(t->store, v, 0);
	if (rc)
		return failed(t, b->slot, "block", rc);
	snprintf(name, sizeof(name), "blocks/block_%05zu.ssz_snappy", t->blocks);
	enum ncli_status status = testnet_write(t, name, b->ssz, b->n);

	if (status == NCLI_OK)
		status = testnet_step(t, json_pack("{s:s}", "block", name));
	return status;
}

static enum ncli_status propose(struct testnet *t, uint64_t slot)
{
	bool on_fork = t->forking && draw(t, 2);
	struct made b = {.branch = 'A'};
	uint8_t head[32];
	int rc = eth_fork_choice_head(t->fc, head, NULL);

	if (rc)
		return failed(t, slot, "head", rc);
	if (draw(t, 256) < SKIPPED)
		return NCLI_OK;
	const uint8_t *parent = on_fork ? t->fork_head : t->forking ? t->main_head : head;
	const struct made *before = testnet_find(t, parent);

	b.branch = before ? before->branch : 'A';
	/* The first block of a fork opens its branch. */
	if (on_fork && !t->fork_has_block)
		b.branch = (char)(t->next_branch + 1);
	rc = produce(t, parent, slot, &b);
	if (rc == 1)
		return NCLI_OK;
	if (rc)
		return failed(t, slot, "block", rc);
	if (on_fork && !t->fork_has_block) {
		t->fork_has_block = true;
		t->next_branch++;
	}
	if (t->forking)
		memcpy(on_fork ? t->fork_head : t->main_head, b.root, 32);
	enum ncli_status status = publish(t, &b);

	return status ? status : testnet_checks(t);
}

/* A fork opens from the head of the moment, and closes after some slots. */
static enum ncli_status manage_fork(struct testnet *t, uint64_t slot)
{
	uint64_t epoch = slot / t->preset->slots_per_epoch, k = epoch / FORK_EPOCHS;
	uint64_t first = (k * FORK_EPOCHS + 1) * t->preset->slots_per_epoch + 1;

	if (k >= t->forks)
		t->forking = false;
	else if (slot == first) {
		int rc = eth_fork_choice_head(t->fc, t->main_head, NULL);

		if (rc)
			return failed(t, slot, "head", rc);
		memcpy(t->fork_head, t->main_head, 32);
		/* Every other one wins. */
		t->fork_share = k % 2 ? 190 : 70;
		t->forking = true;
		t->fork_has_block = false;
	} else if (slot >= first + FORK_SLOTS) {
		t->forking = false;
	}
	return NCLI_OK;
}

static void offend_by_headers(struct testnet *t, const struct eth_state *s)
{
	struct ssz_proposer_slashing *p = (void *)t->proposer_slashing;
	struct ssz_signed_beacon_block_header *h[] = {&p->signed_header_1, &p->signed_header_2};
	uint8_t root[32];

	memset(p, 0, sizeof(*p));
	for (uint8_t i = 0; i < 2; i++) {
		h[i]->message.slot = s->slot;
		h[i]->message.proposer_index = t->offender;
		h[i]->message.body_root[0] = i;
		eth_header_signing_root(s, &h[i]->message, root);
		sign(t, t->offender, root, h[i]->signature);
	}
	t->attester_slashing_n = 0;
}

/* A double vote, or one vote that surrounds another. */
static void offend_by_votes(struct testnet *t, const struct eth_state *s, bool surround)
{
	struct ETH_PACKED {
		struct ssz_indexed_attestation a;
		uint64_t index;
	} vote[2] = {0};
	uint64_t epoch = eth_current_epoch(s);
	uint8_t root[32];

	for (uint8_t i = 0; i < 2; i++) {
		struct ssz_attestation_data *d = &vote[i].a.data;

		vote[i].a.attesting_indices_at = sizeof(vote[i].a);
		vote[i].index = t->offender;
		d->slot = s->slot;
		d->beacon_block_root[0] = i;
		d->source.epoch = surround ? epoch - 2 + i : epoch - 1;
		d->target.epoch = surround ? epoch + 1 - i : epoch;
		eth_attestation_signing_root(s, d, root);
		sign(t, t->offender, root, vote[i].a.signature);
	}
	/* A list of one: its offset, and the element. */
	const uint32_t offset = sizeof(offset);
	size_t n = eth_attester_slashing(
		(struct eth_list){&vote[0], sizeof(vote[0])}, (struct eth_list){&vote[1], sizeof(vote[1])},
		t->attester_slashing + offset, sizeof(t->attester_slashing) - offset);

	memcpy(t->attester_slashing, &offset, offset);
	t->attester_slashing_n = offset + n;
}

/* From the third epoch on, every few slots somebody offends, and the next blocks say so. */
static enum ncli_status manage_offences(struct testnet *t, uint64_t slot)
{
	uint64_t start = 2 * t->preset->slots_per_epoch, k = (slot - start) / 3;
	uint8_t head[32];

	if (slot < start || (slot - start) % 3 || k >= t->slashings)
		return NCLI_OK;
	int rc = eth_fork_choice_head(t->fc, head, NULL);
	const struct eth_state *s = rc ? NULL : ncli_store_state(t->store, head);

	if (!s)
		return failed(t, slot, "offence", rc ? rc : ETH_FC_NO_STATE);
	do
		t->offender = draw(t, t->validators);
	while (eth_state_validators(s)[t->offender].slashed);
	if (k % 3 == 0)
		offend_by_headers(t, s);
	else
		offend_by_votes(t, s, k % 3 == 2);
	return NCLI_OK;
}

/* What was kept of the slot before goes to fork choice by itself. */
static enum ncli_status hand_over_alone(struct testnet *t, uint64_t slot)
{
	struct ssz_view v = {eth_type(t->preset->id, ETH_Attestation), t->alone, t->alone_n};
	char name[120], text[67];
	uint8_t root[32];

	if (!t->alone_n)
		return NCLI_OK;
	t->alone_n = 0;
	int rc = eth_fork_choice_on_attestation(t->fc, v, false);

	if (rc)
		return failed(t, slot, "attestation", rc);
	ssz_root(v.type, v.p, v.n, root);
	ncli_hex(text, root);
	snprintf(name, sizeof(name), "attestations/attestation_%s.ssz_snappy", text);
	enum ncli_status status = testnet_write(t, name, v.p, v.n);

	return status ? status : testnet_step(t, json_pack("{s:s}", "attestation", name));
}

static enum ncli_status tick(struct testnet *t, uint64_t slot)
{
	uint64_t time = t->genesis_time + slot * t->config.seconds_per_slot;

	eth_fork_choice_on_tick(t->fc, time);
	eth_pool_prune(t->pool, slot);
	return testnet_step(t, json_pack("{s:I}", "tick", (json_int_t)time));
}

static enum ncli_status run_slot(struct testnet *t, uint64_t slot)
{
	enum ncli_status (*const part[])(struct testnet *, uint64_t) = {
		tick, hand_over_alone, manage_fork, manage_offences, propose, attest_slot};
	enum ncli_status status = NCLI_OK;

	for (size_t i = 0; status == NCLI_OK && i < sizeof(part) / sizeof(part[0]); i++)
		status = part[i](t, slot);
	return status;
}

static enum ncli_status start(struct testnet *t)
{
	struct ssz_beacon_block *block;
	struct eth_state *s;
	uint8_t ssz[sizeof(struct ssz_beacon_block) + sizeof(struct ssz_beacon_block_body)] = {0};
	struct ssz_beacon_block_body *body = (void *)(ssz + sizeof(*block));
	enum ncli_status status = ncli_interop_state(t->n, &t->config, t->validators, t->genesis_time, &s);
	int rc;

	if (status)
		return status;
	block = (void *)ssz;
	block->body_at = sizeof(*block);
	body->proposer_slashings_at = body->attester_slashings_at = body->attestations_at =
		body->deposits_at = body->voluntary_exits_at = sizeof(*body);
	eth_state_root(s, block->state_root);
	memcpy(t->genesis_state_root, block->state_root, 32);
	memcpy(t->genesis_validators_root, s->genesis_validators_root, 32);
	struct ssz_view v = {eth_type(t->preset->id, ETH_BeaconBlock), ssz, sizeof(ssz)};

	ssz_root(v.type, v.p, v.n, t->genesis_root);
	t->store = ncli_store_new(t->engine, s, v, &rc);
	if (!t->store)
		status = failed(t, 0, "genesis", rc);
	else
		t->fc = ncli_store_fork_choice(t->store);
	if (status == NCLI_OK)
		status = testnet_write_state(t, "genesis.ssz_snappy", s);
	if (status == NCLI_OK)
		status = testnet_write(t, "anchor_block.ssz_snappy", ssz, sizeof(ssz));
	free(s);
	return status;
}

static enum ncli_status run(struct testnet *t)
{
	uint64_t last = t->epochs * t->preset->slots_per_epoch;
	enum ncli_status status = NCLI_OK;

	t->secret = malloc(t->validators * sizeof(*t->secret));
	t->pool = eth_pool_new(t->preset);
	t->gossip = json_array();
	if (!t->secret || !t->pool || !t->gossip)
		return ncli_fail(t->n, NCLI_FAILED, "out of memory");
	for (uint64_t i = 0; i < t->validators; i++)
		eth_interop_secret(&t->secret[i], i);
	status = testnet_make_directories(t);
	if (status == NCLI_OK)
		status = start(t);
	for (uint64_t slot = 1; status == NCLI_OK && slot <= last; slot++)
		status = run_slot(t, slot);
	if (status == NCLI_OK)
		status = tick(t, last + 1);
	if (status == NCLI_OK)
		status = testnet_checks(t);
	if (t->steps && fclose(t->steps) && status == NCLI_OK)
		status = ncli_fail(t->n, NCLI_FAILED, "%s/steps.yaml cannot be written", t->dir);
	return status ? status : testnet_finish(t);
}

static enum ncli_status read_options(struct ncli *n, struct testnet *t)
{
	enum ncli_status status = ncli_config(n, &t->preset, &t->config);

	if (status == NCLI_OK)
		status = ncli_number(n, "validators", 1, 1 << 20, &t->validators);
	if (status == NCLI_OK)
		status = ncli_number(n, "epochs", 1, 4096, &t->epochs);
	if (status == NCLI_OK)
		status = ncli_number(n, "seed", 0, INT64_MAX, &t->seed);
	if (status == NCLI_OK)
		status = ncli_number(n, "forks", 0, 20, &t->forks);
	if (status == NCLI_OK)
		status = ncli_number(n, "slashings", 0, 64, &t->slashings);
	if (status == NCLI_OK)
		status = ncli_number(n, "time", 0, INT32_MAX, &t->genesis_time);
	if (status)
		return status;
	if (t->validators < t->preset->slots_per_epoch)
		return ncli_fail(n, NCLI_USAGE,
				 "--validators is at least %" PRIu64 ", one for each slot of an epoch",
				 t->preset->slots_per_epoch);
	if (t->slashings > t->validators / 4)
		return ncli_fail(n, NCLI_USAGE, "--slashings is at most a quarter of the validators");
	if (t->forks && t->epochs < FORK_EPOCHS * t->forks - 1)
		return ncli_fail(n, NCLI_USAGE, "%" PRIu64 " forks take at least %" PRIu64 " epochs",
				 t->forks, FORK_EPOCHS * t->forks - 1);
	return NCLI_OK;
}

enum ncli_status ncli_run_testnet(struct ncli *n)
{
	struct testnet t = {.n = n,
			    .dir = ncli_option_value(n, "out"),
			    .seed = 1,
			    .forks = 1,
			    .slashings = 2,
			    .genesis_time = 1600000000,
			    .next_branch = 'A',
			    .offender = UINT64_MAX};
	enum ncli_status status = read_options(n, &t);

	if (status)
		return status;
	t.random = t.seed;
	t.engine = ncli_engine_of(n, &t.config);
	status = t.engine ? run(&t) : NCLI_FAILED;
	if (status == NCLI_OK) {
		struct eth_fork_choice_view v = eth_fork_choice_view(t.fc);

		printf("%zu blocks, justified epoch %" PRIu64 ", finalized epoch %" PRIu64 "\n", t.blocks,
		       v.justified.epoch, v.finalized.epoch);
	}
	for (size_t i = 0; i < t.blocks; i++)
		free(t.block[i].ssz);
	free(t.block);
	free(t.secret);
	json_decref(t.gossip);
	eth_pool_free(t.pool);
	ncli_store_free(t.store);
	eth_engine_free(t.engine);
	return status;
}
