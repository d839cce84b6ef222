// shmtool top: what it knows (top.c) and how it draws (top_screen.c, with ncursesw).
#ifndef TOOLS_TOP_H
#define TOOLS_TOP_H

#include <stdbool.h>
#include "bpf/watch.h"
#include "shmchan/view.h"
#include "tools/sample.h"

#define TOP_TREND 60 // looks kept for the trend

enum top_sort { TOP_BY_NAME, TOP_BY_LOAD, TOP_BY_RATE, TOP_BY_WAIT, TOP_SORT_CNT };

struct top_chan {
	unsigned chan;               // index in the sample
	float trend[TOP_TREND];      // load at the last looks, a ring
	uint64_t wait_p50, wait_p99; // nanoseconds over the last looks
	bool has_wait;
	struct hist wait_now, wait_mid, wait_old;
};

struct top_service {
	struct shmchan_view_proc p;
	double cpu_seconds, cpu_share; // share: of one processor, between the last two looks
	uint64_t rss_bytes;
	pid_t pid; // that cpu_seconds belongs to
};

struct top {
	const struct shmchan_view *v;
	struct shmchan_view_group group;
	struct sample sample;
	struct watch *w;        // NULL without probes
	struct top_chan *chans; // in the order of the sample
	unsigned *order;        // indices of chans, sorted and filtered
	unsigned order_cnt;
	struct top_service *services;
	unsigned service_cnt;
	uint64_t dead_letters;
	unsigned looks;
	double at; // of the last look
	enum top_sort sort;
	char filter[SHMCHAN_NAME_MAX];
	unsigned selected; // service
	unsigned first;    // channel on the first line
};

// top_begin makes room for the group of `v`; false if memory is short. top_look reads everything and sorts.
bool top_begin(struct top *t, const struct shmchan_view *v);
void top_look(struct top *t);
void top_arrange(struct top *t); // sorts and filters what was read
void top_end(struct top *t);

enum top_act { TOP_GO_ON, TOP_QUIT, TOP_KILL };

// The screen. top_screen_built: NULL, or what was missing when this was built.
const char *top_screen_built(void);
bool top_screen_open(void); // false: not a terminal that can do it
void top_screen_close(void);
// top_screen_draw shows *t and the message, a line of text or "".
void top_screen_draw(const struct top *t, const char *message);
// top_screen_key waits at most `seconds` for a key and does what it says: filter, sort, selection change in *t. Returns what the
// caller must do. TOP_KILL: the selected service, after the user has confirmed it.
enum top_act top_screen_key(struct top *t, double seconds, bool *look_now);

#endif
