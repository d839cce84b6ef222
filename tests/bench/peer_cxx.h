// Message types for peers that are templates.
#ifndef TESTS_BENCH_PEER_CXX_H
#define TESTS_BENCH_PEER_CXX_H

#include "tests/bench/bench.h"

template <size_t N> struct message {
	char b[N];
};

// For the pointers that loops.inc hands out.
template <size_t N> static inline message<N> *as(const void *p)
{
	return static_cast<message<N> *>(const_cast<void *>(p));
}

#endif
