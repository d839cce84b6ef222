// Log-linear histograms, filled by BPF programs and read by tools: exact below 8, then four slots for each
// power of two, so that a slot is at most a quarter of its lower bound wide. The last one also takes all that
// is larger.
//
//	slot   0 1 2 3 4 5 6 7 | 8   9     10    11    | 12    13    ...
//	value  0 1 2 3 4 5 6 7 | 8-9 10-11 12-13 14-15 | 16-19 20-23 ...
//
// Plain arithmetic on 64-bit values: the same text is compiled for the kernel (behind vmlinux.h) and for
// tools.
#ifndef BPF_HIST_H
#define BPF_HIST_H

#ifndef __bpf__
#include <stdint.h>
#endif

#define HIST_EXACT 8u
#define HIST_SLOTS 160u // the last begins at 1.75 * 2^40: of nanoseconds, 32 minutes

struct hist {
	uint64_t cnt[HIST_SLOTS];
};

// BPF has no instruction for this.
static inline unsigned hist_log2(uint64_t v)
{
	unsigned r = 0;
	for (unsigned step = 32; step != 0; step /= 2)
		if (v >> step != 0) {
			v >>= step;
			r += step;
		}
	return r;
}

static inline unsigned hist_slot(uint64_t v)
{
	unsigned e, slot;
	if (v < HIST_EXACT)
		return (unsigned)v;
	e = hist_log2(v);
	slot = HIST_EXACT + (e - 3) * 4 + (unsigned)(v >> (e - 2) & 3);
	return slot < HIST_SLOTS ? slot : HIST_SLOTS - 1;
}

// Smallest value that falls into `slot`; hist_low(HIST_SLOTS) is the end of the range.
static inline uint64_t hist_low(unsigned slot)
{
	if (slot < HIST_EXACT)
		return slot;
	return (uint64_t)(4 + (slot - HIST_EXACT) % 4) << ((slot - HIST_EXACT) / 4 + 1);
}

#endif
