#include "supervisor/client.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "supervisor/control.h"
#include "supervisor/plan.h"
#include "supervisor/rundir.h"
#include "supervisor/say.h"

#define ANSWER_SECONDS 10

struct link {
	const char *group;
	int fd;
	struct fail fail;
};

static enum sup_exit failed(const struct fail *fail)
{
	say(NULL, "%s", fail->text);
	return fail->status;
}

// has_limit: a supervisor that does not answer within ANSWER_SECONDS is taken for dead.
static int link_open(struct link *l, const char *group, bool has_limit)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit = {ANSWER_SECONDS, 0};
	const char *error = plan_name_error(group);

	l->group = group;
	if (error)
		return fail_set(&l->fail, SUP_USAGE, "'%s' can't be the name of a group: %s", group, error);
	if (rundir_socket(addr.sun_path, group, "sock", &l->fail))
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail_set(&l->fail, SUP_SYSTEM, "can't make a socket: %s", strerror(errno));
	if (has_limit)
		setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(l->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno == ENOENT)
		fail_set(&l->fail, SUP_NO_GROUP, "there is no group '%s' (no socket %s)", group,
			 addr.sun_path);
	else if (errno == ECONNREFUSED)
		fail_set(&l->fail, SUP_UNREACHABLE,
			 "the supervisor of group '%s' is dead; `shmsup run` cleans up after it", group);
	else
		fail_set(&l->fail, SUP_UNREACHABLE, "can't reach the supervisor of group '%s' at %s: %s",
			 group, addr.sun_path, strerror(errno));
	close(l->fd);
	return -1;
}

static int send_request(struct link *l, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT), *line = NULL;
	int len = text ? asprintf(&line, "%s\n", text) : -1;
	ssize_t sent = -1;

	json_decref(request);
	free(text);
	if (len > CONTROL_REQUEST_MAX)
		errno = EMSGSIZE;
	else if (len > 0)
		sent = send(l->fd, line, (size_t)len, MSG_NOSIGNAL);
	free(line);
	return sent == len && len > 0
		       ? 0
		       : fail_set(&l->fail, SUP_UNREACHABLE, "can't send to the supervisor of group '%s': %s",
				  l->group, strerror(errno));
}

// One line of reply; *out is NULL at the end of the connection.
static int read_reply(struct link *l, json_t **out)
{
	char *buf = malloc(CONTROL_OUTPUT_MAX);
	size_t len = 0;
	ssize_t n = 0;

	*out = NULL;
	if (!buf)
		return fail_set(&l->fail, SUP_SYSTEM, "no memory");
	while (len < CONTROL_OUTPUT_MAX && !(len && buf[len - 1] == '\n')) {
		n = recv(l->fd, buf + len, CONTROL_OUTPUT_MAX - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (len)
		*out = json_loadb(buf, len, 0, NULL);
	free(buf);
	if (n < 0 && errno != ECONNRESET)
		return fail_set(&l->fail, SUP_UNREACHABLE, "the supervisor of group '%s' does not answer: %s",
				l->group, errno == EAGAIN ? "it was given 10 s" : strerror(errno));
	if (len && !json_is_object(*out))
		return fail_set(&l->fail, SUP_UNREACHABLE,
				"the supervisor of group '%s' answers in a way this shmsup does not know",
				l->group);
	return 0;
}

static int check_reply(struct link *l, const json_t *reply)
{
	const char *error;

	if (!reply)
		return fail_set(&l->fail, SUP_UNREACHABLE,
				"the supervisor of group '%s' is dead, or ended before it answered",
				l->group);
	if (json_is_true(json_object_get(reply, "ok")))
		return 0;
	error = json_string_value(json_object_get(reply, "error"));
	return fail_set(&l->fail, SUP_REFUSED, "%s", error ? error : "refused, without a reason");
}

// Sends the request (and gives it up), reads the reply into *out.
static int ask(struct link *l, const char *group, json_t *request, bool has_limit, json_t **out)
{
	int rc;

	*out = NULL;
	if (link_open(l, group, has_limit)) {
		json_decref(request);
		return -1;
	}
	rc = send_request(l, request) || read_reply(l, out) || check_reply(l, *out) ? -1 : 0;
	close(l->fd);
	return rc;
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
	printf("%-*s %8s %11s %-10s %9s %8s  %s\n", width, "service", "pid", "incarnation", "state", "since",
	       "respawns", "last");
	json_array_foreach(services, i, s)
	{
		const char *last = json_string_value(json_object_get(s, "last"));
		const char *said = json_string_value(json_object_get(s, "status"));
		char pid[24] = "-";

		if (json_integer_value(json_object_get(s, "pid")))
			snprintf(pid, sizeof(pid), "%lld",
				 (long long)json_integer_value(json_object_get(s, "pid")));
		printf("%-*s %8s %11lld %-10s %7.1f s %8lld  %s%s%s\n", width,
		       json_string_value(json_object_get(s, "name")), pid,
		       (long long)json_integer_value(json_object_get(s, "incarnation")),
		       json_string_value(json_object_get(s, "state")),
		       json_real_value(json_object_get(s, "seconds")),
		       (long long)json_integer_value(json_object_get(s, "respawns")), last ? last : "-",
		       said ? "; says: " : "", said ? said : "");
	}
}

enum sup_exit client_status(const char *group, bool json)
{
	json_t *reply, *status;
	struct link l;
	char *text;

	if (ask(&l, group, json_pack("{s:s}", "verb", "status"), true, &reply)) {
		json_decref(reply);
		return failed(&l.fail);
	}
	status = json_object_get(reply, "status");
	if (json) {
		text = json_dumps(status, JSON_COMPACT | JSON_REAL_PRECISION(9));
		puts(text ? text : "null");
		free(text);
	} else {
		print_table(status);
	}
	json_decref(reply);
	return SUP_OK;
}

static enum sup_exit act(const char *group, json_t *request, bool has_limit, const char *said,
			 const char *service)
{
	struct link l;
	json_t *reply;
	int rc = ask(&l, group, request, has_limit, &reply);

	if (!rc)
		printf("%s: %s %s, pid %lld\n", group, service, said,
		       (long long)json_integer_value(json_object_get(reply, "pid")));
	json_decref(reply);
	return rc ? failed(&l.fail) : SUP_OK;
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

enum sup_exit client_stop(const char *group)
{
	struct link l;
	json_t *reply = NULL;
	int rc;

	if (link_open(&l, group, false))
		return failed(&l.fail);
	rc = send_request(&l, json_pack("{s:s}", "verb", "stop")) || read_reply(&l, &reply) ||
	     (reply && check_reply(&l, reply));
	close(l.fd);
	json_decref(reply);
	if (rc)
		return failed(&l.fail);
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
