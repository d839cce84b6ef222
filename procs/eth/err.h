#ifndef ETH_ERR_H
#define ETH_ERR_H

/*
 * Every function of libeth that can fail returns 0 or one of these negative codes; none prints, exits or
 * leaves errno behind as its answer. The first column names the code, the second is the sentence that
 * eth_strerror returns.
 *
 * The codes of a refused transition say which rule of the specification refused; they begin with ETH_BAD_.
 */
#define ETH_ERRORS(X)                                                                                       \
	/* serialized bytes */                                                                              \
	X(ETH_ERR_SHORT, "ends before the fixed-size part is complete")                                     \
	X(ETH_ERR_LONG, "has bytes after the end of the value")                                             \
	X(ETH_ERR_FIRST_OFFSET, "first offset does not point at the end of the fixed-size part")            \
	X(ETH_ERR_OFFSET_ORDER, "offset is smaller than the one before it")                                 \
	X(ETH_ERR_OFFSET_RANGE, "offset points past the end")                                               \
	X(ETH_ERR_LIST_BYTES, "list does not hold a whole number of elements")                              \
	X(ETH_ERR_LIST_LIMIT, "list is longer than its limit")                                              \
	X(ETH_ERR_VECTOR_LENGTH, "vector has another number of elements than its type")                     \
	X(ETH_ERR_BITVECTOR_PADDING, "bitvector has a bit set past its length")                             \
	X(ETH_ERR_BITLIST_DELIMITER, "bitlist has no delimiting bit")                                       \
	X(ETH_ERR_BITLIST_LIMIT, "bitlist is longer than its limit")                                        \
	X(ETH_ERR_BOOLEAN, "boolean is neither 0 nor 1")                                                    \
	X(ETH_ERR_TYPE, "type has no legal value")                                                          \
	X(ETH_ERR_PRESET, "state belongs to the other preset")                                              \
	/* snappy and files */                                                                              \
	X(ETH_ERR_SNAPPY_HEADER, "snappy: no valid uncompressed length")                                    \
	X(ETH_ERR_SNAPPY_LIMIT, "snappy: uncompressed length is above the limit")                           \
	X(ETH_ERR_SNAPPY_DATA, "snappy: data is corrupt or does not give the length it declares")           \
	X(ETH_ERR_FILE_OPEN, "cannot be opened")                                                            \
	X(ETH_ERR_FILE_READ, "cannot be read")                                                              \
	X(ETH_ERR_FILE_KIND, "is not a regular file")                                                       \
	X(ETH_ERR_FILE_LIMIT, "is larger than the limit")                                                   \
	X(ETH_ERR_FILE_WRITE, "cannot be written")                                                          \
	X(ETH_ERR_MEMORY, "out of memory")                                                                  \
	/* state blocks */                                                                                  \
	X(ETH_ERR_ROOM, "state block has no room left")                                                     \
	X(ETH_ERR_ALIGN, "state block is not aligned to 64 bytes")                                          \
	X(ETH_ERR_MAGIC, "memory does not hold a state block")                                              \
	X(ETH_ERR_VERSION, "state block has another layout version")                                        \
	X(ETH_ERR_LAYOUT, "state block has an offset or a count out of bounds")                             \
	/* configuration */                                                                                 \
	X(ETH_ERR_CONFIG_SYNTAX, "configuration is not a YAML mapping of names to values")                  \
	X(ETH_ERR_CONFIG_PRESET, "configuration names an unknown preset")                                   \
	X(ETH_ERR_CONFIG_VALUE, "configuration has a value that is not usable")                             \
	/* refused by the rules: any state */                                                               \
	X(ETH_BAD_REGISTRY, "state has another number of balances than of validators")                      \
	X(ETH_BAD_OVERFLOW, "a sum does not fit into 64 bits")                                              \
	X(ETH_BAD_NO_ACTIVE_VALIDATORS, "no validator is active")                                           \
	X(ETH_BAD_SLOT, "slot is not after the state's, or not in its epoch")                               \
	X(ETH_BAD_PENDING, "pending attestation does not fit the state")                                    \
	X(ETH_BAD_VALIDATOR_INDEX, "validator index is outside of the registry")                            \
	X(ETH_BAD_PUBKEY, "public key of a validator is not a valid point")                                 \
	/* block */                                                                                         \
	X(ETH_BAD_BLOCK_SLOT, "block slot is not the state's, or not after the latest block")               \
	X(ETH_BAD_PROPOSER_INDEX, "proposer index is not that of the slot")                                 \
	X(ETH_BAD_PARENT_ROOT, "parent root is not the latest block")                                       \
	X(ETH_BAD_PROPOSER_SLASHED, "proposer is slashed")                                                  \
	X(ETH_BAD_BLOCK_SIGNATURE, "proposer signature is not valid")                                       \
	X(ETH_BAD_RANDAO, "RANDAO reveal is not valid")                                                     \
	X(ETH_BAD_STATE_ROOT, "state root is not that of the state")                                        \
	X(ETH_BAD_DEPOSIT_COUNT, "number of deposits is not the one expected")                              \
	X(ETH_BAD_ETH1_VOTES, "eth1 data votes are full")                                                   \
	/* slashings */                                                                                     \
	X(ETH_BAD_SLASHING_SLOTS, "slashed headers have different slots")                                   \
	X(ETH_BAD_SLASHING_PROPOSERS, "slashed headers have different proposers")                           \
	X(ETH_BAD_SLASHING_SAME, "slashed headers are the same")                                            \
	X(ETH_BAD_NOT_SLASHABLE, "validator is not slashable")                                              \
	X(ETH_BAD_HEADER_SIGNATURE, "signature of a slashed header is not valid")                           \
	X(ETH_BAD_SLASHING_DATA, "attestation data is not slashable")                                       \
	X(ETH_BAD_NOBODY_SLASHED, "no validator is slashed")                                                \
	/* attestations */                                                                                  \
	X(ETH_BAD_INDICES, "attesting indices are empty, unsorted or repeated")                             \
	X(ETH_BAD_ATTESTATION_SIGNATURE, "attestation signature is not valid")                              \
	X(ETH_BAD_TARGET_EPOCH, "target epoch is not the current or previous one, or not that of the slot") \
	X(ETH_BAD_INCLUSION, "attestation slot is too recent or too old")                                   \
	X(ETH_BAD_COMMITTEE_INDEX, "committee index is not one of the slot")                                \
	X(ETH_BAD_BITS, "aggregation bits do not have the committee's length")                              \
	X(ETH_BAD_SOURCE, "source is not the justified checkpoint")                                         \
	X(ETH_BAD_ATTESTATIONS_FULL, "pending attestations are full")                                       \
	/* deposits and exits */                                                                            \
	X(ETH_BAD_DEPOSIT_PROOF, "deposit is not in the deposit tree")                                      \
	X(ETH_BAD_NOT_ACTIVE, "exiting validator is not active")                                            \
	X(ETH_BAD_EXITING, "validator is exiting already")                                                  \
	X(ETH_BAD_EXIT_EPOCH, "exit is not valid before a later epoch")                                     \
	X(ETH_BAD_EXIT_TOO_SOON, "validator has not been active long enough")                               \
	X(ETH_BAD_EXIT_SIGNATURE, "exit signature is not valid")

enum eth_err {
	ETH_OK = 0,
	ETH_ERR_BASE = -1000, /* codes count up from here, so that a new one moves none before it */
#define X(code, text) code,
	ETH_ERRORS(X)
#undef X
	/* Everything above this is a refusal by the rules of the specification. */
	ETH_BAD_FIRST = ETH_BAD_REGISTRY - 1,
};

/*
 * eth_strerror returns the sentence of a code, as a predicate whose subject the caller names ("FILE: " or
 * "block at slot 7: "). Static; never NULL, also for a number that is no code.
 */
const char *eth_strerror(int code);

/* eth_errname returns the code's own name, such as "ETH_ERR_SHORT". Static; never NULL. */
const char *eth_errname(int code);

#endif
