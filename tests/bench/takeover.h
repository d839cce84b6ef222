// What takeover.c and its workers share: what a life writes down, in a file that all map, and the memory that it has.
#ifndef TESTS_BENCH_TAKEOVER_H
#define TESTS_BENCH_TAKEOVER_H

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TAKEOVER_BIG (UINT64_C(1) << 30)

struct takeover_page {
	uint64_t first_ns;         // CLOCK_MONOTONIC, at the first message of the last life
	_Atomic int32_t pid;       // of who has it in hand, with all its memory; written last
	_Atomic uint32_t recorded; // lives whose first_ns stands
};

// Maps and writes the memory of a life of this kind: "none", "private", "shared". Exits if it can't be had.
static inline void takeover_touch(const char *kind)
{
	void *p;

	if (strcmp(kind, "none") == 0)
		return;
	p = mmap(NULL, TAKEOVER_BIG, PROT_READ | PROT_WRITE,
		 (strcmp(kind, "shared") == 0 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		_exit(2);
	madvise(p, TAKEOVER_BIG, MADV_NOHUGEPAGE);
	memset(p, 1, TAKEOVER_BIG);
}

#endif
