#ifndef ETH_PROTECTION_H
#define ETH_PROTECTION_H

#include <stddef.h>
#include <stdint.h>

/*
 * Slashing protection (EIP-3076): a data base in one SQLite file of what the validators of one chain have
 * signed, and the answer to whether signing one more thing is safe. Every answer "yes" is on disk before the
 * function returns, so that a signature never leaves before its record.
 *
 * Two ways to keep the history. Complete: everything, so that signing the same thing again is allowed and
 * gaps may be filled. Minimal: one block and one attestation per validator that stand for all before them;
 * smaller, and refuses more. Both apply the conditions of EIP-3076 to what is kept.
 *
 * Epochs and slots are below 2^63 (SQLite's integers). One thread at a time per handle; any number of
 * handles and processes may have the same file open.
 */
struct eth_protection;

enum eth_protection_mode { ETH_PROTECT_COMPLETE, ETH_PROTECT_MINIMAL };

/* Columns: code, sentence. Refusals to sign first, then what is wrong with the input, then failures. */
#define ETH_PROTECTION_RESULTS(X)                                                                     \
	X(ETH_PROTECT_DOUBLE_BLOCK, "another block of the same slot was signed")                      \
	X(ETH_PROTECT_OLD_BLOCK, "slot is not after the oldest block on record")                      \
	X(ETH_PROTECT_DOUBLE_VOTE, "another attestation of the same target epoch was signed")         \
	X(ETH_PROTECT_SURROUNDS, "attestation surrounds one that was signed")                         \
	X(ETH_PROTECT_SURROUNDED, "attestation is surrounded by one that was signed")                 \
	X(ETH_PROTECT_OLD_SOURCE, "source epoch is before the oldest one on record")                  \
	X(ETH_PROTECT_OLD_TARGET, "target epoch is not after the oldest one on record")               \
	X(ETH_PROTECT_SOURCE_AFTER_TARGET, "source epoch is after the target epoch")                  \
	X(ETH_PROTECT_NUMBER, "slot or epoch is not below 2^63")                                      \
	X(ETH_PROTECT_JSON, "interchange is not JSON")                                                \
	X(ETH_PROTECT_FORMAT, "interchange does not have the form of EIP-3076")                       \
	X(ETH_PROTECT_FORMAT_VERSION, "interchange format version is not 5")                          \
	X(ETH_PROTECT_CHAIN, "genesis validators root is that of another chain")                      \
	X(ETH_PROTECT_FILE, "data base cannot be opened, or the file is none of slashing protection") \
	X(ETH_PROTECT_MODE, "data base is kept in the other mode")                                    \
	X(ETH_PROTECT_STORE, "data base cannot be read or written")                                   \
	X(ETH_PROTECT_MEMORY, "out of memory")

enum eth_protection_result {
	ETH_PROTECT_OK = 0,
	ETH_PROTECT_BASE = -4000, /* codes count up from here */
#define X(code, text) code,
	ETH_PROTECTION_RESULTS(X)
#undef X
};

/* eth_protection_strerror returns the sentence of a code; static, never NULL. */
const char *eth_protection_strerror(int code);

/*
 * eth_protection_open opens the data base in file `path` (":memory:" for one that dies with the handle), and
 * makes it where there is none, for the chain with that genesis validators root. ETH_PROTECT_FILE,
 * ETH_PROTECT_CHAIN, ETH_PROTECT_MODE, ETH_PROTECT_STORE, ETH_PROTECT_MEMORY; then `*p` is NULL.
 */
int eth_protection_open(struct eth_protection **p, const char *path, enum eth_protection_mode mode,
			const uint8_t genesis_validators_root[32]);
void eth_protection_close(struct eth_protection *p);

/*
 * eth_protection_block decides whether the validator may sign a block with that signing root, and records it
 * where it may. 0; a refusal ETH_PROTECT_DOUBLE_BLOCK … ETH_PROTECT_NUMBER; or ETH_PROTECT_STORE: don't sign.
 */
int eth_protection_block(struct eth_protection *p, const uint8_t pubkey[48], uint64_t slot,
			 const uint8_t signing_root[32]);

/* eth_protection_attestation is the same for an attestation. */
int eth_protection_attestation(struct eth_protection *p, const uint8_t pubkey[48], uint64_t source,
			       uint64_t target, const uint8_t signing_root[32]);

struct eth_import {
	uint64_t validators, blocks, attestations; /* of the interchange */
	uint64_t slashable; /* of them, in conflict with another one or with what was on record */
	char where[96];     /* of an error: "data[3].signed_blocks[0].slot" or "line 7, column 12" */
};

/*
 * eth_protection_import adds the interchange document of `n` bytes at `json`, all of it or nothing. Records
 * that are in conflict are added as well: both then protect. Unknown members are passed over.
 * ETH_PROTECT_JSON, ETH_PROTECT_FORMAT, ETH_PROTECT_FORMAT_VERSION, ETH_PROTECT_NUMBER, ETH_PROTECT_CHAIN,
 * ETH_PROTECT_STORE, ETH_PROTECT_MEMORY. `report` is filled in also on an error.
 */
int eth_protection_import(struct eth_protection *p, const char *json, size_t n, struct eth_import *report);

/*
 * eth_protection_export writes everything on record as an interchange document, validators by key, blocks by
 * slot, attestations by target: `*json`, zero-terminated, `*n` bytes, which the caller frees.
 * ETH_PROTECT_STORE, ETH_PROTECT_MEMORY.
 */
int eth_protection_export(struct eth_protection *p, char **json, size_t *n);

#endif
