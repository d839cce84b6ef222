#include <stdlib.h>
#include <string.h>
#include "tools/shmtool.h"

enum { G_NAME, G_STATE, G_PID, G_SERVICES, G_CHANNELS, G_POOLS, G_CREATED, G_LAYOUT };
static const struct col group_cols[] = {
	[G_NAME] = {"name", COL_STR, COL_ALWAYS, "name of the group"},
	[G_STATE] = {"state", COL_STR, COL_ALWAYS, "running, stale (its supervisor is dead) or unreadable"},
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

enum {
	SG_NAME,
	SG_STATE,
	SG_PID,
	SG_CREATED,
	SG_LAYOUT,
	SG_TAG,
	SG_SERVICES,
	SG_ALIVE,
	SG_RESPAWNS,
	SG_CHANNELS,
	SG_DEPTH,
	SG_IN_FLIGHT,
	SG_FULL_NOW,
	SG_POOLS,
	SG_BLOCKS_USED,
	SG_DEAD,
};
static const struct col show_cols[] = {
	[SG_NAME] = {"name", COL_STR, COL_ALWAYS, "name of the group"},
	[SG_STATE] = {"state", COL_STR, COL_ALWAYS, "running, or stale (its supervisor is dead)"},
	[SG_PID] = {"supervisor_pid", COL_I64, 0, "process that owns the group's segments"},
	[SG_CREATED] = {"created", COL_TIME, 0, "when the segments were made"},
	[SG_LAYOUT] = {"layout", COL_U64, 0, "layout version of the segments"},
	[SG_TAG] = {"tag", COL_U64, 0, "number that tells the group apart in probes"},
	[SG_SERVICES] = {"services", COL_U64, 0, "process slots, without the supervisor's"},
	[SG_ALIVE] = {"alive", COL_U64, 0, "of which have a living process"},
	[SG_RESPAWNS] = {"respawns", COL_U64, 0, "incarnations beyond the first of each service"},
	[SG_CHANNELS] = {"channels", COL_U64, 0, "channels"},
	[SG_DEPTH] = {"depth", COL_U64, 0, "messages published and not taken, in all channels"},
	[SG_IN_FLIGHT] = {"in_flight", COL_U64, 0, "messages taken and not completed, in all channels"},
	[SG_FULL_NOW] = {"full_channels", COL_LIST, 0, "channels that have no room now"},
	[SG_POOLS] = {"pools", COL_U64, 0, "pools of blocks"},
	[SG_BLOCKS_USED] = {"blocks_used", COL_U64, 0, "blocks that are not free, in all pools"},
	[SG_DEAD] = {"dead_letters", COL_U64, 0, "dead letters ever written"},
};

static void sum_services(const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_proc p;
	uint64_t alive = 0, respawns = 0;
	for (unsigned i = 0; shmchan_view_proc(v, i, &p) == 0; i++) {
		alive += p.alive;
		respawns += p.incarnation > 1 ? p.incarnation - 1 : 0;
	}
	table_u64(t, SG_ALIVE, alive);
	table_u64(t, SG_RESPAWNS, respawns);
}

static int sum_channels(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_chan c;
	uint64_t depth = 0, in_flight = 0;
	int status = EXIT_OK, code;
	for (unsigned i = 0; (code = shmchan_view_chan(v, i, &c)) != SHMCHAN_ENOENT; i++) {
		if (code != 0) {
			status = shmtool_unreadable(cli, c.name, code);
			continue;
		}
		depth += c.stat.depth;
		in_flight += c.stat.in_flight;
		if (c.stat.depth + c.stat.in_flight >= c.capacity)
			table_add(t, SG_FULL_NOW, c.name);
	}
	table_u64(t, SG_DEPTH, depth);
	table_u64(t, SG_IN_FLIGHT, in_flight);
	return status;
}

static int sum_pools(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_pool p;
	uint64_t used = 0;
	int status = EXIT_OK, code;
	for (unsigned i = 0; (code = shmchan_view_pool(v, i, &p)) != SHMCHAN_ENOENT; i++) {
		if (code != 0)
			status = shmtool_unreadable(cli, p.name, code);
		used += p.owned + p.kept + p.sent;
	}
	table_u64(t, SG_BLOCKS_USED, used);
	return status;
}

static int show_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_group g;
	int channels, pools;

	shmchan_view_group(v, &g);
	table_row(t);
	table_str(t, SG_NAME, g.name);
	table_str(t, SG_STATE, g.broker_alive ? "running" : "stale");
	table_i64(t, SG_PID, g.broker_pid);
	table_u64(t, SG_CREATED, g.created_ns);
	table_u64(t, SG_LAYOUT, g.layout_version);
	table_u64(t, SG_TAG, g.group_tag);
	table_u64(t, SG_SERVICES, g.proc_cnt);
	table_u64(t, SG_CHANNELS, g.chan_cnt);
	table_u64(t, SG_POOLS, g.pool_cnt);
	table_u64(t, SG_DEAD, shmchan_view_dead_cnt(v, NULL));
	sum_services(v, t);
	channels = sum_channels(cli, v, t);
	pools = sum_pools(cli, v, t);
	return channels != EXIT_OK ? channels : pools;
}

static int group_show(const struct cli *cli)
{
	return shmtool_rows(cli, true, show_fill);
}

const struct verb group_verbs[] = {
	{"list", "all groups of this machine", "", NULL, COLS(group_cols), VERB_NO_GROUP, group_list},
	{"show", "one group: its services, channels and pools in sum", "", NULL, COLS(show_cols), VERB_RECORD,
	 group_show},
	NO_MORE_VERBS,
};
