#ifndef ETH_PROTECTION_PRIVATE_H
#define ETH_PROTECTION_PRIVATE_H

#include "procs/eth/protection.h"

#include <sqlite3.h>
#include <stdbool.h>

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	VALIDATOR_FIND,
	VALIDATOR_ADD,
	VALIDATOR_EACH,
	BLOCK_REPEAT,
	BLOCK_DOUBLE,
	BLOCK_OLDEST,
	BLOCK_ADD,
	BLOCK_COLLAPSE,
	BLOCK_EACH,
	VOTE_REPEAT,
	VOTE_DOUBLE,
	VOTE_SURROUNDS,
	VOTE_SURROUNDED,
	VOTE_OLDEST,
	VOTE_ADD,
	VOTE_COLLAPSE,
	VOTE_EACH,
	STATEMENTS,
};

struct eth_protection {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
	enum eth_protection_mode mode;
	uint8_t genesis_validators_root[32];
};

/* One record; signing_root NULL where it is not known. */
struct signed_block {
	uint64_t slot;
	const uint8_t *signing_root;
};
struct signed_vote {
	uint64_t source, target;
	const uint8_t *signing_root;
};

/* Starts, and ends with commit where `rc` is 0, else rolls back; both return the code to go on with. */
int protection_begin(struct eth_protection *p);
int protection_end(struct eth_protection *p, int rc);

/* The row of a validator, made where there is none. */
int protection_validator(struct eth_protection *p, const uint8_t pubkey[48], int64_t *id);

/* What signing this would be: 0, ETH_PROTECT_REPEATED where it is on record already, or a refusal. */
#define ETH_PROTECT_REPEATED 1
int protection_check_block(struct eth_protection *p, int64_t id, const struct signed_block *b);
int protection_check_vote(struct eth_protection *p, int64_t id, const struct signed_vote *v);

int protection_add_block(struct eth_protection *p, int64_t id, const struct signed_block *b);
int protection_add_vote(struct eth_protection *p, int64_t id, const struct signed_vote *v);

/* In minimal mode, leaves of a validator's records what stands for all. */
int protection_collapse(struct eth_protection *p, int64_t id);

/* One step of a statement: 1 for a row, 0 for none, ETH_PROTECT_STORE. */
int protection_step(sqlite3_stmt *s);

#endif
