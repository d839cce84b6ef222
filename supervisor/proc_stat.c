#include "supervisor/proc_stat.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool parse(char *text, size_t len, struct proc_stat *out)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')'), *last; // the name between them may hold both
	unsigned long long start;

	if (!open || !close || close < open)
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1,
		   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
		   &out->state, &out->parent, &out->flags, &out->threads, &start) != 5)
		return false;
	out->start_time = start;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = 0;
	last = strrchr(text, ' ');
	return last > close && sscanf(last, " %d", &out->wait_status) == 1;
}

static bool read_fd(int fd, struct proc_stat *out)
{
	char text[1024];
	ssize_t n;

	*out = (struct proc_stat){0};
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	return parse(text, (size_t)n, out);
}

bool proc_stat_read(pid_t pid, struct proc_stat *out)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return read_fd(open(path, O_RDONLY | O_CLOEXEC), out);
}

bool proc_stat_read_at(int folder, struct proc_stat *out)
{
	return read_fd(openat(folder, "stat", O_RDONLY | O_CLOEXEC), out);
}
