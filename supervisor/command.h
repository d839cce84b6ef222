// Inside of main.c and manual.c: what the command line knows. Help, manual page and completion come from it.
#ifndef SUPERVISOR_COMMAND_H
#define SUPERVISOR_COMMAND_H

#include <stdbool.h>
#include "supervisor/exits.h"

struct args;

struct command {
	const char *name, *synopsis, *help;
	int words;        // it takes
	unsigned options; // it knows
	enum sup_exit (*run)(const struct args *a);
};

// In place of `help`, which says it to a reader of the manual.
struct option_doc {
	const char *name, *arg, *text; // arg: NULL, it takes none
};

// manual_page writes shmsup(1), from a table that ends with a name of NULL; manual_topology shmsup-topology(5), with
// the text of `example`, a file of topology; manual_completion the completion of bash. All write to standard output.
void manual_page(const struct command *commands);
enum sup_exit manual_topology(const char *example);
void manual_completion(const struct command *commands);

#endif
