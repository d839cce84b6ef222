// The strategies and logs sections of a plan.
#include <string.h>
#include "supervisor/plan.h"
#include "supervisor/topology_form.h"

#define AT(section, item, key, sub) ((struct topo_place){section, item, key, sub})
#define MS UINT64_C(1000000)

static int add_member(struct planner *p, unsigned item, unsigned sub, struct plan_strategy *out, unsigned *list)
{
	const struct topo_strategy *t = &p->data->strategies[item];
	struct topo_place at = AT("strategies", item, "services", sub);
	unsigned first, cnt;

	if (!plan_find_services(p, t->services[sub], &first, &cnt))
		return topo_bad(p->topo, at, p->fail, "'services': there is no service '%s'",
				t->services[sub]);
	for (unsigned i = first; i < first + cnt; i++) {
		struct plan_service *s = &p->plan->services[i];

		if (s->strategy == item)
			return topo_bad(p->topo, at, p->fail, "'services' names service '%s' twice", s->name);
		if (s->strategy != PLAN_NONE)
			return topo_bad(p->topo, at, p->fail,
					"service '%s' is in strategy '%s' already; it can be in one only",
					s->name, p->plan->strategies[s->strategy].name);
		s->strategy = item;
		list[out->service_cnt++] = i;
	}
	return 0;
}

int plan_strategies_make(struct planner *p)
{
	struct arena *a = &p->plan->arena;

	p->plan->strategies = arena_alloc(a, p->data->strategies_cnt + 1, sizeof(*p->plan->strategies));
	for (unsigned i = 0; i < p->data->strategies_cnt; i++) {
		const struct topo_strategy *t = &p->data->strategies[i];
		struct plan_strategy *s = &p->plan->strategies[i];
		unsigned *list = arena_alloc(a, p->plan->spec.service_cnt, sizeof(*list));

		*s = (struct plan_strategy){
			.name = arena_strndup(a, t->name, strlen(t->name)),
			.kind = t->strategy,
			.services = list,
			.max_restarts = t->max_restarts ? *t->max_restarts : 0,
			.window_ns = (t->window_ms ? *t->window_ms : 10000) * MS,
		};
		if (plan_check_name(p, AT("strategies", i, "name", TOPO_NONE), "strategy", s->name))
			return -1;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(p->plan->strategies[j].name, s->name) == 0)
				return topo_bad(p->topo, AT("strategies", i, "name", TOPO_NONE), p->fail,
						"strategy '%s' is declared twice", s->name);
		for (unsigned m = 0; m < t->services_cnt; m++)
			if (add_member(p, i, m, s, list))
				return -1;
	}
	p->plan->strategy_cnt = p->data->strategies_cnt;
	return 0;
}

int plan_logs_make(struct planner *p)
{
	const struct topo_logs *t = p->data->logs;
	struct plan_logs *logs = &p->plan->logs;

	if (!t)
		return 0;
	logs->folder = arena_strndup(&p->plan->arena, t->folder, strlen(t->folder));
	logs->keep = t->keep ? *t->keep : 3;
	topo_size(t->max_size ? t->max_size : "10M", &logs->max_size); // the reader has checked its form
	if (logs->max_size < 4096)
		return topo_bad(p->topo, AT("logs", TOPO_NONE, "max_size", TOPO_NONE), p->fail,
				"'max_size' must be at least 4096 bytes, this is %llu",
				(unsigned long long)logs->max_size);
	return 0;
}
