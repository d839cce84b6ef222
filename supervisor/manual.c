// The manual pages and the completion of bash, made from the tables that the programs work on.
#include <getopt.h>
#include <string.h>
#include <stdio.h>
#include "supervisor/command.h"
#include "supervisor/exits.h"
#include "supervisor/filter.h"
#include "supervisor/guard.h"
#include "supervisor/topology_form.h"
#include "supervisor/topology_keys.h"

// Text as troff takes it: a minus is a minus, and no line begins with a request.
static void character(const char *text, bool begin)
{
	if (begin && (*text == '.' || *text == '\''))
		fputs("\\&", stdout);
	if (*text == '-')
		fputs("\\-", stdout);
	else if (*text == '\\')
		fputs("\\e", stdout);
	else
		putchar(*text);
}

static void roff(const char *text)
{
	for (const char *c = text; *c; c++)
		character(c, c == text || c[-1] == '\n');
}

// Prose: each sentence begins a line, and lines are short.
static void line(const char *text)
{
	unsigned column = 0;

	for (const char *c = text; *c; c++) {
		bool sentence = c > text && (c[-1] == '.' || c[-1] == ';') && (c < text + 2 || c[-2] != '.');

		if (*c == ' ' && (sentence || column + strcspn(c + 1, " ") > 76)) {
			putchar('\n');
			column = 0;
			continue;
		}
		character(c, column == 0);
		column += 1 + (*c == '-' || *c == '\\');
	}
	putchar('\n');
}

// What stands on one line, such as a synopsis.
static void literal(const char *text)
{
	roff(text);
	putchar('\n');
}

static void section(const char *name)
{
	printf(".SH %s\n", name);
}

static void item(const char *name, const char *text)
{
	fputs(".TP\n\\fB", stdout);
	roff(name);
	fputs("\\fR\n", stdout);
	line(text);
}

static void title(const char *name, int number)
{
	printf(".TH %s %d 2026-11-21 shmchan \"shmchan\"\n", name, number);
}

static const struct option_doc options[] = {
	{"name", "GROUP",
	 "Name of the group, in place of the one in the topology: several groups of one topology."},
	{"set", "NAME=VALUE",
	 "A value for a variable of the topology, in place of the one there. It can be given many times."},
	{"report", "FILE",
	 "Where the report goes at the end, one JSON object; the file is replaced as a whole."},
	{"verbose", NULL, "Tell also of deaths that were asked for."},
	{"json", NULL, "One JSON object, or with events one a line, in place of the table. Also -j."},
	{"follow", NULL, "Stay, and show what comes, until the group ends. Also -f."},
	{"signal", "SIGNAL", "A signal by name (SIGTERM, TERM) or number."},
	{"adopt", NULL,
	 "If the group is there and its supervisor is dead, take it over: its services go on, what died "
	 "meanwhile is "
	 "repaired. Otherwise start it. Give it whenever shmsup is started again by another supervisor."},
	{"after", "NUMBER", "Only events of higher numbers: for one who has seen the others."},
	{0},
};

static const struct option_doc files[] = {
	{"/run/shmchan", NULL,
	 "For root, the folder of control sockets (GROUP.sock), notify sockets (GROUP.notify) and locks "
	 "(GROUP.lock); "
	 "for others $XDG_RUNTIME_DIR/shmchan, or /tmp/shmchan-UID."},
	{"/dev/shm/shmchan.GROUP, /dev/shm/shmchan.GROUP.OBJECT", NULL,
	 "The segments: control, channels, pools and dead letters, mode 0600, of the user of shmsup. They "
	 "are removed when the "
	 "group has ended."},
	{0},
};

static const struct option_doc environment[] = {
	{"SHMSUP_LOOP", NULL,
	 "How events are waited for: io_uring or poll. Without it io_uring, where the kernel permits it. "
	 "Before Linux 6.7, and with poll, a thread for each 127 services waits for early signs of death."},
	{"NOTIFY_SOCKET, WATCHDOG_USEC", NULL,
	 "shmsup tells its own supervisor (systemd(1), or another that speaks sd_notify(3)) READY=1 when all "
	 "services have "
	 "been ready, STATUS, WATCHDOG=1 as its event loop turns, RELOADING=1, MAINPID and READY=1 around an upgrade, and STOPPING=1."},
	{"SHMCHAN_GROUP, SHMCHAN_SLOT, SHMCHAN_INCARNATION, NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, SHMCHAN_FDS", NULL,
	 "Set for services: which group and process slot they fill for the how manieth time, where their "
	 "READY=1 goes, of those with heartbeat_ms how often WATCHDOG=1 is wanted, and, "
	 "for services that may not open them, the descriptors of their segments."},
	{0},
};

static const struct option_doc signals[] = {
	{"SIGTERM, SIGINT, SIGHUP, SIGQUIT", NULL,
	 "Stop the group in order, services before those they depend on; a second one kills what still "
	 "runs."},
	{"SIGKILL", NULL,
	 "Services go on without a supervisor; what dies meanwhile waits. The same command with --adopt "
	 "takes the group over."},
	{0},
};

static const struct option_doc examples[] = {
	{"shmsup check node.yaml", NULL, "What is wrong with node.yaml, or what it would start."},
	{"shmsup run node.yaml --set workers=4 --adopt", NULL,
	 "Runs it with four workers, or takes over what a killed shmsup has left."},
	{"shmsup status node", NULL, "Its services: pid, incarnation, state, how the last one died."},
	{"shmsup status -j node | jq -r '.services[] | select(.state != \"ready\") | .name'", NULL,
	 "Those that are not ready."},
	{"shmsup kill node hotdb", NULL, "SIGKILL to one; it is repaired after and replaced."},
	{"shmsup upgrade node /usr/local/bin/shmsup", NULL,
	 "The supervisor goes on as the shmsup that has been installed there; nothing stops."},
	{"mv hotdb.new /usr/local/bin/hotdb && shmsup restart node hotdb", NULL,
	 "The same for a service: it is ended and its program, read anew, goes on with its queues."},
	{"shmsup stop node", NULL, "Ends all, in reverse order; nothing is left."},
	{0},
};

static void items(const struct option_doc *docs)
{
	for (const struct option_doc *d = docs; d->name; d++)
		item(d->name, d->text);
}

static void upgrade(void)
{
	char text[700];

	section("UPGRADE");
	line("The new program is first asked, as a child, whether it can take the group over: that its topology, its state file and "
	     "the group in memory fit. It has 10 s to say so. Then the running program leaves a guardian, a process of its own "
	     "(shmsup guard), and goes on as the new one in the same process.");
	fputs(".PP\n", stdout);
	snprintf(text, sizeof(text),
		 "If the new program ends or is killed before it has the group, or does not have it within %d s, for which it is killed, "
		 "the guardian becomes the supervisor: the old program, with the lock, sockets and connections as they were. Services do "
		 "not notice; one that dies meanwhile waits. shmsup upgrade then says why and has exit status 12. The supervisor has "
		 "another pid: its own supervisor is told that by MAINPID. The exit status of the process that was the supervisor is that of the "
		 "program that failed.",
		 GUARD_LIMIT_S);
	line(text);
	fputs(".PP\n", stdout);
	line("Where that is not heard (s6, a shell), whoever starts shmsup run --adopt again has the group from the guardian, which "
	     "ends. As process 1 of a container shmsup leaves no guardian: it would be killed with it. If the new program fails there, "
	     "the container ends.");
}

void manual_page(const struct command *commands)
{
	char status[16];

	title("SHMSUP", 1);
	section("NAME");
	fputs("shmsup \\- run processes that share channels, and repair after them\n",
	      stdout);
	section("SYNOPSIS");
	fputs(".nf\n", stdout);
	for (const struct command *c = commands; c->name; c++) {
		printf("\\fBshmsup %s\\fR%s", c->name, *c->synopsis ? " " : "");
		literal(c->synopsis);
	}
	fputs(".fi\n", stdout);
	section("DESCRIPTION");
	line("shmsup reads a topology (shmsup-topology(5)), creates the channels and pools that it names in "
	     "shared memory, and "
	     "starts its services in the order of their dependencies, each when those before it are ready. "
	     "When a service "
	     "dies, shmsup repairs its channels, pools and locks, sets aside the message it was working on, "
	     "and starts the "
	     "next incarnation, which goes on where the last one was. Nothing that was published is lost.");
	fputs(".PP\n", stdout);
	line("A service that keeps dying is started with growing delays, and is given up when it exceeds its "
	     "restart intensity; "
	     "one that hangs is killed and treated as dead.");
	section("COMMANDS");
	for (const struct command *c = commands; c->name; c++) {
		printf(".TP\n\\fB%s\\fR%s", c->name, *c->synopsis ? " " : "");
		literal(c->synopsis);
		line(c->help);
	}
	section("OPTIONS");
	for (const struct option_doc *o = options; o->name; o++) {
		printf(".TP\n\\fB\\-\\-%s\\fR", o->name);
		printf(o->arg ? " \\fI%s\\fR\n" : "\n", o->arg);
		line(o->text);
	}
	section("EXIT STATUS");
	for (int i = 0; i < SUP_EXIT_CNT; i++) {
		snprintf(status, sizeof(status), "%d", i);
		item(status, exits_text(i));
	}
	section("SIGNALS");
	items(signals);
	section("ENVIRONMENT");
	items(environment);
	section("FILES");
	items(files);
	upgrade();
	section("UNDER ANOTHER SUPERVISOR, AND IN A CONTAINER");
	line("The unit shmsup@.service runs /etc/shmsup/INSTANCE.yaml with Type=notify, WatchdogSec and "
	     "Restart=on-failure: a shmsup "
	     "that was killed is started again and adopts its group. Under s6 the scripts s6-run and s6-finish of the examples, as run "
	     "and finish of a service directory, do the same. As process 1 of a container shmsup "
	     "reaps every orphan, and "
	     "SIGTERM stops the group in order.");
	section("EXAMPLES");
	items(examples);
	section("SEE ALSO");
	fputs("\\fBshmsup-topology\\fR(5), \\fBshmtool\\fR(1), \\fBshmchan\\fR(7)\n", stdout);
}

// ---------------------------------------------------------------------------------------------- topology

static const struct option_doc kinds[] = {
	{"slot", NULL, "One producer, one consumer, one message, stored in place: an answer."},
	{"slot-ref", NULL, "The same for one block of a pool: one large answer."},
	{"spsc", NULL, "One producer, one consumer: a wait-free ring. For streams from service to service."},
	{"mpsc", NULL, "Many producers, one consumer: a ring whose cells are claimed. For inboxes."},
	{"mpsc-list", NULL, "The same as a list of nodes: for inboxes under heavy contention."},
	{"mpsc-intrusive", NULL,
	 "The same with the link beside the block that is sent, and at most 96 bytes of message: for large messages from many "
	 "senders. Consumer and producers must be users of the pool that the blocks are of."},
	{"mpmc2", NULL, "Many producers, many consumers: tasks to workers."},
	{0},
};

// The kinds that the reader knows, so that none is missing here.
static void kind_items(void)
{
	const cyaml_schema_value_t *v = &topo_field_find("channels", "kind")->value;

	for (uint32_t i = 0; i < v->enumeration.count; i++) {
		const struct option_doc *d = kinds;

		while (d->name && strcmp(d->name, v->enumeration.strings[i].str) != 0)
			d++;
		item(v->enumeration.strings[i].str, d->name ? d->text : "");
	}
}

static void type_line(const struct topo_key *k, const cyaml_schema_value_t *v)
{
	bool list = v->type == CYAML_SEQUENCE, needed = !(v->flags & CYAML_FLAG_OPTIONAL);

	if (list)
		v = v->sequence.entry;
	fputs(list ? "Takes a list: " : "Takes ", stdout);
	if (v->type == CYAML_ENUM)
		for (uint32_t i = 0; i < v->enumeration.count; i++) {
			fputs(!i ? "" : i + 1 < v->enumeration.count ? ", " : " or ", stdout);
			roff(v->enumeration.strings[i].str);
		}
	else if (v->type == CYAML_UINT || v->type == CYAML_INT)
		printf(k->min || k->max ? "%lld to %lld" : "a number", (long long)k->min, (long long)k->max);
	else
		roff(v->type == CYAML_MAPPING  ? "keys of its own, below"
		     : v->type == CYAML_IGNORE ? "names and values"
					       : topo_form_text(k->form));
	puts(needed ? "; must be given." : ".");
	if (k->initial) {
		fputs("Default: ", stdout);
		roff(k->initial);
		puts(".");
	}
}

static void key_items(void)
{
	const char *last = "";

	for (const struct topo_key *k = topo_keys; k->key; k++) {
		const cyaml_schema_field_t *f = topo_field_find(k->section, k->key);

		if (strcmp(last, k->section) != 0)
			printf(".SS %s\n", strcmp(k->section, "topology") == 0 ? "The file" : k->section);
		last = k->section;
		item(k->key, k->text);
		if (f)
			type_line(k, &f->value);
	}
}

static void calls_of(enum topo_seccomp level, const char *name, const char *text)
{
	unsigned column = 0;

	item(name, text);
	for (const char *const *c = filter_calls(level); *c; c++) {
		column += (unsigned)printf("%s%s", *c, c[1] ? "," : ".");
		putchar(column > 56 || !c[1] ? '\n' : ' ');
		column = column > 56 ? 0 : column + 1;
	}
}

static void filters(void)
{
	section("SECCOMP");
	calls_of(TOPO_SECCOMP_STRICT, "strict",
		 "What a service needs that talks through its channels alone. Anything else kills it with "
		 "SIGSYS, among it other "
		 "programs, child processes, the network, writing to or making a file, and io_uring. "
		 "Allowed: open and openat for "
		 "reading, clone for threads, socket for Unix datagrams, and");
	calls_of(TOPO_SECCOMP_DEFAULT, "default",
		 "What programs of all kinds use. Refused with EPERM: mounts, namespaces, modules, tracing "
		 "and reading other "
		 "processes, bpf, keys, clocks, reboot, and calls not known here. What io_uring does no "
		 "filter sees. Allowed: "
		 "those of strict, clone without namespaces, ioctl but TIOCSTI, and");
}

static void rights(void)
{
	section("USERS AND RIGHTS");
	line("Segments are of the user of shmsup, mode 0600. A service with user, groups, capabilities, "
	     "seccomp, cpus, nice, "
	     "memory_limit or rlimits gets those of its own channels and pools, and the control segment, as "
	     "open descriptors "
	     "(SHMCHAN_FDS); with a user of its own it can open no others, nor look into the process of "
	     "another user.");
	fputs(".PP\n", stdout);
	line("Channels and pools are shared for writing by all who are declared for them, because each says "
	     "in them what it has "
	     "taken; a service that goes mad may spoil its own messages. The control segment is shared for "
	     "writing by all "
	     "services of the group: in it are process slots with heartbeats and doorbells, which peers "
	     "ring. Dead letters are "
	     "the supervisor's alone. Services that run as one user can open what is that user's: isolation "
	     "needs users.");
	fputs(".PP\n", stdout);
	line("memory_limit is RLIMIT_DATA, which counts private writable memory of the process and neither "
	     "channels nor pools; "
	     "what goes beyond it fails with ENOMEM in the process itself, where a cgroup's limit would "
	     "kill.");
}

static void spares(void)
{
	section("SPARES");
	line("With spare: 1 a second process of the service is started when the service is ready. Its program runs up to "
	     "shmchan_attach_env(3), which does not return before the process slot is given to it: what comes before that "
	     "call, such as reading files and filling caches, is done ahead, and must do nothing that only one process may "
	     "do. When the service dies its channels are recovered, the slot is given to the spare as the next incarnation, and "
	     "another spare is started behind it. Readiness, deaths and back-off count as if it had been started anew.");
	fputs(".PP\n", stdout);
	line("The death is seen early, where the kernel is Linux 5.16 or later: by a word in shared memory that the kernel marks "
	     "when a thread ends, before it takes the memory of the process down, which is 62 ms for 1 GiB. It is believed when "
	     "/proc says that no thread of the process has memory any more. What the dead process held open, such as ports and "
	     "file locks, it may hold until that is done: a spare that needs these tries again. A service without a spare is "
	     "recovered as early, and started when all is free.");
	fputs(".PP\n", stdout);
	line("shmsup stop, and shmsup restart, which begins the program anew, end the spare. It outlives its supervisor as services "
	     "do, and is taken over with them. A spare that dies is started again, later each time up to 2.6 s. "
	     "shmsup status and shmtool service list show its pid and its state: starting, and spare when it can take over.");
}

enum sup_exit manual_topology(const char *example)
{
	char text[256];
	FILE *f = fopen(example, "re");
	size_t n;

	if (!f)
		return SUP_USAGE;
	title("SHMSUP-TOPOLOGY", 5);
	section("NAME");
	fputs("shmsup-topology \\- what a group of processes is made of\n", stdout);
	section("DESCRIPTION");
	line("A topology is a YAML file: one mapping with the keys below. shmsup check FILE says what is "
	     "wrong with one, with line "
	     "and column, and shows what it would start. shmsup schema prints a JSON schema (draft 2020-12) "
	     "for editors.");
	fputs(".PP\n", stdout);
	line("${NAME} in a value stands for a variable; $$ is a dollar sign. Aliases and a second document "
	     "are refused.");
	section("KEYS");
	key_items();
	section("KINDS");
	kind_items();
	spares();
	rights();
	filters();
	section("EXAMPLE");
	fputs(".nf\n", stdout);
	while ((n = fread(text, 1, sizeof(text) - 1, f)) > 0) {
		text[n] = 0;
		roff(text);
	}
	fclose(f);
	fputs(".fi\n", stdout);
	section("SEE ALSO");
	fputs("\\fBshmsup\\fR(1), \\fBshmtool\\fR(1), \\fBshmchan\\fR(7)\n", stdout);
	return SUP_OK;
}

// -------------------------------------------------------------------------------------------- completion

static const char completion_head[] =
	"# bash completion of shmsup, made from its table of commands.\n"
	"_shmsup_groups() { local f; for f in /dev/shm/shmchan.*; do f=${f#/dev/shm/shmchan.}; "
	"[ \"$f\" = \"${f%.*}\" ] && [ \"$f\" != '*' ] && echo \"$f\"; done; }\n"
	"_shmsup_services() { \"$1\" status \"$2\" 2>/dev/null | awk 'NR > 2 {print $1}'; }\n"
	"_shmsup() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[1]} words "
	"options i at=0 kind "
	"group=\n"
	"\tCOMPREPLY=()\n"
	"\tcase $prev in\n"
	"\t--report) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
	"\t--signal) mapfile -t COMPREPLY < <(compgen -A signal -- \"$cur\"); return ;;\n"
	"\t--name) mapfile -t COMPREPLY < <(compgen -W \"$(_shmsup_groups)\" -- \"$cur\"); return ;;\n"
	"\t--set|--after) return ;;\n"
	"\tesac\n";

static const char completion_tail[] =
	"\tif [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\"); return; "
	"fi\n"
	"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	"\t\tcase ${COMP_WORDS[i]} in\n"
	"\t\t--report|--signal|--name|--set|--after) ((i++)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) [ $at = 0 ] && group=${COMP_WORDS[i]}; ((at++)) ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tread -ra words <<<\"$words\"\n"
	"\tkind=${words[at]-}\n"
	"\tcase $kind in\n"
	"\tTOPOLOGY|FILE|BINARY) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") ;;\n"
	"\tGROUP) mapfile -t COMPREPLY < <(compgen -W \"$(_shmsup_groups)\" -- \"$cur\") ;;\n"
	"\tSERVICE*) mapfile -t COMPREPLY < <(compgen -W \"$(_shmsup_services \"${COMP_WORDS[0]}\" "
	"\"$group\")\" -- "
	"\"$cur\") ;;\n"
	"\tSIGNAL) mapfile -t COMPREPLY < <(compgen -A signal -- \"$cur\") ;;\n"
	"\tesac\n"
	"}\n"
	"complete -o filenames -o bashdefault -F _shmsup shmsup\n";

// The words of a synopsis: those of options, and those that are arguments.
static void words_of(const char *synopsis, bool want_options)
{
	const char *between = "";

	for (const char *s = synopsis; *s; s += strcspn(s, " []|."), s += strspn(s, " []|.")) {
		int len = (int)strcspn(s, " []|.");
		bool option = *s == '-';

		if (len && option == want_options) {
			printf("%s%.*s", between, len, s);
			between = " ";
		}
		// The argument of an option is none of the command.
		if (option && s[len] == ' ' && s[len + 1] >= 'A' && s[len + 1] <= 'Z' && s[1] == '-')
			s += len + 1;
	}
}

void manual_completion(const struct command *commands)
{
	fputs(completion_head, stdout);
	fputs("\tif [ \"$COMP_CWORD\" = 1 ]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"", stdout);
	for (const struct command *c = commands; c->name; c++)
		printf("%s%s", c == commands ? "" : " ", c->name);
	fputs("\" -- \"$cur\")\n\t\treturn\n\tfi\n\tcase $cmd in\n", stdout);
	for (const struct command *c = commands; c->name; c++) {
		printf("\t%s) words='", c->name);
		words_of(c->synopsis, false);
		fputs("' options='", stdout);
		words_of(c->synopsis, true);
		fputs("' ;;\n", stdout);
	}
	fputs("\t*) return ;;\n\tesac\n", stdout);
	fputs(completion_tail, stdout);
}
