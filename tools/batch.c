// shmtool batch: a command per line of a file.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tools/shmtool.h"

#define WORD_MAX 32

struct batch {
	const struct cli *cli;
	const char *file; // as messages name it
	bool keep_going;
	unsigned line;
	int status; // of the first command that failed
	struct jsonw j;
};

// Splits a line at blanks, in place, with '...', "..." and \x as in a shell; # begins a comment. Returns the number of
// words, or -1 with *problem set.
static int split(char *line, char *words[WORD_MAX], const char **problem)
{
	char *to = line;
	int cnt = 0;

	for (char *s = line;;) {
		char quote = '\0';

		s += strspn(s, " \t\r\n");
		if (*s == '\0' || *s == '#')
			return cnt;
		if (cnt == WORD_MAX) {
			*problem = "has more than 32 words";
			return -1;
		}
		words[cnt++] = to;
		for (; *s != '\0' && (quote != '\0' || strchr(" \t\r\n", *s) == NULL); s++) {
			if (*s == quote)
				quote = '\0';
			else if (quote == '\0' && (*s == '\'' || *s == '"'))
				quote = *s;
			else if (*s == '\\' && quote != '\'' && s[1] != '\0')
				*to++ = *++s;
			else
				*to++ = *s;
		}
		if (quote != '\0') {
			*problem =
				quote == '"' ? "has a \" without its second" : "has a ' without its second";
			return -1;
		}
		s += *s != '\0'; // before the word's end is written over it
		*to++ = '\0';
	}
}

static int run_words(const struct batch *b, int cnt, char **words, FILE *out, FILE *err, struct cli *cli)
{
	static const char self[] = "shmtool";
	char *argv[WORD_MAX + 2] = {(char *)self};
	char prog[300];
	int status, skip = cnt > 0 && strcmp(words[0], self) == 0;

	memcpy(argv + 1, words + skip, (size_t)(cnt - skip) * sizeof *words);
	snprintf(prog, sizeof prog, "%s: %s:%u", b->cli->prog, b->file, b->line);
	status = cli_parse_as(cli, prog, b->cli->objects, cnt - skip + 1, argv, out, err);
	if (status != EXIT_OK || cli->verb == NULL)
		return status;
	if (cli->verb == batch_verbs)
		return cli_fail(cli, EXIT_USAGE, "a batch within a batch");
	cli->json |= b->cli->json;
	cli->pretty = b->cli->json ? false : cli->pretty;
	return shmtool_run(cli);
}

// The output of a command as a value: JSON as it is, several lines of it as an array, other text as a string.
static void put_output(struct jsonw *j, const struct cli *cli, const char *text, size_t n)
{
	bool is_json = cli->verb != NULL && (cli->schema || shmtool_has_json(cli->object, cli->verb));

	n -= n != 0 && text[n - 1] == '\n';
	if (n == 0) {
		jsonw_null(j);
	} else if (!is_json) {
		jsonw_strn(j, text, n);
	} else if (cli->schema || !(cli->verb->flags & VERB_LINES)) {
		jsonw_raw(j, text, n);
	} else {
		jsonw_array(j);
		for (const char *end, *s = text; s < text + n; s = end + 1) {
			end = memchr(s, '\n', (size_t)(text + n - s));
			end = end != NULL ? end : text + n;
			jsonw_raw(j, s, (size_t)(end - s));
		}
		jsonw_end(j);
	}
}

static int run_json(struct batch *b, int cnt, char **words, const char *command)
{
	char *out_text = NULL, *err_text = NULL;
	size_t out_n = 0, err_n = 0;
	FILE *out = open_memstream(&out_text, &out_n), *err = open_memstream(&err_text, &err_n);
	struct cli cli = {0};
	int status = EXIT_ERROR;

	if (out != NULL && err != NULL)
		status = run_words(b, cnt, words, out, err, &cli);
	if (out != NULL)
		fclose(out);
	if (err != NULL)
		fclose(err);
	if (err_text != NULL)
		fwrite(err_text, 1, err_n, b->cli->err);
	jsonw_object(&b->j);
	jsonw_key(&b->j, "line");
	jsonw_u64(&b->j, b->line);
	jsonw_key(&b->j, "command");
	jsonw_str(&b->j, command);
	jsonw_key(&b->j, "status");
	jsonw_i64(&b->j, status);
	jsonw_key(&b->j, "output");
	put_output(&b->j, &cli, out_text, out_text != NULL ? out_n : 0);
	jsonw_key(&b->j, "error");
	if (err_n != 0)
		jsonw_strn(&b->j, err_text, err_n - (err_text[err_n - 1] == '\n'));
	else
		jsonw_null(&b->j);
	jsonw_end(&b->j);
	free(out_text);
	free(err_text);
	return status;
}

static int run_line(struct batch *b, char *line)
{
	char *words[WORD_MAX], *command;
	const char *problem = NULL;
	struct cli cli = {0};
	int cnt, status;

	line[strcspn(line, "\n")] = '\0';
	command = strdup(line);
	cnt = split(line, words, &problem);
	if (command == NULL)
		status = cli_fail(b->cli, EXIT_ERROR, "out of memory");
	else if (cnt < 0)
		status = cli_fail(b->cli, EXIT_USAGE, "line %u of %s %s", b->line, b->file, problem);
	else if (cnt == 0)
		status = EXIT_OK;
	else if (b->cli->json)
		status = run_json(b, cnt, words, command);
	else
		status = run_words(b, cnt, words, b->cli->out, b->cli->err, &cli);
	free(command);
	return status;
}

static void run_lines(struct batch *b, FILE *f)
{
	char *line = NULL;
	size_t size = 0;

	for (b->line = 1; getline(&line, &size, f) >= 0; b->line++) {
		int status = run_line(b, line);
		if (status == EXIT_OK)
			continue;
		b->status = b->status != EXIT_OK ? b->status : status;
		if (!b->keep_going)
			break;
	}
	free(line);
}

static int batch(const struct cli *cli)
{
	struct batch b = {.cli = cli, .file = cli->args[0], .keep_going = cli_opt(cli, "keep-going") != NULL};
	bool is_stdin = strcmp(cli->args[0], "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(cli->args[0], "re");

	if (f == NULL)
		return cli_fail(cli, EXIT_ERROR, "cannot read '%s': %s", cli->args[0], strerror(errno));
	if (is_stdin)
		b.file = "stdin";
	if (cli->json) {
		jsonw_begin(&b.j, cli->out, cli->pretty);
		jsonw_array(&b.j);
	}
	run_lines(&b, f);
	if (ferror(f) && b.status == EXIT_OK)
		b.status = cli_fail(cli, EXIT_ERROR, "cannot read '%s': %s", cli->args[0], strerror(errno));
	if (!is_stdin)
		fclose(f);
	if (cli->json) {
		jsonw_end(&b.j);
		jsonw_line(&b.j);
	}
	if (fflush(cli->out) != 0)
		return cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
	return b.status;
}

static const struct opt batch_opts[] = {
	{"keep-going", NULL, "go on after a command that failed; the exit status is still that of the first"},
	{NULL, NULL, NULL},
};
const struct verb batch_verbs[] = {
	{"", "runs the commands in FILE (- is standard input), one a line, up to the first that fails",
	 "FILE", batch_opts, NULL, 0, VERB_NO_GROUP, batch},
	NO_MORE_VERBS,
};
