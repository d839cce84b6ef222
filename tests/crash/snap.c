#include "tests/crash/snap.h"

#include <stdlib.h>
#include <string.h>

void snap_add(struct snap *s, void *base, size_t size)
{
	if (s->cnt == SNAP_PARTS)
		abort();
	s->part[s->cnt].base = base;
	s->part[s->cnt++].size = size;
	s->size += size;
}

bool snap_like(struct snap *to, const struct snap *s)
{
	*to = *s;
	to->saved = malloc(s->size);
	return to->saved != NULL;
}

void snap_drop(struct snap *s)
{
	free(s->saved);
	*s = (struct snap){0};
}

bool snap_changed(const struct snap *s)
{
	const char *saved = s->saved;

	for (unsigned i = 0; i < s->cnt; saved += s->part[i++].size)
		if (memcmp(saved, s->part[i].base, s->part[i].size) != 0)
			return true;
	return false;
}

void snap_save(struct snap *s)
{
	char *saved = s->saved;

	for (unsigned i = 0; i < s->cnt; saved += s->part[i++].size)
		memcpy(saved, s->part[i].base, s->part[i].size);
}

void snap_load(const struct snap *s)
{
	const char *saved = s->saved;

	for (unsigned i = 0; i < s->cnt; saved += s->part[i++].size)
		memcpy(s->part[i].base, saved, s->part[i].size);
}

static bool skipped(const char *at, uint64_t *const *skip, unsigned skips)
{
	for (unsigned i = 0; i < skips; i++)
		if ((const char *)skip[i] == at)
			return true;
	return false;
}

uint64_t snap_hash(const struct snap *s, uint64_t *const *skip, unsigned skips)
{
	uint64_t h = 0xcbf29ce484222325ull, word;
	const char *saved = s->saved;

	for (unsigned i = 0; i < s->cnt; saved += s->part[i++].size)
		for (size_t at = 0; at + 8 <= s->part[i].size; at += 8) {
			memcpy(&word, saved + at, 8);
			if (skipped(s->part[i].base + at, skip, skips))
				word = 0;
			h = (h ^ word) * 0x100000001b3ull;
			h ^= h >> 29;
		}
	return h;
}
