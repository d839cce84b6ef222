// What HotDB moves to a worker: the nearest state it has at or before the parent of a block, and the blocks
// to replay on it to get the parent's state. One flat region of a pool block, offsets only:
//
//	struct trail | BeaconState block (procs/eth/state.h) | block_cnt x struct trail_entry | blocks, SSZ
//
// The state comes at TRAIL_STATE_AT, so HotDB keeps its own state behind a header in the same layout and one
// memcpy of `size` bytes makes a trail. A state that is the parent's itself has no blocks behind it.
#ifndef PROCS_COMMON_TRAIL_H
#define PROCS_COMMON_TRAIL_H

#include <stddef.h>
#include <stdint.h>
#include "procs/eth/containers.h"
#include "procs/eth/state.h"

#define TRAIL_MAGIC UINT64_C(0x31306c6961725465) // "eTrail01"
#define TRAIL_STATE_AT 128
#define TRAIL_BLOCKS_MAX 8192

struct trail {
	uint64_t magic;      // == TRAIL_MAGIC
	uint64_t size;       // bytes in use, header and all
	uint64_t state_size; // bytes of the state block
	uint64_t entries_at; // table of the blocks; multiple of 8
	uint32_t block_cnt;  // <= TRAIL_BLOCKS_MAX
	uint8_t pad[TRAIL_STATE_AT - 36];
};
_Static_assert(sizeof(struct trail) == TRAIL_STATE_AT, "layout shared by processes");
_Static_assert(TRAIL_STATE_AT % ETH_STATE_ALIGN == 0, "a state block starts aligned");

// One block to replay, oldest first.
struct trail_entry {
	uint64_t at; // from the start of the trail
	uint64_t size;
};
_Static_assert(sizeof(struct trail_entry) == 16, "layout shared by processes");

enum trail_err {
	TRAIL_OK = 0,
	TRAIL_SMALL = -1, // the memory ends inside the header, or before what the header says
	TRAIL_MAGIC_BAD = -2,
	TRAIL_BOUNDS = -3, // an offset, a count or a size is outside the trail
	TRAIL_STATE = -4,  // the state block is not one (eth_state_check)
};
// trail_strerror says in a few words what a code means; never NULL.
const char *trail_strerror(int code);

// trail_state_room is the place for a state in `memory` of `bytes` bytes, and how large it may be; NULL when
// there is none. `memory` is aligned to ETH_STATE_ALIGN.
void *trail_state_room(void *memory, size_t bytes, size_t *room);

// trail_seal writes the header around the state that was put at trail_state_room: a trail without blocks.
// Returns the bytes in use, which is what a copy takes; 0 when `bytes` is too small for it.
size_t trail_seal(void *memory, size_t bytes);

// What judging a block takes of a state. Small values are copies; the registry stays where it is.
struct trail_state {
	uint64_t slot;
	struct ssz_fork fork;
	uint8_t genesis_validators_root[32];
	const struct eth_validator *validators; // inside the trail
	uint64_t validator_cnt;
	uint32_t block_cnt; // blocks to replay before the state is the parent's
};

// trail_open checks a trail that another process made, completely, and fills *out. `bytes` is the size of the
// memory, not what the header claims. Every bound is taken from copies made here, so a sender that goes on
// writing can spoil values and not make the receiver leave [memory, memory + bytes).
int trail_open(const void *memory, size_t bytes, struct trail_state *out);

// trail_pubkey copies the public key of validator `index`; index < validator_cnt is assumed.
void trail_pubkey(const struct trail_state *s, uint64_t index, uint8_t key[48]);

#endif
