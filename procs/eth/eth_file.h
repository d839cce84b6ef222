#ifndef ETH_FILE_H
#define ETH_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "procs/eth/err.h"

/* A file's bytes, decompressed where it was `.ssz_snappy`. */
struct eth_file {
	uint8_t *p; /* NULL where n is 0 */
	size_t n;
};

/* Above every object of phase 0 that anyone keeps in a file: a state of a few million validators. */
#define ETH_FILE_LIMIT (UINT64_C(1) << 30)

/*
 * eth_file_read reads `path`, a regular file or a pipe, whole. A name that ends in .ssz_snappy is
 * decompressed, any other is taken as it is. Neither the file nor what it declares may be above `limit`
 * bytes. On success the caller frees f->p. Errors: ETH_ERR_FILE_OPEN, ETH_ERR_FILE_READ, ETH_ERR_FILE_KIND,
 * ETH_ERR_FILE_LIMIT, ETH_ERR_MEMORY, ETH_ERR_SNAPPY_…; then `*opt_errno`, when given, is the reason the
 * system gave, or 0, and f is empty.
 */
int eth_file_read(const char *path, size_t limit, struct eth_file *f, int *opt_errno);

/*
 * eth_file_read_into does the same into memory of the caller, `room` bytes; `*length` is what it took.
 * ETH_ERR_FILE_LIMIT or ETH_ERR_SNAPPY_LIMIT when that is too little.
 */
int eth_file_read_into(const char *path, void *memory, size_t room, size_t *length, int *opt_errno);

/*
 * eth_file_write writes `n` bytes to `path`, compressed when the name ends in .ssz_snappy, under a temporary
 * name that is then renamed: readers see the old file or the whole new one. ETH_ERR_FILE_OPEN,
 * ETH_ERR_FILE_WRITE, ETH_ERR_MEMORY.
 */
int eth_file_write(const char *path, const void *p, size_t n, int *opt_errno);

/* eth_file_describe writes "PATH: what is wrong (reason of the system)" into `line`, cut to `size`. */
void eth_file_describe(char *line, size_t size, const char *path, int code, int err);

#endif
