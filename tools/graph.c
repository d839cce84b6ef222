// The group as a picture: services are nodes, channels edges, coloured by load, as wide as their rate.
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tools/live.h"
#include "tools/sample.h"
#include "tools/shmtool.h"

// Hue from green to red, light enough for black text on it.
static void colour(double load, char *buf, size_t size)
{
	snprintf(buf, size, "%.3f 0.75 0.80", (1 - load) / 3);
}

// A line's width grows by one point with each power of ten of its rate.
static double width(double rate)
{
	return 1 + log10(1 + rate);
}

static const char *rate_text(double rate, char buf[16])
{
	if (rate >= 1e6)
		snprintf(buf, 16, "%.3gM/s", rate / 1e6);
	else if (rate >= 1e3)
		snprintf(buf, 16, "%.3gk/s", rate / 1e3);
	else
		snprintf(buf, 16, "%.3g/s", rate);
	return buf;
}

static void node(const struct shmchan_view_proc *p, FILE *f)
{
	bool serves = p->alive && p->ready;
	fprintf(f, "\t\"%s\" [label=\"%s\\n%s", p->name, p->name,
		p->alive ? "pid " : shmtool_proc_state(p->state));
	if (p->alive)
		fprintf(f, "%d, incarnation %u", p->pid, p->incarnation);
	fprintf(f, "\", fillcolor=\"%s\"];\n", serves ? "white" : p->alive ? "lightyellow" : "lightgrey");
}

struct edge {
	FILE *f;
	const struct sample_chan *chan;
	bool sends; // else receives
};

// Channels have nodes of their own, small ones: an edge of DOT has only two ends, a channel may have many
// producers.
static void half_edge(void *ctx, const char *name, unsigned slot)
{
	const struct edge *e = ctx;
	char hue[32];
	double rate = e->sends ? e->chan->in_rate : e->chan->out_rate;
	colour(e->chan->load, hue, sizeof hue);
	fprintf(e->f, "\t\"%s\" -> \"%s\" [color=\"%s\", penwidth=%.1f%s];\n",
		e->sends ? name : e->chan->c.name, e->sends ? e->chan->c.name : name, hue, width(rate),
		e->sends ? ", arrowhead=none" : "");
}

static void channel(const struct shmchan_view *v, unsigned i, const struct sample_chan *chan, FILE *f)
{
	char hue[32], in[16], out[16];
	struct edge e = {.f = f, .chan = chan};
	if (chan->code != 0)
		return;
	colour(chan->load, hue, sizeof hue);
	fprintf(f,
		"\t\"%s\" [shape=box, style=\"filled,rounded\", fontsize=9, fillcolor=\"%s\", label=\"%s "
		"(%s)\\n%lu of %u, "
		"%lu in flight\\nin %s, out %s\"];\n",
		chan->c.name, hue, chan->c.name, shmchan_kind_name(chan->c.kind),
		(unsigned long)chan->c.stat.depth, chan->c.capacity, (unsigned long)chan->c.stat.in_flight,
		rate_text(chan->in_rate, in), rate_text(chan->out_rate, out));
	e.sends = true;
	shmchan_view_chan_peers(v, i, SHMCHAN_TX, half_edge, &e);
	e.sends = false;
	shmchan_view_chan_peers(v, i, SHMCHAN_RX, half_edge, &e);
}

static void write_dot(const struct shmchan_view *v, const struct sample *s, FILE *f)
{
	struct shmchan_view_group g;
	struct shmchan_view_proc p;

	shmchan_view_group(v, &g);
	fprintf(f,
		"digraph \"%s\" {\n\trankdir=LR;\n\tlabel=\"%s: supervisor %d%s\";\n"
		"\tnode [shape=ellipse, style=filled, fontname=\"sans-serif\", fontsize=11];\n"
		"\tedge [arrowsize=0.7];\n",
		g.name, g.name, g.broker_pid, g.broker_alive ? "" : " (dead)");
	for (unsigned i = 0; shmchan_view_proc(v, i, &p) == 0; i++)
		node(&p, f);
	for (unsigned i = 0; i < s->chan_cnt; i++)
		channel(v, i, &s->chans[i], f);
	fputs("}\n", f);
}

// Lets Graphviz draw: DOT on its input, SVG on our output or in a file.
static int draw(const struct cli *cli, const char *dot, size_t size, FILE *to)
{
	char *argv[] = {(char *)"dot", (char *)"-Tsvg", NULL};
	posix_spawn_file_actions_t actions;
	FILE *in = tmpfile(); // seekable, so that neither side can block the other
	pid_t pid;
	int err, status;

	if (in == NULL || fwrite(dot, 1, size, in) != size || fflush(in) != 0 ||
	    fseek(in, 0, SEEK_SET) != 0) {
		if (in != NULL)
			fclose(in);
		return cli_fail(cli, EXIT_ERROR, "cannot write a temporary file: %s", strerror(errno));
	}
	fflush(to);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(in), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fileno(to), STDOUT_FILENO);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	fclose(in);
	if (err != 0)
		return cli_fail(cli, EXIT_ERROR,
				"cannot draw: dot: %s; install graphviz, or use --format dot", strerror(err));
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return cli_fail(cli, EXIT_ERROR, "cannot draw: dot failed with status %d", status);
	return EXIT_OK;
}

static int picture(const struct cli *cli, const struct shmchan_view *v, const struct sample *s, bool svg,
		   FILE *to)
{
	char *dot = NULL;
	size_t size;
	int status = EXIT_OK;
	FILE *f = open_memstream(&dot, &size);

	if (f == NULL)
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	write_dot(v, s, f);
	if (fclose(f) != 0)
		status = cli_fail(cli, EXIT_ERROR, "out of memory");
	else if (svg)
		status = draw(cli, dot, size, to);
	else if (fwrite(dot, 1, size, to) != size)
		status = cli_fail(cli, EXIT_ERROR, "cannot write: %s", strerror(errno));
	free(dot);
	if (status == EXIT_OK && fflush(to) != 0)
		status = cli_fail(cli, EXIT_ERROR, "cannot write: %s", strerror(errno));
	return status;
}

// Replaced as a whole, so that a viewer never sees half a picture.
static int picture_file(const struct cli *cli, const struct shmchan_view *v, const struct sample *s, bool svg,
			const char *path)
{
	char *temporary;
	int status;
	FILE *f;

	if (asprintf(&temporary, "%s.%d", path, getpid()) < 0)
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	f = fopen(temporary, "we");
	if (f == NULL) {
		status = cli_fail(cli, EXIT_ERROR, "cannot write '%s': %s", path, strerror(errno));
		free(temporary);
		return status;
	}
	status = picture(cli, v, s, svg, f);
	fclose(f);
	if (status == EXIT_OK && rename(temporary, path) != 0)
		status = cli_fail(cli, EXIT_ERROR, "cannot write '%s': %s", path, strerror(errno));
	if (status != EXIT_OK)
		unlink(temporary);
	free(temporary);
	return status;
}

static int pictures(const struct cli *cli, const struct shmchan_view *v, bool svg, double interval)
{
	const char *path = cli_opt(cli, "watch");
	struct sample s = {0};
	struct shmchan_view_group g;
	int status = EXIT_OK;

	live_block();
	if (!sample_look(&s, v))
		return cli_fail(cli, EXIT_ERROR, "out of memory");
	while (status == EXIT_OK) {
		bool go_on = live_wait(live_now() + interval);
		sample_look(&s, v);
		status = path != NULL ? picture_file(cli, v, &s, svg, path)
				      : picture(cli, v, &s, svg, cli->out);
		shmchan_view_group(v, &g);
		if (path == NULL || !go_on || !g.broker_alive)
			break;
	}
	sample_free(&s);
	return status;
}

static int graph(const struct cli *cli)
{
	const char *format = cli_opt(cli, "format"), *interval_word = cli_opt(cli, "interval");
	double interval = cli_opt(cli, "watch") != NULL ? 1 : 0.2;
	struct shmchan_view *v;
	int status;

	if (cli->json)
		return cli_fail(cli, EXIT_USAGE, "has no JSON; --format dot|svg");
	if (interval_word != NULL && !cli_number(cli, "interval", interval_word, 0.001, 1e6, &interval))
		return EXIT_USAGE;
	if (format != NULL && strcmp(format, "dot") != 0 && strcmp(format, "svg") != 0)
		return cli_fail(cli, EXIT_USAGE, "unknown format '%s', known: dot, svg", format);
	if (format == NULL)
		format = cli_opt(cli, "watch") != NULL ? "svg" : "dot";
	status = shmtool_open(cli, &v);
	if (status != EXIT_OK)
		return status;
	status = pictures(cli, v, strcmp(format, "svg") == 0, interval);
	shmchan_view_close(v);
	return status;
}

static const struct opt graph_opts[] = {
	{"format", "dot|svg", "dot if not given; svg needs graphviz"},
	{"interval", "S",
	 "seconds over which rates are taken (0.2), or from picture to picture with --watch (1)"},
	{"watch", "FILE", "write the file again and again, svg if no format is given, until the group ends"},
	{NULL, NULL, NULL},
};
const struct verb graph_verbs[] = {
	{"", "services and channels as a picture, from green (idle) to red (full)", "", graph_opts, NULL, 0,
	 0, graph},
	NO_MORE_VERBS,
};
