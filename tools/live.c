#include "tools/live.h"
#include <errno.h>
#include <time.h>

static sigset_t ends(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return set;
}

double live_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void live_block(void)
{
	sigset_t set = ends();
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool live_wait(double until)
{
	sigset_t set = ends();
	for (;;) {
		double left = until - live_now();
		struct timespec t = {0};
		if (left > 0) {
			t.tv_sec = (time_t)left;
			t.tv_nsec = (long)((left - (double)t.tv_sec) * 1e9);
		}
		if (sigtimedwait(&set, NULL, &t) > 0)
			return false;
		if (errno == EAGAIN)
			return true;
	}
}
