#ifndef ETH_SSZ_H
#define ETH_SSZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procs/eth/err.h"

/*
 * SSZ (consensus-specs v1.5.0, ssz/simple-serialize.md) driven by const tables that describe types. Values
 * stay in their serialized form: they are checked once, in full, and are then read in place. A view is a type
 * and the bytes of one value of it.
 *
 * Little-endian hosts only: integers are read where they lie.
 */
enum ssz_kind {
	SSZ_UINT,      /* limit: bits */
	SSZ_BOOLEAN,   /* limit: 8 */
	SSZ_VECTOR,    /* limit: number of elements, > 0 */
	SSZ_LIST,      /* limit: largest number of elements */
	SSZ_BITVECTOR, /* limit: bits, > 0 */
	SSZ_BITLIST,   /* limit: largest number of bits */
	SSZ_CONTAINER, /* fields */
};

struct ssz_type;
struct ssz_view;

/* Values whose roots one call of a type's own `roots` computes. */
#define SSZ_ROOTS_MAX 64

struct ssz_field {
	const char *name; /* as in the specification */
	const struct ssz_type *type;
	uint32_t at; /* place of the value, or of its offset, in the container's fixed-size part */
};

struct ssz_type {
	const char *name; /* "Checkpoint", "uint64", "List[Validator, …]" */
	enum ssz_kind kind;
	uint32_t size;  /* bytes of every value of the type; 0 when they differ in size */
	uint32_t fixed; /* container: bytes of its fixed-size part; otherwise `size` */
	uint64_t limit;
	const struct ssz_type *elem;   /* vector, list */
	const struct ssz_field *field; /* container */
	uint32_t fields;
	/* Roots of n in [1, SSZ_ROOTS_MAX] checked values at once, 32 bytes each; NULL: one by one, from the fields. */
	void (*roots)(const struct ssz_view *v, size_t n, uint8_t *out);
	bool bytes; /* a vector or list of uint8 that is written as one hex string */
};

struct ssz_view {
	const struct ssz_type *type;
	const uint8_t *p;
	size_t n;
};

/* Where a check failed: how far into the bytes, in a value of which type, in which field of its container. */
struct ssz_fault {
	size_t at;
	const struct ssz_type *type;
	const char *field; /* name of the innermost container field; NULL outside of a container */
	uint64_t index;    /* of the innermost vector or list element; UINT64_MAX outside of one */
};

/*
 * ssz_check decides whether the `n` bytes at `p` are exactly one value of type `t`: every offset, length,
 * limit, delimiter, padding bit and boolean. Returns 0 or the first error (ETH_ERR_SHORT … ETH_ERR_TYPE);
 * then `*opt_fault` says where, when given. Never reads outside [p, p+n). Time is linear in n.
 */
int ssz_check(const struct ssz_type *t, const uint8_t *p, size_t n, struct ssz_fault *opt_fault);

/* ssz_root is hash_tree_root of a value that passed ssz_check. Allocates nothing. */
void ssz_root(const struct ssz_type *t, const uint8_t *p, size_t n, uint8_t out[32]);

/*
 * The rest reads values that passed ssz_check.
 *
 * ssz_field is the idx-th field of container `v`; idx < v.type->fields is assumed.
 * ssz_field_index finds a field by its name, -1 where there is none. ssz_field_named is both: a view with
 * type NULL where there is no such field. ssz_length is the number of elements of a vector or list, or of
 * bits of a bitvector or bitlist. ssz_elem is the idx-th element of a vector or list; idx < ssz_length(v) is
 * assumed. ssz_bit is the idx-th bit of a bitvector or bitlist; idx < ssz_length(v) is assumed. ssz_u64 is
 * the value of a uint of up to 64 bits, or of a boolean.
 */
struct ssz_view ssz_field(struct ssz_view v, unsigned idx);
int ssz_field_index(const struct ssz_type *t, const char *name);
struct ssz_view ssz_field_named(struct ssz_view v, const char *name);
uint64_t ssz_length(struct ssz_view v);
struct ssz_view ssz_elem(struct ssz_view v, uint64_t idx);
bool ssz_bit(struct ssz_view v, uint64_t idx);
uint64_t ssz_u64(struct ssz_view v);

/* ssz_bitlist_length is the number of bits of a serialized bitlist that was checked: position of the
 * delimiter. */
uint64_t ssz_bitlist_length(const uint8_t *p, size_t n);

/*
 * ssz_bitlist_root is hash_tree_root of a bitlist of `bits` bits whose bytes carry no delimiter and no bit
 * past the last.
 */
void ssz_bits_root(const uint8_t *bytes, uint64_t bits, uint64_t limit, uint8_t out[32]);

/* ssz_basic says whether values of the type are packed into chunks (uint or boolean). */
bool ssz_basic(const struct ssz_type *t);

/* ssz_depth is the depth of the type's tree of chunks, without the length that lists mix in. */
unsigned ssz_depth(const struct ssz_type *t);

#endif
