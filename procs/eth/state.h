#ifndef ETH_STATE_H
#define ETH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procs/eth/containers.h"
#include "procs/eth/err.h"
#include "procs/eth/preset.h"

/*
 * A BeaconState (phase0/beacon-chain.md) as one flat, position-independent block of memory: a header with all
 * fixed-size fields, and regions at offsets. No pointers: the block can be copied with one memcpy of
 * eth_state_size(s) bytes, handed to another process, mapped at any address, and is changed in place by its
 * one owner. A block starts on a 64-byte boundary.
 *
 *   header | block_roots | state_roots | randao_mixes | slashings | historical_roots | eth1_data_votes |
 * balances | validators | hash trees (optional) | previous and current epoch attestations
 *
 * Lists have room to grow (eth_headroom). The attestations come last, packed, and are what grows with every
 * block: eth_state_size ends with the last of them, so their unused room is never copied.
 */
#define ETH_STATE_MAGIC UINT64_C(0x3065746174734265) /* "eBstate0" */
#define ETH_STATE_VERSION 1
#define ETH_STATE_ALIGN 64

/* Room for elements that a state does not have yet. */
struct eth_headroom {
	uint64_t validators;
	uint64_t historical_roots;
	bool trees;                 /* carry hash trees: see eth_state_root_cached */
	uint64_t attestation_bytes; /* of both epochs' attestations; one takes 152 bytes and its bits, rounded
				       up to 8 */
};

enum eth_region_id {
	ETH_BLOCK_ROOTS,      /* 32 bytes each; as are all roots */
	ETH_STATE_ROOTS,      /* */
	ETH_RANDAO_MIXES,     /* */
	ETH_SLASHINGS,        /* uint64_t */
	ETH_HISTORICAL_ROOTS, /* */
	ETH_ETH1_VOTES,       /* struct ssz_eth1_data */
	ETH_BALANCES,         /* uint64_t */
	ETH_VALIDATORS,       /* struct eth_validator */
	ETH_TREES,            /* bytes; capacity 0 where the state carries no hash trees */
	ETH_ATTESTATIONS,     /* bytes of struct eth_pending, of both epochs, in the order of their arrival */
	ETH_REGIONS,
};

struct eth_region {
	uint64_t at;    /* from the start of the block; multiple of 64 */
	uint64_t count; /* elements in use, <= room */
	uint64_t room;  /* elements */
};

/* One validator: what epoch processing reads is in the first cache line. */
struct eth_validator {
	uint64_t effective_balance;
	uint64_t activation_eligibility_epoch;
	uint64_t activation_epoch;
	uint64_t exit_epoch;
	uint64_t withdrawable_epoch;
	uint8_t slashed; /* 0 or 1 */
	uint8_t pad[7];  /* zero */
	uint8_t withdrawal_credentials[32];
	uint8_t pubkey[48];
};
_Static_assert(sizeof(struct eth_validator) == 128, "two cache lines");

/* One PendingAttestation. `size` is that of the whole record, a multiple of 8; the bits carry no delimiter.
 */
struct eth_pending {
	struct ssz_attestation_data data;
	uint64_t inclusion_delay;
	uint64_t proposer_index;
	uint32_t size;
	uint16_t bits;
	uint8_t previous; /* 1: in previous_epoch_attestations, 0: in current_epoch_attestations */
	uint8_t pad;      /* zero */
	uint8_t bit[];
};
_Static_assert(sizeof(struct eth_pending) == 152, "no padding");

struct eth_state {
	uint64_t magic;
	uint32_t version;
	uint32_t preset;   /* enum eth_preset_id */
	uint64_t capacity; /* bytes of the memory the block lies in */
	uint64_t genesis_time;
	uint64_t slot;
	uint64_t eth1_deposit_index;
	uint8_t genesis_validators_root[32];
	struct ssz_fork fork;
	struct ssz_beacon_block_header latest_block_header;
	struct ssz_eth1_data eth1_data;
	struct ssz_checkpoint previous_justified_checkpoint;
	struct ssz_checkpoint current_justified_checkpoint;
	struct ssz_checkpoint finalized_checkpoint;
	uint8_t justification_bits;     /* bit i as in the specification; < 16 */
	uint8_t pad[7];                 /* zero */
	uint32_t previous_attestations; /* how many records are of the previous epoch, of the current one */
	uint32_t current_attestations;
	/*
	 * Sums over the registry of a hash of (index, activation epoch, exit epoch) and of (index, effective
	 * balance): keys under which shuffled committees and proposers are remembered. Kept by whoever
	 * changes a validator.
	 */
	uint64_t active_print;
	uint64_t effective_print;
	struct eth_region region[ETH_REGIONS];
};

/*
 * eth_state_footprint computes how many bytes a block for the serialized state `ssz` of `n` bytes takes, with
 * `opt_headroom` on top (NULL: none), with or without hash trees. Checks only what it reads.
 * eth_state_footprint_for does it for numbers of elements.
 * 0 and `*bytes`, or an error of ssz_check, or ETH_ERR_PRESET.
 */
int eth_state_footprint(enum eth_preset_id preset, const void *ssz, size_t n,
			const struct eth_headroom *opt_headroom, size_t *bytes);
size_t eth_state_footprint_for(enum eth_preset_id preset, const struct eth_headroom *elements);

/*
 * eth_state_from_ssz checks the serialized state completely and writes the block into `memory` (64-byte
 * aligned, `bytes` long). Room that is left after the footprint goes to the attestations. The caller keeps
 * owning both. Errors: those of ssz_check; ETH_ERR_PRESET where the bytes have the shape of the other preset;
 * ETH_ERR_ROOM; ETH_ERR_ALIGN. On an error the memory holds no state block.
 */
int eth_state_from_ssz(void *memory, size_t bytes, enum eth_preset_id preset, const void *ssz, size_t n,
		       const struct eth_headroom *opt_headroom);

/* eth_state_ssz_size is the number of bytes eth_state_to_ssz writes; it writes them at `out`. */
size_t eth_state_ssz_size(const struct eth_state *s);
void eth_state_to_ssz(const struct eth_state *s, void *out);

/*
 * eth_state_check decides whether `memory` holds a block that the functions here may read and change without
 * leaving it, whatever its values: for blocks from another process or a file. `bytes` is the size of the
 * memory, at least as large as the block. Cost: a few hundred ns and one step per attestation. 0,
 * ETH_ERR_ALIGN, ETH_ERR_MAGIC, ETH_ERR_VERSION, ETH_ERR_LAYOUT. The block must not change any more: who
 * shares memory with a writer copies first.
 */
int eth_state_check(const void *memory, size_t bytes);

/*
 * eth_state_adopt is eth_state_check for a block that arrived in memory of another size, and makes the memory
 * behind its end room for attestations. Call it after a memcpy or a move, before changing the state.
 */
int eth_state_adopt(void *memory, size_t bytes);

/* eth_state_size is the number of bytes in use, which is what a copy of the state takes. */
uint64_t eth_state_size(const struct eth_state *s);

/*
 * eth_state_regrow writes `src` to `memory` with room for `headroom` more elements. ETH_ERR_ROOM and
 * ETH_ERR_ALIGN as in eth_state_from_ssz. `src` stays as it is; the memories must not overlap.
 */
int eth_state_regrow(void *memory, size_t bytes, const struct eth_state *src,
		     const struct eth_headroom *headroom);

/* eth_state_root is hash_tree_root of the state. */
void eth_state_root(const struct eth_state *s, uint8_t out[32]);

/*
 * eth_state_root_cached is the same for the owner of the state: where the state carries hash trees, only what
 * changed since the last call is hashed again.
 */
void eth_state_root_cached(struct eth_state *s, uint8_t out[32]);

/* eth_state_validators_root is hash_tree_root of the registry: of a genesis state, the genesis validators
 * root. */
void eth_state_validators_root(const struct eth_state *s, uint8_t out[32]);

/* Regions as arrays. The count is s->region[id].count. */
static inline const void *eth_state_at(const struct eth_state *s, enum eth_region_id id)
{
	return (const uint8_t *)s + s->region[id].at;
}

static inline void *eth_state_at_mut(struct eth_state *s, enum eth_region_id id)
{
	return (uint8_t *)s + s->region[id].at;
}

static inline uint64_t eth_state_count(const struct eth_state *s, enum eth_region_id id)
{
	return s->region[id].count;
}

static inline const struct eth_validator *eth_state_validators(const struct eth_state *s)
{
	return eth_state_at(s, ETH_VALIDATORS);
}

static inline const struct eth_preset *eth_state_preset(const struct eth_state *s)
{
	return eth_preset(s->preset);
}

static inline uint64_t eth_state_slot(const struct eth_state *s)
{
	return s->slot;
}

static inline uint64_t eth_state_validator_count(const struct eth_state *s)
{
	return eth_state_count(s, ETH_VALIDATORS);
}

/* eth_state_pubkey is the serialized public key of a validator; NULL where the registry has no such index. */
static inline const uint8_t *eth_state_pubkey(const struct eth_state *s, uint64_t index)
{
	return index < eth_state_validator_count(s) ? eth_state_validators(s)[index].pubkey : NULL;
}

/*
 * The first attestation of the previous (or current) epoch, and the one after `a` in its list; NULL where
 * there is none. for (a = eth_pending_first(s, true); a; a = eth_pending_next(s, a))
 */
static inline const struct eth_pending *eth_pending_from(const struct eth_state *s, uint64_t at,
							 bool previous)
{
	const uint8_t *start = eth_state_at(s, ETH_ATTESTATIONS);

	while (at < eth_state_count(s, ETH_ATTESTATIONS)) {
		const struct eth_pending *a = (const struct eth_pending *)(start + at);

		if (a->previous == previous)
			return a;
		at += a->size;
	}
	return NULL;
}

static inline const struct eth_pending *eth_pending_first(const struct eth_state *s, bool previous)
{
	return eth_pending_from(s, 0, previous);
}

static inline const struct eth_pending *eth_pending_next(const struct eth_state *s,
							 const struct eth_pending *a)
{
	const uint8_t *start = eth_state_at(s, ETH_ATTESTATIONS);

	return eth_pending_from(s, (uint64_t)((const uint8_t *)a + a->size - start), a->previous);
}

#endif
