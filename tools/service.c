#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tools/procstat.h"
#include "tools/shmtool.h"

enum {
	S_NAME,
	S_STATE,
	S_PID,
	S_INCARNATION,
	S_READY,
	S_ALIVE,
	S_ASLEEP,
	S_BEAT,
	S_UPTIME,
	S_CPU,
	S_SPARE_PID,
	S_SPARE_STATE,
	S_RSS,
	S_SLOT,
	S_RECEIVES,
	S_SENDS,
};
static const struct col service_cols[] = {
	[S_NAME] = {"name", COL_STR, COL_ALWAYS, "name of the service"},
	[S_STATE] = {"state", COL_STR, COL_ALWAYS, "free, announced, running, or dead (recovery under way)"},
	[S_PID] = {"pid", COL_I64, 0, "process of the current incarnation"},
	[S_INCARNATION] = {"incarnation", COL_U64, 0, "how many processes have had this place"},
	[S_READY] = {"ready", COL_BOOL, 0, "whether it has said that it serves"},
	[S_ALIVE] = {"alive", COL_BOOL, 0, "whether that process exists"},
	[S_ASLEEP] = {"asleep", COL_BOOL, 0, "whether it waits on its doorbell"},
	[S_BEAT] = {"beat", COL_U64, 0, "signs of life counted"},
	[S_UPTIME] = {"uptime_seconds", COL_NUM, 0, "since the process was started"},
	[S_CPU] = {"cpu_seconds", COL_NUM, 0, "processor time it has used"},
	[S_SPARE_PID] = {"spare_pid", COL_I64, 0, "process that stands by to take its place"},
	[S_SPARE_STATE] = {"spare_state", COL_STR, 0, "of that: starting, spare (it can take over), or dead"},
	[S_RSS] = {"rss_bytes", COL_U64, COL_EXTRA, "memory it has resident, shared memory too"},
	[S_SLOT] = {"slot", COL_U64, COL_EXTRA, "process slot"},
	[S_RECEIVES] = {"receives", COL_LIST, COL_EXTRA, "channels it may receive from"},
	[S_SENDS] = {"sends", COL_LIST, COL_EXTRA, "channels it may send to"},
};

static void process_columns(struct table *t, const struct shmchan_view_proc *p)
{
	struct procstat stat;
	struct timespec now;

	if (!procstat_read(p->pid, &stat))
		return;
	clock_gettime(CLOCK_BOOTTIME, &now);
	table_num(t, S_UPTIME,
		  (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
			  (double)p->start_time / (double)sysconf(_SC_CLK_TCK));
	table_num(t, S_CPU, stat.cpu_seconds);
	table_u64(t, S_RSS, stat.rss_bytes);
}

static void spare_columns(struct table *t, const struct shmchan_view_proc *p)
{
	if (p->spare_pid == 0)
		return;
	table_i64(t, S_SPARE_PID, p->spare_pid);
	table_str(t, S_SPARE_STATE, !p->spare_alive ? "dead" : p->spare_waits ? "spare" : "starting");
}

struct search {
	unsigned slot;
	bool found;
};

static void match_slot(void *ctx, const char *name, unsigned slot)
{
	struct search *s = ctx;
	s->found |= slot == s->slot;
}

static void service_row(struct table *t, const struct shmchan_view *v, const struct shmchan_view_proc *p)
{
	struct shmchan_view_chan c;

	table_row(t);
	table_str(t, S_NAME, p->name);
	table_str(t, S_STATE, shmtool_proc_state(p->state));
	if (p->pid != 0)
		table_i64(t, S_PID, p->pid);
	table_u64(t, S_INCARNATION, p->incarnation);
	table_bool(t, S_READY, p->ready);
	table_bool(t, S_ALIVE, p->alive);
	table_bool(t, S_ASLEEP, p->asleep);
	table_u64(t, S_BEAT, p->beat);
	if (p->alive)
		process_columns(t, p);
	spare_columns(t, p);
	table_u64(t, S_SLOT, p->slot);
	for (unsigned i = 0; shmchan_view_chan(v, i, &c) != SHMCHAN_ENOENT; i++) {
		struct search rx = {p->slot, false}, tx = {p->slot, false};
		shmchan_view_chan_peers(v, i, SHMCHAN_RX, match_slot, &rx);
		shmchan_view_chan_peers(v, i, SHMCHAN_TX, match_slot, &tx);
		if (rx.found)
			table_add(t, S_RECEIVES, c.name);
		if (tx.found)
			table_add(t, S_SENDS, c.name);
	}
}

static int list_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_proc p;
	for (unsigned i = 0; shmchan_view_proc(v, i, &p) == 0; i++)
		service_row(t, v, &p);
	return EXIT_OK;
}

static int service_list(const struct cli *cli)
{
	return shmtool_rows(cli, false, list_fill);
}

static int show_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_proc p;
	unsigned i;
	int status = shmtool_proc(cli, v, cli->args[0], &i);
	if (status == EXIT_OK && shmchan_view_proc(v, i, &p) == 0)
		service_row(t, v, &p);
	return status;
}

static int service_show(const struct cli *cli)
{
	return shmtool_rows(cli, true, show_fill);
}

const struct verb service_verbs[] = {
	{"list", "all services with their processes", "", NULL, COLS(service_cols), 0, service_list},
	{"show", "one service with its channels", "SERVICE", NULL, COLS(service_cols), VERB_RECORD,
	 service_show},
	NO_MORE_VERBS,
};
