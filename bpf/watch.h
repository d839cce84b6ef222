// Loads the BPF program, attaches it to the executables of a group and reads what it has counted. Needs Linux
// >= 5.15 (BPF cookies), CAP_BPF and CAP_PERFMON, and a build with clang, bpftool and the kernel's BTF at
// hand. Knows nothing of how a group looks: the caller says which channels and processes there are.
#ifndef BPF_WATCH_H
#define BPF_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "bpf/record.h"

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
};

// watch_built: NULL if this build can load BPF programs, else what was missing when it was made.
const char *watch_built(void);

// watch_open loads the program for the group with that tag (shmchan/probe.h) and those channels. Nothing
// fires before watch_attach_pid. Errors: ABSENT, EPERM, KERNEL, ENOMEM; *why is then filled.
int watch_open(struct watch **out, uint32_t group_tag, const struct watch_chan *chans, unsigned chan_cnt,
	       struct watch_why *why);
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
// watch_unpin detaches and removes the pins of `group`. Errors: GONE there are none; EPERM, KERNEL; ABSENT.
int watch_unpin(const char *group, struct watch_why *why);
// watch_open_pinned opens the pinned records of `group`, for watch_read only. *group_tag is the tag of the group they
// were made for. Errors: GONE there are none; EPERM, KERNEL, ENOMEM, ABSENT.
int watch_open_pinned(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why);

// watch_read sums the record of channel `id` over all CPUs. All zero if nothing was seen of it. While probes
// fire the values are of slightly different moments. Errors: KERNEL.
int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out);

#endif
