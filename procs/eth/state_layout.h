#ifndef ETH_STATE_LAYOUT_H
#define ETH_STATE_LAYOUT_H

#include "procs/eth/state.h"

/* Private to state*.c: how regions follow each other. */

/* Bytes of one element of each region. */
extern const uint32_t eth_region_size[ETH_REGIONS];

struct eth_rooms {
	uint64_t validators;
	uint64_t historical_roots;
	bool trees;
	uint64_t attestation_bytes;
};

/*
 * Fills `at` and `room` of every region and the counts of those whose length the preset fixes; returns the
 * size of the block, 0 where it does not fit in 64 bits.
 */
uint64_t eth_state_layout(struct eth_region region[ETH_REGIONS], const struct eth_preset *p,
			  const struct eth_rooms *rooms);

/* Bytes of the record of an attestation with that many bits. */
static inline uint32_t eth_pending_size(uint32_t bits)
{
	return (uint32_t)((sizeof(struct eth_pending) + (bits + 7) / 8 + 7) / 8 * 8);
}

#endif
