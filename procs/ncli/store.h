#ifndef NCLI_STORE_H
#define NCLI_STORE_H

#include "procs/eth/fork_choice.h"
#include "procs/eth/transition.h"

/*
 * The blocks and states of one network, as fork choice needs them: post-states of recent blocks are kept,
 * those of older ones are made again from the nearest one that is.
 */
struct ncli_store;

/*
 * From a state, which is copied, and its block (a BeaconBlock). Values of blocks that are added stay the
 * caller's and must outlive the store. NULL with `*code` (of fork choice).
 */
struct ncli_store *ncli_store_new(struct eth_engine *e, const struct eth_state *anchor, struct ssz_view block,
				  int *code);
void ncli_store_free(struct ncli_store *s);
struct eth_fork_choice *ncli_store_fork_choice(struct ncli_store *s);

/*
 * on_block of a SignedBeaconBlock: tree, state transition with `flags`, tree again, then its attestations and
 * attester slashings. 0, ETH_FC_…, ETH_BAD_…, ETH_ERR_MEMORY.
 */
int ncli_store_block(struct ncli_store *s, struct ssz_view signed_block, unsigned flags);

/* The state transition alone; the block is then known to ncli_store_state, not to fork choice. */
int ncli_store_import(struct ncli_store *s, struct ssz_view signed_block, unsigned flags);

/* The post-state of a block; NULL where it is not known. Valid until the next call that takes the store. */
const struct eth_state *ncli_store_state(struct ncli_store *s, const uint8_t root[32]);

/* That, advanced to `slot` where it is before it. */
const struct eth_state *ncli_store_state_at(struct ncli_store *s, const uint8_t root[32], uint64_t slot);

/*
 * ncli_state_copy copies a state with room for more: at least `bytes` for attestations, and with
 * `opt_headroom` for everything. NULL: out of memory. free() it.
 */
struct eth_state *ncli_state_copy(const struct eth_state *from, const struct eth_headroom *opt_headroom);

/* eth_state_transition and eth_process_slots on a copy of `from` in memory of its own; room is made. */
int ncli_state_after(struct eth_engine *e, const struct eth_state *from, struct ssz_view block,
		     unsigned flags, struct eth_state **out);
int ncli_state_at(struct eth_engine *e, const struct eth_state *from, uint64_t slot, struct eth_state **out);

#endif
