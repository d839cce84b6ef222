#include <stdlib.h>
#include <string.h>
#include "tools/shmtool.h"

enum { G_NAME, G_STATE, G_PID, G_SERVICES, G_CHANNELS, G_POOLS, G_CREATED, G_LAYOUT };
static const struct col group_cols[] = {
	[G_NAME] = {"name", COL_STR, 0, "name of the group"},
	[G_STATE] = {"state", COL_STR, 0, "running, stale (its supervisor is dead) or unreadable"},
	[G_PID] = {"supervisor_pid", COL_I64, 0, "process that owns the group's segments"},
	[G_SERVICES] = {"services", COL_U64, 0, "process slots, without the supervisor's"},
	[G_CHANNELS] = {"channels", COL_U64, 0, "channels"},
	[G_POOLS] = {"pools", COL_U64, 0, "pools of blocks"},
	[G_CREATED] = {"created", COL_TIME, 0, "when the segments were made"},
	[G_LAYOUT] = {"layout", COL_U64, COL_EXTRA, "layout version of the segments"},
};

struct listing {
	const struct cli *cli;
	struct table *t;
	int status;
};

static void list_one(void *ctx, const char *name)
{
	struct listing *l = ctx;
	struct shmchan_view_group g;
	struct shmchan_view *v;
	struct shmchan_why why = {0};
	int code = shmchan_view_open(&v, name, &why);

	if (code == SHMCHAN_ENOENT) // went away since it was listed
		return;
	table_row(l->t);
	table_str(l->t, G_NAME, name);
	if (code != 0) {
		table_str(l->t, G_STATE, "unreadable");
		l->status = cli_fail(l->cli, EXIT_UNREADABLE, "cannot read group '%s': %s", name,
				     why.text[0] != '\0' ? why.text : shmchan_strerror(code));
		return;
	}
	shmchan_view_group(v, &g);
	table_str(l->t, G_STATE, g.broker_alive ? "running" : "stale");
	table_i64(l->t, G_PID, g.broker_pid);
	table_u64(l->t, G_SERVICES, g.proc_cnt);
	table_u64(l->t, G_CHANNELS, g.chan_cnt);
	table_u64(l->t, G_POOLS, g.pool_cnt);
	table_u64(l->t, G_CREATED, g.created_ns);
	table_u64(l->t, G_LAYOUT, g.layout_version);
	shmchan_view_close(v);
}

static int group_list(const struct cli *cli)
{
	struct listing l = {.cli = cli};
	int status, code;

	l.t = cli_table(cli, &status);
	if (l.t == NULL)
		return status;
	code = shmchan_view_groups(list_one, &l);
	if (code < 0) {
		table_free(l.t);
		return cli_fail(cli, EXIT_UNREADABLE, "cannot list groups: %s", shmchan_strerror(code));
	}
	status = cli_print(cli, l.t, false);
	return status != EXIT_OK ? status : l.status;
}

#define COLS(cols) cols, sizeof cols / sizeof *cols
const struct verb group_verbs[] = {
	{"list", "all groups of this machine", "", NULL, COLS(group_cols), VERB_NO_GROUP, group_list},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
