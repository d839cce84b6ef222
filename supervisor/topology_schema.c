#include "supervisor/topology_schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/topology.h"

#define LIST_MAX 4096
#define OPT CYAML_FLAG_OPTIONAL
#define OPT_PTR (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define ENTRIES(a) (a), sizeof(a) / sizeof((a)[0])
#define LIST(key, flags, type, entry, min, max) \
	CYAML_FIELD_SEQUENCE_COUNT(#key, CYAML_FLAG_POINTER | (flags), type, key, key##_cnt, entry, min, max)
#define STRING(key, flags, type) \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | (flags), type, key, 1, 4096)
#define NUMBER_OPT(key, type) CYAML_FIELD_UINT_PTR(#key, OPT_PTR, type, key)

static const cyaml_strval_t bools[] = {{"off", TOPO_NO}, {"no", TOPO_NO},   {"false", TOPO_NO},
				       {"on", TOPO_YES}, {"yes", TOPO_YES}, {"true", TOPO_YES}};
static const cyaml_strval_t restarts[] = {
	{"always", TOPO_ALWAYS}, {"on-failure", TOPO_ON_FAILURE}, {"never", TOPO_NEVER}};
static const cyaml_strval_t readies[] = {{"notify", TOPO_READY_NOTIFY}, {"spawn", TOPO_READY_SPAWN}};
static const cyaml_strval_t kinds[] = {{"slot", SHMCHAN_KIND_SLOT},
				       {"slot-ref", SHMCHAN_KIND_SLOT_REF},
				       {"spsc", SHMCHAN_KIND_SPSC},
				       {"mpsc", SHMCHAN_KIND_MPSC}};
static const cyaml_strval_t crashes[] = {
	{"dead-letter", SHMCHAN_DEAD_LETTER}, {"drop", SHMCHAN_DROP}, {"redeliver", SHMCHAN_REDELIVER}};

static const cyaml_schema_value_t string_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 4096)};
static const cyaml_schema_value_t number_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const cyaml_schema_field_t service_fields[] = {
	STRING(name, 0, struct topo_service),
	STRING(command, 0, struct topo_service),
	LIST(args, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	LIST(env, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	NUMBER_OPT(replicas, struct topo_service),
	CYAML_FIELD_ENUM("restart", OPT | CYAML_FLAG_STRICT, struct topo_service, restart, restarts, 3),
	CYAML_FIELD_ENUM("ready", OPT | CYAML_FLAG_STRICT, struct topo_service, ready, readies, 2),
	NUMBER_OPT(ready_timeout_ms, struct topo_service),
	NUMBER_OPT(stop_timeout_ms, struct topo_service),
	NUMBER_OPT(max_deaths, struct topo_service),
	NUMBER_OPT(window_ms, struct topo_service),
	LIST(fatal_exits, OPT, struct topo_service, &number_entry, 0, 255),
	LIST(depends_on, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	CYAML_FIELD_END};
static const cyaml_schema_field_t channel_fields[] = {
	STRING(name, 0, struct topo_channel),
	STRING(each, OPT, struct topo_channel),
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct topo_channel, kind, kinds, 4),
	NUMBER_OPT(capacity, struct topo_channel),
	CYAML_FIELD_UINT("message_size", OPT, struct topo_channel, message_size),
	LIST(producers, 0, struct topo_channel, &string_entry, 1, LIST_MAX),
	LIST(consumers, 0, struct topo_channel, &string_entry, 1, LIST_MAX),
	CYAML_FIELD_ENUM("on_crash", OPT | CYAML_FLAG_STRICT, struct topo_channel, on_crash, crashes, 3),
	NUMBER_OPT(max_deliveries, struct topo_channel),
	LIST(tally, OPT, struct topo_channel, &string_entry, 0, SHMCHAN_TALLY_MAX),
	CYAML_FIELD_END};
static const cyaml_schema_field_t pool_fields[] = {
	STRING(name, 0, struct topo_pool),
	CYAML_FIELD_UINT("block_size", CYAML_FLAG_DEFAULT, struct topo_pool, block_size),
	CYAML_FIELD_UINT("block_count", CYAML_FLAG_DEFAULT, struct topo_pool, block_count),
	LIST(users, 0, struct topo_pool, &string_entry, 1, LIST_MAX), CYAML_FIELD_END};
static const cyaml_schema_field_t job_fields[] = {STRING(complete, 0, struct topo_job),
						  CYAML_FIELD_IGNORE("report", OPT),
						  LIST(balance, OPT, struct topo_job, &string_entry, 2, 64),
						  LIST(zero, OPT, struct topo_job, &string_entry, 0, 64),
						  LIST(progress, OPT, struct topo_job, &string_entry, 0, 64),
						  CYAML_FIELD_END};
static const cyaml_schema_field_t chaos_fields[] = {
	CYAML_FIELD_ENUM("enabled", OPT | CYAML_FLAG_STRICT, struct topo_chaos, enabled, bools, 6),
	LIST(services, 0, struct topo_chaos, &string_entry, 1, LIST_MAX),
	LIST(every_ms, 0, struct topo_chaos, &number_entry, 2, 2), NUMBER_OPT(seed, struct topo_chaos),
	CYAML_FIELD_END};

static const cyaml_schema_value_t service_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_service, service_fields)};
static const cyaml_schema_value_t channel_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_channel, channel_fields)};
static const cyaml_schema_value_t pool_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_pool, pool_fields)};

static const cyaml_schema_field_t top_fields[] = {
	STRING(group, 0, struct topo_data),
	CYAML_FIELD_IGNORE("variables", OPT),
	LIST(services, 0, struct topo_data, &service_entry, 1, SHMCHAN_NAME_MAX * 32),
	LIST(channels, OPT, struct topo_data, &channel_entry, 0, LIST_MAX),
	LIST(pools, OPT, struct topo_data, &pool_entry, 0, LIST_MAX),
	CYAML_FIELD_MAPPING_PTR("job", OPT_PTR, struct topo_data, job, job_fields),
	CYAML_FIELD_MAPPING_PTR("chaos", OPT_PTR, struct topo_data, chaos, chaos_fields),
	CYAML_FIELD_END};
const cyaml_schema_value_t topo_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct topo_data, top_fields)};

struct walk {
	yaml_document_t *doc;
	const char *file;
	struct fail *fail;
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
	return fail_set(w->fail, SUP_TOPOLOGY, "%s:%zu:%zu: %s", w->file, mark.line + 1, mark.column + 1,
			text);
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

static int check_keys_once(struct walk *w, yaml_node_t *map)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(w->doc, p->key);

		if (!text_of(key))
			return bad(w, key, "a key must be a single word");
		for (yaml_node_pair_t *q = map->data.mapping.pairs.start; q < p; q++)
			if (strcmp(text_of(yaml_document_get_node(w->doc, q->key)), text_of(key)) == 0)
				return bad(w, key, "key '%s' is given twice", text_of(key));
	}
	return 0;
}

static int check_free_mapping(struct walk *w, const char *what, yaml_node_t *map)
{
	if (map->type != YAML_MAPPING_NODE)
		return bad(w, map, "'%s' must be a mapping of names to values, this is %s", what,
			   type_of(map));
	if (check_keys_once(w, map))
		return -1;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *value = yaml_document_get_node(w->doc, p->value);

		if (!text_of(value))
			return bad(w, value, "the value of '%s' must be a single value, this is %s",
				   text_of(yaml_document_get_node(w->doc, p->key)), type_of(value));
	}
	return 0;
}

static int check_number(struct walk *w, const cyaml_schema_value_t *schema, const char *what, yaml_node_t *n)
{
	uint64_t max = schema->data_size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * schema->data_size) - 1;
	const char *s = text_of(n);
	char *end;
	uint64_t v;

	errno = 0;
	v = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || (*s == '0' && s[1]))
		return bad(w, n, "'%s' must be a whole number, '%s' is not", what, s);
	if (errno || v > max)
		return bad(w, n, "'%s' is too large: %s, the largest is %llu", what, s,
			   (unsigned long long)max);
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

static int check_string(struct walk *w, const cyaml_schema_value_t *schema, const char *what, yaml_node_t *n)
{
	size_t len = n->data.scalar.length;

	if (strlen(text_of(n)) != len)
		return bad(w, n, "'%s' holds a NUL byte", what);
	if (len < schema->string.min)
		return bad(w, n, "'%s' is empty", what);
	if (len > schema->string.max)
		return bad(w, n, "'%s' is longer than %u bytes", what, schema->string.max);
	return 0;
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema, const char *what, yaml_node_t *n);

static int check_mapping(struct walk *w, const cyaml_schema_field_t *fields, const char *what,
			 yaml_node_t *map)
{
	char known[320];

	if (map->type != YAML_MAPPING_NODE)
		return bad(w, map, "'%s' must be a mapping, this is %s", what, type_of(map));
	if (check_keys_once(w, map))
		return -1;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		yaml_node_t *key = yaml_document_get_node(w->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(w->doc, p->value);
		const cyaml_schema_field_t *f = fields;

		while (f->key && strcmp(f->key, text_of(key)) != 0)
			f++;
		if (!f->key) {
			join_keys(fields, known, sizeof(known));
			return bad(w, key, "unknown key '%s' in '%s'; known are: %s", text_of(key), what,
				   known);
		}
		if (check_value(w, &f->value, f->key, value))
			return -1;
	}
	for (const cyaml_schema_field_t *f = fields; f->key; f++)
		if (!(f->value.flags & CYAML_FLAG_OPTIONAL) && !topo_node_get(w->doc, map, f->key))
			return bad(w, map, "'%s' lacks the key '%s'", what, f->key);
	return 0;
}

static int check_sequence(struct walk *w, const cyaml_schema_value_t *schema, const char *what,
			  yaml_node_t *seq)
{
	size_t cnt;

	if (seq->type != YAML_SEQUENCE_NODE)
		return bad(w, seq, "'%s' must be a list, this is %s", what, type_of(seq));
	cnt = (size_t)(seq->data.sequence.items.top - seq->data.sequence.items.start);
	if (cnt < schema->sequence.min)
		return bad(w, seq, "'%s' needs at least %u, this has %zu", what, schema->sequence.min, cnt);
	if (cnt > schema->sequence.max)
		return bad(w, seq, "'%s' can have at most %u, this has %zu", what, schema->sequence.max, cnt);
	for (size_t i = 0; i < cnt; i++)
		if (check_value(w, schema->sequence.entry, what,
				yaml_document_get_node(w->doc, seq->data.sequence.items.start[i])))
			return -1;
	return 0;
}

static int check_value(struct walk *w, const cyaml_schema_value_t *schema, const char *what, yaml_node_t *n)
{
	if (schema->type == CYAML_MAPPING)
		return check_mapping(w, schema->mapping.fields, what, n);
	if (schema->type == CYAML_SEQUENCE)
		return check_sequence(w, schema, what, n);
	if (schema->type == CYAML_IGNORE)
		return check_free_mapping(w, what, n);
	if (!text_of(n))
		return bad(w, n, "'%s' must be a single value, this is %s", what, type_of(n));
	if (schema->type == CYAML_UINT)
		return check_number(w, schema, what, n);
	if (schema->type == CYAML_ENUM)
		return check_enum(w, schema, what, n);
	return check_string(w, schema, what, n);
}

int topo_schema_check(yaml_document_t *doc, const char *file, struct fail *fail)
{
	struct walk w = {doc, file, fail};
	yaml_node_t *root = yaml_document_get_root_node(doc);

	if (!root)
		return fail_set(fail, SUP_TOPOLOGY, "%s:1:1: the file holds no topology", file);
	return check_mapping(&w, top_fields, "topology", root);
}

int topo_schema_check_free(yaml_document_t *doc, const char *file, const char *what, yaml_node_t *map,
			   struct fail *fail)
{
	struct walk w = {doc, file, fail};

	return check_free_mapping(&w, what, map);
}
