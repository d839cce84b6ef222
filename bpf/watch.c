#include "bpf/watch_priv.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bpf/chan.skel.h"

#define STAMP_BITS_MIN 6
#define STAMP_BITS_MAX 16
// libbpf tells the cause of a failure only to its printer.
static _Thread_local char last_warning[200];

static int keep_warning(enum libbpf_print_level level, const char *format, va_list ap)
{
	// That types are missing is the cause of all that libbpf complains of afterwards.
	if (level == LIBBPF_WARN && strstr(last_warning, "kernel BTF") == NULL) {
		vsnprintf(last_warning, sizeof last_warning, format, ap);
		last_warning[strcspn(last_warning, "\n")] = '\0';
	}
	return 0;
}

void watch_forget(void)
{
	last_warning[0] = '\0';
}

const char *watch_built(void)
{
	return NULL;
}

int watch_explain(struct watch_why *why, int err, const char *what)
{
	if (err == -EPERM || err == -EACCES) {
		snprintf(why->text, sizeof why->text,
			 "no right to %s: run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and, "
			 "where the "
			 "kernel wants it for uprobes, CAP_SYS_ADMIN%s",
			 what,
			 geteuid() == 0 ? "; root has been refused, so look at kernel lockdown and containers"
					: "");
		return WATCH_EPERM;
	}
	if (err == -ENOMEM) {
		snprintf(why->text, sizeof why->text, "out of memory, cannot %s", what);
		return WATCH_ENOMEM;
	}
	if (strstr(last_warning, "BTF") != NULL && access("/sys/kernel/btf/vmlinux", R_OK) != 0)
		snprintf(why->text, sizeof why->text,
			 "cannot %s: this kernel has no BTF in /sys/kernel/btf/vmlinux "
			 "(CONFIG_DEBUG_INFO_BTF)",
			 what);
	else if (access("/sys/bus/event_source/devices/uprobe/type", R_OK) != 0)
		snprintf(why->text, sizeof why->text,
			 "cannot %s: this kernel has no uprobes (CONFIG_UPROBE_EVENTS), or /sys is not "
			 "mounted",
			 what);
	else
		snprintf(why->text, sizeof why->text, "the kernel refuses to %s: %s%s%s", what,
			 strerror(-err), last_warning[0] != '\0' ? "; " : "", last_warning);
	return WATCH_KERNEL;
}

// 2^bits >= 2 * capacity, see stamp_of in the program.
static uint32_t stamp_bits(uint32_t capacity)
{
	uint32_t bits = STAMP_BITS_MIN;
	while (bits < STAMP_BITS_MAX && 1ull << bits < 2ull * capacity)
		bits++;
	return bits;
}

static int size_maps(struct watch *w, const struct watch_spec *spec)
{
	uint32_t stamps = 0;
	int err;
	w->chan_max = 1;
	w->proc_max = spec->proc_cnt != 0 ? spec->proc_cnt : 1;
	for (unsigned i = 0; i < spec->chan_cnt; i++) {
		const struct watch_chan *c = &spec->chans[i];
		w->chan_max = c->id >= w->chan_max ? c->id + 1u : w->chan_max;
		stamps += 1u << stamp_bits(c->capacity);
	}
	err = bpf_map__set_max_entries(w->skel->maps.chans, w->chan_max);
	err = err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.places, w->chan_max);
	err = err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.procs, w->proc_max);
	err = err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.lives, w->proc_max);
	return err != 0 ? err : bpf_map__set_max_entries(w->skel->maps.stamps, stamps != 0 ? stamps : 1);
}

static int fill_places(struct watch *w, const struct watch_spec *spec)
{
	uint32_t base = 0;
	for (unsigned i = 0; i < spec->chan_cnt; i++) {
		const struct watch_chan *c = &spec->chans[i];
		uint32_t id = c->id;
		struct probe_place place = {
			.base = base,
			.bits = stamp_bits(c->capacity),
			.capacity = c->capacity,
			.many_producers = c->many_producers,
			.many_consumers = c->many_consumers,
			.alert_depth = c->alert_depth,
			.alert_wait_ns = c->alert_wait_ns,
		};
		int err;
		snprintf(place.name, sizeof place.name, "%s", c->name);
		err = bpf_map__update_elem(w->skel->maps.places, &id, sizeof id, &place, sizeof place, 0);
		if (err != 0)
			return err;
		base += 1u << place.bits;
	}
	return 0;
}

static int fill_lives(struct watch *w, const struct watch_spec *spec)
{
	int err = 0;
	for (uint32_t slot = 0; slot < spec->proc_cnt && err == 0; slot++) {
		struct probe_life life = {0};
		snprintf(life.name, sizeof life.name, "%s", spec->procs[slot]);
		err = bpf_map__update_elem(w->skel->maps.lives, &slot, sizeof slot, &life, sizeof life, 0);
	}
	return err;
}

struct watch *watch_new(void)
{
	struct watch *w = calloc(1, sizeof *w);
	int cpu_cnt;

	watch_forget();
	libbpf_set_print(keep_warning);
	if (w == NULL)
		return NULL;
	cpu_cnt = libbpf_num_possible_cpus();
	w->chans_fd = w->places_fd = w->procs_fd = w->lives_fd = w->events_fd = w->lock = -1;
	w->cpu_cnt = cpu_cnt > 0 ? (unsigned)cpu_cnt : 1;
	w->per_cpu = calloc(w->cpu_cnt, sizeof(struct probe_chan));
	if (w->per_cpu == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

static int load(struct watch *w, const struct watch_spec *spec)
{
	int err;
	w->skel->rodata->group_tag = spec->group_tag;
	err = size_maps(w, spec);
	err = err != 0 ? err : chan_bpf__load(w->skel);
	err = err != 0 ? err : fill_places(w, spec);
	err = err != 0 ? err : fill_lives(w, spec);
	return err != 0 ? err : watch_attach_tasks(w);
}

int watch_open(struct watch **out, const struct watch_spec *spec, struct watch_why *why)
{
	struct watch *w = watch_new();
	int err;

	*out = NULL;
	if (w == NULL)
		return watch_explain(why, -ENOMEM, "load BPF programs");
	w->skel = chan_bpf__open();
	err = w->skel != NULL ? load(w, spec) : -ENOMEM;
	if (err != 0) {
		watch_close(w);
		return watch_explain(why, err, "load BPF programs");
	}
	watch_use_maps(w);
	*out = w;
	return WATCH_OK;
}

void watch_use_maps(struct watch *w)
{
	w->chans_fd = bpf_map__fd(w->skel->maps.chans);
	w->places_fd = bpf_map__fd(w->skel->maps.places);
	w->procs_fd = bpf_map__fd(w->skel->maps.procs);
	w->lives_fd = bpf_map__fd(w->skel->maps.lives);
	w->events_fd = bpf_map__fd(w->skel->maps.events);
}

void watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	watch_detach(w);
	ring_buffer__free(w->events);
	if (w->skel == NULL) {
		const int fds[] = {w->chans_fd, w->places_fd, w->procs_fd, w->lives_fd, w->events_fd};
		for (unsigned i = 0; i < sizeof fds / sizeof *fds; i++)
			if (fds[i] >= 0)
				close(fds[i]);
	}
	chan_bpf__destroy(w->skel);
	if (w->lock >= 0)
		close(w->lock);
	free(w->per_cpu);
	free(w);
}

unsigned watch_chan_max(const struct watch *w)
{
	return w->chan_max;
}

unsigned watch_proc_max(const struct watch *w)
{
	return w->proc_max;
}

static void hist_sum(struct hist *to, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		to->cnt[i] += from->cnt[i];
}

static uint64_t largest(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

// One end's position on another CPU joins the sum: that of several processes is the largest, of one the latest.
static void join_position(uint64_t *pos, uint64_t *ns, uint64_t pos2, uint64_t ns2, bool many)
{
	if (many ? pos2 > *pos : ns2 >= *ns)
		*pos = pos2;
	*ns = largest(*ns, ns2);
}

static void sum_up(struct probe_chan *out, const struct probe_chan *c, const struct probe_place *place)
{
	out->push += c->push;
	out->pop += c->pop;
	out->done += c->done;
	out->full += c->full;
	out->dead_letter += c->dead_letter;
	out->unmatched += c->unmatched;
	out->high_water = largest(out->high_water, c->high_water);
	join_position(&out->pushed, &out->push_ns, c->pushed, c->push_ns, place->many_producers);
	join_position(&out->popped, &out->pop_ns, c->popped, c->pop_ns, place->many_consumers);
	join_position(&out->completed, &out->done_ns, c->completed, c->done_ns, place->many_consumers);
	hist_sum(&out->depth, &c->depth);
	hist_sum(&out->wait, &c->wait);
	hist_sum(&out->service, &c->service);
}

int watch_read(const struct watch *w, uint16_t id, struct probe_chan *out)
{
	const struct probe_chan *records = w->per_cpu;
	struct probe_place place;
	uint32_t key = id;

	memset(out, 0, sizeof *out);
	if (bpf_map_lookup_elem(w->chans_fd, &key, w->per_cpu) != 0 || watch_place(w, id, &place) != WATCH_OK)
		return WATCH_KERNEL;
	for (unsigned i = 0; i < w->cpu_cnt; i++)
		sum_up(out, &records[i], &place);
	// What recovery found counts as one more CPU's word. Its times stay out: nothing was sent or taken then.
	join_position(&out->pushed, &(uint64_t){out->push_ns}, place.settled_pushed, place.settled_push_ns,
		      place.many_producers);
	join_position(&out->popped, &(uint64_t){out->pop_ns}, place.settled_done, place.settled_done_ns,
		      place.many_consumers);
	join_position(&out->completed, &(uint64_t){out->done_ns}, place.settled_done, place.settled_done_ns,
		      place.many_consumers);
	return WATCH_OK;
}

int watch_place(const struct watch *w, uint16_t id, struct probe_place *out)
{
	uint32_t key = id;
	memset(out, 0, sizeof *out);
	if (bpf_map_lookup_elem(w->places_fd, &key, out) != 0)
		return WATCH_KERNEL;
	out->name[PROBE_NAME_MAX - 1] = '\0';
	return WATCH_OK;
}

int watch_proc(const struct watch *w, unsigned slot, struct probe_proc *out)
{
	const struct probe_proc *records = w->per_cpu;
	uint32_t key = slot;

	memset(out, 0, sizeof *out);
	if (bpf_map_lookup_elem(w->procs_fd, &key, w->per_cpu) != 0)
		return WATCH_KERNEL;
	for (unsigned i = 0; i < w->cpu_cnt; i++) {
		const struct probe_proc *p = &records[i];
		if (p->sleep_ns > out->sleep_ns || p->full_ns > out->full_ns)
			out->pid = p->pid;
		if (p->full_ns > out->full_ns)
			out->full_chan = p->full_chan;
		out->full += p->full;
		out->sleep += p->sleep;
		out->wake += p->wake;
		out->slept_ns += p->slept_ns;
		out->full_ns = largest(out->full_ns, p->full_ns);
		out->sleep_ns = largest(out->sleep_ns, p->sleep_ns);
		out->wake_ns = largest(out->wake_ns, p->wake_ns);
	}
	return WATCH_OK;
}

int watch_life(const struct watch *w, unsigned slot, struct probe_life *out)
{
	uint32_t key = slot;
	memset(out, 0, sizeof *out);
	if (bpf_map_lookup_elem(w->lives_fd, &key, out) != 0)
		return WATCH_KERNEL;
	out->name[PROBE_NAME_MAX - 1] = '\0';
	return WATCH_OK;
}

uint64_t watch_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

double watch_rate(const struct probe_rate *r, uint64_t count, uint64_t now_ns)
{
	double passed = now_ns > r->ns ? (double)(now_ns - r->ns) / 1e9 : 0;
	if (r->ns == 0)
		return 0;
	if (passed < 0.2)
		return (double)r->per_second;
	return count > r->count ? (double)(count - r->count) / passed : 0;
}
