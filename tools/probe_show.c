// probe show: what the programs have seen of channels, processes and deaths, and attachments that nobody ended.
#include <stdlib.h>
#include <string.h>
#include "tools/histview.h"
#include "tools/probe.h"

enum {
	C_NAME,
	C_ID,
	C_EVERY,
	C_PUSHED,
	C_POPPED,
	C_COMPLETED,
	C_DEPTH,
	C_HIGH,
	C_IN,
	C_OUT,
	C_WAIT50,
	C_WAIT99,
	C_SERVICE50,
	C_SERVICE99,
	C_FULL,
	C_DEAD,
	C_ALERTS,
	C_PUSH,
	C_POP,
	C_DONE,
	C_UNMATCHED,
	C_ALERT_DEPTH,
	C_FULL_BY,
};
static const struct col chan_cols[] = {
	[C_NAME] = {"name", COL_STR, 0, "of the channel"},
	[C_ID] = {"id", COL_U64, COL_EXTRA, "its number in the group"},
	[C_EVERY] = {"every", COL_U64, 0, "one message in so many is looked at"},
	[C_PUSHED] = {"pushed", COL_U64, 0, "position behind the newest message seen published"},
	[C_POPPED] = {"popped", COL_U64, 0, "position behind the newest message seen taken"},
	[C_COMPLETED] = {"completed", COL_U64, COL_EXTRA,
			 "position behind the newest message seen completed"},
	[C_DEPTH] = {"depth", COL_U64, 0, "pushed less popped; in mpmc2 without what is given back to be taken again"},
	[C_HIGH] = {"high_water", COL_U64, 0, "largest depth at a push"},
	[C_IN] = {"in_rate", COL_NUM, 0, "messages published per second"},
	[C_OUT] = {"out_rate", COL_NUM, 0, "messages taken per second"},
	[C_WAIT50] = {"wait_p50_ns", COL_U64, 0, "median of the time from publishing to taking"},
	[C_WAIT99] = {"wait_p99_ns", COL_U64, 0, "99 % wait no longer"},
	[C_SERVICE50] = {"service_p50_ns", COL_U64, COL_EXTRA,
			 "median of the time from taking to completing"},
	[C_SERVICE99] = {"service_p99_ns", COL_U64, COL_EXTRA, "99 % take no longer"},
	[C_FULL] = {"full", COL_U64, 0, "times a producer found it full"},
	[C_DEAD] = {"dead_letter", COL_U64, COL_EXTRA, "messages set aside"},
	[C_ALERTS] = {"alerts", COL_U64, 0, "times a threshold was crossed"},
	[C_PUSH] = {"push", COL_U64, COL_EXTRA, "hits of that probe: of messages looked at"},
	[C_POP] = {"pop", COL_U64, COL_EXTRA, "the same"},
	[C_DONE] = {"done", COL_U64, COL_EXTRA, "the same"},
	[C_UNMATCHED] = {"unmatched", COL_U64, COL_EXTRA, "pops whose push was not seen"},
	[C_ALERT_DEPTH] = {"alert_depth", COL_U64, COL_EXTRA, "depth that is an alert, 0 = none"},
	[C_FULL_BY] = {"full_by", COL_STR, COL_EXTRA, "service that found it full last"},
};

enum { P_NAME, P_SLOT, P_PID, P_FULL, P_FULL_CHAN, P_SLEEP, P_WAKE, P_SLEPT, P_ASLEEP };
static const struct col proc_cols[] = {
	[P_NAME] = {"name", COL_STR, 0, "of the service"},
	[P_SLOT] = {"slot", COL_U64, COL_EXTRA, "its process slot"},
	[P_PID] = {"pid", COL_U64, 0, "process that fired last"},
	[P_FULL] = {"full", COL_U64, 0, "times it found a channel full"},
	[P_FULL_CHAN] = {"full_channel", COL_STR, 0, "the last of them"},
	[P_SLEEP] = {"sleep", COL_U64, 0, "times it went to sleep"},
	[P_WAKE] = {"wake", COL_U64, 0, "times it woke up"},
	[P_SLEPT] = {"slept_ns", COL_U64, 0, "how long it slept in all"},
	[P_ASLEEP] = {"asleep", COL_BOOL, 0, "sleeps now"},
};

enum {
	L_NAME,
	L_DEATHS,
	L_INCARNATION,
	L_PID,
	L_RECOVERY,
	L_REPAIR,
	L_EXEC,
	L_GAP,
	L_NEXT,
	L_GAP50,
	L_GAP_MAX
};
static const struct col life_cols[] = {
	[L_NAME] = {"name", COL_STR, 0, "of the service"},
	[L_DEATHS] = {"deaths", COL_U64, 0, "seen"},
	[L_INCARNATION] = {"incarnation", COL_U64, 0, "that died last"},
	[L_PID] = {"pid", COL_U64, 0, "it had"},
	[L_RECOVERY] = {"recovery_ns", COL_U64, 0, "from its exit until it was recovered"},
	[L_REPAIR] = {"repair_ns", COL_U64, 0, "of which the repair took"},
	[L_EXEC] = {"exec_ns", COL_I64, 0,
		    "from its exit to the start of the replacement, negative if that stood by"},
	[L_GAP] = {"first_pop_ns", COL_U64, 0, "from its exit until the replacement took a message"},
	[L_NEXT] = {"next_pid", COL_U64, 0, "of the replacement"},
	[L_GAP50] = {"first_pop_p50_ns", COL_U64, COL_EXTRA, "median of all deaths"},
	[L_GAP_MAX] = {"first_pop_max_ns", COL_U64, COL_EXTRA, "the longest"},
};

static void quantile(struct table *t, unsigned col, const struct hist *h, double q)
{
	if (histview_total(h) != 0)
		table_u64(t, col, histview_quantile(h, q));
}

static void chan_row(struct probe_run *r, struct table *t, uint16_t id, const struct probe_place *place,
		     const struct probe_chan *c)
{
	uint64_t now = watch_now();
	uint32_t every = probe_every(r, id);
	char name[PROBE_NAME_MAX];

	table_row(t);
	table_str(t, C_NAME, place->name);
	table_u64(t, C_ID, id);
	if (every != 0)
		table_u64(t, C_EVERY, every);
	table_u64(t, C_PUSHED, c->pushed);
	table_u64(t, C_POPPED, c->popped);
	table_u64(t, C_COMPLETED, c->completed);
	table_u64(t, C_DEPTH, c->pushed > c->popped ? c->pushed - c->popped : 0);
	table_u64(t, C_HIGH, c->high_water);
	table_num(t, C_IN, watch_rate(&place->in, c->pushed, now));
	table_num(t, C_OUT, watch_rate(&place->out, c->popped, now));
	quantile(t, C_WAIT50, &c->wait, 0.5);
	quantile(t, C_WAIT99, &c->wait, 0.99);
	quantile(t, C_SERVICE50, &c->service, 0.5);
	quantile(t, C_SERVICE99, &c->service, 0.99);
	table_u64(t, C_FULL, c->full);
	table_u64(t, C_DEAD, c->dead_letter);
	table_u64(t, C_ALERTS, place->alerts);
	table_u64(t, C_PUSH, c->push);
	table_u64(t, C_POP, c->pop);
	table_u64(t, C_DONE, c->done);
	table_u64(t, C_UNMATCHED, c->unmatched);
	table_u64(t, C_ALERT_DEPTH, place->alert_depth);
	if (place->full_ns != 0)
		table_str(t, C_FULL_BY, probe_proc_name(r, place->full_slot, name));
}

static bool fill_chans(struct probe_run *r, struct table *t)
{
	struct probe_chan *c = malloc(sizeof *c);
	struct probe_place place;
	bool ok = c != NULL;

	for (unsigned id = 0; ok && id < watch_chan_max(r->w); id++) {
		ok = watch_place(r->w, (uint16_t)id, &place) == WATCH_OK &&
		     watch_read(r->w, (uint16_t)id, c) == WATCH_OK;
		if (ok && place.name[0] != '\0')
			chan_row(r, t, (uint16_t)id, &place, c);
	}
	free(c);
	return ok;
}

static bool fill_procs(struct probe_run *r, struct table *t)
{
	struct probe_proc p;
	char name[PROBE_NAME_MAX];

	for (unsigned slot = 1; slot < watch_proc_max(r->w); slot++) {
		if (watch_proc(r->w, slot, &p) != WATCH_OK)
			return false;
		table_row(t);
		table_str(t, P_NAME, probe_proc_name(r, slot, name));
		table_u64(t, P_SLOT, slot);
		if (p.pid != 0)
			table_u64(t, P_PID, p.pid);
		table_u64(t, P_FULL, p.full);
		if (p.full_chan != 0)
			table_str(t, P_FULL_CHAN, probe_chan_name(r, (uint16_t)p.full_chan, name));
		table_u64(t, P_SLEEP, p.sleep);
		table_u64(t, P_WAKE, p.wake);
		table_u64(t, P_SLEPT, p.slept_ns);
		table_bool(t, P_ASLEEP, p.sleep_ns > p.wake_ns);
	}
	return true;
}

static void life_row(struct table *t, const struct probe_life *l)
{
	table_row(t);
	table_str(t, L_NAME, l->name);
	table_u64(t, L_DEATHS, l->deaths);
	table_u64(t, L_INCARNATION, l->incarnation);
	table_u64(t, L_PID, l->pid);
	table_u64(t, L_REPAIR, l->repair_ns);
	if (l->exit_ns != 0)
		table_u64(t, L_RECOVERY, l->recovered_ns - l->exit_ns);
	if (l->exit_ns != 0 && l->exec_ns != 0)
		table_i64(t, L_EXEC, (int64_t)(l->exec_ns - l->exit_ns));
	if (l->exit_ns != 0 && l->first_pop_ns != 0)
		table_u64(t, L_GAP, l->first_pop_ns - l->exit_ns);
	if (l->next_pid != 0)
		table_u64(t, L_NEXT, l->next_pid);
	quantile(t, L_GAP50, &l->gap, 0.5);
	quantile(t, L_GAP_MAX, &l->gap, 1);
}

static bool fill_lives(struct probe_run *r, struct table *t)
{
	struct probe_life life;

	for (unsigned slot = 1; slot < watch_proc_max(r->w); slot++) {
		if (watch_life(r->w, slot, &life) != WATCH_OK)
			return false;
		if (life.deaths != 0)
			life_row(t, &life);
	}
	return true;
}

struct ended {
	char text[512]; // names, comma-separated
};

static void note_ended(void *ctx, const char *group)
{
	struct ended *e = ctx;
	struct shmchan_view *v = NULL;
	struct shmchan_view_group g;
	struct watch_why why;
	struct watch *w = NULL;
	uint32_t tag = 0;
	size_t len = strlen(e->text);
	int code = shmchan_view_open(&v, group, NULL);

	if (code == 0) {
		shmchan_view_group(v, &g);
		shmchan_view_close(v);
		// Another group of that name.
		code = watch_open_pinned(&w, group, &tag, &why) == WATCH_OK && tag != g.group_tag
			       ? SHMCHAN_ENOENT
			       : 0;
		watch_close(w);
	}
	if (code == SHMCHAN_ENOENT)
		snprintf(e->text + len, sizeof e->text - len, "%s%s", len != 0 ? "," : "", group);
}

struct tables {
	const char *key;
	const struct col *cols;
	unsigned col_cnt;
	bool (*fill)(struct probe_run *r, struct table *t);
};
static const struct tables tables[] = {
	{"channels", COLS(chan_cols), fill_chans},
	{"processes", COLS(proc_cols), fill_procs},
	{"deaths", COLS(life_cols), fill_lives},
};

static void json_head(struct probe_run *r, const struct ended *e, struct jsonw *j)
{
	jsonw_begin(j, r->cli->out, r->cli->pretty);
	jsonw_object(j);
	jsonw_key(j, "group");
	jsonw_str(j, r->group.name);
	jsonw_key(j, "attached"); // for good, by probe attach
	jsonw_bool(j, r->pinned);
	jsonw_key(j, "ended");
	jsonw_bool(j, r->v == NULL);
	jsonw_key(j, "seconds"); // null: since it was attached
	if (r->seconds > 0)
		jsonw_num(j, r->seconds);
	else
		jsonw_null(j);
	jsonw_key(j, "attached_to_ended"); // groups
	jsonw_array(j);
	for (const char *s = e->text; *s != '\0';) {
		size_t len = strcspn(s, ",");
		jsonw_strn(j, s, len);
		s += len + (s[len] == ',');
	}
	jsonw_end(j);
}

static bool one_table(struct probe_run *r, const struct tables *def, struct jsonw *j)
{
	struct table *t = table_new(def->cols, def->col_cnt);
	bool ok = t != NULL && def->fill(r, t);

	if (ok && r->cli->json) {
		jsonw_key(j, def->key);
		ok = table_json(t, j);
	} else if (ok && table_rows(t) != 0) {
		fprintf(r->cli->out, "%s%s:\n", def == tables ? "" : "\n", def->key);
		ok = table_print(t, r->cli->out);
	}
	table_free(t);
	return ok;
}

static int print(struct probe_run *r)
{
	struct ended ended = {""};
	struct watch_why why;
	struct jsonw j;
	bool ok = true;

	watch_pinned(note_ended, &ended, &why);
	if (r->cli->json)
		json_head(r, &ended, &j);
	for (unsigned i = 0; i < sizeof tables / sizeof *tables && ok; i++)
		ok = one_table(r, &tables[i], &j);
	if (!ok)
		return cli_fail(r->cli, EXIT_NO_PROBES, "cannot read the maps of the BPF program");
	if (r->cli->json) {
		jsonw_end(&j);
		jsonw_line(&j);
	} else if (ended.text[0] != '\0') {
		fprintf(r->cli->out,
			"\nattached to groups that have ended: %s; see: shmtool probe detach --ended\n",
			ended.text);
	}
	return fflush(r->cli->out) == 0 ? EXIT_OK
					: cli_fail(r->cli, EXIT_ERROR, "cannot print: output closed");
}

static void table_property(const struct tables *def, struct jsonw *j)
{
	struct table *t = table_new(def->cols, def->col_cnt);

	jsonw_key(j, def->key);
	jsonw_object(j);
	jsonw_key(j, "type");
	jsonw_str(j, "array");
	jsonw_key(j, "items");
	jsonw_object(j);
	if (t != NULL)
		table_schema(t, j);
	jsonw_end(j);
	jsonw_end(j);
	table_free(t);
}

void probe_show_schema(struct jsonw *j)
{
	static const struct {
		const char *key, *schema;
	} heads[] = {
		{"group", "{\"type\":\"string\"}"},
		{"attached", "{\"type\":\"boolean\"}"},
		{"ended", "{\"type\":\"boolean\"}"},
		{"seconds", "{\"type\":[\"number\",\"null\"]}"},
		{"attached_to_ended", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
	};

	jsonw_key(j, "required");
	jsonw_array(j);
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++)
		jsonw_str(j, heads[i].key);
	for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
		jsonw_str(j, tables[i].key);
	jsonw_end(j);
	jsonw_key(j, "properties");
	jsonw_object(j);
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++) {
		jsonw_key(j, heads[i].key);
		jsonw_raw(j, heads[i].schema, strlen(heads[i].schema));
	}
	for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
		table_property(&tables[i], j);
	jsonw_end(j);
}

int probe_show(const struct cli *cli)
{
	return probe_watched(cli, print);
}
