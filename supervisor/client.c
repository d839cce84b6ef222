#include "supervisor/client.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "supervisor/link.h"
#include "supervisor/rundir.h"
#include "supervisor/say.h"
#include "supervisor/stale.h"

#define STOP_GRACE_MS 5000 // of services without a supervisor, from SIGTERM to SIGKILL

static void print_alerts(const json_t *status)
{
	const json_t *alert;
	size_t i;

	json_array_foreach(json_object_get(status, "alerts"), i, alert)
	{
		printf("alert: channel %s holds %lld messages, its alert depth is %lld\n",
		       json_string_value(json_object_get(alert, "channel")),
		       (long long)json_integer_value(json_object_get(alert, "depth")),
		       (long long)json_integer_value(json_object_get(alert, "limit")));
	}
}

static void print_parked(const json_t *status)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(status, "parked"), i, o)
	{
		printf("parked: message %lld of channel %s, type %lld, correlation %lld: %zu incarnations of %s died with it; "
		       "dead letter %lld\n",
		       (long long)json_integer_value(json_object_get(o, "pos")),
		       json_string_value(json_object_get(o, "channel")),
		       (long long)json_integer_value(json_object_get(o, "type")),
		       (long long)json_integer_value(json_object_get(o, "corr")),
		       json_array_size(json_object_get(o, "incarnations")),
		       json_string_value(json_object_get(o, "service")),
		       (long long)json_integer_value(json_object_get(o, "letter")));
	}
}

static void spare_text(const json_t *spare, char *out, size_t size)
{
	out[0] = 0;
	if (spare)
		snprintf(out, size, "; spare %lld%s", (long long)json_integer_value(json_object_get(spare, "pid")),
			 json_is_true(json_object_get(spare, "waits")) ? "" : " starts");
}

static void print_table(const json_t *status)
{
	const json_t *s, *services = json_object_get(status, "services");
	int width = 7;
	size_t i;

	json_array_foreach(services, i, s)
	{
		int len = (int)json_string_length(json_object_get(s, "name"));

		width = len > width ? len : width;
	}
	printf("group %s, supervisor pid %lld, %s\n", json_string_value(json_object_get(status, "group")),
	       (long long)json_integer_value(json_object_get(status, "supervisor_pid")),
	       json_string_value(json_object_get(status, "state")));
	printf("%-*s %8s %11s %-10s %9s %8s %6s %6s  %s\n", width, "service", "pid", "incarnation", "state", "since",
	       "restarts", "in", "out", "last exit");
	json_array_foreach(services, i, s)
	{
		const char *last = json_string_value(json_object_get(s, "last"));
		const char *said = json_string_value(json_object_get(s, "status"));
		const json_t *waits = json_object_get(s, "waits_for");
		char pid[24] = "-", spare[48];

		if (json_integer_value(json_object_get(s, "pid")))
			snprintf(pid, sizeof(pid), "%lld",
				 (long long)json_integer_value(json_object_get(s, "pid")));
		spare_text(json_object_get(s, "spare"), spare, sizeof(spare));
		printf("%-*s %8s %11lld %-10s %7.1f s %8lld %6lld %6lld  %s%s%s%s", width,
		       json_string_value(json_object_get(s, "name")), pid,
		       (long long)json_integer_value(json_object_get(s, "incarnation")),
		       json_string_value(json_object_get(s, "state")),
		       json_real_value(json_object_get(s, "seconds")),
		       (long long)json_integer_value(json_object_get(s, "respawns")),
		       (long long)json_integer_value(json_object_get(s, "depth_in")),
		       (long long)json_integer_value(json_object_get(s, "depth_out")), last ? last : "-", spare,
		       said ? "; says: " : "", said ? said : "");
		if (waits)
			printf("; its repair waits for %s (pid %lld), which holds a lock of channel %s",
			       json_string_value(json_object_get(waits, "holder")),
			       (long long)json_integer_value(json_object_get(waits, "pid")),
			       json_string_value(json_object_get(waits, "channel")));
		putchar('\n');
	}
}

enum sup_exit client_status(const char *group, bool json)
{
	json_t *reply, *status;
	struct link l;
	char *text;

	if (link_ask(&l, group, json_pack("{s:s}", "verb", "status"), true, &reply)) {
		json_decref(reply);
		return link_failed(&l);
	}
	status = json_object_get(reply, "status");
	if (json) {
		text = json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(9));
		puts(text ? text : "null");
		free(text);
	} else {
		print_table(status);
		print_alerts(status);
		print_parked(status);
	}
	json_decref(reply);
	return SUP_OK;
}

static enum sup_exit act(const char *group, json_t *request, bool has_limit, const char *said,
			 const char *service)
{
	struct link l;
	json_t *reply;
	int rc = link_ask(&l, group, request, has_limit, &reply);

	long long pid = json_integer_value(json_object_get(reply, "pid"));

	if (!rc)
		printf("%s%s%s %s", group, service ? ": " : "", service ? service : ": all", said);
	if (!rc && pid)
		printf(", pid %lld", pid);
	if (!rc)
		putchar('\n');
	json_decref(reply);
	return rc ? link_failed(&l) : SUP_OK;
}

enum sup_exit client_kill(const char *group, const char *service, int signal)
{
	char said[32];
	const char *name = sigabbrev_np(signal);

	snprintf(said, sizeof(said), name ? "got SIG%s" : "got signal %.0s%d", name ? name : "", signal);
	return act(group, json_pack("{s:s, s:s, s:i}", "verb", "kill", "service", service, "signal", signal),
		   true, said, service);
}

enum sup_exit client_restart(const char *group, const char *service)
{
	return act(group, json_pack("{s:s, s:s}", "verb", "restart", "service", service), false, "restarted",
		   service);
}

enum sup_exit client_start(const char *group, const char *service)
{
	return act(group, service ? json_pack("{s:s, s:s}", "verb", "start", "service", service)
				  : json_pack("{s:s}", "verb", "start"),
		   false, "started", service);
}

enum sup_exit client_upgrade(const char *group, const char *binary)
{
	char folder[PATH_MAX] = "", path[2 * PATH_MAX];
	json_t *request = json_pack("{s:s}", "verb", "upgrade"), *reply;
	struct link l;
	int rc;

	// The supervisor has a working directory of its own.
	if (binary && binary[0] != '/' && getcwd(folder, sizeof(folder) - 1))
		strcat(folder, "/");
	snprintf(path, sizeof(path), "%s%s", folder, binary ? binary : "");
	if (binary)
		json_object_set_new(request, "binary", json_string(path));
	rc = link_ask(&l, group, request, false, &reply);
	if (!rc)
		printf("%s: upgraded to %s, supervisor pid %lld\n", group,
		       json_string_value(json_object_get(reply, "binary")),
		       (long long)json_integer_value(json_object_get(reply, "pid")));
	json_decref(reply);
	return rc ? link_failed(&l) : SUP_OK;
}

enum sup_exit client_scale(const char *group, const char *what)
{
	size_t len = strcspn(what, "=");
	char *end = NULL, said[64];
	json_t *reply;
	struct link l;
	long n = what[len] ? strtol(what + len + 1, &end, 10) : 0;
	int rc;

	if (!len || n < 1 || *end) {
		fail_set(&l.fail, SUP_USAGE, "scale: '%s' is not of the form SERVICE=NUMBER, as in worker=4", what);
		return link_failed(&l);
	}
	rc = link_ask(&l, group,
		      json_pack("{s:s, s:s%, s:I}", "verb", "scale", "service", what, len, "replicas", (json_int_t)n),
		      false, &reply);
	snprintf(said, sizeof(said), "%ld replica%s", n, n > 1 ? "s" : "");
	if (!rc)
		printf("%s: %.*s has %s\n", group, (int)len, what, said);
	json_decref(reply);
	return rc ? link_failed(&l) : SUP_OK;
}

// Its supervisor was killed: what it left is ended here.
static enum sup_exit stop_left(const struct link *l)
{
	struct stale_found found = {0};
	struct fail fail;

	if (stale_stop(l->group, STOP_GRACE_MS, &found, &fail)) {
		say(NULL, "%s", fail.text);
		return fail.status;
	}
	if (!found.segments && !found.orphans && !found.files && l->fail.text[0])
		return link_failed(l);
	printf("%s: stopped; its supervisor was dead: %u processes ended, %u segments removed\n", l->group,
	       found.orphans, found.segments);
	return SUP_OK;
}

// The end of the connection says that all is gone, unless the supervisor was killed: before or while it stopped the group.
static bool is_left(const char *group)
{
	char path[RUNDIR_PATH_MAX];
	struct fail fail;

	return rundir_socket(path, group, "state", &fail) == 0 && access(path, F_OK) == 0;
}

enum sup_exit client_stop(const char *group, const char *service)
{
	struct link l;
	json_t *reply = NULL;
	int rc;

	if (service)
		return act(group, json_pack("{s:s, s:s}", "verb", "stop", "service", service), false, "stopped",
			   service);
	if (link_open(&l, group, false))
		return l.fail.status == SUP_UNREACHABLE || l.fail.status == SUP_NO_GROUP ? stop_left(&l)
											  : link_failed(&l);
	rc = link_send(&l, json_pack("{s:s}", "verb", "stop")) || link_read(&l, &reply) ||
	     (reply && link_check(&l, reply));
	link_close(&l);
	json_decref(reply);
	if (rc)
		return link_failed(&l);
	if (!reply && is_left(group))
		return stop_left(&l);
	printf("%s: stopped\n", group);
	return SUP_OK;
}

int client_signal_number(const char *name)
{
	char *end;
	long n = strtol(name, &end, 10);

	if (*name && !*end)
		return n > 0 && n < NSIG ? (int)n : 0;
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), name) == 0)
			return i;
	return 0;
}
