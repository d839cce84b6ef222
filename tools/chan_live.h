// Verbs of `chan` that live in a file of their own.
#ifndef TOOLS_CHAN_LIVE_H
#define TOOLS_CHAN_LIVE_H

#include "tools/shmtool.h"

#define WATCH_COL_CNT 8
#define PEEK_COL_CNT 12
#define TAIL_COL_CNT 12
#define RECORD_COL_CNT 7
#define REPLAY_COL_CNT 6
#define INJECT_COL_CNT 3
#define DRAIN_COL_CNT 3
extern const struct col chan_watch_cols[WATCH_COL_CNT], chan_peek_cols[PEEK_COL_CNT];
extern const struct col chan_tail_cols[TAIL_COL_CNT], chan_record_cols[RECORD_COL_CNT];
extern const struct col chan_replay_cols[REPLAY_COL_CNT], chan_inject_cols[INJECT_COL_CNT],
	chan_drain_cols[DRAIN_COL_CNT];

// What tail and peek say of a message, in this order, and its columns from column `first` on. What they say of the reply
// channel is their own.
enum {
	CHAN_TYPE,
	CHAN_CORRELATION,
	CHAN_SENDER,
	CHAN_INCARNATION,
	CHAN_REPLY,
	CHAN_DELIVERIES,
	CHAN_BYTES,
	CHAN_BLOCK,
	CHAN_DATA,
	CHAN_COL_CNT,
};
#define CHAN_COLS(first, incarnation, ...) \
	[(first) + CHAN_TYPE] = {"type", COL_U64, COL_ALWAYS, "message type"}, \
	[(first) + CHAN_CORRELATION] = {"correlation", COL_U64, COL_ALWAYS, "correlation id"}, \
	[(first) + CHAN_SENDER] = {"sender", COL_STR, COL_ALWAYS, "service that sent it"}, \
	[(first) + CHAN_INCARNATION] = {"incarnation", COL_U64, incarnation, "incarnation of the sender"}, \
	[(first) + CHAN_REPLY] = __VA_ARGS__, \
	[(first) + CHAN_DELIVERIES] = {"deliveries", COL_U64, COL_EXTRA | COL_ALWAYS, "incarnations that died with it"}, \
	[(first) + CHAN_BYTES] = {"bytes", COL_U64, COL_ALWAYS, "bytes of payload"}, \
	[(first) + CHAN_BLOCK] = {"block", COL_U64, COL_EXTRA, "block that comes with it: pool << 24 | index, null if none"}, \
	[(first) + CHAN_DATA] = {"data", COL_STR, COL_ALWAYS, "the first bytes of the payload (--bytes), hexadecimal"}
// Fills these columns of the last row with m and its m->bytes at data. False: out of memory.
bool chan_fill_message(struct table *t, unsigned first, const struct shmchan_view *v, const struct shmchan_view_msg *m,
		       const unsigned char *data);
uint64_t chan_now_ns(void); // CLOCK_REALTIME

int chan_watch(const struct cli *cli); // chan_live.c
int chan_peek(const struct cli *cli);
int chan_tail(const struct cli *cli); // chan_tail.c
int chan_record(const struct cli *cli);
int chan_inject(const struct cli *cli); // chan_edit.c
int chan_drain(const struct cli *cli);
int chan_replay(const struct cli *cli);

#endif
