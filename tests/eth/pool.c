#include "procs/eth/pool.h"
#include "procs/eth/genesis.h"
#include "procs/eth/produce.h"
#include "procs/eth/types.h"
#include "procs/eth/validator.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATORS 64

/* An interop network of the minimal preset at slot `slot`. */
struct net {
	struct eth_engine *e;
	struct eth_state *s;
	size_t bytes;
	uint8_t head[32];
};

static struct net net_at(uint64_t slot)
{
	const struct eth_headroom room = {.trees = true, .attestation_bytes = 1 << 20};
	const struct eth_headroom all = {
		.validators = VALIDATORS, .trees = true, .attestation_bytes = 1 << 20};
	struct eth_config config = eth_config_default(ETH_MINIMAL);
	struct net n = {.e = eth_engine_new(&config), .bytes = eth_state_footprint_for(ETH_MINIMAL, &all)};
	size_t bytes = (n.bytes + 63) & ~(size_t)63;

	n.s = aligned_alloc(64, bytes);
	cr_assert(n.e && n.s);
	cr_assert(eth_genesis_interop(&config, n.s, n.bytes, VALIDATORS, 0, &room) == 0);
	cr_assert(eth_process_slots(n.e, n.s, slot) == 0);
	ssz_root(eth_type(ETH_MINIMAL, ETH_BeaconBlockHeader), (const void *)&n.s->latest_block_header,
		 sizeof(n.s->latest_block_header), n.head);
	return n;
}

static void net_free(struct net *n)
{
	eth_engine_free(n->e);
	free(n->s);
}

/* The serialized attestation of some members (bit mask) of a committee, with its signature or any. */
struct ETH_PACKED small {
	struct ssz_attestation a;
	uint8_t bits[2];
};

static struct ssz_view attestation(struct net *n, uint64_t index, unsigned mask, struct small *out)
{
	struct bls_signature sum, one;
	struct eth_committee c;
	bool first = true;
	uint8_t root[32];

	cr_assert(eth_beacon_committee(n->e, n->s, n->s->slot, index, &c) == 0 && c.n == 4);
	*out = (struct small){.a.aggregation_bits_at = sizeof(out->a), .bits[0] = (uint8_t)(mask | 1 << 4)};
	eth_attestation_data(n->s, n->head, index, &out->a.data);
	eth_attestation_signing_root(n->s, &out->a.data, root);
	for (unsigned i = 0; i < 4; i++) {
		struct bls_secret secret;

		if (!(mask >> i & 1))
			continue;
		cr_assert(eth_interop_secret(&secret, c.index[i]) == 0);
		bls_sign(&one, &secret, root, 32);
		const struct bls_signature both[] = {sum, one};

		if (first)
			sum = one;
		else
			bls_aggregate_signatures(&sum, both, 2);
		first = false;
	}
	bls_signature_to_bytes(out->a.signature, &sum);
	return (struct ssz_view){eth_type(ETH_MINIMAL, ETH_Attestation), (const void *)out,
				 sizeof(out->a) + 1};
}

static struct ssz_view pack(struct eth_pool *pool, struct net *n, size_t max, uint8_t *out, size_t room)
{
	static const struct ssz_type list = {.name = "attestations", .kind = SSZ_LIST, .limit = 128};
	static struct ssz_type made;
	struct ssz_view v = {.p = out};

	made = list;
	made.elem = eth_type(ETH_MINIMAL, ETH_Attestation);
	v.type = &made;
	cr_assert(eth_pool_pack(pool, n->e, n->s, max, out, room, &v.n) == 0);
	cr_assert(ssz_check(v.type, v.p, v.n, NULL) == 0);
	return v;
}

static unsigned members(struct ssz_view list, uint64_t i)
{
	return (unsigned)__builtin_popcount(((const struct small *)ssz_elem(list, i).p)->bits[0]) - 1;
}

Test(eth_pool, disjoint_ones_are_joined_and_their_signature_is_valid)
{
	struct net n = net_at(3);
	struct eth_pool *pool = eth_pool_new(eth_preset(ETH_MINIMAL));
	struct eth_committee c;
	struct small a;
	uint8_t out[4096];

	for (unsigned i = 0; i < 4; i++)
		cr_assert(eth_pool_add(pool, attestation(&n, 0, 1u << i, &a)) == 0);
	cr_assert(eth_pool_add(pool, attestation(&n, 0, 5, &a)) == 0, "tells nothing");
	cr_assert(eth_pool_count(pool) == 1);
	size_t size = eth_pool_aggregate(pool, &a.a.data, out, sizeof(out));

	cr_assert(size == sizeof(a.a) + 1 && eth_pool_aggregate(pool, &a.a.data, out, size - 1) == 0);
	struct ssz_view v = {eth_type(ETH_MINIMAL, ETH_Attestation), out, size};

	cr_assert(eth_attestation_valid(n.e, n.s, v, 0, &c) == 0);
	cr_assert(((struct small *)out)->bits[0] == 0x1f);
	memset(a.a.signature, 0xff, 96);
	v.p = (const void *)&a;
	cr_assert(eth_pool_add(pool, v) == ETH_BAD_ATTESTATION_SIGNATURE);
	eth_pool_prune(pool, 3 + 8);
	cr_assert(eth_pool_count(pool) == 1);
	eth_pool_prune(pool, 3 + 9);
	cr_assert(eth_pool_count(pool) == 0);
	eth_pool_free(pool);
	net_free(&n);
}

Test(eth_pool, packs_what_adds_most_first)
{
	struct net n = net_at(3);
	struct eth_pool *pool = eth_pool_new(eth_preset(ETH_MINIMAL));
	struct small a;
	uint8_t out[4096];

	/* Overlapping ones cannot be joined: 3 members, 2 with one of them in both, 2 that are in the first. */
	cr_assert(eth_pool_add(pool, attestation(&n, 0, 0x7, &a)) == 0);
	cr_assert(eth_pool_add(pool, attestation(&n, 0, 0xc, &a)) == 0);
	cr_assert(eth_pool_add(pool, attestation(&n, 1, 0x3, &a)) == 0);
	cr_assert(eth_pool_count(pool) == 3);
	struct ssz_view list = pack(pool, &n, 128, out, sizeof(out));

	cr_assert(ssz_length(list) == 0, "an attestation waits for the next slot");
	cr_assert(eth_process_slots(n.e, n.s, 4) == 0);
	list = pack(pool, &n, 128, out, sizeof(out));
	cr_assert(ssz_length(list) == 3 && members(list, 0) == 3 && members(list, 1) == 2 &&
		  members(list, 2) == 2);
	const struct small *second = (const void *)ssz_elem(list, 1).p,
			   *third = (const void *)ssz_elem(list, 2).p;

	cr_assert(second->a.data.index == 1 && third->a.data.index == 0, "two new ones before one");
	cr_assert(ssz_length(pack(pool, &n, 2, out, sizeof(out))) == 2);
	size_t size;

	cr_assert(eth_pool_pack(pool, n.e, n.s, 128, out, 100, &size) == ETH_ERR_ROOM);
	eth_pool_free(pool);
	net_free(&n);
}

Test(eth_pool, a_produced_block_is_valid_and_its_votes_are_not_packed_again)
{
	struct net n = net_at(3);
	struct eth_pool *pool = eth_pool_new(eth_preset(ETH_MINIMAL));
	struct eth_block_plan plan = {.pool = pool};
	struct eth_state *copy;
	struct bls_secret secret;
	struct small a;
	uint8_t block[8192], root[32], out[4096];
	uint64_t proposer;
	size_t size;

	cr_assert(eth_pool_add(pool, attestation(&n, 0, 0xf, &a)) == 0);
	copy = aligned_alloc(64, (n.bytes + 63) & ~(size_t)63);
	memcpy(copy, n.s, eth_state_size(n.s));
	cr_assert(eth_state_adopt(copy, n.bytes) == 0);
	cr_assert(eth_process_slots(n.e, n.s, 4) == 0);
	cr_assert(eth_proposer_index(n.e, n.s, 4, &proposer) == 0 &&
		  eth_interop_secret(&secret, proposer) == 0);
	plan.eth1_data = n.s->eth1_data;
	eth_randao_signing_root(n.s, 0, root);
	eth_sign(&secret, root, plan.randao_reveal);
	cr_assert(eth_produce_block(n.e, n.s, &plan, block, 200, &size) == ETH_ERR_ROOM);
	cr_assert(eth_produce_block(n.e, n.s, &plan, block, sizeof(block), &size) == 0);
	struct ssz_view v = {eth_type(ETH_MINIMAL, ETH_SignedBeaconBlock), block, size};

	cr_assert(ssz_check(v.type, v.p, v.n, NULL) == 0);
	eth_block_signing_root(n.s, ssz_field(v, 0), root);
	eth_sign(&secret, root, block + 4);
	cr_assert(eth_state_transition(n.e, copy, v, 0) == 0, "with all signatures and the state root");
	cr_assert(copy->current_attestations == 1);
	cr_assert(eth_process_slots(n.e, copy, 5) == 0);
	struct eth_state *kept = n.s;

	n.s = copy;
	cr_assert(ssz_length(pack(pool, &n, 128, out, sizeof(out))) == 0, "the state has these votes");
	n.s = kept;
	free(copy);
	eth_pool_free(pool);
	net_free(&n);
}
