// One contender at work on one row: its processes, and the samples asked of them.
#ifndef TESTS_BENCH_SIDE_H
#define TESTS_BENCH_SIDE_H

#include <sys/types.h>
#include "tests/bench/bench.h"

#define SIDE_PROCS (PRODUCERS_MAX + 1)

struct group {
	const struct contender *c;
	const struct row *row;
	void *state;
	struct side *side;
	pid_t pid[SIDE_PROCS];
	int sock[SIDE_PROCS];
	unsigned procs;
	uint64_t next; // number of the next message
	uint64_t cnt;  // messages of a sample
	bool failed;
};

struct sample {
	double value, second; // ns; second is NAN if there is none
	double line[2];       // ns, bare round trip of a cache line before and after
	double msec;          // of the whole sample
};

// "near" or "far", by the line's round trip before and after the sample; NULL if the two disagree.
const char *sample_class(const struct sample *s, double near_ns);
#define NEAR_NS 300

// The two processors of the run. Returns false if this process may use only one.
bool side_cpus(void);
void side_calibrate_clock(void);

// Forks the processes. False: said why on stderr, nothing is left.
bool group_start(struct group *g, const struct contender *c, const struct row *row);
// One sample of `cnt` messages. False: a process died, hung, or received what was not sent; said on stderr.
bool group_sample(struct group *g, uint64_t cnt, struct sample *out);
// The same, counting the system calls of all processes while messages pass.
bool group_count_calls(struct group *g, uint64_t cnt, uint64_t *calls);
void group_end(struct group *g);

#endif
