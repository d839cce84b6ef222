// Attached to the probes of libshmchan: histograms, positions and rates per channel, waiting per process, and what
// crosses a threshold. Two tracepoints of the scheduler tell when a process died and when its replacement began.
//
// Uprobe programs may be preempted, by another process's probe on the same CPU too: counts of per-CPU records
// are added to atomically. The stamps of a message are written by its producer and then by its consumer; the
// channel orders the two, because push fires before the message is published and pop after it was taken.
//
// Arguments are read from the registers where probe.h has them; looking up each in the notes would cost a fifth of a hit.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
// Of all probe sites of all attached executables; libbpf's default is for one or two.
#define BPF_USDT_MAX_SPEC_CNT 2048
#include <bpf/usdt.bpf.h>
#include "bpf/record.h"
#include "shmchan/probe.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ARG1(ctx) ((uint64_t)PT_REGS_PARM1(ctx))
#define ARG2(ctx) ((uint64_t)PT_REGS_PARM2(ctx))
#define ARG3(ctx) ((uint64_t)PT_REGS_PARM3(ctx))
#define ARG4(ctx) ((uint64_t)PT_REGS_PARM4(ctx))
#define RATE_NS 100000000ull
#define FULL_NS 1000000ull // a producer that polls finds a channel full a million times a second

const volatile uint32_t group_tag; // events of other groups are not counted

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1); // channel ids + 1, set by the loader
	__type(key, uint32_t);
	__type(value, struct probe_chan);
} chans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // as chans
	__type(key, uint32_t);
	__type(value, struct probe_place);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // set by the loader
	__type(key, uint32_t);
	__type(value, struct probe_stamp);
} stamps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1); // process slots, set by the loader
	__type(key, uint32_t);
	__type(value, struct probe_proc);
} procs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); // as procs
	__type(key, uint32_t);
	__type(value, struct probe_life);
} lives SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, uint32_t);
	__type(value, struct probe_task);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

// -------------------------------------------------------------------------------------------------- records

static __always_inline struct probe_chan *chan_of(uint64_t key, struct probe_place **place)
{
	uint32_t id = SHMCHAN_PROBE_KEY_ID(key);
	if (SHMCHAN_PROBE_KEY_TAG(key) != group_tag)
		return NULL;
	*place = bpf_map_lookup_elem(&places, &id);
	return *place != NULL ? bpf_map_lookup_elem(&chans, &id) : NULL;
}

static __always_inline struct probe_proc *proc_of(uint64_t key)
{
	uint32_t slot = SHMCHAN_PROBE_KEY_ID(key);
	struct probe_proc *p;
	if (SHMCHAN_PROBE_KEY_TAG(key) != group_tag)
		return NULL;
	p = bpf_map_lookup_elem(&procs, &slot);
	if (p != NULL)
		p->pid = bpf_get_current_pid_tgid() >> 32;
	return p;
}

static __always_inline void add(uint64_t *count)
{
	__sync_fetch_and_add(count, 1);
}

static __always_inline void hist_add(struct hist *h, uint64_t v)
{
	unsigned slot = hist_slot(v);
	if (slot < HIST_SLOTS) // hist_slot says so too, but the verifier forgets
		add(&h->cnt[slot]);
}

// One end of one process moves forward, or back after a recovery: the last is the truth. Of several, the largest is.
static __always_inline void move(uint64_t *count, uint64_t *ns, uint64_t to, uint64_t now, bool many)
{
	if (!many) {
		*count = to;
	} else {
		// Who preempts this is another end of the same channel on the same CPU: there is no endless row of them.
		for (int tries = 0; tries < 4; tries++) {
			uint64_t was = *(volatile uint64_t *)count;
			if (was >= to || __sync_val_compare_and_swap(count, was, to) == was)
				break;
		}
	}
	*ns = now;
}

static __always_inline void rate_add(struct probe_rate *r, uint64_t count, uint64_t now)
{
	uint64_t ns = r->ns;
	if (now - ns < RATE_NS || __sync_val_compare_and_swap(&r->ns, ns, now) != ns)
		return;
	if (ns != 0 && count >= r->count)
		r->per_second = (count - r->count) * 1000000 / ((now - ns) / 1000);
	r->count = count;
}

// The stamp of message `pos`, or NULL. Positions that can be in a channel at the same time have different
// stamps if 2^bits >= 2 * capacity; sampled ones, which are multiples of 64, if it is >= capacity / 32.
static __always_inline struct probe_stamp *stamp_of(const struct probe_place *place, uint64_t pos)
{
	uint32_t i, bits = place->bits;
	if (bits < 6 || bits > 16)
		return NULL;
	i = (uint32_t)(pos >> 6) ^ (uint32_t)(pos & 63) << (bits - 6);
	i = place->base + (i & ((1u << bits) - 1));
	return bpf_map_lookup_elem(&stamps, &i);
}

// --------------------------------------------------------------------------------------------------- events

// What doesn't fit is lost: nobody has read for a long time.
static __noinline int send_alert(struct probe_place *place, uint64_t key, uint32_t kind, uint64_t value,
				 uint64_t pos)
{
	struct probe_event *e = bpf_ringbuf_reserve(&events, sizeof *e, 0);
	if (place == NULL || e == NULL) {
		if (e != NULL)
			bpf_ringbuf_discard(e, 0);
		return 0;
	}
	__builtin_memset(e, 0, sizeof *e);
	e->ns = bpf_ktime_get_ns();
	e->kind = kind;
	e->chan = SHMCHAN_PROBE_KEY_ID(key);
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->value = value;
	e->limit = kind <= PROBE_EVENT_DEPTH_OVER ? place->alert_depth : place->alert_wait_ns;
	e->pos = pos;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// Raised at the threshold, over at half of it: a queue that stands at the threshold is one alert.
static __always_inline void look_for_alert(struct probe_place *place, uint64_t key, uint64_t *since,
					   uint32_t kind, uint64_t limit, uint64_t value, uint64_t pos)
{
	uint64_t was;
	if (limit == 0)
		return;
	was = *since;
	if (was == 0 && value >= limit) {
		if (__sync_val_compare_and_swap(since, 0, bpf_ktime_get_ns()) != 0)
			return;
		__sync_fetch_and_add(&place->alerts, 1);
		send_alert(place, key, kind, value, pos);
	} else if (was != 0 && value <= limit / 2 && __sync_val_compare_and_swap(since, was, 0) == was) {
		send_alert(place, key, kind + 1, value, pos);
	}
}

// ------------------------------------------------------------------------------------------------- messages

SEC("usdt")
int on_push(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx), depth = ARG2(ctx), pos = ARG3(ctx), now;
	struct probe_place *place;
	struct probe_chan *c = chan_of(key, &place);
	struct probe_stamp *s;
	if (c == NULL)
		return 0;
	now = bpf_ktime_get_ns();
	add(&c->push);
	hist_add(&c->depth, depth);
	// Two preempted writers of one CPU's record may lose a maximum to each other only if both set it at
	// once.
	if (depth > c->high_water)
		c->high_water = depth;
	move(&c->pushed, &c->push_ns, pos + 1, now, place->many_producers);
	rate_add(&place->in, pos + 1, now);
	s = stamp_of(place, pos);
	if (s != NULL) {
		s->push_ns = now;
		s->pop_ns = 0;
		s->tag = pos + 1;
	}
	look_for_alert(place, key, &place->depth_since, PROBE_EVENT_DEPTH, place->alert_depth, depth, pos);
	return 0;
}

static __noinline int note_first_pop(struct probe_life *life, uint64_t key, uint64_t pos, uint32_t slot)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	struct probe_task *task;
	struct probe_event *e;
	if (life == NULL || __sync_val_compare_and_swap(&life->awaited, 1, 0) != 1)
		return 0;
	task = bpf_map_lookup_elem(&tasks, &pid);
	life->next_pid = pid;
	life->exec_ns = task != NULL ? task->exec_ns : 0;
	life->first_pop_ns = bpf_ktime_get_ns();
	if (life->exit_ns != 0)
		hist_add(&life->gap, life->first_pop_ns - life->exit_ns);
	e = bpf_ringbuf_reserve(&events, sizeof *e, 0);
	if (e == NULL)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	e->ns = life->first_pop_ns;
	e->kind = PROBE_EVENT_FIRST_POP;
	e->chan = SHMCHAN_PROBE_KEY_ID(key);
	e->slot = slot;
	e->pid = pid;
	e->incarnation = life->incarnation;
	e->pos = pos;
	e->exit_ns = life->exit_ns;
	e->recovered_ns = life->recovered_ns;
	e->exec_ns = life->exec_ns;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

SEC("usdt")
int on_pop(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx), pos = ARG3(ctx), now, waited;
	struct probe_place *place;
	struct probe_chan *c = chan_of(key, &place);
	struct probe_stamp *s;
	struct probe_life *life;
	uint32_t slot;
	if (c == NULL)
		return 0;
	now = bpf_ktime_get_ns();
	add(&c->pop);
	move(&c->popped, &c->pop_ns, pos + 1, now, place->many_consumers);
	rate_add(&place->out, pos + 1, now);
	slot = SHMCHAN_PROBE_KEY_ID(ARG4(ctx));
	life = bpf_map_lookup_elem(&lives, &slot);
	if (life != NULL && life->awaited)
		note_first_pop(life, key, pos, slot);
	s = stamp_of(place, pos);
	if (s == NULL)
		return 0;
	if (s->tag == pos + 1) {
		waited = now > s->push_ns ? now - s->push_ns : 0;
		hist_add(&c->wait, waited);
		look_for_alert(place, key, &place->wait_since, PROBE_EVENT_WAIT, place->alert_wait_ns, waited,
			       pos);
	} else {
		add(&c->unmatched);
	}
	s->pop_ns = now;
	s->tag = pos + 1;
	return 0;
}

SEC("usdt")
int on_done(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx), pos = ARG2(ctx), now;
	struct probe_place *place;
	struct probe_chan *c = chan_of(key, &place);
	struct probe_stamp *s;
	if (c == NULL)
		return 0;
	now = bpf_ktime_get_ns();
	add(&c->done);
	move(&c->completed, &c->done_ns, pos + 1, now, place->many_consumers);
	s = stamp_of(place, pos);
	if (s == NULL || s->tag != pos + 1 || s->pop_ns == 0)
		return 0;
	hist_add(&c->service, now > s->pop_ns ? now - s->pop_ns : 0);
	s->tag = 0;
	return 0;
}

// Of a threshold that is another than the channel's mark push tells, at the next message that is sampled.
SEC("usdt")
int on_mark(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx);
	struct probe_place *place;
	if (chan_of(key, &place) == NULL)
		return 0;
	look_for_alert(place, key, &place->depth_since, PROBE_EVENT_DEPTH, place->alert_depth, ARG2(ctx), ARG3(ctx));
	return 0;
}

SEC("usdt")
int on_full(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx), depth = ARG2(ctx), slot_key = ARG3(ctx), now;
	struct probe_place *place;
	struct probe_chan *c = chan_of(key, &place);
	struct probe_proc *p;
	if (c == NULL)
		return 0;
	add(&c->full);
	now = bpf_ktime_get_ns();
	if (now - place->full_ns >= FULL_NS) {
		place->full_ns = now;
		place->full_slot = SHMCHAN_PROBE_KEY_ID(slot_key);
	}
	look_for_alert(place, key, &place->depth_since, PROBE_EVENT_DEPTH, place->alert_depth, depth, 0);
	p = proc_of(slot_key);
	if (p == NULL)
		return 0;
	add(&p->full);
	p->full_ns = now;
	p->full_chan = SHMCHAN_PROBE_KEY_ID(key);
	return 0;
}

// ------------------------------------------------------------------------------------------------ processes

SEC("usdt")
int on_sleep(struct pt_regs *ctx)
{
	struct probe_proc *p = proc_of(ARG1(ctx));
	if (p == NULL)
		return 0;
	add(&p->sleep);
	p->sleep_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("usdt")
int on_wake(struct pt_regs *ctx)
{
	struct probe_proc *p = proc_of(ARG1(ctx));
	if (p == NULL)
		return 0;
	add(&p->wake);
	__sync_fetch_and_add(&p->slept_ns, ARG2(ctx));
	p->wake_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("usdt")
int on_dead_letter(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx);
	struct probe_place *place;
	struct probe_chan *c = chan_of(key, &place);
	if (c == NULL)
		return 0;
	add(&c->dead_letter);
	send_alert(place, key, PROBE_EVENT_DEAD_LETTER, 0, ARG2(ctx));
	return 0;
}

SEC("usdt")
int on_settle(struct pt_regs *ctx)
{
	uint64_t pushed = ARG2(ctx), done = ARG3(ctx), now = bpf_ktime_get_ns();
	struct probe_place *place;
	if (chan_of(ARG1(ctx), &place) == NULL)
		return 0;
	if (pushed != SHMCHAN_PROBE_NONE)
		move(&place->settled_pushed, &place->settled_push_ns, pushed, now, place->many_producers);
	if (done != SHMCHAN_PROBE_NONE)
		move(&place->settled_done, &place->settled_done_ns, done, now, place->many_consumers);
	return 0;
}

SEC("usdt")
int on_recover(struct pt_regs *ctx)
{
	uint64_t key = ARG1(ctx);
	uint32_t slot = SHMCHAN_PROBE_KEY_ID(key), pid = (uint32_t)ARG4(ctx);
	struct probe_life *life = bpf_map_lookup_elem(&lives, &slot);
	struct probe_task *task;
	struct probe_event *e;
	if (SHMCHAN_PROBE_KEY_TAG(key) != group_tag || life == NULL)
		return 0;
	task = bpf_map_lookup_elem(&tasks, &pid);
	life->deaths++;
	life->incarnation = (uint32_t)ARG2(ctx);
	life->pid = pid;
	life->next_pid = 0;
	life->exit_ns = task != NULL ? task->exit_ns : 0;
	life->recovered_ns = bpf_ktime_get_ns();
	life->repair_ns = ARG3(ctx);
	life->exec_ns = life->first_pop_ns = 0;
	life->awaited = 1;
	if (life->exit_ns != 0)
		hist_add(&life->recovery, life->recovered_ns - life->exit_ns);
	e = bpf_ringbuf_reserve(&events, sizeof *e, 0);
	if (e == NULL)
		return 0;
	__builtin_memset(e, 0, sizeof *e);
	e->ns = life->recovered_ns;
	e->kind = PROBE_EVENT_RECOVERED;
	e->slot = slot;
	e->pid = pid;
	e->incarnation = life->incarnation;
	e->value = life->repair_ns;
	e->exit_ns = life->exit_ns;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

// Of every process of the machine: which ones were of this group is known only when they are recovered. Each thread tells;
// the last one's word stays.
SEC("raw_tp/sched_process_exit")
int on_exit(void *ctx)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	struct probe_task fresh = {0}, *task = bpf_map_lookup_elem(&tasks, &pid);
	uint64_t now = bpf_ktime_get_ns();
	if (task != NULL) {
		task->exit_ns = now;
		return 0;
	}
	fresh.exit_ns = now;
	bpf_map_update_elem(&tasks, &pid, &fresh, BPF_ANY);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	uint32_t pid = bpf_get_current_pid_tgid() >> 32;
	struct probe_task fresh = {.exec_ns = bpf_ktime_get_ns()};
	bpf_map_update_elem(&tasks, &pid, &fresh, BPF_ANY);
	return 0;
}
