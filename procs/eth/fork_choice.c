#include "procs/eth/fork_choice.h"
#include "procs/eth/committee.h"
#include "procs/eth/types.h"

#include <stdlib.h>
#include <string.h>

#define INTERVALS_PER_SLOT 3

/* The latest message of a validator. */
struct vote {
	uint64_t epoch;
	uint64_t weight; /* what it counts with in the tree now */
	uint32_t node;   /* ETH_NO_NODE: none, or for a block that was pruned */
	bool voted;
	bool equivocating;
};

struct eth_fork_choice {
	struct eth_engine *engine;
	const struct eth_config *config;
	const struct eth_preset *preset;
	eth_checkpoint_state_fn *state_of;
	void *context;
	uint64_t time, genesis_time;
	struct ssz_checkpoint justified, finalized, unrealized_justified, unrealized_finalized;
	struct eth_proto_array tree;
	struct vote *vote;
	size_t votes;
	/* By the state of checkpoint `balances_of`: what each validator's vote weighs. */
	struct ssz_checkpoint balances_of;
	bool balances_known;
	uint64_t *balance;
	size_t balances, balances_room;
	uint64_t committee_weight;
	uint32_t boost; /* block with the proposer boost; ETH_NO_NODE */
	/* Boost that is in the tree now. */
	uint32_t applied_boost;
	uint64_t applied_score;
};

const char *eth_fork_choice_strerror(int code)
{
	static const char *const sentence[] = {
#define X(code_, text_) text_,
		ETH_FORK_CHOICE_RESULTS(X)
#undef X
	};
	int i = code - ETH_FC_BASE - 1;

	return i >= 0 && i < (int)(sizeof(sentence) / sizeof(sentence[0])) ? sentence[i] : eth_strerror(code);
}

static uint64_t current_slot(const struct eth_fork_choice *fc)
{
	return fc->time < fc->genesis_time ? 0 : (fc->time - fc->genesis_time) / fc->config->seconds_per_slot;
}

static uint64_t current_epoch(const struct eth_fork_choice *fc)
{
	return current_slot(fc) / fc->preset->slots_per_epoch;
}

static uint64_t time_into_slot(const struct eth_fork_choice *fc)
{
	return (fc->time - fc->genesis_time) % fc->config->seconds_per_slot;
}

int eth_fork_choice_new(struct eth_fork_choice **out, struct eth_engine *e, const struct eth_state *state,
			struct ssz_view block, eth_checkpoint_state_fn *state_of, void *context)
{
	struct eth_fork_choice *fc = calloc(1, sizeof(*fc));
	const struct ssz_beacon_block *b = (const void *)block.p;
	struct eth_node anchor = {
		.slot = b->slot, .proposer_index = b->proposer_index, .parent = ETH_NO_NODE};
	uint8_t root[32];

	*out = NULL;
	if (!fc)
		return ETH_FC_MEMORY;
	eth_state_root(state, root);
	if (memcmp(root, b->state_root, 32)) {
		free(fc);
		return ETH_FC_ANCHOR;
	}
	fc->engine = e;
	fc->config = eth_engine_config(e);
	fc->preset = eth_state_preset(state);
	fc->state_of = state_of;
	fc->context = context;
	fc->genesis_time = state->genesis_time;
	fc->time = state->genesis_time + fc->config->seconds_per_slot * state->slot;
	fc->justified.epoch = eth_current_epoch(state);
	ssz_root(block.type, block.p, block.n, fc->justified.root);
	fc->finalized = fc->unrealized_justified = fc->unrealized_finalized = fc->justified;
	fc->boost = fc->applied_boost = ETH_NO_NODE;
	memcpy(anchor.root, fc->justified.root, 32);
	anchor.justified = state->current_justified_checkpoint;
	anchor.unrealized_justified = fc->justified;
	if (eth_proto_array_add(&fc->tree, &anchor) == ETH_NO_NODE) {
		eth_fork_choice_free(fc);
		return ETH_FC_MEMORY;
	}
	*out = fc;
	return 0;
}

void eth_fork_choice_free(struct eth_fork_choice *fc)
{
	if (!fc)
		return;
	eth_proto_array_free(&fc->tree);
	free(fc->vote);
	free(fc->balance);
	free(fc);
}

static void raise_checkpoint(struct ssz_checkpoint *to, const struct ssz_checkpoint *from)
{
	if (from->epoch > to->epoch)
		*to = *from;
}

static void tick_slot(struct eth_fork_choice *fc, uint64_t time)
{
	uint64_t before = current_slot(fc), now;

	fc->time = time;
	now = current_slot(fc);
	if (now <= before)
		return;
	fc->boost = ETH_NO_NODE;
	if (now % fc->preset->slots_per_epoch == 0) {
		raise_checkpoint(&fc->justified, &fc->unrealized_justified);
		raise_checkpoint(&fc->finalized, &fc->unrealized_finalized);
	}
}

void eth_fork_choice_on_tick(struct eth_fork_choice *fc, uint64_t time)
{
	uint64_t per_epoch = fc->preset->slots_per_epoch, seconds = fc->config->seconds_per_slot;

	if (time < fc->genesis_time)
		time = fc->genesis_time;
	uint64_t slot = (time - fc->genesis_time) / seconds, now = current_slot(fc);

	/* Slot by slot, except that after one whole epoch of them another one changes nothing more. */
	if (slot > now + 2 * per_epoch)
		tick_slot(fc, fc->genesis_time + (slot / per_epoch * per_epoch - per_epoch) * seconds);
	while (current_slot(fc) < slot)
		tick_slot(fc, fc->genesis_time + (current_slot(fc) + 1) * seconds);
	tick_slot(fc, time);
}

static bool is_root(const struct eth_fork_choice *fc, uint32_t node, const uint8_t root[32])
{
	return node != ETH_NO_NODE && !memcmp(fc->tree.node[node].root, root, 32);
}

int eth_fork_choice_check_block(const struct eth_fork_choice *fc, struct ssz_view block)
{
	const struct ssz_beacon_block *b = (const void *)block.p;
	uint64_t finalized_slot = fc->finalized.epoch * fc->preset->slots_per_epoch;
	uint32_t parent = eth_proto_array_find(&fc->tree, b->parent_root);

	if (parent == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_PARENT;
	if (current_slot(fc) < b->slot)
		return ETH_FC_FUTURE_BLOCK;
	if (b->slot <= finalized_slot ||
	    !is_root(fc, eth_proto_array_ancestor(&fc->tree, parent, finalized_slot), fc->finalized.root))
		return ETH_FC_FINALIZED;
	return 0;
}

int eth_fork_choice_on_block(struct eth_fork_choice *fc, struct ssz_view block, const uint8_t root[32],
			     const struct eth_state *state)
{
	const struct ssz_beacon_block *b = (const void *)block.p;
	struct ssz_checkpoint finalized;
	struct eth_node n = {.slot = b->slot, .proposer_index = b->proposer_index};

	if (eth_proto_array_find(&fc->tree, root) != ETH_NO_NODE)
		return 0;
	int rc = eth_unrealized_checkpoints(fc->engine, state, &n.unrealized_justified, &finalized);

	if (rc)
		return rc;
	memcpy(n.root, root, 32);
	n.parent = eth_proto_array_find(&fc->tree, b->parent_root);
	if (n.parent == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_PARENT;
	n.justified = state->current_justified_checkpoint;
	n.timely = current_slot(fc) == b->slot &&
		   time_into_slot(fc) < fc->config->seconds_per_slot / INTERVALS_PER_SLOT;
	uint32_t added = eth_proto_array_add(&fc->tree, &n);

	if (added == ETH_NO_NODE)
		return ETH_FC_MEMORY;
	if (n.timely && fc->boost == ETH_NO_NODE)
		fc->boost = added;
	raise_checkpoint(&fc->justified, &state->current_justified_checkpoint);
	raise_checkpoint(&fc->finalized, &state->finalized_checkpoint);
	raise_checkpoint(&fc->unrealized_justified, &n.unrealized_justified);
	raise_checkpoint(&fc->unrealized_finalized, &finalized);
	/* compute_pulled_up_tip */
	if (b->slot / fc->preset->slots_per_epoch < current_epoch(fc)) {
		raise_checkpoint(&fc->justified, &n.unrealized_justified);
		raise_checkpoint(&fc->finalized, &finalized);
	}
	return 0;
}

static int room_for_votes(struct eth_fork_choice *fc, uint64_t validator)
{
	if (validator < fc->votes)
		return 0;
	size_t room = fc->votes ? fc->votes : 1024;

	while (room <= validator)
		room *= 2;
	struct vote *grown = realloc(fc->vote, room * sizeof(*grown));

	if (!grown)
		return ETH_FC_MEMORY;
	for (size_t i = fc->votes; i < room; i++)
		grown[i] = (struct vote){.node = ETH_NO_NODE};
	fc->vote = grown;
	fc->votes = room;
	return 0;
}

/* Moves what a validator's vote weighs to where and how much it is now. */
static void settle(struct eth_fork_choice *fc, size_t validator, uint32_t from)
{
	struct vote *v = &fc->vote[validator];
	uint64_t weight = v->equivocating || v->node == ETH_NO_NODE || validator >= fc->balances
				  ? 0
				  : fc->balance[validator];

	if (from != ETH_NO_NODE)
		fc->tree.node[from].delta -= (int64_t)v->weight;
	if (v->node != ETH_NO_NODE)
		fc->tree.node[v->node].delta += (int64_t)weight;
	v->weight = weight;
}

static int validate_attestation(const struct eth_fork_choice *fc, const struct ssz_attestation_data *d,
				bool is_from_block)
{
	uint64_t now = current_epoch(fc), previous = now ? now - 1 : 0;

	if (!is_from_block && d->target.epoch != now && d->target.epoch != previous)
		return ETH_FC_TARGET_EPOCH;
	if (d->target.epoch != d->slot / fc->preset->slots_per_epoch)
		return ETH_FC_TARGET_SLOT;
	if (eth_proto_array_find(&fc->tree, d->target.root) == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_TARGET;
	uint32_t block = eth_proto_array_find(&fc->tree, d->beacon_block_root);

	if (block == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_BLOCK;
	if (fc->tree.node[block].slot > d->slot)
		return ETH_FC_BLOCK_AFTER_SLOT;
	uint32_t checkpoint =
		eth_proto_array_ancestor(&fc->tree, block, d->target.epoch * fc->preset->slots_per_epoch);

	if (!is_root(fc, checkpoint, d->target.root))
		return ETH_FC_TARGET_ROOT;
	return current_slot(fc) > d->slot ? 0 : ETH_FC_TOO_EARLY;
}

static int count_vote(struct eth_fork_choice *fc, uint64_t validator, const struct ssz_attestation_data *d,
		      uint32_t node)
{
	int rc = room_for_votes(fc, validator);

	if (rc)
		return rc;
	struct vote *v = &fc->vote[validator];
	uint32_t from = v->node;

	if (v->equivocating || (v->voted && d->target.epoch <= v->epoch))
		return 0;
	v->voted = true;
	v->epoch = d->target.epoch;
	v->node = node;
	settle(fc, validator, from);
	return 0;
}

int eth_fork_choice_on_attestation(struct eth_fork_choice *fc, struct ssz_view attestation,
				   bool is_from_block)
{
	const struct ssz_attestation *a = (const void *)attestation.p;
	struct eth_committee committee;
	int rc = validate_attestation(fc, &a->data, is_from_block);

	if (rc)
		return rc;
	const struct eth_state *s = fc->state_of(fc->context, &a->data.target);

	if (!s)
		return ETH_FC_NO_STATE;
	rc = eth_attestation_valid(fc->engine, s, attestation, is_from_block ? ETH_SKIP_BLS : 0, &committee);
	struct ssz_view bits = ssz_field(attestation, 0);
	uint32_t node = eth_proto_array_find(&fc->tree, a->data.beacon_block_root);

	for (size_t i = 0; rc == 0 && i < committee.n; i++)
		if (ssz_bit(bits, i))
			rc = count_vote(fc, committee.index[i], &a->data, node);
	return rc;
}

static bool slashable(const struct ssz_attestation_data *a, const struct ssz_attestation_data *b)
{
	return (a->target.epoch == b->target.epoch && memcmp(a, b, sizeof(*a))) ||
	       (a->source.epoch < b->source.epoch && b->target.epoch < a->target.epoch);
}

static int mark_equivocating(struct eth_fork_choice *fc, uint64_t validator)
{
	int rc = room_for_votes(fc, validator);

	if (rc)
		return rc;
	fc->vote[validator].equivocating = true;
	settle(fc, validator, fc->vote[validator].node);
	return 0;
}

int eth_fork_choice_on_attester_slashing(struct eth_fork_choice *fc, struct ssz_view slashing,
					 bool is_from_block)
{
	struct ssz_view one = ssz_field(slashing, 0), two = ssz_field(slashing, 1);
	const struct ssz_indexed_attestation *a = (const void *)one.p, *b = (const void *)two.p;
	unsigned flags = is_from_block ? ETH_SKIP_BLS : 0;

	if (!slashable(&a->data, &b->data))
		return ETH_FC_NOT_SLASHABLE;
	const struct eth_state *s = fc->state_of(fc->context, &fc->justified);

	if (!s)
		return ETH_FC_NO_STATE;
	int rc = eth_indexed_attestation_valid(fc->engine, s, one, flags);

	if (rc == 0)
		rc = eth_indexed_attestation_valid(fc->engine, s, two, flags);
	/* Both lists ascend. */
	struct ssz_view left = ssz_field(one, 0), right = ssz_field(two, 0);

	for (uint64_t i = 0, j = 0; rc == 0 && i < ssz_length(left) && j < ssz_length(right);) {
		uint64_t l = ssz_u64(ssz_elem(left, i)), r = ssz_u64(ssz_elem(right, j));

		if (l == r)
			rc = mark_equivocating(fc, l);
		i += l <= r;
		j += r <= l;
	}
	return rc;
}

/* Weights by the justified checkpoint's state; all votes are settled anew where that is another one. */
static int refresh_balances(struct eth_fork_choice *fc)
{
	if (fc->balances_known && !memcmp(&fc->balances_of, &fc->justified, sizeof(fc->justified)))
		return 0;
	const struct eth_state *s = fc->state_of(fc->context, &fc->justified);

	if (!s)
		return ETH_FC_NO_STATE;
	size_t n = eth_state_validator_count(s);

	if (n > fc->balances_room) {
		uint64_t *grown = realloc(fc->balance, n * sizeof(*grown));

		if (!grown)
			return ETH_FC_MEMORY;
		fc->balance = grown;
		fc->balances_room = n;
	}
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t epoch = eth_current_epoch(s);

	for (size_t i = 0; i < n; i++)
		fc->balance[i] = v[i].activation_epoch <= epoch && epoch < v[i].exit_epoch && !v[i].slashed
					 ? v[i].effective_balance
					 : 0;
	fc->balances = n;
	fc->committee_weight = eth_total_active_balance(s) / fc->preset->slots_per_epoch;
	fc->balances_of = fc->justified;
	fc->balances_known = true;
	for (size_t i = 0; i < fc->votes; i++)
		if (fc->vote[i].voted)
			settle(fc, i, fc->vote[i].node);
	return 0;
}

static int refresh(struct eth_fork_choice *fc)
{
	struct eth_viability v = {.justified = fc->justified,
				  .finalized = fc->finalized,
				  .current_epoch = current_epoch(fc),
				  .slots_per_epoch = fc->preset->slots_per_epoch};
	int rc = refresh_balances(fc);

	if (rc)
		return rc;
	if (fc->applied_boost != ETH_NO_NODE)
		fc->tree.node[fc->applied_boost].delta -= (int64_t)fc->applied_score;
	fc->applied_boost = fc->boost;
	fc->applied_score = fc->committee_weight * fc->config->proposer_score_boost / 100;
	if (fc->boost != ETH_NO_NODE)
		fc->tree.node[fc->boost].delta += (int64_t)fc->applied_score;
	eth_proto_array_pass(&fc->tree, &v);
	return 0;
}

int eth_fork_choice_head(struct eth_fork_choice *fc, uint8_t root[32], uint64_t *opt_slot)
{
	uint32_t from = eth_proto_array_find(&fc->tree, fc->justified.root);
	int rc = refresh(fc);

	if (rc)
		return rc;
	if (from == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_BLOCK;
	const struct eth_node *head = &fc->tree.node[eth_proto_array_head(&fc->tree, from)];

	memcpy(root, head->root, 32);
	if (opt_slot)
		*opt_slot = head->slot;
	return 0;
}

/* Whether the proposer of `slot` may leave `head` behind: everything but the weights. */
static bool may_reorg(const struct eth_fork_choice *fc, const struct eth_node *head,
		      const struct eth_node *parent, uint64_t slot)
{
	uint64_t cutoff = fc->config->seconds_per_slot / INTERVALS_PER_SLOT / 2;
	uint64_t epoch = slot / fc->preset->slots_per_epoch;

	return !head->timely && slot % fc->preset->slots_per_epoch != 0 &&
	       !memcmp(&head->unrealized_justified, &parent->unrealized_justified,
		       sizeof(head->unrealized_justified)) &&
	       epoch <= fc->finalized.epoch + fc->config->reorg_max_epochs_since_finalization &&
	       time_into_slot(fc) <= cutoff && parent->slot + 1 == head->slot && head->slot + 1 == slot;
}

int eth_fork_choice_proposer_head(struct eth_fork_choice *fc, const uint8_t head_root[32], uint64_t slot,
				  uint8_t root[32])
{
	uint32_t head = eth_proto_array_find(&fc->tree, head_root);
	int rc = refresh(fc);

	if (rc)
		return rc;
	if (head == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_BLOCK;
	if (head == fc->boost)
		return ETH_FC_BOOSTED;
	const struct eth_node *h = &fc->tree.node[head];
	const struct eth_node *parent = h->parent == ETH_NO_NODE ? NULL : &fc->tree.node[h->parent];
	bool leave = parent && may_reorg(fc, h, parent, slot) &&
		     h->weight < fc->committee_weight * fc->config->reorg_head_weight_threshold / 100 &&
		     parent->weight > fc->committee_weight * fc->config->reorg_parent_weight_threshold / 100;

	memcpy(root, leave ? parent->root : h->root, 32);
	return 0;
}

int eth_fork_choice_prune(struct eth_fork_choice *fc, void (*dropped)(void *context, const uint8_t root[32]))
{
	uint32_t first = eth_proto_array_find(&fc->tree, fc->finalized.root);
	uint32_t n = fc->tree.n, *moved;
	int rc;

	if (first == ETH_NO_NODE)
		return ETH_FC_UNKNOWN_BLOCK;
	if (first == 0)
		return 0;
	/* Brings all pending weight to where it belongs. */
	rc = refresh(fc);
	moved = rc ? NULL : malloc(n * sizeof(*moved));
	if (!moved)
		return rc ? rc : ETH_FC_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		moved[i] = i;
	if (dropped)
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = i;

			while (at != ETH_NO_NODE && at > first)
				at = fc->tree.node[at].parent;
			if (at != first)
				dropped(fc->context, fc->tree.node[i].root);
		}
	eth_proto_array_prune(&fc->tree, first, moved);
	for (size_t i = 0; i < fc->votes; i++)
		if (fc->vote[i].node != ETH_NO_NODE) {
			fc->vote[i].node = moved[fc->vote[i].node];
			if (fc->vote[i].node == ETH_NO_NODE)
				fc->vote[i].weight = 0;
		}
	fc->boost = fc->boost == ETH_NO_NODE ? ETH_NO_NODE : moved[fc->boost];
	fc->applied_boost = fc->applied_boost == ETH_NO_NODE ? ETH_NO_NODE : moved[fc->applied_boost];
	free(moved);
	return 0;
}

struct eth_fork_choice_view eth_fork_choice_view(const struct eth_fork_choice *fc)
{
	struct eth_fork_choice_view v = {.time = fc->time,
					 .genesis_time = fc->genesis_time,
					 .slot = current_slot(fc),
					 .justified = fc->justified,
					 .finalized = fc->finalized,
					 .unrealized_justified = fc->unrealized_justified,
					 .unrealized_finalized = fc->unrealized_finalized,
					 .blocks = fc->tree.n};

	if (fc->boost != ETH_NO_NODE)
		memcpy(v.proposer_boost_root, fc->tree.node[fc->boost].root, 32);
	return v;
}

bool eth_fork_choice_knows(const struct eth_fork_choice *fc, const uint8_t root[32], uint64_t *opt_slot)
{
	uint32_t node = eth_proto_array_find(&fc->tree, root);

	if (node != ETH_NO_NODE && opt_slot)
		*opt_slot = fc->tree.node[node].slot;
	return node != ETH_NO_NODE;
}

bool eth_fork_choice_checkpoint_block(const struct eth_fork_choice *fc, const uint8_t root[32],
				      uint64_t epoch, uint8_t out[32])
{
	uint32_t node = eth_proto_array_find(&fc->tree, root);

	node = eth_proto_array_ancestor(&fc->tree, node, epoch * fc->preset->slots_per_epoch);
	if (node != ETH_NO_NODE)
		memcpy(out, fc->tree.node[node].root, 32);
	return node != ETH_NO_NODE;
}

uint64_t eth_fork_choice_weight(const struct eth_fork_choice *fc, const uint8_t root[32])
{
	uint32_t node = eth_proto_array_find(&fc->tree, root);

	return node == ETH_NO_NODE ? 0 : fc->tree.node[node].weight;
}
