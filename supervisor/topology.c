#include "supervisor/topology.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/topology_keys.h"
#include "supervisor/topology_schema.h"
#include "supervisor/topology_text.h"

struct topo {
	struct arena arena;
	const char *file;
	yaml_document_t doc;
	bool has_doc;
	struct topo_data *data;
	struct topo_pair *report;
	unsigned report_cnt;
};

static void cyaml_log_first(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct fail *fail = ctx;

	if (!fail->text[0]) {
		vsnprintf(fail->text, sizeof(fail->text), fmt, args);
		fail->text[strcspn(fail->text, "\n")] = 0;
	}
}

static const cyaml_config_t cyaml_defaults = {.mem_fn = cyaml_mem,
					      .log_fn = cyaml_log_first,
					      .log_level = CYAML_LOG_ERROR,
					      .flags = CYAML_CFG_NO_ALIAS};

static int load_document(struct topo *t, const struct topo_text *text, struct fail *fail)
{
	yaml_parser_t p;
	int rc = 0;

	if (!yaml_parser_initialize(&p))
		return fail_set(fail, SUP_SYSTEM, "%s: no memory", t->file);
	yaml_parser_set_input_string(&p, (const unsigned char *)text->data, text->len);
	if (yaml_parser_load(&p, &t->doc))
		t->has_doc = true;
	else
		rc = fail_set(fail, SUP_TOPOLOGY, "%s:%zu:%zu: %s, with the variables put in", t->file,
			      p.problem_mark.line + 1, p.problem_mark.column + 1,
			      p.problem ? p.problem : "not YAML");
	yaml_parser_delete(&p);
	return rc;
}

static int load_data(struct topo *t, const struct topo_text *text, struct fail *fail)
{
	struct fail said = {SUP_OK, ""};
	cyaml_config_t config = cyaml_defaults;
	cyaml_err_t err;

	config.log_ctx = &said;
	err = cyaml_load_data((const uint8_t *)text->data, text->len, &config, &topo_schema,
			      (void **)&t->data, NULL);
	if (err != CYAML_OK || !t->data)
		return fail_set(fail, SUP_TOPOLOGY, "%s: %s", t->file,
				said.text[0] ? said.text : cyaml_strerror(err));
	return 0;
}

static void load_report(struct topo *t)
{
	yaml_node_t *job = topo_node_get(&t->doc, yaml_document_get_root_node(&t->doc), "job");
	yaml_node_t *map = topo_node_get(&t->doc, job, "report");

	if (!map)
		return;
	t->report = arena_alloc(&t->arena,
				(size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start) + 1,
				sizeof(*t->report));
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(&t->doc, p->key),
			    *v = yaml_document_get_node(&t->doc, p->value);

		t->report[t->report_cnt++] = (struct topo_pair){
			(const char *)k->data.scalar.value, (const char *)v->data.scalar.value,
			(unsigned)v->start_mark.line + 1, (unsigned)v->start_mark.column + 1};
	}
}

int topo_load(struct topo **out, const char *file, const char *const *sets, unsigned set_cnt,
	      struct fail *fail)
{
	struct topo *t = calloc(1, sizeof(*t));
	struct topo_text raw, text;

	*out = NULL;
	if (!t)
		return fail_set(fail, SUP_SYSTEM, "%s: no memory", file);
	t->file = arena_strndup(&t->arena, file, strlen(file));
	if (topo_text_read(&raw, t->file, &t->arena, fail) ||
	    topo_text_expand(&text, &raw, sets, set_cnt, &t->arena, fail) || load_document(t, &text, fail) ||
	    topo_schema_check(&t->doc, t->file, fail, NULL, NULL) || load_data(t, &text, fail)) {
		topo_free(t);
		return -1;
	}
	load_report(t);
	*out = t;
	return 0;
}

void topo_mistakes(const char *file, const char *const *sets, unsigned set_cnt,
		   void (*each)(void *ctx, const char *text), void *ctx)
{
	struct topo *t = calloc(1, sizeof(*t));
	struct topo_text raw, text;
	struct fail fail;

	if (!t)
		return;
	t->file = arena_strndup(&t->arena, file, strlen(file));
	if (!topo_text_read(&raw, t->file, &t->arena, &fail) &&
	    !topo_text_expand(&text, &raw, sets, set_cnt, &t->arena, &fail) && !load_document(t, &text, &fail))
		topo_schema_check(&t->doc, t->file, &fail, each, ctx);
	topo_free(t);
}

void topo_free(struct topo *t)
{
	if (!t)
		return;
	if (t->data)
		cyaml_free(&cyaml_defaults, &topo_schema, t->data, 0);
	if (t->has_doc)
		yaml_document_delete(&t->doc);
	arena_free(&t->arena);
	free(t);
}

const struct topo_data *topo_data(const struct topo *t)
{
	return t->data;
}

const struct topo_pair *topo_report(const struct topo *t, unsigned *cnt)
{
	*cnt = t->report_cnt;
	return t->report;
}

static yaml_node_t *item_of(yaml_document_t *doc, yaml_node_t *seq, unsigned i)
{
	if (!seq || seq->type != YAML_SEQUENCE_NODE || i == TOPO_NONE ||
	    i >= (size_t)(seq->data.sequence.items.top - seq->data.sequence.items.start))
		return NULL;
	return yaml_document_get_node(doc, seq->data.sequence.items.start[i]);
}

static yaml_mark_t mark_of(const struct topo *t, struct topo_place at)
{
	yaml_document_t *doc = (yaml_document_t *)&t->doc; // libyaml's lookups take no const
	yaml_node_t *n = yaml_document_get_root_node(doc), *deeper;

	if (at.section && (deeper = topo_node_get(doc, n, at.section)))
		n = deeper;
	if (at.item != TOPO_NONE && (deeper = item_of(doc, n, at.item)))
		n = deeper;
	if (at.key && (deeper = topo_node_get(doc, n, at.key)))
		n = deeper;
	if (at.sub != TOPO_NONE && (deeper = item_of(doc, n, at.sub)))
		n = deeper;
	return n->start_mark;
}

bool topo_given(const struct topo *t, struct topo_place at)
{
	yaml_document_t *doc = (yaml_document_t *)&t->doc; // libyaml's lookups take no const
	yaml_node_t *n = topo_node_get(doc, yaml_document_get_root_node(doc), at.section);

	if (at.item != TOPO_NONE)
		n = item_of(doc, n, at.item);
	return topo_node_get(doc, n, at.key) != NULL;
}

int topo_bad(const struct topo *t, struct topo_place at, struct fail *fail, const char *fmt, ...)
{
	yaml_mark_t mark = mark_of(t, at);
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_set(fail, SUP_TOPOLOGY, "%s:%zu:%zu: %s", t->file, mark.line + 1, mark.column + 1, text);
}

int topo_bad_pair(const struct topo *t, const struct topo_pair *at, struct fail *fail, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail_set(fail, SUP_TOPOLOGY, "%s:%u:%u: %s", t->file, at->line, at->column, text);
}
