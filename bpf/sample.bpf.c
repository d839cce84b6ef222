// Reads the counters of a group's channels out of the memory of a process that maps them, when somebody reads the pinned
// iterator: nothing runs in the services, and no tool need be there.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf/sample.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile uint32_t pid; // the process: the supervisor
const volatile uint32_t ring_cnt;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SAMPLE_RING_MAX);
	__type(key, uint32_t);
	__type(value, struct sample_ring);
} rings SEC(".maps");

struct sum {
	struct task_struct *task;
	uint64_t at, stride;
	uint64_t taken, done;
	bool failed;
};

static long add_consumer(uint64_t k, struct sum *s)
{
	uint64_t taken[2];
	if (bpf_copy_from_user_task(taken, sizeof taken, (const void *)(s->at + k * s->stride), s->task, 0) !=
	    0) {
		s->failed = true;
		return 1;
	}
	s->taken += taken[0];
	s->done += taken[1];
	return 0;
}

// Positions in full near `done`, which was read before the tail.
static __always_inline uint64_t pushed_of(const struct sample_ring *ring, uint64_t tail, uint64_t done)
{
	int32_t ahead = (int32_t)((uint32_t)(tail >> 32) - (uint32_t)done);
	if (ring->tail_is == SAMPLE_TAIL_POSITION)
		return tail;
	if (ring->tail_is == SAMPLE_TAIL_LAP)
		return (tail >> 32) * ring->capacity + (uint32_t)tail;
	return ahead < 0 ? done : done + (uint32_t)ahead;
}

static __always_inline void print_ring(struct seq_file *seq, struct task_struct *task,
				       const struct sample_ring *ring)
{
	struct sum s = {.task = task, .at = ring->taken_at, .stride = ring->rx_stride};
	uint64_t tail, pushed;
	bpf_loop(ring->rx_cnt, add_consumer, &s, 0); // stops at the first that can't be read
	if (s.failed ||
	    bpf_copy_from_user_task(&tail, sizeof tail, (const void *)ring->tail_at, task, 0) != 0) {
		BPF_SEQ_PRINTF(seq, "%s - - - -\n", ring->name);
		return;
	}
	pushed = pushed_of(ring, tail, s.done);
	BPF_SEQ_PRINTF(seq, "%s %llu %llu %llu %llu\n", ring->name, pushed, s.taken, s.done,
		       pushed > s.taken ? pushed - s.taken : 0);
}

SEC("iter.s/task")
int counters(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	if (task == NULL || (uint32_t)task->pid != pid)
		return 0;
	BPF_SEQ_PRINTF(seq, "CHANNEL PUSHED POPPED COMPLETED DEPTH\n");
	for (uint32_t i = 0; i < SAMPLE_RING_MAX && i < ring_cnt; i++) {
		uint32_t key = i;
		struct sample_ring *ring = bpf_map_lookup_elem(&rings, &key);
		if (ring != NULL)
			print_ring(seq, task, ring);
	}
	return 0;
}
