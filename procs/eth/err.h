#ifndef ETH_ERR_H
#define ETH_ERR_H

/*
 * Every function of libeth that can fail returns 0 or one of these negative codes; none prints, exits or
 * leaves errno behind as its answer. The first column names the code, the second is the sentence that
 * eth_strerror returns.
 *
 * The codes of a refused transition say which rule of the specification refused; they begin with ETH_BAD_.
 */
#define ETH_ERRORS(X)                                                                             \
	/* serialized bytes */                                                                    \
	X(ETH_ERR_SHORT, "ends before the fixed-size part is complete")                           \
	X(ETH_ERR_LONG, "has bytes after the end of the value")                                   \
	X(ETH_ERR_FIRST_OFFSET, "first offset does not point at the end of the fixed-size part")  \
	X(ETH_ERR_OFFSET_ORDER, "offset is smaller than the one before it")                       \
	X(ETH_ERR_OFFSET_RANGE, "offset points past the end")                                     \
	X(ETH_ERR_LIST_BYTES, "list does not hold a whole number of elements")                    \
	X(ETH_ERR_LIST_LIMIT, "list is longer than its limit")                                    \
	X(ETH_ERR_VECTOR_LENGTH, "vector has another number of elements than its type")           \
	X(ETH_ERR_BITVECTOR_PADDING, "bitvector has a bit set past its length")                   \
	X(ETH_ERR_BITLIST_DELIMITER, "bitlist has no delimiting bit")                             \
	X(ETH_ERR_BITLIST_LIMIT, "bitlist is longer than its limit")                              \
	X(ETH_ERR_BOOLEAN, "boolean is neither 0 nor 1")                                          \
	X(ETH_ERR_TYPE, "type has no legal value")                                                \
	X(ETH_ERR_PRESET, "state belongs to the other preset")                                    \
	/* snappy and files */                                                                    \
	X(ETH_ERR_SNAPPY_HEADER, "snappy: no valid uncompressed length")                          \
	X(ETH_ERR_SNAPPY_LIMIT, "snappy: uncompressed length is above the limit")                 \
	X(ETH_ERR_SNAPPY_DATA, "snappy: data is corrupt or does not give the length it declares") \
	X(ETH_ERR_FILE_OPEN, "cannot be opened")                                                  \
	X(ETH_ERR_FILE_READ, "cannot be read")                                                    \
	X(ETH_ERR_FILE_KIND, "is not a regular file")                                             \
	X(ETH_ERR_FILE_LIMIT, "is larger than the limit")                                         \
	X(ETH_ERR_FILE_WRITE, "cannot be written")                                                \
	X(ETH_ERR_MEMORY, "out of memory")                                                        \
	/* state blocks */                                                                        \
	X(ETH_ERR_ROOM, "state block has no room left")                                           \
	X(ETH_ERR_ALIGN, "state block is not aligned to 64 bytes")                                \
	X(ETH_ERR_MAGIC, "memory does not hold a state block")                                    \
	X(ETH_ERR_VERSION, "state block has another layout version")                              \
	X(ETH_ERR_LAYOUT, "state block has an offset or a count out of bounds")

enum eth_err {
	ETH_OK = 0,
	ETH_ERR_BASE = -1000, /* codes count up from here, so that a new one moves none before it */
#define X(code, text) code,
	ETH_ERRORS(X)
#undef X
};

/*
 * eth_strerror returns the sentence of a code, as a predicate whose subject the caller names ("FILE: " or
 * "block at slot 7: "). Static; never NULL, also for a number that is no code.
 */
const char *eth_strerror(int code);

/* eth_errname returns the code's own name, such as "ETH_ERR_SHORT". Static; never NULL. */
const char *eth_errname(int code);

#endif
