#include "tools/metrics.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "shmchan/view.h"
#include "tools/attach.h"
#include "tools/histview.h"
#include "tools/http.h"
#include "tools/live.h"
#include "tools/shmtool.h"

// A format wants all samples of one metric together: groups are opened once and walked once per metric.
struct scrape {
	struct shmchan_view **views;
	unsigned cnt;
	bool broken;
	FILE *f;
};

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

// Names consist of [a-z0-9_.-], so label values need no escapes.
static const char *group_of(const struct shmchan_view *v, struct shmchan_view_group *g)
{
	shmchan_view_group(v, g);
	return g->name;
}

// ----------------------------------------------------------------------------------------------- channels

#define STAT(field) offsetof(struct shmchan_stat, field)
static const struct {
	const char *name, *type, *help;
	size_t offset; // of a uint64_t in shmchan_stat
} chan_metrics[] = {
	{"shmchan_channel_depth_messages", "gauge", "Messages published and not taken.", STAT(depth)},
	{"shmchan_channel_in_flight_messages", "gauge", "Messages taken and not completed.", STAT(in_flight)},
	{"shmchan_channel_high_water_messages", "gauge", "Largest depth a producer saw.", STAT(high_water)},
	{"shmchan_channel_enqueued_messages_total", "counter", "Messages published.", STAT(enqueued)},
	{"shmchan_channel_dequeued_messages_total", "counter", "Messages taken.", STAT(dequeued)},
	{"shmchan_channel_done_messages_total", "counter", "Messages completed.", STAT(done)},
	{"shmchan_channel_dead_letters_total", "counter", "Messages set aside after their receiver died.",
	 STAT(dead)},
	{"shmchan_channel_dropped_messages_total", "counter", "Messages dropped after their receiver died.",
	 STAT(dropped)},
	{"shmchan_channel_aborted_cells_total", "counter", "Claimed cells taken back from dead producers.",
	 STAT(aborted)},
	{"shmchan_channel_bad_messages_total", "counter", "Messages refused for a bad length or block.",
	 STAT(bad)},
	{"shmchan_channel_full_total", "counter", "Times a producer found the channel full.", STAT(full)},
};

static void channels(const struct scrape *s)
{
	struct shmchan_view_group g;
	struct shmchan_view_chan c;

	head(s->f, "shmchan_channel_capacity_messages", "gauge", "Messages the channel holds.");
	for (unsigned v = 0; v < s->cnt; v++)
		for (unsigned i = 0; shmchan_view_chan(s->views[v], i, &c) != SHMCHAN_ENOENT; i++)
			fprintf(s->f,
				"shmchan_channel_capacity_messages{group=\"%s\",channel=\"%s\",kind=\"%s\"} "
				"%u\n",
				group_of(s->views[v], &g), c.name, shmchan_kind_name(c.kind), c.capacity);
	for (unsigned m = 0; m < sizeof chan_metrics / sizeof *chan_metrics; m++) {
		head(s->f, chan_metrics[m].name, chan_metrics[m].type, chan_metrics[m].help);
		for (unsigned v = 0; v < s->cnt; v++)
			for (unsigned i = 0; shmchan_view_chan(s->views[v], i, &c) != SHMCHAN_ENOENT; i++) {
				uint64_t value;
				memcpy(&value, (const char *)&c.stat + chan_metrics[m].offset, sizeof value);
				fprintf(s->f, "%s{group=\"%s\",channel=\"%s\"} %" PRIu64 "\n",
					chan_metrics[m].name, group_of(s->views[v], &g), c.name, value);
			}
	}
	head(s->f, "shmchan_channel_tally_total", "counter",
	     "Counters the receiver keeps of completed messages.");
	for (unsigned v = 0; v < s->cnt; v++)
		for (unsigned i = 0; shmchan_view_chan(s->views[v], i, &c) != SHMCHAN_ENOENT; i++)
			for (unsigned k = 0; k < c.tally_cnt; k++)
				fprintf(s->f,
					"shmchan_channel_tally_total{group=\"%s\",channel=\"%s\",counter=\"%"
					"s\"} %" PRIu64 "\n",
					group_of(s->views[v], &g), c.name, c.tally_name[k], c.tally[k]);
}

// -------------------------------------------------------------------------------- groups, services, pools

static void groups(const struct scrape *s, const struct metrics *m)
{
	struct shmchan_view_group g;
	head(s->f, "shmchan_group_up", "gauge", "Whether the group has a living supervisor.");
	for (unsigned v = 0; v < s->cnt; v++) {
		shmchan_view_group(s->views[v], &g);
		fprintf(s->f, "shmchan_group_up{group=\"%s\"} %d\n", g.name, g.broker_alive);
	}
	if (m->group != NULL && s->cnt == 0)
		fprintf(s->f, "shmchan_group_up{group=\"%s\"} 0\n", m->group);
	head(s->f, "shmchan_group_dead_letters_total", "counter", "Dead letters ever written.");
	for (unsigned v = 0; v < s->cnt; v++)
		fprintf(s->f, "shmchan_group_dead_letters_total{group=\"%s\"} %" PRIu64 "\n",
			group_of(s->views[v], &g), shmchan_view_dead_cnt(s->views[v], NULL));
}

static uint64_t service_up(const struct shmchan_view_proc *p)
{
	return p->alive;
}

static uint64_t service_respawns(const struct shmchan_view_proc *p)
{
	return p->incarnation > 1 ? p->incarnation - 1 : 0;
}

static uint64_t service_beats(const struct shmchan_view_proc *p)
{
	return p->beat;
}

static void services(const struct scrape *s)
{
	static const struct {
		const char *name, *type, *help;
		uint64_t (*value)(const struct shmchan_view_proc *p);
	} table[] = {
		{"shmchan_service_up", "gauge", "Whether the service has a living process.", service_up},
		{"shmchan_service_respawns_total", "counter", "Processes after the first.", service_respawns},
		{"shmchan_service_beats_total", "counter", "Signs of life.", service_beats},
	};
	struct shmchan_view_group g;
	struct shmchan_view_proc p;

	for (unsigned m = 0; m < sizeof table / sizeof *table; m++) {
		head(s->f, table[m].name, table[m].type, table[m].help);
		for (unsigned v = 0; v < s->cnt; v++)
			for (unsigned i = 0; shmchan_view_proc(s->views[v], i, &p) == 0; i++)
				fprintf(s->f, "%s{group=\"%s\",service=\"%s\"} %" PRIu64 "\n", table[m].name,
					group_of(s->views[v], &g), p.name, table[m].value(&p));
	}
}

static void pools(const struct scrape *s)
{
	struct shmchan_view_group g;
	struct shmchan_view_pool p;

	head(s->f, "shmchan_pool_blocks", "gauge", "Blocks of a pool by what they are used for.");
	for (unsigned v = 0; v < s->cnt; v++)
		for (unsigned i = 0; shmchan_view_pool(s->views[v], i, &p) != SHMCHAN_ENOENT; i++) {
			const struct {
				const char *state;
				uint32_t cnt;
			} states[] = {
				{"free", p.free}, {"owned", p.owned}, {"kept", p.kept}, {"sent", p.sent}};
			for (unsigned k = 0; k < 4; k++)
				fprintf(s->f,
					"shmchan_pool_blocks{group=\"%s\",pool=\"%s\",state=\"%s\"} %u\n",
					group_of(s->views[v], &g), p.name, states[k].state, states[k].cnt);
		}
	head(s->f, "shmchan_pool_block_size_bytes", "gauge", "Size of a block.");
	for (unsigned v = 0; v < s->cnt; v++)
		for (unsigned i = 0; shmchan_view_pool(s->views[v], i, &p) != SHMCHAN_ENOENT; i++)
			fprintf(s->f, "shmchan_pool_block_size_bytes{group=\"%s\",pool=\"%s\"} %zu\n",
				group_of(s->views[v], &g), p.name, p.block_size);
}

// --------------------------------------------------------------------------------------------- histograms

static int attach(struct metrics *m, const struct shmchan_view *v, struct watch_why *why)
{
	struct shmchan_view_group g;
	int err = WATCH_OK;

	shmchan_view_group(v, &g);
	if (m->w != NULL && m->watch_tag != g.group_tag) // the group was ended and started again
		metrics_close(m);
	if (m->w == NULL)
		err = attach_open(&m->w, v, NULL, NULL, why);
	m->watch_tag = g.group_tag;
	return err == WATCH_OK ? attach_all(m->w, v, why) : err;
}

int metrics_attach(struct metrics *m, struct watch_why *why)
{
	struct shmchan_view *v;
	int err;
	if (shmchan_view_open(&v, m->group, NULL) != 0) {
		snprintf(why->text, sizeof why->text, "group '%s' does not run", m->group);
		return WATCH_GONE;
	}
	err = attach(m, v, why);
	shmchan_view_close(v);
	return err;
}

// One histogram of a channel. A bucket counts what is <= its bound; bounds lie at ends of slots, so they are
// exact.
static void histogram(FILE *f, const char *name, const char *group, const char *channel, const struct hist *h,
		      unsigned first_bit, unsigned last_bit, double unit)
{
	uint64_t sum = 0;
	unsigned slot = 0;
	double total = 0;
	for (unsigned bit = first_bit; bit <= last_bit; bit++) {
		for (; slot < HIST_SLOTS && hist_low(slot + 1) <= 1ull << bit; slot++)
			sum += h->cnt[slot];
		fprintf(f, "%s_bucket{group=\"%s\",channel=\"%s\",le=\"%.9g\"} %" PRIu64 "\n", name, group,
			channel, (double)((1ull << bit) - 1) * unit, sum);
	}
	for (unsigned i = 0; i < HIST_SLOTS; i++) // within a slot, the middle stands for all
		total += (double)h->cnt[i] * ((double)hist_low(i) + (double)(hist_low(i + 1) - 1)) / 2 * unit;
	fprintf(f, "%s_bucket{group=\"%s\",channel=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, group, channel,
		histview_total(h));
	fprintf(f, "%s_sum{group=\"%s\",channel=\"%s\"} %.9g\n", name, group, channel, total);
	fprintf(f, "%s_count{group=\"%s\",channel=\"%s\"} %" PRIu64 "\n", name, group, channel,
		histview_total(h));
}

static void histograms(struct metrics *m, const struct shmchan_view *v, FILE *f)
{
	static const struct {
		const char *name, *help;
		size_t offset; // of a struct hist in struct probe_chan
		unsigned first_bit, last_bit;
		double unit;
	} table[] = {
		{"shmchan_channel_wait_seconds", "From publishing to taking, of sampled messages.",
		 offsetof(struct probe_chan, wait), 8, 34, 1e-9},
		{"shmchan_channel_service_seconds", "From taking to completing, of sampled messages.",
		 offsetof(struct probe_chan, service), 8, 34, 1e-9},
		{"shmchan_channel_depth_at_push_messages", "Depth a sampled message found, with itself.",
		 offsetof(struct probe_chan, depth), 1, 24, 1},
	};
	struct probe_chan *record = malloc(sizeof *record);
	struct shmchan_view_group g;
	struct shmchan_view_chan c;
	struct watch_why why;

	if (record == NULL || attach(m, v, &why) != WATCH_OK) {
		free(record);
		return;
	}
	for (unsigned k = 0; k < sizeof table / sizeof *table; k++) {
		head(f, table[k].name, "histogram", table[k].help);
		for (unsigned i = 0; shmchan_view_chan(v, i, &c) != SHMCHAN_ENOENT; i++)
			if (watch_read(m->w, c.id, record) == WATCH_OK)
				histogram(f, table[k].name, group_of(v, &g), c.name,
					  (const struct hist *)((const char *)record + table[k].offset),
					  table[k].first_bit, table[k].last_bit, table[k].unit);
	}
	free(record);
}

// ------------------------------------------------------------------------------------------------- scrape

static void open_group(void *ctx, const char *name)
{
	struct scrape *s = ctx;
	struct shmchan_view **views = reallocarray(s->views, s->cnt + 1, sizeof *views);
	if (views == NULL) {
		s->broken = true;
		return;
	}
	s->views = views;
	if (shmchan_view_open(&s->views[s->cnt], name, NULL) == 0)
		s->cnt++;
}

bool metrics_write(struct metrics *m, FILE *f)
{
	struct scrape s = {.f = f};
	if (m->group != NULL)
		open_group(&s, m->group);
	else
		shmchan_view_groups(open_group, &s);
	groups(&s, m);
	channels(&s);
	services(&s);
	pools(&s);
	if (m->histograms && s.cnt == 1)
		histograms(m, s.views[0], f);
	for (unsigned v = 0; v < s.cnt; v++)
		shmchan_view_close(s.views[v]);
	free(s.views);
	return !s.broken && !ferror(f);
}

void metrics_close(struct metrics *m)
{
	watch_close(m->w);
	m->w = NULL;
}

// --------------------------------------------------------------------------------------------------- verb

static bool write_page(void *ctx, FILE *f)
{
	return metrics_write(ctx, f);
}

static int serve(const struct cli *cli, struct metrics *m, const char *address)
{
	char why[256] = "";
	struct http *h;

	live_block(); // before the server's thread begins, which inherits it
	h = http_start(address, write_page, m, why, sizeof why);
	if (h == NULL)
		return cli_fail(cli, EXIT_ERROR, "%s", why);
	fprintf(cli->err, "shmtool: serving metrics on port %u, path /metrics\n", http_port(h));
	while (live_wait(live_now() + 3600))
		continue;
	http_stop(h);
	return EXIT_OK;
}

static int metrics(const struct cli *cli)
{
	struct metrics m = {.group = cli->group, .histograms = cli_opt(cli, "histograms") != NULL};
	const char *address = cli_opt(cli, "listen");
	struct shmchan_view *v;
	struct watch_why why = {""};
	int status = EXIT_OK;

	if (cli->json)
		return cli_fail(cli, EXIT_USAGE, "has no JSON; `chan list -j` has the same counts");
	if (m.histograms && m.group == NULL)
		return cli_fail(cli, EXIT_USAGE, "--histograms needs the name of a group");
	if (address == NULL &&
	    m.group != NULL) { // served, it may come and go; asked for once, it must be there
		status = shmtool_open(cli, &v);
		if (status != EXIT_OK)
			return status;
		shmchan_view_close(v);
	}
	if (m.histograms && metrics_attach(&m, &why) != WATCH_OK) {
		metrics_close(&m);
		return cli_fail(cli, EXIT_NO_PROBES, "%s", why.text);
	}
	if (address != NULL)
		status = serve(cli, &m, address);
	else if (!metrics_write(&m, cli->out) || fflush(cli->out) != 0)
		status = cli_fail(cli, EXIT_ERROR, "cannot print: out of memory or output closed");
	metrics_close(&m);
	return status;
}

static const struct opt metrics_opts[] = {
	{"listen", "[HOST:]PORT", "serve them by HTTP under /metrics instead of printing them once"},
	{"histograms", NULL, "attach to the probes and tell waiting times, service times and depths too"},
	{NULL, NULL, NULL},
};
const struct verb metrics_verbs[] = {
	{"", "counts in Prometheus format, of all groups if none is named", "", metrics_opts, NULL, 0, 0,
	 metrics},
	NO_MORE_VERBS,
};
