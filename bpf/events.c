// The ring buffer of events, read by who loaded the programs or opened their pins.
#include <bpf/libbpf.h>
#include <errno.h>
#include "bpf/watch_priv.h"

static int take(void *ctx, void *data, size_t size)
{
	struct watch *w = ctx;
	if (size >= sizeof(struct probe_event))
		w->on_event(w->on_event_ctx, data);
	return 0;
}

int watch_events(struct watch *w, int timeout_ms, void (*f)(void *ctx, const struct probe_event *e),
		 void *ctx)
{
	int cnt;

	if (w->events == NULL)
		w->events = ring_buffer__new(w->events_fd, take, w, NULL);
	if (w->events == NULL)
		return errno == ENOMEM ? WATCH_ENOMEM : WATCH_KERNEL;
	w->on_event = f;
	w->on_event_ctx = ctx;
	cnt = ring_buffer__poll(w->events, timeout_ms);
	return cnt >= 0 ? cnt : cnt == -EINTR ? 0 : WATCH_KERNEL;
}
