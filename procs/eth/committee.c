#include "procs/eth/committee.h"
#include "procs/eth/domain.h"
#include "procs/eth/engine_private.h"
#include "procs/eth/sha256.h"
#include "procs/eth/shuffle.h"

#include <stdlib.h>
#include <string.h>

static bool active_in(const struct eth_validator *v, uint64_t epoch)
{
	return v->activation_epoch <= epoch && epoch < v->exit_epoch;
}

void eth_seed(const struct eth_state *s, uint64_t epoch, unsigned domain_type, uint8_t seed[32])
{
	const struct eth_preset *p = eth_state_preset(s);
	const uint8_t(*mixes)[32] = eth_state_at(s, ETH_RANDAO_MIXES);
	uint64_t at = epoch + p->epochs_per_historical_vector - p->min_seed_lookahead - 1;
	uint8_t text[44] = {(uint8_t)domain_type};

	memcpy(text + 4, &epoch, 8);
	memcpy(text + 12, mixes[at % p->epochs_per_historical_vector], 32);
	eth_sha256(seed, text, sizeof(text));
}

static bool reserve(struct shuffling_entry *entry, size_t n)
{
	if (entry->room >= n)
		return true;
	size_t room = n + n / 8 + 64;
	uint32_t *index = realloc(entry->index, room * sizeof(*index));
	if (index)
		entry->index = index;
	uint32_t *sorted = realloc(entry->sorted, room * sizeof(*sorted));
	if (sorted)
		entry->sorted = sorted;
	if (!index || !sorted)
		return false;
	entry->room = room;
	return true;
}

static int fill(struct eth_engine *e, const struct eth_state *s, struct shuffling_entry *entry)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t n = eth_state_validator_count(s), active = 0;

	entry->used = 0;
	if (n >= UINT32_MAX || !reserve(entry, n))
		return ETH_ERR_MEMORY;
	for (uint64_t i = 0; i < n; i++) {
		entry->sorted[active] = (uint32_t)i;
		active += active_in(&v[i], entry->epoch);
	}
	if (!active)
		return ETH_BAD_NO_ACTIVE_VALIDATORS;
	void *scratch = eth_engine_scratch(e, eth_shuffle_scratch(active));
	if (!scratch)
		return ETH_ERR_MEMORY;
	memcpy(entry->index, entry->sorted, active * sizeof(*entry->index));
	eth_shuffle(entry->index, active, entry->seed, (unsigned)e->preset->shuffle_round_count, scratch);
	entry->active = active;
	entry->active_print = s->active_print;
	memset(entry->proposer, 0, sizeof(entry->proposer));
	return 0;
}

/* Is the entry's active set that of the state? The print mostly knows; it also changes with other epochs'
 * sets. */
static bool same_active(struct shuffling_entry *entry, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t n = eth_state_validator_count(s), seen = 0;

	if (entry->sorted[entry->active - 1] >= n)
		return false;
	if (entry->active_print == s->active_print)
		return true;
	for (uint64_t i = 0; i < n; i++) {
		if (!active_in(&v[i], entry->epoch))
			continue;
		if (seen == entry->active || entry->sorted[seen] != i)
			return false;
		seen++;
	}
	if (seen != entry->active)
		return false;
	entry->active_print = s->active_print;
	return true;
}

static int entry_for(struct eth_engine *e, const struct eth_state *s, uint64_t epoch,
		     struct shuffling_entry **out)
{
	struct shuffling_entry *entry, *oldest = &e->shuffling[0];
	uint8_t seed[32];
	int r = 0;

	eth_seed(s, epoch, ETH_DOMAIN_BEACON_ATTESTER, seed);
	for (entry = e->shuffling; entry < e->shuffling + SHUFFLINGS; entry++) {
		if (entry->used && entry->epoch == epoch && !memcmp(entry->seed, seed, 32) &&
		    same_active(entry, s))
			goto found;
		if (entry->used < oldest->used)
			oldest = entry;
	}
	entry = oldest;
	entry->epoch = epoch;
	memcpy(entry->seed, seed, 32);
	r = fill(e, s, entry);
	if (r)
		return r;
found:
	entry->used = ++e->clock;
	*out = entry;
	return 0;
}

int eth_shuffling(struct eth_engine *e, const struct eth_state *s, uint64_t epoch, struct eth_shuffling *out)
{
	const struct eth_preset *p = e->preset;
	struct shuffling_entry *entry;
	int r = entry_for(e, s, epoch, &entry);

	if (r)
		return r;
	uint64_t per_slot = entry->active / p->slots_per_epoch / p->target_committee_size;
	if (per_slot > p->max_committees_per_slot)
		per_slot = p->max_committees_per_slot;
	*out = (struct eth_shuffling){epoch, entry->index, entry->active, per_slot ? per_slot : 1};
	return 0;
}

struct eth_committee eth_committee_of(const struct eth_shuffling *sh, const struct eth_preset *p,
				      uint64_t slot, uint64_t index)
{
	uint64_t count = sh->committees_per_slot * p->slots_per_epoch;
	uint64_t i = slot % p->slots_per_epoch * sh->committees_per_slot + index;
	size_t start = sh->active * i / count, end = sh->active * (i + 1) / count;

	return (struct eth_committee){sh->index + start, end - start};
}

int eth_beacon_committee(struct eth_engine *e, const struct eth_state *s, uint64_t slot, uint64_t index,
			 struct eth_committee *out)
{
	struct eth_shuffling sh;
	int r = eth_shuffling(e, s, eth_epoch_of(e->preset, slot), &sh);

	if (r)
		return r;
	if (index >= sh.committees_per_slot)
		return ETH_BAD_COMMITTEE_INDEX;
	*out = eth_committee_of(&sh, e->preset, slot, index);
	return 0;
}

/* compute_proposer_index. */
static uint64_t draw_proposer(const struct shuffling_entry *entry, const struct eth_state *s,
			      const struct eth_preset *p, const uint8_t seed[32])
{
	const struct eth_validator *v = eth_state_validators(s);
	uint8_t text[40], random[32];

	memcpy(text, seed, 32);
	for (uint64_t i = 0;; i++) {
		uint64_t at = eth_shuffled_index(i % entry->active, entry->active, seed,
						 (unsigned)p->shuffle_round_count);
		uint64_t candidate = entry->sorted[at], group = i / 32;

		if (i % 32 == 0) {
			memcpy(text + 32, &group, 8);
			eth_sha256(random, text, sizeof(text));
		}
		/* In 128 bits, so that no senseless balance overflows. One draw in 256 takes anyone: this
		 * ends. */
		if ((unsigned __int128)v[candidate].effective_balance * 255 >=
		    (unsigned __int128)p->max_effective_balance * random[i % 32])
			return candidate;
	}
}

int eth_proposer_index(struct eth_engine *e, const struct eth_state *s, uint64_t slot, uint64_t *index)
{
	uint64_t epoch = eth_epoch_of(e->preset, slot);
	struct shuffling_entry *entry;
	uint8_t text[40], seed[32];
	int r;

	if (epoch != eth_current_epoch(s))
		return ETH_BAD_SLOT;
	r = entry_for(e, s, epoch, &entry);
	if (r)
		return r;
	struct proposer *known = &entry->proposer[slot % e->preset->slots_per_epoch];
	if (!known->known || known->effective_print != s->effective_print) {
		eth_seed(s, epoch, ETH_DOMAIN_BEACON_PROPOSER, text);
		memcpy(text + 32, &slot, 8);
		eth_sha256(seed, text, sizeof(text));
		*known =
			(struct proposer){true, draw_proposer(entry, s, e->preset, seed), s->effective_print};
	}
	*index = known->index;
	return 0;
}

const uint8_t *eth_block_root_at(const struct eth_state *s, uint64_t slot)
{
	const struct eth_preset *p = eth_state_preset(s);
	const uint8_t(*roots)[32] = eth_state_at(s, ETH_BLOCK_ROOTS);

	if (slot >= s->slot || s->slot - slot > p->slots_per_historical_root)
		return NULL;
	return roots[slot % p->slots_per_historical_root];
}

uint64_t eth_total_active_balance(const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t epoch = eth_current_epoch(s), total = 0;

	for (uint64_t i = 0, n = eth_state_validator_count(s); i < n; i++)
		total += active_in(&v[i], epoch) ? v[i].effective_balance : 0;
	return total > eth_state_preset(s)->effective_balance_increment
		       ? total
		       : eth_state_preset(s)->effective_balance_increment;
}
