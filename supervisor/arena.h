// Memory that is given back all at once: what a topology and its plan are made of.
#ifndef SUPERVISOR_ARENA_H
#define SUPERVISOR_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
};

// arena_alloc returns cnt * size zeroed bytes, aligned for any type, owned by the arena. It never returns
// NULL: a supervisor that can't have the few kilobytes of a topology says so and exits (status SUP_SYSTEM)
// before it has started anything.
void *arena_alloc(struct arena *a, size_t cnt, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_free(struct arena *a);

#endif
