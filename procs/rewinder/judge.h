// Is this block its proposer's? The part of the gossip rules for beacon_block (phase0/p2p-interface.md) that
// needs the parent's registry and no committees. Two steps, so that the first can be made while the state is
// on its way.
#ifndef PROCS_REWINDER_JUDGE_H
#define PROCS_REWINDER_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "procs/common/proto.h"
#include "procs/common/trail.h"
#include "procs/eth/bls/bls.h"

// What a block says, as far as no state is needed to know it.
struct judge_block {
	enum proto_reason reason; // PROTO_OK, PROTO_MALFORMED or PROTO_POINT
	uint64_t slot, proposer_index;
	uint8_t root[32]; // hash_tree_root of the message
	struct bls_signature signature;
};

// Decoded public keys by their 48 bytes: decoding one costs a fair part of a verification. Zeroed memory is
// an empty cache.
#define JUDGE_KEYS 256
struct judge_keys {
	struct {
		bool used;
		uint8_t bytes[48];
		struct bls_pubkey key;
	} entry[JUDGE_KEYS];
};

// judge_peek reads what a request for the parent's state takes out of the bytes of a SignedBeaconBlock that
// nobody has checked: 0, or -1 when they end before it.
int judge_peek(const uint8_t *ssz, size_t n, struct proto_trail_ask *ask);

// judge_prepare checks the SSZ in full, computes the block's root and decodes its signature.
void judge_prepare(struct judge_block *b, const uint8_t *ssz, size_t n);

// judge_finish gives the verdict on a prepared block by its parent's state: slot, proposer index, and the
// signature over the signing root in the domain of the state's fork.
enum proto_reason judge_finish(const struct judge_block *b, const struct trail_state *state,
			       struct judge_keys *keys);

#endif
