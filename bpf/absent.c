// Stands in for watch.c where the BPF program cannot be built.
#include <stdio.h>
#include <string.h>
#include "bpf/watch.h"

const char *watch_built(void)
{
	return WATCH_MISSING;
}

int watch_open(struct watch **out, uint32_t group_tag, const struct watch_chan *chans, unsigned chan_cnt,
	       struct watch_why *why)
{
	*out = NULL;
	snprintf(why->text, sizeof why->text,
		 "this program was built without BPF, for lack of: %s; install that and build again",
		 WATCH_MISSING);
	return WATCH_ABSENT;
}

void watch_close(struct watch *w)
{
}

int watch_attach_pid(struct watch *w, pid_t pid, struct watch_why *why)
{
	snprintf(why->text, sizeof why->text, "built without BPF");
	return WATCH_ABSENT;
}

unsigned watch_files(const struct watch *w)
{
	return 0;
}

int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}
