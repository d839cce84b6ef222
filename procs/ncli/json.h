#ifndef NCLI_JSON_H
#define NCLI_JSON_H

#include <jansson.h>

#include "procs/eth/ssz.h"

/*
 * ncli_json makes a checked value into JSON with the specification's field names: containers are objects,
 * unsigned integers decimal strings, byte strings and bits hex behind 0x (bits as they are serialized, the
 * delimiter of a Bitlist included), other lists and vectors arrays. The caller owns it. NULL: out of memory.
 */
json_t *ncli_json(struct ssz_view v);

#endif
