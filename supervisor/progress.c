#include "supervisor/progress.h"

#include <stddef.h>
#include <unistd.h>
#include "supervisor/say.h"

#define EVERY_NS UINT64_C(200000000)

// What has come out of the job: the balance without its first sum.
static uint64_t answers(const struct plan_job *job, const struct report_values *v)
{
	uint64_t sum = 0;

	for (unsigned i = 1; i < job->balance_cnt; i++)
		sum += v->sums[job->balance[i]];
	return sum;
}

static void show(struct progress *p)
{
	struct report_values v;
	struct fail fail;
	char counts[160], line[256];
	uint64_t now = loop_now(), sum;

	if (report_read(p->report, &v, &fail))
		return;
	sum = answers(&p->plan->job, &v);
	if (p->last_ns) {
		double rate = (double)(sum - p->last_sum) * 1e9 / (double)(now - p->last_ns);

		p->rate = p->rate ? p->rate * 0.7 + rate * 0.3 : rate;
	}
	p->last_ns = now;
	p->last_sum = sum;
	report_line(p->plan, &v, p->plan->job.progress, p->plan->job.progress_cnt, counts, sizeof(counts));
	snprintf(line, sizeof(line), "%s: %s, %.0f/s, %llu respawns, %.0f s", p->plan->spec.name, counts,
		 p->rate, (unsigned long long)p->respawns(p->ctx), (double)(now - p->begin_ns) / 1e9);
	say_live(line);
}

static void on_timer(struct loop_timer *t)
{
	struct progress *p = (struct progress *)((char *)t - offsetof(struct progress, timer));

	show(p);
	loop_timer_set(p->loop, &p->timer, EVERY_NS);
}

void progress_start(struct progress *p, struct loop *l, const struct plan *plan, struct report *report,
		    uint64_t (*respawns)(void *ctx), void *ctx)
{
	*p = (struct progress){.plan = plan,
			       .report = report,
			       .loop = l,
			       .timer = {on_timer, 0, 0},
			       .respawns = respawns,
			       .ctx = ctx,
			       .begin_ns = loop_now()};
	if (plan->job.progress_cnt && isatty(STDERR_FILENO))
		loop_timer_set(l, &p->timer, 0);
}

void progress_stop(struct progress *p)
{
	if (!p->loop)
		return;
	loop_timer_cancel(p->loop, &p->timer);
	say_live(NULL);
}
