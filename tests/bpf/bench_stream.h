// What is left of the rate of a 64-byte stream between two processes while it is watched, and what probes cost that nobody
// listens to.
#ifndef TESTS_BPF_BENCH_STREAM_H
#define TESTS_BPF_BENCH_STREAM_H

#include "bpf/watch.h"
#include "tests/bench/table.h"

// Adds its samples to t and prints what they come to. Returns a code of bpf/watch.h.
int bench_stream(struct table *t, double seconds, struct watch_why *why);

#endif
