// The job and chaos sections of a plan.
#include <string.h>
#include "supervisor/plan.h"

#define AT(section, key, sub) ((struct topo_place){section, TOPO_NONE, key, sub})
#define MS UINT64_C(1000000)

static const char *const fields[] = {[PLAN_ENQUEUED] = "enqueued",
				     [PLAN_DEQUEUED] = "dequeued",
				     [PLAN_DONE] = "done",
				     [PLAN_DEAD] = "dead",
				     [PLAN_DROPPED] = "dropped"};
_Static_assert(sizeof(fields) / sizeof(fields[0]) == PLAN_TALLY, "every field has a name");

static bool find_field(const struct shmchan_chan_spec *c, const char *name, unsigned *out)
{
	for (unsigned i = 0; i < PLAN_TALLY; i++)
		if (strcmp(fields[i], name) == 0) {
			*out = i;
			return true;
		}
	for (unsigned i = 0; i < c->tally_cnt; i++)
		if (strcmp(c->tally[i], name) == 0) {
			*out = PLAN_TALLY + i;
			return true;
		}
	return false;
}

// "OBJECT.FIELD"; on an error *why is what to say.
static int parse_term(struct planner *p, const char *s, size_t len, struct plan_term *out, const char **why)
{
	struct arena *a = &p->plan->arena;
	char *object = arena_strndup(a, s, len), *dot = strrchr(object, '.');

	if (!dot || dot == object || !dot[1]) {
		*why = arena_printf(a, "'%s' is not of the form CHANNEL.FIELD", object);
		return -1;
	}
	*dot = 0;
	if (!plan_find_channels(p, object, &out->chan, &out->chan_cnt)) {
		*why = arena_printf(a, "'%s.%s': there is no channel '%s'", object, dot + 1, object);
		return -1;
	}
	if (!find_field(&p->plan->spec.chans[out->chan], dot + 1, &out->field)) {
		*why = arena_printf(a,
				    "'%s.%s': a channel has enqueued, dequeued, done, dead, dropped, and the "
				    "counters of its "
				    "tally, not '%s'",
				    object, dot + 1, dot + 1);
		return -1;
	}
	return 0;
}

static int parse_sum(struct planner *p, const char *key, const char *s, struct plan_sum *out,
		     const char **why)
{
	unsigned plus = 0;

	for (const char *c = s; *c; c++)
		plus += *c == '+';
	*out = (struct plan_sum){arena_strndup(&p->plan->arena, key, strlen(key)),
				 arena_alloc(&p->plan->arena, plus + 1, sizeof(struct plan_term)), plus + 1};
	for (unsigned i = 0; i <= plus; i++) {
		size_t len = strcspn(s, "+"), begin = strspn(s, " \t"), end = len;

		while (end > begin && (s[end - 1] == ' ' || s[end - 1] == '\t'))
			end--;
		if (begin >= end) {
			*why = "a term is missing; a sum is CHANNEL.FIELD + CHANNEL.FIELD ...";
			return -1;
		}
		if (parse_term(p, s + begin, end - begin, &out->terms[i], why))
			return -1;
		s += len + 1;
	}
	return 0;
}

static bool report_key_taken(const char *key)
{
	static const char *const taken[] = {"group",    "complete",    "balanced", "exit_status",
					    "respawns", "per_service", "seconds",  "reason"};

	for (unsigned i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(taken[i], key) == 0)
			return true;
	return false;
}

static int make_report(struct planner *p, struct plan_job *job)
{
	unsigned cnt;
	const struct topo_pair *pairs = topo_report(p->topo, &cnt);
	const char *why;

	job->report = arena_alloc(&p->plan->arena, cnt + 1, sizeof(*job->report));
	job->report_cnt = cnt;
	for (unsigned i = 0; i < cnt; i++) {
		if (plan_name_error(pairs[i].key))
			return topo_bad_pair(p->topo, &pairs[i], p->fail, "report name '%s' is not valid: %s",
					     pairs[i].key, plan_name_error(pairs[i].key));
		if (report_key_taken(pairs[i].key))
			return topo_bad_pair(p->topo, &pairs[i], p->fail,
					     "report name '%s': every report has that", pairs[i].key);
		if (parse_sum(p, pairs[i].key, pairs[i].value, &job->report[i], &why))
			return topo_bad_pair(p->topo, &pairs[i], p->fail, "%s", why);
	}
	return 0;
}

static int make_keys(struct planner *p, const char *key, char **list, unsigned cnt, unsigned **out,
		     unsigned *out_cnt)
{
	const struct plan_job *job = &p->plan->job;

	*out = arena_alloc(&p->plan->arena, cnt + 1, sizeof(**out));
	*out_cnt = cnt;
	for (unsigned i = 0; i < cnt; i++) {
		unsigned r = 0;

		while (r < job->report_cnt && strcmp(job->report[r].key, list[i]) != 0)
			r++;
		if (r == job->report_cnt)
			return topo_bad(p->topo, AT("job", key, i), p->fail, "'%s': 'report' has no '%s'",
					key, list[i]);
		(*out)[i] = r;
	}
	return 0;
}

int plan_job_make(struct planner *p)
{
	const struct topo_job *t = p->data->job;
	struct plan_job *job = &p->plan->job;
	unsigned cnt;
	const char *why;

	if (!t)
		return 0;
	job->any = true;
	if (!plan_find_services(p, t->complete, &job->complete, &cnt))
		return topo_bad(p->topo, AT("job", "complete", TOPO_NONE), p->fail,
				"'complete': there is no service '%s'", t->complete);
	if (cnt != 1)
		return topo_bad(p->topo, AT("job", "complete", TOPO_NONE), p->fail,
				"'complete': '%s' has %u replicas; one service completes a job", t->complete,
				cnt);
	if (p->plan->services[job->complete].policy.restart == SVC_RESTART_ALWAYS)
		return topo_bad(p->topo, AT("job", "complete", TOPO_NONE), p->fail,
				"'complete': service '%s' has restart: always, so its end completes nothing",
				t->complete);
	if (make_report(p, job) ||
	    make_keys(p, "balance", t->balance, t->balance_cnt, &job->balance, &job->balance_cnt) ||
	    make_keys(p, "progress", t->progress, t->progress_cnt, &job->progress, &job->progress_cnt))
		return -1;
	job->zero = arena_alloc(&p->plan->arena, t->zero_cnt + 1, sizeof(*job->zero));
	job->zero_cnt = t->zero_cnt;
	for (unsigned i = 0; i < t->zero_cnt; i++)
		if (parse_sum(p, t->zero[i], t->zero[i], &job->zero[i], &why))
			return topo_bad(p->topo, AT("job", "zero", i), p->fail, "'zero': %s", why);
	return 0;
}

int plan_chaos_make(struct planner *p)
{
	const struct topo_chaos *t = p->data->chaos;
	struct plan_chaos *chaos = &p->plan->chaos;

	if (!t)
		return 0;
	if (t->every_ms[0] < 1 || t->every_ms[0] > t->every_ms[1])
		return topo_bad(p->topo, AT("chaos", "every_ms", TOPO_NONE), p->fail,
				"'every_ms' must be [least, most] with 1 <= least <= most, this is [%u, %u]",
				t->every_ms[0], t->every_ms[1]);
	chaos->enabled = t->enabled == TOPO_YES;
	chaos->least_ns = t->every_ms[0] * MS;
	chaos->most_ns = t->every_ms[1] * MS;
	chaos->seed = t->seed ? *t->seed : 0;
	chaos->services = arena_alloc(&p->plan->arena, p->plan->spec.service_cnt, sizeof(*chaos->services));
	for (unsigned i = 0; i < t->services_cnt; i++) {
		unsigned first, cnt;

		if (!plan_find_services(p, t->services[i], &first, &cnt))
			return topo_bad(p->topo, AT("chaos", "services", i), p->fail,
					"'services': there is no service '%s'", t->services[i]);
		for (unsigned k = 0; k < chaos->service_cnt; k++)
			if (chaos->services[k] >= first && chaos->services[k] < first + cnt)
				return topo_bad(p->topo, AT("chaos", "services", i), p->fail,
						"'services' names service '%s' twice",
						p->plan->services[chaos->services[k]].name);
		for (unsigned j = first; j < first + cnt; j++)
			chaos->services[chaos->service_cnt++] = j;
	}
	return 0;
}
