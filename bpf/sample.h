// What the iterator of counters is told of each ring.
#ifndef BPF_SAMPLE_H
#define BPF_SAMPLE_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define SAMPLE_RING_MAX 256

struct sample_ring {
	char name[32];
	uint64_t at;       // address in the process that is looked into
	uint32_t capacity; // messages
	uint32_t many;     // tail is lap << 32 | index, else a position
};

#endif
