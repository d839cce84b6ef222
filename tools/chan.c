#include <stdlib.h>
#include <string.h>
#include "tools/chan_live.h"

enum {
	C_NAME,
	C_KIND,
	C_CAPACITY,
	C_DEPTH,
	C_IN_FLIGHT,
	C_ENQUEUED,
	C_DEQUEUED,
	C_DONE,
	C_HIGH_WATER,
	C_PRODUCERS,
	C_CONSUMERS,
	C_ID,
	C_MESSAGE_SIZE,
	C_ON_CRASH,
	C_MAX_DELIVERIES,
	C_DEAD,
	C_DROPPED,
	C_ABORTED,
	C_BAD,
	C_FULL,
	C_TALLY,
	C_IN_FLIGHT_BY,
};
static const struct col chan_cols[] = {
	[C_NAME] = {"name", COL_STR, COL_ALWAYS, "name of the channel"},
	[C_KIND] = {"kind", COL_STR, COL_ALWAYS,
		    "slot, slot-ref, spsc, mpsc, mpsc-list, mpsc-intrusive or mpmc2"},
	[C_CAPACITY] = {"capacity", COL_U64, COL_ALWAYS, "messages it holds"},
	[C_DEPTH] = {"depth", COL_U64, COL_ALWAYS, "messages published, not taken"},
	[C_IN_FLIGHT] = {"in_flight", COL_U64, COL_ALWAYS, "messages taken, not completed"},
	[C_ENQUEUED] = {"enqueued", COL_U64, COL_ALWAYS, "messages published so far"},
	[C_DEQUEUED] = {"dequeued", COL_U64, COL_ALWAYS, "messages taken so far"},
	[C_DONE] = {"done", COL_U64, COL_ALWAYS, "messages completed so far, by recovery too"},
	[C_HIGH_WATER] = {"high_water", COL_U64, COL_ALWAYS, "largest depth a producer saw"},
	[C_PRODUCERS] = {"producers", COL_LIST, 0, "services that may send"},
	[C_CONSUMERS] = {"consumers", COL_LIST, 0, "services that may receive"},
	[C_ID] = {"id", COL_U64, COL_EXTRA | COL_ALWAYS, "number of the channel in its group"},
	[C_MESSAGE_SIZE] = {"message_size", COL_U64, COL_EXTRA | COL_ALWAYS,
			    "bytes of payload a message may have"},
	[C_ON_CRASH] = {"on_crash", COL_STR, COL_EXTRA | COL_ALWAYS,
			"what becomes of messages in flight: dead-letter, drop, "
			"redeliver"},
	[C_MAX_DELIVERIES] = {"max_deliveries", COL_U64, COL_EXTRA,
			      "deliveries of one message in all (redeliver)"},
	[C_DEAD] = {"dead", COL_U64, COL_EXTRA | COL_ALWAYS, "completed by recovery as dead letters"},
	[C_DROPPED] = {"dropped", COL_U64, COL_EXTRA | COL_ALWAYS, "completed by recovery, policy drop"},
	[C_ABORTED] = {"aborted", COL_U64, COL_EXTRA | COL_ALWAYS,
		       "claimed cells taken back from dead producers"},
	[C_BAD] = {"bad", COL_U64, COL_EXTRA | COL_ALWAYS,
		   "messages refused by the receiver: bad length or block"},
	[C_FULL] = {"full", COL_U64, COL_EXTRA | COL_ALWAYS, "times a producer found it full"},
	[C_TALLY] = {"tally", COL_COUNTS, COL_EXTRA, "counters of the receiver, by name"},
	[C_IN_FLIGHT_BY] = {"in_flight_by", COL_COUNTS, COL_EXTRA,
			    "messages in flight, by the consumer that took them"},
};

struct peers {
	struct table *t;
	unsigned col;
};

static void add_peer(void *ctx, const char *name, unsigned slot)
{
	struct peers *p = ctx;
	(void)slot;
	table_add(p->t, p->col, name);
}

// Messages in flight come first; of a channel that is at work some may be missed.
static void in_flight_by(struct table *t, const struct shmchan_view *v, unsigned i, uint64_t in_flight)
{
	uint64_t by[SHMCHAN_SLOT_MAX] = {0};
	char name[SHMCHAN_NAME_MAX], none[1];
	struct shmchan_view_msg m;

	for (uint32_t k = 0; k < in_flight; k++) {
		int code = shmchan_view_msg(v, i, k, &m, none, 0);
		if (code == SHMCHAN_EMPTY)
			continue;
		if (code != 0 || !m.in_flight)
			break;
		by[m.taker_slot % SHMCHAN_SLOT_MAX]++;
	}
	for (unsigned slot = 1; slot < SHMCHAN_SLOT_MAX; slot++)
		if (by[slot] != 0)
			table_count(t, C_IN_FLIGHT_BY, shmtool_service(v, slot, name), by[slot]);
}

static void chan_row(struct table *t, const struct shmchan_view *v, unsigned i,
		     const struct shmchan_view_chan *c)
{
	const struct shmchan_stat *s = &c->stat;
	table_row(t);
	table_str(t, C_NAME, c->name);
	table_str(t, C_KIND, shmchan_kind_name(c->kind));
	table_u64(t, C_CAPACITY, c->capacity);
	table_u64(t, C_DEPTH, s->depth);
	table_u64(t, C_IN_FLIGHT, s->in_flight);
	table_u64(t, C_ENQUEUED, s->enqueued);
	table_u64(t, C_DEQUEUED, s->dequeued);
	table_u64(t, C_DONE, s->done);
	table_u64(t, C_HIGH_WATER, s->high_water);
	shmchan_view_chan_peers(v, i, SHMCHAN_TX, add_peer, &(struct peers){t, C_PRODUCERS});
	shmchan_view_chan_peers(v, i, SHMCHAN_RX, add_peer, &(struct peers){t, C_CONSUMERS});
	table_u64(t, C_ID, c->id);
	table_u64(t, C_MESSAGE_SIZE, c->msg_size);
	table_str(t, C_ON_CRASH, shmtool_on_crash(c->on_crash));
	if (c->on_crash == SHMCHAN_REDELIVER)
		table_u64(t, C_MAX_DELIVERIES, c->max_deliveries);
	table_u64(t, C_DEAD, s->dead);
	table_u64(t, C_DROPPED, s->dropped);
	table_u64(t, C_ABORTED, s->aborted);
	table_u64(t, C_BAD, s->bad);
	table_u64(t, C_FULL, s->full);
	for (unsigned k = 0; k < c->tally_cnt && k < SHMCHAN_TALLY_MAX; k++)
		table_count(t, C_TALLY, c->tally_name[k], c->tally[k]);
	in_flight_by(t, v, i, s->in_flight);
}

static int chan_list_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_chan c;
	int status = EXIT_OK, code;

	for (unsigned i = 0; (code = shmchan_view_chan(v, i, &c)) != SHMCHAN_ENOENT; i++) {
		if (code == 0)
			chan_row(t, v, i, &c);
		else
			status = shmtool_unreadable(cli, c.name, code);
	}
	return status;
}

static int chan_list(const struct cli *cli)
{
	return shmtool_rows(cli, false, chan_list_fill);
}

static int chan_show_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_chan c;
	unsigned i;
	int status = shmtool_chan(cli, v, cli->args[0], &i), code;

	if (status != EXIT_OK)
		return status;
	code = shmchan_view_chan(v, i, &c);
	if (code != 0)
		return shmtool_unreadable(cli, c.name, code);
	chan_row(t, v, i, &c);
	return EXIT_OK;
}

static int chan_show(const struct cli *cli)
{
	return shmtool_rows(cli, true, chan_show_fill);
}

static const struct opt watch_opts[] = {
	{"interval", "S", "seconds from line to line, 1 if not given"},
	{"count", "N", "end after N lines"},
	{NULL, NULL, NULL},
};
static const struct opt peek_opts[] = {
	{"count", "N", "at most N messages, 10 if not given"},
	{"bytes", "B", "the first B bytes of each, 16 if not given"},
	{NULL, NULL, NULL},
};
static const struct opt tail_opts[] = {
	{"queued", NULL, "begin with the messages that are not completed, not with the next one sent"},
	{"kept", NULL, "begin with the completed messages whose cells have not been written again"},
	{"count", "N", "end after N messages"},
	{"seconds", "S", "end after S seconds"},
	{"bytes", "B", "the first B bytes of each, 16 if not given"},
	{NULL, NULL, NULL},
};
static const struct opt record_opts[] = {
	{"queued", NULL, "begin with the messages that are not completed, not with the next one sent"},
	{"kept", NULL, "begin with the completed messages whose cells have not been written again"},
	{"count", "N", "end after N messages"},
	{"seconds", "S", "end after S seconds"},
	{"size", "BYTES", "end when the file has that size, 2^30 if not given"},
	{NULL, NULL, NULL},
};
#define YES                                                                     \
	{                                                                       \
		"yes", NULL, "do it; needed where standard input is a terminal" \
	}
static const struct opt replay_opts[] = {
	{"rate", "RATE",
	 "recorded (as it was, if not given), full (as fast as it is taken), or messages per second"},
	{"count", "N", "only the first N messages"},
	{"timeout", "S", "give up when the channel stays full for S seconds, 10 if not given"},
	YES,
	{NULL, NULL, NULL},
};
static const struct opt inject_opts[] = {
	{"type", "N", "message type, 0 if not given"},
	{"correlation", "N", "correlation id, 0 if not given"},
	{"reply", "CHANNEL", "where the answer belongs"},
	{"data", "TEXT", "the payload; empty without this and the next two"},
	{"hex", "DIGITS", "the payload, hexadecimal"},
	{"file", "FILE", "the payload is what the file holds; - is standard input"},
	{"block", "FILE", "a block with the bytes of the file goes along"},
	{"pool", "POOL", "the pool to take it from"},
	YES,
	{NULL, NULL, NULL},
};
static const struct opt drain_opts[] = {
	{"limit", "N", "only the N oldest messages"},
	{"drop", NULL, "keep no dead letters"},
	YES,
	{NULL, NULL, NULL},
};
const struct verb chan_verbs[] = {
	{"list", "all channels with their depths and counts", "", NULL, COLS(chan_cols), 0, chan_list},
	{"show", "one channel with all its counts", "CHANNEL", NULL, COLS(chan_cols), VERB_RECORD, chan_show},
	{"watch", "one line per interval, until interrupted or the group ends; -j: one object per line",
	 "CHANNEL", watch_opts, COLS(chan_watch_cols), VERB_LINES, chan_watch},
	{"peek", "the oldest messages that are not completed; takes nothing", "CHANNEL", peek_opts,
	 COLS(chan_peek_cols), 0, chan_peek},
	{"tail", "the messages as they are sent, until interrupted or the group ends; takes nothing",
	 "CHANNEL", tail_opts, COLS(chan_tail_cols), VERB_LINES, chan_tail},
	{"record", "writes the messages that are sent to a file, until interrupted or the group ends",
	 "CHANNEL FILE", record_opts, COLS(chan_record_cols), VERB_RECORD, chan_record},
	{"replay",
	 "sends the messages of a recording; the service that sends there must be stopped, unless many may",
	 "CHANNEL FILE", replay_opts, COLS(chan_replay_cols), VERB_RECORD, chan_replay},
	{"inject", "sends one message; the service that sends there must be stopped, unless many may",
	 "CHANNEL", inject_opts, COLS(chan_inject_cols), VERB_RECORD, chan_inject},
	{"drain",
	 "takes the queued messages out, as dead letters; the service that receives them must be stopped",
	 "CHANNEL", drain_opts, COLS(chan_drain_cols), VERB_RECORD, chan_drain},
	NO_MORE_VERBS,
};
