#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/client.h"
#include "supervisor/command.h"
#include "supervisor/group.h"
#include "supervisor/picture.h"
#include "supervisor/say.h"
#include "supervisor/schema.h"

#define SET_MAX 256

enum option_flag {
	OPT_NAME = 1,
	OPT_SET = 2,
	OPT_REPORT = 4,
	OPT_VERBOSE = 8,
	OPT_JSON = 16,
	OPT_SIGNAL = 32,
	OPT_FOLLOW = 64,
	OPT_WORD = 128, // one more word may follow
	OPT_ADOPT = 256,
	OPT_AFTER = 512,
};

struct args {
	const char *words[3]; // what is no option
	int word_cnt;
	const char *name, *report;
	const char *sets[SET_MAX];
	unsigned set_cnt;
	bool verbose, json, follow, adopt;
	int signal;
	long long after;
	int argc; // all of the command line
	char **argv;
};

static int load(const struct args *a, struct plan **plan, struct fail *fail)
{
	struct topo *t;
	int rc;

	if (topo_load(&t, a->words[0], a->sets, a->set_cnt, fail))
		return -1;
	rc = plan_make(plan, t, a->name, fail);
	topo_free(t);
	return rc;
}

static enum sup_exit not_started(const struct fail *fail)
{
	say(NULL, "%s; nothing was started", fail->text);
	return fail->status;
}

static int wanted_loop(enum loop_kind *out, struct fail *fail)
{
	const char *want = getenv("SHMSUP_LOOP");

	*out = LOOP_ANY;
	if (!want || !*want)
		return 0;
	if (strcmp(want, "io_uring") == 0)
		*out = LOOP_IO_URING;
	else if (strcmp(want, "poll") == 0)
		*out = LOOP_POLL;
	else
		return fail_set(fail, SUP_USAGE, "SHMSUP_LOOP is '%s'; it can be io_uring or poll", want);
	return 0;
}

static enum sup_exit run_as(const struct args *a, enum group_adopt adopt)
{
	struct group_options options = {.report_file = a->report,
					.verbose = a->verbose,
					.adopt = adopt,
					.argc = a->argc,
					.argv = a->argv};
	struct plan *plan;
	struct fail fail;
	enum sup_exit status;

	if (wanted_loop(&options.loop, &fail) || load(a, &plan, &fail))
		return not_started(&fail);
	status = group_run(plan, &options);
	plan_free(plan);
	return status;
}

static enum sup_exit do_run(const struct args *a)
{
	return run_as(a, a->adopt ? GROUP_ADOPT_IF_ANY : GROUP_ADOPT_NEVER);
}

static enum sup_exit do_adopt(const struct args *a)
{
	return run_as(a, GROUP_ADOPT_ONLY);
}

// Asked by the supervisor of a running group whether it may go on as this program.
static enum sup_exit do_fits(const struct args *a)
{
	struct plan *plan;
	struct fail fail;
	enum sup_exit status;

	if (load(a, &plan, &fail)) {
		say(NULL, "%s", fail.text);
		return fail.status;
	}
	status = upgrade_fits(plan, a->report);
	plan_free(plan);
	return status;
}

// Started by the supervisor of a running group before it goes on as another program.
static enum sup_exit do_guard(const struct args *a)
{
	struct group_options options = {.report_file = a->report, .verbose = a->verbose, .argc = a->argc, .argv = a->argv};
	struct plan *plan;
	struct fail fail;
	enum sup_exit status;

	if (wanted_loop(&options.loop, &fail) || load(a, &plan, &fail)) {
		guard_refuse(&fail);
		return fail.status;
	}
	a->argv[1] = "run"; // what the program of a later upgrade is to do
	status = guard_run(plan, &options);
	plan_free(plan);
	return status;
}

static enum sup_exit do_upgrade(const struct args *a)
{
	return client_upgrade(a->words[0], a->words[1]);
}

static void say_mistake(void *cnt, const char *text)
{
	say(NULL, "%s", text);
	++*(unsigned *)cnt;
}

static void count_mistake(void *cnt, const char *text)
{
	++*(unsigned *)cnt;
}

// Who mends a file wants all of them at once.
static enum sup_exit say_mistakes(const struct args *a, const struct fail *first)
{
	unsigned cnt = 0, said = 0;

	topo_mistakes(a->words[0], a->sets, a->set_cnt, count_mistake, &cnt);
	if (cnt < 2)
		return not_started(first);
	topo_mistakes(a->words[0], a->sets, a->set_cnt, say_mistake, &said);
	say(NULL, "%s has %u mistakes; nothing was started", a->words[0], said);
	return first->status;
}

static enum sup_exit do_check(const struct args *a)
{
	struct launch launch;
	struct plan *plan;
	struct fail fail;
	int rc = load(a, &plan, &fail);

	for (unsigned i = 0; !rc && i < plan->spec.service_cnt; i++)
		rc = launch_prepare(&launch, plan, i, "", &plan->arena, &fail);
	if (rc)
		return say_mistakes(a, &fail);
	rc = picture_draw(stdout, plan, &fail);
	plan_free(plan);
	return rc ? not_started(&fail) : SUP_OK;
}

static enum sup_exit do_status(const struct args *a)
{
	return client_status(a->words[0], a->json);
}

static enum sup_exit do_kill(const struct args *a)
{
	return client_kill(a->words[0], a->words[1], a->signal);
}

static enum sup_exit do_restart(const struct args *a)
{
	return client_restart(a->words[0], a->words[1]);
}

static enum sup_exit do_start(const struct args *a)
{
	return client_start(a->words[0], a->words[1]);
}

static enum sup_exit do_stop(const struct args *a)
{
	return client_stop(a->words[0], a->words[1]);
}

static enum sup_exit do_signal(const struct args *a)
{
	int number = client_signal_number(a->words[2]);

	if (number)
		return client_kill(a->words[0], a->words[1], number);
	say(NULL, "signal: '%s' is not a signal; usage: shmsup signal GROUP SERVICE SIGNAL", a->words[2]);
	return SUP_USAGE;
}

static enum sup_exit do_scale(const struct args *a)
{
	return client_scale(a->words[0], a->words[1]);
}

static enum sup_exit do_logs(const struct args *a)
{
	return client_logs(a->words[0], a->words[1], a->follow);
}

static enum sup_exit do_events(const struct args *a)
{
	return client_events(a->words[0], a->after, a->follow, a->json);
}

static enum sup_exit do_help(const struct args *a);
static enum sup_exit do_manual(const struct args *a);
static enum sup_exit do_completion(const struct args *a);

static enum sup_exit do_schema(const struct args *a)
{
	json_t *o = schema_json();
	int rc = o ? json_dumpf(o, stdout, JSON_INDENT(2)) : -1;

	json_decref(o);
	if (!rc && puts("") >= 0)
		return SUP_OK;
	say(NULL, "can't write the schema: %s", o ? strerror(errno) : "no memory");
	return SUP_SYSTEM;
}

// What people have no use for.
static const struct command hidden[] = {
	{"fits", "TOPOLOGY [OPTION]...", "", 1,
	 OPT_NAME | OPT_SET | OPT_REPORT | OPT_VERBOSE | OPT_ADOPT, do_fits},
	{"guard", "TOPOLOGY [OPTION]...", "", 1,
	 OPT_NAME | OPT_SET | OPT_REPORT | OPT_VERBOSE | OPT_ADOPT, do_guard},
	{0},
};

static const struct command commands[] = {
	{"run", "TOPOLOGY [--name GROUP] [--set NAME=VALUE]... [--report FILE] [--verbose] [--adopt]",
	 "run the group of TOPOLOGY in the foreground until its job is complete; the report is one JSON "
	 "object.\n      With --adopt: if its supervisor was killed, go on where it was; its services have run on",
	 1, OPT_NAME | OPT_SET | OPT_REPORT | OPT_VERBOSE | OPT_ADOPT, do_run},
	{"adopt", "TOPOLOGY [--name GROUP] [--set NAME=VALUE]... [--report FILE] [--verbose]",
	 "the same as run --adopt, but refuse if there is nothing to adopt", 1,
	 OPT_NAME | OPT_SET | OPT_REPORT | OPT_VERBOSE, do_adopt},
	{"check", "TOPOLOGY [--name GROUP] [--set NAME=VALUE]...",
	 "say what is wrong with TOPOLOGY, or what it would start; changes nothing", 1, OPT_NAME | OPT_SET,
	 do_check},
	{"status", "[-j|--json] GROUP", "show the services of a running group", 1, OPT_JSON, do_status},
	{"kill", "GROUP SERVICE [--signal SIGNAL]", "send a signal to a service, SIGKILL if none is named", 2,
	 OPT_SIGNAL, do_kill},
	{"restart", "GROUP SERVICE", "end a service and start it again; returns when it is ready", 2, 0,
	 do_restart},
	{"start", "GROUP [SERVICE]",
	 "start a service that is stopped, done or failed, and what it depends on; without SERVICE all that are "
	 "stopped or failed; returns when they are ready",
	 1, OPT_WORD, do_start},
	{"stop", "GROUP [SERVICE]",
	 "stop a service, or without SERVICE the group; returns when its process, or all of the group, is gone", 1,
	 OPT_WORD, do_stop},
	{"signal", "GROUP SERVICE SIGNAL", "send a signal to a service", 3, 0, do_signal},
	{"events", "[-f|--follow] [-j|--json] [--after NUMBER] GROUP",
	 "show the last events of a running group: deaths, repairs, respawns, alerts; with -f also those to come, "
	 "until it ends. Their numbers go on when another supervisor takes the group over",
	 1, OPT_FOLLOW | OPT_JSON | OPT_AFTER, do_events},
	{"scale", "GROUP SERVICE=N",
	 "run N replicas of a service, at most the max_replicas of its topology; those that go do what is queued for them "
	 "alone first; returns when the others are ready and those gone",
	 2, 0, do_scale},
	{"logs", "[-f|--follow] GROUP [SERVICE]",
	 "show what SERVICE, or every service, has written to its log, where the topology has `logs`; with -f also what "
	 "comes, until the group ends",
	 1, OPT_FOLLOW | OPT_WORD, do_logs},
	{"upgrade", "GROUP [BINARY]",
	 "let the supervisor of a running group go on as another program, or as its own read anew: services, queues, "
	 "connections and its pid stay. A program that can't take the group over is refused, and the running one goes on; so it "
	 "does if the other fails (UPGRADE in shmsup(1))",
	 1, OPT_WORD, do_upgrade},
	{"schema", "", "print the JSON schema (draft 2020-12) of a topology, for editors", 0, 0, do_schema},
	{"manual", "[EXAMPLE]",
	 "print the manual page shmsup(1), or shmsup-topology(5) with the topology EXAMPLE in it", 0, OPT_WORD, do_manual},
	{"completion", "", "print the completion of bash", 0, 0, do_completion},
	{"help", "", "show this", 0, 0, do_help},
	{0},
};

static enum sup_exit do_help(const struct args *a)
{
	printf("shmsup starts a group of processes that talk through shared memory, and keeps it "
	       "going.\n\nusage:\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  shmsup %s %s\n      %s\n", c->name, c->synopsis, c->help);
	printf("\nenvironment:\n  SHMSUP_LOOP=io_uring|poll  how events are waited for; io_uring where it is "
	       "permitted\n"
	       "\nexit statuses:\n");
	exits_print(stdout);
	return SUP_OK;
}

static enum sup_exit do_manual(const struct args *a)
{
	if (!a->words[0]) {
		manual_page(commands);
		return SUP_OK;
	}
	if (manual_topology(a->words[0]) == SUP_OK)
		return SUP_OK;
	say(NULL, "manual: can't read %s: %s", a->words[0], strerror(errno));
	return SUP_USAGE;
}

static enum sup_exit do_completion(const struct args *a)
{
	manual_completion(commands);
	return SUP_OK;
}

static const struct option long_options[] = {
	{"name", required_argument, NULL, OPT_NAME},
	{"set", required_argument, NULL, OPT_SET},
	{"report", required_argument, NULL, OPT_REPORT},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"adopt", no_argument, NULL, OPT_ADOPT},
	{"json", no_argument, NULL, OPT_JSON},
	{"follow", no_argument, NULL, OPT_FOLLOW},
	{"signal", required_argument, NULL, OPT_SIGNAL},
	{"after", required_argument, NULL, OPT_AFTER},
	{0},
};

static enum sup_exit usage(const struct command *c, const char *fmt, const char *word)
{
	char text[300];

	snprintf(text, sizeof(text), fmt, word); // fmt is always a literal of parse's
	if (c)
		say(NULL, "%s: %s; usage: shmsup %s %s", c->name, text, c->name, c->synopsis);
	else
		say(NULL, "%s; `shmsup help` shows what there is", text);
	return SUP_USAGE;
}

static enum sup_exit take_option(const struct command *c, struct args *a, int opt)
{
	const char *word = "";
	char *end;

	if (opt == 'j')
		opt = OPT_JSON;
	if (opt == 'v')
		opt = OPT_VERBOSE;
	if (opt == 'f')
		opt = OPT_FOLLOW;
	for (const struct option *o = long_options; o->name; o++)
		if (o->val == opt)
			word = o->name;
	if (!(c->options & (unsigned)opt))
		return usage(c, "it has no option --%s", word);
	switch (opt) {
	case OPT_NAME:
		if (a->name)
			return usage(c, "--name is given twice%.0s", word);
		a->name = optarg;
		break;
	case OPT_SET:
		if (a->set_cnt == SET_MAX)
			return usage(c, "more than 256 --set%.0s", word);
		a->sets[a->set_cnt++] = optarg;
		break;
	case OPT_REPORT:
		if (a->report)
			return usage(c, "--report is given twice%.0s", word);
		a->report = optarg;
		break;
	case OPT_VERBOSE:
		a->verbose = true;
		break;
	case OPT_ADOPT:
		a->adopt = true;
		break;
	case OPT_JSON:
		a->json = true;
		break;
	case OPT_FOLLOW:
		a->follow = true;
		break;
	case OPT_AFTER:
		a->after = strtoll(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end)
			return usage(c, "'%s' is not the number of an event", optarg);
		break;
	case OPT_SIGNAL:
		a->signal = client_signal_number(optarg);
		if (!a->signal)
			return usage(c, "'%s' is not a signal", optarg);
		break;
	}
	return SUP_OK;
}

static enum sup_exit parse(const struct command *c, int argc, char **argv, struct args *a)
{
	enum sup_exit status = SUP_OK;
	int opt;

	opterr = 0;
	while (status == SUP_OK) {
		int at = optind;

		opt = getopt_long(argc, argv, ":fjv", long_options, NULL);
		if (opt == -1)
			break;
		if (opt == ':')
			return usage(c, "%s needs a value", argv[optind - 1]);
		if (opt == '?')
			return usage(c, "unknown option %s", argv[at < optind ? optind - 1 : at]);
		status = take_option(c, a, opt);
	}
	for (; status == SUP_OK && optind < argc; optind++) {
		if (a->word_cnt == c->words + !!(c->options & OPT_WORD))
			return usage(c, "'%s' is one word too many", argv[optind]);
		a->words[a->word_cnt++] = argv[optind];
	}
	if (status == SUP_OK && a->word_cnt < c->words)
		return usage(c, "something is missing%.0s", "");
	return status;
}

static const struct command *find(const struct command *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0)
		table++;
	return table->name ? table : NULL;
}

int main(int argc, char **argv)
{
	struct args a = {.signal = 9, .argc = argc, .argv = argv};
	const char *word = argc > 1 ? argv[1] : NULL;
	const struct command *c;
	enum sup_exit status;

	upgrade_self();
	if (!word)
		return usage(NULL, "no command%.0s", "");
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return do_help(&a);
	c = find(commands, word);
	c = c ? c : find(hidden, word);
	if (c) {
		status = parse(c, argc - 1, argv + 1, &a);
		return status != SUP_OK ? status : c->run(&a);
	}
	return usage(NULL, "unknown command '%s'", word);
}
