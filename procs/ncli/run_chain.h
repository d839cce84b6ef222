#ifndef NCLI_RUN_CHAIN_H
#define NCLI_RUN_CHAIN_H

#include "procs/ncli/cases.h"
#include "procs/ncli/store.h"
#include "procs/ncli/yaml.h"

/* A store from two files of the case: a state and its block. NULL, and c->why. */
struct ncli_store *ncli_case_store(struct ncli_case *c, const char *state, const char *block);

/* Runs steps.yaml on it; with or without pruning when an epoch becomes final. */
bool ncli_case_steps(struct ncli_case *c, struct ncli_store *s, bool pruning);

/* Imports all blocks of a chain without signatures and without fork choice. */
bool ncli_chain_import(struct ncli_case *c, struct ncli_store *s);

/* gossip.json: single attestations, selection proofs, signed aggregates. */
bool ncli_case_gossip(struct ncli_case *c);

#endif
