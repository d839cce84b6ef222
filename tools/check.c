#include <stdlib.h>
#include <string.h>
#include "tools/ask.h"

enum { V_OBJECT, V_TEXT, V_REPAIRED };
static const struct col check_cols[] = {
	[V_OBJECT] = {"object", COL_STR, COL_ALWAYS, "what violates an invariant"},
	[V_TEXT] = {"violation", COL_STR, COL_ALWAYS,
		    "which invariant, with the values found; of a repaired one, what was done"},
	[V_REPAIRED] = {"repaired", COL_BOOL, COL_ALWAYS, "whether it was mended (--repair)"},
};

static void add_violation(void *ctx, const char *object, const char *text)
{
	table_row(ctx);
	table_str(ctx, V_OBJECT, object);
	table_str(ctx, V_TEXT, text);
	table_bool(ctx, V_REPAIRED, false);
}

// The supervisor mends; what it did goes into the table, and its count into *repaired.
static int repair(const struct cli *cli, const char *group, struct table *t, int *repaired)
{
	json_t *reply, *one;
	size_t i;
	int status = ask(cli, group, json_pack("{s:s}", "verb", "repair"), -1, &reply);

	json_array_foreach(json_object_get(reply, "repaired"), i, one)
	{
		const char *object = json_string_value(json_object_get(one, "object"));
		const char *text = json_string_value(json_object_get(one, "text"));

		add_violation(t, object != NULL ? object : "", text != NULL ? text : "");
		table_bool(t, V_REPAIRED, true);
		++*repaired;
	}
	json_decref(reply);
	return status;
}

static int conclude(const struct cli *cli, const struct shmchan_view_group *g, struct table *t, int found,
		    int repaired)
{
	int status;

	if (found == 0 && repaired == 0 && !cli->json) {
		table_free(t);
		fprintf(cli->out, "%s: clean (channels: %u, pools: %u)\n", g->name, g->chan_cnt, g->pool_cnt);
		return fflush(cli->out) == 0 ? EXIT_OK
					     : cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
	}
	status = cli_print(cli, t, false);
	if (status != EXIT_OK)
		return status;
	if (found > 0)
		return cli_fail(cli, EXIT_DAMAGED, "group '%s' is damaged: %d violated invariant%s%s",
				g->name, found, found == 1 ? "" : "s",
				cli_opt(cli, "repair") == NULL
					? "; --repair mends what can be mended"
					: "; what is positions of a channel can be mended while "
					  "the service that receives from it is stopped");
	return repaired > 0 ? EXIT_REPAIRED : EXIT_OK;
}

static int check(const struct cli *cli)
{
	struct shmchan_view *v;
	struct shmchan_view_group g;
	int status, found, repaired = 0;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK) {
		table_free(t);
		return status;
	}
	shmchan_view_group(v, &g);
	if (cli_opt(cli, "repair") != NULL) {
		status = cli_confirmed(cli, "mend what violates an invariant")
				 ? repair(cli, g.name, t, &repaired)
				 : EXIT_USAGE;
		if (status != EXIT_OK) {
			shmchan_view_close(v);
			table_free(t);
			return status;
		}
	}
	found = shmchan_view_check(v, add_violation, t);
	shmchan_view_close(v);
	if (found < 0) {
		table_free(t);
		return shmtool_unreadable(cli, g.name, found);
	}
	return conclude(cli, &g, t, found, repaired);
}

static const struct opt check_opts[] = {
	{"repair", NULL, "have the supervisor mend what can be mended; exit status 8 if that was all"},
	{"yes", NULL, "do it; needed where standard input is a terminal"},
	{NULL, NULL, NULL},
};
const struct verb check_verbs[] = {
	{"", "walks every object; exit status 4 if one is damaged", "", check_opts, COLS(check_cols), 0,
	 check},
	NO_MORE_VERBS,
};
