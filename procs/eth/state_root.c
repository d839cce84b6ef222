#include "procs/eth/state_layout.h"
#include "procs/eth/merkle.h"
#include "procs/eth/roots.h"
#include "procs/eth/sha256.h"
#include "procs/eth/tree.h"
#include "procs/eth/types.h"

#include <string.h>

/* Validators whose roots are computed side by side; divides ETH_MERKLE_BATCH. */
#define GROUP 64
_Static_assert(ETH_MERKLE_BATCH % GROUP == 0 && GROUP <= ETH_ROOTS_MAX, "a batch is whole groups");

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

static void pending_list_root(const struct eth_state *s, bool previous, const struct eth_preset *p,
			      uint8_t out[32])
{
	uint32_t count = previous ? s->previous_attestations : s->current_attestations;
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, eth_merkle_depth(p->epoch_attestations_limit));
	for (const struct eth_pending *a = eth_pending_first(s, previous); a;) {
		const struct eth_pending *group[GROUP];
		size_t n = 0;

		for (; n < GROUP && a; a = eth_pending_next(s, a))
			group[n++] = a;
		eth_pending_roots(m.batch + 32 * have, group, n);
		have += n;
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
	L_GENESIS_TIME,
	L_GENESIS_VALIDATORS_ROOT,
	L_SLOT,
	L_FORK,
	L_LATEST_BLOCK_HEADER,
	L_BLOCK_ROOTS,
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
	L_PREVIOUS_JUSTIFIED,
	L_CURRENT_JUSTIFIED,
	L_FINALIZED,
};
_Static_assert(L_FINALIZED + 1 == ETH_FIELDS, "all fields");

/* One leaf more than there are, for the odd one out. */
typedef uint8_t leaves[ETH_FIELDS + 1][32];

static void plain_fields(const struct eth_state *s, leaves leaf)
{
	put_u64(leaf[L_GENESIS_TIME], s->genesis_time);
	memcpy(leaf[L_GENESIS_VALIDATORS_ROOT], s->genesis_validators_root, 32);
	put_u64(leaf[L_SLOT], s->slot);
	put_u64(leaf[L_ETH1_DEPOSIT_INDEX], s->eth1_deposit_index);
	put_u64(leaf[L_JUSTIFICATION_BITS], s->justification_bits);
}

/* Containers in the header. */
#define SMALL_FIELDS(X)                                                        \
	X(L_FORK, ETH_Fork, fork)                                              \
	X(L_LATEST_BLOCK_HEADER, ETH_BeaconBlockHeader, latest_block_header)   \
	X(L_ETH1_DATA, ETH_Eth1Data, eth1_data)                                \
	X(L_PREVIOUS_JUSTIFIED, ETH_Checkpoint, previous_justified_checkpoint) \
	X(L_CURRENT_JUSTIFIED, ETH_Checkpoint, current_justified_checkpoint)   \
	X(L_FINALIZED, ETH_Checkpoint, finalized_checkpoint)

void eth_state_root(const struct eth_state *s, uint8_t out[32])
{
	const struct eth_preset *p = eth_state_preset(s);
	leaves leaf;

	plain_fields(s, leaf);
#define X(field, type, member) small_root(p->id, type, &s->member, sizeof(s->member), leaf[field]);
	SMALL_FIELDS(X)
#undef X
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
	eth_merkle_reduce(leaf[0], ETH_FIELDS, 0, eth_merkle_depth(ETH_FIELDS));
	memcpy(out, leaf[0], 32);
}

/* A small field that is as it was has the root it had. */
static void small_root_cached(struct eth_top *top, int i, enum eth_preset_id preset, enum eth_type_id type,
			      const void *value, size_t n, uint8_t out[32])
{
	if (!top->known || memcmp(top->small_value[i], value, n)) {
		memcpy(top->small_value[i], value, n);
		small_root(preset, type, value, n, top->small_root[i]);
	}
	memcpy(out, top->small_root[i], 32);
}

/* Hashes the parents of the children whose bit is set; the same for those in turn. */
static uint32_t rehash(const uint8_t (*child)[32], unsigned children, unsigned height, uint32_t changed,
		       uint8_t (*parent)[32])
{
	uint8_t block[(ETH_FIELDS + 1) / 2][64];
	unsigned at[(ETH_FIELDS + 1) / 2], n = 0;
	uint32_t result = 0;

	for (unsigned i = 0; 2 * i < children; i++) {
		if (!(changed >> 2 * i & 3))
			continue;
		memcpy(block[n], child[2 * i], 32);
		memcpy(block[n] + 32, 2 * i + 1 < children ? child[2 * i + 1] : eth_zero_hash(height), 32);
		at[n++] = i;
		result |= UINT32_C(1) << i;
	}
	if (n)
		eth_sha256_pairs(block, block, n);
	for (unsigned i = 0; i < n; i++)
		memcpy(parent[at[i]], (uint8_t *)block + 32 * i, 32);
	return result;
}

static void top_cached(struct eth_top *top, const leaves leaf, uint8_t out[32])
{
	const uint8_t(*child)[32] = top->leaf;
	uint8_t(*parent)[32] = top->node;
	unsigned n = ETH_FIELDS, height = 0;
	uint32_t changed = 0;

	for (unsigned i = 0; i < ETH_FIELDS; i++)
		if (!top->known || memcmp(top->leaf[i], leaf[i], 32))
			changed |= UINT32_C(1) << i;
	memcpy(top->leaf, leaf, sizeof(top->leaf));
	top->known = 1;
	for (; n > 1; n = (n + 1) / 2, height++) {
		changed = rehash(child, n, height, changed, parent);
		child = (const uint8_t(*)[32])parent;
		parent += (n + 1) / 2;
	}
	memcpy(out, child, 32);
}

void eth_state_root_cached(struct eth_state *s, uint8_t out[32])
{
	struct eth_top *top;
	leaves leaf;
	int i = 0;

	if (!eth_has_trees(s)) {
		eth_state_root(s, out);
		return;
	}
	top = &((struct eth_trees *)eth_state_at_mut(s, ETH_TREES))->top;
	plain_fields(s, leaf);
#define X(field, type, member) \
	small_root_cached(top, i++, s->preset, type, &s->member, sizeof(s->member), leaf[field]);
	SMALL_FIELDS(X)
#undef X
	eth_tree_root(s, ETH_TREE_BLOCK_ROOTS, leaf[L_BLOCK_ROOTS]);
	eth_tree_root(s, ETH_TREE_STATE_ROOTS, leaf[L_STATE_ROOTS]);
	eth_tree_root(s, ETH_TREE_RANDAO, leaf[L_RANDAO_MIXES]);
	eth_tree_root(s, ETH_TREE_SLASHINGS, leaf[L_SLASHINGS]);
	eth_tree_list_root(s, ETH_TREE_HISTORICAL, eth_state_count(s, ETH_HISTORICAL_ROOTS),
			   leaf[L_HISTORICAL_ROOTS]);
	eth_tree_list_root(s, ETH_TREE_VOTES, eth_state_count(s, ETH_ETH1_VOTES), leaf[L_ETH1_VOTES]);
	eth_tree_list_root(s, ETH_TREE_VALIDATORS, eth_state_validator_count(s), leaf[L_VALIDATORS]);
	eth_tree_list_root(s, ETH_TREE_BALANCES, eth_state_count(s, ETH_BALANCES), leaf[L_BALANCES]);
	eth_tree_list_root(s, ETH_TREE_PREVIOUS, s->previous_attestations, leaf[L_PREVIOUS_ATTESTATIONS]);
	eth_tree_list_root(s, ETH_TREE_CURRENT, s->current_attestations, leaf[L_CURRENT_ATTESTATIONS]);
	top_cached(top, leaf, out);
}
