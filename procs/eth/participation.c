#include "procs/eth/epoch_private.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(struct participation *part, size_t n)
{
	if (part->room >= n)
		return true;
	size_t room = n + n / 8 + 64;
	free(part->flags);
	free(part->source);
	free(part->increments);
	part->flags = malloc(room * sizeof(*part->flags));
	part->increments = malloc(room * sizeof(*part->increments));
	part->source = malloc(room * sizeof(*part->source));
	part->room = part->flags && part->source && part->increments ? room : 0;
	return part->room;
}

/* What an attestation of the list says about each member of its committee whose bit is set. */
static uint8_t flags_of(const struct eth_state *s, const struct eth_pending *a, const uint8_t *target,
			bool previous)
{
	bool on_target = !memcmp(a->data.target.root, target, 32);

	if (!previous)
		return on_target ? PART_CURRENT_TARGET : 0;
	if (!on_target)
		return PART_SOURCE;
	const uint8_t *head = eth_block_root_at(s, a->data.slot);
	return PART_SOURCE | PART_TARGET |
	       (head && !memcmp(a->data.beacon_block_root, head, 32) ? PART_HEAD : 0);
}

static void mark(struct participation *part, const struct eth_committee *c, const struct eth_pending *a,
		 uint8_t flags)
{
	for (size_t i = 0; i < c->n; i++) {
		uint32_t v = c->index[i];

		if (!(a->bit[i / 8] >> i % 8 & 1))
			continue;
		/* The first of those with the smallest delay, as min() finds it. */
		if (flags & PART_SOURCE && (!(part->flags[v] & PART_SOURCE) ||
					    a->inclusion_delay < part->source[v]->inclusion_delay))
			part->source[v] = a;
		part->flags[v] |= flags;
	}
}

/* One of the two lists as attestations of `epoch`, counting as previous or as current. */
static int read_list(struct eth_engine *e, const struct eth_state *s, bool list, uint64_t epoch,
		     bool previous)
{
	const struct eth_pending *a = eth_pending_first(s, list);
	const struct eth_preset *p = e->preset;
	struct eth_shuffling sh;
	int r;

	if (!a)
		return 0;
	const uint8_t *target = eth_block_root_at(s, epoch * p->slots_per_epoch);
	r = eth_shuffling(e, s, epoch, &sh);
	if (r)
		return r;
	for (; a; a = eth_pending_next(s, a)) {
		if (!target || eth_epoch_of(p, a->data.slot) != epoch ||
		    a->data.index >= sh.committees_per_slot)
			return ETH_BAD_PENDING;
		struct eth_committee c = eth_committee_of(&sh, p, a->data.slot, a->data.index);
		if (a->bits < c.n)
			return ETH_BAD_PENDING;
		mark(&e->part, &c, a, flags_of(s, a, target, previous));
	}
	return 0;
}

/* The one pass over the registry: later steps read the two bytes it leaves for each validator. */
static void sum_balances(struct eth_engine *e, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t least = e->preset->effective_balance_increment, current = eth_current_epoch(s);
	uint64_t previous = eth_previous_epoch(s), slashed = 0;
	uint64_t total = 0, source = 0, target = 0, head = 0, current_target = 0;
	struct participation *part = &e->part;

	for (uint64_t i = 0, n = eth_state_validator_count(s); i < n; i++) {
		uint64_t balance = v[i].effective_balance, whole = balance / least;
		uint8_t f = v[i].slashed ? 0 : part->flags[i];

		part->increments[i] = whole < ETH_ODD && whole * least == balance ? (uint8_t)whole : ETH_ODD;
		if (v[i].slashed) {
			part->flags[i] |= PART_SLASHED;
			slashed++;
		}
		if (eth_active(&v[i], previous) || (v[i].slashed && previous + 1 < v[i].withdrawable_epoch))
			part->flags[i] |= PART_ELIGIBLE;

		total += eth_active(&v[i], current) ? balance : 0;
		source += f & PART_SOURCE ? balance : 0;
		target += f & PART_TARGET ? balance : 0;
		head += f & PART_HEAD ? balance : 0;
		current_target += f & PART_CURRENT_TARGET ? balance : 0;
	}
#define AT_LEAST(x) ((x) > least ? (x) : least)
	part->slashed = slashed;
	part->total_active = AT_LEAST(total);
	part->previous_source = AT_LEAST(source);
	part->previous_target = AT_LEAST(target);
	part->previous_head = AT_LEAST(head);
	part->current_target = AT_LEAST(current_target);
#undef AT_LEAST
}

int eth_participation(struct eth_engine *e, const struct eth_state *s)
{
	uint64_t n = eth_state_validator_count(s), previous = eth_previous_epoch(s),
		 current = eth_current_epoch(s);
	int r;

	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	if (!reserve(&e->part, n ? n : 1))
		return ETH_ERR_MEMORY;
	memset(e->part.flags, 0, n);
	/* In the genesis epoch the current list is that of both. */
	if ((r = read_list(e, s, previous != current, previous, true)) ||
	    (r = read_list(e, s, false, current, false)))
		return r;
	sum_balances(e, s);
	return 0;
}
