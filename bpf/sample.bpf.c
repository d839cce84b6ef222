// Reads the counters of a group's channels out of the memory of a process that maps them, when somebody reads the pinned
// iterator: nothing runs in the services, and no tool need be there.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf/sample.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile uint32_t pid; // the process: the supervisor
const volatile uint32_t ring_cnt;
const volatile uint32_t tail_at, taken_at; // bytes from the start of a ring; `done` stands behind `taken`

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SAMPLE_RING_MAX);
	__type(key, uint32_t);
	__type(value, struct sample_ring);
} rings SEC(".maps");

static __always_inline void print_ring(struct seq_file *seq, struct task_struct *task,
				       const struct sample_ring *ring)
{
	uint64_t tail, taken[2], pushed;
	if (bpf_copy_from_user_task(&tail, sizeof tail, (const void *)(ring->at + tail_at), task, 0) != 0 ||
	    bpf_copy_from_user_task(taken, sizeof taken, (const void *)(ring->at + taken_at), task, 0) != 0) {
		BPF_SEQ_PRINTF(seq, "%s - - - -\n", ring->name);
		return;
	}
	pushed = ring->many ? (tail >> 32) * ring->capacity + (uint32_t)tail : tail;
	BPF_SEQ_PRINTF(seq, "%s %llu %llu %llu %llu\n", ring->name, pushed, taken[0], taken[1],
		       pushed > taken[0] ? pushed - taken[0] : 0);
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
