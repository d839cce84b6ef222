// The worker that respawn.c kills: answers requests; `bare`: writes down that it runs, and waits for its end.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/shmchan.h"
#include "tests/bench/respawn.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static unsigned number(const char *name)
{
	const char *v = getenv(name);

	return v ? (unsigned)strtoul(v, NULL, 10) : 0;
}

static struct respawn_page *page(void)
{
	struct respawn_page *p =
		mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, (int)number("RESPAWN_PAGE"), 0);

	if (p == MAP_FAILED)
		_exit(1);
	return p;
}

static void write_down(uint64_t t)
{
	struct respawn_page *p = page();

	p->first_ns = t;
	// Release pairs with the acquire in respawn.c.
	atomic_store_explicit(&p->inc, number("SHMCHAN_INCARNATION"), memory_order_release);
}

static int serve(void)
{
	struct shmchan_proc *me;
	struct shmchan *in, *out;
	struct shmchan_msg m;
	bool first = true;

	if (shmchan_attach_env(&me, NULL) != 0 || shmchan_open(me, "requests", SHMCHAN_RX, &in, NULL) != 0 ||
	    shmchan_open(me, "answers", SHMCHAN_TX, &out, NULL) != 0)
		return 1;
	while (shmchan_recv(in, &m, SHMCHAN_FOREVER) == 0) {
		struct shmchan_msg answer = {.corr = m.corr, .type = 1};

		if (first)
			write_down(now_ns());
		first = false;
		if (shmchan_answer(in, out, &answer, SHMCHAN_FOREVER) != 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t start = now_ns();

	(void)argv;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 1)
		return serve();
	write_down(start);
	for (;;)
		pause();
}
