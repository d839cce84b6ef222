// What the iterator of counters is told of each ring.
#ifndef BPF_SAMPLE_H
#define BPF_SAMPLE_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define SAMPLE_RING_MAX 256

// What the tail of a channel's kind says.
enum {
	SAMPLE_TAIL_POSITION,
	SAMPLE_TAIL_LAP,    // lap << 32 | index
	SAMPLE_TAIL_TICKET, // lower half of a position << 32 | link, or block
};

struct sample_ring {
	char name[32];
	// Addresses in the process that is looked into. `done` stands behind `taken`.
	uint64_t tail_at;
	uint64_t taken_at;  // of the first consumer
	uint32_t rx_cnt;    // consumers
	uint32_t rx_stride; // bytes from one's to the next one's
	uint32_t capacity;  // messages
	uint32_t tail_is;
};

#endif
