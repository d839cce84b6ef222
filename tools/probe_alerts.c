// probe alerts: what the programs send at the event.
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tools/histview.h"
#include "tools/live.h"
#include "tools/probe.h"

enum {
	A_TIME,
	A_EVENT,
	A_CHAN,
	A_SERVICE,
	A_PID,
	A_WHAT,
	A_INCARNATION,
	A_VALUE,
	A_LIMIT,
	A_POS,
	A_RECOVERY,
	A_EXEC,
	A_GAP
};
const struct col probe_alert_cols[PROBE_ALERT_COL_CNT] = {
	[A_TIME] = {"time", COL_TIME, 0, "when it happened"},
	[A_EVENT] = {"event", COL_STR, 0,
		     "depth, depth-over, wait, wait-over, dead-letter, recovered, first-message"},
	[A_CHAN] = {"channel", COL_STR, 0, "where"},
	[A_SERVICE] = {"service", COL_STR, 0, "that died, or takes over"},
	[A_PID] = {"pid", COL_U64, 0, "process: in which it happened; recovered: that died"},
	[A_WHAT] = {"what", COL_STR, 0, "the same in words"},
	[A_INCARNATION] = {"incarnation", COL_U64, COL_EXTRA, "that died"},
	[A_VALUE] = {"value", COL_U64, COL_EXTRA,
		     "depth: messages; wait: nanoseconds; recovered: nanoseconds of the repair"},
	[A_LIMIT] = {"limit", COL_U64, COL_EXTRA, "the threshold, in the same unit"},
	[A_POS] = {"position", COL_U64, COL_EXTRA, "of the message"},
	[A_RECOVERY] = {"recovery_ns", COL_U64, COL_EXTRA,
			"from the exit of the process until it was recovered"},
	[A_EXEC] = {"exec_ns", COL_I64, COL_EXTRA, "from there to the start of the replacement"},
	[A_GAP] = {"first_pop_ns", COL_U64, COL_EXTRA, "from there to the first message it took"},
};

static const char *const names[] = {
	[PROBE_EVENT_DEPTH] = "depth",
	[PROBE_EVENT_DEPTH_OVER] = "depth-over",
	[PROBE_EVENT_WAIT] = "wait",
	[PROBE_EVENT_WAIT_OVER] = "wait-over",
	[PROBE_EVENT_DEAD_LETTER] = "dead-letter",
	[PROBE_EVENT_RECOVERED] = "recovered",
	[PROBE_EVENT_FIRST_POP] = "first-message",
};

struct alerts {
	struct probe_run *r;
	struct table *t;
	uint64_t printed, most; // most: 0 = no end
	bool broken;
	const char *depth, *wait; // the options
};

// ---------------------------------------------------------------------------------------------- thresholds

// Finds the value for channel `name` in "a=1,b=2" or "3". false if there is none.
static bool value_for(const char *list, const char *name, double *out)
{
	size_t len = strlen(name);
	for (const char *s = list; s != NULL && *s != '\0'; s += strcspn(s, ","), s += *s == ',') {
		bool all = memchr(s, '=', strcspn(s, ",")) == NULL;
		if (all || (strncmp(s, name, len) == 0 && s[len] == '=')) {
			*out = strtod(all ? s : s + len + 1, NULL);
			return true;
		}
	}
	return false;
}

// Every word is NUMBER or CHANNEL=NUMBER, of a channel that there is.
static int check_list(const struct probe_run *r, const char *option, const char *list)
{
	for (const char *s = list; s != NULL && *s != '\0'; s += strcspn(s, ","), s += *s == ',') {
		int len = (int)strcspn(s, ",");
		const char *eq = memchr(s, '=', (size_t)len), *number = eq != NULL ? eq + 1 : s;
		bool known = eq == NULL;
		char *end;
		double v = strtod(number, &end);

		if (!isdigit((unsigned char)*number) || end != s + len || !(v > 0 && v <= 1e9))
			return cli_fail(r->cli, EXIT_USAGE,
					"%s '%.*s' is not CHANNEL=NUMBER with a number > 0", option, len, s);
		for (unsigned i = 0; eq != NULL && i < r->chan_cnt; i++)
			known |= strlen(r->chans[i].name) == (size_t)(eq - s) &&
				 strncmp(r->chans[i].name, s, (size_t)(eq - s)) == 0;
		if (!known)
			return cli_fail(r->cli, EXIT_NO_OBJECT, "no channel '%.*s' in group '%s'",
					(int)(eq - s), s, r->group.name);
	}
	return EXIT_OK;
}

static void adjust(void *ctx, struct watch_chan *c)
{
	const struct alerts *a = ctx;
	double v;
	if (value_for(a->depth, c->name, &v))
		c->alert_depth = (uint32_t)v;
	if (value_for(a->wait, c->name, &v))
		c->alert_wait_ns = (uint64_t)(v * 1e6);
}

// The library tells of a channel's mark at the very message.
static void set_marks(struct alerts *a)
{
	probe_marks_afresh(a->r);
	for (unsigned i = 0; i < a->r->chan_cnt; i++) {
		double v;
		if (value_for(a->depth, a->r->chans[i].name, &v))
			shmchan_view_mark(a->r->v, i, (uint32_t)v, getpid());
	}
}

static void set_marks_back(struct alerts *a)
{
	for (unsigned i = 0; a->depth != NULL && i < a->r->chan_cnt; i++)
		shmchan_view_mark(a->r->v, i, 0, 0);
}

// --------------------------------------------------------------------------------------------------- rows

static uint64_t wall_clock(uint64_t ns)
{
	struct timespec real;
	uint64_t now = watch_now();
	clock_gettime(CLOCK_REALTIME, &real);
	return (uint64_t)real.tv_sec * 1000000000 + (uint64_t)real.tv_nsec - (now - ns);
}

static void say_what(struct table *t, const struct probe_event *e)
{
	char text[160], a[16], b[16], c[16];
	switch (e->kind) {
	case PROBE_EVENT_DEPTH:
		snprintf(text, sizeof text, "%" PRIu64 " messages deep, alert from %" PRIu64, e->value,
			 e->limit);
		break;
	case PROBE_EVENT_DEPTH_OVER:
		snprintf(text, sizeof text, "down to %" PRIu64, e->value);
		break;
	case PROBE_EVENT_WAIT:
		snprintf(text, sizeof text, "message %" PRIu64 " waited %s, alert from %s", e->pos,
			 histview_time(e->value, a), histview_time(e->limit, b));
		break;
	case PROBE_EVENT_WAIT_OVER:
		snprintf(text, sizeof text, "message %" PRIu64 " waited %s", e->pos,
			 histview_time(e->value, a));
		break;
	case PROBE_EVENT_DEAD_LETTER:
		snprintf(text, sizeof text, "message %" PRIu64 " set aside", e->pos);
		break;
	case PROBE_EVENT_RECOVERED:
		snprintf(text, sizeof text, "incarnation %u died, recovered%s%s%s", e->incarnation,
			 e->exit_ns != 0 ? " after " : "",
			 e->exit_ns != 0 ? histview_time(e->ns - e->exit_ns, a) : "",
			 e->exit_ns != 0 ? "" : " (its exit was not seen)");
		break;
	default:
		snprintf(text, sizeof text, "takes message %" PRIu64 "%s%s%s%s%s", e->pos,
			 e->exit_ns != 0 ? ", " : "",
			 e->exit_ns != 0 ? histview_time(e->ns - e->exit_ns, b) : "",
			 e->exit_ns != 0 ? " after the death" : "",
			 e->exec_ns > e->exit_ns && e->exit_ns != 0 ? ", started after " : "",
			 e->exec_ns > e->exit_ns && e->exit_ns != 0
				 ? histview_time(e->exec_ns - e->exit_ns, c)
				 : "");
	}
	table_str(t, A_WHAT, text);
}

static void fill_row(struct alerts *a, const struct probe_event *e)
{
	struct table *t = a->t;
	char name[PROBE_NAME_MAX];

	table_clear(t);
	table_row(t);
	table_u64(t, A_TIME, wall_clock(e->ns));
	table_str(t, A_EVENT,
		  e->kind < sizeof names / sizeof *names && names[e->kind] != NULL ? names[e->kind] : "?");
	if (e->chan != 0)
		table_str(t, A_CHAN, probe_chan_name(a->r, e->chan, name));
	if (e->slot != 0)
		table_str(t, A_SERVICE, probe_proc_name(a->r, e->slot, name));
	table_u64(t, A_PID, e->pid);
	say_what(t, e);
	if (e->incarnation != 0)
		table_u64(t, A_INCARNATION, e->incarnation);
	if (e->value != 0)
		table_u64(t, A_VALUE, e->value);
	if (e->limit != 0)
		table_u64(t, A_LIMIT, e->limit);
	if (e->chan != 0)
		table_u64(t, A_POS, e->pos);
	if (e->exit_ns == 0)
		return;
	table_u64(t, A_RECOVERY, (e->recovered_ns != 0 ? e->recovered_ns : e->ns) - e->exit_ns);
	if (e->exec_ns != 0)
		table_i64(t, A_EXEC, (int64_t)(e->exec_ns - e->exit_ns));
	if (e->kind == PROBE_EVENT_FIRST_POP)
		table_u64(t, A_GAP, e->ns - e->exit_ns);
}

static void on_event(void *ctx, const struct probe_event *e)
{
	struct alerts *a = ctx;
	const struct cli *cli = a->r->cli;
	struct jsonw j;
	bool ok;

	if (a->broken || (a->most != 0 && a->printed == a->most))
		return;
	fill_row(a, e);
	if (cli->json) {
		jsonw_begin(&j, cli->out, cli->pretty);
		ok = table_json_record(a->t, &j, 0);
		jsonw_line(&j);
	} else {
		ok = table_print_stream(a->t, cli->out, a->printed == 0);
	}
	a->printed++;
	a->broken = !ok || fflush(cli->out) != 0;
}

// The wait is in the kernel, which wakes us at the event; signals are looked for ten times a second.
static bool step(void *ctx)
{
	struct alerts *a = ctx;
	if (watch_events(a->r->w, 100, on_event, a) < 0)
		a->broken = true;
	return !a->broken && (a->most == 0 || a->printed < a->most);
}

static int watch_alerts(struct alerts *a, double seconds)
{
	struct probe_run *r = a->r;
	bool own = a->depth != NULL || a->wait != NULL || !probe_use_pins(r);
	int status = EXIT_OK;

	live_block();
	if (own) {
		status = probe_attach_now(r, adjust, a);
		if (status == EXIT_OK)
			set_marks(a);
	}
	if (status == EXIT_OK) {
		fprintf(r->cli->err, "shmtool: watching group '%s'\n", r->group.name);
		probe_wait(r, seconds, 0, step, a);
		watch_events(r->w, 0, on_event, a);
	}
	if (own)
		set_marks_back(a);
	if (status == EXIT_OK && a->broken)
		return cli_fail(r->cli, EXIT_ERROR, "cannot print: output closed");
	return status;
}

int probe_alerts(const struct cli *cli)
{
	struct probe_run r = {0};
	struct alerts a = {.r = &r, .depth = cli_opt(cli, "depth"), .wait = cli_opt(cli, "wait")};
	const char *count = cli_opt(cli, "count");
	double seconds = 0, most = 0;
	int status;

	if (!probe_seconds_option(cli, &seconds) ||
	    (count != NULL && !cli_number(cli, "count", count, 1, 1e15, &most)))
		return EXIT_USAGE;
	a.most = (uint64_t)most;
	a.t = cli_table(cli, &status);
	if (a.t == NULL)
		return status;
	status = probe_open(cli, &r, false);
	if (status == EXIT_OK)
		status = check_list(&r, "depth", a.depth);
	if (status == EXIT_OK)
		status = check_list(&r, "wait", a.wait);
	if (status == EXIT_OK)
		status = watch_alerts(&a, seconds);
	probe_close(&r);
	table_free(a.t);
	return status;
}
