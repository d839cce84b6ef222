#include "tools/cli.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum found { FOUND_NONE = -1, FOUND_MANY = -2 };

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
	va_list ap;
	fprintf(cli->err, "%s: ", cli->prog);
	if (cli->object != NULL)
		fprintf(cli->err, "%s%s%s: ", cli->object->name,
			cli->verb != NULL && *cli->verb->name ? " " : "",
			cli->verb != NULL ? cli->verb->name : "");
	va_start(ap, format);
	vfprintf(cli->err, format, ap);
	va_end(ap);
	fputc('\n', cli->err);
	return status;
}

// Names in tables of different structs: the name is the first member of each.
static const char *name_at(const void *table, size_t stride, unsigned i)
{
	return *(const char *const *)((const char *)table + i * stride);
}

// The index of `word` among the names, as the exact name or as a prefix of only one.
static int find(const void *table, size_t stride, const char *word, size_t len)
{
	int found = FOUND_NONE;
	const char *name;
	for (unsigned i = 0; (name = name_at(table, stride, i)) != NULL; i++) {
		if (strncmp(name, word, len) != 0)
			continue;
		if (name[len] == '\0')
			return (int)i;
		found = found == FOUND_NONE ? (int)i : FOUND_MANY;
	}
	return len == 0 ? FOUND_NONE : found;
}

// "a, b, c": all names, or those that begin with `word`.
static void list_names(char *buf, size_t size, const void *table, size_t stride, const char *prefix)
{
	const char *name;
	size_t n = 0;
	buf[0] = '\0';
	for (unsigned i = 0; (name = name_at(table, stride, i)) != NULL; i++) {
		if (strncmp(name, prefix, strlen(prefix)) != 0 || n >= size)
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n != 0 ? ", " : "", name);
	}
}

static int bad_word(const struct cli *cli, const char *what, const char *word, const void *table,
		    size_t stride, int found)
{
	char names[512];
	list_names(names, sizeof names, table, stride, found == FOUND_MANY ? word : "");
	if (found == FOUND_MANY)
		return cli_fail(cli, EXIT_USAGE, "%s '%s' is ambiguous: %s", what, word, names);
	return cli_fail(cli, EXIT_USAGE, "unknown %s '%s', known: %s", what, word, names);
}

static void print_opts(const struct opt *opts, FILE *f)
{
	for (const struct opt *o = opts; o != NULL && o->name != NULL; o++) {
		char text[64];
		snprintf(text, sizeof text, "--%s%s%s", o->name, o->arg != NULL ? " " : "",
			 o->arg != NULL ? o->arg : "");
		fprintf(f, "  %-22s %s\n", text, o->help);
	}
}

const struct opt cli_global_opts[] = {
	{"json", NULL, "-j: JSON, one document on one line"},
	{"pretty", NULL, "-p: JSON, indented"},
	{"fields", "FIELDS", "-f: only these columns or keys, comma-separated, in this order"},
	{"help", NULL, "-h: help about the object or verb named so far"},
	{"schema", NULL, "the JSON Schema of what the command prints with -j, instead of running it"},
	{NULL, NULL, NULL},
};

static void words_line(const struct object *o, const struct verb *v, FILE *f)
{
	fprintf(f, "%s%s%s%s%s%s", o->name, v->name[0] != '\0' ? " " : "", v->name,
		v->flags & VERB_NO_GROUP ? "" : " [GROUP]", v->args[0] != '\0' ? " " : "", v->args);
}

void cli_verb_line(const struct object *o, const struct verb *v, FILE *f)
{
	words_line(o, v, f);
	for (const struct opt *opt = v->opts; opt != NULL && opt->name != NULL; opt++)
		fprintf(f, " [--%s%s%s]", opt->name, opt->arg != NULL ? " " : "",
			opt->arg != NULL ? opt->arg : "");
}

void cli_synopsis(const struct object *objects, FILE *f)
{
	for (const struct object *o = objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++) {
			cli_verb_line(o, v, f);
			fputc('\n', f);
		}
}

const struct exit_status cli_exit_statuses[] = {
	{EXIT_OK, "done"},
	{EXIT_ERROR,
	 "out of memory, cannot write, or cannot do what was asked for a reason the message gives"},
	{EXIT_USAGE, "unknown or missing object, verb, option, argument or field"},
	{EXIT_NO_GROUP, "no such group; or none was named, and none or several run"},
	{EXIT_DAMAGED, "check found a violated invariant"},
	{EXIT_UNREADABLE, "cannot read: no permission, another layout, or not a segment of a group"},
	{EXIT_NO_PROBES, "the probes cannot be used here; the message says why and what would help"},
	{EXIT_NO_OBJECT, "the group has no such channel, service, pool or dead letter"},
	{EXIT_REPAIRED, "check --repair found violations and mended all of them"},
	{EXIT_REFUSED, "the supervisor refused to change the group, or cannot be reached"},
	{-1, NULL},
};

static void help_all(const struct cli *cli)
{
	FILE *f = cli->out;
	fprintf(f, "usage: %s [-j|-p] [-f FIELDS] OBJECT VERB [GROUP] [ARGUMENT]...\n", cli->prog);
	fputs("Looks at the channels, pools, dead letters and processes of a group. The group may be left "
	      "out when\n"
	      "only one runs. Words may be cut short as long as they stay unique.\n\n",
	      f);
	for (const struct object *o = cli->objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++) {
			char text[64];
			snprintf(text, sizeof text, "%s %s%s%s", o->name, v->name,
				 *v->name != '\0' ? " " : "", v->args);
			fprintf(f, "  %-22s %s\n", text, v->brief);
		}
	fputs("\noptions:\n", f);
	print_opts(cli_global_opts, f);
	fputs("\nexit status:\n", f);
	for (const struct exit_status *e = cli_exit_statuses; e->meaning != NULL; e++)
		fprintf(f, "  %d  %s\n", e->status, e->meaning);
}

static void help_verb(const struct cli *cli, const struct object *o, const struct verb *v)
{
	FILE *f = cli->out;
	fprintf(f, "usage: %s ", cli->prog);
	cli_verb_line(o, v, f);
	fprintf(f, "\n%s\n", v->brief);
	if (v->opts != NULL) {
		fputs("\noptions:\n", f);
		print_opts(v->opts, f);
	}
	if (v->cols != NULL)
		fputs("\nfields (* only with -j, -p or -f):\n", f);
	for (unsigned i = 0; i < v->col_cnt; i++)
		fprintf(f, "  %-20s %c %s\n", v->cols[i].key, v->cols[i].flags & COL_EXTRA ? '*' : ' ',
			v->cols[i].help);
}

static int help(struct cli *cli)
{
	const struct verb *verb = cli->verb;
	cli->verb = NULL;
	if (cli->object == NULL) {
		help_all(cli);
	} else if (verb != NULL) {
		help_verb(cli, cli->object, verb);
	} else {
		for (const struct verb *v = cli->object->verbs; v->name != NULL; v++) {
			help_verb(cli, cli->object, v);
			if (v[1].name != NULL)
				fputc('\n', cli->out);
		}
	}
	return EXIT_OK;
}

// The long options that mean something now: the global ones and those of the verb, for getopt.
#define LONG_MAX_CNT (CLI_OPT_MAX + 8)
enum { SCHEMA_OPT = 255, VERB_OPT = 256 }; // value of --schema, and of the verb's first option

static void long_options(const struct cli *cli, struct option *longs)
{
	static const int values[] = {'j', 'p', 'f', 'h', SCHEMA_OPT};
	unsigned n = 0;
	for (unsigned i = 0; cli_global_opts[i].name != NULL; i++)
		longs[n++] = (struct option){cli_global_opts[i].name, cli_global_opts[i].arg != NULL, NULL,
					     values[i]};
	for (unsigned i = 0; cli->verb != NULL && cli->verb->opts != NULL && cli->verb->opts[i].name != NULL;
	     i++)
		longs[n++] = (struct option){cli->verb->opts[i].name, cli->verb->opts[i].arg != NULL, NULL,
					     VERB_OPT + (int)i};
	longs[n] = (struct option){0};
}

static int bad_option(const struct cli *cli, int c, char *const *argv, const struct option *longs)
{
	char names[512], word[64] = {'-', (char)optopt, '\0'};
	size_t n = 0;
	// Of a long option getopt tells only where it stood; of a short one only its letter.
	if (optopt == 0 || optopt >= SCHEMA_OPT || strncmp(argv[optind - 1], "--", 2) == 0)
		snprintf(word, sizeof word, "%s", argv[optind - 1]);
	if (c == ':')
		return cli_fail(cli, EXIT_USAGE, "option '%s' needs an argument", word);
	for (; longs->name != NULL && n < sizeof names; longs++)
		n += (size_t)snprintf(names + n, sizeof names - n, "%s--%s", n != 0 ? ", " : "", longs->name);
	return cli_fail(cli, EXIT_USAGE, "unknown option '%s', known: %s", word, names);
}

// Handles the options from argv[optind] up to the next word.
static int options(struct cli *cli, int argc, char *const *argv, bool *help)
{
	struct option longs[LONG_MAX_CNT];
	int c;
	long_options(cli, longs);
	while ((c = getopt_long(argc, argv, "+:jpf:h", longs, NULL)) != -1) {
		if (c == 'p' || c == 'j') {
			cli->json = true;
			cli->pretty |= c == 'p';
		} else if (c == 'f') {
			cli->fields = optarg;
		} else if (c == 'h') {
			*help = true;
		} else if (c == SCHEMA_OPT) {
			cli->schema = true;
		} else if (c >= VERB_OPT) {
			cli->opts[c - VERB_OPT] = optarg != NULL ? optarg : "";
		} else {
			return bad_option(cli, c, argv, longs);
		}
	}
	return EXIT_OK;
}

static unsigned count_words(const char *s)
{
	unsigned n = 0;
	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		n++;
		s += strcspn(s, " ");
	}
	return n;
}

static int bad_count(const struct cli *cli, const char *what, const char *problem)
{
	char usage[160] = "";
	FILE *f = fmemopen(usage, sizeof usage, "w");
	if (f != NULL) {
		words_line(cli->object, cli->verb, f);
		fclose(f);
	}
	return cli_fail(cli, EXIT_USAGE, "%s %s; usage: %s", what, problem, usage);
}

// Sorts the words behind the verb into group and arguments.
static int arguments(struct cli *cli, const char *const *words, unsigned cnt)
{
	unsigned want = count_words(cli->verb->args);
	unsigned most = want + !(cli->verb->flags & VERB_NO_GROUP);
	char quoted[64];
	if (cnt > most) {
		snprintf(quoted, sizeof quoted, "'%s'", words[most]);
		return bad_count(cli, quoted, "is one word too many");
	}
	if (cnt < want)
		return bad_count(cli, cli->verb->args, want == 1 ? "is missing" : "are needed");
	if (cnt > want)
		cli->group = *words++;
	for (unsigned i = 0; i < want; i++)
		cli->args[i] = words[i];
	return EXIT_OK;
}

static int name_word(struct cli *cli, const char *word, bool *is_help)
{
	int i;
	if (strcmp(word, "help") == 0) {
		*is_help = true;
		return EXIT_OK;
	}
	if (cli->object == NULL) {
		i = find(cli->objects, sizeof *cli->objects, word, strlen(word));
		if (i < 0)
			return bad_word(cli, "object", word, cli->objects, sizeof *cli->objects, i);
		cli->object = &cli->objects[i];
		if (cli->object->verbs[0].name[0] == '\0')
			cli->verb = cli->object->verbs;
		return EXIT_OK;
	}
	i = find(cli->object->verbs, sizeof *cli->object->verbs, word, strlen(word));
	if (i < 0)
		return bad_word(cli, "verb", word, cli->object->verbs, sizeof *cli->object->verbs, i);
	cli->verb = &cli->object->verbs[i];
	return EXIT_OK;
}

// Before anything is done: a change whose outcome can't be printed is no help.
static int check_fields(const struct cli *cli)
{
	int status = EXIT_OK;
	table_free(cli_table(cli, &status));
	return status;
}

int cli_parse(struct cli *cli, const struct object *objects, int argc, char *const *argv, FILE *out,
	      FILE *err)
{
	return cli_parse_as(cli, "shmtool", objects, argc, argv, out, err);
}

int cli_parse_as(struct cli *cli, const char *prog, const struct object *objects, int argc, char *const *argv,
		 FILE *out, FILE *err)
{
	const char *words[CLI_ARG_MAX + 2];
	unsigned word_cnt = 0;
	bool wants_help = false;
	int status;

	*cli = (struct cli){.prog = prog, .objects = objects, .out = out, .err = err};
	opterr = 0;
	optind = 0; // glibc: begin anew, whatever an earlier call left
	for (bool only_words = false;;) {
		status = only_words ? EXIT_OK : options(cli, argc, argv, &wants_help);
		if (status != EXIT_OK)
			return status;
		only_words |= optind > 1 && strcmp(argv[optind - 1], "--") == 0;
		if (optind >= argc)
			break;
		if (cli->verb == NULL)
			status = name_word(cli, argv[optind], &wants_help);
		else if (!only_words && strcmp(argv[optind], "help") == 0)
			wants_help = true;
		else if (word_cnt < CLI_ARG_MAX + 2)
			words[word_cnt++] = argv[optind];
		if (status != EXIT_OK)
			return status;
		optind++;
	}
	if (wants_help)
		return help(cli);
	if (cli->object == NULL)
		return cli_fail(cli, EXIT_USAGE, "an object and a verb are missing; see: %s help", cli->prog);
	if (cli->verb == NULL) {
		char names[256];
		list_names(names, sizeof names, cli->object->verbs, sizeof *cli->object->verbs, "");
		return cli_fail(cli, EXIT_USAGE, "a verb is missing, one of: %s", names);
	}
	status = cli->schema ? EXIT_OK : arguments(cli, words, word_cnt);
	if (status != EXIT_OK)
		return status;
	if (cli->fields != NULL && cli->verb->cols == NULL)
		return cli_fail(cli, EXIT_USAGE,
				"option --fields has no meaning here: no columns to choose from");
	return cli->fields != NULL ? check_fields(cli) : EXIT_OK;
}

const char *cli_opt(const struct cli *cli, const char *name)
{
	for (unsigned i = 0; cli->verb->opts != NULL && cli->verb->opts[i].name != NULL; i++)
		if (strcmp(cli->verb->opts[i].name, name) == 0)
			return cli->opts[i];
	return NULL;
}

bool cli_number(const struct cli *cli, const char *what, const char *word, double min, double max,
		double *out)
{
	char *end;
	*out = strtod(word, &end);
	if (end != word && *end == '\0' && *out >= min && *out <= max)
		return true;
	cli_fail(cli, EXIT_USAGE, "%s '%s' is not a number from %g to %g", what, word, min, max);
	return false;
}

struct table *cli_table(const struct cli *cli, int *status)
{
	struct table *t = table_new(cli->verb->cols, cli->verb->col_cnt);
	const char *bad;
	if (t == NULL) {
		*status = cli_fail(cli, EXIT_ERROR, "out of memory");
		return NULL;
	}
	bad = cli->fields != NULL ? table_select(t, cli->fields) : NULL;
	if (bad != NULL) {
		*status = cli_fail(cli, EXIT_USAGE, "unknown field '%s'; see: %s %s %s help", bad, cli->prog,
				   cli->object->name, cli->verb->name);
		table_free(t);
		return NULL;
	}
	return t;
}

int cli_print(const struct cli *cli, struct table *t, bool record)
{
	struct jsonw j;
	bool ok;
	if (cli->json) {
		jsonw_begin(&j, cli->out, cli->pretty);
		ok = record ? table_json_record(t, &j, 0) : table_json(t, &j);
		if (ok)
			jsonw_line(&j);
	} else {
		ok = record ? table_print_record(t, cli->out) : table_print(t, cli->out);
	}
	ok = ok && fflush(cli->out) == 0;
	table_free(t);
	return ok ? EXIT_OK : cli_fail(cli, EXIT_ERROR, "cannot print: out of memory or output closed");
}

bool cli_line(const struct cli *cli, struct table *t, bool first)
{
	struct jsonw j;
	if (!cli->json)
		return table_print_stream(t, cli->out, first);
	jsonw_begin(&j, cli->out, cli->pretty);
	if (!table_json_record(t, &j, 0))
		return false;
	jsonw_line(&j);
	return true;
}

bool cli_confirmed(const struct cli *cli, const char *would)
{
	if (cli_opt(cli, "yes") != NULL || !isatty(STDIN_FILENO))
		return true;
	cli_fail(cli, EXIT_USAGE, "would %s; add --yes to do it", would);
	return false;
}
