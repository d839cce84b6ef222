// What the services of the supervisors' benchmark write down: each life of each of them, in a file that all map.
#ifndef TESTS_BENCH_SUP_PAGE_H
#define TESTS_BENCH_SUP_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define SUP_SERVICES 256 // numbers 1 .. SUP_SERVICES - 1
#define SUP_LIVES 64     // the last ones are kept

struct sup_life {
	uint64_t main_ns;  // CLOCK_MONOTONIC, at the first statement of main
	uint64_t death_ns; // right before a death of its own
	int32_t pid;
};

struct sup_service {
	_Atomic uint32_t lives; // futex; life n stands at n % SUP_LIVES, whole when this is above n
	struct sup_life life[SUP_LIVES];
};

struct sup_page {
	struct sup_service of[SUP_SERVICES];
};

#endif
