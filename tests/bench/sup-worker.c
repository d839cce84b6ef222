// Usage: sup-worker [NUMBER [MODE]]
// The service that the supervisors of sup.c run. It writes its life down in the file SUP_PAGE, says that it is ready in
// the way its supervisor hears, and then, by MODE or SUP_MODE:
//	stay    waits for its end
//	big     the same, with 1 GiB of memory written to
//	crash   dies of SIGSEGV 200 ms after its start
//	exit    ends with status 1 before it is ready
// NUMBER may be a name that ends with it, as s6 hands it over; without one it is that of the working folder.
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/shmchan.h"
#include "tests/bench/sup_page.h"

#define BIG (UINT64_C(1) << 30)
#define CRASH_AFTER_NS 200000000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct sup_service *mine(unsigned number)
{
	const char *path = getenv("SUP_PAGE");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct sup_page *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED || number < 1 || number >= SUP_SERVICES)
		_exit(2);
	close(fd);
	return &p->of[number];
}

static unsigned number_in(const char *name)
{
	const char *dash = strrchr(name, '-');

	return (unsigned)strtoul(dash ? dash + 1 : name, NULL, 10);
}

static unsigned number_of_folder(void)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof(path)) ? number_in(path) : 0;
}

static void say_ready(void)
{
	const char *fd = getenv("SUP_READY_FD");
	struct shmchan_proc *me;

	if (fd && write(atoi(fd), "\n", 1) != 1)
		_exit(2);
	if (!getenv("SHMCHAN_GROUP"))
		return;
	if (shmchan_attach_env(&me, NULL))
		_exit(2);
	shmchan_ready(me);
}

static struct sup_life *write_down(struct sup_service *s, uint64_t main_ns)
{
	uint32_t n = atomic_load_explicit(&s->lives, memory_order_relaxed); // one life at a time
	struct sup_life *life = &s->life[n % SUP_LIVES];

	*life = (struct sup_life){.main_ns = main_ns, .pid = getpid()};
	// Release pairs with the acquire in sup_lives() in sup_peer.c.
	atomic_store_explicit(&s->lives, n + 1, memory_order_release);
	syscall(SYS_futex, &s->lives, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	return life;
}

static void be_big(void)
{
	void *p = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		_exit(2);
	madvise(p, BIG, MADV_NOHUGEPAGE);
	memset(p, 1, BIG);
}

static void crash(struct sup_life *life)
{
	struct timespec t = {0, CRASH_AFTER_NS};
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	nanosleep(&t, NULL);
	life->death_ns = now_ns();
	raise(SIGSEGV);
}

int main(int argc, char **argv)
{
	uint64_t start = now_ns();
	unsigned number = argc > 1 ? number_in(argv[1]) : number_of_folder();
	const char *mode = argc > 2 ? argv[2] : getenv("SUP_MODE");
	struct sup_service *s = mine(number);
	struct sup_life *life;

	if (mode && strcmp(mode, "big") == 0)
		be_big();
	life = write_down(s, start);
	if (mode && strcmp(mode, "exit") == 0)
		return 1;
	say_ready();
	if (mode && strcmp(mode, "crash") == 0)
		crash(life);
	for (;;)
		pause();
}
