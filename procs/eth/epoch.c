#include "procs/eth/epoch_private.h"
#include "procs/eth/merkle.h"
#include "procs/eth/mutate.h"
#include "procs/eth/sha256.h"

#include <stdlib.h>
#include <string.h>

/* weigh_justification_and_finalization, on checkpoints and bits that may be those of a state or copies. */
struct finality {
	struct ssz_checkpoint previous, current, finalized;
	uint8_t bits;
};

static void set_checkpoint(const struct eth_state *s, uint64_t epoch, struct ssz_checkpoint *c)
{
	const uint8_t *root = eth_block_root_at(s, epoch * eth_state_preset(s)->slots_per_epoch);

	c->epoch = epoch;
	if (root)
		memcpy(c->root, root, 32);
}

static void weigh(const struct participation *part, const struct eth_state *s, struct finality *f)
{
	struct ssz_checkpoint old_previous = f->previous, old_current = f->current;
	uint64_t current = eth_current_epoch(s), previous = eth_previous_epoch(s);
	uint64_t total = part->total_active;

	/* Both sums have room for a factor of 3: a total balance above 2^62 does not exist. */
	f->previous = f->current;
	f->bits = (uint8_t)(f->bits << 1 & 15);
	if (part->previous_target * 3 >= total * 2) {
		set_checkpoint(s, previous, &f->current);
		f->bits |= 2;
	}
	if (part->current_target * 3 >= total * 2) {
		set_checkpoint(s, current, &f->current);
		f->bits |= 1;
	}
	if ((f->bits & 14) == 14 && old_previous.epoch + 3 == current)
		f->finalized = old_previous;
	if ((f->bits & 6) == 6 && old_previous.epoch + 2 == current)
		f->finalized = old_previous;
	if ((f->bits & 7) == 7 && old_current.epoch + 2 == current)
		f->finalized = old_current;
	if ((f->bits & 3) == 3 && old_current.epoch + 1 == current)
		f->finalized = old_current;
}

static struct finality finality_of(const struct eth_engine *e, const struct eth_state *s)
{
	struct finality f = {s->previous_justified_checkpoint, s->current_justified_checkpoint,
			     s->finalized_checkpoint, s->justification_bits};

	/* The first two epochs have no epoch before them whose attestations could justify. */
	if (eth_current_epoch(s) > ETH_GENESIS_EPOCH + 1)
		weigh(&e->part, s, &f);
	return f;
}

void eth_justify(const struct eth_engine *e, struct eth_state *s)
{
	struct finality f = finality_of(e, s);

	s->previous_justified_checkpoint = f.previous;
	s->current_justified_checkpoint = f.current;
	s->finalized_checkpoint = f.finalized;
	s->justification_bits = f.bits;
}

int eth_process_justification_and_finalization(struct eth_engine *e, struct eth_state *s)
{
	int r = eth_participation(e, s);

	if (!r)
		eth_justify(e, s);
	return r;
}

int eth_unrealized_checkpoints(struct eth_engine *e, const struct eth_state *s,
			       struct ssz_checkpoint *justified, struct ssz_checkpoint *finalized)
{
	int r = eth_participation(e, s);

	if (r)
		return r;
	struct finality f = finality_of(e, s);
	*justified = f.current;
	*finalized = f.finalized;
	return 0;
}

static void find_exit_queue(struct eth_engine *e, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t now = eth_current_epoch(s), n = eth_state_validator_count(s), active = 0;
	struct exit_queue *q = &e->exits;

	q->epoch = eth_activation_exit_epoch(e->preset, now);
	q->exits = 0;
	for (uint64_t i = 0; i < n; i++) {
		active += eth_active(&v[i], now);
		if (v[i].exit_epoch == ETH_FAR_FUTURE_EPOCH || v[i].exit_epoch < q->epoch)
			continue;
		if (v[i].exit_epoch > q->epoch) {
			q->epoch = v[i].exit_epoch;
			q->exits = 0;
		}
		q->exits++;
	}
	q->churn_limit = active / e->config.churn_limit_quotient;
	if (q->churn_limit < e->config.min_per_epoch_churn_limit)
		q->churn_limit = e->config.min_per_epoch_churn_limit;
	q->known = true;
}

int eth_initiate_exit(struct eth_engine *e, struct eth_state *s, uint64_t index)
{
	struct eth_validator *v = eth_validator_mut(s, index);
	struct exit_queue *q = &e->exits;

	if (v->exit_epoch != ETH_FAR_FUTURE_EPOCH)
		return 0;
	if (!q->known)
		find_exit_queue(e, s);
	if (q->exits >= q->churn_limit) {
		q->epoch++;
		q->exits = 0;
	}
	if (q->epoch > UINT64_MAX - e->config.min_validator_withdrawability_delay)
		return ETH_BAD_OVERFLOW;
	q->exits++;
	eth_set_activity(s, index, v->activation_epoch, q->epoch);
	v->withdrawable_epoch = q->epoch + e->config.min_validator_withdrawability_delay;
	return 0;
}

struct queued {
	uint64_t eligibility, index;
};

static int by_eligibility(const void *a, const void *b)
{
	const struct queued *x = a, *y = b;

	if (x->eligibility != y->eligibility)
		return x->eligibility < y->eligibility ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

int eth_process_registry_updates(struct eth_engine *e, struct eth_state *s)
{
	const struct eth_preset *p = e->preset;
	uint64_t now = eth_current_epoch(s), n = eth_state_validator_count(s), waiting = 0;
	const struct eth_validator *v = eth_state_validators(s);
	struct queued *queue;
	int r;

	e->exits.known = false;
	for (uint64_t i = 0; i < n; i++) {
		waiting += v[i].activation_epoch == ETH_FAR_FUTURE_EPOCH;
		if (v[i].activation_eligibility_epoch == ETH_FAR_FUTURE_EPOCH &&
		    v[i].effective_balance == p->max_effective_balance) {
			eth_validator_mut(s, i)->activation_eligibility_epoch = now + 1;
			eth_tree_touch(s, ETH_TREE_VALIDATORS, i);
		}
		if (v[i].effective_balance <= e->config.ejection_balance && eth_active(&v[i], now) &&
		    (r = eth_initiate_exit(e, s, i)))
			return r;
	}
	if (!waiting)
		return 0;
	queue = eth_engine_scratch(e, waiting * sizeof(*queue));
	if (!queue)
		return ETH_ERR_MEMORY;
	size_t queued = 0;
	for (uint64_t i = 0; i < n; i++)
		if (v[i].activation_epoch == ETH_FAR_FUTURE_EPOCH &&
		    v[i].activation_eligibility_epoch <= s->finalized_checkpoint.epoch)
			queue[queued++] = (struct queued){v[i].activation_eligibility_epoch, i};
	qsort(queue, queued, sizeof(*queue), by_eligibility);
	if (!e->exits.known)
		find_exit_queue(e, s);
	for (size_t i = 0; i < queued && i < e->exits.churn_limit; i++) {
		uint64_t index = queue[i].index;

		eth_set_activity(s, index, eth_activation_exit_epoch(p, now), v[index].exit_epoch);
	}
	return 0;
}

static void slash_balances(const struct eth_preset *p, struct eth_state *s, uint64_t total)
{
	const struct eth_validator *v = eth_state_validators(s);
	const uint64_t *slashed = eth_state_at(s, ETH_SLASHINGS);
	uint64_t now = eth_current_epoch(s), sum = 0;

	for (uint64_t i = 0; i < p->epochs_per_slashings_vector; i++)
		sum += slashed[i];
	sum *= p->proportional_slashing_multiplier;
	if (sum > total)
		sum = total;
	for (uint64_t i = 0, n = eth_state_validator_count(s); i < n; i++) {
		if (!v[i].slashed || now + p->epochs_per_slashings_vector / 2 != v[i].withdrawable_epoch)
			continue;
		uint64_t numerator = v[i].effective_balance / p->effective_balance_increment * sum;

		eth_decrease_balance(s, i, numerator / total * p->effective_balance_increment);
	}
}

int eth_process_slashings(struct eth_engine *e, struct eth_state *s)
{
	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	slash_balances(e->preset, s, eth_total_active_balance(s));
	return 0;
}

int eth_process_eth1_data_reset(struct eth_engine *e, struct eth_state *s)
{
	if ((eth_current_epoch(s) + 1) % e->preset->epochs_per_eth1_voting_period == 0) {
		s->region[ETH_ETH1_VOTES].count = 0;
		eth_tree_touch_all(s, ETH_TREE_VOTES);
	}
	return 0;
}

/* `opt_increments`: effective balances as eth_participation left them. */
static void update_effective(const struct eth_preset *p, struct eth_state *s, const uint8_t *opt_increments)
{
	const struct eth_validator *v = eth_state_validators(s);
	const uint64_t *balance = eth_balances(s);
	uint64_t step = p->effective_balance_increment / p->hysteresis_quotient;
	uint64_t down = step * p->hysteresis_downward_multiplier, up = step * p->hysteresis_upward_multiplier;

	for (uint64_t i = 0, n = eth_state_validator_count(s); i < n; i++) {
		bool known = opt_increments && opt_increments[i] != ETH_ODD;
		uint64_t effective =
			known ? opt_increments[i] * p->effective_balance_increment : v[i].effective_balance;

		if (balance[i] + down >= effective && effective + up >= balance[i])
			continue;
		uint64_t whole = balance[i] - balance[i] % p->effective_balance_increment;
		eth_set_effective(s, i, whole < p->max_effective_balance ? whole : p->max_effective_balance);
	}
}

int eth_process_effective_balance_updates(struct eth_engine *e, struct eth_state *s)
{
	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	update_effective(e->preset, s, NULL);
	return 0;
}

int eth_process_slashings_reset(struct eth_engine *e, struct eth_state *s)
{
	eth_set_slashings(s, (eth_current_epoch(s) + 1) % e->preset->epochs_per_slashings_vector, 0);
	return 0;
}

int eth_process_randao_mixes_reset(struct eth_engine *e, struct eth_state *s)
{
	uint64_t n = e->preset->epochs_per_historical_vector, now = eth_current_epoch(s);
	const uint8_t(*mix)[32] = eth_state_at(s, ETH_RANDAO_MIXES);

	eth_set_root(s, ETH_RANDAO_MIXES, ETH_TREE_RANDAO, (now + 1) % n, mix[now % n]);
	return 0;
}

int eth_process_historical_roots_update(struct eth_engine *e, struct eth_state *s)
{
	const struct eth_preset *p = e->preset;
	struct eth_region *r = &s->region[ETH_HISTORICAL_ROOTS];
	uint64_t n = p->slots_per_historical_root;
	uint8_t batch[2][32];

	if ((eth_current_epoch(s) + 1) % (n / p->slots_per_epoch))
		return 0;
	if (r->count == r->room)
		return ETH_ERR_ROOM;
	eth_merkle_bytes(batch[0], eth_state_at(s, ETH_BLOCK_ROOTS), 32 * n, eth_merkle_depth(n));
	eth_merkle_bytes(batch[1], eth_state_at(s, ETH_STATE_ROOTS), 32 * n, eth_merkle_depth(n));
	eth_sha256_pair(batch[0], batch[0], batch[1]);
	eth_set_root(s, ETH_HISTORICAL_ROOTS, ETH_TREE_HISTORICAL, r->count++, batch[0]);
	return 0;
}

int eth_process_participation_record_updates(struct eth_engine *e, struct eth_state *s)
{
	uint8_t *start = eth_state_at_mut(s, ETH_ATTESTATIONS), *to = start;
	uint64_t count = eth_state_count(s, ETH_ATTESTATIONS);
	bool complete = eth_tree_attestations_complete(s);

	for (uint64_t at = 0; at < count;) {
		struct eth_pending *a = (struct eth_pending *)(start + at);
		uint32_t size = a->size;

		at += size;
		if (a->previous)
			continue;
		a->previous = 1;
		memmove(to, a, size);
		to += size;
	}
	s->region[ETH_ATTESTATIONS].count = (uint64_t)(to - start);
	s->previous_attestations = s->current_attestations;
	s->current_attestations = 0;
	eth_tree_rotate_attestations(s, complete);
	return 0;
}

int eth_process_epoch(struct eth_engine *e, struct eth_state *s)
{
	int r = eth_participation(e, s);

	if (r)
		return r;
	eth_justify(e, s);
	if ((r = eth_reward(e, s)) || (r = eth_process_registry_updates(e, s)))
		return r;
	/* Neither who is active now nor an effective balance has changed since the pass over the registry. */
	if (e->part.slashed)
		slash_balances(e->preset, s, e->part.total_active);
	eth_process_eth1_data_reset(e, s);
	update_effective(e->preset, s, e->part.increments);
	eth_process_slashings_reset(e, s);
	eth_process_randao_mixes_reset(e, s);
	r = eth_process_historical_roots_update(e, s);
	return r ? r : eth_process_participation_record_updates(e, s);
}
