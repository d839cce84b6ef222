#include "supervisor/events.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "supervisor/keep.h"

_Static_assert(EVENTS_KEPT == KEEP_EVENT_CNT, "an adopter has as many");

struct events {
	struct control *to;
	struct keep *keep;
	json_int_t seq; // of the last one
	bool telling;   // of followers that were dropped
	char *lines[EVENTS_KEPT]; // number n stands at n % EVENTS_KEPT
};

struct events *events_new(void)
{
	return calloc(1, sizeof(struct events));
}

void events_delete(struct events *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < EVENTS_KEPT; i++)
		free(e->lines[i]);
	free(e);
}

void events_to(struct events *e, struct control *c)
{
	e->to = c;
}

void events_keep(struct events *e, struct keep *k)
{
	json_int_t last = (json_int_t)keep_last_event(k);
	char line[KEEP_EVENT_MAX];

	for (json_int_t n = last > EVENTS_KEPT ? last - EVENTS_KEPT + 1 : 1; n <= last; n++) {
		char **at = &e->lines[n % EVENTS_KEPT];

		free(*at);
		*at = keep_get_event(k, (uint64_t)n, line) ? strdup(line) : NULL;
	}
	e->seq = last > e->seq ? last : e->seq;
	e->keep = k;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)(t.tv_nsec / 1000) / 1e6;
}

// The event's line without its '\n'; NULL without memory.
static char *line_of(json_int_t seq, const char *event, json_t *keys)
{
	json_t *o = json_pack("{s:I, s:f, s:s}", "seq", seq, "time", now(), "event", event);
	char *line = NULL;

	if (o && keys && json_object_update(o, keys) == 0)
		line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(16));
	json_decref(o);
	json_decref(keys);
	return line;
}

static unsigned publish(struct events *e, const char *line)
{
	size_t len = strlen(line);
	unsigned dropped;
	char *text;

	if (!e->to || !control_followers(e->to))
		return 0;
	text = malloc(len + 1);
	if (!text)
		return 0;
	memcpy(text, line, len);
	text[len] = '\n';
	dropped = control_publish(e->to, text, len + 1);
	free(text);
	return dropped;
}

void events_put(struct events *e, const char *event, json_t *keys)
{
	char *line = line_of(e ? e->seq + 1 : 0, event, keys), **at;
	unsigned dropped;

	if (!e || !line) {
		free(line);
		return;
	}
	at = &e->lines[++e->seq % EVENTS_KEPT];
	free(*at);
	*at = line;
	keep_put_event(e->keep, (uint64_t)e->seq, line, strlen(line)); // before anybody sees its number
	dropped = publish(e, line);
	if (dropped && !e->telling) {
		e->telling = true;
		events_put(e, "dropped", json_pack("{s:i}", "followers", (int)dropped));
		e->telling = false;
	}
}

json_t *events_kept(const struct events *e, json_int_t after)
{
	json_int_t from = e->seq > EVENTS_KEPT ? e->seq - EVENTS_KEPT : 0;
	json_t *list = json_array();

	from = after > from ? after : from;
	for (json_int_t n = from < e->seq ? from + 1 : e->seq + 1; n <= e->seq; n++) {
		const char *line = e->lines[n % EVENTS_KEPT];
		json_t *o = line ? json_loads(line, 0, NULL) : NULL;

		if (o)
			json_array_append_new(list, o);
	}
	return list;
}
