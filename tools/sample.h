// Two looks at all channels of a group and what lies between them: rates, and how pressed each channel is.
#ifndef TOOLS_SAMPLE_H
#define TOOLS_SAMPLE_H

#include <stdbool.h>
#include "shmchan/view.h"

struct sample_chan {
	struct shmchan_view_chan c;
	int code;                 // why it can't be read, 0 if it can
	double in_rate, out_rate; // messages per second between the last two looks; 0 after the first
	double load;              // in [0,1], see sample_load
};

struct sample {
	double at; // live_now of the last look; 0 = none yet
	unsigned chan_cnt;
	struct sample_chan *chans;
};

// sample_look reads all channels of `v`, always the same view. *s begins as {0} and is freed by sample_free.
// false: no memory.
bool sample_look(struct sample *s, const struct shmchan_view *v);
void sample_free(struct sample *s);

// sample_load says how pressed a channel is, from 0 (empty and drained as fast as it is fed) to 1 (full): the
// share of its cells that hold messages, queued or in flight; or, if it fills faster than it empties, 1 / (1
// + t), t being the seconds until it is full at these rates; whichever is larger.
double sample_load(const struct shmchan_stat *s, double in_rate, double out_rate);

#endif
