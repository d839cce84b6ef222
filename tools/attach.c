#include "tools/attach.h"
#include <stdio.h>
#include <stdlib.h>

int attach_open(struct watch **out, const struct shmchan_view *v, struct watch_why *why)
{
	struct shmchan_view_group g;
	struct shmchan_view_chan c;
	struct watch_chan *chans;
	unsigned cnt = 0;
	int err;

	*out = NULL;
	shmchan_view_group(v, &g);
	chans = calloc(g.chan_cnt + 1, sizeof *chans);
	if (chans == NULL) {
		snprintf(why->text, sizeof why->text, "out of memory");
		return WATCH_ENOMEM;
	}
	for (unsigned i = 0; i < g.chan_cnt; i++)
		if (shmchan_view_chan(v, i, &c) == 0)
			chans[cnt++] = (struct watch_chan){c.id, c.capacity};
	err = watch_open(out, g.group_tag, chans, cnt, why);
	free(chans);
	return err;
}

static bool is_serious(int err)
{
	return err != WATCH_OK && err != WATCH_GONE && err != WATCH_NO_SITES;
}

int attach_all(struct watch *w, const struct shmchan_view *v, struct watch_why *why)
{
	struct shmchan_view_group g;
	struct shmchan_view_proc p;
	int err = WATCH_GONE;

	snprintf(why->text, sizeof why->text, "the group has no living process");
	shmchan_view_group(v, &g);
	if (g.broker_alive)
		err = watch_attach_pid(w, g.broker_pid, why);
	for (unsigned i = 0; !is_serious(err) && shmchan_view_proc(v, i, &p) == 0; i++)
		if (p.alive)
			err = watch_attach_pid(w, p.pid, why);
	return is_serious(err) || watch_files(w) == 0 ? err : WATCH_OK;
}
