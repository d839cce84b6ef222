#include "supervisor/plan.h"

#include <stdlib.h>
#include <string.h>
#include "supervisor/topology_form.h"

#define AT(section, item, key, sub) ((struct topo_place){section, item, key, sub})
#define MS UINT64_C(1000000)

const char *plan_name_error(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return "it is empty";
	if (len >= SHMCHAN_NAME_MAX)
		return "it is longer than 31 bytes";
	if (strchr(name, '.'))
		return "a '.' separates group and object in the names of segments";
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len)
		return "only letters, digits, '_' and '-' are allowed";
	if (name[0] == '-')
		return "it begins with '-'";
	return NULL;
}

static int cmp_unsigned(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static bool find_name(const struct plan_names *names, unsigned name_cnt, const char *name, unsigned *first,
		      unsigned *cnt, const char *(*full)(const struct plan *, unsigned),
		      const struct plan *plan)
{
	for (unsigned i = 0; i < name_cnt; i++) {
		if (strcmp(names[i].name, name) == 0) {
			*first = names[i].first;
			*cnt = names[i].cnt;
			return true;
		}
		for (unsigned j = names[i].first; names[i].many && j < names[i].first + names[i].cnt; j++)
			if (strcmp(full(plan, j), name) == 0) {
				*first = j;
				*cnt = 1;
				return true;
			}
	}
	return false;
}

static const char *service_name(const struct plan *plan, unsigned i)
{
	return plan->services[i].name;
}

static const char *channel_name(const struct plan *plan, unsigned i)
{
	return plan->spec.chans[i].name;
}

bool plan_find_services(const struct planner *p, const char *name, unsigned *first, unsigned *cnt)
{
	return find_name(p->services, p->service_cnt, name, first, cnt, service_name, p->plan);
}

bool plan_find_channels(const struct planner *p, const char *name, unsigned *first, unsigned *cnt)
{
	return find_name(p->channels, p->channel_cnt, name, first, cnt, channel_name, p->plan);
}

// Puts in what topology_text.c leaves: ${replica}, and `$` for `$$`. replica 0 = there is none here.
static const char *put_replica(struct planner *p, struct topo_place at, const char *s, unsigned replica)
{
	char *out = arena_alloc(&p->plan->arena, strlen(s) * 2 + 1, 1), *o = out;

	while (*s) {
		if (strncmp(s, "${replica}", 10) == 0) {
			if (!replica) {
				topo_bad(p->topo, at, p->fail,
					 "${replica} is known only in services with `replicas` and channels "
					 "with `each`");
				return NULL;
			}
			o += sprintf(o, "%u", replica);
			s += 10;
			continue;
		}
		s += s[0] == '$' && s[1] == '$';
		*o++ = *s++;
	}
	return out;
}

static char **put_replicas(struct planner *p, unsigned item, const char *key, char **list, unsigned cnt,
			   unsigned replica, const char *first)
{
	unsigned lead = first != NULL;
	char **out = arena_alloc(&p->plan->arena, cnt + lead + 1, sizeof(*out));

	if (first)
		out[0] = arena_strndup(&p->plan->arena, first, strlen(first));
	for (unsigned i = 0; i < cnt; i++) {
		out[i + lead] = (char *)put_replica(p, AT("services", item, key, i), list[i], replica);
		if (!out[i + lead])
			return NULL;
	}
	return out;
}

static const char *numbered(struct planner *p, const char *name, unsigned replica)
{
	return replica ? arena_printf(&p->plan->arena, "%s-%u", name, replica) : name;
}

int plan_check_name(struct planner *p, struct topo_place at, const char *what, const char *name)
{
	const char *error = plan_name_error(name);

	return error ? topo_bad(p->topo, at, p->fail, "%s name '%s' is not valid: %s", what, name, error) : 0;
}

// Every name in [0,cnt) once; quadratic, on at most a few thousand names.
static int check_service_names(struct planner *p, unsigned cnt)
{
	struct plan_service *s = p->plan->services;

	for (unsigned i = 0; i < cnt; i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(s[i].name, s[j].name) == 0)
				return topo_bad(p->topo, AT("services", s[i].source, "name", TOPO_NONE),
						p->fail, "service '%s' is declared twice", s[i].name);
	return 0;
}

static int check_env(struct planner *p, unsigned item, const struct topo_service *s)
{
	for (unsigned i = 0; i < s->env_cnt; i++) {
		struct topo_place at = AT("services", item, "env", i);

		if (!strchr(s->env[i], '=') || s->env[i][0] == '=')
			return topo_bad(p->topo, at, p->fail, "'%s' is not of the form NAME=value",
					s->env[i]);
		if (strncmp(s->env[i], "SHMCHAN_", 8) == 0 || strncmp(s->env[i], "NOTIFY_SOCKET=", 14) == 0)
			return topo_bad(p->topo, at, p->fail, "'%s': this variable is set by the supervisor",
					s->env[i]);
	}
	return 0;
}

static void make_policy(const struct topo_service *s, struct svc_policy *out)
{
	static const enum svc_restart restarts[] = {[TOPO_ALWAYS] = SVC_RESTART_ALWAYS,
						    [TOPO_ON_FAILURE] = SVC_RESTART_ON_FAILURE,
						    [TOPO_NEVER] = SVC_RESTART_NEVER};

	*out = (struct svc_policy){
		.restart = restarts[s->restart],
		.max_deaths = s->max_deaths ? *s->max_deaths : SVC_MAX_DEATHS,
		.window_ns = s->window_ms ? *s->window_ms * MS : SVC_WINDOW_NS,
		.fatal_exits = {s->fatal_exits ? 0 : 1u << 2 | 1u << 3},
	};
	for (unsigned i = 0; i < s->fatal_exits_cnt; i++)
		out->fatal_exits[s->fatal_exits[i] / 64] |= UINT64_C(1) << s->fatal_exits[i] % 64;
}

static int make_service(struct planner *p, unsigned item, unsigned replica, struct plan_service *out)
{
	const struct topo_service *s = &p->data->services[item];

	out->source = item;
	out->name = numbered(p, arena_strndup(&p->plan->arena, s->name, strlen(s->name)), replica);
	if (plan_check_name(p, AT("services", item, "name", TOPO_NONE), "service", out->name))
		return -1;
	make_policy(s, &out->policy);
	if (strcmp(out->name, SHMCHAN_BROKER_NAME) == 0)
		return topo_bad(p->topo, AT("services", item, "name", TOPO_NONE), p->fail,
				"service name '%s' is the supervisor's own", out->name);
	out->command = put_replica(p, AT("services", item, "command", TOPO_NONE), s->command, replica);
	if (!out->command)
		return -1;
	out->argv = put_replicas(p, item, "args", s->args, s->args_cnt, replica, out->command);
	out->env = put_replicas(p, item, "env", s->env, s->env_cnt, replica, NULL);
	out->env_cnt = s->env_cnt;
	out->notifies = s->ready == TOPO_READY_NOTIFY;
	out->ready_timeout_ns = (s->ready_timeout_ms ? *s->ready_timeout_ms : 60000) * MS;
	out->stop_timeout_ns = (s->stop_timeout_ms ? *s->stop_timeout_ms : 5000) * MS;
	out->heartbeat_ns = (s->heartbeat_ms ? *s->heartbeat_ms : 0) * MS;
	out->spare = s->spare ? *s->spare : 0;
	if (out->spare && !out->notifies)
		return topo_bad(p->topo, AT("services", item, "spare", TOPO_NONE), p->fail,
				"'spare' needs 'ready: notify': a spare waits in shmchan_attach_env, and does all else "
				"after it");
	out->strategy = PLAN_NONE;
	if (s->log == TOPO_LOG_FILE && !p->data->logs)
		return topo_bad(p->topo, AT("services", item, "log", TOPO_NONE), p->fail,
				"'log' can't be 'file': the topology has no 'logs' with a folder");
	out->log = s->log != TOPO_LOG_AUTO ? s->log : p->data->logs ? TOPO_LOG_FILE : TOPO_LOG_INHERIT;
	if (!out->argv || !out->env)
		return -1;
	return plan_confine_make(p, item, &out->confine);
}

static unsigned slots_of(const struct topo_service *s)
{
	uint32_t n = s->replicas ? *s->replicas : 1;

	return s->max_replicas && *s->max_replicas > n ? *s->max_replicas : n;
}

static int count_services(struct planner *p, unsigned *cnt)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < p->service_cnt; i++) {
		const struct topo_service *s = &p->data->services[i];

		for (unsigned j = 0; j < i; j++)
			if (strcmp(p->data->services[j].name, s->name) == 0)
				return topo_bad(p->topo, AT("services", i, "name", TOPO_NONE), p->fail,
						"service '%s' is declared twice", s->name);
		if (s->max_replicas && !s->replicas)
			return topo_bad(p->topo, AT("services", i, "max_replicas", TOPO_NONE), p->fail,
					"'max_replicas' is given, but service '%s' has no 'replicas'", s->name);
		all += slots_of(s);
		if (all >= SHMCHAN_SLOT_MAX)
			return topo_bad(p->topo, AT("services", i, "replicas", TOPO_NONE), p->fail,
					"more than %d services with their replicas", SHMCHAN_SLOT_MAX - 1);
		if (check_env(p, i, s))
			return -1;
	}
	*cnt = (unsigned)all;
	return 0;
}

static int make_services(struct planner *p)
{
	struct plan *plan = p->plan;
	const char **names;
	unsigned cnt = 0, at = 0;

	if (count_services(p, &cnt))
		return -1;
	plan->services = arena_alloc(&plan->arena, cnt, sizeof(*plan->services));
	p->services = arena_alloc(&plan->arena, p->service_cnt, sizeof(*p->services));
	names = arena_alloc(&plan->arena, cnt, sizeof(*names));
	for (unsigned i = 0; i < p->service_cnt; i++) {
		const struct topo_service *s = &p->data->services[i];
		unsigned n = slots_of(s);

		p->services[i] = (struct plan_names){s->name, at, n, s->replicas != NULL};
		for (unsigned r = 0; r < n; r++, at++) {
			if (make_service(p, i, s->replicas ? r + 1 : 0, &plan->services[at]))
				return -1;
			plan->services[at].reserved = s->replicas && r >= *s->replicas;
			names[at] = plan->services[at].name;
		}
	}
	plan->spec.services = names;
	plan->spec.service_cnt = cnt;
	return check_service_names(p, cnt);
}

int plan_resolve(struct planner *p, struct topo_place at, char **list, unsigned cnt, unsigned replica,
		 unsigned add, const unsigned **out, unsigned *out_cnt)
{
	unsigned *found = arena_alloc(&p->plan->arena, p->plan->spec.service_cnt + 1, sizeof(*found)), n = 0;

	for (unsigned i = 0; i < cnt; i++) {
		const char *name;
		unsigned first, many;

		at.sub = i;
		name = put_replica(p, at, list[i], replica);
		if (!name)
			return -1;
		if (!plan_find_services(p, name, &first, &many))
			return topo_bad(p->topo, at, p->fail, "'%s': there is no service '%s'", at.key, name);
		for (unsigned j = first; j < first + many; j++) {
			for (unsigned k = 0; k < n; k++)
				if (found[k] == j + add)
					return topo_bad(p->topo, at, p->fail, "'%s' names service '%s' twice",
							at.key, p->plan->services[j].name);
			found[n++] = j + add;
		}
	}
	qsort(found, n, sizeof(*found), cmp_unsigned);
	*out = found;
	*out_cnt = n;
	return 0;
}

static int make_deps(struct planner *p)
{
	for (unsigned i = 0; i < p->plan->spec.service_cnt; i++) {
		struct plan_service *s = &p->plan->services[i];
		const struct topo_service *t = &p->data->services[s->source];
		unsigned replica = t->replicas ? i - p->services[s->source].first + 1 : 0;

		if (plan_resolve(p, AT("services", s->source, "depends_on", TOPO_NONE), t->depends_on,
			    t->depends_on_cnt, replica, 0, &s->deps, &s->dep_cnt))
			return -1;
	}
	return 0;
}

enum { UNSEEN, ON_PATH, SEEN };

static int visit(struct planner *p, unsigned i, unsigned char *seen, const char *path)
{
	const struct plan_service *s = &p->plan->services[i];

	if (seen[i] == SEEN)
		return 0;
	path = arena_printf(&p->plan->arena, "%s%s%s", path, *path ? " -> " : "", s->name);
	if (seen[i] == ON_PATH)
		return topo_bad(p->topo, AT("services", s->source, "depends_on", TOPO_NONE), p->fail,
				"depends_on goes in a circle: %s", path);
	seen[i] = ON_PATH;
	for (unsigned d = 0; d < s->dep_cnt; d++)
		if (visit(p, s->deps[d], seen, path))
			return -1;
	seen[i] = SEEN;
	return 0;
}

static int check_circles(struct planner *p)
{
	unsigned char *seen = arena_alloc(&p->plan->arena, p->plan->spec.service_cnt, 1);

	for (unsigned i = 0; i < p->plan->spec.service_cnt; i++)
		if (visit(p, i, seen, ""))
			return -1;
	return 0;
}

static uint32_t capacity_of(const struct topo_channel *c)
{
	bool single = c->kind == SHMCHAN_KIND_SLOT || c->kind == SHMCHAN_KIND_SLOT_REF;

	return c->capacity ? *c->capacity : single ? 1 : 64;
}

static int check_capacity(struct planner *p, unsigned item, const struct topo_channel *c)
{
	struct topo_place at = AT("channels", item, "capacity", TOPO_NONE);
	bool single = c->kind == SHMCHAN_KIND_SLOT || c->kind == SHMCHAN_KIND_SLOT_REF;

	if (c->capacity && single && *c->capacity != 1)
		return topo_bad(p->topo, at, p->fail, "channel '%s' holds one message by its kind, not %u",
				c->name, *c->capacity);
	at.key = "max_deliveries";
	if (c->max_deliveries && c->on_crash != SHMCHAN_REDELIVER)
		return topo_bad(p->topo, at, p->fail,
				"'max_deliveries' has a meaning only with on_crash: redeliver");
	at.key = "alert_depth";
	if (c->alert_depth && *c->alert_depth > capacity_of(c))
		return topo_bad(p->topo, at, p->fail,
				"'alert_depth' is %u, but channel '%s' holds only %u messages", *c->alert_depth,
				c->name, capacity_of(c));
	return 0;
}

static int check_tally(struct planner *p, unsigned item, const struct topo_channel *c)
{
	static const char *const taken[] = {"enqueued", "dequeued", "done", "dead", "dropped"};

	for (unsigned i = 0; i < c->tally_cnt; i++) {
		struct topo_place at = AT("channels", item, "tally", i);

		if (plan_check_name(p, at, "counter", c->tally[i]))
			return -1;
		for (unsigned j = 0; j < sizeof(taken) / sizeof(taken[0]); j++)
			if (strcmp(taken[j], c->tally[i]) == 0)
				return topo_bad(p->topo, at, p->fail,
						"counter name '%s': every channel has that", c->tally[i]);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(c->tally[j], c->tally[i]) == 0)
				return topo_bad(p->topo, at, p->fail, "counter '%s' is declared twice",
						c->tally[i]);
	}
	return 0;
}

static int make_channel(struct planner *p, unsigned item, unsigned replica, struct shmchan_chan_spec *out)
{
	const struct topo_channel *c = &p->data->channels[item];
	char **tally = arena_alloc(&p->plan->arena, c->tally_cnt + 1, sizeof(*tally));

	for (unsigned i = 0; i < c->tally_cnt; i++)
		tally[i] = arena_strndup(&p->plan->arena, c->tally[i], strlen(c->tally[i]));
	*out = (struct shmchan_chan_spec){
		.name = numbered(p, arena_strndup(&p->plan->arena, c->name, strlen(c->name)), replica),
		.kind = c->kind,
		.capacity = capacity_of(c),
		.msg_size = c->message_size,
		.on_crash = c->on_crash,
		.max_deliveries = c->max_deliveries                  ? *c->max_deliveries
				  : c->on_crash == SHMCHAN_REDELIVER ? 3
								     : 0,
		.tally = (const char *const *)tally,
		.tally_cnt = c->tally_cnt,
		.alert_depth = c->alert_depth ? *c->alert_depth : 0,
	};
	if (plan_check_name(p, AT("channels", item, "name", TOPO_NONE), "channel", out->name) ||
	    plan_resolve(p, AT("channels", item, "producers", TOPO_NONE), c->producers, c->producers_cnt, replica,
		    1, &out->producers, &out->producer_cnt) ||
	    plan_resolve(p, AT("channels", item, "consumers", TOPO_NONE), c->consumers, c->consumers_cnt, replica,
		    1, &out->consumers, &out->consumer_cnt))
		return -1;
	if (out->producer_cnt != 1 && c->kind < SHMCHAN_KIND_MPSC)
		return topo_bad(
			p->topo, AT("channels", item, "producers", TOPO_NONE), p->fail,
			"channel '%s' is %s, which allows one producer; it has %u (kind mpsc allows more)",
			out->name, shmchan_kind_name(c->kind), out->producer_cnt);
	if (c->kind == SHMCHAN_KIND_MPSC_INTRUSIVE && c->message_size > SHMCHAN_MSG_MAX_INTRUSIVE)
		return topo_bad(p->topo, AT("channels", item, "message_size", TOPO_NONE), p->fail,
				"channel '%s' is mpsc-intrusive, which has room for %u bytes beside the block; it "
				"asks for %u (the rest belongs in the block)",
				out->name, SHMCHAN_MSG_MAX_INTRUSIVE, c->message_size);
	if (out->consumer_cnt != 1 && c->kind != SHMCHAN_KIND_MPMC2)
		return topo_bad(p->topo, AT("channels", item, "consumers", TOPO_NONE), p->fail,
				"channel '%s' is %s, which allows one consumer; it has %u (kind mpmc2 allows more)",
				out->name, shmchan_kind_name(c->kind), out->consumer_cnt);
	return 0;
}

static int count_channels(struct planner *p, unsigned *cnt)
{
	*cnt = 0;
	for (unsigned i = 0; i < p->channel_cnt; i++) {
		const struct topo_channel *c = &p->data->channels[i];
		struct plan_names *n = &p->channels[i];

		for (unsigned j = 0; j < i; j++)
			if (strcmp(p->data->channels[j].name, c->name) == 0)
				return topo_bad(p->topo, AT("channels", i, "name", TOPO_NONE), p->fail,
						"channel '%s' is declared twice", c->name);
		*n = (struct plan_names){c->name, *cnt, 1, c->each != NULL};
		for (unsigned s = 0; c->each && s < p->service_cnt; s++)
			if (strcmp(p->services[s].name, c->each) == 0 && p->services[s].many) {
				n->cnt = p->services[s].cnt;
				goto found;
			}
		if (c->each)
			return topo_bad(p->topo, AT("channels", i, "each", TOPO_NONE), p->fail,
					"'each': there is no service '%s' with `replicas`", c->each);
	found:
		*cnt += n->cnt;
		if (*cnt > UINT16_MAX - 1)
			return topo_bad(p->topo, AT("channels", i, NULL, TOPO_NONE), p->fail,
					"more than %d channels", UINT16_MAX - 1);
		if (check_capacity(p, i, c) || check_tally(p, i, c))
			return -1;
	}
	return 0;
}

static int make_channels(struct planner *p)
{
	struct plan *plan = p->plan;
	struct shmchan_chan_spec *chans;
	unsigned cnt, at = 0;

	p->channels = arena_alloc(&plan->arena, p->channel_cnt + 1, sizeof(*p->channels));
	if (count_channels(p, &cnt))
		return -1;
	chans = arena_alloc(&plan->arena, cnt + 1, sizeof(*chans));
	plan->spec.chans = chans;
	plan->channels = arena_alloc(&plan->arena, cnt + 1, sizeof(*plan->channels));
	for (unsigned i = 0; i < p->channel_cnt; i++)
		for (unsigned r = 0; r < p->channels[i].cnt; r++, at++) {
			if (make_channel(p, i, p->channels[i].many ? r + 1 : 0, &chans[at]))
				return -1;
			plan->channels[at] = (struct plan_channel){
				p->data->channels[i].alert_depth ? *p->data->channels[i].alert_depth : 0, i};
			for (unsigned j = 0; j < at; j++)
				if (strcmp(chans[j].name, chans[at].name) == 0)
					return topo_bad(p->topo, AT("channels", i, "name", TOPO_NONE),
							p->fail, "channel '%s' is declared twice",
							chans[at].name);
		}
	plan->spec.chan_cnt = cnt;
	return 0;
}

static int make_name(struct planner *p, const char *name)
{
	const char *error = name ? plan_name_error(name) : NULL;

	if (error)
		return fail_set(p->fail, SUP_USAGE, "--name '%s' is not valid: %s", name, error);
	if (plan_check_name(p, AT("group", TOPO_NONE, NULL, TOPO_NONE), "group", p->data->group))
		return -1;
	name = name ? name : p->data->group;
	p->plan->spec.name = arena_strndup(&p->plan->arena, name, strlen(name));
	return 0;
}

int plan_make(struct plan **out, const struct topo *t, const char *name, struct fail *fail)
{
	struct planner p = {
		.plan = calloc(1, sizeof(*p.plan)), .topo = t, .data = topo_data(t), .fail = fail};

	*out = NULL;
	if (!p.plan)
		return fail_set(fail, SUP_SYSTEM, "no memory for the plan");
	p.service_cnt = p.data->services_cnt;
	p.channel_cnt = p.data->channels_cnt;
	if (make_name(&p, name) || make_services(&p) || make_deps(&p) || check_circles(&p) ||
	    make_channels(&p) || plan_pools_make(&p) || plan_strategies_make(&p) ||
	    plan_logs_make(&p) || plan_job_make(&p) || plan_chaos_make(&p)) {
		plan_free(p.plan);
		return -1;
	}
	*out = p.plan;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	arena_free(&p->arena);
	free(p);
}
