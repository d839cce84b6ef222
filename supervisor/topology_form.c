#include "supervisor/topology_form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

static bool number(const char **s, uint64_t *out)
{
	char *end;

	if (**s < '0' || **s > '9')
		return false;
	errno = 0;
	*out = strtoull(*s, &end, 10);
	*s = end;
	return errno == 0;
}

static bool size(const char **s, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	unsigned shift;

	if (!number(s, out))
		return false;
	unit = **s ? strchr(units, **s) : NULL;
	if (!unit)
		return true;
	++*s;
	shift = 10 * (unsigned)(unit - units + 1);
	if (*out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

bool topo_size(const char *text, uint64_t *out)
{
	return size(&text, out) && !*text;
}

static bool limit(const char **s, uint64_t *out)
{
	static const char unlimited[] = "unlimited";

	if (strncmp(*s, unlimited, sizeof(unlimited) - 1) != 0)
		return size(s, out);
	*s += sizeof(unlimited) - 1;
	*out = UINT64_MAX;
	return true;
}

bool topo_class(const char *text, uint64_t *bytes, uint64_t *cnt)
{
	if (!size(&text, bytes) || *text++ != '*')
		return false;
	return number(&text, cnt) && !*text;
}

bool topo_limit(const char *text, uint64_t *soft, uint64_t *hard)
{
	if (!limit(&text, soft))
		return false;
	*hard = *soft;
	if (*text == ':') {
		text++;
		if (!limit(&text, hard))
			return false;
	}
	return !*text && *soft <= *hard;
}

bool topo_cpus(const char *text, cpu_set_t *out)
{
	uint64_t first, last;

	CPU_ZERO(out);
	for (;;) {
		if (!number(&text, &first))
			return false;
		last = first;
		if (*text == '-') {
			text++;
			if (!number(&text, &last))
				return false;
		}
		if (first > last || last >= CPU_SETSIZE)
			return false;
		for (uint64_t c = first; c <= last; c++)
			CPU_SET(c, out);
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
	}
}

bool topo_cap(const char *text, int *out)
{
	char name[64];
	cap_value_t cap;

	snprintf(name, sizeof(name), "%s%s", strncasecmp(text, "cap_", 4) == 0 ? "" : "cap_", text);
	if (strlen(text) > 32 || cap_from_name(name, &cap))
		return false;
	*out = cap;
	return true;
}

const char *topo_form_error(enum topo_form form, const char *text)
{
	uint64_t a, b;
	cpu_set_t cpus;
	int cap;

	switch (form) {
	case TOPO_FORM_SIZE:
		return topo_size(text, &a) ? NULL : "a size is a number of bytes, or one with K, M, G or T";
	case TOPO_FORM_CLASS:
		return topo_class(text, &a, &b) ? NULL : "a class is SIZE*COUNT, as 4K*64";
	case TOPO_FORM_LIMIT:
		return topo_limit(text, &a, &b)
			       ? NULL
			       : "a limit is VALUE or SOFT:HARD, SOFT not above HARD, each a "
				 "number (K, M, G, T) or unlimited";
	case TOPO_FORM_CPUS:
		return topo_cpus(text, &cpus) ? NULL : "a set of processors looks like 0-3,8";
	case TOPO_FORM_CAP:
		return topo_cap(text, &cap) ? NULL : "capabilities(7) has no such capability";
	case TOPO_FORM_ANY:
	case TOPO_FORM_CNT:
		break;
	}
	return NULL;
}

#define SIZE "[0-9]+[KMGT]?"
#define LIMIT "(" SIZE "|unlimited)"
const char *topo_form_pattern(enum topo_form form)
{
	static const char *const patterns[] = {
		[TOPO_FORM_ANY] = NULL,
		[TOPO_FORM_SIZE] = "^" SIZE "$",
		[TOPO_FORM_CLASS] = "^" SIZE "\\*[0-9]+$",
		[TOPO_FORM_LIMIT] = "^" LIMIT "(:" LIMIT ")?$",
		[TOPO_FORM_CPUS] = "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$",
		[TOPO_FORM_CAP] = "^[A-Za-z_]+$",
	};

	return patterns[form];
}

const char *topo_form_text(enum topo_form form)
{
	static const char *const texts[] = {
		[TOPO_FORM_ANY] = "a value",
		[TOPO_FORM_SIZE] = "bytes, as a number or with K, M, G or T",
		[TOPO_FORM_CLASS] = "SIZE*COUNT, SIZE in bytes or with K, M, G or T",
		[TOPO_FORM_LIMIT] = "VALUE or SOFT:HARD, numbers or unlimited",
		[TOPO_FORM_CPUS] = "numbers and ranges",
		[TOPO_FORM_CAP] = "a name",
	};
	_Static_assert(sizeof(texts) / sizeof(texts[0]) == TOPO_FORM_CNT, "every form is described");

	return texts[form];
}
