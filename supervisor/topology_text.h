// Inside of topology.c: variables. A value is put in for ${name} in any scalar that stands on one line, so
// that line numbers stay what they are in the file. `$$` stands for a dollar sign and ${replica} is left for
// plan.h, which puts both in last.
#ifndef SUPERVISOR_TOPOLOGY_TEXT_H
#define SUPERVISOR_TOPOLOGY_TEXT_H

#include <stddef.h>
#include "supervisor/arena.h"
#include "supervisor/exits.h"

struct topo_text {
	const char *file;
	char *data; // the arena's
	size_t len;
};

// topo_text_read reads the whole file into the arena. Errors: SUP_TOPOLOGY (can't be read, too large, holds a
// NUL byte).
int topo_text_read(struct topo_text *out, const char *file, struct arena *a, struct fail *fail);
// topo_text_expand makes *out the text of *in with the variables of the file and of `sets` put in. Errors:
// SUP_TOPOLOGY (syntax, aliases, undefined variable), SUP_USAGE (a bad or unknown --set).
int topo_text_expand(struct topo_text *out, const struct topo_text *in, const char *const *sets,
		     unsigned set_cnt, struct arena *a, struct fail *fail);

#endif
