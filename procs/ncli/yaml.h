#ifndef NCLI_YAML_H
#define NCLI_YAML_H

#include <jansson.h>
#include <yaml.h>

#include "procs/ncli/cases.h"

/* One YAML (or JSON) file of a case as a tree of nodes; ncli_yaml_close frees it. */
struct ncli_yaml {
	yaml_document_t doc;
	yaml_node_t *root; /* NULL for an empty file */
};

/* Fails the case where the file is missing or no YAML. */
bool ncli_yaml_open(struct ncli_case *c, const char *name, struct ncli_yaml *y);
void ncli_yaml_close(struct ncli_yaml *y);

/* A member of a mapping, NULL where there is none; an element of a sequence, NULL past its end. */
yaml_node_t *ncli_yaml_get(struct ncli_yaml *y, const yaml_node_t *mapping, const char *key);
yaml_node_t *ncli_yaml_at(struct ncli_yaml *y, const yaml_node_t *sequence, size_t i);
size_t ncli_yaml_length(const yaml_node_t *sequence);

/* The text of a scalar, NULL where `node` is none. */
const char *ncli_yaml_text(const yaml_node_t *node);

/* A scalar as a number, or as n bytes of hex; false where it is none. */
bool ncli_yaml_u64(const yaml_node_t *node, uint64_t *out);
bool ncli_yaml_bytes(const yaml_node_t *node, uint8_t *out, size_t n);

/*
 * ncli_yaml_same compares a tree with what ncli_json made of a value: numbers and hex by their text. On a
 * difference fails the case with the place in the value.
 */
bool ncli_yaml_same(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *node, const json_t *value);

#endif
