#include "procs/eth/validator.h"
#include "procs/eth/sha256.h"
#include "procs/eth/types.h"

#include <string.h>

#define TARGET_AGGREGATORS_PER_COMMITTEE 16

bool eth_is_aggregator(uint64_t committee, const uint8_t selection_proof[96])
{
	uint64_t modulo = committee / TARGET_AGGREGATORS_PER_COMMITTEE, first;
	uint8_t hash[32];

	eth_sha256(hash, selection_proof, 96);
	memcpy(&first, hash, sizeof(first));
	return first % (modulo ? modulo : 1) == 0;
}

uint64_t eth_attestation_subnet(const struct eth_config *config, uint64_t committees_per_slot, uint64_t slot,
				uint64_t committee_index)
{
	uint64_t since_epoch_start = slot % eth_preset(config->preset)->slots_per_epoch;

	return (committees_per_slot * since_epoch_start + committee_index) % config->attestation_subnet_count;
}

void eth_attestation_data(const struct eth_state *s, const uint8_t head[32], uint64_t committee_index,
			  struct ssz_attestation_data *data)
{
	uint64_t epoch = eth_current_epoch(s), start = epoch * eth_state_preset(s)->slots_per_epoch;
	const uint8_t *target = start == s->slot ? head : eth_block_root_at(s, start);

	*data = (struct ssz_attestation_data){.slot = s->slot,
					      .index = committee_index,
					      .source = s->current_justified_checkpoint,
					      .target.epoch = epoch};
	memcpy(data->beacon_block_root, head, 32);
	memcpy(data->target.root, target, 32);
}

static void signing_root(const struct eth_state *s, enum eth_domain_type type, uint64_t epoch,
			 struct ssz_view value, uint8_t out[32])
{
	uint8_t domain[32];

	eth_domain(s, type, epoch, domain);
	eth_signing_root_of(value, domain, out);
}

static struct ssz_view of(const struct eth_state *s, enum eth_type_id type, const void *p, size_t n)
{
	return (struct ssz_view){eth_type(s->preset, type), p, n};
}

static uint64_t epoch_at(const struct eth_state *s, uint64_t slot)
{
	return slot / eth_state_preset(s)->slots_per_epoch;
}

void eth_attestation_signing_root(const struct eth_state *s, const struct ssz_attestation_data *data,
				  uint8_t out[32])
{
	signing_root(s, ETH_DOMAIN_BEACON_ATTESTER, data->target.epoch,
		     of(s, ETH_AttestationData, data, sizeof(*data)), out);
}

void eth_block_signing_root(const struct eth_state *s, struct ssz_view block, uint8_t out[32])
{
	const struct ssz_beacon_block *b = (const void *)block.p;

	signing_root(s, ETH_DOMAIN_BEACON_PROPOSER, epoch_at(s, b->slot), block, out);
}

void eth_header_signing_root(const struct eth_state *s, const struct ssz_beacon_block_header *header,
			     uint8_t out[32])
{
	signing_root(s, ETH_DOMAIN_BEACON_PROPOSER, epoch_at(s, header->slot),
		     of(s, ETH_BeaconBlockHeader, header, sizeof(*header)), out);
}

void eth_randao_signing_root(const struct eth_state *s, uint64_t epoch, uint8_t out[32])
{
	uint8_t domain[32];

	eth_domain(s, ETH_DOMAIN_RANDAO, epoch, domain);
	eth_signing_root_u64(epoch, domain, out);
}

void eth_selection_signing_root(const struct eth_state *s, uint64_t slot, uint8_t out[32])
{
	uint8_t domain[32];

	eth_domain(s, ETH_DOMAIN_SELECTION_PROOF, epoch_at(s, slot), domain);
	eth_signing_root_u64(slot, domain, out);
}

void eth_aggregate_signing_root(const struct eth_state *s, struct ssz_view aggregate_and_proof,
				uint8_t out[32])
{
	struct ssz_view aggregate = ssz_field(aggregate_and_proof, 1);
	const struct ssz_attestation *a = (const void *)aggregate.p;

	signing_root(s, ETH_DOMAIN_AGGREGATE_AND_PROOF, epoch_at(s, a->data.slot), aggregate_and_proof, out);
}

void eth_exit_signing_root(const struct eth_state *s, const struct ssz_voluntary_exit *exit, uint8_t out[32])
{
	signing_root(s, ETH_DOMAIN_VOLUNTARY_EXIT, exit->epoch, of(s, ETH_VoluntaryExit, exit, sizeof(*exit)),
		     out);
}

void eth_sign(const struct bls_secret *secret, const uint8_t root[32], uint8_t signature[96])
{
	struct bls_signature s;

	bls_sign(&s, secret, root, 32);
	bls_signature_to_bytes(signature, &s);
}
