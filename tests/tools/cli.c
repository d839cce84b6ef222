#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "tools/cli.h"

static int nothing(const struct cli *cli)
{
	return EXIT_OK;
}

static const struct col cols[] = {{"name", COL_STR, 0, "its name"},
				  {"secret", COL_U64, COL_EXTRA, "its number"}};
static const struct opt opts[] = {
	{"seconds", "S", "how long"},
	{"follow", NULL, "go on"},
	{NULL, NULL, NULL},
};
static const struct verb chan_verbs[] = {
	{"list", "all", "", NULL, cols, 2, 0, nothing},
	{"show", "one", "CHANNEL", NULL, cols, 2, 0, nothing},
	{"shift", "two words", "CHANNEL PLACE", opts, NULL, 0, 0, nothing},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
static const struct verb check_verbs[] = {
	{"", "walks", "", NULL, cols, 2, 0, nothing},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
static const struct verb group_verbs[] = {
	{"list", "groups", "", NULL, cols, 2, VERB_NO_GROUP, nothing},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
static const struct object objects[] = {
	{"group", "groups", group_verbs},
	{"chan", "channels", chan_verbs},
	{"check", "invariants", check_verbs},
	{NULL, NULL, NULL},
};

// Parses the words of `line`, split at blanks; texts are what was printed.
static int parse(struct cli *cli, const char *line, char **out_text, char **err_text)
{
	static char words[256];
	char *argv[16] = {"shmtool"}, *save = NULL;
	size_t out_size, err_size;
	int argc = 1, status;
	FILE *out = open_memstream(out_text, &out_size), *err = open_memstream(err_text, &err_size);

	snprintf(words, sizeof words, "%s", line);
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	status = cli_parse(cli, objects, argc, argv, out, err);
	fclose(out);
	fclose(err);
	return status;
}

static void good(struct cli *cli, const char *line)
{
	char *out, *err;
	cr_assert_eq(parse(cli, line, &out, &err), EXIT_OK, "%s: %s", line, err);
	cr_assert_str_eq(err, "");
	cr_assert_str_eq(out, "");
	cr_assert_not_null(cli->verb);
	free(out);
	free(err);
}

static void bad(const char *line, const char *want)
{
	struct cli cli;
	char *out, *err;
	cr_assert_eq(parse(&cli, line, &out, &err), EXIT_USAGE, "%s", line);
	cr_assert_str_eq(err, want);
	cr_assert_str_eq(out, "");
	free(out);
	free(err);
}

Test(cli, words_and_unique_prefixes)
{
	struct cli cli;
	good(&cli, "chan list");
	cr_assert_str_eq(cli.verb->name, "list");
	cr_assert_null(cli.group);
	good(&cli, "cha l node");
	cr_assert_str_eq(cli.object->name, "chan");
	cr_assert_str_eq(cli.group, "node");
	good(&cli, "g list");
	good(&cli, "check node");
	cr_assert_str_eq(cli.group, "node");
	cr_assert_str_eq(cli.verb->name, "");
}

Test(cli, group_may_be_left_out_before_arguments)
{
	struct cli cli;
	good(&cli, "chan show requests");
	cr_assert_null(cli.group);
	cr_assert_str_eq(cli.args[0], "requests");
	good(&cli, "chan show node requests");
	cr_assert_str_eq(cli.group, "node");
	cr_assert_str_eq(cli.args[0], "requests");
	good(&cli, "chan shift node requests here");
	cr_assert_str_eq(cli.args[1], "here");
}

Test(cli, options_before_and_behind)
{
	struct cli cli;
	good(&cli, "-j chan list node");
	cr_assert(cli.json && !cli.pretty);
	good(&cli, "chan -p list node -f name");
	cr_assert(cli.json && cli.pretty);
	cr_assert_str_eq(cli.fields, "name");
	cr_assert_str_eq(cli.group, "node");
	good(&cli, "-jfname,secret chan list");
	cr_assert_str_eq(cli.fields, "name,secret");
	good(&cli, "chan shift a --sec=3 b");
	cr_assert_str_eq(cli_opt(&cli, "seconds"), "3");
	cr_assert_null(cli_opt(&cli, "follow"));
	good(&cli, "chan shift a --seconds 4 --follow b");
	cr_assert_str_eq(cli_opt(&cli, "seconds"), "4");
	cr_assert_str_eq(cli_opt(&cli, "follow"), "");
	cr_assert_str_eq(cli.args[1], "b");
	good(&cli, "chan show -- -x");
	cr_assert_str_eq(cli.args[0], "-x");
	good(&cli, "chan show -- help");
	cr_assert_str_eq(cli.args[0], "help");
}

Test(cli, every_mistake_has_its_line)
{
	bad("", "shmtool: an object and a verb are missing; see: shmtool help\n");
	bad("queue list", "shmtool: unknown object 'queue', known: group, chan, check\n");
	bad("ch list", "shmtool: object 'ch' is ambiguous: chan, check\n");
	bad("chan", "shmtool: chan: a verb is missing, one of: list, show, shift\n");
	bad("chan lits", "shmtool: chan: unknown verb 'lits', known: list, show, shift\n");
	bad("chan sh x", "shmtool: chan: verb 'sh' is ambiguous: show, shift\n");
	bad("chan list a b", "shmtool: chan list: 'b' is one word too many; usage: chan list [GROUP]\n");
	bad("group list a", "shmtool: group list: 'a' is one word too many; usage: group list\n");
	bad("check a b", "shmtool: check: 'b' is one word too many; usage: check [GROUP]\n");
	bad("chan show", "shmtool: chan show: CHANNEL is missing; usage: chan show [GROUP] CHANNEL\n");
	bad("chan list --colour",
	    "shmtool: chan list: unknown option '--colour', known: --json, --pretty, --fields, --help, --schema\n");
	bad("chan shift --colour=red a b",
	    "shmtool: chan shift: unknown option '--colour=red', known: --json, --pretty, "
	    "--fields, --help, --schema, --seconds, --follow\n");
	bad("-x chan list", "shmtool: unknown option '-x', known: --json, --pretty, --fields, --help, --schema\n");
	bad("--seconds 3 chan shift a b",
	    "shmtool: unknown option '--seconds', known: --json, --pretty, --fields, --help, --schema\n");
	bad("chan shift a b --seconds", "shmtool: chan shift: option '--seconds' needs an argument\n");
	bad("chan list -f", "shmtool: chan list: option '-f' needs an argument\n");
	bad("chan shift a b -f name",
	    "shmtool: chan shift: option --fields has no meaning here: no columns to choose from\n");
}

static void help_has(const char *line, const char *want)
{
	struct cli cli;
	char *out, *err;
	cr_assert_eq(parse(&cli, line, &out, &err), EXIT_OK);
	cr_assert_null(cli.verb);
	cr_assert_str_eq(err, "");
	cr_assert_not_null(strstr(out, want), "%s prints %s", line, out);
	free(out);
	free(err);
}

Test(cli, help_is_asked_for_in_many_ways)
{
	help_has("help", "chan show CHANNEL");
	help_has("--help", "exit status");
	help_has("-h", "usage: shmtool [-j|-p] [-f FIELDS] OBJECT VERB");
	help_has("chan help", "chan shift [GROUP] CHANNEL PLACE [--seconds S] [--follow]");
	help_has("help chan", "usage: shmtool chan list [GROUP]");
	help_has("chan show --help", "secret");
	help_has("chan shift help", "--seconds S");
}

Test(cli, numbers)
{
	char *text;
	size_t size;
	struct cli cli = {.prog = "shmtool", .err = open_memstream(&text, &size)};
	double v;
	cr_assert(cli_number(&cli, "seconds", "0.5", 0, 10, &v));
	cr_assert_eq(v, 0.5);
	static const char *const bad_words[] = {"", "x", "1x", "11", "-1", "nan", "1 "};
	for (unsigned i = 0; i < sizeof bad_words / sizeof *bad_words; i++)
		cr_assert_not(cli_number(&cli, "seconds", bad_words[i], 0, 10, &v), "'%s'", bad_words[i]);
	fclose(cli.err);
	cr_assert_not_null(strstr(text, "shmtool: seconds '1x' is not a number from 0 to 10\n"));
	free(text);
}

Test(cli, an_unknown_field_is_named)
{
	struct cli cli;
	bad("chan list -f name,colour",
	    "shmtool: chan list: unknown field 'colour'; see: shmtool chan list help\n");
	good(&cli, "chan list -f secret,name");
}

Test(cli, synopsis)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	cli_synopsis(objects, f);
	fclose(f);
	cr_assert_str_eq(text, "group list\nchan list [GROUP]\nchan show [GROUP] CHANNEL\n"
			       "chan shift [GROUP] CHANNEL PLACE [--seconds S] [--follow]\ncheck [GROUP]\n");
	free(text);
}
