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

int watch_open(struct watch **out, const struct watch_spec *spec, struct watch_why *why)
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

int watch_more(struct watch **out, const char *group, uint32_t *group_tag, struct watch_why *why)
{
	*out = NULL;
	return absent(why);
}

int watch_pin_more(struct watch *w, const char *group, struct watch_why *why)
{
	return absent(why);
}

int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}

int watch_pinned(void (*f)(void *ctx, const char *group), void *ctx, struct watch_why *why)
{
	return absent(why);
}

unsigned watch_chan_max(const struct watch *w)
{
	return 0;
}

unsigned watch_proc_max(const struct watch *w)
{
	return 0;
}

int watch_place(const struct watch *w, uint16_t id, struct probe_place *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}

int watch_proc(const struct watch *w, unsigned slot, struct probe_proc *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}

int watch_life(const struct watch *w, unsigned slot, struct probe_life *out)
{
	memset(out, 0, sizeof *out);
	return WATCH_ABSENT;
}

uint64_t watch_now(void)
{
	return 0;
}

double watch_rate(const struct probe_rate *r, uint64_t count, uint64_t now_ns)
{
	return 0;
}

int watch_events(struct watch *w, int timeout_ms, void (*f)(void *ctx, const struct probe_event *e),
		 void *ctx)
{
	return WATCH_ABSENT;
}

int watch_pin_counters(const char *group, const struct watch_counters *c, struct watch_why *why)
{
	return absent(why);
}
