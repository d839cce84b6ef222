// A probe that does nothing: what any USDT program costs on this machine.
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("usdt")
int on_empty(struct pt_regs *ctx)
{
	return 0;
}
