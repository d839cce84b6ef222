// What the BPF program keeps and the tools read: the values of its maps. One header for both sides; the
// program includes it behind vmlinux.h. Counts are of probe events: those of sampled probes (push, pop, done)
// count one message in N, see shmchan/probe.h.
#ifndef BPF_RECORD_H
#define BPF_RECORD_H

#include "bpf/hist.h"

// Of one channel, on one CPU in the map, summed over all CPUs where tools get it.
struct probe_chan {
	uint64_t push, pop, done, full, dead_letter;
	uint64_t high_water; // largest depth at a push
	uint64_t unmatched;  // pops whose push was not seen, it was before attaching: no waiting time
	struct hist depth;   // at push, with the message itself: always >= 1
	struct hist wait;    // nanoseconds from push to pop
	struct hist service; // nanoseconds from pop to done
};

// Where in the map of stamps a channel has its own; set before loading.
struct probe_place {
	uint32_t base; // index of its first stamp
	uint32_t bits; // it has 2^bits, in [6,16]; 0: no stamps, no times are measured
};

// When a message was seen.
struct probe_stamp {
	uint64_t tag; // position + 1, 0 = none
	uint64_t push_ns, pop_ns;
};

#endif
