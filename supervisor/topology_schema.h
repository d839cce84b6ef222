// Inside of topology.c: a walk of a document tree along it that finds what libcyaml
// would refuse, with the exact position (libcyaml names the last value it had read).
#ifndef SUPERVISOR_TOPOLOGY_SCHEMA_H
#define SUPERVISOR_TOPOLOGY_SCHEMA_H

#include <yaml.h>
#include "supervisor/exits.h"

// Mappings with keys of the author's choice, which a libcyaml schema can't describe, are CYAML_IGNORE in it;
// the walk checks that they are mappings of plain values. Returns 0 or -1 with *fail = SUP_TOPOLOGY
// "file:line:column: ...".
// With `each` it is called for every mistake, and the result is 0.
int topo_schema_check(yaml_document_t *doc, const char *file, struct fail *fail,
		      void (*each)(void *ctx, const char *text), void *ctx);
// topo_schema_check_free checks such a mapping alone: `map`, named `what` in messages.
int topo_schema_check_free(yaml_document_t *doc, const char *file, const char *what, yaml_node_t *map,
			   struct fail *fail);

// topo_node_get: the value of `key` in mapping `map`, or NULL.
yaml_node_t *topo_node_get(yaml_document_t *doc, yaml_node_t *map, const char *key);

#endif
