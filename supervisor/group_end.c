// What is said and reported when a group has ended, and its exit status.
#include <stdio.h>
#include <stdlib.h>
#include "supervisor/group.h"
#include "supervisor/say.h"

static bool any_failed(const struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (g->services[i].state == SVC_FAILED)
			return true;
	return false;
}

static enum sup_exit status_of(const struct group *g, bool balanced)
{
	switch (g->end) {
	case GROUP_COMPLETE:
		return balanced ? SUP_OK : SUP_BALANCE;
	case GROUP_ALL_ENDED:
		return any_failed(g) ? SUP_SERVICE : g->plan->job.any ? SUP_JOB : SUP_OK;
	case GROUP_SERVICE_FAILED:
		return SUP_SERVICE;
	case GROUP_JOB_FAILED:
		return SUP_JOB;
	case GROUP_INTERRUPTED:
		return SUP_INTERRUPTED;
	case GROUP_STOPPED:
		return g->plan->job.any ? SUP_STOPPED : any_failed(g) ? SUP_SERVICE : SUP_OK;
	case GROUP_BROKEN:
	case GROUP_RUNS:
		break;
	}
	return SUP_SYSTEM;
}

static uint64_t kills_of(const struct group *g)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->service_cnt; i++)
		sum += g->services[i].chaos_kills;
	return sum;
}

static json_t *report_object(const struct group *g, const struct report_values *v, bool balanced,
			     enum sup_exit status)
{
	json_t *per_service = json_object(), *o;

	for (unsigned i = 0; i < g->service_cnt; i++) {
		const struct service *s = &g->services[i];

		json_object_set_new(per_service, s->plan->name,
				    json_pack("{s:I, s:i, s:I, s:I, s:s}", "respawns",
					      (json_int_t)service_respawns(s), "incarnation",
					      (int)s->incarnation, "deaths", (json_int_t)s->deaths, "kills",
					      (json_int_t)s->chaos_kills, "state",
					      svc_state_name(s->state)));
	}
	o = json_pack("{s:s}", "group", g->plan->spec.name);
	report_sums(g->plan, v, o);
	json_object_set_new(o, "respawns", json_integer((json_int_t)group_respawns(g)));
	json_object_set_new(o, "kills", json_integer((json_int_t)kills_of(g)));
	json_object_set_new(o, "seconds", json_real((double)((g->end_ns - g->begin_ns) / 1000) / 1e6));
	json_object_set_new(o, "complete", json_boolean(g->end == GROUP_COMPLETE));
	json_object_set_new(o, "balanced", json_boolean(balanced));
	json_object_set_new(o, "exit_status", json_integer(status));
	json_object_set_new(o, "parked", poison_list(g->poison));
	json_object_set_new(o, "per_service", per_service);
	return o;
}

static void say_end(const struct group *g, const struct report_values *v, const char *why,
		    enum sup_exit status)
{
	static const char *const ends[] = {
		[GROUP_COMPLETE] = "complete",       [GROUP_ALL_ENDED] = "all services ended",
		[GROUP_SERVICE_FAILED] = "failed",   [GROUP_JOB_FAILED] = "failed",
		[GROUP_INTERRUPTED] = "interrupted", [GROUP_STOPPED] = "stopped",
		[GROUP_BROKEN] = "broken off"};
	const struct plan_job *job = &g->plan->job;
	unsigned *all = calloc(job->report_cnt + 1, sizeof(*all));
	char counts[512] = "";

	for (unsigned i = 0; all && i < job->report_cnt; i++)
		all[i] = i;
	if (all)
		report_line(g->plan, v, all, job->report_cnt, counts, sizeof(counts));
	free(all);
	printf("%s: %s after %.2f s: %s%s%llu respawns%s%s%s\n", g->plan->spec.name, ends[g->end],
	       (double)(g->end_ns - g->begin_ns) / 1e9, counts, counts[0] ? "; " : "",
	       (unsigned long long)group_respawns(g),
	       status == SUP_OK && job->balance_cnt ? "; the counts balance" : "", why[0] ? "; " : "", why);
	fflush(stdout);
	if (status != SUP_OK)
		say(g->plan->spec.name, "%s", g->broken.text[0] ? g->broken.text : exits_text(status));
}

enum sup_exit group_finish(struct group *g)
{
	struct report_values v;
	struct fail fail;
	enum sup_exit status;
	bool balanced = false;
	char why[256] = "";
	json_t *object;

	if (report_read(g->report, &v, &fail)) {
		say(g->plan->spec.name, "%s", fail.text);
		return SUP_SYSTEM;
	}
	if (g->plan->job.any)
		balanced = report_balance(g->plan, &v, why, sizeof(why));
	status = status_of(g, balanced);
	if (status != SUP_BALANCE)
		why[0] = 0;
	object = report_object(g, &v, balanced, status);
	say_end(g, &v, why, status);
	if (g->options->report_file && report_write(g->options->report_file, object, &fail)) {
		say(g->plan->spec.name, "%s", fail.text);
		status = status == SUP_OK ? SUP_REPORT : status;
	}
	json_decref(object);
	g->phase = KEEP_FINISHED;
	g->exit_status = status;
	group_keep(g);
	return status;
}
