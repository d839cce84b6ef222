#include "tools/sample.h"
#include <stdlib.h>
#include "tools/live.h"

double sample_load(const struct shmchan_stat *s, double in_rate, double out_rate)
{
	double used = (double)(s->depth + s->in_flight), fill, growth = in_rate - out_rate, pressing = 0;

	if (s->capacity == 0)
		return 0;
	fill = used / s->capacity;
	if (fill >= 1)
		return 1;
	// A queue that grows has something in it: without, the difference is of two counts read a moment
	// apart.
	if (growth > 0 && s->depth > 0)
		pressing = 1 / (1 + (s->capacity - used) / growth);
	return pressing > fill ? pressing : fill;
}

bool sample_look(struct sample *s, const struct shmchan_view *v)
{
	struct shmchan_view_group g;
	double now = live_now(), seconds = now - s->at;
	bool first = s->chans == NULL;

	if (first) {
		shmchan_view_group(v, &g);
		s->chans = calloc(g.chan_cnt + 1, sizeof *s->chans);
		if (s->chans == NULL)
			return false;
		s->chan_cnt = g.chan_cnt;
	}
	for (unsigned i = 0; i < s->chan_cnt; i++) {
		struct sample_chan *chan = &s->chans[i];
		struct shmchan_stat before = chan->c.stat;
		chan->code = shmchan_view_chan(v, i, &chan->c);
		if (chan->code != 0)
			continue;
		if (!first && seconds > 0) {
			chan->in_rate = (double)(chan->c.stat.enqueued - before.enqueued) / seconds;
			chan->out_rate = (double)(chan->c.stat.dequeued - before.dequeued) / seconds;
		}
		chan->load = sample_load(&chan->c.stat, chan->in_rate, chan->out_rate);
	}
	s->at = now;
	return true;
}

void sample_free(struct sample *s)
{
	free(s->chans);
	*s = (struct sample){0};
}
