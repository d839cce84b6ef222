#include "shmchan/report.h"

#include <stdarg.h>
#include <stdio.h>

void shmchan_report(struct shmchan_reporter *to, const char *object, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (to->report)
		to->report(to->ctx, object, text);
	to->cnt++;
}
