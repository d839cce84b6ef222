// probe hist: depths, waiting times and service times of each channel.
#include <inttypes.h>
#include <stdlib.h>
#include "tools/histview.h"
#include "tools/probe.h"

static void plain_times(const char *what, const struct hist *h, FILE *f)
{
	char p50[16], p99[16], most[16];
	if (histview_total(h) != 0)
		fprintf(f, "  %-8s p50 %s, p99 %s, max %s\n", what,
			histview_time(histview_quantile(h, 0.5), p50),
			histview_time(histview_quantile(h, 0.99), p99),
			histview_time(histview_quantile(h, 1), most));
}

static void plain_chan(const struct probe_place *place, uint32_t every, const struct probe_chan *c, FILE *f)
{
	fprintf(f,
		"%s (capacity %u): push %" PRIu64 ", pop %" PRIu64 ", done %" PRIu64 ", full %" PRIu64
		", dead letters %" PRIu64,
		place->name, place->capacity, c->push, c->pop, c->done, c->full, c->dead_letter);
	if (every != 0)
		fprintf(f, "; one message in %u", every);
	fputc('\n', f);
	plain_times("waiting", &c->wait, f);
	plain_times("service", &c->service, f);
	if (c->push != 0)
		fprintf(f, "  %20s %12s\n", "depth at push", "messages");
	histview_print(&c->depth, f);
}

static void json_chan(uint16_t id, const struct probe_place *place, uint32_t every,
		      const struct probe_chan *c, struct jsonw *j)
{
	const struct {
		const char *key;
		uint64_t v;
	} counts[] = {
		{"id", id},
		{"capacity", place->capacity},
		{"every", every},
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
	jsonw_str(j, place->name);
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

static bool chans(struct probe_run *r, struct jsonw *j)
{
	struct probe_chan *c = malloc(sizeof *c);
	struct probe_place place;
	bool ok = c != NULL;

	for (unsigned id = 0; ok && id < watch_chan_max(r->w); id++) {
		ok = watch_place(r->w, (uint16_t)id, &place) == WATCH_OK &&
		     watch_read(r->w, (uint16_t)id, c) == WATCH_OK;
		if (!ok || place.name[0] == '\0')
			continue;
		if (r->cli->json)
			json_chan((uint16_t)id, &place, probe_every(r, (uint16_t)id), c, j);
		else
			plain_chan(&place, probe_every(r, (uint16_t)id), c, r->cli->out);
	}
	free(c);
	return ok;
}

static int print(struct probe_run *r)
{
	struct jsonw j;
	bool ok;

	jsonw_begin(&j, r->cli->out, r->cli->pretty);
	if (r->cli->json) {
		jsonw_object(&j);
		jsonw_key(&j, "group");
		jsonw_str(&j, r->group.name);
		jsonw_key(&j, "seconds"); // null: since it was attached
		if (r->seconds > 0)
			jsonw_num(&j, r->seconds);
		else
			jsonw_null(&j);
		jsonw_key(&j, "channels");
		jsonw_array(&j);
	}
	ok = chans(r, &j);
	if (!ok)
		return cli_fail(r->cli, EXIT_NO_PROBES, "cannot read the maps of the BPF program");
	if (r->cli->json) {
		jsonw_end(&j);
		jsonw_end(&j);
		jsonw_line(&j);
	}
	return fflush(r->cli->out) == 0 ? EXIT_OK
					: cli_fail(r->cli, EXIT_ERROR, "cannot print: output closed");
}

int probe_hist(const struct cli *cli)
{
	return probe_watched(cli, print);
}
