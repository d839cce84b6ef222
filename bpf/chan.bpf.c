// Attached to the probes of libshmchan: histograms per channel of depth, waiting time and service time.
//
// Uprobe programs may be preempted, by another process's probe on the same CPU too: counts of per-CPU records
// are added to atomically. The stamps of a message are written by its producer and then by its consumer; the
// channel orders the two, because push fires before the message is published and pop after it was taken.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
// Of all probe sites of all attached executables; libbpf's default is for one or two.
#define BPF_USDT_MAX_SPEC_CNT 2048
#include <bpf/usdt.bpf.h>
#include "bpf/record.h"
#include "shmchan/probe.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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

static __always_inline struct probe_chan *chan_of(uint64_t key)
{
	uint32_t id = SHMCHAN_PROBE_KEY_ID(key);
	if (SHMCHAN_PROBE_KEY_TAG(key) != group_tag)
		return NULL;
	return bpf_map_lookup_elem(&chans, &id);
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

// The stamp of message `pos`, or NULL. Positions that can be in a channel at the same time have different
// stamps if 2^bits >= 2 * capacity; sampled ones, which are multiples of 64, if it is >= capacity / 32.
static __always_inline struct probe_stamp *stamp_of(uint64_t key, uint64_t pos)
{
	uint32_t id = SHMCHAN_PROBE_KEY_ID(key), i;
	struct probe_place *place = bpf_map_lookup_elem(&places, &id);
	if (place == NULL || place->bits < 6 || place->bits > 16)
		return NULL;
	i = (uint32_t)(pos >> 6) ^ (uint32_t)(pos & 63) << (place->bits - 6);
	i = place->base + (i & ((1u << place->bits) - 1));
	return bpf_map_lookup_elem(&stamps, &i);
}

SEC("usdt")
int BPF_USDT(on_push, uint64_t key, uint64_t depth, uint64_t pos)
{
	struct probe_chan *c = chan_of(key);
	struct probe_stamp *s;
	if (c == NULL)
		return 0;
	add(&c->push);
	hist_add(&c->depth, depth);
	// Two preempted writers of one CPU's record may lose a maximum to each other only if both set it at
	// once.
	if (depth > c->high_water)
		c->high_water = depth;
	s = stamp_of(key, pos);
	if (s != NULL) {
		s->push_ns = bpf_ktime_get_ns();
		s->pop_ns = 0;
		s->tag = pos + 1;
	}
	return 0;
}

SEC("usdt")
int BPF_USDT(on_pop, uint64_t key, uint64_t depth, uint64_t pos)
{
	struct probe_chan *c = chan_of(key);
	struct probe_stamp *s;
	uint64_t now;
	if (c == NULL)
		return 0;
	add(&c->pop);
	s = stamp_of(key, pos);
	if (s == NULL)
		return 0;
	now = bpf_ktime_get_ns();
	if (s->tag == pos + 1)
		hist_add(&c->wait, now > s->push_ns ? now - s->push_ns : 0);
	else
		add(&c->unmatched);
	s->pop_ns = now;
	s->tag = pos + 1;
	return 0;
}

SEC("usdt")
int BPF_USDT(on_done, uint64_t key, uint64_t pos)
{
	struct probe_chan *c = chan_of(key);
	struct probe_stamp *s;
	uint64_t now;
	if (c == NULL)
		return 0;
	add(&c->done);
	s = stamp_of(key, pos);
	if (s == NULL || s->tag != pos + 1 || s->pop_ns == 0)
		return 0;
	now = bpf_ktime_get_ns();
	hist_add(&c->service, now > s->pop_ns ? now - s->pop_ns : 0);
	s->tag = 0;
	return 0;
}

SEC("usdt")
int BPF_USDT(on_full, uint64_t key, uint64_t depth)
{
	struct probe_chan *c = chan_of(key);
	if (c != NULL)
		add(&c->full);
	return 0;
}

SEC("usdt")
int BPF_USDT(on_dead_letter, uint64_t key, uint64_t pos)
{
	struct probe_chan *c = chan_of(key);
	if (c != NULL)
		add(&c->dead_letter);
	return 0;
}
