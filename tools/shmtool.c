#include "tools/shmtool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "shmchan/broker.h"

struct names {
	char text[512];
	unsigned cnt;
	char first[SHMCHAN_NAME_MAX];
};

static void add_name(void *ctx, const char *name)
{
	struct names *n = ctx;
	size_t len = strlen(n->text);
	if (n->cnt++ == 0)
		snprintf(n->first, sizeof n->first, "%s", name);
	snprintf(n->text + len, sizeof n->text - len, "%s%s", len != 0 ? ", " : "", name);
}

static int open_failed(const struct cli *cli, const char *group, int code, const struct shmchan_why *why)
{
	struct names names = {0};
	switch (code) {
	case SHMCHAN_ENOENT:
		shmchan_view_groups(add_name, &names);
		if (names.cnt == 0)
			return cli_fail(cli, EXIT_NO_GROUP, "no group '%s': no group runs", group);
		return cli_fail(cli, EXIT_NO_GROUP, "no group '%s'; there are: %s", group, names.text);
	case SHMCHAN_EINVAL:
		return cli_fail(cli, EXIT_NO_GROUP,
				"'%s' is not the name of a group: [a-z0-9_.-], at most %d", group,
				SHMCHAN_NAME_MAX - 1);
	case SHMCHAN_ENOMEM:
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	}
	return cli_fail(cli, EXIT_UNREADABLE, "cannot read group '%s': %s%s", group,
			why->text[0] != '\0' ? why->text : shmchan_strerror(code),
			why->sys_errno == EACCES ? "; run as the owner of the group or as root" : "");
}

int shmtool_open(const struct cli *cli, struct shmchan_view **out)
{
	struct shmchan_why why = {0};
	struct names names = {0};
	const char *group = cli->group;
	int code;

	if (group == NULL) {
		code = shmchan_view_groups(add_name, &names);
		if (code < 0)
			return cli_fail(cli, EXIT_UNREADABLE, "cannot list groups: %s",
					shmchan_strerror(code));
		if (names.cnt == 0)
			return cli_fail(cli, EXIT_NO_GROUP, "no group runs");
		if (names.cnt > 1)
			return cli_fail(cli, EXIT_NO_GROUP, "several groups run, name one of: %s",
					names.text);
		group = names.first;
	}
	code = shmchan_view_open(out, group, &why);
	return code == 0 ? EXIT_OK : open_failed(cli, group, code, &why);
}

int shmtool_rows(const struct cli *cli, bool record,
		 int (*fill)(const struct cli *cli, const struct shmchan_view *v, struct table *t))
{
	struct shmchan_view *v;
	int status, filled;
	struct table *t = cli_table(cli, &status);

	if (t == NULL)
		return status;
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK) {
		table_free(t);
		return status;
	}
	filled = fill(cli, v, t);
	shmchan_view_close(v);
	if (filled != EXIT_OK && (filled != EXIT_UNREADABLE || table_rows(t) == 0)) {
		table_free(t);
		return filled;
	}
	status = cli_print(cli, t, record);
	return status != EXIT_OK ? status : filled;
}

// What can be found by name: reads name i into `name`, or returns false if there is no such object.
typedef bool (*namer)(const struct shmchan_view *v, unsigned i, char *name);

static bool chan_name(const struct shmchan_view *v, unsigned i, char *name)
{
	struct shmchan_view_chan c;
	int code = shmchan_view_chan(v, i, &c);
	snprintf(name, SHMCHAN_NAME_MAX, "%s", c.name);
	return code != SHMCHAN_ENOENT;
}

static bool proc_name(const struct shmchan_view *v, unsigned i, char *name)
{
	struct shmchan_view_proc p;
	int code = shmchan_view_proc(v, i, &p);
	if (code == 0)
		snprintf(name, SHMCHAN_NAME_MAX, "%s", p.name);
	return code == 0;
}

static bool pool_name(const struct shmchan_view *v, unsigned i, char *name)
{
	struct shmchan_view_pool p;
	int code = shmchan_view_pool(v, i, &p);
	snprintf(name, SHMCHAN_NAME_MAX, "%s", p.name);
	return code != SHMCHAN_ENOENT;
}

static int find(const struct cli *cli, const struct shmchan_view *v, const char *what, namer name_of,
		const char *name, unsigned *out)
{
	char found[SHMCHAN_NAME_MAX];
	struct shmchan_view_group g;
	struct names names = {0};

	for (*out = 0; name_of(v, *out, found); ++*out) {
		if (strcmp(found, name) == 0)
			return EXIT_OK;
		add_name(&names, found);
	}
	shmchan_view_group(v, &g);
	return cli_fail(cli, EXIT_NO_OBJECT, "no %s '%s' in group '%s'; there are: %s", what, name, g.name,
			names.cnt != 0 ? names.text : "none");
}

int shmtool_chan(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out)
{
	return find(cli, v, "channel", chan_name, name, out);
}

int shmtool_proc(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out)
{
	return find(cli, v, "service", proc_name, name, out);
}

int shmtool_pool(const struct cli *cli, const struct shmchan_view *v, const char *name, unsigned *out)
{
	return find(cli, v, "pool", pool_name, name, out);
}

const char *shmtool_service(const struct shmchan_view *v, unsigned slot, char *buf)
{
	if (slot == 0 || !proc_name(v, slot - 1, buf))
		snprintf(buf, SHMCHAN_NAME_MAX, "%s", slot == 0 ? SHMCHAN_BROKER_NAME : "unknown");
	return buf;
}

char *shmtool_hex(const unsigned char *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * n + 1);
	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	text[2 * n] = '\0';
	return text;
}

int shmtool_unreadable(const struct cli *cli, const char *object, int code)
{
	return cli_fail(cli, EXIT_UNREADABLE, "cannot read %s: %s", object, shmchan_strerror(code));
}

const char *shmtool_on_crash(enum shmchan_on_crash on_crash)
{
	switch (on_crash) {
	case SHMCHAN_DEAD_LETTER:
		return "dead-letter";
	case SHMCHAN_DROP:
		return "drop";
	case SHMCHAN_REDELIVER:
		return "redeliver";
	}
	return "unknown";
}

const char *shmtool_proc_state(enum shmchan_proc_state state)
{
	switch (state) {
	case SHMCHAN_PROC_FREE:
		return "free";
	case SHMCHAN_PROC_ANNOUNCED:
		return "announced";
	case SHMCHAN_PROC_RUNNING:
		return "running";
	case SHMCHAN_PROC_DEAD:
		return "dead";
	}
	return "unknown";
}

int shmtool_run(const struct cli *cli)
{
	return cli->schema ? shmtool_schema(cli) : cli->verb->run(cli);
}

const struct object shmtool_objects[] = {
	{"group", "running sets of processes with their channels", group_verbs},
	{"service", "the processes of a group", service_verbs},
	{"chan", "channels: bounded queues between services", chan_verbs},
	{"pool", "blocks for large messages", pool_verbs},
	{"dead", "messages that were in flight when their receiver died", dead_verbs},
	{"probe", "histograms by BPF programs attached to the services", probe_verbs},
	{"check", "invariants of all objects of a group", check_verbs},
	{"why", "the cause of a full or growing channel", why_verbs},
	{"top", "channels and services as they go, on a full screen", top_verbs},
	{"graph", "the group as a picture", graph_verbs},
	{"metrics", "counts for a monitoring system", metrics_verbs},
	{"batch", "many commands at once", batch_verbs},
	{"schema", "what the commands print with -j", schema_verbs},
	{"version", "what this program was built with", version_verbs},
	{"manual", "the manual page", manual_verbs},
	{"completion", "completion for bash", completion_verbs},
	{NULL, NULL, NULL},
};
