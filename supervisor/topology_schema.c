#include "supervisor/topology_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/topology.h"
#include "supervisor/topology_form.h"
#include "supervisor/topology_keys.h"

struct walk {
	yaml_document_t *doc;
	const char *file;
	struct fail *fail;
	void (*each)(void *ctx,
		     const char *text); // for every mistake, and the walk goes on; NULL: the first ends it
	void *ctx;
};

#define bad(w, n, ...) bad_at((w), (n)->start_mark, __VA_ARGS__)
static int bad_at(struct walk *w, yaml_mark_t mark, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int bad_at(struct walk *w, yaml_mark_t mark, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fail_set(w->fail, SUP_TOPOLOGY, "%s:%zu:%zu: %s", w->file, mark.line + 1, mark.column + 1, text);
	if (!w->each)
		return -1;
	w->each(w->ctx, w->fail->text);
	return 0;
}

static const char *text_of(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static const char *type_of(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE     ? "a single value"
	       : n->type == YAML_SEQUENCE_NODE ? "a list"
					       : "a mapping";
}

yaml_node_t *topo_node_get(yaml_document_t *doc, yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const char *name = text_of(yaml_document_get_node(doc, p->key));

		if (name && strcmp(name, key) == 0)
			return yaml_document_get_node(doc, p->value);
	}
	return NULL;
}

static void join_keys(const cyaml_schema_field_t *f, char *out, size_t size)
{
	size_t used = 0;

	out[0] = 0;
	for (; f->key && used < size; f++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", f->key);
}

// Returns 1 if the keys can't be looked at any further.
static int check_keys_once(struct walk *w, yaml_node_t *map)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(w->doc, p->key);

		if (!text_of(key))
			return bad(w, key, "a key must be a single word") ? -1 : 1;
		for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++)
			if (strcmp(text_of(yaml_document_get_node(w->doc, q->key)), text_of(key)) == 0 &&
			    bad(w, key, "key '%s' is given twice", text_of(key)))
				return -1;
	}
	return 0;
}

static int check_free_mapping(struct walk *w, const char *what, yaml_node_t *map)
{
	int once;

	if (map->type != YAML_MAPPING_NODE)
		return bad(w, map, "'%s' must be a mapping of names to values, this is %s", what,
			   type_of(map));
	once = check_keys_once(w, map);
	if (once)
		return once < 0 ? -1 : 0;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *value = yaml_document_get_node(w->doc, p->value);

		if (!text_of(value) && bad(w, value, "the value of '%s' must be a single value, this is %s",
					   text_of(yaml_document_get_node(w->doc, p->key)), type_of(value)))
			return -1;
	}
	return 0;
}

static int check_number(struct walk *w, const cyaml_schema_value_t *schema, const struct topo_key *k,
			yaml_node_t *n)
{
	bool is_signed = schema->type == CYAML_INT;
	unsigned bits = 8 * schema->data_size - is_signed;
	uint64_t most = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1, v;
	const char *s = text_of(n), *digits = s + (is_signed && *s == '-');
	char *end;
	int64_t value;

	errno = 0;
	v = strtoull(digits, &end, 10);
	if (*digits < '0' || *digits > '9' || *end || (*digits == '0' && digits[1]))
		return bad(w, n, "'%s' must be a whole number, '%s' is not", k->key, s);
	if (errno || v > most)
		return bad(w, n, "'%s' is too large: %s, the largest is %llu", k->key, s,
			   (unsigned long long)most);
	value = digits > s ? -(int64_t)v : v > INT64_MAX ? INT64_MAX : (int64_t)v;
	if ((k->min || k->max) && (value < k->min || value > k->max))
		return bad(w, n, "'%s' must be in %lld to %lld, this is %s%s", k->key, (long long)k->min,
			   (long long)k->max, s, k->hint ? k->hint : "");
	return 0;
}

static int check_enum(struct walk *w, const cyaml_schema_value_t *schema, const char *what, yaml_node_t *n)
{
	const char *s = text_of(n);
	char known[160] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < schema->enumeration.count; i++) {
		if (strcmp(schema->enumeration.strings[i].str, s) == 0)
			return 0;
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 schema->enumeration.strings[i].str);
	}
	return bad(w, n, "'%s' can't be '%s'; it is one of: %s", what, s, known);
}

static int check_string(struct walk *w, const cyaml_schema_value_t *schema, const struct topo_key *k,
			yaml_node_t *n)
{
	size_t len = n->data.scalar.length;
	const char *error;

	if (strlen(text_of(n)) != len)
		return bad(w, n, "'%s' holds a NUL byte", k->key);
	if (len < schema->string.min)
		return bad(w, n, "'%s' is empty", k->key);
	if (len > schema->string.max)
		return bad(w, n, "'%s' is longer than %u bytes", k->key, schema->string.max);
	error = topo_form_error(k->form, text_of(n));
	return error ? bad(w, n, "'%s' can't be '%s': %s", k->key, text_of(n), error) : 0;
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema, const struct topo_key *k,
		       yaml_node_t *n);

static int check_mapping(struct walk *w, const cyaml_schema_field_t *fields, const struct topo_key *k,
			 yaml_node_t *map)
{
	char known[480];
	int once;

	if (map->type != YAML_MAPPING_NODE)
		return bad(w, map, "'%s' must be a mapping, this is %s", k->key, type_of(map));
	once = check_keys_once(w, map);
	if (once)
		return once < 0 ? -1 : 0;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(w->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(w->doc, p->value);
		const cyaml_schema_field_t *f = fields;

		while (f->key && strcmp(f->key, text_of(key)) != 0)
			f++;
		if (!f->key) {
			join_keys(fields, known, sizeof(known));
			if (bad(w, key, "unknown key '%s' in '%s'; known are: %s", text_of(key), k->key,
				known))
				return -1;
			continue;
		}
		if (check_value(w, &f->value, topo_key_find(k->key, f->key), value))
			return -1;
	}
	for (const cyaml_schema_field_t *f = fields; f->key; f++)
		if (!(f->value.flags & CYAML_FLAG_OPTIONAL) && !topo_node_get(w->doc, map, f->key) &&
		    bad(w, map, "'%s' lacks the key '%s'", k->key, f->key))
			return -1;
	return 0;
}

static int check_sequence(struct walk *w, const cyaml_schema_value_t *schema, const struct topo_key *k,
			  yaml_node_t *seq)
{
	size_t cnt;

	if (seq->type != YAML_SEQUENCE_NODE)
		return bad(w, seq, "'%s' must be a list, this is %s", k->key, type_of(seq));
	cnt = (size_t)(seq->data.sequence.items.top - seq->data.sequence.items.start);
	if (cnt < schema->sequence.min)
		return bad(w, seq, "'%s' needs at least %u, this has %zu", k->key, schema->sequence.min, cnt);
	if (cnt > schema->sequence.max)
		return bad(w, seq, "'%s' can have at most %u, this has %zu", k->key, schema->sequence.max,
			   cnt);
	for (size_t i = 0; i < cnt; i++)
		if (check_value(w, schema->sequence.entry, k,
				yaml_document_get_node(w->doc, seq->data.sequence.items.start[i])))
			return -1;
	return 0;
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema, const struct topo_key *k,
		       yaml_node_t *n)
{
	if (schema->type == CYAML_MAPPING)
		return check_mapping(w, schema->mapping.fields, k, n);
	if (schema->type == CYAML_SEQUENCE)
		return check_sequence(w, schema, k, n);
	if (schema->type == CYAML_IGNORE)
		return check_free_mapping(w, k->key, n);
	if (!text_of(n))
		return bad(w, n, "'%s' must be a single value, this is %s", k->key, type_of(n));
	if (schema->type == CYAML_UINT || schema->type == CYAML_INT)
		return check_number(w, schema, k, n);
	if (schema->type == CYAML_ENUM)
		return check_enum(w, schema, k->key, n);
	return check_string(w, schema, k, n);
}

int topo_schema_check(yaml_document_t *doc, const char *file, struct fail *fail,
		      void (*each)(void *ctx, const char *text), void *ctx)
{
	static const struct topo_key top = {.key = "topology"};
	struct walk w = {doc, file, fail, each, ctx};
	yaml_node_t *root = yaml_document_get_root_node(doc);

	if (!root)
		return fail_set(fail, SUP_TOPOLOGY, "%s:1:1: the file holds no topology", file);
	return check_mapping(&w, topo_top_fields, &top, root);
}

int topo_schema_check_free(yaml_document_t *doc, const char *file, const char *what, yaml_node_t *map,
			   struct fail *fail)
{
	struct walk w = {doc, file, fail, NULL, NULL};

	return check_free_mapping(&w, what, map);
}
