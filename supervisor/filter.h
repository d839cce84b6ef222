// Filters of system calls for services, as BPF programs made once by the supervisor.
//
//	default  what programs of all kinds use. Refused with EPERM: mounts, namespaces, modules, tracing and reading other
//	         processes, bpf, keys, clocks, reboot, and whatever is not known here.
//	strict   what a service needs that talks through its channels alone: memory, threads, waiting, reading files, its
//	         notify socket. Anything else kills it with SIGSYS: no other program, no child process, no network, no file
//	         written or created, no io_uring (whose operations no filter sees).
//
// A filter holds when the program is executed, so strict must allow one execve: that with the path at one address,
// which the program that is started can neither know nor reach (its own address space is drawn anew).
#ifndef SUPERVISOR_FILTER_H
#define SUPERVISOR_FILTER_H

#include <linux/filter.h>
#include "supervisor/exits.h"
#include "supervisor/topology.h"

struct filter {
	struct sock_fprog prog; // len 0: no filter
	void *memory;
	char *path; // strict: where the path given to execve has to be; PATH_MAX bytes
};

// filter_make makes the filter of a level other than auto. Errors: SUP_SYSTEM.
int filter_make(struct filter *out, enum topo_seccomp level, struct fail *fail);
void filter_free(struct filter *f);

// filter_calls gives the names of what a level allows without conditions, NULL at the end.
const char *const *filter_calls(enum topo_seccomp level);

#endif
