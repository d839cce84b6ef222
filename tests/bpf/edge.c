// Edges that are told at the very message, whatever the sampling: a channel reaches its mark and is down to half of it, and
// is found full. Of each kind; both ends are in this process, which watches itself.
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>
#include "bpf/watch.h"
#include "shmchan/broker.h"
#include "shmchan/view.h"

enum { PRODUCER = 1, CONSUMER, CAPACITY = 1000, MARK = 300, PATIENCE = 10000 };
static const unsigned producer = PRODUCER, consumers[] = {CONSUMER, CONSUMER + 1, CONSUMER + 2};

struct scene {
	struct shmchan_broker *broker;
	struct shmchan_view *v;
	struct shmchan_proc *tx_proc, *rx_proc;
	struct shmchan *tx, *rx;
	struct watch *w;
	uint64_t sent;
	struct probe_event e[64];
	unsigned seen;
};

static struct shmchan_proc *attach(struct scene *s, const char *group, unsigned slot)
{
	struct shmchan_proc *p;
	unsigned incarnation;

	cr_assert_eq(shmchan_broker_announce(s->broker, slot, &incarnation), 0);
	cr_assert_eq(shmchan_attach(&p, group, slot, incarnation, NULL), 0);
	return p;
}

// False, after telling why, where programs can't be loaded.
static bool watch_it(struct scene *s, uint32_t depth)
{
	struct shmchan_view_group g;
	struct shmchan_view_chan c;
	struct watch_why why = {""};

	shmchan_view_group(s->v, &g);
	cr_assert_eq(shmchan_view_chan(s->v, 0, &c), 0);
	if (watch_open(&s->w,
		       &(struct watch_spec){.group_tag = g.group_tag,
					    .chans = &(struct watch_chan){.id = c.id,
									  .capacity = c.capacity,
									  .name = c.name,
									  .many_consumers = true,
									  .many_producers = true,
									  .alert_depth = depth},
					    .chan_cnt = 1},
		       &why) == WATCH_OK &&
	    watch_attach_pid(s->w, getpid(), &why) == WATCH_OK)
		return true;
	fprintf(stderr, "not attached: %s\n", why.text);
	return false;
}

static void open_scene(struct scene *s, enum shmchan_kind kind)
{
	static const char *const services[] = {"producer", "consumer", "another", "third"};
	char group[SHMCHAN_NAME_MAX];
	const struct shmchan_chan_spec chan = {.name = "edge",
					       .kind = kind,
					       .capacity = CAPACITY,
					       .msg_size = 8,
					       .alert_depth = MARK,
					       .producers = &producer,
					       .producer_cnt = 1,
					       .consumers = consumers,
					       .consumer_cnt = kind == SHMCHAN_KIND_MPMC2 ? 3 : 1};
	const struct shmchan_group_spec spec = {
		.name = group, .services = services, .service_cnt = 4, .chans = &chan, .chan_cnt = 1};

	snprintf(group, sizeof group, "edge-%d", getpid());
	*s = (struct scene){0};
	cr_assert_eq(shmchan_broker_create(&s->broker, &spec, NULL), 0);
	cr_assert_eq(shmchan_view_open(&s->v, group, NULL), 0);
	s->tx_proc = attach(s, group, PRODUCER);
	s->rx_proc = attach(s, group, CONSUMER);
	cr_assert_eq(shmchan_open(s->tx_proc, "edge", SHMCHAN_TX, &s->tx, NULL), 0);
	cr_assert_eq(shmchan_open(s->rx_proc, "edge", SHMCHAN_RX, &s->rx, NULL), 0);
}

static void close_scene(struct scene *s)
{
	watch_close(s->w);
	shmchan_view_close(s->v);
	shmchan_detach(s->tx_proc);
	shmchan_detach(s->rx_proc);
	shmchan_broker_destroy(s->broker);
}

static int send(struct scene *s)
{
	int err = shmchan_try_send(s->tx, &(struct shmchan_msg){.data = &s->sent, .len = 8, .type = 1});

	s->sent += err == 0;
	return err;
}

static void take(struct scene *s, unsigned n)
{
	struct shmchan_msg m;

	for (; n; n--) {
		cr_assert_eq(shmchan_take(s->rx, &m), 0);
		cr_assert_eq(shmchan_done(s->rx), 0);
	}
}

static void see(void *ctx, const struct probe_event *e)
{
	struct scene *s = ctx;

	if (s->seen < 64 && e->kind <= PROBE_EVENT_DEPTH_OVER)
		s->e[s->seen++] = *e;
}

// What has been told since the last look: that, at that depth and position, or nothing.
static void told(struct scene *s, uint32_t kind, uint64_t depth, uint64_t pos)
{
	s->seen = 0;
	watch_events(s->w, 0, see, s);
	cr_assert_eq(s->seen, kind != 0, "%u events of kind %u after %lu messages", s->seen, kind, s->sent);
	if (kind == 0)
		return;
	cr_assert_eq(s->e[0].kind, kind);
	cr_assert_eq(s->e[0].value, depth, "depth %lu, not %lu", s->e[0].value, depth);
	cr_assert_eq(s->e[0].pos, pos, "position %lu, not %lu", s->e[0].pos, pos);
}

// A mark that is set counts for a producer within 64 messages.
static void set_mark(struct scene *s, uint32_t depth)
{
	cr_assert_eq(shmchan_view_mark(s->v, 0, depth, getpid()), 0);
	for (unsigned n = 0; n < 64; n++) {
		cr_assert_eq(send(s), 0);
		take(s, 1);
	}
	watch_events(s->w, 0, see, s);
}

static void crosses(struct scene *s, uint32_t mark)
{
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned depth = 0; depth < mark - 1; depth++)
			cr_assert_eq(send(s), 0);
		// Just below it for a while, over the end of the ring and over sampled positions.
		for (unsigned n = 0; n < PATIENCE; n++) {
			take(s, 1);
			cr_assert_eq(send(s), 0);
		}
		told(s, 0, 0, 0);
		cr_assert_eq(send(s), 0);
		told(s, PROBE_EVENT_DEPTH, mark, s->sent - 1);
		for (unsigned n = 0; n < 100; n++)
			cr_assert_eq(send(s), 0);
		take(s, 100 + mark - mark / 2 - 1);
		told(s, 0, 0, 0);
		take(s, 1);
		told(s, PROBE_EVENT_DEPTH_OVER, mark / 2, s->sent - mark / 2 - 1);
		take(s, mark / 2);
		told(s, 0, 0, 0);
	}
}

static void mark(enum shmchan_kind kind)
{
	struct scene s;
	struct shmchan_view_chan c;

	open_scene(&s, kind);
	if (watch_it(&s, MARK)) {
		crosses(&s, MARK);
		watch_close(s.w);
		// Another one, and 1, which any message reaches.
		cr_assert(watch_it(&s, 77));
		set_mark(&s, 77);
		cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
		cr_assert(c.mark == 77 && c.alert_depth == MARK && !c.mark_orphan);
		crosses(&s, 77);
		watch_close(s.w);
		cr_assert(watch_it(&s, 1));
		set_mark(&s, 1);
		cr_assert_eq(send(&s), 0);
		told(&s, PROBE_EVENT_DEPTH, 1, s.sent - 1);
		take(&s, 1);
		told(&s, PROBE_EVENT_DEPTH_OVER, 0, s.sent - 1);
		cr_assert_eq(shmchan_view_mark(s.v, 0, 0, 0), 0);
		cr_assert_eq(shmchan_view_chan(s.v, 0, &c), 0);
		cr_assert_eq(c.mark, MARK);
	}
	close_scene(&s);
}

// Once for a message, however often it is tried.
static void full(enum shmchan_kind kind)
{
	struct probe_chan c;
	struct scene s;

	open_scene(&s, kind);
	if (watch_it(&s, 0)) {
		while (send(&s) == 0)
			;
		for (unsigned n = 0; n < PATIENCE; n++)
			cr_assert_eq(send(&s), SHMCHAN_FULL);
		cr_assert_eq(watch_read(s.w, 1, &c), WATCH_OK);
		cr_assert_eq(c.full, 1, "%lu times for one message", c.full);
		take(&s, CAPACITY);
		while (send(&s) == 0)
			;
		cr_assert_eq(send(&s), SHMCHAN_FULL);
		cr_assert_eq(watch_read(s.w, 1, &c), WATCH_OK);
		cr_assert_eq(c.full, 2, "%lu times for two messages", c.full);
	}
	close_scene(&s);
}

#define OF_KIND(name, kind)                    \
	Test(edge, mark_##name)                \
	{                                      \
		mark(SHMCHAN_KIND_##kind);     \
	}                                      \
	Test(edge, full_##name)                \
	{                                      \
		full(SHMCHAN_KIND_##kind);     \
	}
OF_KIND(spsc, SPSC)
OF_KIND(mpsc, MPSC)
OF_KIND(mpsc_list, MPSC_LIST)
OF_KIND(mpmc2, MPMC2)
