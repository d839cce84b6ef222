// Histograms by BPF: attach to the services of a group, wait, print, detach.
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/probe.h"
#include "tools/attach.h"
#include "tools/histview.h"
#include "tools/live.h"
#include "tools/shmtool.h"

#define RESCAN_SECONDS 0.5

struct show {
	const struct cli *cli;
	struct shmchan_view *v;
	struct shmchan_view_group group;
	struct shmchan_view_chan *chans; // names, ids, capacities; chan_cnt of them could be read
	unsigned chan_cnt;
	struct watch *w;
	double seconds; // that it watched
};

static int read_chans(struct show *s)
{
	s->chans = calloc(s->group.chan_cnt + 1, sizeof *s->chans);
	if (s->chans == NULL)
		return cli_fail(s->cli, EXIT_ERROR, "out of memory");
	for (unsigned i = 0; i < s->group.chan_cnt; i++) {
		int code = shmchan_view_chan(s->v, i, &s->chans[i]);
		if (code != 0)
			return shmtool_unreadable(s->cli, "a channel", code);
		s->chan_cnt++;
	}
	return EXIT_OK;
}

static int attach(struct show *s)
{
	struct watch_why why = {""};
	int err = s->w != NULL ? WATCH_OK : attach_open(&s->w, s->v, NULL, NULL, &why);
	if (err == WATCH_OK)
		err = attach_all(s->w, s->v, &why);
	return err == WATCH_OK ? EXIT_OK : cli_fail(s->cli, EXIT_NO_PROBES, "%s", why.text);
}

// Until the time is over (0: never), the group ends, or SIGINT or SIGTERM, which are blocked, arrives.
static void wait_for(struct show *s, double seconds)
{
	double start = live_now();
	for (;;) {
		double end = seconds > 0 ? start + seconds : INFINITY, next = live_now() + RESCAN_SECONDS;
		if (!live_wait(next < end ? next : end) || live_now() >= end)
			break;
		shmchan_view_group(s->v, &s->group);
		if (!s->group.broker_alive || attach(s) != EXIT_OK)
			break;
	}
	s->seconds = live_now() - start;
}

static void plain_times(const char *what, const struct hist *h, FILE *f)
{
	char p50[16], p99[16], most[16];
	if (histview_total(h) != 0)
		fprintf(f, "  %-8s p50 %s, p99 %s, max %s\n", what,
			histview_time(histview_quantile(h, 0.5), p50),
			histview_time(histview_quantile(h, 0.99), p99),
			histview_time(histview_quantile(h, 1), most));
}

static void plain_chan(const struct shmchan_view_chan *chan, const struct probe_chan *c, FILE *f)
{
	fprintf(f,
		"%s (%s, capacity %u): push %" PRIu64 ", pop %" PRIu64 ", done %" PRIu64 ", full %" PRIu64
		", dead letters %" PRIu64 "; one message in %u\n",
		chan->name, shmtool_kind(chan->kind), chan->capacity, c->push, c->pop, c->done, c->full,
		c->dead_letter, chan->sample_mask + 1);
	plain_times("waiting", &c->wait, f);
	plain_times("service", &c->service, f);
	if (c->push != 0)
		fprintf(f, "  %20s %12s\n", "depth at push", "messages");
	histview_print(&c->depth, f);
}

static void json_chan(const struct shmchan_view_chan *chan, const struct probe_chan *c, struct jsonw *j)
{
	const struct {
		const char *key;
		uint64_t v;
	} counts[] = {
		{"id", chan->id},
		{"capacity", chan->capacity},
		{"every", chan->sample_mask + 1ull},
		{"push", c->push},
		{"pop", c->pop},
		{"done", c->done},
		{"full", c->full},
		{"dead_letter", c->dead_letter},
		{"unmatched", c->unmatched},
		{"high_water", c->high_water},
	};
	jsonw_object(j);
	jsonw_key(j, "name");
	jsonw_str(j, chan->name);
	for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
		jsonw_key(j, counts[i].key);
		jsonw_u64(j, counts[i].v);
	}
	jsonw_key(j, "depth");
	histview_json(&c->depth, j);
	jsonw_key(j, "wait_ns");
	histview_json(&c->wait, j);
	jsonw_key(j, "service_ns");
	histview_json(&c->service, j);
	jsonw_end(j);
}

static int print(struct show *s)
{
	FILE *f = s->cli->out;
	struct probe_chan *c = malloc(sizeof *c);
	struct jsonw j;
	if (c == NULL)
		return cli_fail(s->cli, EXIT_ERROR, "out of memory");
	jsonw_begin(&j, f, s->cli->pretty);
	if (s->cli->json) {
		jsonw_object(&j);
		jsonw_key(&j, "group");
		jsonw_str(&j, s->group.name);
		jsonw_key(&j, "seconds"); // null: since it was attached
		if (s->seconds > 0)
			jsonw_num(&j, s->seconds);
		else
			jsonw_null(&j);
		jsonw_key(&j, "channels");
		jsonw_array(&j);
	}
	for (unsigned i = 0; i < s->chan_cnt; i++) {
		if (watch_read(s->w, s->chans[i].id, c) != WATCH_OK) {
			free(c);
			return cli_fail(s->cli, EXIT_NO_PROBES, "cannot read the maps of the BPF program");
		}
		if (s->cli->json)
			json_chan(&s->chans[i], c, &j);
		else
			plain_chan(&s->chans[i], c, f);
	}
	free(c);
	if (s->cli->json) {
		jsonw_end(&j);
		jsonw_end(&j);
		jsonw_line(&j);
	}
	return fflush(f) == 0 ? EXIT_OK : cli_fail(s->cli, EXIT_ERROR, "cannot print: output closed");
}

// Sets the sampling of every channel for as long as we watch; every[i] is what it was.
static int sample(struct show *s, uint32_t every)
{
	for (unsigned i = 0; i < s->chan_cnt; i++) {
		int code = shmchan_view_sample(s->v, i, every, every != 0 ? getpid() : 0);
		if (code != 0)
			return shmtool_unreadable(s->cli, s->chans[i].name, code);
	}
	return EXIT_OK;
}

static int watch_and_print(struct show *s, double seconds, uint32_t every)
{
	int status, back;

	// Blocked from before attaching, so that whoever stops us finds histograms printed and sampling set
	// back.
	live_block();
	status = attach(s);
	if (status == EXIT_OK && every != 0)
		status = sample(s, every);
	if (status == EXIT_OK) {
		fprintf(s->cli->err, "shmtool: watching group '%s', attached to %u file%s\n", s->group.name,
			watch_files(s->w), watch_files(s->w) == 1 ? "" : "s");
		wait_for(s, seconds);
	}
	if (every != 0) {
		back = sample(s, 0);
		for (unsigned i = 0; i < s->chan_cnt; i++)
			s->chans[i].sample_mask = every - 1;
		status = status != EXIT_OK ? status : back;
	}
	return status == EXIT_OK ? print(s) : status;
}

// The value of --every, 0 if it isn't given; false after a message.
static bool every_option(const struct cli *cli, uint32_t *every)
{
	const char *word = cli_opt(cli, "every");
	double v = 0;
	if (word != NULL && !cli_number(cli, "every", word, 1, 1u << 30, &v))
		return false;
	*every = (uint32_t)v;
	if (v == *every && (*every & (*every - 1)) == 0)
		return true;
	cli_fail(cli, EXIT_USAGE, "every '%s' is not a power of two", word);
	return false;
}

static int show_open(const struct cli *cli, struct show *s)
{
	int status = shmtool_open(cli, &s->v);
	*s = (struct show){.cli = cli, .v = status == EXIT_OK ? s->v : NULL};
	if (status != EXIT_OK)
		return status;
	shmchan_view_group(s->v, &s->group);
	return read_chans(s);
}

static void show_close(struct show *s)
{
	watch_close(s->w);
	free(s->chans);
	shmchan_view_close(s->v);
}

// Opens what `probe attach` left for this group, unless it was for an earlier group of that name.
static bool open_pinned(struct show *s)
{
	struct watch_why why;
	uint32_t tag;
	if (watch_open_pinned(&s->w, s->group.name, &tag, &why) != WATCH_OK)
		return false;
	if (tag == s->group.group_tag)
		return true;
	watch_close(s->w);
	s->w = NULL;
	return false;
}

static int probe_show(const struct cli *cli)
{
	const char *seconds_word = cli_opt(cli, "seconds");
	double seconds = 5;
	uint32_t every;
	struct show s;
	int status;

	if (seconds_word != NULL && !cli_number(cli, "seconds", seconds_word, 0, 1e9, &seconds))
		return EXIT_USAGE;
	if (!every_option(cli, &every))
		return EXIT_USAGE;
	status = show_open(cli, &s);
	if (status == EXIT_OK && seconds_word == NULL && every == 0 && open_pinned(&s))
		status = print(&s);
	else if (status == EXIT_OK)
		status = watch_and_print(&s, seconds, every);
	show_close(&s);
	return status;
}

static int probe_attach(const struct cli *cli)
{
	struct watch_why why = {""};
	uint32_t every;
	struct show s;
	int status;

	if (!every_option(cli, &every))
		return EXIT_USAGE;
	status = show_open(cli, &s);
	if (status == EXIT_OK &&
	    !open_pinned(&s)) // pins of an earlier group of that name count nothing any more
		watch_unpin(s.group.name, &why);
	else if (status == EXIT_OK)
		status = cli_fail(cli, EXIT_NO_PROBES,
				  "group '%s' is attached to already; see: shmtool probe show %s",
				  s.group.name, s.group.name);
	if (status == EXIT_OK)
		status = attach(&s);
	if (status == EXIT_OK && watch_pin(s.w, s.group.name, &why) != WATCH_OK)
		status = cli_fail(cli, EXIT_NO_PROBES, "%s", why.text);
	if (status == EXIT_OK && every != 0)
		status = sample(&s, every);
	show_close(&s);
	return status;
}

// Works without the group too: pins outlive it.
static int probe_detach(const struct cli *cli)
{
	struct watch_why why = {""};
	struct show s = {.cli = cli};
	const char *group = cli->group;
	int status = EXIT_OK, err;

	if (group == NULL) {
		status = shmtool_open(cli, &s.v);
		if (status != EXIT_OK)
			return status;
		shmchan_view_group(s.v, &s.group);
		group = s.group.name;
	} else if (strspn(group, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != strlen(group) ||
		   group[0] == '.') {
		return cli_fail(cli, EXIT_NO_GROUP, "'%s' is not the name of a group", group);
	} else if (shmchan_view_open(&s.v, group, NULL) != 0) {
		s.v = NULL;
	}
	err = watch_unpin(group, &why);
	if (err != WATCH_OK)
		status = cli_fail(cli, err == WATCH_GONE ? EXIT_NO_OBJECT : EXIT_NO_PROBES, "%s", why.text);
	for (unsigned i = 0; status == EXIT_OK && s.v != NULL; i++)
		if (shmchan_view_sample(s.v, i, 0, 0) == SHMCHAN_ENOENT)
			break;
	shmchan_view_close(s.v);
	return status;
}

static const struct opt show_opts[] = {
	{"seconds", "S", "how long to watch, 5 if not given; 0: until interrupted or the group ends"},
	{"every", "N", "meanwhile sample one message in N of every channel, a power of two; 1 counts all"},
	{NULL, NULL, NULL},
};
static const struct opt attach_opts[] = {
	{"every", "N",
	 "sample one message in N of every channel until detached, a power of two; 1 counts all"},
	{NULL, NULL, NULL},
};
const struct verb probe_verbs[] = {
	{"show", "histograms of depths and times per channel: of what is attached, or of the next seconds",
	 "", show_opts, NULL, 0, 0, probe_show},
	{"attach", "count from now on, in the kernel, whoever lives or dies; pinned in " WATCH_PIN_ROOT, "",
	 attach_opts, NULL, 0, 0, probe_attach},
	{"detach", "end that", "", NULL, NULL, 0, 0, probe_detach},
	NO_MORE_VERBS,
};
