#include "supervisor/picture.h"

#include <stdlib.h>
#include <string.h>
#include "shmchan/broker.h"
#include "supervisor/topology_keys.h"

struct picture {
	FILE *f;
	const struct plan *plan;
	uint64_t *sizes; // of channels, pools, dead letters, control
	unsigned *steps; // of each service, from 1
};

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static const char *bytes(char out[32], uint64_t n)
{
	static const char units[] = "KMGT";
	double v = (double)n;
	int u = -1;

	while (v >= 1024 && u < 3) {
		v /= 1024;
		u++;
	}
	if (u < 0)
		snprintf(out, 32, "%llu B", (unsigned long long)n);
	else
		snprintf(out, 32, "%.*f %ciB", v < 10 ? 1 : 0, v, units[u]);
	return out;
}

// A service's step is one after the last of those it depends on; the plan has no circles, so the walk ends.
static unsigned step_of(struct picture *p, unsigned i)
{
	const struct plan_service *s = &p->plan->services[i];

	if (p->steps[i])
		return p->steps[i];
	p->steps[i] = 1;
	for (unsigned d = 0; d < s->dep_cnt; d++) {
		unsigned before = step_of(p, s->deps[d]);

		if (before >= p->steps[i])
			p->steps[i] = before + 1;
	}
	return p->steps[i];
}

static void draw_head(const struct picture *p)
{
	const struct shmchan_group_spec *s = &p->plan->spec;
	uint64_t all = 0;
	char text[32];

	for (unsigned i = 0; i < s->chan_cnt + s->pool_cnt + 2; i++)
		all += p->sizes[i];
	fprintf(p->f, "group %s: %u service%s, %u channel%s, %u pool%s; %s of shared memory\n", s->name,
		s->service_cnt, plural(s->service_cnt), s->chan_cnt, plural(s->chan_cnt), s->pool_cnt,
		plural(s->pool_cnt), bytes(text, all));
}

static void draw_confinement(const struct picture *p, const struct plan_service *s)
{
	static const char *const filters[] = {[TOPO_SECCOMP_AUTO] = "",
					      [TOPO_SECCOMP_OFF] = "",
					      [TOPO_SECCOMP_DEFAULT] = ", filtered",
					      [TOPO_SECCOMP_STRICT] = ", filtered strictly"};

	if (s->confine.has_user)
		fprintf(p->f, ", user %u", (unsigned)s->confine.uid);
	fputs(filters[s->confine.seccomp], p->f);
	if (s->confine.rlimit_cnt)
		fprintf(p->f, ", %u limit%s", s->confine.rlimit_cnt, plural(s->confine.rlimit_cnt));
}

static void draw_service(const struct picture *p, unsigned i)
{
	const struct plan_service *s = &p->plan->services[i];

	fprintf(p->f, "  service %s:", s->name);
	for (char **arg = s->argv; *arg; arg++)
		fprintf(p->f, " %s", *arg);
	for (unsigned d = 0; d < s->dep_cnt; d++)
		fprintf(p->f, "%s%s", d ? ", " : "  (after ", p->plan->services[s->deps[d]].name);
	fputs(s->dep_cnt ? ")" : "", p->f);
	if (s->spare)
		fprintf(p->f, ", %u spare%s", s->spare, plural(s->spare));
	draw_confinement(p, s);
	fputc('\n', p->f);
}

static void draw_names(const struct picture *p, const unsigned *slots, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		fprintf(p->f, "%s%s", i ? ", " : "", p->plan->spec.services[slots[i] - 1]);
}

static void draw_channel(const struct picture *p, unsigned i)
{
	const struct shmchan_chan_spec *c = &p->plan->spec.chans[i];
	char text[32];

	fputs("  ", p->f);
	draw_names(p, c->producers, c->producer_cnt);
	fprintf(p->f, " -> [%s: %s, %u x %u B, %s", c->name, topo_word("channels", "kind", c->kind),
		c->capacity, c->msg_size, bytes(text, p->sizes[i]));
	if (p->plan->channels[i].alert_depth)
		fprintf(p->f, ", alert at %u", p->plan->channels[i].alert_depth);
	fputs("] -> ", p->f);
	draw_names(p, c->consumers, c->consumer_cnt);
	fputc('\n', p->f);
}

static void draw_pool(const struct picture *p, unsigned i)
{
	const struct shmchan_pool_spec *pool = &p->plan->spec.pools[i];
	char text[32];

	fprintf(p->f, "  %s: ", pool->name);
	if (!pool->class_cnt)
		fprintf(p->f, "%u x %zu B", pool->block_cnt, pool->block_size);
	for (unsigned c = 0; c < pool->class_cnt; c++)
		fprintf(p->f, "%s%u x %zu B", c ? " + " : "", pool->classes[c].block_cnt,
			pool->classes[c].block_size);
	fprintf(p->f, ", %s, used by ", bytes(text, p->sizes[p->plan->spec.chan_cnt + i]));
	draw_names(p, pool->users, pool->user_cnt);
	fputc('\n', p->f);
}

static void draw_strategy(const struct picture *p, const struct plan_strategy *s)
{
	fprintf(p->f, "  %s: %s of ", s->name, topo_word("strategies", "strategy", s->kind));
	for (unsigned i = 0; i < s->service_cnt; i++)
		fprintf(p->f, "%s%s", i ? ", " : "", p->plan->services[s->services[i]].name);
	fputc('\n', p->f);
}

static void draw(struct picture *p)
{
	const struct shmchan_group_spec *s = &p->plan->spec;
	unsigned left = s->service_cnt;

	draw_head(p);
	for (unsigned step = 1; left; step++) {
		fprintf(p->f, "start, step %u:\n", step);
		for (unsigned i = 0; i < s->service_cnt; i++)
			if (step_of(p, i) == step) {
				draw_service(p, i);
				left--;
			}
	}
	fputs(s->chan_cnt ? "channels:\n" : "", p->f);
	for (unsigned i = 0; i < s->chan_cnt; i++)
		draw_channel(p, i);
	fputs(s->pool_cnt ? "pools:\n" : "", p->f);
	for (unsigned i = 0; i < s->pool_cnt; i++)
		draw_pool(p, i);
	fputs(p->plan->strategy_cnt ? "restarted together:\n" : "", p->f);
	for (unsigned i = 0; i < p->plan->strategy_cnt; i++)
		draw_strategy(p, &p->plan->strategies[i]);
}

int picture_draw(FILE *f, const struct plan *plan, struct fail *fail)
{
	const struct shmchan_group_spec *s = &plan->spec;
	struct picture p = {f, plan, calloc(s->chan_cnt + s->pool_cnt + 2, sizeof(*p.sizes)),
			    calloc(s->service_cnt, sizeof(*p.steps))};
	struct shmchan_why why = {0};
	int rc = 0;

	if (!p.sizes || !p.steps)
		rc = fail_set(fail, SUP_SYSTEM, "no memory for the picture");
	else if (shmchan_group_sizes(s, p.sizes, &why))
		rc = fail_set(fail, SUP_TOPOLOGY, "group '%s': %s: %s", s->name, why.object, why.text);
	else
		draw(&p);
	free(p.sizes);
	free(p.steps);
	return rc;
}
