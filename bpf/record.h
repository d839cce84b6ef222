// What the BPF programs keep and the tools read: the values of their maps. One header for both sides; the programs
// include it behind vmlinux.h. Times are nanoseconds of CLOCK_MONOTONIC, 0 = never. Of push, pop and done there are two
// kinds of numbers: hits, of the sampled messages only, and positions, which the probes carry (shmchan/probe.h).
#ifndef BPF_RECORD_H
#define BPF_RECORD_H

#include "bpf/hist.h"

#define PROBE_NAME_MAX 32

// Of one channel: on one CPU in the map `chans`, of all CPUs where tools get it.
struct probe_chan {
	uint64_t push, pop, done, full, dead_letter; // hits
	uint64_t unmatched; // pops whose push was not seen: before attaching, or not sampled. No waiting time
	uint64_t high_water; // largest depth at a push
	// Positions behind the newest message seen, and when. Within one sampling interval of the truth; exact if every
	// message is sampled.
	uint64_t pushed, push_ns;
	uint64_t popped, pop_ns;
	uint64_t completed, done_ns;
	struct hist depth;   // at push, with the message itself: always >= 1
	struct hist wait;    // nanoseconds from push to pop
	struct hist service; // nanoseconds from pop to done
};

// Messages per second over the last window of a tenth of a second or more.
struct probe_rate {
	uint64_t count, ns; // where and when the window ended
	uint64_t per_second;
};

// Map `places`: a channel's part that all CPUs share.
struct probe_place {
	// Set by the loader.
	char name[PROBE_NAME_MAX]; // "" = no such channel
	uint32_t capacity;
	uint32_t base;          // index of its first stamp in the map of stamps
	uint32_t bits;          // it has 2^bits, in [6,16]
	uint8_t many_producers; // positions of several are not in order
	uint8_t many_consumers;
	uint16_t pad;
	uint32_t alert_depth; // from which an event is sent, 0 = never
	uint64_t alert_wait_ns; // the same for the waiting time of a message

	char apart[64]; // what every probe reads from what some write
	// Written by the programs, seldom.
	uint64_t settled_pushed,
		settled_push_ns; // exact positions after a recovery of that end, see `settle`
	uint64_t settled_done, settled_done_ns;
	struct probe_rate in, out;
	uint64_t depth_since, wait_since; // when the alert was raised; 0 = there is none
	uint64_t full_ns;                 // last found full
	uint32_t full_slot;               // by that process
	uint32_t alerts;                  // raised so far
};

// When a message was seen.
struct probe_stamp {
	uint64_t tag; // position + 1, 0 = none
	uint64_t push_ns, pop_ns;
};

// Of one process slot, map `procs`: on one CPU in the map, of all CPUs where tools get it.
struct probe_proc {
	uint64_t full, sleep, wake;
	uint64_t slept_ns; // in all
	uint64_t full_ns;  // last full
	uint64_t sleep_ns; // last sleep
	uint64_t wake_ns;  // last wake
	uint32_t full_chan;
	uint32_t pid; // that fired last
};

// Of one process slot, map `lives`: from a death to the first message of the replacement.
struct probe_life {
	char name[PROBE_NAME_MAX]; // set by the loader
	uint64_t deaths;
	uint32_t incarnation, pid; // that died last
	uint32_t next_pid;         // that took the first message after it
	uint32_t awaited;          // recovered, and nothing taken since
	uint64_t exit_ns;          // 0: the kernel's word of it was not seen
	uint64_t recovered_ns;
	uint64_t repair_ns; // how long that took
	uint64_t exec_ns;   // of the replacement; before exit_ns if it stood by, 0 if it was forked
	uint64_t first_pop_ns;
	struct hist recovery; // from exit to recovered
	struct hist gap;      // from exit to the first message
};

// Map `tasks`, by pid, the machine's last few thousand.
struct probe_task {
	uint64_t exec_ns, exit_ns;
};

// What the ring buffer `events` carries.
enum probe_event_kind {
	PROBE_EVENT_DEPTH =
		1, // a channel has reached its alert depth: value is the depth, limit what it was to be below
	PROBE_EVENT_DEPTH_OVER,  // and is at half of it or below
	PROBE_EVENT_WAIT,        // a message waited as long as the alert says: value and limit in nanoseconds
	PROBE_EVENT_WAIT_OVER,   // one waited half as long, or shorter
	PROBE_EVENT_DEAD_LETTER, // pos
	PROBE_EVENT_RECOVERED, // a process slot: pid and incarnation of the dead, exit_ns; value: how long the repair took
	PROBE_EVENT_FIRST_POP, // its replacement `pid` took message pos of chan; exit_ns, recovered_ns, exec_ns
};

struct probe_event {
	uint64_t ns;
	uint32_t kind; // enum probe_event_kind
	uint16_t chan; // 0 = none
	uint16_t slot; // of the process concerned, 0 = not known
	uint32_t pid;
	uint32_t incarnation;
	uint64_t value, limit, pos;
	uint64_t exit_ns, recovered_ns, exec_ns;
};

#endif
