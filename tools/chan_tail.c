// chan tail and chan record: the traffic of a channel as it goes, on the screen or into a file.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "shmchan/record.h"
#include "tools/chan_live.h"
#include "tools/live.h"

// ------------------------------------------------------------------------------------------------ following

struct follower {
	const struct cli *cli;
	const struct shmchan_view *v;
	unsigned chan;
	struct shmchan_view_chan c;
	struct shmchan_follow f;
	double until, next_look; // live_now
	double nap;              // seconds; grows while nothing comes
	unsigned char *data;
	size_t size; // bytes of payload wanted
	struct shmchan_view_msg m;
};

static int follow_begin(struct follower *f, const struct cli *cli, const struct shmchan_view *v,
			double seconds, size_t size)
{
	int status = shmtool_chan(cli, v, cli->args[0], &f->chan), code;

	if (status != EXIT_OK)
		return status;
	f->cli = cli;
	f->v = v;
	f->size = size;
	code = shmchan_view_chan(v, f->chan, &f->c);
	if (code == 0)
		code = shmchan_view_follow_begin(v, f->chan,
						 cli_opt(cli, "kept") != NULL     ? SHMCHAN_FOLLOW_KEPT
						 : cli_opt(cli, "queued") != NULL ? SHMCHAN_FOLLOW_QUEUED
										  : SHMCHAN_FOLLOW_NEW,
						 &f->f);
	if (code != 0)
		return shmtool_unreadable(cli, cli->args[0], code);
	f->data = malloc(size + 1);
	if (f->data == NULL)
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	live_block();
	f->until = seconds > 0 ? live_now() + seconds : 0;
	return EXIT_OK;
}

// Whether to go on waiting: not after the time given, an interrupt, or the end of the group.
static bool follow_wait(struct follower *f)
{
	struct shmchan_view_group g;
	double now = live_now();

	if (f->until > 0 && now >= f->until)
		return false;
	if (now >= f->next_look) {
		f->next_look = now + 0.1;
		shmchan_view_group(f->v, &g);
		if (!g.broker_alive)
			return false;
	}
	f->nap = f->nap < 50e-6 ? 50e-6 : f->nap < 2e-3 ? 2 * f->nap : f->nap;
	return live_wait(now + f->nap);
}

// The next message into f->m and f->data. 1: there is one; 0: there will be none; -1: *status says why not.
// idle is called before each wait.
static int follow_next(struct follower *f, void (*idle)(void *ctx), void *ctx, int *status)
{
	for (unsigned looks = 0;; looks++) {
		int code = shmchan_view_follow(f->v, f->chan, &f->f, &f->m, f->data, f->size);
		if (code == 0) {
			f->nap = 0;
			// A stream without pauses must end too.
			return f->m.pos % 256 != 0 || live_wait(live_now()) ? 1 : 0;
		}
		if (code != SHMCHAN_EMPTY) {
			*status = shmtool_unreadable(f->cli, f->cli->args[0], code);
			return -1;
		}
		if (looks == 0 && idle != NULL)
			idle(ctx);
		if (!follow_wait(f))
			return 0;
	}
}

// Name of the channel with id `id`, "" if there is none.
static const char *channel_name(const struct shmchan_view *v, uint16_t id, struct shmchan_view_chan *c)
{
	int code = 0;
	for (unsigned i = 0; id != 0 && code != SHMCHAN_ENOENT; i++) {
		code = shmchan_view_chan(v, i, c);
		if (code != SHMCHAN_ENOENT && c->id == id)
			return c->name;
	}
	return "";
}

// ------------------------------------------------------------------------------------------------ tail

enum { T_TIME, T_POSITION, T_MISSED, T_MESSAGE };
const struct col chan_tail_cols[TAIL_COL_CNT] = {
	[T_TIME] = {"time", COL_TIME, COL_ALWAYS, "when it was read"},
	[T_POSITION] = {"position", COL_U64, COL_ALWAYS, "position in the channel, from 0"},
	[T_MISSED] = {"missed", COL_U64, COL_ALWAYS, "messages before it that were too fast to be read"},
	CHAN_COLS(T_MESSAGE, COL_EXTRA | COL_ALWAYS,
		  {"reply", COL_STR, COL_EXTRA, "channel the answer belongs in, null if none is wanted"}),
};

static bool tail_row(struct table *t, const struct follower *f, uint64_t missed)
{
	const struct shmchan_view_msg *m = &f->m;
	struct shmchan_view_chan reply;

	table_clear(t);
	table_row(t);
	table_u64(t, T_TIME, chan_now_ns());
	table_u64(t, T_POSITION, m->pos);
	table_u64(t, T_MISSED, missed);
	if (m->reply != 0)
		table_str(t, T_MESSAGE + CHAN_REPLY, channel_name(f->v, m->reply, &reply));
	return chan_fill_message(t, T_MESSAGE, f->v, m, f->data);
}

static void flush_out(void *out)
{
	fflush(out);
}

static int tail_lines(struct follower *f, struct table *t, double count)
{
	const struct cli *cli = f->cli;
	uint64_t missed = 0;
	int status = EXIT_OK;

	for (double n = 0; (count == 0 || n < count) && follow_next(f, flush_out, cli->out, &status) > 0;
	     n++) {
		if (!tail_row(t, f, f->f.missed - missed))
			return cli_fail(cli, EXIT_ERROR, "out of memory");
		missed = f->f.missed;
		if (!cli_line(cli, t, n == 0))
			return cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
	}
	if (fflush(cli->out) != 0)
		return cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
	if (status == EXIT_OK && f->f.missed != 0)
		fprintf(cli->err, "%s: chan tail: %" PRIu64 " messages were too fast to be shown\n",
			cli->prog, f->f.missed);
	return status;
}

int chan_tail(const struct cli *cli)
{
	const char *count_word = cli_opt(cli, "count"), *bytes_word = cli_opt(cli, "bytes"),
		   *seconds_word = cli_opt(cli, "seconds");
	double count = 0, bytes = 16, seconds = 0;
	struct follower f = {0};
	struct shmchan_view *v;
	struct table *t;
	int status;

	if ((count_word != NULL && !cli_number(cli, "count", count_word, 1, 1e15, &count)) ||
	    (bytes_word != NULL && !cli_number(cli, "bytes", bytes_word, 0, SHMCHAN_MSG_MAX, &bytes)) ||
	    (seconds_word != NULL && !cli_number(cli, "seconds", seconds_word, 0.001, 1e9, &seconds)))
		return EXIT_USAGE;
	t = cli_table(cli, &status);
	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status == EXIT_OK) {
		status = follow_begin(&f, cli, v, seconds, (size_t)bytes);
		if (status == EXIT_OK)
			status = tail_lines(&f, t, (double)(uint64_t)count);
		free(f.data);
		shmchan_view_close(v);
	}
	table_free(t);
	return status;
}

// ------------------------------------------------------------------------------------------------ record

enum { R_FILE, R_CHANNEL, R_MESSAGES, R_MISSED, R_BLOCKS_MISSED, R_BYTES, R_ENDED };
const struct col chan_record_cols[RECORD_COL_CNT] = {
	[R_FILE] = {"file", COL_STR, COL_ALWAYS, "file written"},
	[R_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel recorded"},
	[R_MESSAGES] = {"messages", COL_U64, COL_ALWAYS, "messages in the file"},
	[R_MISSED] = {"missed", COL_U64, COL_ALWAYS, "messages that were too fast to be read"},
	[R_BLOCKS_MISSED] = {"blocks_missed", COL_U64, COL_ALWAYS,
			     "messages in the file whose block was received before it could be read"},
	[R_BYTES] = {"bytes", COL_U64, COL_ALWAYS, "size of the file"},
	[R_ENDED] = {"ended", COL_STR, COL_ALWAYS,
		     "why: count, size, or stopped (interrupt, seconds, end of the group)"},
};

struct recorder {
	struct follower f;
	const char *path;
	FILE *file;
	uint64_t messages, blocks_missed, bytes, most_bytes;
	unsigned char *block, *packed; // the latest, of block_room and packed_room bytes
	size_t block_room, packed_room;
	const char *ended;
};

static bool room(unsigned char **at, size_t *have, size_t need)
{
	unsigned char *bigger;

	if (need <= *have)
		return true;
	bigger = realloc(*at, need);
	if (bigger == NULL)
		return false;
	*at = bigger;
	*have = need;
	return true;
}

static bool put(struct recorder *r, const struct shmchan_record *record)
{
	size_t size = shmchan_record_size(record);

	if (size == 0 || !room(&r->packed, &r->packed_room, size)) {
		errno = size == 0 ? EFBIG : ENOMEM;
		return false;
	}
	shmchan_record_put(r->packed, record);
	r->bytes += size;
	return fwrite(r->packed, 1, size, r->file) == size;
}

// The bytes of the message's block, if they can still be had.
static void catch_block(struct recorder *r, struct shmchan_record *record)
{
	const struct shmchan_view_msg *m = &r->f.m;
	size_t len = 0;
	int code;

	record->had_block = true;
	for (int tries = 0; tries < 2; tries++) {
		code = shmchan_view_block_data(r->f.v, r->f.chan, m->pos, m->block, record->pool, r->block,
					       r->block_room, &len);
		if (code != 0 || len <= r->block_room)
			break;
		if (len > UINT32_MAX || !room(&r->block, &r->block_room, len))
			code = SHMCHAN_ENOMEM;
	}
	if (code != 0) {
		r->blocks_missed++;
		return;
	}
	record->block = r->block;
	record->block_len = (uint32_t)len;
}

static bool put_message(struct recorder *r)
{
	const struct shmchan_view_msg *m = &r->f.m;
	struct shmchan_view_chan reply;
	struct shmchan_record record = {.time_ns = chan_now_ns(),
					.pos = m->pos,
					.corr = m->corr,
					.type = m->type,
					.sender = m->sender_slot | m->sender_incarnation << 12,
					.len = m->bytes,
					.data = r->f.data};

	snprintf(record.reply, sizeof record.reply, "%s", channel_name(r->f.v, m->reply, &reply));
	if (m->block != SHMCHAN_NO_BLOCK)
		catch_block(r, &record);
	r->messages++;
	return put(r, &record);
}

static bool put_header(struct recorder *r)
{
	unsigned char bytes[SHMCHAN_RECORD_HEADER];
	struct shmchan_view_group g;
	struct shmchan_record_header h = {
		.time_ns = chan_now_ns(), .msg_size = r->f.c.msg_size, .capacity = r->f.c.capacity};

	shmchan_view_group(r->f.v, &g);
	snprintf(h.group, sizeof h.group, "%s", g.name);
	snprintf(h.channel, sizeof h.channel, "%s", r->f.c.name);
	snprintf(h.kind, sizeof h.kind, "%s", shmchan_kind_name(r->f.c.kind));
	shmchan_record_header_put(bytes, &h);
	r->bytes = sizeof bytes;
	return fwrite(bytes, 1, sizeof bytes, r->file) == sizeof bytes;
}

static void flush_file(void *file)
{
	fflush(file);
}

static int record_all(struct recorder *r, double count)
{
	int status = EXIT_OK;
	bool ok = put_header(r);

	r->ended = "stopped";
	fprintf(r->f.cli->err, "%s: chan record: recording '%s' into %s\n", r->f.cli->prog, r->f.c.name,
		r->path);
	for (bool full = false; ok && !full && follow_next(&r->f, flush_file, r->file, &status) > 0;) {
		ok = put_message(r);
		full = (count != 0 && (double)r->messages >= count) || r->bytes >= r->most_bytes;
		if (full)
			r->ended = r->bytes >= r->most_bytes ? "size" : "count";
	}
	ok = ok &&
	     put(r, &(struct shmchan_record){.is_end = true, .time_ns = r->messages, .pos = r->f.f.missed});
	ok = fflush(r->file) == 0 && ok;
	if (!ok)
		return cli_fail(r->f.cli, EXIT_ERROR, "cannot write '%s': %s", r->path, strerror(errno));
	return status;
}

static int record_open(struct recorder *r, const struct cli *cli, double count)
{
	struct table *t;
	int status;

	r->path = cli->args[1];
	r->file = fopen(r->path, "we");
	if (r->file == NULL)
		return cli_fail(cli, EXIT_ERROR, "cannot write '%s': %s", r->path, strerror(errno));
	status = record_all(r, count);
	fclose(r->file);
	t = status == EXIT_OK ? cli_table(cli, &status) : NULL;
	if (t == NULL)
		return status;
	table_row(t);
	table_str(t, R_FILE, r->path);
	table_str(t, R_CHANNEL, r->f.c.name);
	table_u64(t, R_MESSAGES, r->messages);
	table_u64(t, R_MISSED, r->f.f.missed);
	table_u64(t, R_BLOCKS_MISSED, r->blocks_missed);
	table_u64(t, R_BYTES, r->bytes);
	table_str(t, R_ENDED, r->ended);
	return cli_print(cli, t, true);
}

int chan_record(const struct cli *cli)
{
	const char *count_word = cli_opt(cli, "count"), *seconds_word = cli_opt(cli, "seconds"),
		   *size_word = cli_opt(cli, "size");
	double count = 0, seconds = 0, size = 1 << 30;
	struct recorder r = {0};
	struct shmchan_view *v;
	int status;

	if ((count_word != NULL && !cli_number(cli, "count", count_word, 1, 1e15, &count)) ||
	    (seconds_word != NULL && !cli_number(cli, "seconds", seconds_word, 0.001, 1e9, &seconds)) ||
	    (size_word != NULL && !cli_number(cli, "size", size_word, 1, 1e15, &size)))
		return EXIT_USAGE;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK)
		return status;
	r.most_bytes = (uint64_t)size;
	status = follow_begin(&r.f, cli, v, seconds, SHMCHAN_MSG_MAX);
	if (status == EXIT_OK)
		status = record_open(&r, cli, (double)(uint64_t)count);
	free(r.f.data);
	free(r.block);
	free(r.packed);
	shmchan_view_close(v);
	return status;
}
