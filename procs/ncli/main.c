/* ncli: the consensus engine offline, on files. */
#include "procs/ncli/ncli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRESET                                                       \
	{                                                            \
		"preset", "P", "mainnet (default) or minimal", false \
	}
#define CONFIG                                                                                          \
	{                                                                                               \
		"config", "FILE", "configuration, YAML; default: the official one of the preset", false \
	}
#define TYPE                                                                                         \
	{                                                                                            \
		"type", "T", "name of the container in the specification, such as BeaconBlock", true \
	}

static const struct ncli_command commands[] = {
	{"hash-tree-root", "FILE", "print the root of a value", 1, 1, {PRESET, TYPE}, ncli_run_root},
	{"pretty", "FILE", "print a value as JSON", 1, 1, {PRESET, TYPE}, ncli_run_pretty},
	{"transition",
	 "[FILE...]",
	 "run blocks, then empty slots, on a state; print slot and root",
	 0,
	 INT32_MAX,
	 {PRESET,
	  CONFIG,
	  {"pre", "FILE", "the BeaconState before", true},
	  {"blocks", "FILE", "SignedBeaconBlocks, in this order; more of them may follow", false},
	  {"slots", "N", "empty slots after the blocks", false},
	  {"no-bls", NULL, "check no signatures of blocks", false},
	  {"post", "FILE", "where to write the BeaconState after", false}},
	 ncli_run_transition},
	{"genesis",
	 "",
	 "write the genesis state of the interop mocked start; print its root",
	 0,
	 0,
	 {PRESET,
	  CONFIG,
	  {"validators", "N", "number of validators, with the interop keys", true},
	  {"time", "T", "genesis time, unix seconds", true},
	  {"out", "FILE", "where to write the BeaconState", true}},
	 ncli_run_genesis},
	{"testnet",
	 "",
	 "write a whole signed chain with fork-choice steps, the same for the same options",
	 0,
	 0,
	 {PRESET,
	  CONFIG,
	  {"validators", "N", "number of validators, with the interop keys", true},
	  {"epochs", "E", "length of the chain", true},
	  {"out", "DIR", "directory to write to; must not exist yet", true},
	  {"seed", "S", "what all choices follow from; default 1", false},
	  {"forks", "N", "branches that lose or win against the main one; default 1", false},
	  {"slashings", "N", "validators that offend and are slashed; default 2", false},
	  {"time", "T", "genesis time; default 1600000000", false}},
	 ncli_run_testnet},
	{"vectors",
	 "PATH...",
	 "run test vectors: directories or .tar.zst archives",
	 1,
	 INT32_MAX,
	 {{"jobs", "N", "processes at a time; default: one per processor", false},
	  {"match", "TEXT", "only cases with this in their path", false}},
	 ncli_run_vectors},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help_command(FILE *f, const struct ncli_command *c)
{
	fprintf(f, "  ncli %s", c->name);
	for (const struct ncli_option *o = c->option; o->name; o++)
		fprintf(f, o->required ? " --%s%s%s" : " [--%s%s%s]", o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
	fprintf(f, " %s\n      %s\n", c->operands, c->brief);
	for (const struct ncli_option *o = c->option; o->name; o++)
		fprintf(f, "      --%-12s %s\n", o->name, o->help);
}

static void help(FILE *f)
{
	fputs("ncli - the consensus engine offline, on files\n\ncommands:\n", f);
	for (size_t i = 0; i < COMMANDS; i++)
		help_command(f, &commands[i]);
	fputs("\nFiles are .ssz, or .ssz_snappy (raw snappy), which is decompressed.\n"
	      "exit status: 0 done; 1 failed, or a vector did; 2 usage; 3 a file cannot be read or does not\n"
	      "hold what it should; 4 refused by the rules of the chain\n",
	      f);
}

const char *ncli_option_value(const struct ncli *n, const char *name)
{
	for (int i = 0; i < NCLI_OPTIONS_MAX && n->command->option[i].name; i++)
		if (!strcmp(n->command->option[i].name, name))
			return n->value[i];
	return NULL;
}

enum ncli_status ncli_fail(const struct ncli *n, enum ncli_status status, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "ncli %s: %s\n", n->command->name, text);
	return status;
}

static enum ncli_status usage(const char *format, const char *what)
{
	fputs("ncli: ", stderr);
	fprintf(stderr, format, what);
	fputs("; `ncli help` lists commands and options\n", stderr);
	return NCLI_USAGE;
}

/* Fills in values and operands from the words behind the command's. */
static enum ncli_status parse(struct ncli *n, int argc, char **argv)
{
	struct option option[NCLI_OPTIONS_MAX + 1] = {0};
	int chosen, found;

	for (int i = 0; n->command->option[i].name; i++)
		option[i] = (struct option){.name = n->command->option[i].name,
					    .has_arg = n->command->option[i].arg ? required_argument
										 : no_argument};
	opterr = 0;
	while ((found = getopt_long(argc, argv, ":", option, &chosen)) != -1) {
		if (found == ':')
			return ncli_fail(n, NCLI_USAGE, "option %s needs a value", argv[optind - 1]);
		if (found == '?')
			return ncli_fail(n, NCLI_USAGE, "unknown option %s", argv[optind - 1]);
		if (n->value[chosen])
			return ncli_fail(n, NCLI_USAGE, "option --%s is given twice", option[chosen].name);
		n->value[chosen] = optarg ? optarg : "";
	}
	n->operand = argv + optind;
	n->operands = argc - optind;
	for (int i = 0; n->command->option[i].name; i++)
		if (n->command->option[i].required && !n->value[i])
			return ncli_fail(n, NCLI_USAGE, "needs --%s %s", n->command->option[i].name,
					 n->command->option[i].arg);
	if (n->operands < n->command->operands_min || n->operands > n->command->operands_max)
		return ncli_fail(n, NCLI_USAGE, "takes %s, not %d operands",
				 *n->command->operands ? n->command->operands : "no operand", n->operands);
	return NCLI_OK;
}

int main(int argc, char **argv)
{
	struct ncli n = {0};

	if (argc < 2)
		return usage("no command%s", "");
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help(stdout);
		return fflush(stdout) ? NCLI_FAILED : NCLI_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, argv[1]))
			n.command = &commands[i];
	if (!n.command)
		return usage("unknown command '%s'", argv[1]);
	enum ncli_status status = parse(&n, argc - 1, argv + 1);

	if (status == NCLI_OK)
		status = n.command->run(&n);
	if (fflush(stdout) && status == NCLI_OK)
		status = ncli_fail(&n, NCLI_FAILED, "standard output cannot be written");
	return status;
}
