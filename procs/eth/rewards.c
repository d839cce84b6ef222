#include "procs/eth/epoch_private.h"
#include "procs/eth/mutate.h"

#include <string.h>

/* What the rules make of one effective balance; all that does not depend on the validator otherwise. */
struct row {
	uint64_t base;
	uint64_t reward[3]; /* source, target, head, when attested */
	uint64_t proposer;  /* for including one source attestation */
	uint64_t attester;  /* for being included, before the division by the delay */
	uint64_t leak;      /* inactivity penalty of every eligible validator */
	uint64_t leak_more; /* … of those that missed the target */
};

/* Effective balances are multiples of the increment up to the maximum: 33 rows. Others are computed when met.
 */
#define ROWS 33

struct rules {
	const struct eth_preset *p;
	uint64_t total, root, finality_delay, validators;
	uint64_t attested[3]; /* balances */
	bool leaking;
	struct row row[ROWS];
};

static uint64_t integer_squareroot(uint64_t n)
{
	uint64_t x = n, y = x / 2 + (x & 1);

	while (y < x) {
		x = y;
		y = (x + n / x) / 2;
	}
	return x;
}

static struct row make_row(const struct rules *r, uint64_t effective)
{
	uint64_t increment = r->p->effective_balance_increment;
	struct row row = {.base = effective * r->p->base_reward_factor / r->root /
				  ETH_BASE_REWARDS_PER_EPOCH};

	for (int i = 0; i < 3; i++)
		row.reward[i] = r->leaking ? row.base
					   : row.base * (r->attested[i] / increment) / (r->total / increment);
	row.proposer = row.base / r->p->proposer_reward_quotient;
	row.attester = row.base - row.proposer;
	if (r->leaking) {
		row.leak = ETH_BASE_REWARDS_PER_EPOCH * row.base - row.proposer;
		row.leak_more = effective * r->finality_delay / r->p->inactivity_penalty_quotient;
	}
	return row;
}

static void make_rules(const struct eth_engine *e, const struct eth_state *s, struct rules *r)
{
	const struct participation *part = &e->part;

	*r = (struct rules){
		.p = e->preset,
		.total = part->total_active,
		.root = integer_squareroot(part->total_active),
		.finality_delay = eth_previous_epoch(s) - s->finalized_checkpoint.epoch,
		.validators = eth_state_validator_count(s),
		.attested = {part->previous_source, part->previous_target, part->previous_head},
	};
	r->leaking = r->finality_delay > r->p->min_epochs_to_inactivity_penalty;
	for (unsigned i = 0; i < ROWS; i++)
		r->row[i] = make_row(r, i * r->p->effective_balance_increment);
}

static inline struct row row_of(const struct rules *r, const struct participation *part,
				const struct eth_validator *v, uint64_t i)
{
	uint8_t n = part->increments[i];

	return n < ROWS ? r->row[n] : make_row(r, v[i].effective_balance);
}

/* Adds one component of the validator's own deltas; those that proposers get for it are apart. */
static inline void own_delta(const struct rules *r, const struct participation *part, uint64_t i,
			     const struct row *row, enum eth_delta component, uint64_t *plus, uint64_t *minus)
{
	static const uint8_t flag[] = {PART_SOURCE, PART_TARGET, PART_HEAD};
	uint8_t flags = part->flags[i], did = flags & PART_SLASHED ? 0 : flags;

	switch (component) {
	case ETH_DELTA_SOURCE:
	case ETH_DELTA_TARGET:
	case ETH_DELTA_HEAD:
		if (did & flag[component])
			*plus += row->reward[component];
		else if (flags & PART_ELIGIBLE)
			*minus += row->base;
		break;
	case ETH_DELTA_INCLUSION_DELAY:
		if (did & PART_SOURCE)
			*plus += row->attester / part->source[i]->inclusion_delay;
		break;
	case ETH_DELTA_INACTIVITY:
		if (r->leaking && flags & PART_ELIGIBLE)
			*minus += row->leak + (did & PART_TARGET ? 0 : row->leak_more);
		break;
	case ETH_DELTAS:
		break;
	}
}

/* ETH_BAD_PENDING where the state names a proposer that is none, or an inclusion without delay. */
static int proposer_rewards(const struct rules *r, const struct participation *part,
			    const struct eth_validator *v, uint64_t *rewards)
{
	for (uint64_t i = 0; i < r->validators; i++) {
		if ((part->flags[i] & (PART_SOURCE | PART_SLASHED)) != PART_SOURCE)
			continue;
		const struct eth_pending *a = part->source[i];
		if (a->proposer_index >= r->validators || !a->inclusion_delay)
			return ETH_BAD_PENDING;
		rewards[a->proposer_index] += row_of(r, part, v, i).proposer;
	}
	return 0;
}

int eth_attestation_deltas(struct eth_engine *e, const struct eth_state *s, enum eth_delta component,
			   uint64_t *rewards, uint64_t *penalties)
{
	const struct eth_validator *v = eth_state_validators(s);
	struct rules rules;
	int r = eth_participation(e, s);

	if (r)
		return r;
	make_rules(e, s, &rules);
	memset(rewards, 0, rules.validators * sizeof(*rewards));
	memset(penalties, 0, rules.validators * sizeof(*penalties));
	if (component == ETH_DELTA_INCLUSION_DELAY && (r = proposer_rewards(&rules, &e->part, v, rewards)))
		return r;
	for (uint64_t i = 0; i < rules.validators; i++) {
		struct row row = row_of(&rules, &e->part, v, i);

		own_delta(&rules, &e->part, i, &row, component, &rewards[i], &penalties[i]);
	}
	return 0;
}

int eth_reward(struct eth_engine *e, struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t *balance = eth_balances(s), *rewards;
	struct rules rules;
	int r;

	if (eth_current_epoch(s) == ETH_GENESIS_EPOCH)
		return 0;
	make_rules(e, s, &rules);
	rewards = eth_engine_scratch(e, rules.validators * sizeof(*rewards) + 1);
	if (!rewards)
		return ETH_ERR_MEMORY;
	memset(rewards, 0, rules.validators * sizeof(*rewards));
	r = proposer_rewards(&rules, &e->part, v, rewards);
	if (r)
		return r;
	for (uint64_t i = 0; i < rules.validators; i++) {
		struct row row = row_of(&rules, &e->part, v, i);
		uint64_t plus = rewards[i], minus = 0;

		own_delta(&rules, &e->part, i, &row, ETH_DELTA_SOURCE, &plus, &minus);
		own_delta(&rules, &e->part, i, &row, ETH_DELTA_TARGET, &plus, &minus);
		own_delta(&rules, &e->part, i, &row, ETH_DELTA_HEAD, &plus, &minus);
		own_delta(&rules, &e->part, i, &row, ETH_DELTA_INCLUSION_DELAY, &plus, &minus);
		own_delta(&rules, &e->part, i, &row, ETH_DELTA_INACTIVITY, &plus, &minus);
		uint64_t after;
		if (__builtin_add_overflow(balance[i], plus, &after))
			return ETH_BAD_OVERFLOW;
		balance[i] = after > minus ? after - minus : 0;
	}
	eth_tree_touch_all(s, ETH_TREE_BALANCES);
	return 0;
}

int eth_process_rewards_and_penalties(struct eth_engine *e, struct eth_state *s)
{
	int r = eth_participation(e, s);

	return r ? r : eth_reward(e, s);
}
