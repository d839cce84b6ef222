// What the worker of respawn.c writes down for it.
#ifndef TESTS_BENCH_RESPAWN_H
#define TESTS_BENCH_RESPAWN_H

#include <stdatomic.h>
#include <stdint.h>

struct respawn_page {
	uint64_t first_ns;    // CLOCK_MONOTONIC, at the first message or, bare, at the first statement
	_Atomic uint32_t inc; // of whom; written last
};

#endif
