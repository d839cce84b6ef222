#include "procs/ncli/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ncli_yaml_open(struct ncli_case *c, const char *name, struct ncli_yaml *y)
{
	const struct ncli_file *f = ncli_case_file(c, name);
	yaml_parser_t parser;
	bool ok;

	if (!f)
		return ncli_case_fail(c, "%s is missing", name);
	if (!yaml_parser_initialize(&parser))
		return ncli_case_fail(c, "out of memory");
	yaml_parser_set_input_string(&parser, f->p, f->n);
	ok = yaml_parser_load(&parser, &y->doc);
	if (!ok)
		ncli_case_fail(c, "%s: line %zu: %s", name, parser.problem_mark.line + 1,
			       parser.problem ? parser.problem : "no YAML");
	yaml_parser_delete(&parser);
	y->root = ok ? yaml_document_get_root_node(&y->doc) : NULL;
	return ok;
}

void ncli_yaml_close(struct ncli_yaml *y)
{
	yaml_document_delete(&y->doc);
}

yaml_node_t *ncli_yaml_get(struct ncli_yaml *y, const yaml_node_t *mapping, const char *key)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < mapping->data.mapping.pairs.top;
	     p++) {
		const char *text = ncli_yaml_text(yaml_document_get_node(&y->doc, p->key));

		if (text && !strcmp(text, key))
			return yaml_document_get_node(&y->doc, p->value);
	}
	return NULL;
}

size_t ncli_yaml_length(const yaml_node_t *sequence)
{
	return sequence && sequence->type == YAML_SEQUENCE_NODE
		       ? (size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start)
		       : 0;
}

yaml_node_t *ncli_yaml_at(struct ncli_yaml *y, const yaml_node_t *sequence, size_t i)
{
	return i < ncli_yaml_length(sequence)
		       ? yaml_document_get_node(&y->doc, sequence->data.sequence.items.start[i])
		       : NULL;
}

const char *ncli_yaml_text(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

bool ncli_yaml_u64(const yaml_node_t *node, uint64_t *out)
{
	const char *text = ncli_yaml_text(node);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno;
}

bool ncli_yaml_bytes(const yaml_node_t *node, uint8_t *out, size_t n)
{
	return ncli_unhex(ncli_yaml_text(node), out, n);
}

/* Where in the value: one entry per level, innermost last. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

static int place_text(const struct place *at, char *out, size_t size)
{
	int n = at->up ? place_text(at->up, out, size) : 0;

	if ((size_t)n >= size)
		return n;
	return n + (at->key   ? snprintf(out + n, size - (size_t)n, ".%s", at->key)
		    : !at->up ? 0
			      : snprintf(out + n, size - (size_t)n, "[%zu]", at->index));
}

static bool differs(struct ncli_case *c, const struct place *at, const char *is, const char *expected)
{
	char text[160] = "";

	place_text(at, text, sizeof(text));
	return ncli_case_fail(c, "value%s is %.66s, expected %.66s", text, is, expected);
}

static bool same(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *node, const json_t *value,
		 const struct place *at)
{
	const char *expected = ncli_yaml_text(node), *key;
	json_t *member;
	size_t i;

	if (json_is_object(value)) {
		if (!node || node->type != YAML_MAPPING_NODE ||
		    node->data.mapping.pairs.top - node->data.mapping.pairs.start !=
			    (ptrdiff_t)json_object_size(value))
			return differs(c, at, "a container", "another number of fields");
		json_object_foreach((json_t *)value, key, member)
		{
			const struct place in = {at, key, 0};

			if (!same(c, y, ncli_yaml_get(y, node, key), member, &in))
				return false;
		}
		return true;
	}
	if (json_is_array(value)) {
		if (!node || node->type != YAML_SEQUENCE_NODE ||
		    ncli_yaml_length(node) != json_array_size(value))
			return differs(c, at, "a list", "another length");
		json_array_foreach(value, i, member)
		{
			const struct place in = {at, NULL, i};

			if (!same(c, y, ncli_yaml_at(y, node, i), member, &in))
				return false;
		}
		return true;
	}
	const char *is = json_is_string(value) ? json_string_value(value)
			 : json_is_true(value) ? "true"
					       : "false";

	return (expected && !strcmp(is, expected)) || differs(c, at, is, expected ? expected : "no scalar");
}

bool ncli_yaml_same(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *node, const json_t *value)
{
	const struct place top = {0};

	return same(c, y, node, value, &top);
}
