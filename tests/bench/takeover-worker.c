// Usage: takeover-worker feed|none|private|shared PAGE
// The services of takeover.c. feed fills the channel; the others take one message, write down when, touch 1 GiB of memory
// of that kind, and die with the message in hand.
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/shmchan.h"
#include "tests/bench/takeover.h"


static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct takeover_page *page_at(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, sizeof(struct takeover_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		_exit(2);
	close(fd);
	return p;
}

static int feed(struct shmchan *out)
{
	char body[64] = {0};
	const struct shmchan_msg m = {.data = body, .len = sizeof(body), .type = 1};

	while (shmchan_send(out, &m, SHMCHAN_FOREVER) == 0)
		;
	return 1;
}

int main(int argc, char **argv)
{
	struct takeover_page *page = argc == 3 ? page_at(argv[2]) : NULL;
	bool feeds = page && strcmp(argv[1], "feed") == 0;
	struct shmchan_proc *me;
	struct shmchan *ch;
	struct shmchan_msg m;

	if (!page || shmchan_attach_env(&me, NULL) ||
	    shmchan_open(me, "requests", feeds ? SHMCHAN_TX : SHMCHAN_RX, &ch, NULL))
		return 2;
	if (feeds) {
		shmchan_ready(me);
		return feed(ch);
	}
	if (shmchan_recv(ch, &m, SHMCHAN_FOREVER))
		return 2;
	page->first_ns = now_ns();
	// Release, both: who waits for them reads the time.
	atomic_fetch_add_explicit(&page->recorded, 1, memory_order_release);
	shmchan_ready(me);
	takeover_touch(argv[1]);
	atomic_store_explicit(&page->pid, getpid(), memory_order_release);
	for (;;)
		pause();
}
