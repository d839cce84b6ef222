#ifndef ETH_MUTATE_H
#define ETH_MUTATE_H

#include "procs/eth/state.h"

/*
 * Private to the transition: every change of a state's regions goes through here, so that the prints and the
 * marks of the hash trees follow it. Indices are in bounds; the caller has checked them.
 */
enum eth_tree_id {
	ETH_TREE_BLOCK_ROOTS,
	ETH_TREE_STATE_ROOTS,
	ETH_TREE_RANDAO,
	ETH_TREE_SLASHINGS,
	ETH_TREE_HISTORICAL,
	ETH_TREE_VOTES,
	ETH_TREE_BALANCES,
	ETH_TREE_VALIDATORS,
	ETH_TREE_PREVIOUS,
	ETH_TREE_CURRENT,
	ETH_TREES_COUNT,
};

/* Marks a leaf of a tree as changed; nothing where the state carries no trees. See tree.c. */
void eth_tree_touch(struct eth_state *s, enum eth_tree_id tree, uint64_t leaf);

/* Marks all leaves. */
void eth_tree_touch_all(struct eth_state *s, enum eth_tree_id tree);

/*
 * The current epoch's attestations became the previous one's. `complete`: eth_tree_attestations_complete
 * before that, all of them were leaves already.
 */
void eth_tree_rotate_attestations(struct eth_state *s, bool complete);
bool eth_tree_attestations_complete(const struct eth_state *s);

static inline uint64_t eth_mix64(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static inline uint64_t eth_active_print(uint64_t index, const struct eth_validator *v)
{
	/* A validator that nobody has activated yet leaves the sum as it is: deposits don't disturb. */
	if (v->activation_epoch == UINT64_MAX)
		return 0;
	return eth_mix64(index + 1 + eth_mix64(v->activation_epoch + 7 + eth_mix64(v->exit_epoch + 3)));
}

static inline uint64_t eth_effective_print(uint64_t index, const struct eth_validator *v)
{
	return eth_mix64(index + 1 + eth_mix64(v->effective_balance + 5));
}

static inline uint64_t *eth_balances(struct eth_state *s)
{
	return eth_state_at_mut(s, ETH_BALANCES);
}

/* ETH_BAD_OVERFLOW where there is no such sum: the specification's integers do not wrap. */
static inline int eth_increase_balance(struct eth_state *s, uint64_t index, uint64_t by)
{
	eth_tree_touch(s, ETH_TREE_BALANCES, index / 4);
	return __builtin_add_overflow(eth_balances(s)[index], by, &eth_balances(s)[index]) ? ETH_BAD_OVERFLOW
											   : 0;
}

static inline void eth_decrease_balance(struct eth_state *s, uint64_t index, uint64_t by)
{
	uint64_t *b = &eth_balances(s)[index];

	*b = *b > by ? *b - by : 0;
	eth_tree_touch(s, ETH_TREE_BALANCES, index / 4);
}

/* For fields no print covers; the caller touches the tree. */
static inline struct eth_validator *eth_validator_mut(struct eth_state *s, uint64_t index)
{
	return (struct eth_validator *)eth_state_at_mut(s, ETH_VALIDATORS) + index;
}

static inline void eth_set_activity(struct eth_state *s, uint64_t index, uint64_t activation, uint64_t exit)
{
	struct eth_validator *v = eth_validator_mut(s, index);

	s->active_print -= eth_active_print(index, v);
	v->activation_epoch = activation;
	v->exit_epoch = exit;
	s->active_print += eth_active_print(index, v);
	eth_tree_touch(s, ETH_TREE_VALIDATORS, index);
}

static inline void eth_set_effective(struct eth_state *s, uint64_t index, uint64_t effective)
{
	struct eth_validator *v = eth_validator_mut(s, index);

	s->effective_print -= eth_effective_print(index, v);
	v->effective_balance = effective;
	s->effective_print += eth_effective_print(index, v);
	eth_tree_touch(s, ETH_TREE_VALIDATORS, index);
}

static inline void eth_set_root(struct eth_state *s, enum eth_region_id region, enum eth_tree_id tree,
				uint64_t index, const uint8_t root[32])
{
	uint8_t *to = (uint8_t *)eth_state_at_mut(s, region) + 32 * index;

	__builtin_memcpy(to, root, 32);
	eth_tree_touch(s, tree, index);
}

static inline void eth_set_slashings(struct eth_state *s, uint64_t index, uint64_t amount)
{
	((uint64_t *)eth_state_at_mut(s, ETH_SLASHINGS))[index] = amount;
	eth_tree_touch(s, ETH_TREE_SLASHINGS, index / 4);
}

#endif
