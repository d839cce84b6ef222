#include "procs/eth/fork_choice.h"
#include "procs/eth/genesis.h"
#include "procs/eth/types.h"
#include "procs/eth/validator.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/*
 * Refusals one by one, and a tree of empty blocks made by hand; what a whole network does is in the vectors.
 */
#define VALIDATORS 64
#define SECONDS 6

struct ETH_PACKED block {
	struct ssz_beacon_block b;
	struct ssz_beacon_block_body body;
};

struct net {
	struct eth_engine *e;
	struct eth_state *s; /* genesis; also what is handed out for every checkpoint */
	size_t bytes;
	struct block anchor;
	uint8_t root[32];
	struct eth_fork_choice *fc;
};

static const struct eth_state *state_of(void *context, const struct ssz_checkpoint *c)
{
	return ((struct net *)context)->s;
}

static struct ssz_view view(const struct block *b)
{
	return (struct ssz_view){eth_type(ETH_MINIMAL, ETH_BeaconBlock), (const void *)b, sizeof(*b)};
}

static struct block empty_block(uint64_t slot, const uint8_t parent[32], uint8_t mark)
{
	struct block b = {.b.slot = slot, .b.body_at = sizeof(b.b), .body.graffiti[0] = mark};

	memcpy(b.b.parent_root, parent, 32);
	b.body.proposer_slashings_at = b.body.attester_slashings_at = b.body.attestations_at =
		b.body.deposits_at = b.body.voluntary_exits_at = sizeof(b.body);
	cr_assert(ssz_check(view(&b).type, (const void *)&b, sizeof(b), NULL) == 0);
	return b;
}

static struct net net_new(void)
{
	const struct eth_headroom all = {.validators = VALIDATORS, .attestation_bytes = 1 << 16};
	const struct eth_headroom room = {.attestation_bytes = 1 << 16};
	struct eth_config config = eth_config_default(ETH_MINIMAL);
	struct net n = {.e = eth_engine_new(&config), .bytes = eth_state_footprint_for(ETH_MINIMAL, &all)};
	static const uint8_t none[32];

	n.s = aligned_alloc(64, (n.bytes + 63) & ~(size_t)63);
	cr_assert(n.e && n.s && eth_genesis_interop(&config, n.s, n.bytes, VALIDATORS, 0, &room) == 0);
	n.anchor = empty_block(0, none, 0);
	eth_state_root(n.s, n.anchor.b.state_root);
	ssz_root(view(&n.anchor).type, (const void *)&n.anchor, sizeof(n.anchor), n.root);
	return n;
}

static void net_start(struct net *n)
{
	cr_assert(eth_fork_choice_new(&n->fc, n->e, n->s, view(&n->anchor), state_of, n) == 0);
}

static void net_free(struct net *n)
{
	eth_fork_choice_free(n->fc);
	eth_engine_free(n->e);
	free(n->s);
}

/* Adds a block by its tree alone: the state behind it is the one of genesis. */
static void add(struct net *n, const struct block *b, uint8_t root[32])
{
	cr_assert(eth_fork_choice_check_block(n->fc, view(b)) == 0);
	ssz_root(view(b).type, (const void *)b, sizeof(*b), root);
	cr_assert(eth_fork_choice_on_block(n->fc, view(b), root, n->s) == 0);
}

static void head_is(struct net *n, const uint8_t want[32])
{
	uint8_t got[32];

	cr_assert(eth_fork_choice_head(n->fc, got, NULL) == 0);
	cr_assert(!memcmp(got, want, 32));
}

struct ETH_PACKED vote {
	struct ssz_attestation a;
	uint8_t bits[2];
};

/* All of committee 0 of a slot of epoch 0, signed or not. */
static struct ssz_view vote(struct net *n, uint64_t slot, const uint8_t block[32], bool sign, struct vote *v)
{
	struct bls_signature sum, one;
	struct eth_committee c;
	uint8_t root[32];

	*v = (struct vote){.a.aggregation_bits_at = sizeof(v->a), .bits[0] = 0x1f};
	v->a.data.slot = slot;
	memcpy(v->a.data.beacon_block_root, block, 32);
	memcpy(v->a.data.target.root, n->root, 32);
	cr_assert(eth_beacon_committee(n->e, n->s, slot, 0, &c) == 0 && c.n == 4);
	eth_attestation_signing_root(n->s, &v->a.data, root);
	for (size_t i = 0; sign && i < c.n; i++) {
		struct bls_secret secret;

		cr_assert(eth_interop_secret(&secret, c.index[i]) == 0);
		bls_sign(&one, &secret, root, 32);
		const struct bls_signature both[] = {sum, one};

		if (i == 0)
			sum = one;
		else
			bls_aggregate_signatures(&sum, both, 2);
	}
	if (sign)
		bls_signature_to_bytes(v->a.signature, &sum);
	return (struct ssz_view){eth_type(ETH_MINIMAL, ETH_Attestation), (const void *)v, sizeof(v->a) + 1};
}

Test(eth_fork_choice, refuses_an_anchor_of_another_state)
{
	struct net n = net_new();

	n.anchor.b.state_root[0] ^= 1;
	cr_assert(eth_fork_choice_new(&n.fc, n.e, n.s, view(&n.anchor), state_of, &n) == ETH_FC_ANCHOR &&
		  !n.fc);
	net_free(&n);
}

Test(eth_fork_choice, refuses_blocks_by_the_tree)
{
	struct net n = net_new();
	uint8_t other[32] = {1};

	net_start(&n);
	eth_fork_choice_on_tick(n.fc, 3 * SECONDS);
	struct block b = empty_block(1, other, 0);

	cr_assert(eth_fork_choice_check_block(n.fc, view(&b)) == ETH_FC_UNKNOWN_PARENT);
	b = empty_block(4, n.root, 0);
	cr_assert(eth_fork_choice_check_block(n.fc, view(&b)) == ETH_FC_FUTURE_BLOCK);
	eth_fork_choice_on_tick(n.fc, 4 * SECONDS);
	cr_assert(eth_fork_choice_check_block(n.fc, view(&b)) == 0);
	b = empty_block(0, n.root, 1);
	cr_assert(eth_fork_choice_check_block(n.fc, view(&b)) == ETH_FC_FINALIZED);
	net_free(&n);
}

Test(eth_fork_choice, refuses_attestations_by_the_tree_and_by_their_signature)
{
	struct net n = net_new();
	uint8_t root[32], none[32] = {9};
	struct vote v;

	net_start(&n);
	eth_fork_choice_on_tick(n.fc, 3 * SECONDS);
	struct block b = empty_block(2, n.root, 0);

	add(&n, &b, root);
	struct ssz_view a = vote(&n, 2, root, true, &v);
	struct vote good = v;

	v.a.data.target.epoch = 1;
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_TARGET_EPOCH);
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, true) == ETH_FC_TARGET_SLOT);
	v = good;
	memcpy(v.a.data.target.root, none, 32);
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_UNKNOWN_TARGET);
	v = good;
	memcpy(v.a.data.beacon_block_root, none, 32);
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_UNKNOWN_BLOCK);
	v = good;
	v.a.data.slot = 1;
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_BLOCK_AFTER_SLOT);
	v = good;
	memcpy(v.a.data.target.root, root, 32);
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_TARGET_ROOT);
	v = good;
	v.a.data.slot = 3;
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_FC_TOO_EARLY);
	v = good;
	v.a.data.index = 1;
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == ETH_BAD_ATTESTATION_SIGNATURE);
	v = good;
	cr_assert(eth_fork_choice_on_attestation(n.fc, a, false) == 0);
	net_free(&n);
}

Test(eth_fork_choice, votes_move_the_head_and_equivocators_do_not_count)
{
	struct net n = net_new();
	uint8_t one[32], two[32], low[32], high[32], got[32];
	struct vote v;

	net_start(&n);
	eth_fork_choice_on_tick(n.fc, 2 * SECONDS);
	struct block b = empty_block(1, n.root, 1), c = empty_block(1, n.root, 2);

	add(&n, &b, one);
	add(&n, &c, two);
	bool order = memcmp(one, two, 32) < 0;

	memcpy(low, order ? one : two, 32);
	memcpy(high, order ? two : one, 32);
	head_is(&n, high);
	cr_assert(eth_fork_choice_on_attestation(n.fc, vote(&n, 1, low, false, &v), true) == 0);
	head_is(&n, low);
	cr_assert(eth_fork_choice_weight(n.fc, low) == 4 * UINT64_C(32000000000));
	/* The same vote again, or a later one of the same epoch, changes nothing. */
	cr_assert(eth_fork_choice_on_attestation(n.fc, vote(&n, 1, high, false, &v), true) == 0);
	head_is(&n, low);

	/* Half of them have voted twice. */
	struct eth_committee members;

	cr_assert(eth_beacon_committee(n.e, n.s, 1, 0, &members) == 0);
	struct ETH_PACKED {
		struct ssz_attester_slashing at;
		struct {
			struct ssz_indexed_attestation a;
			uint64_t index[3];
		} ETH_PACKED side[2];
	} slashing = {.at.attestation_1_at = sizeof(slashing.at),
		      .at.attestation_2_at = sizeof(slashing.at) + sizeof(slashing.side[0])};
	uint64_t sorted[3] = {members.index[0], members.index[1], members.index[2]};

	for (int i = 0; i < 3; i++)
		for (int k = i + 1; k < 3; k++)
			if (sorted[k] < sorted[i]) {
				uint64_t t = sorted[i];

				sorted[i] = sorted[k];
				sorted[k] = t;
			}
	for (int i = 0; i < 2; i++) {
		slashing.side[i].a.attesting_indices_at = sizeof(slashing.side[i].a);
		memcpy(slashing.side[i].index, sorted, sizeof(sorted));
	}
	struct ssz_view s = {eth_type(ETH_MINIMAL, ETH_AttesterSlashing), (const void *)&slashing,
			     sizeof(slashing)};

	cr_assert(ssz_check(s.type, s.p, s.n, NULL) == 0);
	cr_assert(eth_fork_choice_on_attester_slashing(n.fc, s, true) == ETH_FC_NOT_SLASHABLE);
	slashing.side[0].a.data.beacon_block_root[0] = 1;
	cr_assert(eth_fork_choice_on_attester_slashing(n.fc, s, false) == ETH_BAD_ATTESTATION_SIGNATURE);
	cr_assert(eth_fork_choice_on_attester_slashing(n.fc, s, true) == 0);
	head_is(&n, low);
	cr_assert(eth_fork_choice_weight(n.fc, low) == UINT64_C(32000000000));
	cr_assert(eth_fork_choice_proposer_head(n.fc, low, 2, got) == 0 && !memcmp(got, low, 32));
	net_free(&n);
}

Test(eth_fork_choice, the_boost_lasts_for_one_slot)
{
	struct net n = net_new();
	uint8_t one[32], two[32], got[32];

	net_start(&n);
	eth_fork_choice_on_tick(n.fc, SECONDS + 1);
	struct block b = empty_block(1, n.root, 1), c = empty_block(1, n.root, 2);

	add(&n, &b, one);
	add(&n, &c, two);
	cr_assert(!memcmp(eth_fork_choice_view(n.fc).proposer_boost_root, one, 32), "the first one has it");
	head_is(&n, one);
	/* 40 % of a slot's committees: 8 validators. */
	cr_assert(eth_fork_choice_weight(n.fc, one) == 8 * UINT64_C(32000000000) * 40 / 100);
	cr_assert(eth_fork_choice_proposer_head(n.fc, one, 2, got) == ETH_FC_BOOSTED);
	eth_fork_choice_on_tick(n.fc, 2 * SECONDS);
	head_is(&n, memcmp(one, two, 32) > 0 ? one : two);
	cr_assert(eth_fork_choice_weight(n.fc, one) == 0);
	/* Late, so without a boost. */
	eth_fork_choice_on_tick(n.fc, 3 * SECONDS + 2);
	b = empty_block(3, one, 3);
	add(&n, &b, two);
	static const uint8_t none[32];

	cr_assert(!memcmp(eth_fork_choice_view(n.fc).proposer_boost_root, none, 32));
	net_free(&n);
}
