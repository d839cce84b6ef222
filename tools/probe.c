// Probes by BPF: attaching to the services of a group, for a while or for good.
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/probe.h"
#include "tools/live.h"
#include "tools/probe.h"

#define RESCAN_SECONDS 0.5

// ------------------------------------------------------------------------------------------------ the group

static int read_chans(struct probe_run *r)
{
	r->chans = calloc(r->group.chan_cnt + 1, sizeof *r->chans);
	if (r->chans == NULL)
		return cli_fail(r->cli, EXIT_ERROR, "out of memory");
	for (unsigned i = 0; i < r->group.chan_cnt; i++) {
		struct shmchan_view_chan *c = &r->chans[i];
		int code = shmchan_view_chan(r->v, i, c);
		if (code != 0)
			return shmtool_unreadable(r->cli, "a channel", code);
		r->chan_cnt++;
		if (c->mark_orphan && shmchan_view_mark(r->v, i, 0, 0) == 0)
			fprintf(r->cli->err,
				"shmtool: channel '%s' was left with an alert depth of %u by a shmtool that was "
				"killed; set back\n",
				c->name, c->mark);
		if (!c->sample_orphan || shmchan_view_sample(r->v, i, 0, 0) != 0)
			continue;
		fprintf(r->cli->err,
			"shmtool: channel '%s' was left at one message in %u by a shmtool that was killed; "
			"set "
			"back\n",
			c->name, c->sample_mask + 1);
		shmchan_view_chan(r->v, i, c);
	}
	return EXIT_OK;
}

struct pinned {
	char first[SHMCHAN_NAME_MAX], all[256];
	unsigned cnt;
};

static void note_pinned(void *ctx, const char *group)
{
	struct pinned *p = ctx;
	size_t len = strlen(p->all);
	if (p->cnt++ == 0)
		snprintf(p->first, sizeof p->first, "%s", group);
	snprintf(p->all + len, sizeof p->all - len, "%s%s", len != 0 ? ", " : "", group);
}

static void no_group(void *ctx, const char *name)
{
}

// The pins of a group that has ended: the named one, or, where no group runs, the only one there is.
static bool open_gone(struct probe_run *r)
{
	struct pinned pins = {.first = ""};
	struct shmchan_view *v = NULL;
	struct watch_why why;
	uint32_t tag;

	if (r->cli->group == NULL && shmchan_view_groups(no_group, NULL) == 0 &&
	    watch_pinned(note_pinned, &pins, &why) == 1)
		snprintf(r->group.name, sizeof r->group.name, "%s", pins.first);
	else if (r->cli->group != NULL && shmchan_view_open(&v, r->cli->group, NULL) == SHMCHAN_ENOENT)
		snprintf(r->group.name, sizeof r->group.name, "%s", r->cli->group);
	shmchan_view_close(v);
	if (r->group.name[0] == '\0' || watch_open_pinned(&r->w, r->group.name, &tag, &why) != WATCH_OK)
		return false;
	r->pinned = true;
	return true;
}

int probe_open(const struct cli *cli, struct probe_run *r, bool gone_too)
{
	int status;

	*r = (struct probe_run){.cli = cli};
	if (gone_too && open_gone(r))
		return EXIT_OK;
	status = shmtool_open(cli, &r->v);
	if (status != EXIT_OK) {
		r->v = NULL;
		return status;
	}
	shmchan_view_group(r->v, &r->group);
	return read_chans(r);
}

void probe_close(struct probe_run *r)
{
	watch_close(r->w);
	free(r->chans);
	shmchan_view_close(r->v);
}

bool probe_use_pins(struct probe_run *r)
{
	struct watch_why why;
	uint32_t tag;
	if (r->pinned)
		return true;
	if (watch_open_pinned(&r->w, r->group.name, &tag, &why) != WATCH_OK)
		return false;
	if (tag == r->group.group_tag) {
		r->pinned = true;
		return true;
	}
	watch_close(r->w); // of an earlier group of that name
	r->w = NULL;
	return false;
}

int probe_attach_now(struct probe_run *r, attach_adjust adjust, void *ctx)
{
	struct watch_why why = {""};
	int err = r->w != NULL ? WATCH_OK : attach_open(&r->w, r->v, adjust, ctx, &why);
	if (err == WATCH_OK)
		err = attach_all(r->w, r->v, &why);
	return err == WATCH_OK ? EXIT_OK : cli_fail(r->cli, EXIT_NO_PROBES, "%s", why.text);
}

uint32_t probe_every(const struct probe_run *r, uint16_t id)
{
	struct shmchan_view_chan c;
	for (unsigned i = 0; i < r->chan_cnt; i++)
		if (r->chans[i].id == id && shmchan_view_chan(r->v, i, &c) == 0)
			return c.sample_mask + 1;
	return 0;
}

const char *probe_chan_name(const struct probe_run *r, uint16_t id, char *buf)
{
	struct probe_place place;
	watch_place(r->w, id, &place);
	snprintf(buf, PROBE_NAME_MAX, "%s", place.name);
	return buf;
}

const char *probe_proc_name(const struct probe_run *r, unsigned slot, char *buf)
{
	struct probe_life life;
	watch_life(r->w, slot, &life);
	snprintf(buf, PROBE_NAME_MAX, "%s", life.name);
	return buf;
}

// ------------------------------------------------------------------------------------------------- sampling

int probe_sample(struct probe_run *r, uint32_t every, bool for_good)
{
	for (unsigned i = 0; i < r->chan_cnt; i++) {
		int code = shmchan_view_sample(r->v, i, every, for_good ? 0 : getpid());
		if (code != 0)
			return shmtool_unreadable(r->cli, r->chans[i].name, code);
	}
	return EXIT_OK;
}

void probe_marks_afresh(struct probe_run *r)
{
	for (unsigned i = 0; i < r->chan_cnt; i++) {
		const struct shmchan_view_chan *c = &r->chans[i];
		if (c->alert_depth != 0 && c->mark == c->alert_depth)
			shmchan_view_mark(r->v, i, 0, 0);
	}
}

int probe_sample_back(struct probe_run *r)
{
	for (unsigned i = 0; i < r->chan_cnt; i++) {
		const struct shmchan_view_chan *c = &r->chans[i];
		int code = shmchan_view_sample(r->v, i, c->sample_fixed ? c->sample_mask + 1 : 0, 0);
		if (code != 0)
			return shmtool_unreadable(r->cli, c->name, code);
	}
	return EXIT_OK;
}

bool probe_every_option(const struct cli *cli, uint32_t *every)
{
	const char *word = cli_opt(cli, "every");
	double v = 0;
	*every = 0;
	if (word != NULL && !cli_number(cli, "every", word, 1, SHMCHAN_PROBE_EVERY_MAX, &v))
		return false;
	*every = (uint32_t)v;
	if (v == *every && (*every & (*every - 1)) == 0)
		return true;
	cli_fail(cli, EXIT_USAGE, "every '%s' is not a power of two", word);
	return false;
}

bool probe_seconds_option(const struct cli *cli, double *seconds)
{
	const char *word = cli_opt(cli, "seconds");
	return word == NULL || cli_number(cli, "seconds", word, 0, 1e9, seconds);
}

// ------------------------------------------------------------------------------------------------- watching

void probe_wait(struct probe_run *r, double seconds, double interval, bool (*step)(void *ctx), void *ctx)
{
	double start = live_now(), rescan = start + RESCAN_SECONDS;
	for (;;) {
		double end = seconds > 0 ? start + seconds : INFINITY, next = live_now() + interval;
		if (!live_wait(next < end ? next : end) || live_now() >= end)
			break;
		if (step != NULL && !step(ctx))
			break;
		if (live_now() < rescan)
			continue;
		rescan = live_now() + RESCAN_SECONDS;
		shmchan_view_group(r->v, &r->group);
		if (!r->group.broker_alive || (!r->pinned && probe_attach_now(r, NULL, NULL) != EXIT_OK))
			break;
	}
	r->seconds = live_now() - start;
}

static int watch_for(struct probe_run *r, double seconds, uint32_t every)
{
	int status;

	// Blocked from before attaching, so that whoever stops us finds histograms printed and sampling set
	// back.
	live_block();
	status = probe_attach_now(r, NULL, NULL);
	if (status == EXIT_OK && every != 0)
		status = probe_sample(r, every, false);
	if (status == EXIT_OK) {
		fprintf(r->cli->err, "shmtool: watching group '%s', attached to %u file%s\n", r->group.name,
			watch_files(r->w), watch_files(r->w) == 1 ? "" : "s");
		probe_wait(r, seconds, RESCAN_SECONDS, NULL, NULL);
	}
	return status;
}

int probe_watched(const struct cli *cli, int (*print)(struct probe_run *r))
{
	bool here = cli_opt(cli, "seconds") != NULL || cli_opt(cli, "every") != NULL;
	struct probe_run r;
	double seconds = 5;
	uint32_t every;
	int status, back = EXIT_OK;

	if (!probe_seconds_option(cli, &seconds) || !probe_every_option(cli, &every))
		return EXIT_USAGE;
	status = probe_open(cli, &r, !here);
	if (status == EXIT_OK && (here || !probe_use_pins(&r)))
		status = watch_for(&r, seconds, every);
	if (status == EXIT_OK)
		status = print(&r);
	if (r.v != NULL && !r.pinned && every != 0)
		back = probe_sample_back(&r);
	probe_close(&r);
	return status != EXIT_OK ? status : back;
}

// ------------------------------------------------------------------------------------------ attaching for good

// Programs that were started after attaching, of services or of an upgraded supervisor.
static int attach_more(const struct cli *cli)
{
	struct watch_why why = {""};
	struct probe_run r;
	uint32_t tag;
	int err, status = probe_open(cli, &r, false);

	if (status == EXIT_OK) {
		err = watch_more(&r.w, r.group.name, &tag, &why);
		if (err == WATCH_OK && tag != r.group.group_tag) {
			snprintf(why.text, sizeof why.text,
				 "what is attached is attached to an earlier group '%s'", r.group.name);
			err = WATCH_GONE;
		}
		if (err == WATCH_OK)
			err = attach_all(r.w, r.v, &why);
		if (err == WATCH_OK)
			err = watch_pin_more(r.w, r.group.name, &why);
		if (err != WATCH_OK)
			status = cli_fail(cli, err == WATCH_GONE ? EXIT_NO_OBJECT : EXIT_NO_PROBES, "%s", why.text);
	}
	probe_close(&r);
	return status;
}

static int probe_attach(const struct cli *cli)
{
	struct watch_why why = {""};
	struct probe_run r;
	uint32_t every;
	int status;

	if (!probe_every_option(cli, &every))
		return EXIT_USAGE;
	if (cli_opt(cli, "more") != NULL)
		return every != 0 ? cli_fail(cli, EXIT_USAGE, "options '--more' and '--every' exclude each other")
				  : attach_more(cli);
	status = probe_open(cli, &r, false);
	if (status == EXIT_OK && probe_use_pins(&r))
		status = cli_fail(cli, EXIT_NO_PROBES,
				  "group '%s' is attached to already; see: shmtool probe show %s",
				  r.group.name, r.group.name);
	else if (status == EXIT_OK) // pins of an earlier group of that name count nothing any more
		watch_unpin(r.group.name, &why);
	if (status == EXIT_OK)
		status = probe_attach_now(&r, NULL, NULL);
	if (status == EXIT_OK && watch_pin(r.w, r.group.name, &why) != WATCH_OK)
		status = cli_fail(cli, EXIT_NO_PROBES, "%s", why.text);
	// Everything else goes without it.
	if (status == EXIT_OK && attach_counters(r.v, &why) != WATCH_OK)
		fprintf(cli->err, "shmtool: counters are not sampled from BPF: %s\n", why.text);
	if (status == EXIT_OK)
		probe_marks_afresh(&r);
	if (status == EXIT_OK && every != 0)
		status = probe_sample(&r, every, true);
	probe_close(&r);
	return status;
}

static bool is_group_name(const char *name)
{
	return name[0] != '.' && name[0] != '\0' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == strlen(name);
}

static int detach(const struct cli *cli, const char *group)
{
	struct shmchan_view *v = NULL;
	struct watch_why why = {""};
	int err = watch_unpin(group, &why);

	if (err != WATCH_OK)
		return cli_fail(cli, err == WATCH_GONE ? EXIT_NO_OBJECT : EXIT_NO_PROBES, "%s", why.text);
	if (shmchan_view_open(&v, group, NULL) != 0)
		return EXIT_OK; // it has ended
	for (unsigned i = 0; shmchan_view_sample(v, i, 0, 0) != SHMCHAN_ENOENT; i++)
		continue;
	shmchan_view_close(v);
	return EXIT_OK;
}

struct ended {
	const struct cli *cli;
	int status;
};

static void detach_ended(void *ctx, const char *group)
{
	struct ended *e = ctx;
	struct shmchan_view *v = NULL;
	int code = shmchan_view_open(&v, group, NULL), status = EXIT_OK;
	if (code == 0)
		shmchan_view_close(v);
	if (code == SHMCHAN_ENOENT)
		status = detach(e->cli, group);
	e->status = e->status != EXIT_OK ? e->status : status;
}

// Works without the group too: pins outlive it.
static int probe_detach(const struct cli *cli)
{
	struct shmchan_view *v = NULL;
	struct shmchan_view_group g;
	struct watch_why why = {""};
	struct ended ended = {cli, EXIT_OK};
	int status;

	if (cli_opt(cli, "ended") != NULL) {
		if (cli->group != NULL)
			return cli_fail(cli, EXIT_USAGE, "option '--ended' and group '%s' exclude each other",
					cli->group);
		if (watch_pinned(detach_ended, &ended, &why) < 0)
			return cli_fail(cli, EXIT_NO_PROBES, "%s", why.text);
		return ended.status;
	}
	if (cli->group != NULL)
		return is_group_name(cli->group)
			       ? detach(cli, cli->group)
			       : cli_fail(cli, EXIT_NO_GROUP, "'%s' is not the name of a group", cli->group);
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK)
		return status;
	shmchan_view_group(v, &g);
	shmchan_view_close(v);
	return detach(cli, g.name);
}

static const struct opt watch_opts[] = {
	{"seconds", "S", "watch for so long, 5 if not given; 0: until interrupted or the group ends"},
	{"every", "N", "meanwhile sample one message in N of every channel, a power of two; 1 counts all"},
	{NULL, NULL, NULL},
};
static const struct opt attach_opts[] = {
	{"every", "N",
	 "sample one message in N of every channel until detached, a power of two; 1 counts all"},
	{"more", NULL, "to programs that the group has begun to run since it was attached to; shmsup does that"},
	{NULL, NULL, NULL},
};
static const struct opt detach_opts[] = {
	{"ended", NULL, "from all groups that have ended"},
	{NULL, NULL, NULL},
};
static const struct opt alerts_opts[] = {
	{"depth", "CHANNEL=N,...",
	 "tell when a channel is N messages deep, if not what the topology says; N alone: every channel"},
	{"wait", "CHANNEL=MS,...", "tell when a message has waited MS milliseconds"},
	{"seconds", "S", "how long; until interrupted or the group ends if not given"},
	{"count", "N", "end after so many"},
	{NULL, NULL, NULL},
};
const struct verb probe_verbs[] = {
	{"show",
	 "channels, processes and deaths: since attached, or of the next seconds; attachments whose group "
	 "has ended",
	 "", watch_opts, NULL, 0, 0, probe_show},
	{"hist", "histograms of depths and times per channel: since attached, or of the next seconds", "",
	 watch_opts, NULL, 0, 0, probe_hist},
	{"alerts", "thresholds crossed, deaths and takeovers, as they happen", "", alerts_opts,
	 COLS(probe_alert_cols), VERB_LINES, probe_alerts},
	{"attach", "count from now on, in the kernel, whoever lives or dies; pinned in " WATCH_PIN_ROOT, "",
	 attach_opts, NULL, 0, 0, probe_attach},
	{"detach", "end that, also when the group has ended", "", detach_opts, NULL, 0, 0, probe_detach},
	NO_MORE_VERBS,
};
