#include "procs/eth/state_layout.h"
#include "procs/eth/tree.h"

#include <string.h>

const uint32_t eth_region_size[ETH_REGIONS] = {
	[ETH_BLOCK_ROOTS] = 32,
	[ETH_STATE_ROOTS] = 32,
	[ETH_RANDAO_MIXES] = 32,
	[ETH_SLASHINGS] = sizeof(uint64_t),
	[ETH_HISTORICAL_ROOTS] = 32,
	[ETH_ETH1_VOTES] = sizeof(struct ssz_eth1_data),
	[ETH_BALANCES] = sizeof(uint64_t),
	[ETH_VALIDATORS] = sizeof(struct eth_validator),
	[ETH_TREES] = 1,
	[ETH_ATTESTATIONS] = 1,
};

_Static_assert(sizeof(struct eth_state) % 8 == 0, "the header ends on a word");
/* Records behind one another must keep their 64-bit fields aligned. */
_Static_assert(sizeof(struct eth_pending) % 8 == 0, "records are whole words");

static uint64_t align(uint64_t n)
{
	return (n + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN;
}

uint64_t eth_state_layout(struct eth_region region[ETH_REGIONS], const struct eth_preset *p,
			  const struct eth_rooms *rooms)
{
	struct eth_trees shape;
	/* A bound on what the shape multiplies. */
	bool sane = rooms->validators < UINT64_C(1) << 48 && rooms->historical_roots < UINT64_C(1) << 48;
	const uint64_t room[ETH_REGIONS] = {
		[ETH_BLOCK_ROOTS] = p->slots_per_historical_root,
		[ETH_STATE_ROOTS] = p->slots_per_historical_root,
		[ETH_RANDAO_MIXES] = p->epochs_per_historical_vector,
		[ETH_SLASHINGS] = p->epochs_per_slashings_vector,
		[ETH_HISTORICAL_ROOTS] = rooms->historical_roots,
		[ETH_ETH1_VOTES] = p->eth1_votes_limit,
		[ETH_BALANCES] = rooms->validators,
		[ETH_VALIDATORS] = rooms->validators,
		[ETH_TREES] = rooms->trees && sane
				      ? eth_trees_shape(&shape, p, rooms->validators, rooms->historical_roots)
				      : 0,
		[ETH_ATTESTATIONS] = rooms->attestation_bytes,
	};
	uint64_t at = align(sizeof(struct eth_state));

	for (int i = 0; i < ETH_REGIONS; i++) {
		bool full = i <= ETH_SLASHINGS || i == ETH_TREES;

		/* Far below 2^64 / 128 / ETH_REGIONS, so that sums cannot overflow. */
		if (room[i] > UINT64_C(1) << 48)
			return 0;
		region[i] = (struct eth_region){.at = at, .count = full ? room[i] : 0, .room = room[i]};
		at = align(at + room[i] * eth_region_size[i]);
	}
	return region[ETH_ATTESTATIONS].at + rooms->attestation_bytes;
}

size_t eth_state_footprint_for(enum eth_preset_id preset, const struct eth_headroom *h)
{
	const struct eth_rooms rooms = {h->validators, h->historical_roots, h->trees, h->attestation_bytes};
	struct eth_region region[ETH_REGIONS];

	return eth_state_layout(region, eth_preset(preset), &rooms);
}

uint64_t eth_state_size(const struct eth_state *s)
{
	return s->region[ETH_ATTESTATIONS].at + s->region[ETH_ATTESTATIONS].count;
}

/* Regions must lie behind the header and behind one another, inside of `bytes`, and hold no more than their
 * room. */
static int check_regions(const struct eth_state *s, uint64_t bytes)
{
	uint64_t free_from = sizeof(*s);

	for (int i = 0; i < ETH_REGIONS; i++) {
		const struct eth_region *r = &s->region[i];

		if (r->at % ETH_STATE_ALIGN || r->at < free_from || r->at > bytes ||
		    r->room > (bytes - r->at) / eth_region_size[i] || r->count > r->room)
			return ETH_ERR_LAYOUT;
		free_from = r->at + r->room * eth_region_size[i];
	}
	return 0;
}

static int check_counts(const struct eth_state *s, const struct eth_preset *p)
{
	if (eth_state_count(s, ETH_BLOCK_ROOTS) != p->slots_per_historical_root ||
	    eth_state_count(s, ETH_STATE_ROOTS) != p->slots_per_historical_root ||
	    eth_state_count(s, ETH_RANDAO_MIXES) != p->epochs_per_historical_vector ||
	    eth_state_count(s, ETH_SLASHINGS) != p->epochs_per_slashings_vector ||
	    eth_state_count(s, ETH_HISTORICAL_ROOTS) > p->historical_roots_limit ||
	    s->region[ETH_ETH1_VOTES].room != p->eth1_votes_limit ||
	    s->region[ETH_VALIDATORS].room != s->region[ETH_BALANCES].room ||
	    s->previous_attestations > p->epoch_attestations_limit ||
	    s->current_attestations > p->epoch_attestations_limit || s->justification_bits >> 4)
		return ETH_ERR_LAYOUT;
	return 0;
}

/* The records must fill the region exactly, and be as many of each epoch as the header says. */
static int check_pending(const struct eth_state *s, const struct eth_preset *preset)
{
	const uint8_t *p = eth_state_at(s, ETH_ATTESTATIONS);
	uint64_t left = eth_state_count(s, ETH_ATTESTATIONS);
	uint32_t seen[2] = {0};

	while (left) {
		const struct eth_pending *a = (const struct eth_pending *)p;

		if (left < sizeof(*a) || a->bits > preset->max_validators_per_committee || a->previous > 1 ||
		    a->size != eth_pending_size(a->bits) || a->size > left)
			return ETH_ERR_LAYOUT;
		seen[a->previous]++;
		p += a->size;
		left -= a->size;
	}
	return seen[1] == s->previous_attestations && seen[0] == s->current_attestations ? 0 : ETH_ERR_LAYOUT;
}

int eth_state_check(const void *memory, size_t bytes)
{
	const struct eth_state *s = memory;
	int r;

	if ((uintptr_t)memory % ETH_STATE_ALIGN)
		return ETH_ERR_ALIGN;
	if (bytes < sizeof(*s))
		return ETH_ERR_LAYOUT;
	if (s->magic != ETH_STATE_MAGIC)
		return ETH_ERR_MAGIC;
	if (s->version != ETH_STATE_VERSION)
		return ETH_ERR_VERSION;
	if (s->preset >= ETH_PRESETS)
		return ETH_ERR_LAYOUT;
	const struct eth_region *a = &s->region[ETH_ATTESTATIONS];
	/* The room behind the last attestation is not part of the block: it need not be in this memory. */
	if (a->at > bytes || a->count > bytes - a->at)
		return ETH_ERR_LAYOUT;
	if ((r = check_regions(s, s->capacity > bytes ? s->capacity : bytes)) ||
	    (r = check_counts(s, eth_preset(s->preset))))
		return r;
	r = check_pending(s, eth_preset(s->preset));
	if (!r && eth_has_trees(s) && !eth_trees_check(s))
		r = ETH_ERR_LAYOUT;
	return r;
}

int eth_state_adopt(void *memory, size_t bytes)
{
	struct eth_state *s = memory;
	int r = eth_state_check(memory, bytes);

	if (r)
		return r;
	s->capacity = bytes;
	s->region[ETH_ATTESTATIONS].room = bytes - s->region[ETH_ATTESTATIONS].at;
	return 0;
}

int eth_state_regrow(void *memory, size_t bytes, const struct eth_state *src,
		     const struct eth_headroom *headroom)
{
	const struct eth_region *from = src->region;
	uint64_t validators = from[ETH_VALIDATORS].count;
	struct eth_state *s = memory;
	struct eth_region region[ETH_REGIONS];

	if (validators < from[ETH_BALANCES].count)
		validators = from[ETH_BALANCES].count;
	const struct eth_rooms rooms = {
		.validators = validators + headroom->validators,
		.historical_roots = from[ETH_HISTORICAL_ROOTS].count + headroom->historical_roots,
		.trees = headroom->trees,
		.attestation_bytes = from[ETH_ATTESTATIONS].count + headroom->attestation_bytes,
	};
	uint64_t size = eth_state_layout(region, eth_preset(src->preset), &rooms);

	if ((uintptr_t)memory % ETH_STATE_ALIGN)
		return ETH_ERR_ALIGN;
	if (!size || size > bytes)
		return ETH_ERR_ROOM;
	memcpy(s, src, sizeof(*s));
	for (int i = 0; i < ETH_REGIONS; i++) {
		if (i == ETH_TREES)
			continue;
		region[i].count = from[i].count;
		memcpy((uint8_t *)s + region[i].at, eth_state_at(src, i), from[i].count * eth_region_size[i]);
	}
	memcpy(s->region, region, sizeof(region));
	s->capacity = bytes;
	s->region[ETH_ATTESTATIONS].room = bytes - region[ETH_ATTESTATIONS].at;
	if (eth_has_trees(s))
		eth_trees_reset(s);
	return 0;
}
