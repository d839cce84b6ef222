#include "procs/eth/types.h"
#include "procs/eth/containers.h"

#include <criterion/criterion.h>
#include <string.h>

/* Names and sizes must follow from the fields; the tables write them down because C cannot compute them. */
static void check_type(const struct ssz_type *t)
{
	uint32_t at = 0;
	bool fixed = true;

	cr_assert(t->name && *t->name);
	switch (t->kind) {
	case SSZ_UINT:
	case SSZ_BOOLEAN:
		cr_assert(t->size * 8 == t->limit, "%s", t->name);
		break;
	case SSZ_VECTOR:
		check_type(t->elem);
		cr_assert(t->size == t->limit * t->elem->size, "%s", t->name);
		break;
	case SSZ_LIST:
		check_type(t->elem);
		cr_assert(t->size == 0, "%s", t->name);
		break;
	case SSZ_BITVECTOR:
		cr_assert(t->size == (t->limit + 7) / 8, "%s", t->name);
		break;
	case SSZ_BITLIST:
		cr_assert(t->size == 0, "%s", t->name);
		break;
	case SSZ_CONTAINER:
		for (uint32_t i = 0; i < t->fields; i++) {
			check_type(t->field[i].type);
			cr_assert(t->field[i].at == at, "%s.%s at %u, not %u", t->name, t->field[i].name,
				  t->field[i].at, at);
			fixed = fixed && t->field[i].type->size;
			at += t->field[i].type->size ? t->field[i].type->size : 4;
		}
		cr_assert(t->fixed == at && t->size == (fixed ? at : 0), "%s", t->name);
		cr_assert(t->fields > 0 && t->fields <= 32, "%s", t->name);
		break;
	}
}

Test(eth_types, tables_are_consistent)
{
	for (int p = 0; p < ETH_PRESETS; p++)
		for (int i = 0; i < ETH_TYPE_COUNT; i++)
			check_type(eth_type(p, i));
}

static const struct ssz_type *field(enum eth_preset_id p, enum eth_type_id type, const char *name)
{
	const struct ssz_type *t = eth_type(p, type);
	int i = ssz_field_index(t, name);

	cr_assert(i >= 0, "%s.%s", t->name, name);
	return t->field[i].type;
}

Test(eth_types, limits_are_those_of_the_presets)
{
	for (int id = 0; id < ETH_PRESETS; id++) {
		const struct eth_preset *p = eth_preset(id);

		cr_assert(p->id == (enum eth_preset_id)id && eth_preset_by_name(p->name) == p);
#define EQ(type, member, value) \
	cr_assert(field(id, ETH_##type, #member)->limit == (value), "%s " #type "." #member, p->name)
		EQ(Attestation, aggregation_bits, p->max_validators_per_committee);
		EQ(PendingAttestation, aggregation_bits, p->max_validators_per_committee);
		EQ(IndexedAttestation, attesting_indices, p->max_validators_per_committee);
		EQ(Deposit, proof, ETH_DEPOSIT_CONTRACT_TREE_DEPTH + 1);
		EQ(BeaconBlockBody, proposer_slashings, p->max_proposer_slashings);
		EQ(BeaconBlockBody, attester_slashings, p->max_attester_slashings);
		EQ(BeaconBlockBody, attestations, p->max_attestations);
		EQ(BeaconBlockBody, deposits, p->max_deposits);
		EQ(BeaconBlockBody, voluntary_exits, p->max_voluntary_exits);
		EQ(HistoricalBatch, block_roots, p->slots_per_historical_root);
		EQ(HistoricalBatch, state_roots, p->slots_per_historical_root);
		EQ(BeaconState, block_roots, p->slots_per_historical_root);
		EQ(BeaconState, state_roots, p->slots_per_historical_root);
		EQ(BeaconState, historical_roots, p->historical_roots_limit);
		EQ(BeaconState, eth1_data_votes, p->epochs_per_eth1_voting_period * p->slots_per_epoch);
		EQ(BeaconState, validators, p->validator_registry_limit);
		EQ(BeaconState, balances, p->validator_registry_limit);
		EQ(BeaconState, randao_mixes, p->epochs_per_historical_vector);
		EQ(BeaconState, slashings, p->epochs_per_slashings_vector);
		EQ(BeaconState, previous_epoch_attestations, p->max_attestations * p->slots_per_epoch);
		EQ(BeaconState, current_epoch_attestations, p->max_attestations * p->slots_per_epoch);
		EQ(BeaconState, justification_bits, ETH_JUSTIFICATION_BITS_LENGTH);
#undef EQ
		cr_assert(p->eth1_votes_limit == p->epochs_per_eth1_voting_period * p->slots_per_epoch);
		cr_assert(p->epoch_attestations_limit == p->max_attestations * p->slots_per_epoch);
	}
}

Test(eth_types, found_by_name)
{
	for (int i = 0; i < ETH_TYPE_COUNT; i++)
		cr_assert(eth_type_by_name(ETH_MINIMAL, eth_type(ETH_MINIMAL, i)->name) ==
			  eth_type(ETH_MINIMAL, i));
	cr_assert(!strcmp(eth_type(ETH_MAINNET, ETH_Eth1Block)->name, "Eth1Block"));
	cr_assert_null(eth_type_by_name(ETH_MAINNET, "ExecutionPayload"));
}
