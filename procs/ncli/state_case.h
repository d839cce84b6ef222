#ifndef NCLI_STATE_CASE_H
#define NCLI_STATE_CASE_H

#include "procs/eth/engine.h"
#include "procs/ncli/cases.h"

/* The engine of a preset and its official configuration, one per process. NULL: out of memory. */
struct eth_engine *ncli_engine(enum eth_preset_id preset);

/* Room for what the blocks of a case may add. */
extern const struct eth_headroom ncli_headroom;

/* A BeaconState of the case as a state block that has room to grow; NULL, and c->why, where it is none. */
struct eth_state *ncli_case_state(struct ncli_case *c, const char *name);

/* Compares a state with the file NAME of the case; on a difference says in which field. */
bool ncli_case_same_state(struct ncli_case *c, const struct eth_state *s, const char *name);

/* Compares two values of the same type; on a difference fails with its place and both values. */
bool ncli_case_same(struct ncli_case *c, const char *what, struct ssz_view got, struct ssz_view want);

/* Whether a code is a refusal by the rules, and not a lack of memory or room. */
bool ncli_refuses(int code);

#endif
