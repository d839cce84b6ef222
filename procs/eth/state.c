#include "procs/eth/state_layout.h"

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
	const uint64_t room[ETH_REGIONS] = {
		[ETH_BLOCK_ROOTS] = p->slots_per_historical_root,
		[ETH_STATE_ROOTS] = p->slots_per_historical_root,
		[ETH_RANDAO_MIXES] = p->epochs_per_historical_vector,
		[ETH_SLASHINGS] = p->epochs_per_slashings_vector,
		[ETH_HISTORICAL_ROOTS] = rooms->historical_roots,
		[ETH_ETH1_VOTES] = p->eth1_votes_limit,
		[ETH_BALANCES] = rooms->validators,
		[ETH_VALIDATORS] = rooms->validators,
		[ETH_TREES] = rooms->tree_bytes,
		[ETH_ATTESTATIONS] = rooms->attestation_bytes,
	};
	uint64_t at = align(sizeof(struct eth_state));

	for (int i = 0; i < ETH_REGIONS; i++) {
		/* Far below 2^64 / 128 / ETH_REGIONS, so that sums cannot overflow. */
		if (room[i] > UINT64_C(1) << 48)
			return 0;
		region[i] = (struct eth_region){
			.at = at, .count = i <= ETH_SLASHINGS ? room[i] : 0, .room = room[i]};
		at = align(at + room[i] * eth_region_size[i]);
	}
	return region[ETH_ATTESTATIONS].at + rooms->attestation_bytes;
}

size_t eth_state_footprint_for(enum eth_preset_id preset, uint64_t validators, uint64_t historical_roots,
			       uint64_t attestation_bytes)
{
	const struct eth_rooms rooms = {.validators = validators,
					.historical_roots = historical_roots,
					.attestation_bytes = attestation_bytes};
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

/* `count` records from `p` on must take exactly `bytes`. */
static int check_pending(const uint8_t *p, uint64_t bytes, uint32_t count, const struct eth_preset *preset)
{
	for (; count; count--) {
		const struct eth_pending *a = (const struct eth_pending *)p;

		if (bytes < sizeof(*a) || a->bits > preset->max_validators_per_committee ||
		    a->size != eth_pending_size(a->bits) || a->size > bytes)
			return ETH_ERR_LAYOUT;
		p += a->size;
		bytes -= a->size;
	}
	return bytes ? ETH_ERR_LAYOUT : 0;
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
	if (s->previous_attestation_bytes > a->count)
		return ETH_ERR_LAYOUT;
	const uint8_t *p = eth_state_at(s, ETH_ATTESTATIONS);
	if ((r = check_pending(p, s->previous_attestation_bytes, s->previous_attestations,
			       eth_preset(s->preset))))
		return r;
	return check_pending(p + s->previous_attestation_bytes, a->count - s->previous_attestation_bytes,
			     s->current_attestations, eth_preset(s->preset));
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
		.tree_bytes = from[ETH_TREES].room,
		.attestation_bytes = from[ETH_ATTESTATIONS].count + headroom->attestation_bytes,
	};
	uint64_t size = eth_state_layout(region, eth_preset(src->preset), &rooms);

	if ((uintptr_t)memory % ETH_STATE_ALIGN)
		return ETH_ERR_ALIGN;
	if (!size || size > bytes)
		return ETH_ERR_ROOM;
	memcpy(s, src, sizeof(*s));
	for (int i = 0; i < ETH_REGIONS; i++) {
		region[i].count = from[i].count;
		memcpy((uint8_t *)s + region[i].at, eth_state_at(src, i), from[i].count * eth_region_size[i]);
	}
	memcpy(s->region, region, sizeof(region));
	s->capacity = bytes;
	s->region[ETH_ATTESTATIONS].room = bytes - region[ETH_ATTESTATIONS].at;
	return 0;
}
