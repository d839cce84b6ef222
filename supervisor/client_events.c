// `shmsup events`.
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "supervisor/client.h"
#include "supervisor/link.h"

static void print_value(const char *key, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		printf(strcmp(key, "how") == 0 ? "; %.0s%s" : " %s=%s", key, json_string_value(value));
	} else if (json_is_real(value)) {
		printf(" %s=%.1f", key, json_real_value(value));
	} else {
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		printf(" %s=%s", key, text ? text : "");
		free(text);
	}
}

// Counts of a recovery that are 0 say nothing.
static bool is_worth_telling(const char *event, const char *key, const json_t *value)
{
	static const char *const shown[] = {"seq", "time", "event", "service", "signal", "exit_status"};

	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (strcmp(key, shown[i]) == 0)
			return false;
	return strcmp(event, "recovery") != 0 ||
	       !(json_is_false(value) || (json_is_integer(value) && !json_integer_value(value)));
}

static void print_event(json_t *o)
{
	const char *event = json_string_value(json_object_get(o, "event")), *key;
	const char *service = json_string_value(json_object_get(o, "service"));
	double at = json_real_value(json_object_get(o, "time"));
	time_t seconds = (time_t)at;
	char when[32];
	struct tm tm;
	json_t *value;

	strftime(when, sizeof(when), "%F %T", localtime_r(&seconds, &tm));
	printf("%s.%03d %-9s%s%s", when, (int)((at - (double)seconds) * 1e3), event ? event : "?",
	       service ? " " : "", service ? service : "");
	json_object_foreach(o, key, value)
	{
		if (is_worth_telling(event ? event : "", key, value))
			print_value(key, value);
	}
	putchar('\n');
}

static void print(json_t *o, bool json)
{
	char *text;

	if (json) {
		text = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(16));
		puts(text ? text : "null");
		free(text);
	} else {
		print_event(o);
	}
	fflush(stdout);
}

static bool is_end(const json_t *o)
{
	const char *state = json_string_value(json_object_get(o, "state"));

	return state && strcmp(state, "ended") == 0;
}

static int follow_on(struct link *l, bool json)
{
	bool ended = false;
	json_t *o;

	for (;;) {
		if (link_read(l, &o)) {
			json_decref(o);
			return -1;
		}
		if (!o)
			break;
		print(o, json);
		ended = is_end(o);
		json_decref(o);
		if (ferror(stdout))
			return 0;
	}
	if (ended)
		return 0;
	return fail_set(&l->fail, SUP_UNREACHABLE,
			"the supervisor of group '%s' is dead, or dropped this client because it reads too slowly",
			l->group);
}

enum sup_exit client_events(const char *group, long long after, bool follow, bool json)
{
	json_t *reply = NULL, *o;
	struct link l;
	size_t i;
	int rc;

	if (link_open(&l, group, false))
		return link_failed(&l);
	rc = link_send(&l, json_pack("{s:s, s:b, s:I}", "verb", "events", "follow", follow, "after",
				      (json_int_t)after)) ||
	     link_read(&l, &reply) || link_check(&l, reply);
	json_array_foreach(json_object_get(reply, "events"), i, o)
	{
		print(o, json);
	}
	if (!rc && follow)
		rc = follow_on(&l, json);
	json_decref(reply);
	link_close(&l);
	return rc ? link_failed(&l) : SUP_OK;
}
