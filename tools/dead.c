#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include "shmchan/broker.h"
#include "tools/ask.h"

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
	D_DRAINED,
	D_TIME,
	D_BYTES,
	D_POSITION,
	D_KEPT,
	D_SENDER_SLOT,
	D_SENDER_INCARNATION,
	D_REPLY,
	D_DELIVERIES,
	D_HAD_BLOCK,
	D_PARKED,
	D_ANSWER,
	D_DATA,
};
static const struct col dead_cols[] = {
	[D_NO] = {"no", COL_U64, COL_ALWAYS, "number of the letter, from 1"},
	[D_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel it was in"},
	[D_TYPE] = {"type", COL_U64, COL_ALWAYS, "message type"},
	[D_CORRELATION] = {"correlation", COL_U64, COL_ALWAYS, "correlation id"},
	[D_RECEIVER] = {"receiver", COL_STR, COL_ALWAYS, "service that died with it"},
	[D_INCARNATION] = {"incarnation", COL_U64, COL_ALWAYS, "incarnation of the receiver that died"},
	[D_PID] = {"pid", COL_I64, 0, "its pid; null if nobody died: the message was drained"},
	[D_SIGNAL] = {"signal", COL_SIGNAL, 0,
		      "signal that killed it; null if it exited or that isn't known"},
	[D_EXIT_STATUS] = {"exit_status", COL_I64, COL_EXTRA, "its exit status if it exited"},
	[D_DRAINED] = {"drained", COL_BOOL, COL_EXTRA | COL_ALWAYS,
		       "whether it was taken out of the channel by `chan drain`"},
	[D_TIME] = {"time", COL_TIME, COL_ALWAYS, "when the death was noticed"},
	[D_BYTES] = {"bytes", COL_U64, COL_ALWAYS, "bytes of payload the message had"},
	[D_POSITION] = {"position", COL_U64, COL_EXTRA | COL_ALWAYS, "position in the channel, from 0"},
	[D_KEPT] = {"kept", COL_U64, COL_EXTRA | COL_ALWAYS, "bytes of payload kept"},
	[D_SENDER_SLOT] = {"sender_slot", COL_U64, COL_EXTRA | COL_ALWAYS, "process slot of the sender"},
	[D_SENDER_INCARNATION] = {"sender_incarnation", COL_U64, COL_EXTRA | COL_ALWAYS,
				  "incarnation of the sender"},
	[D_REPLY] = {"reply", COL_U64, COL_EXTRA | COL_ALWAYS,
		     "id of the reply channel, 0 if no answer was wanted"},
	[D_DELIVERIES] = {"deliveries", COL_U64, COL_EXTRA | COL_ALWAYS,
			  "incarnations that died with it before"},
	[D_HAD_BLOCK] = {"had_block", COL_BOOL, COL_EXTRA | COL_ALWAYS, "whether it carried a block"},
	[D_PARKED] = {"parked", COL_BOOL, COL_EXTRA | COL_ALWAYS,
		      "whether the message is poisonous: it killed one incarnation after the other"},
	[D_ANSWER] = {"answer", COL_STR, COL_EXTRA | COL_ALWAYS,
		      "PEER_DIED to the sender: none, pending or sent"},
	[D_DATA] = {"data", COL_STR, COL_EXTRA | COL_ALWAYS, "the payload kept, hexadecimal"},
};

static void dead_row(struct table *t, const struct shmchan_view_dead *d)
{
	static const char *const answers[] = {"none", "pending", "sent"};
	char *hex;
	table_row(t);
	table_u64(t, D_NO, d->no);
	table_str(t, D_CHANNEL, d->channel);
	table_u64(t, D_TYPE, d->type);
	table_u64(t, D_CORRELATION, d->corr);
	table_str(t, D_RECEIVER, d->receiver);
	table_u64(t, D_INCARNATION, d->incarnation);
	if (d->pid != 0)
		table_i64(t, D_PID, d->pid);
	table_bool(t, D_DRAINED, d->code == SHMCHAN_DEATH_DRAINED);
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
	table_bool(t, D_PARKED, d->parked);
	hex = shmtool_hex(d->data, d->bytes);
	table_str(t, D_DATA, hex != NULL ? hex : "");
	free(hex);
	table_str(t, D_ANSWER, d->answer >= 0 && d->answer < 3 ? answers[d->answer] : "unknown");
}

static int dead_list_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_dead d;
	uint32_t kept;
	uint64_t cnt = shmchan_view_dead_cnt(v, &kept);

	for (uint64_t no = cnt - kept + 1; no <= cnt; no++)
		if (shmchan_view_dead(v, no, &d) == 0) // else it gave way to a later one meanwhile
			dead_row(t, &d);
	return EXIT_OK;
}

static int dead_list(const struct cli *cli)
{
	return shmtool_rows(cli, false, dead_list_fill);
}

// The letter that the command line names.
static int find_letter(const struct cli *cli, const struct shmchan_view *v, struct shmchan_view_dead *d)
{
	uint32_t kept;
	uint64_t cnt = shmchan_view_dead_cnt(v, &kept);
	double no;

	if (!cli_number(cli, "letter", cli->args[0], 1, 1e15, &no))
		return EXIT_USAGE;
	if (shmchan_view_dead(v, (uint64_t)no, d) == 0)
		return EXIT_OK;
	if (cnt == 0)
		return cli_fail(cli, EXIT_NO_OBJECT, "no dead letter %s: there is none", cli->args[0]);
	return cli_fail(cli, EXIT_NO_OBJECT, "no dead letter %s; kept are %" PRIu64 " to %" PRIu64,
			cli->args[0], cnt - kept + 1, cnt);
}

static int dead_show_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct shmchan_view_dead d;
	int status = find_letter(cli, v, &d);
	if (status == EXIT_OK)
		dead_row(t, &d);
	return status;
}

static int dead_show(const struct cli *cli)
{
	return shmtool_rows(cli, true, dead_show_fill);
}

static int dead_dump(const struct cli *cli)
{
	struct shmchan_view *v;
	struct shmchan_view_dead d;
	int status;

	if (cli->json)
		return cli_fail(cli, EXIT_USAGE, "writes bytes, not JSON; `dead show -j` has them as text");
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK)
		return status;
	status = find_letter(cli, v, &d);
	if (status == EXIT_OK) {
		fwrite(d.data, 1, d.bytes, cli->out);
		if (fflush(cli->out) != 0)
			status = cli_fail(cli, EXIT_ERROR, "cannot write: output closed");
		else if (d.bytes < d.len)
			fprintf(cli->err,
				"shmtool: of letter %" PRIu64 " only the first %u of %u bytes were kept\n",
				d.no, d.bytes, d.len);
	}
	shmchan_view_close(v);
	return status;
}

// ------------------------------------------------------------------------------------------------ changing

enum { E_NO, E_CHANNEL, E_TYPE, E_CORRELATION, E_DONE };
static const struct col edit_cols[] = {
	[E_NO] = {"no", COL_U64, COL_ALWAYS, "number of the letter"},
	[E_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel it was in"},
	[E_TYPE] = {"type", COL_U64, COL_ALWAYS, "message type"},
	[E_CORRELATION] = {"correlation", COL_U64, COL_ALWAYS, "correlation id"},
	[E_DONE] = {"done", COL_STR, COL_ALWAYS, "dropped or replayed"},
};

struct edit {
	const char *verb, *done; // of the supervisor; and what it has done then
};

static int edit_letter(const struct cli *cli, const char *group, const struct edit *e,
		       const struct shmchan_view_dead *d, struct table *t)
{
	json_t *reply, *request = json_pack("{s:s, s:I}", "verb", e->verb, "letter", (json_int_t)d->no);
	int status = ask(cli, group, request, -1, &reply);

	json_decref(reply);
	if (status != EXIT_OK)
		return status;
	table_row(t);
	table_u64(t, E_NO, d->no);
	table_str(t, E_CHANNEL, d->channel);
	table_u64(t, E_TYPE, d->type);
	table_u64(t, E_CORRELATION, d->corr);
	table_str(t, E_DONE, e->done);
	return EXIT_OK;
}

// Of all letters those that can't be changed are told, and the others are.
static int edit_letters(const struct cli *cli, const struct shmchan_view *v, const struct edit *e,
			struct table *t)
{
	struct shmchan_view_group g;
	struct shmchan_view_dead d;
	uint32_t kept;
	uint64_t cnt = shmchan_view_dead_cnt(v, &kept);
	int status = EXIT_OK;

	shmchan_view_group(v, &g);
	if (strcmp(cli->args[0], "all") != 0) {
		status = find_letter(cli, v, &d);
		return status == EXIT_OK ? edit_letter(cli, g.name, e, &d, t) : status;
	}
	for (uint64_t no = cnt - kept + 1; no <= cnt; no++)
		if (shmchan_view_dead(v, no, &d) == 0 && edit_letter(cli, g.name, e, &d, t) != EXIT_OK)
			status = EXIT_REFUSED;
	return status;
}

static int edit(const struct cli *cli, const struct edit *e, const char *would)
{
	struct shmchan_view *v;
	int status, edited;
	struct table *t;

	if (!cli_confirmed(cli, would))
		return EXIT_USAGE;
	t = cli_table(cli, &status);
	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK) {
		table_free(t);
		return status;
	}
	edited = edit_letters(cli, v, e, t);
	shmchan_view_close(v);
	if (edited != EXIT_OK && table_rows(t) == 0) {
		table_free(t);
		return edited;
	}
	status = cli_print(cli, t, false);
	return status != EXIT_OK ? status : edited;
}

static int dead_drop(const struct cli *cli)
{
	return edit(cli, &(struct edit){"dead-drop", "dropped"}, "forget dead letters");
}

static int dead_replay(const struct cli *cli)
{
	return edit(cli, &(struct edit){"dead-replay", "replayed"},
		    "send dead letters to their channels again");
}

static const struct opt edit_opts[] = {
	{"yes", NULL, "do it; needed where standard input is a terminal"},
	{NULL, NULL, NULL},
};
const struct verb dead_verbs[] = {
	{"list", "dead letters, the oldest first", "", NULL, COLS(dead_cols), 0, dead_list},
	{"show", "one dead letter with all that is known of it", "NUMBER", NULL, COLS(dead_cols), VERB_RECORD,
	 dead_show},
	{"dump", "writes the payload that was kept, as it is", "NUMBER", NULL, NULL, 0, 0, dead_dump},
	{"replay",
	 "sends a letter (or all) to its channel again; the service that sends there must be stopped, unless "
	 "many may. Not one that had a block, which was freed at the death",
	 "NUMBER", edit_opts, COLS(edit_cols), 0, dead_replay},
	{"drop", "forgets a letter, or all", "NUMBER", edit_opts, COLS(edit_cols), 0, dead_drop},
	NO_MORE_VERBS,
};
