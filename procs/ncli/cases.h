#ifndef NCLI_CASES_H
#define NCLI_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "procs/eth/preset.h"
#include "procs/eth/ssz.h"

/* One file of a set of test vectors, in memory. */
struct ncli_file {
	char *path; /* with '/' between all parts */
	uint8_t *p;
	size_t n;
};

/* The files of one archive or directory, by path. */
struct ncli_set {
	char *source; /* the path that was opened */
	struct ncli_file *file;
	size_t files;
};

/*
 * ncli_set_archive reads a tar archive (compressed as libarchive knows), ncli_set_directory a directory and
 * all below it but further archives. 0, or -1 with a line in `why`. ncli_set_free frees what they hold.
 */
int ncli_set_archive(struct ncli_set *set, const char *path, char *why, size_t size);
int ncli_set_directory(struct ncli_set *set, const char *path, char *why, size_t size);
void ncli_set_free(struct ncli_set *set);

/* One case: files of a set that belong together, and how to run them. */
struct ncli_case {
	const struct ncli_set *set;
	const char *dir; /* files are below it, path + '/'; length dir_n */
	size_t dir_n;
	size_t first, last; /* files of the set, [first, last) */
	const struct ncli_layout *layout;
	/* Parts of the path in the official layout. */
	enum eth_preset_id preset;
	char runner[32], handler[48], suite[32], name[160];
	/* What differed. */
	char why[400];
	struct ncli_memory *memory;
};

/* How the cases of one layout are run: true when the case passes; otherwise c->why says what differed. */
typedef bool ncli_case_fn(struct ncli_case *c);
struct ncli_layout {
	const char *name;
	ncli_case_fn *run;
};

/* A file of the case by its name below the case's directory; NULL where there is none. */
const struct ncli_file *ncli_case_file(const struct ncli_case *c, const char *name);

/* Fails the case: writes c->why, returns false. */
__attribute__((format(printf, 2, 3))) bool ncli_case_fail(struct ncli_case *c, const char *format, ...);

/* Memory that is freed when the case ends; 64-byte aligned, zeroed. NULL (and c->why) when there is none. */
void *ncli_case_alloc(struct ncli_case *c, size_t n);
void ncli_case_clean(struct ncli_case *c);

/*
 * ncli_case_bytes is the content of NAME.ssz_snappy or NAME.ssz, decompressed: false, and c->why, where there
 * is none. ncli_case_value is that as a checked value of type `t`.
 */
bool ncli_case_bytes(struct ncli_case *c, const char *name, const uint8_t **p, size_t *n);
bool ncli_case_value(struct ncli_case *c, const char *name, const struct ssz_type *t, struct ssz_view *v);
bool ncli_case_has(const struct ncli_case *c, const char *name);

/* Compares two roots; on a difference fails with both. */
bool ncli_case_root(struct ncli_case *c, const char *what, const uint8_t got[32], const uint8_t want[32]);

/* Reads n bytes of hex behind 0x; false where the text is anything else. */
bool ncli_unhex(const char *text, uint8_t *out, size_t n);

#endif
