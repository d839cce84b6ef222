#include "tools/top.h"
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/link.h"
#include "tools/attach.h"
#include "tools/histview.h"
#include "tools/live.h"
#include "tools/procstat.h"
#include "tools/shmtool.h"

#define WINDOW 10 // looks after which the oldest half of the waiting times is forgotten

bool top_begin(struct top *t, const struct shmchan_view *v)
{
	*t = (struct top){.v = v, .sort = TOP_BY_LOAD};
	shmchan_view_group(v, &t->group);
	t->chans = calloc(t->group.chan_cnt + 1, sizeof *t->chans);
	t->order = calloc(t->group.chan_cnt + 1, sizeof *t->order);
	t->services = calloc(t->group.proc_cnt + 1, sizeof *t->services);
	t->service_cnt = t->group.proc_cnt;
	for (unsigned i = 0; t->chans != NULL && i < t->group.chan_cnt; i++)
		t->chans[i].chan = i;
	return t->chans != NULL && t->order != NULL && t->services != NULL && sample_look(&t->sample, v);
}

void top_end(struct top *t)
{
	watch_close(t->w);
	sample_free(&t->sample);
	free(t->chans);
	free(t->order);
	free(t->services);
}

static void look_at_service(struct top *t, unsigned i, double seconds)
{
	struct top_service *s = &t->services[i];
	struct procstat stat;

	if (shmchan_view_proc(t->v, i, &s->p) != 0)
		return;
	if (!s->p.alive || !procstat_read(s->p.pid, &stat)) {
		s->cpu_share = 0;
		s->rss_bytes = 0;
		s->pid = 0;
		return;
	}
	s->cpu_share = s->pid == s->p.pid && seconds > 0 ? (stat.cpu_seconds - s->cpu_seconds) / seconds : 0;
	s->cpu_seconds = stat.cpu_seconds;
	s->rss_bytes = stat.rss_bytes;
	s->pid = s->p.pid;
}

// Quantiles of what came since the older of two snapshots, so of the last 10 to 20 looks.
static void look_at_times(struct top *t, struct top_chan *c, struct probe_chan *record)
{
	struct hist recent;

	c->has_wait = watch_read(t->w, t->sample.chans[c->chan].c.id, record) == WATCH_OK;
	if (!c->has_wait)
		return;
	c->wait_now = record->wait;
	if (t->looks == 0)
		c->wait_mid = c->wait_old = c->wait_now;
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		recent.cnt[i] = c->wait_now.cnt[i] - c->wait_old.cnt[i];
	c->has_wait = histview_total(&recent) != 0;
	c->wait_p50 = histview_quantile(&recent, 0.5);
	c->wait_p99 = histview_quantile(&recent, 0.99);
	if (t->looks % WINDOW == WINDOW - 1) {
		c->wait_old = c->wait_mid;
		c->wait_mid = c->wait_now;
	}
}

static double key_of(const struct top *t, const struct top_chan *c)
{
	const struct sample_chan *s = &t->sample.chans[c->chan];
	return t->sort == TOP_BY_LOAD ? s->load : t->sort == TOP_BY_RATE ? s->in_rate : (double)c->wait_p99;
}

static bool goes_before(const struct top *t, unsigned a, unsigned b)
{
	const char *name_a = t->sample.chans[a].c.name, *name_b = t->sample.chans[b].c.name;
	if (t->sort != TOP_BY_NAME) {
		double key_a = key_of(t, &t->chans[a]), key_b = key_of(t, &t->chans[b]);
		if (key_a != key_b)
			return key_a > key_b;
	}
	return strcmp(name_a, name_b) < 0;
}

void top_arrange(struct top *t)
{
	t->order_cnt = 0;
	for (unsigned i = 0; i < t->sample.chan_cnt; i++) {
		unsigned k;
		if (t->filter[0] != '\0' && strstr(t->sample.chans[i].c.name, t->filter) == NULL)
			continue;
		for (k = t->order_cnt++; k > 0 && goes_before(t, i, t->order[k - 1]); k--)
			t->order[k] = t->order[k - 1];
		t->order[k] = i;
	}
	if (t->first >= t->order_cnt)
		t->first = 0;
}

void top_look(struct top *t)
{
	double now = live_now(), seconds = t->at > 0 ? now - t->at : 0;
	struct probe_chan *record = t->w != NULL ? malloc(sizeof *record) : NULL;

	shmchan_view_group(t->v, &t->group);
	sample_look(&t->sample, t->v);
	t->dead_letters = shmchan_view_dead_cnt(t->v, NULL);
	for (unsigned i = 0; i < t->sample.chan_cnt; i++) {
		struct top_chan *c = &t->chans[i];
		c->trend[t->looks % TOP_TREND] = (float)t->sample.chans[i].load;
		if (record != NULL)
			look_at_times(t, c, record);
	}
	for (unsigned i = 0; i < t->service_cnt; i++)
		look_at_service(t, i, seconds);
	free(record);
	t->at = now;
	t->looks++;
	top_arrange(t);
}

// --------------------------------------------------------------------------------------------------- verb

// Asks the supervisor. A message for the screen in text.
static void kill_service(const struct top *t, char *text, size_t size)
{
	const char *service = t->services[t->selected].p.name;
	json_t *reply, *request = json_pack("{s:s, s:s}", "verb", "kill", "service", service);
	struct link l;

	if (link_ask(&l, t->group.name, request, true, &reply) == 0)
		snprintf(text, size, "killed %s, pid %lld", service,
			 (long long)json_integer_value(json_object_get(reply, "pid")));
	else
		snprintf(text, size, "cannot kill %s: %s", service, l.fail.text);
	json_decref(reply);
}

static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	interrupted = sig;
}

static void run(struct top *t, double interval)
{
	char message[640] = "";
	bool look_now = true;
	double next = live_now();

	while (!interrupted && t->group.broker_alive) {
		enum top_act act;
		if (look_now || live_now() >= next) {
			top_look(t);
			next = live_now() + interval;
			look_now = false;
		}
		top_screen_draw(t, message);
		act = top_screen_key(t, fmax(next - live_now(), 0), &look_now);
		if (act == TOP_QUIT)
			break;
		if (act == TOP_KILL) {
			kill_service(t, message, sizeof message);
			look_now = true;
		}
	}
}

// Waiting times: of what is attached for good, or by ourselves if asked to.
static int open_probes(const struct cli *cli, struct top *t)
{
	struct watch_why why = {""};
	uint32_t tag;
	int err = WATCH_OK;

	if (watch_open_pinned(&t->w, t->group.name, &tag, &why) == WATCH_OK && tag == t->group.group_tag)
		return EXIT_OK;
	watch_close(t->w);
	t->w = NULL;
	if (cli_opt(cli, "probes") == NULL)
		return EXIT_OK;
	err = attach_open(&t->w, t->v, NULL, NULL, &why);
	if (err == WATCH_OK)
		err = attach_all(t->w, t->v, &why);
	return err == WATCH_OK ? EXIT_OK : cli_fail(cli, EXIT_NO_PROBES, "%s", why.text);
}

static int top_run(const struct cli *cli, const struct shmchan_view *v, double interval)
{
	struct sigaction action = {.sa_handler = interrupt}; // no SA_RESTART: waiting for a key must end
	struct top t;
	int status;

	if (!top_begin(&t, v)) {
		top_end(&t);
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	}
	status = open_probes(cli, &t);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (status == EXIT_OK && !top_screen_open())
		status = cli_fail(cli, EXIT_ERROR,
				  "needs a terminal; `chan watch` and `chan list` work without");
	if (status == EXIT_OK) {
		run(&t, interval);
		top_screen_close();
		if (!t.group.broker_alive)
			fprintf(cli->err, "shmtool: group '%s' has ended\n", t.group.name);
	}
	top_end(&t);
	return status;
}

static int top(const struct cli *cli)
{
	const char *interval_word = cli_opt(cli, "interval");
	double interval = 1;
	struct shmchan_view *v;
	int status;

	if (cli->json)
		return cli_fail(cli, EXIT_USAGE, "has no JSON; `chan watch -j` has");
	if (interval_word != NULL && !cli_number(cli, "interval", interval_word, 0.05, 3600, &interval))
		return EXIT_USAGE;
	if (top_screen_built() != NULL)
		return cli_fail(cli, EXIT_ERROR,
				"this program was built without %s; install that and build again",
				top_screen_built());
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK)
		return status;
	status = top_run(cli, v, interval);
	shmchan_view_close(v);
	return status;
}

static const struct opt top_opts[] = {
	{"interval", "S", "seconds from look to look, 1 if not given"},
	{"probes", NULL, "attach to the probes for waiting times, unless `probe attach` has"},
	{NULL, NULL, NULL},
};
const struct verb top_verbs[] = {
	{"", "channels and services on a full screen; h shows the keys", "", top_opts, NULL, 0, 0, top},
	NO_MORE_VERBS,
};
