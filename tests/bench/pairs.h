// Two contenders compared sample by sample: each sample of one beside the next sample of the other, a few milliseconds away.
// What changes slower than that (the cores' distance, a neighbour on the machine) is in both and cancels.
#ifndef TESTS_BENCH_PAIRS_H
#define TESTS_BENCH_PAIRS_H

#include "tests/bench/side.h"

struct pairs;

// Quotients of one class. low to high holds the true median in 19 of 20 runs; q1 to q3 is half of all pairs.
struct pairs_summary {
	unsigned cnt;
	double median, low, high, q1, q3;
};

struct pairs *pairs_new(void); // NULL: out of memory
void pairs_free(struct pairs *p);
// Takes the quotient over->value / under->value, unless the two were not of one class or the line's speed differs. Returns
// the class, NULL if the pair was dropped.
const char *pairs_add(struct pairs *p, const struct sample *over, const struct sample *under);
void pairs_sum_up(const struct pairs *p, const char *cls, struct pairs_summary *out);

#endif
