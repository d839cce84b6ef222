#include "procs/eth/block_private.h"
#include "procs/eth/domain.h"
#include "procs/eth/mutate.h"
#include "procs/eth/sha256.h"
#include "procs/eth/types.h"

#include <string.h>

int eth_check_validator_signature(struct eth_engine *e, const struct eth_state *s, uint64_t index,
				  const uint8_t signing_root[32], const uint8_t signature[96], int code)
{
	const struct bls_pubkey *key;
	int r = eth_engine_pubkey(e, s, index, &key);

	return r ? r : eth_signature_check(e, key, signing_root, signature, code);
}

/* is_slashable_validator */
static bool slashable(const struct eth_validator *v, uint64_t epoch)
{
	return !v->slashed && v->activation_epoch <= epoch && epoch < v->withdrawable_epoch;
}

/* slash_validator, by the block's proposer. */
static int slash(struct eth_engine *e, struct eth_state *s, uint64_t index)
{
	const struct eth_preset *p = e->preset;
	uint64_t epoch = eth_current_epoch(s), at = epoch % p->epochs_per_slashings_vector, proposer;
	struct eth_validator *v = eth_validator_mut(s, index);
	int r = eth_proposer_index(e, s, s->slot, &proposer);

	if (r)
		return r;
	r = eth_initiate_exit(e, s, index);
	if (r)
		return r;
	v->slashed = 1;
	if (v->withdrawable_epoch < epoch + p->epochs_per_slashings_vector)
		v->withdrawable_epoch = epoch + p->epochs_per_slashings_vector;
	eth_tree_touch(s, ETH_TREE_VALIDATORS, index);
	eth_set_slashings(s, at,
			  ((const uint64_t *)eth_state_at(s, ETH_SLASHINGS))[at] + v->effective_balance);
	eth_decrease_balance(s, index, v->effective_balance / p->min_slashing_penalty_quotient);
	/* The proposer is the whistleblower as well: it gets both shares. */
	return eth_increase_balance(s, proposer, v->effective_balance / p->whistleblower_reward_quotient);
}

static int check_header(struct eth_engine *e, const struct eth_state *s,
			const struct ssz_signed_beacon_block_header *h)
{
	struct ssz_view v = {eth_type(s->preset, ETH_BeaconBlockHeader), (const uint8_t *)&h->message,
			     sizeof(h->message)};
	uint8_t domain[32], root[32];

	eth_domain(s, ETH_DOMAIN_BEACON_PROPOSER, eth_epoch_of(e->preset, h->message.slot), domain);
	eth_signing_root_of(v, domain, root);
	return eth_check_validator_signature(e, s, h->message.proposer_index, root, h->signature,
					     ETH_BAD_HEADER_SIGNATURE);
}

int eth_op_proposer_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view slashing,
			     unsigned flags)
{
	const struct ssz_proposer_slashing *ps = (const struct ssz_proposer_slashing *)slashing.p;
	const struct ssz_beacon_block_header *h1 = &ps->signed_header_1.message,
					     *h2 = &ps->signed_header_2.message;
	uint64_t index = h1->proposer_index;
	int r;

	if (h1->slot != h2->slot)
		return ETH_BAD_SLASHING_SLOTS;
	if (index != h2->proposer_index)
		return ETH_BAD_SLASHING_PROPOSERS;
	if (!memcmp(h1, h2, sizeof(*h1)))
		return ETH_BAD_SLASHING_SAME;
	if (index >= eth_state_validator_count(s))
		return ETH_BAD_VALIDATOR_INDEX;
	if (!slashable(&eth_state_validators(s)[index], eth_current_epoch(s)))
		return ETH_BAD_NOT_SLASHABLE;
	if (!(flags & ETH_SKIP_BLS) && ((r = check_header(e, s, &ps->signed_header_1)) ||
					(r = check_header(e, s, &ps->signed_header_2))))
		return r;
	return slash(e, s, index);
}

/* is_slashable_attestation_data */
static bool slashable_data(const struct ssz_attestation_data *a, const struct ssz_attestation_data *b)
{
	bool twice = memcmp(a, b, sizeof(*a)) && a->target.epoch == b->target.epoch;
	bool surround = a->source.epoch < b->source.epoch && b->target.epoch < a->target.epoch;

	return twice || surround;
}

int eth_op_attester_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view slashing,
			     unsigned flags)
{
	struct ssz_view a1 = ssz_field(slashing, 0), a2 = ssz_field(slashing, 1);
	const struct ssz_indexed_attestation *d1 = (const struct ssz_indexed_attestation *)a1.p;
	const struct ssz_indexed_attestation *d2 = (const struct ssz_indexed_attestation *)a2.p;
	struct ssz_view i1 = ssz_field(a1, 0), i2 = ssz_field(a2, 0);
	uint64_t epoch = eth_current_epoch(s);
	bool any = false;
	int r;

	if (!slashable_data(&d1->data, &d2->data))
		return ETH_BAD_SLASHING_DATA;
	if ((r = eth_indexed_attestation_valid(e, s, a1, flags)) ||
	    (r = eth_indexed_attestation_valid(e, s, a2, flags)))
		return r;
	/* Both lists are sorted: their intersection in order is a merge. */
	for (uint64_t i = 0, j = 0; i < ssz_length(i1) && j < ssz_length(i2);) {
		uint64_t x = ssz_u64(ssz_elem(i1, i)), y = ssz_u64(ssz_elem(i2, j));

		i += x <= y;
		j += y <= x;
		if (x != y || !slashable(&eth_state_validators(s)[x], epoch))
			continue;
		if ((r = slash(e, s, x)))
			return r;
		any = true;
	}
	return any ? 0 : ETH_BAD_NOBODY_SLASHED;
}

bool eth_deposit_proven(const struct ssz_deposit *d, uint64_t index, const uint8_t root[32])
{
	uint8_t node[32];

	ssz_root(eth_type(ETH_MAINNET, ETH_DepositData), (const uint8_t *)&d->data, sizeof(d->data), node);
	for (int i = 0; i < ETH_DEPOSIT_CONTRACT_TREE_DEPTH + 1; i++) {
		if (index >> i & 1)
			eth_sha256_pair(node, d->proof[i], node);
		else
			eth_sha256_pair(node, node, d->proof[i]);
	}
	return !memcmp(node, root, 32);
}

static bool deposit_signed(const struct eth_engine *e, const struct ssz_deposit_data *d)
{
	static const uint8_t no_root[32];
	/* DepositMessage is DepositData without the signature, which comes last. */
	struct ssz_view message = {eth_type(ETH_MAINNET, ETH_DepositMessage), (const uint8_t *)d,
				   sizeof(struct ssz_deposit_message)};
	uint8_t domain[32], root[32];

	/* Deposits are valid across forks: the domain is that of the genesis version, whatever the state's
	 * fork. */
	eth_domain_compute(ETH_DOMAIN_DEPOSIT, e->config.genesis_fork_version, no_root, domain);
	eth_signing_root_of(message, domain, root);
	return bls_verify_bytes(d->pubkey, root, 32, d->signature) == BLS_OK;
}

static void add_validator(struct eth_engine *e, struct eth_state *s, const struct ssz_deposit_data *d)
{
	const struct eth_preset *p = e->preset;
	uint64_t index = s->region[ETH_VALIDATORS].count++, whole;
	struct eth_validator *v = eth_validator_mut(s, index);

	s->region[ETH_BALANCES].count++;
	whole = d->amount - d->amount % p->effective_balance_increment;
	*v = (struct eth_validator){
		.effective_balance = whole < p->max_effective_balance ? whole : p->max_effective_balance,
		.activation_eligibility_epoch = ETH_FAR_FUTURE_EPOCH,
		.activation_epoch = ETH_FAR_FUTURE_EPOCH,
		.exit_epoch = ETH_FAR_FUTURE_EPOCH,
		.withdrawable_epoch = ETH_FAR_FUTURE_EPOCH,
	};
	memcpy(v->pubkey, d->pubkey, 48);
	memcpy(v->withdrawal_credentials, d->withdrawal_credentials, 32);
	s->active_print += eth_active_print(index, v);
	s->effective_print += eth_effective_print(index, v);
	eth_balances(s)[index] = d->amount;
	eth_tree_touch(s, ETH_TREE_VALIDATORS, index);
	eth_tree_touch(s, ETH_TREE_BALANCES, index / 4);
}

int eth_apply_deposit(struct eth_engine *e, struct eth_state *s, const struct ssz_deposit_data *d)
{
	uint64_t index;
	int r = eth_engine_validator_index(e, s, d->pubkey, &index);

	if (r)
		return r;
	if (index != UINT64_MAX)
		return eth_increase_balance(s, index, d->amount);
	/* A deposit that nobody signed is passed over; the block that contains it is valid. */
	if (!deposit_signed(e, d))
		return 0;
	if (s->region[ETH_VALIDATORS].count == s->region[ETH_VALIDATORS].room)
		return ETH_ERR_ROOM;
	add_validator(e, s, d);
	return eth_engine_appended(e, s, eth_state_validator_count(s) - 1);
}

int eth_op_deposit(struct eth_engine *e, struct eth_state *s, struct ssz_view deposit, unsigned flags)
{
	const struct ssz_deposit *d = (const struct ssz_deposit *)deposit.p;

	if (!eth_registry_whole(s))
		return ETH_BAD_REGISTRY;
	if (s->region[ETH_VALIDATORS].count == s->region[ETH_VALIDATORS].room)
		return ETH_ERR_ROOM;
	if (!(flags & ETH_SKIP_DEPOSIT_PROOF) &&
	    !eth_deposit_proven(d, s->eth1_deposit_index, s->eth1_data.deposit_root))
		return ETH_BAD_DEPOSIT_PROOF;
	s->eth1_deposit_index++;
	return eth_apply_deposit(e, s, &d->data);
}

int eth_op_voluntary_exit(struct eth_engine *e, struct eth_state *s, struct ssz_view exit, unsigned flags)
{
	const struct ssz_signed_voluntary_exit *x = (const struct ssz_signed_voluntary_exit *)exit.p;
	struct ssz_view message = {eth_type(s->preset, ETH_VoluntaryExit), exit.p, sizeof(x->message)};
	uint64_t epoch = eth_current_epoch(s), index = x->message.validator_index;
	uint8_t domain[32], root[32];
	int r;

	if (index >= eth_state_validator_count(s))
		return ETH_BAD_VALIDATOR_INDEX;
	const struct eth_validator *v = &eth_state_validators(s)[index];
	if (!eth_active(v, epoch))
		return ETH_BAD_NOT_ACTIVE;
	if (v->exit_epoch != ETH_FAR_FUTURE_EPOCH)
		return ETH_BAD_EXITING;
	if (epoch < x->message.epoch)
		return ETH_BAD_EXIT_EPOCH;
	/* Active, so that the difference is not below zero. */
	if (epoch - v->activation_epoch < e->config.shard_committee_period)
		return ETH_BAD_EXIT_TOO_SOON;
	if (!(flags & ETH_SKIP_BLS)) {
		eth_domain(s, ETH_DOMAIN_VOLUNTARY_EXIT, x->message.epoch, domain);
		eth_signing_root_of(message, domain, root);
		r = eth_check_validator_signature(e, s, index, root, x->signature, ETH_BAD_EXIT_SIGNATURE);
		if (r)
			return r;
	}
	return eth_initiate_exit(e, s, index);
}

/* One operation by itself: nothing is known from before. */
#define ALONE(name)                                                                                          \
	int eth_process_##name(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags) \
	{                                                                                                    \
		e->exits.known = false;                                                                      \
		if (!eth_registry_whole(s))                                                                  \
			return ETH_BAD_REGISTRY;                                                             \
		return eth_op_##name(e, s, v, flags);                                                        \
	}
ALONE(proposer_slashing)
ALONE(attester_slashing)
ALONE(attestation)
ALONE(deposit)
ALONE(voluntary_exit)
