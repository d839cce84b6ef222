#include "procs/eth/state_layout.h"
#include "procs/eth/merkle.h"
#include "procs/eth/sha256.h"
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

static void validator_roots(uint8_t *out, const struct eth_validator *v, size_t n)
{
	uint8_t leaf[GROUP][8][32], key[GROUP][64];

	for (size_t i = 0; i < n; i++) {
		memcpy(key[i], v[i].pubkey, 48);
		memset(key[i] + 48, 0, 16);
	}
	eth_sha256_pairs(key, key, n);
	for (size_t i = 0; i < n; i++) {
		memcpy(leaf[i][0], (uint8_t *)key + 32 * i, 32);
		memcpy(leaf[i][1], v[i].withdrawal_credentials, 32);
		put_u64(leaf[i][2], v[i].effective_balance);
		put_u64(leaf[i][3], v[i].slashed);
		put_u64(leaf[i][4], v[i].activation_eligibility_epoch);
		put_u64(leaf[i][5], v[i].activation_epoch);
		put_u64(leaf[i][6], v[i].exit_epoch);
		put_u64(leaf[i][7], v[i].withdrawable_epoch);
	}
	eth_merkle_reduce(leaf[0][0], 8 * n, 0, 3);
	memcpy(out, leaf, 32 * n);
}

void eth_state_validators_root(const struct eth_state *s, uint8_t out[32])
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t count = eth_state_validator_count(s), left = count;
	struct eth_merkle m;

	eth_merkle_init(&m, eth_merkle_depth(eth_state_preset(s)->validator_registry_limit));
	while (left) {
		size_t have = 0;

		while (left && have < ETH_MERKLE_BATCH) {
			size_t n = left < GROUP ? left : GROUP;

			validator_roots(m.batch + 32 * have, v, n);
			v += n;
			have += n;
			left -= n;
		}
		eth_merkle_add(&m, have);
	}
	eth_merkle_root(&m, out);
	eth_mix_in_length(out, out, count);
}

static void pending_root(const struct eth_pending *a, const struct eth_preset *p, uint8_t out[32])
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

static void pending_list_root(const struct eth_pending *a, uint32_t count, const struct eth_preset *p,
			      uint8_t out[32])
{
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, eth_merkle_depth(p->epoch_attestations_limit));
	for (uint32_t i = 0; i < count; i++, a = eth_pending_next(a)) {
		pending_root(a, p, m.batch + 32 * have++);
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

static void votes_root(const struct eth_state *s, const struct eth_preset *p, uint8_t out[32])
{
	const struct ssz_eth1_data *v = eth_state_at(s, ETH_ETH1_VOTES);
	uint64_t count = eth_state_count(s, ETH_ETH1_VOTES);
	const struct ssz_type *t = eth_type(p->id, ETH_Eth1Data);
	struct eth_merkle m;
	size_t have = 0;

	eth_merkle_init(&m, eth_merkle_depth(p->eth1_votes_limit));
	for (uint64_t i = 0; i < count; i++) {
		ssz_root(t, (const uint8_t *)&v[i], sizeof(v[i]), m.batch + 32 * have++);
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

void eth_state_root(const struct eth_state *s, uint8_t out[32])
{
	const struct eth_preset *p = eth_state_preset(s);
	uint8_t leaf[22][32]; /* one more, for the odd one out */

	put_u64(leaf[0], s->genesis_time);
	memcpy(leaf[1], s->genesis_validators_root, 32);
	put_u64(leaf[2], s->slot);
	small_root(p->id, ETH_Fork, &s->fork, sizeof(s->fork), leaf[3]);
	small_root(p->id, ETH_BeaconBlockHeader, &s->latest_block_header, sizeof(s->latest_block_header),
		   leaf[4]);
	bytes_root(s, ETH_BLOCK_ROOTS, p->slots_per_historical_root, false, leaf[5]);
	bytes_root(s, ETH_STATE_ROOTS, p->slots_per_historical_root, false, leaf[6]);
	bytes_root(s, ETH_HISTORICAL_ROOTS, p->historical_roots_limit, true, leaf[7]);
	small_root(p->id, ETH_Eth1Data, &s->eth1_data, sizeof(s->eth1_data), leaf[8]);
	votes_root(s, p, leaf[9]);
	put_u64(leaf[10], s->eth1_deposit_index);
	eth_state_validators_root(s, leaf[11]);
	bytes_root(s, ETH_BALANCES, p->validator_registry_limit, true, leaf[12]);
	bytes_root(s, ETH_RANDAO_MIXES, p->epochs_per_historical_vector, false, leaf[13]);
	bytes_root(s, ETH_SLASHINGS, p->epochs_per_slashings_vector, false, leaf[14]);
	pending_list_root(eth_state_previous_attestations(s), s->previous_attestations, p, leaf[15]);
	pending_list_root(eth_state_current_attestations(s), s->current_attestations, p, leaf[16]);
	put_u64(leaf[17], s->justification_bits);
	small_root(p->id, ETH_Checkpoint, &s->previous_justified_checkpoint, 40, leaf[18]);
	small_root(p->id, ETH_Checkpoint, &s->current_justified_checkpoint, 40, leaf[19]);
	small_root(p->id, ETH_Checkpoint, &s->finalized_checkpoint, 40, leaf[20]);
	eth_merkle_reduce(leaf[0], 21, 0, 5);
	memcpy(out, leaf, 32);
}
