#include "supervisor/proc_stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// By hand: a replacement waits for it, and sscanf, which nobody else calls, is not in the cache.
static bool parse(char *text, size_t len, struct proc_stat *out)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')'), *at; // the name between them may hold both
	size_t name = open && close > open ? (size_t)(close - open) - 1 : 0;

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return false;
	name = name < sizeof(out->name) ? name : sizeof(out->name) - 1;
	memcpy(out->name, open + 1, name);
	out->name[name] = 0;
	out->state = close[2];
	at = close + 3;
	for (unsigned i = 4; i <= 22; i++) { // as proc(5) numbers the fields
		char *end;
		unsigned long long value = strtoull(at, &end, 10); // also of a negative one

		if (end == at)
			return false;
		at = end;
		if (i == 4)
			out->parent = (pid_t)value;
		else if (i == 9)
			out->flags = (unsigned)value;
		else if (i == 20)
			out->threads = (unsigned)value;
		else if (i == 22)
			out->start_time = value;
	}
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = 0;
	at = strrchr(at, ' ');
	if (!at || at[1] < '0' || at[1] > '9')
		return false;
	out->wait_status = (int)strtoul(at, NULL, 10);
	return true;
}

bool proc_stat_read_at(int fd, struct proc_stat *out)
{
	char text[1024];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	*out = (struct proc_stat){0};
	if (n <= 0)
		return false;
	text[n] = 0;
	return parse(text, (size_t)n, out);
}

bool proc_stat_read(pid_t pid, struct proc_stat *out)
{
	char path[40];
	bool read;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	read = proc_stat_read_at(fd, out);
	if (fd >= 0)
		close(fd);
	return read;
}
