// The requests of the validation job: request n is a plain function of n, so that a feeder that was killed
// goes on where it stopped and a collector knows what the answer has to be without asking anyone.
//
// Seven of sixteen are the real mainnet blocks of slots 100 to 102 as they are; the others are made from them
// and must be refused.
#ifndef PROCS_COMMON_CASES_H
#define PROCS_COMMON_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CASES_ARCHIVE "real-mainnet-blocks.tar.zst"
#define CASES_BLOCK_MAX 8192           // bytes of the largest case
#define CASES_REGISTRY UINT64_C(21063) // validators of the mainnet genesis state
#define CASES_PERIOD 48                // n and n + CASES_PERIOD have the same kind and block

// Kind, words. What varies with n beyond the block is in brackets.
#define CASES_KINDS(X)                                                                  \
	X(CASE_VALID, "valid block")                                                    \
	X(CASE_SIGNATURE_BIT, "flipped signature bit") /* which bit */                  \
	X(CASE_SIGNATURE_SIGN, "signature negated")                                     \
	X(CASE_OTHER_PROPOSER, "other proposer index")                /* which */       \
	X(CASE_BEYOND_REGISTRY, "proposer index beyond the registry") /* which */       \
	X(CASE_OTHER_SIGNATURE, "signature of another block")         /* which block */ \
	X(CASE_UNDECODABLE, "signature that is no point")             /* how */         \
	X(CASE_IDENTITY, "signature is the identity")                                   \
	X(CASE_MALFORMED, "malformed SSZ") /* how */                                    \
	X(CASE_GENESIS, "genesis block")

enum case_kind {
#define X(id, text) id,
	CASES_KINDS(X)
#undef X
};

struct cases;

// cases_open reads the blocks from CASES_ARCHIVE in folder `vectors`. On success the caller owns *out;
// otherwise `why` has one line that names the file and the reason, and the result is -1.
int cases_open(struct cases **out, const char *vectors, char why[256]);
void cases_close(struct cases *c);

// cases_block writes the SSZ bytes of request n's SignedBeaconBlock to `out`, which has `room` bytes. Returns
// how many; 0 when there is not room enough, which CASES_BLOCK_MAX bytes always are.
size_t cases_block(const struct cases *c, uint64_t n, uint8_t *out, size_t room);

enum case_kind cases_kind(uint64_t n);
const char *cases_kind_text(enum case_kind kind); // never NULL

// cases_expect says whether a verdict (enum proto_answer, enum proto_reason) is the right one for request n.
// Where the reason depends on the curve (which bit of a signature was flipped), each that can be is right.
bool cases_expect(uint64_t n, unsigned answer, unsigned reason);

#endif
