// Owner tags and the 64-bit words that name a state and an owner at once. Whatever can be owned has one such word and
// changes hands by one atomic operation on it, so that a scan finds everything a dead process held.
#ifndef SHMCHAN_WORD_H
#define SHMCHAN_WORD_H

#include <stdbool.h>
#include <stdint.h>

// Process slot in bits [0,12), incarnation in [12,32). 0 is nobody: incarnations start at 1.
typedef uint32_t shmchan_owner;

#define SHMCHAN_INC_MASK 0xfffffu

static inline shmchan_owner shmchan_owner_make(unsigned slot, uint32_t incarnation)
{
	return (incarnation & SHMCHAN_INC_MASK) << 12 | (slot & 0xfff);
}

static inline unsigned shmchan_owner_slot(shmchan_owner o)
{
	return o & 0xfff;
}

static inline uint32_t shmchan_owner_inc(shmchan_owner o)
{
	return o >> 12;
}

// Word of an mpsc cell: owner in [0,32), state in [32,35), lap modulo 2^29 in [35,64).
enum shmchan_cell_state {
	SHMCHAN_CELL_FREE = 0,    // may be claimed by a producer of this lap
	SHMCHAN_CELL_CLAIMED = 1, // owner fills it
	SHMCHAN_CELL_FULL = 2,    // owner published it
	SHMCHAN_CELL_ABORTED = 3, // claimed in this lap, never published: receivers pass over it
};

#define SHMCHAN_LAP_MASK 0x1fffffffu

static inline uint64_t shmchan_cell_word(uint64_t lap, enum shmchan_cell_state state, shmchan_owner owner)
{
	return (lap & SHMCHAN_LAP_MASK) << 35 | (uint64_t)state << 32 | owner;
}

static inline enum shmchan_cell_state shmchan_cell_state(uint64_t word)
{
	return (enum shmchan_cell_state)(word >> 32 & 7);
}

// How many laps `word` is ahead of `lap`; negative if behind.
static inline int32_t shmchan_cell_ahead(uint64_t word, uint64_t lap)
{
	return (int32_t)(((uint32_t)(word >> 35) - (uint32_t)lap) << 3) >> 3;
}

// Description of a message: type in [0,16), bytes of payload in [16,37), EXT in bit 37. Above it, in mpsc, the lower 26 bits of
// its sender, for who reads a cell that is free already.
#define SHMCHAN_DESC_EXT ((uint64_t)1 << 37) // the extension of the cell belongs to the message
#define SHMCHAN_DESC_MASK (((uint64_t)1 << 38) - 1)

static inline uint64_t shmchan_desc(uint16_t type, uint32_t len)
{
	return (uint64_t)len << 16 | type;
}

static inline uint16_t shmchan_desc_type(uint64_t desc)
{
	return (uint16_t)desc;
}

static inline uint32_t shmchan_desc_len(uint64_t desc)
{
	return (uint32_t)(desc >> 16) & 0x1fffff;
}

// Word of a cell with one producer: description in [0,38), lap + 1 modulo 2^26 in [38,64).
#define SHMCHAN_SEQ_ONE ((uint64_t)1 << 38)

static inline uint64_t shmchan_seq(uint64_t lap)
{
	return (lap + 1) << 38;
}

// How many laps `word` is ahead of `lap`; negative if behind.
static inline int32_t shmchan_seq_ahead(uint64_t word, uint64_t lap)
{
	return (int32_t)((int64_t)(word - shmchan_seq(lap)) >> 38);
}

// Word of a block: state in [61,64). OWNED, KEPT and CACHED: owner in [0,32). SENT: channel id in [32,48), position in [0,32);
// in mpsc-intrusive (mpsc_intrusive.h) instead of the position who sends it, and two marks.
enum shmchan_block_state {
	SHMCHAN_BLOCK_FREE = 0,
	SHMCHAN_BLOCK_OWNED = 1, // freed when its owner is dead
	SHMCHAN_BLOCK_KEPT = 2,  // passes to the next incarnation of its owner
	SHMCHAN_BLOCK_SENT = 3,  // belongs to the message at that position of that channel
	SHMCHAN_BLOCK_CACHED = 4, // free, in its owner's magazine; whoever finds none FREE may take it
};

static inline uint64_t shmchan_block_owned(enum shmchan_block_state state, shmchan_owner owner)
{
	return (uint64_t)state << 61 | owner;
}

static inline uint64_t shmchan_block_sent(uint16_t chan, uint64_t pos)
{
	return (uint64_t)SHMCHAN_BLOCK_SENT << 61 | (uint64_t)chan << 32 | (uint32_t)pos;
}

#define SHMCHAN_OFFER_KEPT ((uint64_t)1 << 48) // it was KEPT before
#define SHMCHAN_OFFER_HELD ((uint64_t)1 << 49) // not to be taken yet: its sender is firing a probe

static inline uint64_t shmchan_block_offered(uint16_t chan, shmchan_owner sender, uint64_t marks)
{
	return shmchan_block_sent(chan, sender) | marks;
}

static inline enum shmchan_block_state shmchan_block_state(uint64_t word)
{
	return (enum shmchan_block_state)(word >> 61);
}

static inline uint16_t shmchan_block_chan(uint64_t word)
{
	return (uint16_t)(word >> 32);
}

#endif
