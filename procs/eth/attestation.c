#include "procs/eth/block_private.h"
#include "procs/eth/domain.h"
#include "procs/eth/mutate.h"
#include "procs/eth/types.h"

#include <string.h>

static const struct ssz_attestation *fixed_part(struct ssz_view attestation)
{
	return (const struct ssz_attestation *)attestation.p;
}

static void attestation_signing_root(const struct eth_state *s, const struct ssz_attestation_data *d,
				     uint8_t out[32])
{
	struct ssz_view v = {eth_type(s->preset, ETH_AttestationData), (const uint8_t *)d, sizeof(*d)};
	uint8_t domain[32];

	eth_domain(s, ETH_DOMAIN_BEACON_ATTESTER, d->target.epoch, domain);
	eth_signing_root_of(v, domain, out);
}

/* One signature by the sum of several validators' keys; all indices are in the registry. */
static int check_aggregate(struct eth_engine *e, const struct eth_state *s, const uint64_t *index, size_t n,
			   const struct ssz_attestation_data *d, const uint8_t signature[96])
{
	uint8_t root[32];

	attestation_signing_root(s, d, root);
	return eth_aggregate_check(e, s, index, n, root, signature, ETH_BAD_ATTESTATION_SIGNATURE);
}

#define COMMITTEE_MAX 2048

int eth_indexed_attestation_valid(struct eth_engine *e, const struct eth_state *s, struct ssz_view indexed,
				  unsigned flags)
{
	const struct ssz_indexed_attestation *a = (const struct ssz_indexed_attestation *)indexed.p;
	struct ssz_view list = ssz_field(indexed, 0);
	uint64_t index[COMMITTEE_MAX];
	size_t n = ssz_length(list);

	memcpy(index, list.p, n * sizeof(*index));
	if (!n)
		return ETH_BAD_INDICES;
	for (size_t i = 1; i < n; i++)
		if (index[i - 1] >= index[i])
			return ETH_BAD_INDICES;
	if (index[n - 1] >= eth_state_validator_count(s))
		return ETH_BAD_VALIDATOR_INDEX;
	if (flags & ETH_SKIP_BLS)
		return 0;
	return check_aggregate(e, s, index, n, &a->data, a->signature);
}

static int check_attesters(struct eth_engine *e, const struct eth_state *s, struct ssz_view attestation,
			   const struct eth_committee *c, unsigned flags)
{
	const struct ssz_attestation *a = fixed_part(attestation);
	struct ssz_view bits = ssz_field(attestation, 0);
	uint64_t index[COMMITTEE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (ssz_bit(bits, i))
			index[n++] = c->index[i];
	if (!n)
		return ETH_BAD_INDICES;
	if (flags & ETH_SKIP_BLS)
		return 0;
	return check_aggregate(e, s, index, n, &a->data, a->signature);
}

int eth_attestation_valid(struct eth_engine *e, const struct eth_state *s, struct ssz_view attestation,
			  unsigned flags, struct eth_committee *committee)
{
	const struct ssz_attestation *a = fixed_part(attestation);
	int r = eth_beacon_committee(e, s, a->data.slot, a->data.index, committee);

	if (r)
		return r;
	/* A committee is never larger than the limit of the bits, whatever the registry: equal lengths bound
	 * it. */
	if (ssz_length(ssz_field(attestation, 0)) != committee->n)
		return ETH_BAD_BITS;
	return check_attesters(e, s, attestation, committee, flags);
}

uint32_t eth_attestation_room(struct ssz_view attestation)
{
	uint32_t bits = (uint32_t)ssz_length(ssz_field(attestation, 0));

	return (uint32_t)((sizeof(struct eth_pending) + (bits + 7) / 8 + 7) / 8 * 8);
}

static void append_pending(struct eth_state *s, struct ssz_view attestation, bool previous, uint64_t proposer)
{
	const struct ssz_attestation *a = fixed_part(attestation);
	struct eth_region *r = &s->region[ETH_ATTESTATIONS];
	struct eth_pending *p =
		(struct eth_pending *)((uint8_t *)eth_state_at_mut(s, ETH_ATTESTATIONS) + r->count);
	struct ssz_view bits = ssz_field(attestation, 0);
	uint32_t n = (uint32_t)ssz_length(bits);

	p->data = a->data;
	p->inclusion_delay = s->slot - a->data.slot;
	p->proposer_index = proposer;
	p->size = eth_attestation_room(attestation);
	p->bits = (uint16_t)n;
	p->previous = previous;
	p->pad = 0;
	memset(p->bit, 0, p->size - sizeof(*p));
	memcpy(p->bit, bits.p, (n + 7) / 8);
	if (n % 8)
		p->bit[n / 8] &= (uint8_t)((1u << n % 8) - 1);
	r->count += p->size;
	if (previous)
		eth_tree_touch(s, ETH_TREE_PREVIOUS, s->previous_attestations++);
	else
		eth_tree_touch(s, ETH_TREE_CURRENT, s->current_attestations++);
}

static bool same_checkpoint(const struct ssz_checkpoint *a, const struct ssz_checkpoint *b)
{
	return !memcmp(a, b, sizeof(*a));
}

int eth_op_attestation(struct eth_engine *e, struct eth_state *s, struct ssz_view attestation, unsigned flags)
{
	const struct ssz_attestation_data *d = &fixed_part(attestation)->data;
	uint64_t current = eth_current_epoch(s), previous = eth_previous_epoch(s), proposer;
	const struct eth_region *region = &s->region[ETH_ATTESTATIONS];
	bool is_current = d->target.epoch == current;
	const struct eth_preset *p = e->preset;
	struct eth_shuffling sh;
	int r;

	if ((!is_current && d->target.epoch != previous) || d->target.epoch != eth_epoch_of(p, d->slot))
		return ETH_BAD_TARGET_EPOCH;
	if (d->slot + p->min_attestation_inclusion_delay > s->slot || s->slot > d->slot + p->slots_per_epoch)
		return ETH_BAD_INCLUSION;
	/* The proposer first: looking it up may move the shuffling the committee is read from. */
	if ((r = eth_proposer_index(e, s, s->slot, &proposer)) ||
	    (r = eth_shuffling(e, s, d->target.epoch, &sh)))
		return r;
	if (d->index >= sh.committees_per_slot)
		return ETH_BAD_COMMITTEE_INDEX;
	struct eth_committee c = eth_committee_of(&sh, p, d->slot, d->index);
	if (ssz_length(ssz_field(attestation, 0)) != c.n)
		return ETH_BAD_BITS;
	if (!same_checkpoint(&d->source, is_current ? &s->current_justified_checkpoint
						    : &s->previous_justified_checkpoint))
		return ETH_BAD_SOURCE;
	if ((is_current ? s->current_attestations : s->previous_attestations) >= p->epoch_attestations_limit)
		return ETH_BAD_ATTESTATIONS_FULL;
	if (region->room - region->count < eth_attestation_room(attestation))
		return ETH_ERR_ROOM;
	if ((r = check_attesters(e, s, attestation, &c, flags)))
		return r;
	append_pending(s, attestation, !is_current, proposer);
	return 0;
}
