// What the verbs of shmtool share.
#ifndef TOOLS_SHMTOOL_H
#define TOOLS_SHMTOOL_H

#include "shmchan/view.h"
#include "tools/cli.h"

// shmtool_run does what a parsed command line says; returns the exit status.
int shmtool_run(const struct cli *cli);
// shmtool_has_json: does the verb print JSON with -j?
bool shmtool_has_json(const struct object *o, const struct verb *v);
// shmtool_schema prints the JSON Schema of what the verb prints with -j.
int shmtool_schema(const struct cli *cli);

// shmtool_open opens the group named on the command line, or the only one that runs, read-only. On failure it
// says why and returns the exit status.
int shmtool_open(const struct cli *cli, struct shmchan_view **out);

// shmtool_rows is the run of most verbs: opens the group, lets `fill` add rows, prints them as a list or as
// the record of the first row. fill returns an exit status; rows are printed also with EXIT_UNREADABLE, which
// says that some are missing.
int shmtool_rows(const struct cli *cli, bool record,
		 int (*fill)(const struct cli *cli, const struct shmchan_view *v, struct table *t));

// They find channel, service, pool `name`; on failure they say which there are and return the exit status.
int shmtool_chan(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out);
int shmtool_proc(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out);
int shmtool_pool(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out);

// shmtool_unreadable says that an object of an open group can't be read, and returns EXIT_UNREADABLE.
int shmtool_unreadable(const struct cli *cli, const char *object, int code);

// Name of the service with process slot `slot`, or of the supervisor, into buf of SHMCHAN_NAME_MAX bytes.
const char *shmtool_service(const struct shmchan_view *v, unsigned slot, char *buf);
// Lower-case hexadecimal text of n bytes; the caller frees it. NULL: out of memory.
char *shmtool_hex(const unsigned char *data, size_t n);

const char *shmtool_on_crash(enum shmchan_on_crash on_crash);
const char *shmtool_proc_state(enum shmchan_proc_state state);

extern const struct object shmtool_objects[];
extern const struct verb group_verbs[], service_verbs[], chan_verbs[], pool_verbs[], dead_verbs[],
	probe_verbs[], check_verbs[], graph_verbs[], metrics_verbs[], why_verbs[], top_verbs[],
	version_verbs[], manual_verbs[], completion_verbs[], schema_verbs[], batch_verbs[];

#define COLS(cols) (cols), sizeof(cols) / sizeof(*(cols))
#define NO_MORE_VERBS                                    \
	{                                                \
		NULL, NULL, NULL, NULL, NULL, 0, 0, NULL \
	}

#endif
