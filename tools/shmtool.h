// What the verbs of shmtool share.
#ifndef TOOLS_SHMTOOL_H
#define TOOLS_SHMTOOL_H

#include "shmchan/view.h"
#include "tools/cli.h"

// shmtool_open opens the group named on the command line, or the only one that runs, read-only. On failure it
// says why and returns the exit status.
int shmtool_open(const struct cli *cli, struct shmchan_view **out);

// shmtool_chan finds channel `name`; on failure says which channels there are and returns the exit status.
int shmtool_chan(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out);

// shmtool_unreadable says that an object of an open group can't be read, and returns EXIT_UNREADABLE.
int shmtool_unreadable(const struct cli *cli, const char *object, int code);

const char *shmtool_kind(enum shmchan_kind kind);
const char *shmtool_on_crash(enum shmchan_on_crash on_crash);
const char *shmtool_proc_state(enum shmchan_proc_state state);

extern const struct object shmtool_objects[];
extern const struct verb group_verbs[], chan_verbs[], dead_verbs[], check_verbs[], probe_verbs[],
	version_verbs[];

#endif
