#include "tools/procstat.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool procstat_read(pid_t pid, struct procstat *out)
{
	char path[32], line[1024];
	unsigned long user, system;
	const char *rest;
	long pages;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	rest = fgets(line, sizeof line, f) != NULL ? strrchr(line, ')')
						   : NULL; // the name before it may hold anything
	fclose(f);
	if (rest == NULL ||
	    sscanf(rest,
		   ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u "
		   "%*u %ld",
		   &out->state, &user, &system, &pages) != 4)
		return false;
	out->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	out->rss_bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}
