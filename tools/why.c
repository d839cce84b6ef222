// Who is behind: from a channel to the process that should empty it, to what that process waits for, and so on to the
// cause. Everything is read from shared memory and /proc at one moment, after a short look at progress.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "tools/live.h"
#include "tools/procstat.h"
#include "tools/sample.h"
#include "tools/shmtool.h"

#define PEEK_MAX 4096 // messages of a channel that are looked through for an unanswered request

enum {
	Y_CHANNEL,
	Y_STATE,
	Y_DEPTH,
	Y_IN_FLIGHT,
	Y_CAPACITY,
	Y_IN_RATE,
	Y_OUT_RATE,
	Y_RECEIVER,
	Y_PID,
	Y_PROCESS,
	Y_POSITION,
	Y_TYPE,
	Y_CORRELATION,
	Y_WAITS_FOR,
	Y_WAITS_IN,
	Y_FINDING,
};
static const struct col why_cols[] = {
	[Y_CHANNEL] = {"channel", COL_STR, 0,
		       "the channel, once for each receiver, then what those wait in, and so on"},
	[Y_STATE] = {"state", COL_STR, 0,
		     "full, growing, stuck (holds messages, completes none), flowing or empty"},
	[Y_DEPTH] = {"depth", COL_U64, COL_EXTRA, "messages published, not taken"},
	[Y_IN_FLIGHT] = {"in_flight", COL_U64, COL_EXTRA, "messages taken, not completed"},
	[Y_CAPACITY] = {"capacity", COL_U64, COL_EXTRA, "messages it holds"},
	[Y_IN_RATE] = {"in_rate", COL_NUM, COL_EXTRA, "messages published per second"},
	[Y_OUT_RATE] = {"out_rate", COL_NUM, COL_EXTRA, "messages taken per second"},
	[Y_RECEIVER] = {"receiver", COL_STR, 0, "service that should empty it"},
	[Y_PID] = {"pid", COL_I64, 0, "its process, null if it has none"},
	[Y_PROCESS] = {"process", COL_STR, COL_EXTRA,
		       "what the process does: gone, stopped, asleep (on its doorbell), running, blocked (in "
		       "the kernel)"},
	[Y_POSITION] = {"position", COL_U64, COL_EXTRA, "message it works on: position in the channel"},
	[Y_TYPE] = {"type", COL_U64, COL_EXTRA, "that message's type"},
	[Y_CORRELATION] = {"correlation", COL_U64, COL_EXTRA, "that message's correlation id"},
	[Y_WAITS_FOR] = {"waits_for", COL_STR, COL_EXTRA, "room, answer or messages"},
	[Y_WAITS_IN] = {"waits_in", COL_STR, COL_EXTRA,
			"channel with no room, or that holds the unanswered request"},
	[Y_FINDING] = {"finding", COL_STR, 0, "the same as a sentence; that of the last row is the cause"},
};

struct why {
	const struct cli *cli;
	const struct shmchan_view *v;
	struct sample before, now;
	struct table *t;
	double seconds; // between before and now
};

enum doing { GONE, STOPPED, ASLEEP, RUNNING, BLOCKED };
static const char *const doing_names[] = {"gone", "stopped", "asleep", "running", "blocked"};

static enum doing doing(const struct shmchan_view_proc *p)
{
	struct procstat stat;
	if (!p->alive || !procstat_read(p->pid, &stat))
		return GONE;
	if (stat.state == 'T' || stat.state == 't')
		return STOPPED;
	if (p->asleep)
		return ASLEEP;
	return stat.state == 'R' ? RUNNING : BLOCKED;
}

struct peers {
	unsigned wanted;
	bool found;
};

static void note_peer(void *ctx, const char *name, unsigned slot)
{
	struct peers *p = ctx;
	p->found |= slot == p->wanted;
}

static void set_peer(void *ctx, const char *name, unsigned slot)
{
	((bool *)ctx)[slot] = true;
}

static bool is_peer(const struct shmchan_view *v, unsigned chan, int end, unsigned slot)
{
	struct peers p = {.wanted = slot};
	shmchan_view_chan_peers(v, chan, end, note_peer, &p);
	return p.found;
}

static bool is_full(const struct shmchan_stat *s)
{
	return s->depth + s->in_flight >= s->capacity;
}

// A channel that holds a message by which process `p` asked for an answer; -1 if there is none.
static int unanswered(const struct why *y, const struct shmchan_view_proc *p)
{
	struct shmchan_view_msg m;
	char none[1];
	int code;
	for (unsigned i = 0; i < y->now.chan_cnt; i++) {
		if (!is_peer(y->v, i, SHMCHAN_TX, p->slot))
			continue;
		for (uint32_t k = 0; k < PEEK_MAX; k++) {
			code = shmchan_view_msg(y->v, i, k, &m, none, 0);
			if (code != 0 && code != SHMCHAN_EMPTY)
				break;
			if (code == 0 && m.reply != 0 && m.sender_slot == p->slot &&
			    m.sender_incarnation == p->incarnation)
				return (int)i;
		}
	}
	return -1;
}

struct wait {
	const char *what; // "room", "answer", "messages"; NULL if it waits for none of them
	int chan;         // where, -1 if nowhere in particular
};

static struct wait waiting(const struct why *y, const struct shmchan_view_proc *p)
{
	int chan;
	for (unsigned i = 0; i < y->now.chan_cnt; i++)
		if (y->now.chans[i].code == 0 && is_full(&y->now.chans[i].c.stat) &&
		    is_peer(y->v, i, SHMCHAN_TX, p->slot))
			return (struct wait){"room", (int)i};
	chan = unanswered(y, p);
	return chan >= 0 ? (struct wait){"answer", chan} : (struct wait){"messages", -1};
}

static const char *state_of(const struct why *y, unsigned chan)
{
	const struct sample_chan *now = &y->now.chans[chan], *before = &y->before.chans[chan];
	const struct shmchan_stat *s = &now->c.stat;
	if (is_full(s))
		return "full";
	if (s->depth + s->in_flight == 0)
		return "empty";
	if (s->done == before->c.stat.done)
		return "stuck";
	return s->depth > before->c.stat.depth && now->in_rate > now->out_rate ? "growing" : "flowing";
}

// What the message is that the receiver has in its hands, if it has one.
static bool message_in_hand(const struct why *y, unsigned chan, unsigned slot, struct shmchan_view_msg *m)
{
	char none[1];
	int code = 0;
	for (uint32_t k = 0; k < PEEK_MAX && (code == 0 || code == SHMCHAN_EMPTY); k++) {
		code = shmchan_view_msg(y->v, chan, k, m, none, 0);
		if (code == 0 && !m->in_flight)
			return false;
		if (code == 0 && m->taker_slot == slot)
			return true;
	}
	return false;
}

static void chan_columns(struct why *y, unsigned chan)
{
	const struct sample_chan *c = &y->now.chans[chan];
	table_row(y->t);
	table_str(y->t, Y_CHANNEL, c->c.name);
	table_str(y->t, Y_STATE, state_of(y, chan));
	table_u64(y->t, Y_DEPTH, c->c.stat.depth);
	table_u64(y->t, Y_IN_FLIGHT, c->c.stat.in_flight);
	table_u64(y->t, Y_CAPACITY, c->c.capacity);
	table_num(y->t, Y_IN_RATE, c->in_rate);
	table_num(y->t, Y_OUT_RATE, c->out_rate);
}

static void finding(const struct why *y, const struct shmchan_view_proc *p, enum doing does,
		    const struct wait *w, bool seen, unsigned chan, char *text, size_t size)
{
	const struct sample_chan *c = &y->now.chans[chan];
	const char *where = w->chan >= 0 ? y->now.chans[w->chan].c.name : "";
	bool moved = c->c.stat.done != y->before.chans[chan].c.stat.done;

	if (does == GONE)
		snprintf(text, size, "%s has no process (%s, incarnation %u)", p->name,
			 shmtool_proc_state(p->state), p->incarnation);
	else if (does == STOPPED)
		snprintf(text, size, "%s is stopped by a signal or a debugger", p->name);
	else if (does == ASLEEP && w->chan >= 0 && seen)
		snprintf(text, size, "%s waits for %s in %s: they wait for each other in a circle", p->name,
			 strcmp(w->what, "room") == 0 ? "room" : "an answer to a request", where);
	else if (does == ASLEEP && w->chan >= 0)
		snprintf(text, size, "%s waits for %s in %s", p->name,
			 strcmp(w->what, "room") == 0 ? "room" : "an answer to a request", where);
	else if (does == ASLEEP && c->c.stat.depth != 0)
		snprintf(text, size,
			 "%s sleeps with messages before it, it is about to wake or waits elsewhere",
			 p->name);
	else if (does == ASLEEP)
		snprintf(text, size, "%s waits for messages", p->name);
	else if (!moved && c->c.stat.in_flight != 0)
		snprintf(text, size, "%s is %s and has completed nothing for at least %.3g s", p->name,
			 does == RUNNING ? "at work" : "in a system call", y->seconds);
	else if (moved)
		snprintf(text, size, "%s completes %.3g messages per second, %.3g arrive", p->name,
			 c->out_rate, c->in_rate);
	else
		snprintf(text, size, "%s is %s and takes nothing", p->name,
			 does == RUNNING ? "at work" : "in a system call");
}

// Adds the row of a channel and one of its receivers; returns the channel to go on with, or -1 at a cause.
static int explain(struct why *y, unsigned chan, unsigned slot, bool *seen)
{
	struct shmchan_view_proc p;
	struct shmchan_view_msg m;
	struct wait w = {NULL, -1};
	enum doing does;
	bool circle;
	char text[160];

	chan_columns(y, chan);
	if (slot == 0 || shmchan_view_proc(y->v, slot - 1, &p) != 0)
		return -1;
	does = doing(&p);
	if (does == ASLEEP)
		w = waiting(y, &p);
	circle = w.chan >= 0 && seen[w.chan];
	table_str(y->t, Y_RECEIVER, p.name);
	if (p.alive)
		table_i64(y->t, Y_PID, p.pid);
	table_str(y->t, Y_PROCESS, doing_names[does]);
	if (message_in_hand(y, chan, slot, &m)) {
		table_u64(y->t, Y_POSITION, m.pos);
		table_u64(y->t, Y_TYPE, m.type);
		table_u64(y->t, Y_CORRELATION, m.corr);
	}
	if (w.what != NULL)
		table_str(y->t, Y_WAITS_FOR, w.what);
	if (w.chan >= 0)
		table_str(y->t, Y_WAITS_IN, y->now.chans[w.chan].c.name);
	finding(y, &p, does, &w, circle, chan, text, sizeof text);
	table_str(y->t, Y_FINDING, text);
	return circle ? -1 : w.chan;
}

struct branches {
	bool receivers[SHMCHAN_SLOT_MAX];
	int next[SHMCHAN_SLOT_MAX];
	unsigned cnt;
};

// The channel with each of its receivers, then what those wait for that wait. Ends: no channel is explained twice.
// Returns whether there was memory.
static bool explain_all(struct why *y, unsigned chan, bool *seen)
{
	struct branches *b = calloc(1, sizeof *b);
	bool ok = b != NULL;

	if (!ok || y->now.chans[chan].code != 0) {
		free(b);
		return ok;
	}
	seen[chan] = true;
	shmchan_view_chan_peers(y->v, chan, SHMCHAN_RX, set_peer, b->receivers);
	for (unsigned slot = 1; slot < SHMCHAN_SLOT_MAX; slot++)
		if (b->receivers[slot])
			b->next[b->cnt++] = explain(y, chan, slot, seen);
	if (b->cnt == 0)
		explain(y, chan, 0, seen);
	for (unsigned i = 0; i < b->cnt && ok; i++)
		if (b->next[i] >= 0 && !seen[b->next[i]])
			ok = explain_all(y, (unsigned)b->next[i], seen);
	free(b);
	return ok;
}

static int chain(struct why *y, unsigned chan)
{
	bool *seen = calloc(y->now.chan_cnt + 1, sizeof *seen), ok;
	if (seen == NULL)
		return cli_fail(y->cli, EXIT_ERROR, "out of memory");
	ok = explain_all(y, chan, seen);
	free(seen);
	return ok ? EXIT_OK : cli_fail(y->cli, EXIT_ERROR, "out of memory");
}

static int why_fill(const struct cli *cli, const struct shmchan_view *v, struct table *t)
{
	struct why y = {.cli = cli, .v = v, .t = t, .seconds = 0.2};
	const char *seconds_word = cli_opt(cli, "seconds");
	unsigned chan;
	int status;

	if (seconds_word != NULL && !cli_number(cli, "seconds", seconds_word, 0.001, 1e6, &y.seconds))
		return EXIT_USAGE;
	status = shmtool_chan(cli, v, cli->args[0], &chan);
	if (status != EXIT_OK)
		return status;
	live_block();
	if (!sample_look(&y.before, v) || !sample_look(&y.now, v)) {
		status = cli_fail(cli, EXIT_ERROR, "out of memory");
	} else {
		live_wait(live_now() + y.seconds);
		sample_look(&y.now, v);
		if (y.now.chans[chan].code != 0)
			status = shmtool_unreadable(cli, cli->args[0], y.now.chans[chan].code);
		else
			status = chain(&y, chan);
	}
	sample_free(&y.before);
	sample_free(&y.now);
	return status;
}

static int why(const struct cli *cli)
{
	return shmtool_rows(cli, false, why_fill);
}

static const struct opt why_opts[] = {
	{"seconds", "S", "how long to look for progress, 0.2 if not given"},
	{NULL, NULL, NULL},
};
const struct verb why_verbs[] = {
	{"", "who is behind on a channel, and what that one waits for, down to the cause", "CHANNEL",
	 why_opts, COLS(why_cols), 0, why},
	NO_MORE_VERBS,
};
