// Between the driver's part (group.c) and that in the forked processes (side.c).
#ifndef TESTS_BENCH_SIDE_PRIV_H
#define TESTS_BENCH_SIDE_PRIV_H

#include <stdatomic.h>
#include "tests/bench/side.h"

#define SIDE_LAPS_MAX 65536

struct side {
	_Alignas(128) _Atomic uint32_t start;
	_Alignas(128) _Atomic uint64_t ack;
	_Alignas(128) _Atomic uint64_t stamp;
	struct {
		_Alignas(128) _Atomic uint32_t running; // 1 in a sample, 2 after it
	} mine[SIDE_PROCS];
};

// The line that classes are told by: one for all contenders, as its speed depends on where in memory it lies.
struct side_line {
	_Alignas(128) _Atomic uint64_t
		ball; // producer 1 makes it odd, the consumer even; 0 before each sample
};
extern struct side_line *side_line;

struct side_order {
	uint32_t no; // of the sample, from 1; 0: end
	uint64_t first, warm, cnt;
};

struct side_answer {
	double value, second, line[2];
	uint64_t bad;
};

_Noreturn void side_process(struct group *g, unsigned who, int sock);

#endif
