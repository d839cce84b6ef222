// Is a process dead, though its pidfd does not say so yet? The kernel takes the memory of a process down between the last
// instruction of its program and the pidfd: 62 ms for 1 GiB.
#ifndef SUPERVISOR_FENCE_H
#define SUPERVISOR_FENCE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct fence {
	int proc; // /proc/PID; -1 = none
	int stat; // its stat; -1 = not open yet
};

// fence_open opens what is looked at, ahead: it is the half of the cost; with `all` also what is read last, which costs one more
// descriptor. `pidfd` is of the process `pid`, which may be another's child. False if it can't; then there is nothing to be closed.
bool fence_open(struct fence *f, int pidfd, pid_t pid, bool all);
void fence_close(struct fence *f); // also of one that is closed

// fence_passed: will no thread of it run an instruction of its program any more? Then *info is as with fate_of, and it has been
// sent SIGKILL, which changes nothing for it. What it held open (descriptors, file locks) it may still hold.
// False if that is not so, or can't be seen; also once it has been reaped.
//
// The proof. A thread whose /proc/PID/task/TID/exe is gone has given its memory up (exit_mm), from where none goes back to the
// program. If that is seen of every thread in the list, SIGKILL is sent: from then on no thread can be made, since a
// process with a fatal signal can neither clone nor execve, and the list only gets shorter. So a second look that finds as many
// threads as the process had before it, and all without memory, has seen all there are; of one thread, that is the first. A
// thread that is gone from the list has none either.
// A process that only seemed to have no thread left at the first look is killed by it, and not believed dead.
// Threads of io_uring are in the list; a request of theirs may still end, as it may after the pidfd.
bool fence_passed(const struct fence *f, int pidfd, pid_t pid, siginfo_t *info);

#endif
