#include "procs/rewinder/judge.h"

#include <stddef.h>
#include <string.h>
#include "procs/eth/containers.h"
#include "procs/eth/domain.h"
#include "procs/eth/ssz.h"
#include "procs/eth/types.h"

int judge_peek(const uint8_t *ssz, size_t n, struct proto_trail_ask *ask)
{
	struct ssz_beacon_block block;

	if (n < sizeof(struct ssz_signed_beacon_block) + sizeof(block))
		return -1;
	memcpy(&block, ssz + sizeof(struct ssz_signed_beacon_block), sizeof(block));
	ask->slot = block.slot;
	memcpy(ask->parent_root, block.parent_root, sizeof(ask->parent_root));
	return 0;
}

void judge_prepare(struct judge_block *b, const uint8_t *ssz, size_t n)
{
	const struct ssz_type *type = eth_type(ETH_MAINNET, ETH_SignedBeaconBlock);
	struct ssz_signed_beacon_block envelope;
	struct ssz_beacon_block block;

	if (ssz_check(type, ssz, n, NULL)) {
		b->reason = PROTO_MALFORMED;
		return;
	}
	memcpy(&envelope, ssz, sizeof(envelope));
	memcpy(&block, ssz + envelope.message_at, sizeof(block));
	b->slot = block.slot;
	b->proposer_index = block.proposer_index;
	ssz_root(eth_type(ETH_MAINNET, ETH_BeaconBlock), ssz + envelope.message_at, n - envelope.message_at,
		 b->root);
	b->reason = bls_signature_from_bytes(&b->signature, envelope.signature, sizeof(envelope.signature))
			    ? PROTO_POINT
			    : PROTO_OK;
}

static const struct bls_pubkey *decoded_key(struct judge_keys *keys, const uint8_t bytes[48])
{
	// The last byte is as good as random in an x coordinate.
	_Static_assert(JUDGE_KEYS == 256, "an entry per value of a byte");
	unsigned i = bytes[47];

	if (!keys->entry[i].used || memcmp(keys->entry[i].bytes, bytes, 48)) {
		struct bls_pubkey key;
		if (bls_pubkey_from_bytes(&key, bytes, 48))
			return NULL;
		keys->entry[i].key = key;
		memcpy(keys->entry[i].bytes, bytes, 48);
		keys->entry[i].used = true;
	}
	return &keys->entry[i].key;
}

enum proto_reason judge_finish(const struct judge_block *b, const struct trail_state *state,
			       struct judge_keys *keys)
{
	uint8_t pubkey[48], domain[32], signing_root[32];

	if (b->reason == PROTO_MALFORMED)
		return PROTO_MALFORMED;
	if (b->slot <= state->slot)
		return PROTO_SLOT;
	if (b->proposer_index >= state->validator_cnt)
		return PROTO_PROPOSER;
	if (b->reason != PROTO_OK)
		return b->reason;
	trail_pubkey(state, b->proposer_index, pubkey);
	const struct bls_pubkey *key = decoded_key(keys, pubkey);
	if (!key)
		return PROTO_KEY;
	eth_domain_at(&state->fork, state->genesis_validators_root, ETH_DOMAIN_BEACON_PROPOSER,
		      b->slot / eth_preset(ETH_MAINNET)->slots_per_epoch, domain);
	eth_signing_root(b->root, domain, signing_root);
	return bls_verify(key, signing_root, sizeof(signing_root), &b->signature) ? PROTO_MISMATCH : PROTO_OK;
}
