// Verbs of `chan` that live in a file of their own.
#ifndef TOOLS_CHAN_LIVE_H
#define TOOLS_CHAN_LIVE_H

#include "tools/shmtool.h"

#define WATCH_COL_CNT 8
#define PEEK_COL_CNT 11
extern const struct col chan_watch_cols[WATCH_COL_CNT], chan_peek_cols[PEEK_COL_CNT];

int chan_watch(const struct cli *cli);
int chan_peek(const struct cli *cli);

#endif
