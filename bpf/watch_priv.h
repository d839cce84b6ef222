// What the files of the loader share.
#ifndef BPF_WATCH_PRIV_H
#define BPF_WATCH_PRIV_H

#include <sys/stat.h>
#include "bpf/watch.h"

#define WATCH_FILE_MAX 64
#define WATCH_PROBE_CNT 10
#define WATCH_TASK_CNT 2

struct bpf_link;
struct bpf_program;
struct chan_bpf;
struct ring_buffer;

struct watch_file {
	dev_t dev;
	ino_t ino;
	struct bpf_link *links[WATCH_PROBE_CNT];
};

struct watch {
	struct chan_bpf *skel; // NULL if opened from pins
	int chans_fd, places_fd, procs_fd, lives_fd, events_fd;
	unsigned chan_max, proc_max;
	unsigned cpu_cnt;
	void *per_cpu; // of the largest record, for each CPU
	struct watch_file files[WATCH_FILE_MAX];
	unsigned file_cnt;
	unsigned pinned_cnt; // of the files, those that stand in the pins already
	int lock;            // on the folder of the pins, -1: none
	struct bpf_link *tasks[WATCH_TASK_CNT];
	struct ring_buffer *events;
	void (*on_event)(void *ctx, const struct probe_event *e); // while watch_events runs
	void *on_event_ctx;
};

// An empty watch, or NULL. Sets libbpf's printer.
struct watch *watch_new(void);
// Forgets what libbpf has said so far, so that watch_explain tells the cause of the next failure.
void watch_forget(void);
// Fills why for the negative errno of an attempt to do `what` and returns the code of watch.h.
int watch_explain(struct watch_why *why, int err, const char *what);
// Sets the descriptors of the maps by those of the skeleton.
void watch_use_maps(struct watch *w);
// Detaches. files.c
void watch_detach(struct watch *w);
// The scheduler's tracepoints, once per watch; returns 0 or a negative errno. files.c
int watch_attach_tasks(struct watch *w);

#endif
