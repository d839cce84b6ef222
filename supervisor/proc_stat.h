// What /proc/PID/stat says of a process. It speaks of whoever has the number when it is read: that it is still the one that
// is meant, the caller knows by a pidfd or the start time.
#ifndef SUPERVISOR_PROC_STAT_H
#define SUPERVISOR_PROC_STAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char name[65]; // may hold anything, brackets too
	char state;    // 'R', 'S', 'T' stopped by a signal, 't' by a debugger, 'Z', ...
	pid_t parent;
	unsigned flags; // PF_... of the kernel
	unsigned threads;
	uint64_t start_time; // clock ticks since the machine's start; also of a zombie
	int wait_status;     // how it ended or is ending; of others, and without the right to know, without meaning
};

// proc_stat_read: false if there is no such process. proc_stat_read_at: of a /proc/PID/stat that is open, as it is now.
bool proc_stat_read(pid_t pid, struct proc_stat *out);
bool proc_stat_read_at(int fd, struct proc_stat *out);

#endif
