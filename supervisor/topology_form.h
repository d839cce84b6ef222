// The forms of values that are more than a word or a number.
#ifndef SUPERVISOR_TOPOLOGY_FORM_H
#define SUPERVISOR_TOPOLOGY_FORM_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include "supervisor/topology_keys.h"

// topo_form_error says what a value of that form looks like if `text` does not; NULL if it does.
const char *topo_form_error(enum topo_form form, const char *text);
// topo_form_pattern is the form as a regular expression of ECMA 262 (JSON schema); NULL for TOPO_FORM_ANY.
const char *topo_form_pattern(enum topo_form form);
// topo_form_text describes the form in a few words.
const char *topo_form_text(enum topo_form form);

// Each returns false for a text of another form, or a value that does not fit.
bool topo_size(const char *text, uint64_t *out);                   // bytes; K, M, G, T count in 1,024
bool topo_class(const char *text, uint64_t *bytes, uint64_t *cnt); // bytes as above, number of blocks
bool topo_limit(const char *text, uint64_t *soft, uint64_t *hard); // UINT64_MAX = unlimited
bool topo_cpus(const char *text, cpu_set_t *out);                  // at least one, each below CPU_SETSIZE
bool topo_cap(const char *text, int *out); // number of a capability, with or without `cap_`

#endif
