// What the control socket can ask of a running group.
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include "supervisor/group.h"
#include "supervisor/say.h"

#define NO_SERVICE UINT32_MAX        // the wait of a `stop` of the group
#define ALL_SERVICES (UINT32_MAX - 1) // of a `start` of all
#define UPGRADE (UINT32_MAX - 2)      // of an upgrade; `incarnation` is the number of attempts before it
#define DOWN 0                        // the incarnation that the `stop` of a service waits for

static json_t *death_of(const struct service *s)
{
	json_t *o = json_object();

	service_death_keys(&s->last, o);
	return o;
}

static json_t *status_of(const struct service *s, uint64_t now_ns)
{
	json_t *o = json_pack("{s:s, s:i, s:i, s:s, s:I}", "name", s->plan->name, "pid", (int)s->pid,
			      "incarnation", (int)s->incarnation, "state", service_state_name(s),
			      "respawns", (json_int_t)service_respawns(s));
	struct look_service l;
	char text[96];

	look_service(s->group->look, (unsigned)(s - s->group->services), &l);
	json_object_set_new(o, "depth_in", json_integer((json_int_t)l.depth_in));
	json_object_set_new(o, "in_flight", json_integer((json_int_t)l.in_flight));
	json_object_set_new(o, "depth_out", json_integer((json_int_t)l.depth_out));
	json_object_set_new(o, "seconds", json_real((double)((now_ns - s->since_ns) / 1000000) / 1e3));
	if (s->deaths) {
		service_death_text(&s->last, text, sizeof(text));
		json_object_set_new(o, "last", json_string(text));
		json_object_set_new(o, "last_death", death_of(s));
	}
	if (s->adopted)
		json_object_set_new(o, "adopted", json_true());
	json_object_set_new(o, "spare", spare_status(s));
	if (s->repairing && s->holder.slot)
		json_object_set_new(o, "waits_for",
				    json_pack("{s:s, s:s, s:i}", "channel", s->holder.channel, "holder",
					      s->group->services[s->holder.slot - 1].plan->name, "pid",
					      (int)s->holder.pid));
	if (s->status[0])
		json_object_set_new(o, "status", json_string(s->status));
	return o;
}

static json_t *alerts_of(const struct group *g)
{
	json_t *list = json_array();
	struct shmchan_view_chan c;

	for (unsigned i = 0; i < g->plan->spec.chan_cnt; i++)
		if (alert_is_on(&g->alert, i) && look_chan(g->look, i, &c) == 0)
			json_array_append_new(list,
					      json_pack("{s:s, s:I, s:I}", "channel", c.name, "depth",
							(json_int_t)c.stat.depth, "limit",
							(json_int_t)g->plan->channels[i].alert_depth));
	return list;
}

static json_t *verb_status(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *services = json_array();
	uint64_t now_ns = loop_now();

	for (unsigned i = 0; i < g->service_cnt; i++)
		json_array_append_new(services, status_of(&g->services[i], now_ns));
	return json_pack("{s:b, s:{s:s, s:i, s:i, s:i, s:s, s:o, s:o, s:o, s:s*}}", "ok", 1, "status", "group",
			 g->plan->spec.name, "supervisor_pid", (int)getpid(), "adoptions", (int)g->adoptions,
			 "upgrades", (int)g->upgrades,
			 "state", g->stopping ? "stopping" : "running",
			 "services", services, "alerts", alerts_of(g), "parked",
			 poison_list(g->poison), "logs", logs_folder(g->logs));
}

static struct service *find(struct group *g, const json_t *request, json_t **error)
{
	const char *name = json_string_value(json_object_get(request, "service"));
	char known[300] = "";
	size_t used = 0;

	if (!name) {
		*error = control_error("the request names no service");
		return NULL;
	}
	for (unsigned i = 0; i < g->service_cnt; i++)
		if (strcmp(g->services[i].plan->name, name) == 0)
			return &g->services[i];
	for (unsigned i = 0; i < g->service_cnt && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 g->services[i].plan->name);
	*error = control_error("group '%s' has no service '%.64s'; it has: %s", g->plan->spec.name, name,
			       known);
	return NULL;
}

static json_t *verb_kill(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *signal = json_object_get(request, "signal"), *error = NULL;
	json_int_t number = signal ? json_integer_value(signal) : SIGKILL;
	struct service *s = find(g, request, &error);

	if (!s)
		return error;
	if ((signal && !json_is_integer(signal)) || number < 1 || number >= NSIG)
		return control_error("that is not the number of a signal");
	if (!service_signal(s, (int)number))
		return control_error("service '%s' is %s: it has no process", s->plan->name,
				     service_state_name(s));
	return json_pack("{s:b, s:i}", "ok", 1, "pid", (int)s->pid);
}

static json_t *verb_signal(struct group *g, const json_t *request, struct control_wait *wait)
{
	if (!json_object_get(request, "signal"))
		return control_error("the request names no signal");
	return verb_kill(g, request, wait);
}

static json_t *verb_restart(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *error = NULL;
	struct service *s = find(g, request, &error);
	unsigned before;

	if (!s)
		return error;
	before = s->incarnation;
	if (g->stopping || !service_feed(s, SVC_EV_RESTART))
		return control_error("service '%s' can't be restarted: %s", s->plan->name,
				     g->stopping ? "the group is stopping" : service_state_name(s));
	*wait = (struct control_wait){true, (unsigned)(s - g->services), before + 1, false, -1};
	return NULL;
}

static json_t *stop_one(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *error = NULL;
	struct service *s = find(g, request, &error);

	if (!s)
		return error;
	service_feed(s, SVC_EV_STOP);
	s->held = s->state == SVC_STOPPING || s->state == SVC_STOPPED;
	service_keep(s);
	*wait = (struct control_wait){true, (unsigned)(s - g->services), DOWN, false, -1};
	return NULL;
}

static json_t *verb_stop(struct group *g, const json_t *request, struct control_wait *wait)
{
	if (json_object_get(request, "service"))
		return stop_one(g, request, wait);
	if (!g->stopping)
		say(g->plan->spec.name, "asked to stop");
	group_stop(g, GROUP_STOPPED);
	*wait = (struct control_wait){true, NO_SERVICE, 0, false, -1};
	return NULL;
}

// What is down begins again from waiting, and what it depends on with it; one that did its work is left alone unless it
// is the one that is asked for.
static void start_with_deps(struct service *s, bool asked)
{
	if ((s->state == SVC_DONE || s->reserved) && !asked)
		return;
	s->reserved = false;
	if (svc_is_down(s->state)) {
		s->held = false;
		service_keep(s);
		service_feed(s, SVC_EV_RECALL);
	}
	for (unsigned i = 0; i < s->plan->dep_cnt; i++)
		start_with_deps(&s->group->services[s->plan->deps[i]], false);
}

static json_t *verb_start(struct group *g, const json_t *request, struct control_wait *wait)
{
	json_t *error = NULL;
	struct service *s;

	if (g->stopping)
		return control_error("nothing can be started: the group is stopping");
	if (!json_object_get(request, "service")) {
		for (unsigned i = 0; i < g->service_cnt; i++)
			start_with_deps(&g->services[i], false);
		*wait = (struct control_wait){true, ALL_SERVICES, 0, false, -1};
		group_go_on_soon(g);
		return NULL;
	}
	s = find(g, request, &error);
	if (!s)
		return error;
	*wait = (struct control_wait){true, (unsigned)(s - g->services),
				      s->incarnation + !svc_has_process(s->state), false, -1};
	start_with_deps(s, true);
	group_go_on_soon(g);
	return NULL;
}

static json_t *verb_events(struct group *g, const json_t *request, struct control_wait *wait)
{
	const json_t *after = json_object_get(request, "after");
	bool follow = json_is_true(json_object_get(request, "follow"));

	if (after && !json_is_integer(after))
		return control_error("\"after\" is the number of an event");
	if (follow && control_followers(g->control) >= CONTROL_FOLLOWER_MAX)
		return control_error("%d clients follow the events already", CONTROL_FOLLOWER_MAX);
	wait->follow = follow;
	return json_pack("{s:b, s:o}", "ok", 1, "events", events_kept(g->events, json_integer_value(after)));
}

static json_t *verb_upgrade(struct group *g, const json_t *request, struct control_wait *wait)
{
	const json_t *binary = json_object_get(request, "binary");
	struct fail fail;

	if (binary && !json_is_string(binary))
		return control_error("\"binary\" is the path of a program");
	if (upgrade_begin(g, json_string_value(binary), &fail))
		return control_error("%s", fail.text);
	*wait = (struct control_wait){true, UPGRADE, g->upgrade.cnt, false, -1};
	return NULL;
}

static json_t *verb_give_way(struct group *g, const json_t *request, struct control_wait *wait)
{
	if (!g->options->stand_in)
		return control_error("the supervisor of group '%s' is no guardian of an upgrade that stands in", g->plan->spec.name);
	g->gives_way = true;
	return json_pack("{s:b, s:i}", "ok", 1, "pid", (int)getpid());
}

// In the program that goes on the count is what it was: that the wait is there says that it was handed over.
static json_t *settle_upgrade(struct group *g, const struct control_wait *wait)
{
	if (g->upgrade.cnt > wait->incarnation && !g->upgrade.guard.pid)
		return control_error("%s", g->upgrade.why);
	if (upgrade_is_pending(g))
		return NULL;
	return json_pack("{s:b, s:i, s:s}", "ok", 1, "pid", (int)getpid(), "binary", upgrade_self());
}

static json_t *settle_all(struct group *g)
{
	for (unsigned i = 0; i < g->service_cnt; i++) {
		const struct service *s = &g->services[i];

		if (s->state == SVC_FAILED || g->stopping)
			return control_error("service '%s' did not become ready: it is %s", s->plan->name,
					     service_state_name(s));
		if (s->state != SVC_READY && s->state != SVC_DONE && !s->held && !s->reserved)
			return NULL;
	}
	return json_pack("{s:b, s:i}", "ok", 1, "pid", 0);
}

json_t *group_verb_settle(void *group, const struct control_wait *wait)
{
	struct group *g = group;
	struct service *s;

	if (wait->service == NO_SERVICE)
		return NULL; // the end of the connection says it
	if (wait->service == ALL_SERVICES)
		return settle_all(g);
	if (wait->service == UPGRADE)
		return settle_upgrade(g, wait);
	if (wait->service >= g->service_cnt)
		return control_error("that wait is not known");
	if (wait->incarnation == SCALE_WAIT)
		return scale_settle(g, wait->service);
	s = &g->services[wait->service];
	if (wait->incarnation == DOWN)
		return svc_is_down(s->state) ? json_pack("{s:b, s:i}", "ok", 1, "pid", 0) : NULL;
	if (s->state == SVC_READY && !s->repairing && s->incarnation >= wait->incarnation)
		return json_pack("{s:b, s:i}", "ok", 1, "pid", (int)s->pid);
	if (svc_is_down(s->state) || g->stopping)
		return control_error("service '%s' did not become ready: it is %s", s->plan->name,
				     service_state_name(s));
	return NULL;
}

static const struct verb {
	const char *name;
	json_t *(*f)(struct group *g, const json_t *request, struct control_wait *wait);
} verbs[] = {
	{"status", verb_status},   {"kill", verb_kill}, {"signal", verb_signal}, {"restart", verb_restart},
	{"start", verb_start},   {"stop", verb_stop}, {"events", verb_events},
	{"scale", verb_scale},
	{"upgrade", verb_upgrade},
	{"give-way", verb_give_way},
	{"inject", group_verb_inject},
	{"drain", group_verb_drain},
	{"dead-replay", group_verb_dead_replay},
	{"dead-drop", group_verb_dead_drop},
	{"repair", group_verb_repair},
};

json_t *group_verb(void *group, const json_t *request, struct control_wait *wait)
{
	const char *name = json_string_value(json_object_get(request, "verb"));
	char known[300] = "";
	size_t used = 0;

	for (unsigned i = 0; name && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].f(group, request, wait);
	if (!name)
		return control_error("the request names no verb");
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "", verbs[i].name);
	return control_error("no verb '%.32s'; known are: %s", name, known);
}
