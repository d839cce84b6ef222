#ifndef ETH_BLOCK_PRIVATE_H
#define ETH_BLOCK_PRIVATE_H

#include "procs/eth/epoch_private.h"

/*
 * The parts of process_block once a block is at work: the exit queue is known from one operation to the next,
 * and signatures may be collected. The public functions of the same names are these around one operation.
 */
int eth_op_proposer_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);
int eth_op_attester_slashing(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);
int eth_op_attestation(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);
int eth_op_deposit(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);
int eth_op_voluntary_exit(struct eth_engine *e, struct eth_state *s, struct ssz_view v, unsigned flags);

/* apply_deposit: what a deposit does once its place in the tree is proven. */
int eth_apply_deposit(struct eth_engine *e, struct eth_state *s, const struct ssz_deposit_data *d);

/* is_valid_merkle_branch for the deposit tree. */
bool eth_deposit_proven(const struct ssz_deposit *d, uint64_t index, const uint8_t root[32]);

/* Bytes of state that an attestation takes as a pending one. */
uint32_t eth_attestation_room(struct ssz_view attestation);

/* Checks the signature of one validator over the root of a checked object, or collects it. */
int eth_check_validator_signature(struct eth_engine *e, const struct eth_state *s, uint64_t index,
				  const uint8_t signing_root[32], const uint8_t signature[96], int code);

#endif
