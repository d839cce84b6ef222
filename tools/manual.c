// The manual page and the completion of bash, made from the table of commands, so that they can't drift from it.
#include <string.h>
#include "tools/shmtool.h"

// Text as troff takes it: a minus is a minus, and no line begins with a request.
static void roff(FILE *f, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", f);
	for (; *text != '\0'; text++) {
		if (*text == '-')
			fputs("\\-", f);
		else if (*text == '\\')
			fputs("\\e", f);
		else
			fputc(*text, f);
	}
}

static void roff_verb(FILE *f, const struct object *o, const struct verb *v)
{
	char line[256] = "";
	FILE *text = fmemopen(line, sizeof line, "w");
	if (text == NULL)
		return;
	cli_verb_line(o, v, text);
	fclose(text);
	roff(f, line);
	fputc('\n', f);
}

static void roff_opts(FILE *f, const struct opt *opts)
{
	for (const struct opt *o = opts; o != NULL && o->name != NULL; o++) {
		fputs(".TP\n\\fB\\-\\-", f);
		roff(f, o->name);
		fputs("\\fR", f);
		if (o->arg != NULL)
			fprintf(f, " \\fI%s\\fR", o->arg);
		fputc('\n', f);
		roff(f, o->help);
		fputc('\n', f);
	}
}

static void roff_cols(FILE *f, const struct verb *v)
{
	if (v->col_cnt == 0)
		return;
	fputs(".IP\nFields:\n.RS\n", f);
	for (unsigned i = 0; i < v->col_cnt; i++) {
		fprintf(f, ".TP\n\\fB%s\\fR%s\n", v->cols[i].key, v->cols[i].flags & COL_EXTRA ? " *" : "");
		roff(f, v->cols[i].help);
		fputc('\n', f);
	}
	fputs(".RE\n", f);
}

static const struct {
	const char *command, *shows;
} examples[] = {
	{"shmtool chan list node", "How deep every channel of group node is, and what went through it."},
	{"shmtool -j chan list node | jq '.[] | select(.depth > 0) | .name'",
	 "Which channels hold messages."},
	{"shmtool chan list node -f name,depth,full", "Only these columns."},
	{"shmtool chan watch node work --interval 0.1 --count 3", "A channel as it goes."},
	{"shmtool chan peek node work --count 2", "Its oldest messages; nothing is taken."},
	{"shmtool why node work", "Who is behind, and why."},
	{"shmtool dead list node", "Messages that died with their receivers."},
	{"shmtool chan tail node work --queued --count 2",
	 "Its messages as they are sent; nothing is taken."},
	{"shmtool chan record node work run.shmrec --queued --count 2",
	 "The same into a file, to be replayed into a service under test."},
	{"shmsup stop node producer && shmtool chan replay node work run.shmrec --rate full",
	 "Sends the recording. Work has one writer, which must be stopped first."},
	{"shmtool chan inject node work --type 2 --correlation 7 --data hello",
	 "Sends one message of one's own."},
	{"shmsup stop node consumer && shmtool chan drain node work --limit 2",
	 "Takes two messages out, as dead letters; who waits for an answer is told."},
	{"shmtool dead replay node 2", "Sends a dead letter to its channel again."},
	{"shmtool dead drop node all", "Forgets the others."},
	{"shmtool check node --repair", "Mends what a mad process left."},
	{"printf 'chan list node\\ndead list node\\n' | shmtool -j batch -",
	 "Several commands, one JSON document."},
	{"shmtool chan list --schema", "The JSON Schema of what chan list prints with -j."},
	{"shmtool pool owners node blocks", "Whose blocks they are."},
	{"shmtool check node", "Whether every invariant holds."},
	{"shmtool probe show node --seconds 0.1 --every 1",
	 "Depths and times of all messages of a moment (root)."},
	{"shmtool probe hist node --seconds 0.1 --every 1",
	 "How deep the channels were at each push, how long messages waited and how long they were worked on "
	 "(root)."},
	{"shmtool probe alerts node --seconds 0.1 --depth work=6 --wait work=10",
	 "What crosses a threshold, as it happens (root)."},
	{"shmtool graph node --format dot", "The group as a picture."},
	{"shmtool metrics node", "What a Prometheus server would read."},
};

static void before_commands(FILE *f, const struct object *objects)
{
	fputs(".TH SHMTOOL 1 \"\" shmchan\n.SH NAME\nshmtool \\- look into the channels of process "
	      "groups\n.SH SYNOPSIS\n"
	      ".nf\n",
	      f);
	for (const struct object *o = objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++) {
			fputs("\\fBshmtool\\fR ", f);
			roff_verb(f, o, v);
		}
	fputs(".fi\n.SH DESCRIPTION\n"
	      "A group is a set of processes, started by shmsup(1), that talk through channels in shared "
	      "memory. shmtool "
	      "shows its channels, the messages in them, pools of blocks, dead letters and processes.\n"
	      "Everything is read from the group's segments, mapped read\\-only, without a lock: looking "
	      "costs the group "
	      "nothing, and works when its processes hang or are dead. What changes a group (chan inject, "
	      "replay, drain; dead replay, drop; check \\-\\-repair) is done by its supervisor, shmsup, and "
	      "where "
	      "standard input is a terminal wants \\fB\\-\\-yes\\fR.\n.PP\n"
	      "A channel with one writer is sent to, by inject and replay, only while that service is "
	      "stopped "
	      "(shmsup stop GROUP SERVICE); one for many writers at any time. A channel is drained, and its "
	      "positions repaired, only while its reader is stopped. A supervisor that dies in the middle of "
	      "a "
	      "change leaves it done or not done.\n.PP\n"
	      "\\fIGROUP\\fR may be left out when only one group runs. Objects, verbs and long options may "
	      "be cut short "
	      "as long as they stay unique.\n.PP\n"
	      "Tables are for people. With \\fB\\-j\\fR the same facts come as one JSON document: a list is "
	      "an array of "
	      "objects, one object is an object, keys are the fields given here; unknown values are null.\n"
	      ".SH OPTIONS\n",
	      f);
	roff_opts(f, cli_global_opts);
}

static void after_commands(FILE *f)
{
	fputs(".SH EXIT STATUS\n", f);
	for (const struct exit_status *e = cli_exit_statuses; e->meaning != NULL; e++) {
		fprintf(f, ".TP\n\\fB%d\\fR\n", e->status);
		roff(f, e->meaning);
		fputc('\n', f);
	}
	fputs(".SH PROBES\n"
	      "\\fBprobe\\fR and \\fBmetrics \\-\\-histograms\\fR attach BPF programs to the USDT probes of "
	      "libshmchan "
	      "(shmchan/probe.h). That needs root, or CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and with some kernels "
	      "CAP_SYS_ADMIN, and a build "
	      "with clang, bpftool "
	      "and the kernel's BTF; \\fBversion\\fR tells. Unless told otherwise, the probes of a message "
	      "fire for one "
	      "message in 64 of a channel, chosen by position, so that counts are of sampled messages.\n"
	      "This default paces itself: while 64 messages of a channel take less than 20 microseconds, fewer "
	      "are sampled, down to one in 65536, and more again when it slows; what \\fB\\-\\-every\\fR asks for "
	      "stays.\n"
	      "A probe that fires costs about half a microsecond; one that nobody listens to costs nothing.\n"
	      ".PP\nA channel that becomes as deep as its alert_depth in the topology, or as \\fBalerts "
	      "\\-\\-depth\\fR says, is told at that very message, whatever the sampling, and that it is down to half of it "
	      "likewise. Each channel has one such depth: while one shmtool watches another one, what is attached for "
	      "good hears of its own with the next message that is sampled. A waiting time is that of a sampled "
	      "message.\n"
	      ".PP\n\\fBprobe attach\\fR outlives shmtool, the supervisor and the services. The kernel attaches to files: "
	      "it reaches every process, also one born later, that runs a program that was run in the group when it was "
	      "made. Whenever shmsup starts another one, a service that was stopped or had not been started, or that was "
	      "upgraded, or itself after an upgrade, it runs \\fBprobe attach \\-\\-more\\fR, and that program is reached some "
	      "tenths of a second after its start: what it fires before is not counted, but the positions, which the "
	      "probes carry, are right with its next sampled message. Without shmsup, \\fB\\-\\-more\\fR is the caller's to "
	      "run. Other groups that run the same files pay for the probes, but are not counted.\n"
	      ".PP\nThe records stay when the group has ended, for reading, until \\fBprobe detach\\fR, or \\fBprobe detach "
	      "\\-\\-ended\\fR for all groups that have; \\fBprobe show\\fR names them. shmsup leaves them too, at stop as at its "
	      "death: they often are what is looked at afterwards.\n"
	      ".SH EXAMPLES\n",
	      f);
	for (unsigned i = 0; i < sizeof examples / sizeof *examples; i++) {
		fputs(".TP\n\\fB", f);
		roff(f, examples[i].command);
		fputs("\\fR\n", f);
		roff(f, examples[i].shows);
		fputc('\n', f);
	}
	fputs(".SH FILES\n"
	      ".TP\n/dev/shm/shmchan.\\fIGROUP\\fR, /dev/shm/shmchan.\\fIGROUP\\fR.\\fIOBJECT\\fR\nThe "
	      "segments of a group.\n"
	      ".TP\n/sys/fs/bpf/shmchan/\\fIGROUP\\fR\nMaps and links of \\fBprobe attach\\fR; "
	      "file_* name the programs that it is attached to.\n"
	      ".SH SEE ALSO\nshmsup(1), bpftool(8), ss(8), dot(1)\n",
	      f);
}

static int finish(const struct cli *cli)
{
	return fflush(cli->out) == 0 ? EXIT_OK : cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
}

static int manual(const struct cli *cli)
{
	FILE *f = cli->out;
	before_commands(f, cli->objects);
	fputs(".SH COMMANDS\nFields marked with * are shown only with \\fB\\-j\\fR, \\fB\\-p\\fR or "
	      "\\fB\\-f\\fR, or for one "
	      "object.\n",
	      f);
	for (const struct object *o = cli->objects; o->name != NULL; o++) {
		fprintf(f, ".SS %s\n", o->name);
		roff(f, o->brief);
		fputc('\n', f);
		for (const struct verb *v = o->verbs; v->name != NULL; v++) {
			fputs(".TP\n\\fB", f);
			roff_verb(f, o, v);
			fputs("\\fR", f);
			roff(f, v->brief);
			fputc('\n', f);
			if (v->opts != NULL) {
				fputs(".RS\n", f);
				roff_opts(f, v->opts);
				fputs(".RE\n", f);
			}
			roff_cols(f, v);
		}
	}
	after_commands(f);
	return finish(cli);
}

// --------------------------------------------------------------------------------------------- completion

// One line of the shell function's table: "object verb|options|fields|kind of the argument behind the group".
static void completion_line(FILE *f, const struct object *o, const struct verb *v)
{
	fprintf(f, "\t\t'%s%s%s|", o->name, *v->name != '\0' ? " " : "", v->name);
	for (const struct opt *opt = cli_global_opts; opt->name != NULL; opt++)
		fprintf(f, "--%s ", opt->name);
	for (const struct opt *opt = v->opts; opt != NULL && opt->name != NULL; opt++)
		fprintf(f, "--%s ", opt->name);
	fputc('|', f);
	for (unsigned i = 0; i < v->col_cnt; i++)
		fprintf(f, "%s ", v->cols[i].key);
	fprintf(f, "|%s%s%s", v->flags & VERB_NO_GROUP ? "" : "GROUP", *v->args != '\0' ? " " : "", v->args);
	fputs("'\n", f);
}

// The options that take an argument.
static void valued(FILE *f, const struct opt *opts)
{
	for (; opts != NULL && opts->name != NULL; opts++)
		if (opts->arg != NULL)
			fprintf(f, "--%s ", opts->name);
}

static const char completion_code[] =
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} entry word words=() skip=\n"
	"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	"\t\tif [ -n \"$skip\" ]; then skip=; continue; fi\n"
	"\t\tcase $word in\n"
	"\t\t-f) skip=1 ;;\n"
	"\t\t--*) case \" $valued \" in *\" $word \"*) skip=1 ;; esac ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*) words+=(\"$word\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tlocal head= options=--help fields= args= objects= verbs= used=0\n"
	"\tfor entry in \"${table[@]}\"; do\n"
	"\t\tlocal name=${entry%%|*}\n"
	"\t\tcase \" $objects\" in *\" ${name%% *} \"*) ;; *) objects+=\"${name%% *} \" ;; esac\n"
	"\t\t[ \"${name%% *}\" = \"${words[0]-}\" ] || continue\n"
	"\t\tif [ \"$name\" = \"${words[0]-}\" ]; then used=1\n"
	"\t\telse\n"
	"\t\t\tverbs+=\"${name#* } \"\n"
	"\t\t\t[ \"${name#* }\" = \"${words[1]-}\" ] || continue\n"
	"\t\t\tused=2\n"
	"\t\tfi\n"
	"\t\thead=$name entry=${entry#*|}\n"
	"\t\toptions=${entry%%|*} entry=${entry#*|}\n"
	"\t\tfields=${entry%%|*} args=${entry#*|}\n"
	"\tdone\n"
	"\tlocal choice=\n"
	"\tif [ \"$prev\" = -f ] || [ \"$prev\" = --fields ]; then\n"
	"\t\tlocal done_part=\n"
	"\t\tcase $cur in *,*) done_part=${cur%,*}, ;; esac\n"
	"\t\tfor word in $fields; do choice+=\"$done_part$word \"; done\n"
	"\telif [ \"${cur#-}\" != \"$cur\" ]; then choice=$options\n"
	"\telif [ ${#words[@]} = 0 ]; then choice=\"$objects help\"\n"
	"\telif [ -z \"$head\" ]; then choice=\"$verbs help\"\n"
	"\telif [ ${#words[@]} = $used ] && [ \"${args%% *}\" = GROUP ]; then\n"
	"\t\tchoice=$(shmtool group list -f name 2>/dev/null | tail -n +2)\n"
	"\telse\n"
	"\t\tlocal kinds=(${args#GROUP})\n"
	"\t\tcase ${kinds[${#words[@]} - used - 1]-} in\n"
	"\t\tCHANNEL) choice=$(shmtool chan list -f name \"${words[used]}\" 2>/dev/null | tail -n +2) ;;\n"
	"\t\tSERVICE) choice=$(shmtool service list -f name \"${words[used]}\" 2>/dev/null | tail -n +2) ;;\n"
	"\t\tPOOL) choice=$(shmtool pool list -f name \"${words[used]}\" 2>/dev/null | tail -n +2) ;;\n"
	"\t\tNUMBER) choice=$(shmtool dead list -f no \"${words[used]}\" 2>/dev/null | tail -n +2) ;;\n"
	"\t\tFILE) choice=$(compgen -f -- \"$cur\") ;;\n"
	"\t\tesac\n"
	"\tfi\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$choice\" -- \"$cur\")\n"
	"}\n"
	"complete -F _shmtool shmtool\n";

static int completion(const struct cli *cli)
{
	FILE *f = cli->out;
	fputs("# bash completion of shmtool, written by `shmtool completion`.\n_shmtool() {\n\tlocal "
	      "table=(\n",
	      f);
	for (const struct object *o = cli->objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++)
			completion_line(f, o, v);
	fputs("\t)\n\tlocal valued='", f);
	valued(f, cli_global_opts);
	for (const struct object *o = cli->objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++)
			valued(f, v->opts);
	fputs("'\n", f);
	fputs(completion_code, f);
	return finish(cli);
}

const struct verb manual_verbs[] = {
	{"", "writes the manual page, for man -l", "", NULL, NULL, 0, VERB_NO_GROUP, manual},
	NO_MORE_VERBS,
};
const struct verb completion_verbs[] = {
	{"", "writes the completion function for bash, to be sourced", "", NULL, NULL, 0, VERB_NO_GROUP,
	 completion},
	NO_MORE_VERBS,
};
