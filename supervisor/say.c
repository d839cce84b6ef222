#include "supervisor/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static char live[256];

// One write per line: services write to the same terminal.
static void put(const char *text)
{
	ssize_t done = write(STDERR_FILENO, text, strlen(text));

	(void)done; // a terminal that has gone away is no reason to stop
}

void say(const char *group, const char *fmt, ...)
{
	char text[1024], line[1400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%sshmsup: %s%s%s\n%s", live[0] ? "\r\033[K" : "", group ? group : "",
		 group ? ": " : "", text, live);
	put(line);
}

void say_live(const char *line)
{
	struct winsize size;
	char text[300];
	int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;

	if (!line && !live[0])
		return;
	snprintf(live, sizeof(live), "%.*s", width < 255 ? width : 255, line ? line : "");
	snprintf(text, sizeof(text), "\r\033[K%s", live);
	put(text);
}
