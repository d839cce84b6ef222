// Stands in for watch.c where the BPF program cannot be built.
#include <stdio.h>
#include <string.h>
#include "bpf/watch.h"

const char *watch_built(void)
{
	return WATCH_MISSING;
}

static int absent(struct watch_why *why)
{
	snprintf(why->text, sizeof why->text,
		 "this program was built without BPF, for lack of: %s; install that and build again",
		 WATCH_MISSING);
	return WATCH_ABSENT;
}

int watch_open(struct watch **out, uint32_t group_tag, const struct watch_chan *chans, unsigned chan_cnt,
	       struct watch_why *why)
{
	*out = NULL;
	return absent(why);
}

void watch_close(struct watch *w)
{
}

int watch_attach_pid(struct watch *w, pid_t pid, struct watch_why *why)
{
	return absent(why);
}

unsigned watch_files(const struct watch *w)
{
	return 0;
}

int watch_pin(struct watch *w, const char *group, struct watch_why *why)
{
	return absent(why);
}

int watch_unpin(const char *group, struct watch_why *why)
{
	return absent(why);
}

int watch_open_pinned(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why)
{
	*out = NULL;
	return absent(why);
}

int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}
