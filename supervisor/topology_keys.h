// Inside of topology.c and schema.c: every key of a topology file, once. The reader, the check with line and column,
// the JSON schema and the manual page all come from these tables.
#ifndef SUPERVISOR_TOPOLOGY_KEYS_H
#define SUPERVISOR_TOPOLOGY_KEYS_H

#include <cyaml/cyaml.h>
#include <stdint.h>

extern const cyaml_schema_value_t topo_schema;
extern const cyaml_schema_field_t *const topo_top_fields;

// What a value that libcyaml takes for a string has to look like.
enum topo_form {
	TOPO_FORM_ANY,
	TOPO_FORM_SIZE,  // bytes: 4096, 64K, 512M, 2G
	TOPO_FORM_CLASS, // SIZE*COUNT
	TOPO_FORM_LIMIT, // VALUE or SOFT:HARD; each a size or `unlimited`
	TOPO_FORM_CPUS,  // 0-3,8
	TOPO_FORM_CAP,   // a capability's name, as net_bind_service
	TOPO_FORM_CNT
};

struct topo_key {
	const char *section; // the key that it stands under; "topology" at the top
	const char *key;
	const char *text;    // what it means: a sentence or two
	const char *initial; // what holds without it; NULL: it must be there, or nothing holds
	int64_t min, max;    // of a number, both 0 = what its type holds
	const char *hint;    // added to a message about the bounds, or NULL
	enum topo_form form;
};

// Ends with a key of NULL. Sections in the order of the manual.
extern const struct topo_key topo_keys[];
const struct topo_key *topo_key_find(const char *section, const char *key); // NULL if there is none

// topo_field_find finds the field of a key; topo_word the word that stands for `value` of a key with words, or "".
const cyaml_schema_field_t *topo_field_find(const char *section, const char *key);
const char *topo_word(const char *section, const char *key, int64_t value);

#endif
