#include "supervisor/schema.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/topology_form.h"
#include "supervisor/topology_keys.h"

#define VARIABLE "\\$\\{" // a value that holds a variable is checked when it is known

static json_t *mapping(const cyaml_schema_field_t *fields, const char *section);

static json_t *any_of(json_t *first, json_t *second)
{
	json_t *list = json_array(), *o = json_object();

	if (first)
		json_array_append_new(list, first);
	json_array_append_new(list, second);
	json_array_append_new(list, json_pack("{s:s, s:s}", "type", "string", "pattern", VARIABLE));
	json_object_set_new(o, "anyOf", list);
	return o;
}

static json_t *number(const cyaml_schema_value_t *v, const struct topo_key *k)
{
	bool is_signed = v->type == CYAML_INT;
	unsigned bits = 8 * v->data_size - is_signed;
	int64_t most = bits >= 63 ? INT64_MAX : (INT64_C(1) << bits) - 1, least = is_signed ? -most - 1 : 0;

	if (k->min || k->max) {
		least = k->min;
		most = k->max;
	}
	return any_of(NULL, json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)least,
				      "maximum", (json_int_t)most));
}

// Some editors read on and off, yes and no as booleans.
static bool boolean_word(const char *s)
{
	return strcmp(s, "on") == 0 || strcmp(s, "off") == 0 || strcmp(s, "yes") == 0 || strcmp(s, "no") == 0;
}

static json_t *choice(const cyaml_schema_value_t *v)
{
	json_t *words = json_array(), *o;
	bool boolean = false;

	for (uint32_t i = 0; i < v->enumeration.count; i++) {
		const char *s = v->enumeration.strings[i].str;

		json_array_append_new(words, json_string(s));
		boolean |= boolean_word(s);
	}
	o = json_object();
	json_object_set_new(o, "enum", words);
	return any_of(boolean ? json_pack("{s:s}", "type", "boolean") : NULL, o);
}

static json_t *string(const cyaml_schema_value_t *v, const struct topo_key *k)
{
	const char *pattern = topo_form_pattern(k->form);
	json_t *types;

	if (pattern)
		return any_of(k->form == TOPO_FORM_CAP
				      ? NULL
				      : json_pack("{s:s, s:i}", "type", "integer", "minimum", 0),
			      json_pack("{s:s, s:s}", "type", "string", "pattern", pattern));
	// What looks like a number or a boolean is taken as it stands.
	types = json_pack("[s, s, s]", "string", "number", "boolean");
	if (v->string.min == 0)
		json_array_append_new(types, json_string("null"));
	return json_pack("{s:o, s:i, s:I}", "type", types, "minLength", (int)v->string.min, "maxLength",
			 (json_int_t)v->string.max);
}

static json_t *value(const cyaml_schema_value_t *v, const struct topo_key *k)
{
	json_t *o;

	switch (v->type) {
	case CYAML_MAPPING:
		return mapping(v->mapping.fields, k->key);
	case CYAML_SEQUENCE:
		o = json_pack("{s:s, s:I, s:I}", "type", "array", "minItems", (json_int_t)v->sequence.min,
			      "maxItems", (json_int_t)v->sequence.max);
		json_object_set_new(o, "items", value(v->sequence.entry, k));
		return o;
	case CYAML_UINT:
	case CYAML_INT:
		return number(v, k);
	case CYAML_ENUM:
		return choice(v);
	case CYAML_STRING:
		return string(v, k);
	default: // names of the author's choice
		return json_pack("{s:s, s:{s:[s, s, s, s]}}", "type", "object", "additionalProperties",
				 "type", "string", "number", "boolean", "null");
	}
}

static void set_default(json_t *o, const cyaml_schema_value_t *v, const char *initial)
{
	char *end;
	long long n = strtoll(initial, &end, 10);

	if (v->type == CYAML_UINT && end != initial && !*end)
		json_object_set_new(o, "default", json_integer(n));
	for (uint32_t i = 0; v->type == CYAML_ENUM && i < v->enumeration.count; i++)
		if (strcmp(v->enumeration.strings[i].str, initial) == 0)
			json_object_set_new(o, "default", json_string(initial));
}

static json_t *mapping(const cyaml_schema_field_t *fields, const char *section)
{
	json_t *properties = json_object(), *required = json_array(), *o;

	for (const cyaml_schema_field_t *f = fields; f->key; f++) {
		const struct topo_key *k = topo_key_find(section, f->key);

		o = value(&f->value, k);
		json_object_set_new(o, "description",
				    k->initial ? json_sprintf("%s Default: %s.", k->text, k->initial)
					       : json_string(k->text));
		if (k->initial)
			set_default(o, &f->value, k->initial);
		json_object_set_new(properties, f->key, o);
		if (!(f->value.flags & CYAML_FLAG_OPTIONAL))
			json_array_append_new(required, json_string(f->key));
	}
	o = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties",
		      properties);
	if (json_array_size(required))
		json_object_set_new(o, "required", required);
	else
		json_decref(required);
	return o;
}

json_t *schema_json(void)
{
	json_t *o = json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
			      "title", "shmsup topology"),
	       *top = mapping(topo_top_fields, "topology");

	json_object_update(o, top);
	json_decref(top);
	return o;
}
