#ifndef NCLI_TESTNET_H
#define NCLI_TESTNET_H

#include <jansson.h>

#include "procs/eth/pool.h"
#include "procs/eth/validator.h"
#include "procs/ncli/ncli.h"
#include "procs/ncli/store.h"

/* A block of the network that is being made. */
struct made {
	uint8_t root[32], parent[32], state_root[32];
	uint64_t slot, proposer;
	char branch;
	uint8_t *ssz; /* SignedBeaconBlock */
	size_t n;
	bool canonical;
};

struct testnet {
	const struct ncli *n;
	const char *dir;
	const struct eth_preset *preset;
	struct eth_config config;
	struct eth_engine *engine;
	struct ncli_store *store;
	struct eth_fork_choice *fc;
	struct eth_pool *pool;
	uint64_t validators, epochs, seed, forks, slashings, genesis_time;
	uint64_t random; /* state of the generator */
	struct bls_secret *secret;
	struct made *block;
	size_t blocks;
	uint8_t genesis_root[32], genesis_state_root[32], genesis_validators_root[32];
	FILE *steps;
	/* The branch that competes now: its head, and how many of 256 attesters vote for it. */
	bool forking, fork_has_block;
	uint8_t main_head[32], fork_head[32];
	unsigned fork_share;
	char next_branch;
	/* Slashings that wait for a block. */
	uint8_t proposer_slashing[416];
	uint8_t attester_slashing[4096];
	size_t attester_slashing_n;
	uint64_t offender; /* UINT64_MAX: nobody waits */
	/* One aggregate per epoch goes to fork choice by itself. */
	uint8_t alone[1024];
	size_t alone_n;
	json_t *gossip; /* lines of gossip.json */
};

/* What a testnet leaves behind: every function prints what it cannot do. */
enum ncli_status testnet_make_directories(struct testnet *t);
enum ncli_status testnet_write(struct testnet *t, const char *name, const void *p, size_t n);
enum ncli_status testnet_write_state(struct testnet *t, const char *name, const struct eth_state *s);

/* One line of steps.yaml, which takes `step`. */
enum ncli_status testnet_step(struct testnet *t, json_t *step);
enum ncli_status testnet_checks(struct testnet *t);

/* A JSON array, which it takes, one element a line. */
enum ncli_status testnet_write_lines(struct testnet *t, const char *name, json_t *list);

/* gossip/: single attestations, selection proofs and aggregates of everyone at a slot whose head is `head`. */
enum ncli_status testnet_gossip(struct testnet *t, uint64_t slot, const uint8_t head[32]);

/* invalid/: the last canonical block with one thing wrong at a time. */
enum ncli_status testnet_invalid(struct testnet *t);

/* blocks.json, epochs.json, gossip.json, summary.json, states/ and invalid/. */
enum ncli_status testnet_finish(struct testnet *t);

/* The block with that root; NULL for genesis. */
struct made *testnet_find(struct testnet *t, const uint8_t root[32]);

#endif
