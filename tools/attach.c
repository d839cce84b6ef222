#include "tools/attach.h"
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "shmchan/broker.h"
#include "shmchan/list.h"

static void note_more(void *ctx, const char *name, unsigned slot)
{
	++*(unsigned *)ctx;
}

// The records keep `name`, whose owner is *c.
static bool describe(const struct shmchan_view *v, unsigned i, struct shmchan_view_chan *c,
		     struct watch_chan *out)
{
	unsigned producers = 0, consumers = 0;
	if (shmchan_view_chan(v, i, c) != 0)
		return false;
	*out = (struct watch_chan){
		.id = c->id, .capacity = c->capacity, .name = c->name, .alert_depth = c->alert_depth};
	shmchan_view_chan_peers(v, i, SHMCHAN_RX, note_more, &consumers);
	shmchan_view_chan_peers(v, i, SHMCHAN_TX, note_more, &producers);
	out->many_consumers = consumers > 1;
	// Where several may produce, the broker may too.
	out->many_producers = producers > 1 || c->kind >= SHMCHAN_KIND_MPSC;
	return true;
}

int attach_open(struct watch **out, const struct shmchan_view *v, attach_adjust adjust, void *ctx,
		struct watch_why *why)
{
	struct shmchan_view_group g;
	struct shmchan_view_chan *c;
	struct shmchan_view_proc *p;
	struct watch_chan *chans;
	const char **procs;
	struct watch_spec spec;
	int err = WATCH_ENOMEM;

	*out = NULL;
	shmchan_view_group(v, &g);
	spec = (struct watch_spec){.group_tag = g.group_tag, .proc_cnt = g.proc_cnt + 1};
	c = calloc(g.chan_cnt + 1, sizeof *c);
	p = calloc(g.proc_cnt + 1, sizeof *p);
	chans = calloc(g.chan_cnt + 1, sizeof *chans);
	procs = calloc(g.proc_cnt + 1, sizeof *procs);
	if (c != NULL && p != NULL && chans != NULL && procs != NULL) {
		procs[0] = SHMCHAN_BROKER_NAME;
		for (unsigned i = 0; i < g.proc_cnt; i++)
			procs[i + 1] = shmchan_view_proc(v, i, &p[i]) == 0 ? p[i].name : "";
		for (unsigned i = 0; i < g.chan_cnt; i++)
			spec.chan_cnt += describe(v, i, &c[i], &chans[spec.chan_cnt]);
		for (unsigned i = 0; adjust != NULL && i < spec.chan_cnt; i++)
			adjust(ctx, &chans[i]);
		spec.chans = chans;
		spec.procs = procs;
		err = watch_open(out, &spec, why);
	} else {
		snprintf(why->text, sizeof why->text, "out of memory");
	}
	free(c);
	free(p);
	free(chans);
	free(procs);
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

// Where the process has mapped that segment from its start, 0 if nowhere.
static uint64_t mapped_at(pid_t pid, const char *group, const char *object)
{
	char path[64], line[512], end[160];
	unsigned long from = 0, offset;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	snprintf(end, sizeof end, "/shmchan.%s.%s\n", group, object);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		const char *name = strrchr(line, '/');
		if (name != NULL && strcmp(name, end) == 0 &&
		    sscanf(line, "%lx-%*x %*s %lx", &from, &offset) == 2 && offset == 0)
			break;
		from = 0;
	}
	fclose(f);
	return from;
}

// Of a list the consumers' lines follow each other; a ring has one, in its header.
static void describe_counters(struct sample_ring *ring, const struct shmchan_view *v, unsigned i,
			      const struct shmchan_view_chan *c, uint64_t at)
{
	uint64_t list = at + sizeof(struct shmchan_ring);
	unsigned consumers = 0;

	*ring = (struct sample_ring){.capacity = c->capacity};
	snprintf(ring->name, sizeof ring->name, "%s", c->name);
	if (!shmchan_kind_listed(c->kind)) {
		ring->tail_at = at + offsetof(struct shmchan_ring, tail);
		ring->taken_at = at + offsetof(struct shmchan_ring, taken);
		ring->tail_is = c->kind == SHMCHAN_KIND_MPSC		 ? SAMPLE_TAIL_LAP
				: c->kind == SHMCHAN_KIND_MPSC_INTRUSIVE ? SAMPLE_TAIL_TICKET
									 : SAMPLE_TAIL_POSITION;
		ring->rx_cnt = 1;
		return;
	}
	shmchan_view_chan_peers(v, i, SHMCHAN_RX, note_more, &consumers);
	ring->tail_at = list + offsetof(struct shmchan_list, tail);
	ring->taken_at = list + offsetof(struct shmchan_list, rx) + offsetof(struct shmchan_list_rx, exact);
	ring->tail_is = SAMPLE_TAIL_TICKET;
	ring->rx_cnt = consumers;
	ring->rx_stride = sizeof(struct shmchan_list_rx);
}

int attach_counters(const struct shmchan_view *v, struct watch_why *why)
{
	struct watch_counters counters = {0};
	struct shmchan_view_group g;
	struct shmchan_view_chan c;
	struct sample_ring *rings;
	int err;

	shmchan_view_group(v, &g);
	counters.pid = g.broker_pid;
	rings = calloc(SAMPLE_RING_MAX, sizeof *rings);
	if (rings == NULL) {
		snprintf(why->text, sizeof why->text, "out of memory");
		return WATCH_ENOMEM;
	}
	counters.rings = rings;
	for (unsigned i = 0; i < g.chan_cnt && counters.ring_cnt < SAMPLE_RING_MAX; i++) {
		struct sample_ring *ring = &rings[counters.ring_cnt];
		if (shmchan_view_chan(v, i, &c) != 0)
			continue;
		uint64_t at = mapped_at(g.broker_pid, g.name, c.name);
		if (at == 0)
			continue;
		describe_counters(ring, v, i, &c, at);
		counters.ring_cnt++;
	}
	err = watch_pin_counters(g.name, &counters, why);
	free(rings);
	return err;
}
