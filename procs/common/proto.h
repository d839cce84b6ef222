// What the services say to each other: channel and pool names, message types, payload layouts. A payload is
// read by copying it out of the cell after its length was compared; every value in it is untrusted.
#ifndef PROCS_COMMON_PROTO_H
#define PROCS_COMMON_PROTO_H

#include <stdint.h>

// Channels and pools, as the topology declares them. REQUESTS and TRAIL have one channel per worker replica,
// "-1" .. "-N" appended.
#define PROTO_REQUESTS "requests"
#define PROTO_TRAIL "trail"
#define PROTO_HOTDB_INBOX "hotdb-inbox"
#define PROTO_VERDICTS "verdicts"
#define PROTO_STATES "states"
#define PROTO_MARKS "marks"

// Message types: constant, number, name in the architecture.
#define PROTO_TYPES(X)                                                                              \
	/* payload: SignedBeaconBlock in SSZ; answered by one PROTO_VERDICT on its reply channel */ \
	X(PROTO_IS_VALID_BLOCK, 1, "isValidBeaconBlockP2PEx")                                       \
	/* payload: struct proto_verdict */                                                         \
	X(PROTO_VERDICT, 2, "verdict")                                                              \
	/* payload: struct proto_trail_ask; answered by one PROTO_STATE_TRAIL */                    \
	X(PROTO_GET_TRAIL, 3, "getReplayStateTrail")                                                \
	/* no payload; moves a block of the pool `states` that holds a struct trail */              \
	X(PROTO_STATE_TRAIL, 4, "stateTrail")

enum proto_type {
#define X(id, number, name) id = number,
	PROTO_TYPES(X)
#undef X
};

enum proto_answer {
	PROTO_VALID = 1,
	PROTO_INVALID = 2,
	PROTO_UNDECIDED = 3, // the worker could not get at a state to judge by
};

// Why a block is not valid: constant, number, words.
#define PROTO_REASONS(X)                                                        \
	X(PROTO_OK, 0, "valid")                                                 \
	X(PROTO_MALFORMED, 1, "not the SSZ of a SignedBeaconBlock")             \
	X(PROTO_SLOT, 2, "slot is not after that of its parent state")          \
	X(PROTO_PROPOSER, 3, "proposer index is beyond the registry")           \
	X(PROTO_KEY, 4, "public key of the proposer cannot be decoded")         \
	X(PROTO_POINT, 5, "signature is not a point of the group")              \
	X(PROTO_MISMATCH, 6, "signature is not the proposer's over this block") \
	X(PROTO_NO_STATE, 7, "parent state cannot be used")

enum proto_reason {
#define X(id, number, text) id = number,
	PROTO_REASONS(X)
#undef X
};

struct proto_verdict {
	uint32_t answer; // enum proto_answer
	uint32_t reason; // enum proto_reason
};
_Static_assert(sizeof(struct proto_verdict) == 8, "layout shared by processes");

// Which state is wanted: that of the parent of a block at `slot`.
struct proto_trail_ask {
	uint64_t slot;
	uint8_t parent_root[32];
};
_Static_assert(sizeof(struct proto_trail_ask) == 40, "layout shared by processes");

// Counters of the receiving end of PROTO_VERDICTS, in the order of the topology.
enum proto_tally {
	PROTO_TALLY_VALID,
	PROTO_TALLY_INVALID,
	PROTO_TALLY_PEER_DIED, // the worker died with the request
	PROTO_TALLY_WRONG,     // not the verdict its case has
	PROTO_TALLY_TWICE,     // a verdict for a request that had one
};

// Request n has correlation id n + 1, so that 0 is none.
static inline uint64_t proto_request_corr(uint64_t n)
{
	return n + 1;
}

// Words for a message type, an answer, a reason. Never NULL, also for numbers that are none.
const char *proto_type_name(unsigned type);
const char *proto_answer_name(unsigned answer);
const char *proto_reason_text(unsigned reason);

#endif
