// What the files of the loader share.
#ifndef BPF_WATCH_PRIV_H
#define BPF_WATCH_PRIV_H

#include <sys/stat.h>
#include "bpf/watch.h"

#define WATCH_FILE_MAX 64
#define WATCH_PROBE_CNT 5

struct bpf_link;
struct chan_bpf;

struct watch_file {
	dev_t dev;
	ino_t ino;
	struct bpf_link *links[WATCH_PROBE_CNT];
};

struct watch {
	struct chan_bpf *skel; // NULL if opened from pins
	int chans_fd;          // the map of records
	unsigned cpu_cnt;
	struct probe_chan *per_cpu;
	struct watch_file files[WATCH_FILE_MAX];
	unsigned file_cnt;
};

// An empty watch, or NULL. Sets libbpf's printer.
struct watch *watch_new(void);
// Fills why for the negative errno of an attempt to do `what` and returns the code of watch.h.
int watch_explain(struct watch_why *why, int err, const char *what);

#endif
