#ifndef NCLI_GENERIC_H
#define NCLI_GENERIC_H

#include "procs/eth/ssz.h"

/*
 * The types of the specification's ssz_generic test vectors, which name their type in the name of the case:
 * vec_{element}_{length}, bitvec_{length}, bitlist_{limit}, uint_{bits}, and a few containers.
 */
struct ncli_generic {
	struct ssz_type type;
	char name[64];
};

/*
 * ncli_generic_type finds the type of a case by its handler ("basic_vector") and its name
 * ("vec_uint16_3_max"). A type that is made up for the case is written to `g`; the result is valid as long as
 * that is. NULL where the name does not tell a known type.
 */
const struct ssz_type *ncli_generic_type(const char *handler, const char *name, struct ncli_generic *g);

#endif
