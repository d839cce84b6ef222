#include "procs/eth/block_private.h"
#include "procs/eth/domain.h"
#include "procs/eth/mutate.h"
#include "procs/eth/sha256.h"
#include "procs/eth/types.h"

#include <string.h>

/* Fields of BeaconBlockBody. */
enum {
	F_RANDAO_REVEAL,
	F_ETH1_DATA,
	F_GRAFFITI,
	F_PROPOSER_SLASHINGS,
	F_ATTESTER_SLASHINGS,
	F_ATTESTATIONS,
	F_DEPOSITS,
	F_VOLUNTARY_EXITS,
};
#define F_BODY 4 /* of BeaconBlock */

static const struct ssz_beacon_block_body *body_fixed(struct ssz_view body)
{
	return (const struct ssz_beacon_block_body *)body.p;
}

int eth_process_block_header(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags)
{
	const struct ssz_beacon_block *b = (const struct ssz_beacon_block *)block.p;
	struct ssz_beacon_block_header header = {.slot = b->slot, .proposer_index = b->proposer_index};
	struct ssz_view body = ssz_field(block, F_BODY);
	uint64_t proposer;
	uint8_t root[32];
	int r;

	if (b->slot != s->slot || b->slot <= s->latest_block_header.slot)
		return ETH_BAD_BLOCK_SLOT;
	r = eth_proposer_index(e, s, s->slot, &proposer);
	if (r)
		return r;
	if (b->proposer_index != proposer)
		return ETH_BAD_PROPOSER_INDEX;
	ssz_root(eth_type(s->preset, ETH_BeaconBlockHeader), (const uint8_t *)&s->latest_block_header,
		 sizeof(s->latest_block_header), root);
	if (!(flags & ETH_SKIP_PARENT_ROOT) && memcmp(b->parent_root, root, 32))
		return ETH_BAD_PARENT_ROOT;
	memcpy(header.parent_root, b->parent_root, 32);
	ssz_root(body.type, body.p, body.n, header.body_root);
	s->latest_block_header = header;
	return eth_state_validators(s)[proposer].slashed ? ETH_BAD_PROPOSER_SLASHED : 0;
}

int eth_process_randao(struct eth_engine *e, struct eth_state *s, struct ssz_view body, unsigned flags)
{
	uint64_t epoch = eth_current_epoch(s), at = epoch % e->preset->epochs_per_historical_vector, proposer;
	const uint8_t(*mixes)[32] = eth_state_at(s, ETH_RANDAO_MIXES);
	uint8_t domain[32], root[32], mix[32];
	int r = eth_proposer_index(e, s, s->slot, &proposer);

	if (r)
		return r;
	if (!(flags & ETH_SKIP_BLS)) {
		eth_domain(s, ETH_DOMAIN_RANDAO, epoch, domain);
		eth_signing_root_u64(epoch, domain, root);
		r = eth_check_validator_signature(e, s, proposer, root, body_fixed(body)->randao_reveal,
						  ETH_BAD_RANDAO);
		if (r)
			return r;
	}
	eth_sha256(mix, body_fixed(body)->randao_reveal, 96);
	for (int i = 0; i < 32; i++)
		mix[i] ^= mixes[at][i];
	eth_set_root(s, ETH_RANDAO_MIXES, ETH_TREE_RANDAO, at, mix);
	return 0;
}

int eth_process_eth1_data(struct eth_state *s, struct ssz_view body)
{
	const struct eth_preset *p = eth_state_preset(s);
	const struct ssz_eth1_data *vote = &body_fixed(body)->eth1_data;
	struct ssz_eth1_data *votes = eth_state_at_mut(s, ETH_ETH1_VOTES);
	struct eth_region *r = &s->region[ETH_ETH1_VOTES];
	uint64_t same = 0;

	if (r->count >= p->eth1_votes_limit)
		return ETH_BAD_ETH1_VOTES;
	votes[r->count] = *vote;
	eth_tree_touch(s, ETH_TREE_VOTES, r->count++);
	for (uint64_t i = 0; i < r->count; i++)
		same += !memcmp(&votes[i], vote, sizeof(*vote));
	if (same * 2 > p->eth1_votes_limit)
		s->eth1_data = *vote;
	return 0;
}

typedef int operation(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);

static int each(struct eth_engine *e, struct eth_state *s, struct ssz_view list, unsigned flags,
		operation *op)
{
	for (uint64_t i = 0, n = ssz_length(list); i < n; i++) {
		int r = op(e, s, ssz_elem(list, i), flags);

		if (r)
			return r;
	}
	return 0;
}

static int process_operations(struct eth_engine *e, struct eth_state *s, struct ssz_view body, unsigned flags)
{
	uint64_t expected = s->eth1_data.deposit_count - s->eth1_deposit_index;
	struct ssz_view deposits = ssz_field(body, F_DEPOSITS);
	int r;

	if (expected > e->preset->max_deposits)
		expected = e->preset->max_deposits;
	if (s->eth1_data.deposit_count < s->eth1_deposit_index || ssz_length(deposits) != expected)
		return ETH_BAD_DEPOSIT_COUNT;
	if ((r = each(e, s, ssz_field(body, F_PROPOSER_SLASHINGS), flags, eth_op_proposer_slashing)) ||
	    (r = each(e, s, ssz_field(body, F_ATTESTER_SLASHINGS), flags, eth_op_attester_slashing)) ||
	    (r = each(e, s, ssz_field(body, F_ATTESTATIONS), flags, eth_op_attestation)) ||
	    (r = each(e, s, deposits, flags, eth_op_deposit)))
		return r;
	return each(e, s, ssz_field(body, F_VOLUNTARY_EXITS), flags, eth_op_voluntary_exit);
}

/* So that lack of room is found before anything has changed. */
static int check_room(const struct eth_state *s, struct ssz_view body)
{
	struct ssz_view attestations = ssz_field(body, F_ATTESTATIONS);
	const struct eth_region *v = &s->region[ETH_VALIDATORS], *a = &s->region[ETH_ATTESTATIONS];
	uint64_t bytes = 0;

	for (uint64_t i = 0, n = ssz_length(attestations); i < n; i++)
		bytes += eth_attestation_room(ssz_elem(attestations, i));
	if (v->room - v->count < ssz_length(ssz_field(body, F_DEPOSITS)) || a->room - a->count < bytes)
		return ETH_ERR_ROOM;
	return 0;
}

static int process_parts(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags)
{
	struct ssz_view body = ssz_field(block, F_BODY);
	int r;

	if ((r = eth_process_block_header(e, s, block, flags)) ||
	    (r = eth_process_randao(e, s, body, flags)) || (r = eth_process_eth1_data(s, body)))
		return r;
	e->exits.known = false;
	eth_engine_append_begin(e);
	r = process_operations(e, s, body, flags);
	eth_engine_append_end(e);
	return r;
}

static bool batching(unsigned flags)
{
	return !(flags & (ETH_SKIP_BLS | ETH_ONE_BY_ONE));
}

int eth_process_block(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags)
{
	int r = check_room(s, ssz_field(block, F_BODY));

	if (r)
		return r;
	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	if (batching(flags))
		eth_signatures_begin(e);
	r = process_parts(e, s, block, flags);
	if (batching(flags)) {
		int wrong = eth_signatures_end(e, r != 0);

		r = r ? r : wrong;
	}
	return r;
}

int eth_verify_block_signature(struct eth_engine *e, const struct eth_state *s, struct ssz_view block)
{
	const struct ssz_signed_beacon_block *b = (const struct ssz_signed_beacon_block *)block.p;
	struct ssz_view message = ssz_field(block, 0);
	const struct ssz_beacon_block *m = (const struct ssz_beacon_block *)message.p;
	uint8_t domain[32], root[32];

	eth_domain(s, ETH_DOMAIN_BEACON_PROPOSER, eth_current_epoch(s), domain);
	eth_signing_root_of(message, domain, root);
	return eth_check_validator_signature(e, s, m->proposer_index, root, b->signature,
					     ETH_BAD_BLOCK_SIGNATURE);
}

/* Room for what the epochs on the way append; before anything changes. */
static int check_historical_room(const struct eth_state *s, uint64_t slot)
{
	uint64_t every = eth_state_preset(s)->slots_per_historical_root;
	const struct eth_region *r = &s->region[ETH_HISTORICAL_ROOTS];

	return slot / every - s->slot / every > r->room - r->count ? ETH_ERR_ROOM : 0;
}

static void process_slot(struct eth_state *s, const uint8_t *opt_state_root)
{
	uint64_t at = s->slot % eth_state_preset(s)->slots_per_historical_root;
	static const uint8_t zero[32];
	uint8_t root[32];

	if (opt_state_root)
		memcpy(root, opt_state_root, 32);
	else
		eth_state_root_cached(s, root);
	eth_set_root(s, ETH_STATE_ROOTS, ETH_TREE_STATE_ROOTS, at, root);
	if (!memcmp(s->latest_block_header.state_root, zero, 32))
		memcpy(s->latest_block_header.state_root, root, 32);
	ssz_root(eth_type(s->preset, ETH_BeaconBlockHeader), (const uint8_t *)&s->latest_block_header,
		 sizeof(s->latest_block_header), root);
	eth_set_root(s, ETH_BLOCK_ROOTS, ETH_TREE_BLOCK_ROOTS, at, root);
}

int eth_process_slots_known(struct eth_engine *e, struct eth_state *s, uint64_t slot,
			    const uint8_t *opt_state_root)
{
	int r;

	if (slot <= s->slot)
		return ETH_BAD_SLOT;
	r = check_historical_room(s, slot);
	if (r)
		return r;
	for (; s->slot < slot; s->slot++, opt_state_root = NULL) {
		process_slot(s, opt_state_root);
		if ((s->slot + 1) % e->preset->slots_per_epoch == 0 && (r = eth_process_epoch(e, s)))
			return r;
	}
	return 0;
}

int eth_process_slots(struct eth_engine *e, struct eth_state *s, uint64_t slot)
{
	return eth_process_slots_known(e, s, slot, NULL);
}

int eth_state_transition(struct eth_engine *e, struct eth_state *s, struct ssz_view block, unsigned flags)
{
	struct ssz_view message = ssz_field(block, 0);
	const struct ssz_beacon_block *b = (const struct ssz_beacon_block *)message.p;
	uint8_t root[32];
	int r = check_room(s, ssz_field(message, F_BODY)), wrong;

	if (r)
		return r;
	r = eth_process_slots(e, s, b->slot);
	if (r)
		return r;
	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	if (batching(flags))
		eth_signatures_begin(e);
	r = flags & ETH_SKIP_BLS ? 0 : eth_verify_block_signature(e, s, block);
	if (!r)
		r = process_parts(e, s, message, flags);
	if (batching(flags)) {
		wrong = eth_signatures_end(e, r != 0);
		r = r ? r : wrong;
	}
	if (r || flags & ETH_SKIP_STATE_ROOT)
		return r;
	eth_state_root_cached(s, root);
	return memcmp(root, b->state_root, 32) ? ETH_BAD_STATE_ROOT : 0;
}
