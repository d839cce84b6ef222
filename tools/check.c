#include <stdlib.h>
#include <string.h>
#include "tools/shmtool.h"

enum { V_OBJECT, V_TEXT };
static const struct col check_cols[] = {
	[V_OBJECT] = {"object", COL_STR, COL_ALWAYS, "what violates an invariant"},
	[V_TEXT] = {"violation", COL_STR, COL_ALWAYS, "which invariant, with the values found"},
};

static void add_violation(void *ctx, const char *object, const char *text)
{
	table_row(ctx);
	table_str(ctx, V_OBJECT, object);
	table_str(ctx, V_TEXT, text);
}

static int check(const struct cli *cli)
{
	struct shmchan_view *v;
	struct shmchan_view_group g;
	int status, found;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK) {
		table_free(t);
		return status;
	}
	shmchan_view_group(v, &g);
	found = shmchan_view_check(v, add_violation, t);
	shmchan_view_close(v);
	if (found < 0) {
		table_free(t);
		return shmtool_unreadable(cli, g.name, found);
	}
	if (found == 0 && !cli->json) {
		table_free(t);
		fprintf(cli->out, "%s: clean (channels: %u, pools: %u)\n", g.name, g.chan_cnt, g.pool_cnt);
		return fflush(cli->out) == 0 ? EXIT_OK
					     : cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
	}
	status = cli_print(cli, t, false);
	if (status == EXIT_OK && found > 0)
		status = cli_fail(cli, EXIT_DAMAGED, "group '%s' is damaged: %d violated invariant%s", g.name,
				  found, found == 1 ? "" : "s");
	return status;
}

const struct verb check_verbs[] = {
	{"", "walks every object; exit status 4 if one is damaged", "", NULL, COLS(check_cols), 0, check},
	NO_MORE_VERBS,
};
