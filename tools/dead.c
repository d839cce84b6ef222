#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "tools/shmtool.h"

enum {
	D_NO,
	D_CHANNEL,
	D_TYPE,
	D_CORRELATION,
	D_RECEIVER,
	D_INCARNATION,
	D_PID,
	D_SIGNAL,
	D_EXIT_STATUS,
	D_TIME,
	D_BYTES,
	D_POSITION,
	D_KEPT,
	D_SENDER_SLOT,
	D_SENDER_INCARNATION,
	D_REPLY,
	D_DELIVERIES,
	D_HAD_BLOCK,
	D_ANSWER,
};
static const struct col dead_cols[] = {
	[D_NO] = {"no", COL_U64, 0, "number of the letter, from 1"},
	[D_CHANNEL] = {"channel", COL_STR, 0, "channel it was in"},
	[D_TYPE] = {"type", COL_U64, 0, "message type"},
	[D_CORRELATION] = {"correlation", COL_U64, 0, "correlation id"},
	[D_RECEIVER] = {"receiver", COL_STR, 0, "service that died with it"},
	[D_INCARNATION] = {"incarnation", COL_U64, 0, "incarnation of the receiver that died"},
	[D_PID] = {"pid", COL_I64, 0, "its pid"},
	[D_SIGNAL] = {"signal", COL_SIGNAL, 0,
		      "signal that killed it; null if it exited or that isn't known"},
	[D_EXIT_STATUS] = {"exit_status", COL_I64, COL_EXTRA, "its exit status if it exited"},
	[D_TIME] = {"time", COL_TIME, 0, "when the death was noticed"},
	[D_BYTES] = {"bytes", COL_U64, 0, "bytes of payload the message had"},
	[D_POSITION] = {"position", COL_U64, COL_EXTRA, "position in the channel, from 0"},
	[D_KEPT] = {"kept", COL_U64, COL_EXTRA, "bytes of payload kept"},
	[D_SENDER_SLOT] = {"sender_slot", COL_U64, COL_EXTRA, "process slot of the sender"},
	[D_SENDER_INCARNATION] = {"sender_incarnation", COL_U64, COL_EXTRA, "incarnation of the sender"},
	[D_REPLY] = {"reply", COL_U64, COL_EXTRA, "id of the reply channel, 0 if no answer was wanted"},
	[D_DELIVERIES] = {"deliveries", COL_U64, COL_EXTRA, "incarnations that died with it before"},
	[D_HAD_BLOCK] = {"had_block", COL_BOOL, COL_EXTRA, "whether it carried a block"},
	[D_ANSWER] = {"answer", COL_STR, COL_EXTRA, "PEER_DIED to the sender: none, pending or sent"},
};

static void dead_row(struct table *t, const struct shmchan_view_dead *d)
{
	static const char *const answers[] = {"none", "pending", "sent"};
	table_row(t);
	table_u64(t, D_NO, d->no);
	table_str(t, D_CHANNEL, d->channel);
	table_u64(t, D_TYPE, d->type);
	table_u64(t, D_CORRELATION, d->corr);
	table_str(t, D_RECEIVER, d->receiver);
	table_u64(t, D_INCARNATION, d->incarnation);
	table_i64(t, D_PID, d->pid);
	if (d->code == CLD_KILLED || d->code == CLD_DUMPED)
		table_u64(t, D_SIGNAL, (uint64_t)d->status);
	else if (d->code == CLD_EXITED)
		table_i64(t, D_EXIT_STATUS, d->status);
	table_u64(t, D_TIME, d->time_ns);
	table_u64(t, D_BYTES, d->len);
	table_u64(t, D_POSITION, d->pos);
	table_u64(t, D_KEPT, d->bytes);
	table_u64(t, D_SENDER_SLOT, d->sender_slot);
	table_u64(t, D_SENDER_INCARNATION, d->sender_incarnation);
	table_u64(t, D_REPLY, d->reply);
	table_u64(t, D_DELIVERIES, d->deliveries);
	table_bool(t, D_HAD_BLOCK, d->had_block);
	table_str(t, D_ANSWER, d->answer >= 0 && d->answer < 3 ? answers[d->answer] : "unknown");
}

static int dead_list(const struct cli *cli)
{
	struct shmchan_view *v;
	struct shmchan_view_dead d;
	uint64_t cnt;
	uint32_t kept;
	int status;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK) {
		table_free(t);
		return status;
	}
	cnt = shmchan_view_dead_cnt(v, &kept);
	for (uint64_t no = cnt - kept + 1; no <= cnt; no++)
		if (shmchan_view_dead(v, no, &d) == 0) // else it gave way to a later one meanwhile
			dead_row(t, &d);
	shmchan_view_close(v);
	return cli_print(cli, t, false);
}

#define COLS(cols) cols, sizeof cols / sizeof *cols
const struct verb dead_verbs[] = {
	{"list", "dead letters, the oldest first", "", NULL, COLS(dead_cols), 0, dead_list},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};
