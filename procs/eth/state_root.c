#include "procs/eth/state_layout.h"
#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"
#include "procs/eth/tree.h"
#include "procs/eth/types.h"

#include <string.h>

/* Validators whose roots are computed side by side; divides ETH_MERKLE_BATCH. */
#define GROUP 64
_Static_assert(ETH_MERKLE_BATCH % GROUP == 0, "a batch is whole groups");

static void put_u64(uint8_t chunk[32], uint64_t v)
{
	memset(chunk + 8, 0, 24);
	memcpy(chunk, &v, 8);
}

void eth_validator_roots(uint8_t *out, const struct eth_validator *const *v, size_t n)
{
	uint8_t leaf[GROUP][8][32], key[GROUP][64] = {0};

	for (size_t i = 0; i < n; i++)
		memcpy(key[i], v[i]->pubkey, 48);
	eth_sha256_pairs(key, key, n);
	for (size_t i = 0; i < n; i++) {
		memcpy(leaf[i][0], (uint8_t *)key + 32 * i, 32);
		memcpy(leaf[i][1], v[i]->withdrawal_credentials, 32);
		put_u64(leaf[i][2], v[i]->effective_balance);
		put_u64(leaf[i][3], v[i]->slashed);
		put_u64(leaf[i][4], v[i]->activation_eligibility_epoch);
		put_u64(leaf[i][5], v[i]->activation_epoch);
		put_u64(leaf[i][6], v[i]->exit_epoch);
		put_u64(leaf[i][7], v[i]->withdrawable_epoch);
	}
	eth_merkle_reduce(leaf[0][0], 8 * n, 0, 3);
	memcpy(out, leaf, 32 * n);
}

void eth_state_validators_root(const struct eth_state *s, uint8_t out[32])
{
	const struct eth_validator *v = eth_state_validators(s), *group[GROUP];
	uint64_t count = eth_state_validator_count(s), left = count;
	struct eth_merkle m;

	eth_merkle_init(&m, eth_merkle_depth(eth_state_preset(s)->validator_registry_limit));
	while (left) {
		size_t have = 0;

		while (left && have < ETH_MERKLE_BATCH) {
			size_t n = 0;

			for (; n < GROUP && left; n++, left--)
				group[n] = v++;
			eth_validator_roots(m.batch + 32 * have, group, n);
			have += n;
		}
		eth_merkle_add(&m, have);
	}
	eth_merkle_root(&m, out);
	eth_mix_in_length(out, out, count);
}

void eth_pending_root(const struct eth_pending *a, const struct eth_preset *p, uint8_t out[32])
{
	uint8_t leaf[4][32];
	const struct ssz_type *t = eth_type(p->id, ETH_AttestationData);

	ssz_bits_root(a->bit, a->bits, p->max_validators_per_committee, leaf[0]);
	eth_mix_in_length(leaf[0], leaf[0], a->bits);
	ssz_root(t, (const uint8_t *)&a->data, sizeof(a->data), leaf[1]);
	put_u64(leaf[2], a->inclusion_delay);
	put_u64(leaf[3], a->proposer_index);
	eth_merkle_reduce(leaf[0], 4, 0, 2);
	memcpy(out, leaf[0], 32);
}

static void pending_list_root(const struct eth_state *s, bool previous, const struct eth_preset *p,
			      uint8_t out[32])
{
	uint32_t count = previous ? s->previous_attestations : s->current_attestations;
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, eth_merkle_depth(p->epoch_attestations_limit));
	for (const struct eth_pending *a = eth_pending_first(s, previous); a; a = eth_pending_next(s, a)) {
		eth_pending_root(a, p, m.batch + 32 * have++);
		if (have == ETH_MERKLE_BATCH) {
			eth_merkle_add(&m, have);
			have = 0;
		}
	}
	eth_merkle_add(&m, have);
	eth_merkle_root(&m, out);
	eth_mix_in_length(out, out, count);
}

/* A region of 32-byte roots or of uint64, as the vector or list that it is. */
static void bytes_root(const struct eth_state *s, enum eth_region_id id, uint64_t limit, bool list,
		       uint8_t out[32])
{
	uint64_t count = eth_state_count(s, id);
	uint64_t chunks = eth_region_size[id] == 8 ? limit / 4 : limit;

	eth_merkle_bytes(out, eth_state_at(s, id), count * eth_region_size[id], eth_merkle_depth(chunks));
	if (list)
		eth_mix_in_length(out, out, count);
}

void eth_vote_root(const struct ssz_eth1_data *v, uint8_t out[32])
{
	ssz_root(eth_type(ETH_MAINNET, ETH_Eth1Data), (const uint8_t *)v, sizeof(*v), out);
}

static void votes_root(const struct eth_state *s, const struct eth_preset *p, uint8_t out[32])
{
	const struct ssz_eth1_data *v = eth_state_at(s, ETH_ETH1_VOTES);
	uint64_t count = eth_state_count(s, ETH_ETH1_VOTES);
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, eth_merkle_depth(p->eth1_votes_limit));
	for (uint64_t i = 0; i < count; i++) {
		eth_vote_root(&v[i], m.batch + 32 * have++);
		if (have == ETH_MERKLE_BATCH) {
			eth_merkle_add(&m, have);
			have = 0;
		}
	}
	eth_merkle_add(&m, have);
	eth_merkle_root(&m, out);
	eth_mix_in_length(out, out, count);
}

static void small_root(enum eth_preset_id preset, enum eth_type_id type, const void *p, size_t n,
		       uint8_t out[32])
{
	ssz_root(eth_type(preset, type), p, n, out);
}

/* Fields of BeaconState in the order of the specification, as leaves of its tree. */
enum {
	L_BLOCK_ROOTS = 5,
	L_STATE_ROOTS,
	L_HISTORICAL_ROOTS,
	L_ETH1_DATA,
	L_ETH1_VOTES,
	L_ETH1_DEPOSIT_INDEX,
	L_VALIDATORS,
	L_BALANCES,
	L_RANDAO_MIXES,
	L_SLASHINGS,
	L_PREVIOUS_ATTESTATIONS,
	L_CURRENT_ATTESTATIONS,
	L_JUSTIFICATION_BITS,
	L_FIELDS = 21,
};

/* One leaf more than there are, for the odd one out. */
typedef uint8_t leaves[L_FIELDS + 1][32];

static void small_fields(const struct eth_state *s, leaves leaf)
{
	enum eth_preset_id id = s->preset;

	put_u64(leaf[0], s->genesis_time);
	memcpy(leaf[1], s->genesis_validators_root, 32);
	put_u64(leaf[2], s->slot);
	small_root(id, ETH_Fork, &s->fork, sizeof(s->fork), leaf[3]);
	small_root(id, ETH_BeaconBlockHeader, &s->latest_block_header, sizeof(s->latest_block_header),
		   leaf[4]);
	small_root(id, ETH_Eth1Data, &s->eth1_data, sizeof(s->eth1_data), leaf[L_ETH1_DATA]);
	put_u64(leaf[L_ETH1_DEPOSIT_INDEX], s->eth1_deposit_index);
	put_u64(leaf[L_JUSTIFICATION_BITS], s->justification_bits);
	small_root(id, ETH_Checkpoint, &s->previous_justified_checkpoint, 40, leaf[18]);
	small_root(id, ETH_Checkpoint, &s->current_justified_checkpoint, 40, leaf[19]);
	small_root(id, ETH_Checkpoint, &s->finalized_checkpoint, 40, leaf[20]);
}

static void top(leaves leaf, uint8_t out[32])
{
	eth_merkle_reduce(leaf[0], L_FIELDS, 0, 5);
	memcpy(out, leaf[0], 32);
}

void eth_state_root(const struct eth_state *s, uint8_t out[32])
{
	const struct eth_preset *p = eth_state_preset(s);
	leaves leaf;

	small_fields(s, leaf);
	bytes_root(s, ETH_BLOCK_ROOTS, p->slots_per_historical_root, false, leaf[L_BLOCK_ROOTS]);
	bytes_root(s, ETH_STATE_ROOTS, p->slots_per_historical_root, false, leaf[L_STATE_ROOTS]);
	bytes_root(s, ETH_HISTORICAL_ROOTS, p->historical_roots_limit, true, leaf[L_HISTORICAL_ROOTS]);
	votes_root(s, p, leaf[L_ETH1_VOTES]);
	eth_state_validators_root(s, leaf[L_VALIDATORS]);
	bytes_root(s, ETH_BALANCES, p->validator_registry_limit, true, leaf[L_BALANCES]);
	bytes_root(s, ETH_RANDAO_MIXES, p->epochs_per_historical_vector, false, leaf[L_RANDAO_MIXES]);
	bytes_root(s, ETH_SLASHINGS, p->epochs_per_slashings_vector, false, leaf[L_SLASHINGS]);
	pending_list_root(s, true, p, leaf[L_PREVIOUS_ATTESTATIONS]);
	pending_list_root(s, false, p, leaf[L_CURRENT_ATTESTATIONS]);
	top(leaf, out);
}

static void cached_list(struct eth_state *s, enum eth_tree_id tree, uint64_t count, uint8_t out[32])
{
	eth_tree_root(s, tree, out);
	eth_mix_in_length(out, out, count);
}

void eth_state_root_cached(struct eth_state *s, uint8_t out[32])
{
	leaves leaf;

	if (!eth_has_trees(s)) {
		eth_state_root(s, out);
		return;
	}
	small_fields(s, leaf);
	eth_tree_root(s, ETH_TREE_BLOCK_ROOTS, leaf[L_BLOCK_ROOTS]);
	eth_tree_root(s, ETH_TREE_STATE_ROOTS, leaf[L_STATE_ROOTS]);
	eth_tree_root(s, ETH_TREE_RANDAO, leaf[L_RANDAO_MIXES]);
	eth_tree_root(s, ETH_TREE_SLASHINGS, leaf[L_SLASHINGS]);
	cached_list(s, ETH_TREE_HISTORICAL, eth_state_count(s, ETH_HISTORICAL_ROOTS),
		    leaf[L_HISTORICAL_ROOTS]);
	cached_list(s, ETH_TREE_VOTES, eth_state_count(s, ETH_ETH1_VOTES), leaf[L_ETH1_VOTES]);
	cached_list(s, ETH_TREE_VALIDATORS, eth_state_validator_count(s), leaf[L_VALIDATORS]);
	cached_list(s, ETH_TREE_BALANCES, eth_state_count(s, ETH_BALANCES), leaf[L_BALANCES]);
	cached_list(s, ETH_TREE_PREVIOUS, s->previous_attestations, leaf[L_PREVIOUS_ATTESTATIONS]);
	cached_list(s, ETH_TREE_CURRENT, s->current_attestations, leaf[L_CURRENT_ATTESTATIONS]);
	top(leaf, out);
}
