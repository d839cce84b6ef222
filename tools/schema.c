// What every verb prints with -j, as JSON Schema, from the columns it declares.
#include <stdlib.h>
#include <string.h>
#include "tools/shmtool.h"

// Of verbs whose output isn't rows. Their tests hold them to it.
#define HIST                                                                                    \
	"{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"integer\",\"minimum\":0}}," \
	"\"required\":[\"count\"]}"
static const struct {
	const char *object, *verb, *keys; // keys: inside of the schema's object, behind "title"
} special[] = {
	{"probe", "show",
	 "\"type\":\"object\",\"required\":[\"group\",\"seconds\",\"channels\"],\"properties\":{"
	 "\"group\":{\"type\":\"string\"},\"seconds\":{\"type\":[\"number\",\"null\"]},"
	 "\"channels\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"push\","
	 "\"pop\","
	 "\"depth\",\"wait_ns\",\"service_ns\"],\"properties\":{\"name\":{\"type\":\"string\"},"
	 "\"depth\":" HIST ",\"wait_ns\":" HIST ",\"service_ns\":" HIST "}}}}"},
	{"batch", "",
	 "\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
	 "\"required\":[\"line\",\"command\",\"status\",\"output\",\"error\"],\"properties\":{"
	 "\"line\":{\"type\":\"integer\",\"minimum\":1},\"command\":{\"type\":\"string\"},"
	 "\"status\":{\"type\":\"integer\",\"minimum\":0},\"output\":{},\"error\":{\"type\":[\"string\","
	 "\"null\"]}}}"},
	{"schema", "",
	 "\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"required\":[\"title\"]}"},
};

static const char *special_keys(const struct object *o, const struct verb *v)
{
	for (unsigned i = 0; i < sizeof special / sizeof *special; i++)
		if (strcmp(special[i].object, o->name) == 0 && strcmp(special[i].verb, v->name) == 0)
			return special[i].keys;
	return NULL;
}

bool shmtool_has_json(const struct object *o, const struct verb *v)
{
	return v->cols != NULL || special_keys(o, v) != NULL;
}

static void row_schema(const struct verb *v, const struct table *t, struct jsonw *j)
{
	if (v->flags & (VERB_RECORD | VERB_LINES)) {
		table_schema(t, j);
		return;
	}
	jsonw_key(j, "type");
	jsonw_str(j, "array");
	jsonw_key(j, "items");
	jsonw_object(j);
	table_schema(t, j);
	jsonw_end(j);
}

// t: the columns, NULL if the verb's output isn't rows.
static void write_schema(const struct object *o, const struct verb *v, const struct table *t, struct jsonw *j)
{
	char title[96];

	snprintf(title, sizeof title, "shmtool -j %s%s%s%s", o->name, *v->name != '\0' ? " " : "", v->name,
		 v->flags & VERB_LINES ? ", each line" : "");
	if (t == NULL) {
		const char *keys = special_keys(o, v);
		char *text = NULL;
		int n = asprintf(&text, "{\"title\":\"%s\",%s}", title, keys);
		if (n > 0)
			jsonw_raw(j, text, (size_t)n);
		free(text);
		return;
	}
	jsonw_object(j);
	jsonw_key(j, "$schema");
	jsonw_str(j, "https://json-schema.org/draft/2020-12/schema");
	jsonw_key(j, "title");
	jsonw_str(j, title);
	jsonw_key(j, "description");
	jsonw_str(j, v->brief);
	row_schema(v, t, j);
	jsonw_end(j);
}

static int finish(const struct cli *cli, struct jsonw *j)
{
	jsonw_line(j);
	return fflush(cli->out) == 0 ? EXIT_OK : cli_fail(cli, EXIT_ERROR, "cannot print: output closed");
}

int shmtool_schema(const struct cli *cli)
{
	struct table *t = NULL;
	struct jsonw j;
	int status;

	if (!shmtool_has_json(cli->object, cli->verb))
		return cli_fail(cli, EXIT_USAGE, "has no JSON");
	if (cli->verb->cols != NULL) {
		t = cli_table(cli, &status);
		if (t == NULL)
			return status;
	}
	jsonw_begin(&j, cli->out, cli->pretty || !cli->json);
	write_schema(cli->object, cli->verb, t, &j);
	table_free(t);
	return finish(cli, &j);
}

static int schema(const struct cli *cli)
{
	struct jsonw j;

	jsonw_begin(&j, cli->out, cli->pretty || !cli->json);
	jsonw_object(&j);
	for (const struct object *o = cli->objects; o->name != NULL; o++)
		for (const struct verb *v = o->verbs; v->name != NULL; v++) {
			char name[64];
			struct table *t = v->cols != NULL ? table_new(v->cols, v->col_cnt) : NULL;
			if (!shmtool_has_json(o, v))
				continue;
			snprintf(name, sizeof name, "%s%s%s", o->name, *v->name != '\0' ? " " : "", v->name);
			jsonw_key(&j, name);
			write_schema(o, v, t, &j);
			table_free(t);
		}
	jsonw_end(&j);
	return finish(cli, &j);
}

const struct verb schema_verbs[] = {
	{"", "the JSON Schema of what each command prints with -j, by command; --schema gives that of one",
	 "", NULL, NULL, 0, VERB_NO_GROUP, schema},
	NO_MORE_VERBS,
};
