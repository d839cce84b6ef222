#include "procs/eth/genesis.h"
#include "procs/eth/block_private.h"
#include "procs/eth/domain.h"
#include "procs/eth/merkle.h"
#include "procs/eth/mutate.h"
#include "procs/eth/sha256.h"
#include "procs/eth/state_layout.h"
#include "procs/eth/tree.h"
#include "procs/eth/types.h"

#include <stdlib.h>
#include <string.h>

/* The state that both ways of genesis begin with: no validators yet, room for `validators`. */
static int empty_state(const struct eth_config *config, void *memory, size_t bytes, uint64_t validators,
		       const uint8_t eth1_block_hash[32], const struct eth_headroom *opt)
{
	const struct eth_preset *p = eth_preset(config->preset);
	struct eth_rooms rooms = {.validators = validators};
	struct eth_region region[ETH_REGIONS];
	struct eth_state *s = memory;

	if (opt) {
		rooms.trees = opt->trees;
		rooms.validators += opt->validators;
		rooms.historical_roots = opt->historical_roots;
		rooms.attestation_bytes = opt->attestation_bytes;
	}
	if ((uintptr_t)memory % ETH_STATE_ALIGN)
		return ETH_ERR_ALIGN;
	uint64_t size = eth_state_layout(region, p, &rooms);
	if (!size || size > bytes)
		return ETH_ERR_ROOM;
	memset(s, 0, size);
	memcpy(s->region, region, sizeof(region));
	s->version = ETH_STATE_VERSION;
	s->preset = config->preset;
	s->capacity = bytes;
	s->region[ETH_ATTESTATIONS].room = bytes - region[ETH_ATTESTATIONS].at;
	memcpy(s->fork.previous_version, config->genesis_fork_version, 4);
	memcpy(s->fork.current_version, config->genesis_fork_version, 4);
	memcpy(s->eth1_data.block_hash, eth1_block_hash, 32);
	uint8_t(*mix)[32] = eth_state_at_mut(s, ETH_RANDAO_MIXES);
	for (uint64_t i = 0; i < p->epochs_per_historical_vector; i++)
		memcpy(mix[i], eth1_block_hash, 32);
	return 0;
}

/* latest_block_header: that of a block with an empty body. */
static void empty_header(struct eth_state *s)
{
	const struct ssz_beacon_block_body body = {
		.proposer_slashings_at = sizeof(body),
		.attester_slashings_at = sizeof(body),
		.attestations_at = sizeof(body),
		.deposits_at = sizeof(body),
		.voluntary_exits_at = sizeof(body),
	};

	ssz_root(eth_type(s->preset, ETH_BeaconBlockBody), (const uint8_t *)&body, sizeof(body),
		 s->latest_block_header.body_root);
}

static void finish(struct eth_state *s)
{
	empty_header(s);
	eth_state_validators_root(s, s->genesis_validators_root);
	s->magic = ETH_STATE_MAGIC;
	if (eth_has_trees(s))
		eth_trees_reset(s);
}

/* The deposit tree as it grows: the root after each leaf, as the deposit contract computes it. */
struct deposit_tree {
	uint8_t branch[ETH_DEPOSIT_CONTRACT_TREE_DEPTH][32];
	uint64_t count;
};

static void add_leaf(struct deposit_tree *t, const uint8_t leaf[32])
{
	uint64_t size = ++t->count;
	uint8_t node[32];
	int h = 0;

	memcpy(node, leaf, 32);
	for (; !(size & 1); size >>= 1, h++)
		eth_sha256_pair(node, t->branch[h], node);
	memcpy(t->branch[h], node, 32);
}

static void tree_root(const struct deposit_tree *t, uint8_t out[32])
{
	memset(out, 0, 32);
	for (unsigned h = 0; h < ETH_DEPOSIT_CONTRACT_TREE_DEPTH; h++) {
		if (t->count >> h & 1)
			eth_sha256_pair(out, t->branch[h], out);
		else
			eth_sha256_pair(out, out, eth_zero_hash(h));
	}
	eth_mix_in_length(out, out, t->count);
}

static int process_deposits(struct eth_engine *e, struct eth_state *s, const struct ssz_deposit *d, size_t n)
{
	const struct ssz_type *type = eth_type(s->preset, ETH_DepositData);
	struct deposit_tree tree = {.count = 0};
	uint8_t leaf[32];

	for (size_t i = 0; i < n; i++) {
		struct ssz_view v = {eth_type(s->preset, ETH_Deposit), (const uint8_t *)&d[i], sizeof(d[i])};

		ssz_root(type, (const uint8_t *)&d[i].data, sizeof(d[i].data), leaf);
		add_leaf(&tree, leaf);
		tree_root(&tree, s->eth1_data.deposit_root);
		int r = eth_op_deposit(e, s, v, 0);
		if (r)
			return r;
	}
	return 0;
}

int eth_genesis_from_deposits(struct eth_engine *e, void *memory, size_t bytes,
			      const uint8_t eth1_block_hash[32], uint64_t eth1_timestamp,
			      const void *deposits, size_t n, const struct eth_headroom *opt_headroom)
{
	struct eth_state *s = memory;
	/* One more than there can be, because a deposit wants to see room before it is looked at. */
	int r = empty_state(&e->config, memory, bytes, n + 1, eth1_block_hash, opt_headroom);

	if (r)
		return r;
	s->genesis_time = eth1_timestamp + e->config.genesis_delay;
	s->eth1_data.deposit_count = n;
	if (eth_has_trees(s))
		eth_trees_reset(s);
	eth_engine_append_begin(e);
	r = process_deposits(e, s, deposits, n);
	eth_engine_append_end(e);
	if (r)
		return r;
	for (uint64_t i = 0; i < eth_state_validator_count(s); i++) {
		const struct eth_preset *p = e->preset;
		uint64_t balance = eth_balances(s)[i],
			 whole = balance - balance % p->effective_balance_increment;

		eth_set_effective(s, i, whole < p->max_effective_balance ? whole : p->max_effective_balance);
		if (whole < p->max_effective_balance)
			continue;
		eth_validator_mut(s, i)->activation_eligibility_epoch = ETH_GENESIS_EPOCH;
		eth_set_activity(s, i, ETH_GENESIS_EPOCH, ETH_FAR_FUTURE_EPOCH);
	}
	finish(s);
	return 0;
}

bool eth_genesis_valid(const struct eth_config *config, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t active = 0;

	if (s->genesis_time < config->min_genesis_time)
		return false;
	for (uint64_t i = 0; i < eth_state_validator_count(s); i++)
		active += eth_active(&v[i], ETH_GENESIS_EPOCH);
	return active >= config->min_genesis_active_validator_count;
}

int eth_interop_secret(struct bls_secret *secret, uint64_t index)
{
	uint8_t hash[32], big[32], text[32] = {0};

	memcpy(text, &index, sizeof(index));
	eth_sha256(hash, text, sizeof(text));
	for (int i = 0; i < 32; i++)
		big[i] = hash[31 - i];
	return bls_secret_reduce(secret, big);
}

static void interop_deposit(uint64_t index, uint64_t amount, struct ssz_deposit_data *d)
{
	struct bls_secret secret;
	struct bls_pubkey key;

	eth_interop_secret(&secret, index);
	bls_sk_to_pk(&key, &secret);
	bls_pubkey_to_bytes(d->pubkey, &key);
	eth_sha256(d->withdrawal_credentials, d->pubkey, 48);
	d->withdrawal_credentials[0] = 0;
	d->amount = amount;
}

/* compute_signing_root(DepositMessage) signed, as in the mocked start's deposits. */
static void sign_deposit(const struct eth_config *config, uint64_t index, struct ssz_deposit_data *d)
{
	static const uint8_t no_root[32];
	struct ssz_view message = {eth_type(config->preset, ETH_DepositMessage), (const uint8_t *)d,
				   sizeof(struct ssz_deposit_message)};
	uint8_t domain[32], root[32];
	struct bls_signature signature;
	struct bls_secret secret;

	eth_interop_secret(&secret, index);
	eth_domain_compute(ETH_DOMAIN_DEPOSIT, config->genesis_fork_version, no_root, domain);
	eth_signing_root_of(message, domain, root);
	bls_sign(&signature, &secret, root, 32);
	bls_signature_to_bytes(d->signature, &signature);
}

int eth_genesis_interop(const struct eth_config *config, void *memory, size_t bytes, uint64_t validators,
			uint64_t genesis_time, const struct eth_headroom *opt_headroom)
{
	const struct eth_preset *p = eth_preset(config->preset);
	struct deposit_tree tree = {.count = 0};
	struct eth_state *s = memory;
	uint8_t hash[32], leaf[32];

	memset(hash, 0x42, sizeof(hash));
	int r = empty_state(config, memory, bytes, validators, hash, opt_headroom);
	if (r)
		return r;
	s->genesis_time = genesis_time;
	s->region[ETH_VALIDATORS].count = s->region[ETH_BALANCES].count = validators;
	for (uint64_t i = 0; i < validators; i++) {
		struct eth_validator *v = eth_validator_mut(s, i);
		struct ssz_deposit_data d;

		interop_deposit(i, p->max_effective_balance, &d);
		sign_deposit(config, i, &d);
		ssz_root(eth_type(s->preset, ETH_DepositData), (const uint8_t *)&d, sizeof(d), leaf);
		add_leaf(&tree, leaf);
		v->effective_balance = p->max_effective_balance;
		v->exit_epoch = v->withdrawable_epoch = ETH_FAR_FUTURE_EPOCH;
		memcpy(v->pubkey, d.pubkey, 48);
		memcpy(v->withdrawal_credentials, d.withdrawal_credentials, 32);
		eth_balances(s)[i] = p->max_effective_balance;
		s->active_print += eth_active_print(i, v);
		s->effective_print += eth_effective_print(i, v);
	}
	tree_root(&tree, s->eth1_data.deposit_root);
	s->eth1_data.deposit_count = s->eth1_deposit_index = validators;
	finish(s);
	return 0;
}
