// What the workers of takeover.c write down for it, in a file that all map.
#ifndef TESTS_BENCH_TAKEOVER_H
#define TESTS_BENCH_TAKEOVER_H

#include <stdatomic.h>
#include <stdint.h>

struct takeover_page {
	uint64_t first_ns;         // CLOCK_MONOTONIC, at the first message of the last life
	_Atomic int32_t pid;       // of who has it in hand, with all its memory; written last
	_Atomic uint32_t recorded; // lives whose first_ns stands
};

#endif
