// Loads the BPF programs, attaches them to the executables of a group and reads what they have counted. Needs Linux
// >= 5.15 (BPF cookies) with BTF, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and in some kernels CAP_SYS_ADMIN, and a build
// with clang, bpftool and the kernel's BTF at hand; no tracefs. Knows nothing of how a group looks: the caller says which channels and processes there are.
#ifndef BPF_WATCH_H
#define BPF_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "bpf/record.h"
#include "bpf/sample.h"

struct watch;

enum watch_err {
	WATCH_OK = 0,
	WATCH_ABSENT = -1,   // built without the BPF program
	WATCH_EPERM = -2,    // no right to load or attach it
	WATCH_KERNEL = -3,   // the kernel refuses it or lacks what it needs
	WATCH_NO_SITES = -4, // no probe in the executables of the process
	WATCH_GONE = -5,     // no such process
	WATCH_ENOMEM = -6,
	WATCH_EXISTS = -7, // pinned already
};

// What went wrong and what would help, in one line without newline.
struct watch_why {
	char text[320];
};

struct watch_chan {
	uint16_t id;       // channel id of the group
	uint32_t capacity; // messages
	const char *name;
	bool many_producers, many_consumers;
	uint32_t alert_depth; // see struct probe_place
	uint64_t alert_wait_ns;
};

struct watch_spec {
	uint32_t group_tag; // of shmchan/probe.h
	const struct watch_chan *chans;
	unsigned chan_cnt;
	const char *const *procs; // names by process slot; the supervisor has slot 0
	unsigned proc_cnt;
};

// watch_built: NULL if this build can load BPF programs, else what was missing when it was made.
const char *watch_built(void);

// watch_open loads the programs. Nothing fires before watch_attach_pid. Errors: ABSENT, EPERM, KERNEL, ENOMEM;
// *why is then filled.
int watch_open(struct watch **out, const struct watch_spec *spec, struct watch_why *why);
// watch_close detaches everything. NULL is allowed.
void watch_close(struct watch *w);

// watch_attach_pid attaches to what process `pid` executes: its program and, if mapped, libshmchan.so. It
// holds for all processes that run those files now or later. A file that is attached already is left alone.
// Errors: NO_SITES, GONE, EPERM, KERNEL, ENOMEM.
int watch_attach_pid(struct watch *w, pid_t pid, struct watch_why *why);
unsigned watch_files(const struct watch *w); // files attached to

// Pins: an attachment that outlives the program that made it, under WATCH_PIN_ROOT/<group>/ in the BPF file system, which
// is mounted if it isn't. There are the maps, readable with bpftool too, and one link per probe site.
#define WATCH_PIN_ROOT "/sys/fs/bpf/shmchan"
// watch_pin makes what `w` has loaded and attached last. Errors: EXISTS the group has pins already; EPERM, KERNEL.
// On error none is left.
int watch_pin(struct watch *w, const char *group, struct watch_why *why);
// watch_more loads the programs once more, onto the pinned maps of `group`, as if they were attached to all files that the pins
// are; watch_attach_pid then attaches to others, and watch_pin_more adds those to the pins. From watch_more to watch_close others
// who do so wait. Errors as watch_open_pinned.
int watch_more(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why);
int watch_pin_more(struct watch *w, const char *group, struct watch_why *why);
// watch_unpin detaches and removes the pins of `group`. Errors: GONE there are none; EPERM, KERNEL; ABSENT.
int watch_unpin(const char *group, struct watch_why *why);
// watch_open_pinned opens the pinned records of `group`, for reading only. *group_tag is the tag of the group they
// were made for. Errors: GONE there are none; EPERM, KERNEL, ENOMEM, ABSENT.
int watch_open_pinned(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why);
// watch_pinned calls f(ctx, group) for every group that has pins and returns how many; < 0: EPERM, KERNEL, ABSENT.
int watch_pinned(void (*f)(void *ctx, const char *group), void *ctx, struct watch_why *why);

// An iterator under the pins, "counters": who reads that file has the positions of the group's channels printed, copied at that
// moment by the kernel out of the memory of process `pid`, which maps them. Costs the services nothing.
struct watch_counters {
	pid_t pid;
	const struct sample_ring *rings;
	unsigned ring_cnt; // <= SAMPLE_RING_MAX
};
// watch_pin_counters needs the kernel's BTF, and Linux >= 6.1. After watch_pin. Errors: EPERM, KERNEL, ENOMEM, ABSENT.
int watch_pin_counters(const char *group, const struct watch_counters *c, struct watch_why *why);

// Ids and slots are below these. There may be none of a certain id: its place has no name.
unsigned watch_chan_max(const struct watch *w);
unsigned watch_proc_max(const struct watch *w);

// watch_read sums the record of channel `id` over all CPUs; positions are those after the last recovery. All zero if
// nothing was seen of it. While probes fire the values are of slightly different moments. Errors: KERNEL.
int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out);
// The same for the other records.
int watch_place(const struct watch *w, uint16_t id, struct probe_place *out);
int watch_proc(const struct watch *w, unsigned slot, struct probe_proc *out);
int watch_life(const struct watch *w, unsigned slot, struct probe_life *out);

// watch_now is the clock of all records, CLOCK_MONOTONIC. watch_rate: messages per second through one end now: of the
// last window, or since then if that is long ago. `count` is the position of that end.
uint64_t watch_now(void);
double watch_rate(const struct probe_rate *r, uint64_t count, uint64_t now_ns);

// watch_events waits up to timeout_ms (< 0: for ever) and calls f for each event that has happened, in order. Events are
// kept in the kernel until they are read here: a ring buffer has one reader. Returns their number or KERNEL, ENOMEM.
int watch_events(struct watch *w, int timeout_ms, void (*f)(void *ctx, const struct probe_event *e),
		 void *ctx);

#endif
