// Who is told what a check has found, or a repair has mended: a sentence at a time, and how many there were.
#ifndef SHMCHAN_REPORT_H
#define SHMCHAN_REPORT_H

struct shmchan_reporter {
	void (*report)(void *ctx, const char *object, const char *text); // NULL: they are only counted
	void *ctx;
	unsigned cnt;
};

// Longer sentences are cut off.
__attribute__((format(printf, 3, 4))) void shmchan_report(struct shmchan_reporter *to, const char *object,
							  const char *fmt, ...);

#endif
