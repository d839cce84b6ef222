// What /proc says of a process.
#ifndef TOOLS_PROCSTAT_H
#define TOOLS_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procstat {
	char state; // as in ps: R, S, D, T, ...
	double cpu_seconds;
	uint64_t rss_bytes;
};

bool procstat_read(pid_t pid, struct procstat *out); // false: no such process

#endif
