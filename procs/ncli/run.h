#ifndef NCLI_RUN_H
#define NCLI_RUN_H

#include "procs/ncli/cases.h"

/* The runners, one per layout of test vectors; see ncli_case_fn. */
bool ncli_case_ssz_static(struct ncli_case *c);
bool ncli_case_ssz_generic(struct ncli_case *c);
bool ncli_case_operations(struct ncli_case *c);
bool ncli_case_epoch_processing(struct ncli_case *c);
bool ncli_case_blocks(struct ncli_case *c);
bool ncli_case_rewards(struct ncli_case *c);
bool ncli_case_shuffling(struct ncli_case *c);
bool ncli_case_genesis(struct ncli_case *c);
bool ncli_case_fork_choice(struct ncli_case *c);
bool ncli_case_chain(struct ncli_case *c);
bool ncli_case_bls(struct ncli_case *c);
bool ncli_case_protection(struct ncli_case *c);
bool ncli_case_config(struct ncli_case *c);
bool ncli_case_network_genesis(struct ncli_case *c);
bool ncli_case_network_blocks(struct ncli_case *c);
bool ncli_case_unknown(struct ncli_case *c);

/* By runner of the official layout (consensus-specs, tests/formats); NULL where there is none. */
const struct ncli_layout *ncli_official_layout(const char *runner);

#endif
