#ifndef NCLI_NCLI_H
#define NCLI_NCLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "procs/eth/eth_file.h"
#include "procs/eth/preset.h"
#include "procs/eth/ssz.h"

/* Exit statuses of ncli; in its help, and kept. */
enum ncli_status {
	NCLI_OK = 0,
	NCLI_FAILED = 1,  /* memory, output, a vector that fails */
	NCLI_USAGE = 2,   /* unknown or missing command, option or argument */
	NCLI_INPUT = 3,   /* a file cannot be read, or does not hold what it should */
	NCLI_REFUSED = 4, /* the rules of the chain refuse the block, the slot or the deposits */
};

#define NCLI_OPTIONS_MAX 10

struct ncli_option {
	const char *name; /* without the dashes; NULL ends the list */
	const char *arg;  /* name of its argument in the help; NULL where it takes none */
	const char *help;
	bool required;
};

struct ncli;

/* One command: the table of these is dispatch and help. */
struct ncli_command {
	const char *name;
	const char *operands; /* as the help shows them */
	const char *brief;
	int operands_min, operands_max;
	struct ncli_option option[NCLI_OPTIONS_MAX];
	enum ncli_status (*run)(struct ncli *n);
};

/* One call of the program, its command line taken apart. */
struct ncli {
	const struct ncli_command *command;
	const char *value[NCLI_OPTIONS_MAX]; /* by index in command->option; "" for a flag; NULL: not given */
	char **operand;
	int operands;
};

/* ncli_option_value is the value of an option of the command, NULL where it was not given. */
const char *ncli_option_value(const struct ncli *n, const char *name);

/* ncli_fail prints "ncli COMMAND: …" as one line on standard error and returns `status`. */
__attribute__((format(printf, 3, 4))) enum ncli_status
ncli_fail(const struct ncli *n, enum ncli_status status, const char *format, ...);

/* These read an option, and print what is wrong with it. `*out` keeps its value where it was not given. */
enum ncli_status ncli_preset(const struct ncli *n, const struct eth_preset **out);
enum ncli_status ncli_number(const struct ncli *n, const char *option, uint64_t min, uint64_t max,
			     uint64_t *out);

/*
 * ncli_load reads a file that holds one value of type `t`, decompressed where its name ends in .ssz_snappy,
 * and checks it; the caller frees f->p. ncli_store writes one. Both print what is wrong.
 */
enum ncli_status ncli_load(const struct ncli *n, const char *path, const struct ssz_type *t,
			   struct eth_file *f, struct ssz_view *view);
enum ncli_status ncli_store(const struct ncli *n, const char *path, const void *p, size_t size);

/* A place where ssz_check failed, in words. */
void ncli_describe_fault(char *text, size_t size, const struct ssz_fault *f, size_t total, int code);

/* 32 bytes as hex behind 0x, zero-terminated. */
void ncli_hex(char out[67], const uint8_t bytes[32]);

enum ncli_status ncli_run_root(struct ncli *n);
enum ncli_status ncli_run_pretty(struct ncli *n);
enum ncli_status ncli_run_transition(struct ncli *n);
enum ncli_status ncli_run_genesis(struct ncli *n);
enum ncli_status ncli_run_testnet(struct ncli *n);
enum ncli_status ncli_run_vectors(struct ncli *n);

#endif
