#ifndef TESTS_ETH_VECTORS_H
#define TESTS_ETH_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Test vectors out of ../shared/vectors (README.md there), read from their archives without unpacking them.
 * The folder is $VECTORS, ../shared/vectors by default. Where it is missing the running test is skipped and
 * says so; with CI=true it fails. Everything here fails the running Criterion test on an error.
 */
struct vec_file {
	char *name; /* without the folder */
	uint8_t *p;
	size_t n;
};

/* All files of one folder of an archive. */
struct vec_case {
	char *path;
	struct vec_file *file;
	size_t files;
};

struct vec_set {
	struct vec_case *cases;
	size_t n;
};

/* Reads a whole archive, such as "bls.tar.zst". vec_close frees it. */
struct vec_set vec_open(const char *archive);
void vec_close(struct vec_set *set);

/* A file of the case by name, NULL where there is none. */
const struct vec_file *vec_file(const struct vec_case *c, const char *name);

/*
 * The content of `NAME.ssz_snappy` decompressed, in memory that ends where the content does, so that a
 * sanitizer sees any step past it; the caller frees it. NULL where the case has no such file.
 */
uint8_t *vec_ssz(const struct vec_case *c, const char *name, size_t *n);

/* The path of a file in the vectors folder; the caller frees it. */
char *vec_path(const char *name);

/* The scalar under `key` in a flat YAML mapping; false where there is none. Hex strings keep their 0x. */
bool vec_yaml(const struct vec_file *f, const char *key, char *value, size_t size);

/* Reads n bytes of hex behind 0x. */
void vec_hex(const char *text, uint8_t *out, size_t n);

/* The idx-th component of a path ("tests/minimal/phase0/…"), written to `out`. */
void vec_component(const char *path, unsigned idx, char *out, size_t size);

#endif
