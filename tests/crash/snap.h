// The bytes that outlive a death: all segments of a group, and what the actor noted.
#ifndef TESTS_CRASH_SNAP_H
#define TESTS_CRASH_SNAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAP_PARTS 32

struct snap {
	struct {
		char *base;
		size_t size;
	} part[SNAP_PARTS];
	unsigned cnt;
	size_t size;
	char *saved;
};

// Nothing is mapped or copied by snap_add; the memory must stay mapped.
void snap_add(struct snap *s, void *base, size_t size);
// A second place for the bytes of the same memory.
bool snap_like(struct snap *to, const struct snap *s);
void snap_drop(struct snap *s);

bool snap_changed(const struct snap *s); // since the last snap_save or snap_load
void snap_save(struct snap *s);
void snap_load(const struct snap *s);
// Of the saved bytes; `skip` words of memory count as zero, as what stands there is never the same twice.
uint64_t snap_hash(const struct snap *s, uint64_t *const *skip, unsigned skips);

#endif
