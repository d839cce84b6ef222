// What every verb prints with -j, as JSON Schema, from the columns it declares.
#include <string.h>
#include "tools/probe.h"
#include "tools/shmtool.h"

// Of verbs whose output isn't rows.
#define TEXT "{\"type\":\"string\"}"
#define BINS                                                                                            \
	"{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"low\",\"high\",\"count\"]," \
	"\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0}}}"
static const struct special {
	const char *object, *verb;
	const char *text;               // the schema, or NULL and
	void (*write)(struct jsonw *j); // who writes its keys into an open object
} specials[] = {
	{"probe", "show", NULL, probe_show_schema},
	{"probe", "hist",
	 "{\"type\":\"object\",\"required\":[\"group\",\"seconds\",\"channels\"],\"properties\":{"
	 "\"group\":" TEXT ",\"seconds\":{\"type\":[\"number\",\"null\"]},"
	 "\"channels\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
	 "\"required\":[\"name\",\"depth\",\"wait_ns\",\"service_ns\"],"
	 "\"properties\":{\"name\":" TEXT ",\"depth\":" BINS ",\"wait_ns\":" BINS ",\"service_ns\":" BINS
	 "}}}}}",
	 NULL},
	{"batch", "",
	 "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"additionalProperties\":false,"
	 "\"required\":[\"line\",\"command\",\"status\",\"output\",\"error\"],\"properties\":{"
	 "\"line\":{\"type\":\"integer\",\"minimum\":1},\"command\":" TEXT ","
	 "\"status\":{\"type\":\"integer\",\"minimum\":0},\"output\":{},"
	 "\"error\":{\"type\":[\"string\",\"null\"]}}}}",
	 NULL},
	{"schema", "",
	 "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"required\":[\"title\"]}}",
	 NULL},
};

static const struct special *find_special(const struct object *o, const struct verb *v)
{
	for (unsigned i = 0; i < sizeof specials / sizeof *specials; i++)
		if (strcmp(specials[i].object, o->name) == 0 && strcmp(specials[i].verb, v->name) == 0)
			return &specials[i];
	return NULL;
}

bool shmtool_has_json(const struct object *o, const struct verb *v)
{
	return v->cols != NULL || find_special(o, v) != NULL;
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

static void special_schema(const struct special *special, struct jsonw *j)
{
	jsonw_key(j, "allOf");
	jsonw_array(j);
	if (special->text != NULL) {
		jsonw_raw(j, special->text, strlen(special->text));
	} else {
		jsonw_object(j);
		special->write(j);
		jsonw_end(j);
	}
	jsonw_end(j);
}

// t: the columns, NULL if the verb's output isn't rows.
static void write_schema(const struct object *o, const struct verb *v, const struct table *t, struct jsonw *j)
{
	char title[96];

	snprintf(title, sizeof title, "shmtool -j %s%s%s%s", o->name, *v->name != '\0' ? " " : "", v->name,
		 v->flags & VERB_LINES ? ", each line" : "");
	jsonw_object(j);
	jsonw_key(j, "$schema");
	jsonw_str(j, "https://json-schema.org/draft/2020-12/schema");
	jsonw_key(j, "title");
	jsonw_str(j, title);
	jsonw_key(j, "description");
	jsonw_str(j, v->brief);
	if (t != NULL)
		row_schema(v, t, j);
	else
		special_schema(find_special(o, v), j);
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
