#ifndef TESTS_BLS_VECTORS_H
#define TESTS_BLS_VECTORS_H

/* The cases of bls.tar.zst. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* vectors_each calls check(name, input, output) for every JSON file of bls/json/<kind>/ in the archive
 * ${VECTORS:-../shared/vectors}/bls.tar.zst, in the archive's order; input and output are borrowed. Returns
 * the number of cases, or -1 when the archive can't be read (the reason is printed). */
int vectors_each(const char *kind,
		 void (*check)(const char *name, const json_t *input, const json_t *output));

/* vectors_hex decodes "0x..." into at most cap bytes; returns the length in bytes also when it is above cap,
 * or -1 when value isn't such a string. */
long vectors_hex(const json_t *value, uint8_t *out, size_t cap);

#endif
