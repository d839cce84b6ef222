#ifndef NCLI_LAYOUT_H
#define NCLI_LAYOUT_H

#include "procs/ncli/cases.h"

struct ncli_cases {
	struct ncli_case *item;
	size_t n, room;
};

/*
 * ncli_cases_find splits a set into cases by what its paths look like. What has no known layout becomes a
 * case that fails; documentation (README.md, schema.json, LICENSE) is none. Returns 0, or -1: out of memory.
 * ncli_cases_free frees the list; the cases refer to the set.
 */
int ncli_cases_find(struct ncli_cases *cases, const struct ncli_set *set);
void ncli_cases_free(struct ncli_cases *cases);

/* What names a case in messages: archive or directory, then the path in it. */
void ncli_case_title(const struct ncli_case *c, char *out, size_t size);

#endif
