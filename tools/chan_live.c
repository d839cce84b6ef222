// chan watch and chan peek: a channel as it goes, and what is in it.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tools/chan_live.h"
#include "tools/live.h"

enum { W_TIME, W_DEPTH, W_IN_FLIGHT, W_ENQUEUED, W_DEQUEUED, W_IN_RATE, W_OUT_RATE, W_FULL };
const struct col chan_watch_cols[WATCH_COL_CNT] = {
	[W_TIME] = {"time", COL_TIME, COL_ALWAYS, "when it was read"},
	[W_DEPTH] = {"depth", COL_U64, COL_ALWAYS, "messages published, not taken"},
	[W_IN_FLIGHT] = {"in_flight", COL_U64, COL_ALWAYS, "messages taken, not completed"},
	[W_ENQUEUED] = {"enqueued", COL_U64, COL_ALWAYS, "messages published so far"},
	[W_DEQUEUED] = {"dequeued", COL_U64, COL_ALWAYS, "messages taken so far"},
	[W_IN_RATE] = {"in_rate", COL_NUM, 0, "messages published per second since the line before"},
	[W_OUT_RATE] = {"out_rate", COL_NUM, 0, "messages taken per second since the line before"},
	[W_FULL] = {"full", COL_U64, COL_ALWAYS, "times a producer found it full so far"},
};

uint64_t chan_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void watch_row(struct table *t, const struct shmchan_stat *s, const struct shmchan_stat *before,
		      double seconds)
{
	table_clear(t);
	table_row(t);
	table_u64(t, W_TIME, chan_now_ns());
	table_u64(t, W_DEPTH, s->depth);
	table_u64(t, W_IN_FLIGHT, s->in_flight);
	table_u64(t, W_ENQUEUED, s->enqueued);
	table_u64(t, W_DEQUEUED, s->dequeued);
	table_u64(t, W_FULL, s->full);
	if (seconds > 0) {
		table_num(t, W_IN_RATE, (double)(s->enqueued - before->enqueued) / seconds);
		table_num(t, W_OUT_RATE, (double)(s->dequeued - before->dequeued) / seconds);
	}
}

static int watch_lines(const struct cli *cli, const struct shmchan_view *v, struct table *t, double interval,
		       double count)
{
	struct shmchan_view_chan c;
	struct shmchan_view_group g;
	struct shmchan_stat before = {0};
	double start = live_now(), last = start;
	unsigned chan;
	int status = shmtool_chan(cli, v, cli->args[0], &chan), code;

	live_block();
	for (double n = 0; status == EXIT_OK; n++) {
		double now = live_now();
		code = shmchan_view_chan(v, chan, &c);
		if (code != 0)
			return shmtool_unreadable(cli, cli->args[0], code);
		watch_row(t, &c.stat, &before, n == 0 ? 0 : now - last);
		if (!cli_line(cli, t, n == 0) || fflush(cli->out) != 0)
			return cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
		before = c.stat;
		last = now;
		shmchan_view_group(v, &g);
		if (n + 1 == count || !g.broker_alive || !live_wait(start + (n + 1) * interval))
			break;
	}
	return status;
}

int chan_watch(const struct cli *cli)
{
	const char *interval_word = cli_opt(cli, "interval"), *count_word = cli_opt(cli, "count");
	double interval = 1, count = 0;
	struct shmchan_view *v;
	struct table *t;
	int status;

	if ((interval_word != NULL && !cli_number(cli, "interval", interval_word, 0.001, 1e6, &interval)) ||
	    (count_word != NULL && !cli_number(cli, "count", count_word, 1, 1e15, &count)))
		return EXIT_USAGE;
	t = cli_table(cli, &status);
	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status == EXIT_OK) {
		status = watch_lines(cli, v, t, interval, (double)(uint64_t)count);
		shmchan_view_close(v);
	}
	table_free(t);
	return status;
}

// --------------------------------------------------------------------------------------------------- peek

enum { M_POSITION, M_STATE, M_MESSAGE, M_TAKEN_BY = M_MESSAGE + CHAN_COL_CNT };
const struct col chan_peek_cols[PEEK_COL_CNT] = {
	[M_POSITION] = {"position", COL_U64, COL_ALWAYS, "position in the channel, from 0"},
	[M_STATE] = {"state", COL_STR, COL_ALWAYS, "in-flight or queued"},
	CHAN_COLS(M_MESSAGE, COL_ALWAYS,
		  {"reply", COL_U64, COL_EXTRA | COL_ALWAYS, "id of the channel the answer belongs in, 0 if none is wanted"}),
	[M_TAKEN_BY] = {"taken_by", COL_STR, COL_EXTRA,
			"service that has it in flight, null if it is queued"},
};

bool chan_fill_message(struct table *t, unsigned first, const struct shmchan_view *v, const struct shmchan_view_msg *m,
		       const unsigned char *data)
{
	char sender[SHMCHAN_NAME_MAX];
	char *hex = shmtool_hex(data, m->bytes);
	if (hex == NULL)
		return false;
	table_u64(t, first + CHAN_TYPE, m->type);
	table_u64(t, first + CHAN_CORRELATION, m->corr);
	table_str(t, first + CHAN_SENDER, shmtool_service(v, m->sender_slot, sender));
	table_u64(t, first + CHAN_INCARNATION, m->sender_incarnation);
	table_u64(t, first + CHAN_DELIVERIES, m->deliveries);
	table_u64(t, first + CHAN_BYTES, m->len);
	if (m->block != SHMCHAN_NO_BLOCK)
		table_u64(t, first + CHAN_BLOCK, m->block);
	table_str(t, first + CHAN_DATA, hex);
	free(hex);
	return true;
}

static bool peek_row(struct table *t, const struct shmchan_view *v, const struct shmchan_view_msg *m,
		     const unsigned char *data)
{
	char taker[SHMCHAN_NAME_MAX];
	table_row(t);
	table_u64(t, M_POSITION, m->pos);
	table_str(t, M_STATE, m->in_flight ? "in-flight" : "queued");
	table_u64(t, M_MESSAGE + CHAN_REPLY, m->reply);
	if (m->in_flight)
		table_str(t, M_TAKEN_BY, shmtool_service(v, m->taker_slot, taker));
	return chan_fill_message(t, M_MESSAGE, v, m, data);
}

static int peek_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	const char *count_word = cli_opt(cli, "count"), *bytes_word = cli_opt(cli, "bytes");
	double count = 10, bytes = 16;
	struct shmchan_view_msg m;
	unsigned char *data;
	unsigned chan;
	int status, code;

	if ((count_word != NULL && !cli_number(cli, "count", count_word, 1, 1e9, &count)) ||
	    (bytes_word != NULL && !cli_number(cli, "bytes", bytes_word, 0, SHMCHAN_MSG_MAX, &bytes)))
		return EXIT_USAGE;
	status = shmtool_chan(cli, v, cli->args[0], &chan);
	if (status != EXIT_OK)
		return status;
	data = malloc((size_t)bytes + 1);
	if (data == NULL)
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	for (uint32_t k = 0; table_rows(t) < (unsigned)count; k++) {
		code = shmchan_view_msg(v, chan, k, &m, data, (size_t)bytes);
		if (code == SHMCHAN_ENOENT)
			break;
		if (code == SHMCHAN_EMPTY)
			continue;
		if (code != 0)
			status = shmtool_unreadable(cli, cli->args[0], code);
		else if (!peek_row(t, v, &m, data))
			status = cli_fail(cli, EXIT_ERROR, "out of memory");
		if (status != EXIT_OK)
			break;
	}
	free(data);
	return status;
}

int chan_peek(const struct cli *cli)
{
	return shmtool_rows(cli, false, peek_fill);
}
