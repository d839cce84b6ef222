#include "supervisor/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "supervisor/exits.h"

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

static _Noreturn void no_memory(void)
{
	fputs("shmsup: no memory for the topology; nothing was started\n", stderr);
	exit(SUP_SYSTEM);
}

void *arena_alloc(struct arena *a, size_t cnt, size_t size)
{
	struct arena_chunk *c = a->chunks;
	size_t need;

	if (__builtin_mul_overflow(cnt, size, &need) || need > SIZE_MAX / 2)
		no_memory();
	need = (need + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!c || c->size - c->used < need) {
		size_t room = need > 16384 ? need : 16384;

		c = calloc(1, sizeof(*c) + room);
		if (!c)
			no_memory();
		c->size = room;
		c->next = a->chunks;
		a->chunks = c;
	}
	c->used += need;
	return c->data + c->used - need;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	return memcpy(arena_alloc(a, len + 1, 1), s, len);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = arena_alloc(a, (size_t)len + 1, 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

void arena_free(struct arena *a)
{
	for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	a->chunks = NULL;
}
