// chan inject, replay and drain: changes of a channel's messages, made by the supervisor.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/record.h"
#include "tools/ask.h"
#include "tools/chan_live.h"
#include "tools/live.h"

#define PART_BYTES (1u << 20) // of records in one request
#define PART_MESSAGES 256

// ------------------------------------------------------------------------------------------------ requests

// Records on their way to the supervisor, in a file in memory.
struct parcel {
	int fd;
	size_t bytes;
	unsigned cnt;
};

static bool parcel_open(struct parcel *p)
{
	*p = (struct parcel){.fd = memfd_create("shmtool", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
	return p->fd >= 0;
}

static bool parcel_add(struct parcel *p, const void *bytes, size_t len)
{
	if (pwrite(p->fd, bytes, len, (off_t)p->bytes) != (ssize_t)len)
		return false;
	p->bytes += len;
	p->cnt++;
	return true;
}

// Sends the parcel. *sent is how many of its messages are in the channel; fewer than all, with EXIT_OK, if it is full.
static int parcel_send(const struct cli *cli, const char *group, const char *channel, struct parcel *p,
		       uint64_t *sent)
{
	json_t *reply;
	int status =
		ask(cli, group, json_pack("{s:s, s:s}", "verb", "inject", "channel", channel), p->fd, &reply);

	*sent = (uint64_t)json_integer_value(json_object_get(reply, "sent"));
	json_decref(reply);
	return status;
}

static int no_memory(const struct cli *cli)
{
	return cli_fail(cli, EXIT_ERROR, "cannot make a file in memory: %s", strerror(errno));
}

// ------------------------------------------------------------------------------------------------ inject

enum { I_CHANNEL, I_SENT, I_BYTES };
const struct col chan_inject_cols[INJECT_COL_CNT] = {
	[I_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel it was sent to"},
	[I_SENT] = {"sent", COL_U64, COL_ALWAYS, "messages sent"},
	[I_BYTES] = {"bytes", COL_U64, COL_ALWAYS, "bytes of payload of each"},
};

static int read_file(const struct cli *cli, const char *path, size_t most, unsigned char **out, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int status = EXIT_OK;

	*out = malloc(most + 1);
	if (f == NULL)
		status = cli_fail(cli, EXIT_ERROR, "cannot read '%s': %s", path, strerror(errno));
	else if (*out == NULL)
		status = cli_fail(cli, EXIT_ERROR, "out of memory");
	else if ((*len = fread(*out, 1, most + 1, f)) > most)
		status = cli_fail(cli, EXIT_USAGE, "'%s' has more than %zu bytes", path, most);
	else if (ferror(f))
		status = cli_fail(cli, EXIT_ERROR, "cannot read '%s': %s", path, strerror(errno));
	if (f != NULL && f != stdin)
		fclose(f);
	return status;
}

static int read_hex(const struct cli *cli, const char *word, unsigned char **out, size_t *len)
{
	size_t n = strlen(word);

	*len = n / 2;
	*out = malloc(*len + 1);
	if (*out == NULL)
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	for (size_t i = 0; i < *len; i++) {
		unsigned byte;
		if (strspn(word + 2 * i, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(word + 2 * i, "%2x", &byte) != 1)
			n = 1;
		else
			(*out)[i] = (unsigned char)byte;
	}
	return n % 2 == 0 ? EXIT_OK
			  : cli_fail(cli, EXIT_USAGE, "hex '%s' is not pairs of hexadecimal digits", word);
}

// The payload that one of --data, --hex and --file gives; empty without.
static int payload(const struct cli *cli, unsigned char **out, size_t *len)
{
	const char *data = cli_opt(cli, "data"), *hex = cli_opt(cli, "hex"), *file = cli_opt(cli, "file");

	*out = NULL;
	*len = 0;
	if ((data != NULL) + (hex != NULL) + (file != NULL) > 1)
		return cli_fail(cli, EXIT_USAGE, "only one of --data, --hex and --file can be the payload");
	if (hex != NULL)
		return read_hex(cli, hex, out, len);
	if (file != NULL)
		return read_file(cli, file, SHMCHAN_MSG_MAX, out, len);
	if (data == NULL)
		return EXIT_OK;
	*len = strlen(data);
	*out = (unsigned char *)strdup(data);
	return *out != NULL ? EXIT_OK : cli_fail(cli, EXIT_ERROR, "out of memory");
}

static int inject_record(const struct cli *cli, const char *group, const struct shmchan_record *r)
{
	size_t size = shmchan_record_size(r);
	unsigned char *packed = size != 0 ? malloc(size) : NULL;
	struct parcel p;
	uint64_t sent = 0;
	int status;

	if (size == 0)
		return cli_fail(cli, EXIT_USAGE, "the message is too large");
	if (packed == NULL || !parcel_open(&p)) {
		free(packed);
		return no_memory(cli);
	}
	shmchan_record_put(packed, r);
	status = parcel_add(&p, packed, size) ? parcel_send(cli, group, cli->args[0], &p, &sent)
					      : no_memory(cli);
	if (status == EXIT_OK && sent == 0)
		status = cli_fail(cli, EXIT_REFUSED, "channel '%s' is full, or the pool has no free block",
				  cli->args[0]);
	close(p.fd);
	free(packed);
	return status;
}

static int inject_print(const struct cli *cli, size_t bytes)
{
	int status;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	table_row(t);
	table_str(t, I_CHANNEL, cli->args[0]);
	table_u64(t, I_SENT, 1);
	table_u64(t, I_BYTES, bytes);
	return cli_print(cli, t, true);
}

// Everything behind the group: fills *r from the options and sends it.
static int inject_into(const struct cli *cli, const char *group)
{
	const char *type = cli_opt(cli, "type"), *corr = cli_opt(cli, "correlation"),
		   *reply = cli_opt(cli, "reply"), *block = cli_opt(cli, "block"),
		   *pool = cli_opt(cli, "pool");
	double type_number = 0;
	struct shmchan_record r = {0};
	unsigned char *data = NULL, *block_data = NULL;
	size_t len, block_len = 0;
	char *end = NULL;
	int status;

	if (type != NULL && !cli_number(cli, "type", type, 0, SHMCHAN_TYPE_MAX, &type_number))
		return EXIT_USAGE;
	if (corr != NULL) {
		r.corr = strtoull(corr, &end, 0);
		if (*corr < '0' || *corr > '9' || *end != '\0')
			return cli_fail(cli, EXIT_USAGE, "correlation '%s' is not a number", corr);
	}
	if ((block != NULL) != (pool != NULL))
		return cli_fail(cli, EXIT_USAGE, "--block and --pool go together");
	status = payload(cli, &data, &len);
	if (status == EXIT_OK && block != NULL)
		status = read_file(cli, block, SHMCHAN_RECORD_SIZE_MAX / 2, &block_data, &block_len);
	if (status == EXIT_OK) {
		r.type = (uint16_t)type_number;
		r.data = data;
		r.len = (uint32_t)len;
		r.had_block = block != NULL;
		r.block = block_data;
		r.block_len = (uint32_t)block_len;
		snprintf(r.reply, sizeof r.reply, "%s", reply != NULL ? reply : "");
		snprintf(r.pool, sizeof r.pool, "%s", pool != NULL ? pool : "");
		status = inject_record(cli, group, &r);
	}
	free(data);
	free(block_data);
	return status == EXIT_OK ? inject_print(cli, len) : status;
}

// The group and a look whether the channel is there, so that a wrong name has the same line everywhere.
static int target(const struct cli *cli, char *group)
{
	struct shmchan_view_group g;
	struct shmchan_view *v;
	unsigned chan;
	int status = shmtool_open(cli, &v);

	if (status != EXIT_OK)
		return status;
	shmchan_view_group(v, &g);
	snprintf(group, SHMCHAN_NAME_MAX, "%s", g.name);
	status = shmtool_chan(cli, v, cli->args[0], &chan);
	shmchan_view_close(v);
	return status;
}

int chan_inject(const struct cli *cli)
{
	char group[SHMCHAN_NAME_MAX];
	int status = target(cli, group);

	if (status != EXIT_OK)
		return status;
	return cli_confirmed(cli, "send a message to the channel") ? inject_into(cli, group) : EXIT_USAGE;
}

// ------------------------------------------------------------------------------------------------ drain

enum { N_CHANNEL, N_DRAINED, N_LEFT };
const struct col chan_drain_cols[DRAIN_COL_CNT] = {
	[N_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel that was drained"},
	[N_DRAINED] = {"drained", COL_U64, COL_ALWAYS, "messages taken out of it"},
	[N_LEFT] = {"left", COL_U64, COL_ALWAYS, "messages queued in it still"},
};

// In requests of what the supervisor does at once, until there is nothing left or `limit` is reached.
static int drain_all(const struct cli *cli, const char *group, uint64_t limit, uint64_t *drained,
		     uint64_t *left)
{
	bool drop = cli_opt(cli, "drop") != NULL;
	uint64_t now;

	*drained = 0;
	do {
		json_t *reply,
			*request = json_pack("{s:s, s:s, s:b, s:I}", "verb", "drain", "channel", cli->args[0],
					     "drop", drop, "limit", (json_int_t)(limit - *drained));
		int status = ask(cli, group, request, -1, &reply);

		now = (uint64_t)json_integer_value(json_object_get(reply, "drained"));
		*left = (uint64_t)json_integer_value(json_object_get(reply, "left"));
		json_decref(reply);
		if (status != EXIT_OK)
			return status;
		*drained += now;
	} while (now != 0 && *left != 0 && *drained < limit);
	return EXIT_OK;
}

int chan_drain(const struct cli *cli)
{
	const char *limit_word = cli_opt(cli, "limit");
	double limit = 1e15;
	char group[SHMCHAN_NAME_MAX];
	uint64_t drained, left = 0;
	struct table *t;
	int status;

	if (limit_word != NULL && !cli_number(cli, "limit", limit_word, 1, 1e15, &limit))
		return EXIT_USAGE;
	status = target(cli, group);
	if (status != EXIT_OK)
		return status;
	if (!cli_confirmed(cli, "take messages out of the channel"))
		return EXIT_USAGE;
	status = drain_all(cli, group, (uint64_t)limit, &drained, &left);
	t = status == EXIT_OK ? cli_table(cli, &status) : NULL;
	if (t == NULL)
		return status;
	table_row(t);
	table_str(t, N_CHANNEL, cli->args[0]);
	table_u64(t, N_DRAINED, drained);
	table_u64(t, N_LEFT, left);
	return cli_print(cli, t, true);
}

// ------------------------------------------------------------------------------------------------ replay

enum { P_FILE, P_CHANNEL, P_SENT, P_MESSAGES, P_MISSED, P_SECONDS };
const struct col chan_replay_cols[REPLAY_COL_CNT] = {
	[P_FILE] = {"file", COL_STR, COL_ALWAYS, "recording"},
	[P_CHANNEL] = {"channel", COL_STR, COL_ALWAYS, "channel it was sent to"},
	[P_SENT] = {"sent", COL_U64, COL_ALWAYS, "messages sent"},
	[P_MESSAGES] = {"messages", COL_U64, 0, "messages in the recording, null if it was cut short"},
	[P_MISSED] = {"missed", COL_U64, 0,
		      "messages that are not in the recording, null if it was cut short"},
	[P_SECONDS] = {"seconds", COL_NUM, COL_ALWAYS, "how long it took"},
};

struct replay {
	const struct cli *cli;
	char group[SHMCHAN_NAME_MAX];
	const unsigned char *bytes; // the recording, mapped
	size_t size, at;
	double rate;    // messages per second; 0 as recorded, < 0 as fast as possible
	double timeout; // seconds that the channel may stay full
	uint64_t limit, sent;
	uint64_t first_ns; // of the first message
	double begun;
	struct shmchan_record end; // is_end: it was found
};

// When message number n, recorded at time_ns, is due.
static double due(const struct replay *p, uint64_t n, uint64_t time_ns)
{
	if (p->rate < 0)
		return 0;
	return p->begun +
	       (p->rate > 0 ? (double)n / p->rate : (double)(int64_t)(time_ns - p->first_ns) / 1e9);
}

// Puts what is due into the parcel; waits if nothing is. *more: there is more in the recording.
static int pack(struct replay *p, struct parcel *parcel, bool *more)
{
	*more = true;
	while (parcel->cnt < PART_MESSAGES && parcel->bytes < PART_BYTES) {
		struct shmchan_record r;
		size_t used;
		double when;
		int code = shmchan_record_get(&r, p->bytes + p->at, p->size - p->at, &used);

		if (code == SHMCHAN_ECORRUPT)
			return cli_fail(p->cli, EXIT_DAMAGED, "'%s' is damaged at byte %zu", p->cli->args[1],
					p->at);
		if (code != 0 || r.is_end || p->sent + parcel->cnt == p->limit) {
			p->end = r;
			*more = false;
			return EXIT_OK;
		}
		if (p->sent + parcel->cnt == 0)
			p->first_ns = r.time_ns;
		when = due(p, p->sent + parcel->cnt, r.time_ns);
		if (when > live_now()) {
			if (parcel->cnt != 0)
				return EXIT_OK;
			*more = live_wait(when);
			if (!*more)
				return EXIT_OK;
		}
		if (!parcel_add(parcel, p->bytes + p->at, used))
			return no_memory(p->cli);
		p->at += used;
	}
	return EXIT_OK;
}

// Where the record behind the first n of those at `at` begins.
static size_t behind(const struct replay *p, size_t at, uint64_t n)
{
	struct shmchan_record r;
	size_t used;

	for (; n > 0 && shmchan_record_get(&r, p->bytes + at, p->size - at, &used) == 0; n--)
		at += used;
	return at;
}

static int replay_parts(struct replay *p)
{
	double stuck_since = 0;
	bool more = true;
	int status = EXIT_OK;

	while (more && status == EXIT_OK) {
		struct parcel parcel;
		uint64_t sent = 0;
		size_t began = p->at;

		if (!parcel_open(&parcel))
			return no_memory(p->cli);
		status = pack(p, &parcel, &more);
		if (status == EXIT_OK && parcel.cnt != 0)
			status = parcel_send(p->cli, p->group, p->cli->args[0], &parcel, &sent);
		close(parcel.fd);
		p->sent += sent;
		if (status != EXIT_OK || sent == parcel.cnt) {
			stuck_since = 0;
			continue;
		}
		more = true;
		p->at = behind(p, began, sent);
		stuck_since = sent != 0 || stuck_since == 0 ? live_now() : stuck_since;
		if (live_now() - stuck_since > p->timeout)
			status = cli_fail(p->cli, EXIT_REFUSED,
					  "channel '%s' has been full for %g s; %" PRIu64
					  " messages were sent",
					  p->cli->args[0], p->timeout, p->sent);
		else if (!live_wait(live_now() + 0.001))
			break;
	}
	return status;
}

static int replay_print(const struct replay *p)
{
	int status;
	struct table *t = cli_table(p->cli, &status);

	if (t == NULL)
		return status;
	table_row(t);
	table_str(t, P_FILE, p->cli->args[1]);
	table_str(t, P_CHANNEL, p->cli->args[0]);
	table_u64(t, P_SENT, p->sent);
	if (p->end.is_end) {
		table_u64(t, P_MESSAGES, p->end.time_ns);
		table_u64(t, P_MISSED, p->end.pos);
	}
	table_num(t, P_SECONDS, live_now() - p->begun);
	return cli_print(p->cli, t, true);
}

static int replay_options(struct replay *p)
{
	const char *rate = cli_opt(p->cli, "rate"), *limit = cli_opt(p->cli, "count"),
		   *timeout = cli_opt(p->cli, "timeout");
	double number = 0;

	p->timeout = 10;
	p->limit = UINT64_MAX;
	if (rate != NULL && strcmp(rate, "full") == 0)
		p->rate = -1;
	else if (rate != NULL && strcmp(rate, "recorded") != 0 &&
		 !cli_number(p->cli, "rate", rate, 1e-6, 1e9, &p->rate))
		return EXIT_USAGE;
	if (timeout != NULL && !cli_number(p->cli, "timeout", timeout, 0, 1e9, &p->timeout))
		return EXIT_USAGE;
	if (limit != NULL) {
		if (!cli_number(p->cli, "count", limit, 1, 1e15, &number))
			return EXIT_USAGE;
		p->limit = (uint64_t)number;
	}
	return EXIT_OK;
}

static int replay_file(struct replay *p)
{
	const char *path = p->cli->args[1];
	struct shmchan_record_header h;
	unsigned char *bytes = NULL;
	struct stat st = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC), status, code;

	if (fd < 0 || fstat(fd, &st) != 0)
		return cli_fail(p->cli, EXIT_ERROR, "cannot read '%s': %s", path, strerror(errno));
	p->size = (size_t)st.st_size;
	bytes = p->size != 0 ? mmap(NULL, p->size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (bytes == MAP_FAILED)
		return cli_fail(p->cli, EXIT_ERROR, "cannot map '%s': %s", path, strerror(errno));
	code = shmchan_record_header_get(&h, bytes, p->size);
	if (code == 0) {
		p->bytes = bytes;
		p->at = SHMCHAN_RECORD_HEADER;
		p->begun = live_now();
		live_block();
		status = replay_parts(p);
	} else if (h.version > 1) {
		status = cli_fail(p->cli, EXIT_DAMAGED,
				  "'%s' is a recording of version %u, this program reads %u", path, h.version,
				  SHMCHAN_RECORD_VERSION);
	} else {
		status = cli_fail(p->cli, EXIT_DAMAGED, "'%s' is not a recording, or damaged in its header",
				  path);
	}
	if (bytes != NULL)
		munmap(bytes, p->size);
	return status == EXIT_OK ? replay_print(p) : status;
}

int chan_replay(const struct cli *cli)
{
	struct replay p = {.cli = cli};
	int status = replay_options(&p);

	if (status == EXIT_OK)
		status = target(cli, p.group);
	if (status != EXIT_OK)
		return status;
	return cli_confirmed(cli, "send the messages of a recording to the channel") ? replay_file(&p)
										     : EXIT_USAGE;
}
