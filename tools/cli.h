// The command line of shmtool: OBJECT VERB [GROUP] ARGUMENTS. One table of objects and verbs yields dispatch,
// help, completion and the synopsis of the man page.
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include "tools/table.h"

// Exit statuses, documented in the help and the man page.
enum {
	EXIT_OK = 0,
	EXIT_ERROR = 1,      // something else went wrong: memory, output
	EXIT_USAGE = 2,      // unknown or missing object, verb, option, argument
	EXIT_NO_GROUP = 3,   // no such group, or none or several run and none was named
	EXIT_DAMAGED = 4,    // `check` found a violated invariant
	EXIT_UNREADABLE = 5, // no permission, another layout, or a segment that isn't one
	EXIT_NO_PROBES = 6,  // the probes can't be used here; the message says why
	EXIT_NO_OBJECT = 7,  // the group has no such channel, service, pool or letter
	EXIT_REPAIRED = 8,   // `check --repair` found violations and mended all of them
	EXIT_REFUSED = 9,    // the supervisor refused, or can't be reached: nothing was changed
};

#define CLI_ARG_MAX 4
#define CLI_OPT_MAX 10

struct cli;

struct opt {
	const char *name; // without the dashes; NULL ends a list
	const char *arg;  // name of its argument in the help, NULL if it takes none
	const char *help;
};

enum {
	VERB_NO_GROUP = 1, // takes no group
	VERB_RECORD = 2,   // -j: one object, not a list of them
	VERB_LINES = 4,    // -j: one object per line, as they come
};

struct verb {
	const char *name; // NULL ends a list; "" for the only verb of an object that is a command of its own
	const char *brief;
	const char *args; // arguments behind the group, as the help shows them; each word is one, "" for none
	const struct opt *opts; // NULL for none
	const struct col *cols; // what it prints, for -f and the help; NULL if it isn't rows
	unsigned col_cnt;
	unsigned flags;
	int (*run)(const struct cli *cli); // returns the exit status
};

struct object {
	const char *name; // NULL ends the table
	const char *brief;
	const struct verb *verbs;
};

struct cli {
	const char *prog;
	const struct object *objects; // the whole table
	bool json, pretty;
	bool schema; // asked for the schema of -j, instead of the verb
	const char *fields; // of -f, or NULL
	const struct object *object;
	const struct verb *verb;
	const char *group;             // as given, or NULL
	const char *args[CLI_ARG_MAX]; // behind the group
	const char *opts[CLI_OPT_MAX]; // by index in verb->opts: value, "" for an option without, NULL if not
				       // given
	FILE *out, *err;
};

// cli_parse fills *cli from argv, whose word 0 is ignored. Objects, verbs and long options may be cut short
// as long as they stay unique. Returns EXIT_OK with cli->verb set; EXIT_OK with cli->verb NULL if help was
// asked for and written to out; else a status, after one line on err. The words must outlive *cli.
int cli_parse(struct cli *cli, const struct object *objects, int argc, char *const *argv, FILE *out,
	      FILE *err);

// cli_parse_as does the same with another program name in front of messages; it must outlive *cli.
int cli_parse_as(struct cli *cli, const char *prog, const struct object *objects, int argc, char *const *argv,
		 FILE *out, FILE *err);

const char *cli_opt(const struct cli *cli,
		    const char *name); // value of an option of the verb, NULL if not given

// cli_number reads a number in [min, max] with optional fraction; else says which word is bad and returns
// false.
bool cli_number(const struct cli *cli, const char *what, const char *word, double min, double max,
		double *out);

// cli_fail writes one line "PROG: OBJECT VERB: ..." on err and returns `status`.
int cli_fail(const struct cli *cli, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// cli_table makes the verb's table, with -f applied. NULL after a message; *status is then the exit status.
struct table *cli_table(const struct cli *cli, int *status);
// cli_print prints a table the way -j, -p and the verb ask for, frees it and returns the exit status.
// As record: one object (the first row) instead of a list.
int cli_print(const struct cli *cli, struct table *t, bool record);

struct exit_status {
	int status;
	const char *meaning; // NULL ends the table
};
extern const struct exit_status cli_exit_statuses[];
extern const struct opt cli_global_opts[];

// cli_verb_line writes "OBJECT VERB [GROUP] ARGUMENTS [--OPTIONS]", without a newline.
void cli_verb_line(const struct object *o, const struct verb *v, FILE *f);

// cli_confirmed: may a verb that changes a group go on? It must be told so with its option --yes where a person sits at
// a terminal; else says what it would do, and returns false.
bool cli_confirmed(const struct cli *cli, const char *would);

// cli_line prints the first row as one line of JSON, or of a table with a heading before the first: for VERB_LINES.
// Returns false if it can't be printed.
bool cli_line(const struct cli *cli, struct table *t, bool first);

// cli_synopsis writes one line per verb: the table as man page, completion and tests read it.
void cli_synopsis(const struct object *objects, FILE *f);

#endif
