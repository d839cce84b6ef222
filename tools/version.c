#include "bpf/watch.h"
#include "shmchan/probe.h"
#include "tools/http.h"
#include "tools/shmtool.h"
#include "tools/top.h"

#define VERSION "0.1.0"

enum {
	N_VERSION,
	N_PROBES,
	N_PROBES_MISSING,
	N_BPF,
	N_BPF_MISSING,
	N_HTTP,
	N_HTTP_MISSING,
	N_TOP,
	N_TOP_MISSING
};
static const struct col version_cols[] = {
	[N_VERSION] = {"version", COL_STR, COL_ALWAYS, "of shmtool"},
	[N_PROBES] = {"probes", COL_BOOL, COL_ALWAYS, "whether libshmchan has its USDT probes"},
	[N_PROBES_MISSING] = {"probes_missing", COL_STR, 0, "what the build lacked for them"},
	[N_BPF] = {"bpf", COL_BOOL, COL_ALWAYS, "whether probe can attach to them"},
	[N_BPF_MISSING] = {"bpf_missing", COL_STR, 0, "what the build lacked for that"},
	[N_HTTP] = {"http", COL_BOOL, COL_ALWAYS, "whether metrics can listen"},
	[N_HTTP_MISSING] = {"http_missing", COL_STR, 0, "what the build lacked for that"},
	[N_TOP] = {"top", COL_BOOL, COL_ALWAYS, "whether there is a screen"},
	[N_TOP_MISSING] = {"top_missing", COL_STR, 0, "what the build lacked for that"},
};

// missing: NULL, or what was.
static void feature(struct table *t, unsigned col, const char *missing)
{
	table_bool(t, col, missing == NULL);
	if (missing != NULL)
		table_str(t, col + 1, missing);
}

static int version(const struct cli *cli)
{
	int status;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	table_row(t);
	table_str(t, N_VERSION, VERSION);
	feature(t, N_PROBES, SHMCHAN_PROBES_BUILT ? NULL : "sys/sdt.h (systemtap-sdt-dev)");
	feature(t, N_BPF, watch_built());
	feature(t, N_HTTP, http_built());
	feature(t, N_TOP, top_screen_built());
	return cli_print(cli, t, true);
}

const struct verb version_verbs[] = {
	{"", "what this program was built with", "", NULL, COLS(version_cols), VERB_NO_GROUP | VERB_RECORD,
	 version},
	NO_MORE_VERBS,
};
