// Usage: takeover [-o FILE] [-n SAMPLES]
// The time from SIGKILL of a service that has a message in hand to the first message of its replacement, through shmsup:
//	shmsup-spare      by its warm spare, spare: 1
//	shmsup-respawn    started anew
//	floor-standby     no supervisor: a robust futex that is waited for, then a futex on which a process stands by
// Rows: the service has no memory to speak of, 1 GiB of its own, 1 GiB of shared memory. Exit status: 0; 1 something failed; 2 usage.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/view.h"
#include "tests/bench/table.h"
#include "tests/bench/takeover.h"

#define PATIENCE_NS UINT64_C(20000000000)
#define LOOK_NS 2000000
#define REST_NS 20000000 // until nothing runs but who waits

extern char **environ;

static const char *const kinds[] = {"none", "private", "shared"};
static const char *const rows[] = {"takeover_first_recv", "takeover_first_recv_1GiB", "takeover_first_recv_1GiB_shared"};

struct run {
	const char *name; // contender
	bool spare;
	char group[SHMCHAN_NAME_MAX], folder[64], program[PATH_MAX], worker[PATH_MAX];
	struct takeover_page *page;
	pid_t pid; // of shmsup
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void rest(long ns)
{
	struct timespec t = {0, ns};

	nanosleep(&t, NULL);
}

static bool failed(const char *what)
{
	fprintf(stderr, "takeover: can't %s: %s; giving up\n", what, strerror(errno));
	return false;
}

// ---------------------------------------------------------------------------------------------- shmsup

static void path_of(const struct run *r, char out[PATH_MAX], const char *name)
{
	snprintf(out, PATH_MAX, "%s/%s", r->folder, name);
}

static bool write_topology(const struct run *r, const char *kind)
{
	char path[PATH_MAX], page[PATH_MAX];
	FILE *f;
	int err;

	path_of(r, path, "t.yaml");
	path_of(r, page, "page");
	f = fopen(path, "we");
	if (!f)
		return failed("write a topology");
	fprintf(f,
		"group: takeover\nservices:\n"
		"  - {name: work, command: %s, args: [%s, %s], spare: %d, max_deaths: 0}\n"
		"  - {name: feed, command: %s, args: [feed, %s]}\n"
		"channels:\n"
		"  - {name: requests, kind: spsc, capacity: 64, message_size: 64, producers: [feed], consumers: [work]}\n",
		r->worker, kind, page, r->spare, r->worker, page);
	err = ferror(f);
	return (fclose(f) == 0 && !err) || failed("write a topology");
}

static bool make_page(struct run *r)
{
	char path[PATH_MAX];
	FILE *f;

	path_of(r, path, "page");
	f = fopen(path, "w+e");
	if (!f || ftruncate(fileno(f), sizeof(*r->page)))
		return failed("make the page that workers write to");
	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE, MAP_SHARED, fileno(f), 0);
	fclose(f);
	return r->page != MAP_FAILED || failed("map the page that workers write to");
}

// Is there somebody with a message in hand and, where there are spares, one that waits?
static bool is_set(const struct run *r, pid_t before)
{
	struct shmchan_view_proc p;
	struct shmchan_view *v;
	bool waits = !r->spare;

	// Acquire pairs with the worker's release.
	if (atomic_load_explicit(&r->page->pid, memory_order_acquire) == before)
		return false;
	if (waits || shmchan_view_open(&v, r->group, NULL))
		return waits;
	waits = shmchan_view_proc(v, 0, &p) == 0 && p.spare_waits;
	shmchan_view_close(v);
	return waits;
}

static bool wait_until_set(const struct run *r, pid_t before)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (!is_set(r, before)) {
		if (now_ns() > end) {
			errno = ETIMEDOUT;
			return failed("see the replacement at work");
		}
		rest(LOOK_NS);
	}
	rest(REST_NS);
	return true;
}

static bool begin(struct run *r, const char *kind)
{
	char path[PATH_MAX], name[] = "--name";
	char *argv[] = {r->program, "run", path, name, r->group, NULL};
	int err;

	snprintf(r->group, sizeof(r->group), "takeover-%d-%d", (int)getpid(), r->spare);
	snprintf(r->folder, sizeof(r->folder), "/tmp/takeover-XXXXXX");
	if (!mkdtemp(r->folder))
		return failed("make a folder");
	path_of(r, path, "t.yaml");
	if (!make_page(r) || !write_topology(r, kind))
		return false;
	err = posix_spawn(&r->pid, r->program, NULL, NULL, argv, environ);
	if (err) {
		errno = err;
		return failed("start shmsup");
	}
	return wait_until_set(r, 0);
}

static void end(struct run *r)
{
	char path[PATH_MAX];

	if (r->pid > 0) {
		kill(r->pid, SIGTERM);
		waitpid(r->pid, NULL, 0);
	}
	path_of(r, path, "t.yaml");
	unlink(path);
	path_of(r, path, "page");
	unlink(path);
	rmdir(r->folder);
	if (r->page)
		munmap(r->page, sizeof(*r->page));
}

static bool sample(struct run *r, struct table *t, const char *row)
{
	pid_t pid = atomic_load_explicit(&r->page->pid, memory_order_acquire);
	uint64_t killed = now_ns();

	if (kill(pid, SIGKILL))
		return failed("kill the worker");
	if (!wait_until_set(r, pid))
		return false;
	table_add(t, row, r->name, "any", "us", false, (double)(r->page->first_ns - killed) / 1e3);
	return true;
}

// ----------------------------------------------------------------------------------------------- floor

struct floor {
	pthread_mutex_t held; // robust, by who is active
	_Atomic uint32_t turn, ready;
	_Atomic uint64_t first_ns;
};

static pid_t fork_bare(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	return 0;
}

static pid_t begin_active(struct floor *f, const char *kind)
{
	pid_t pid = fork_bare();

	if (pid)
		return pid;
	takeover_touch(kind);
	pthread_mutex_lock(&f->held);
	atomic_fetch_add(&f->ready, 1);
	for (;;)
		pause();
}

static pid_t begin_standby(struct floor *f)
{
	pid_t pid = fork_bare();

	if (pid)
		return pid;
	atomic_fetch_add(&f->ready, 1);
	while (atomic_load(&f->turn) == 0)
		syscall(SYS_futex, &f->turn, FUTEX_WAIT, 0, NULL, NULL, 0);
	atomic_store(&f->first_ns, now_ns());
	_exit(0);
}

static void *kill_later(void *pid)
{
	uint64_t *killed = malloc(sizeof(*killed));

	rest(REST_NS);
	if (killed)
		*killed = now_ns();
	kill(*(pid_t *)pid, SIGKILL);
	return killed;
}

static bool sample_floor(struct table *t, const char *row, const char *kind)
{
	struct floor *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t *killed = NULL;
	pthread_mutexattr_t a;
	pid_t active, standby;
	pthread_t killer;
	bool ok;

	if (f == MAP_FAILED)
		return failed("map memory");
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&f->held, &a);
	active = begin_active(f, kind);
	standby = begin_standby(f);
	while (atomic_load(&f->ready) != 2)
		rest(LOOK_NS);
	ok = pthread_create(&killer, NULL, kill_later, &active) == 0;
	if (ok && pthread_mutex_lock(&f->held) == EOWNERDEAD) {
		atomic_store(&f->turn, 1);
		syscall(SYS_futex, &f->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	}
	if (ok)
		pthread_join(killer, (void **)&killed);
	waitpid(active, NULL, 0);
	waitpid(standby, NULL, 0);
	if (killed)
		table_add(t, row, "floor-standby", "any", "us", false,
			  (double)(atomic_load(&f->first_ns) - *killed) / 1e3);
	free(killed);
	munmap(f, sizeof(*f));
	return ok || failed("start a thread");
}

// ------------------------------------------------------------------------------------------------ main

static bool measure(struct table *t, const char *program, unsigned samples, unsigned kind)
{
	struct run runs[] = {{.name = "shmsup-spare", .spare = true}, {.name = "shmsup-respawn"}};
	bool ok = true;

	for (unsigned i = 0; ok && i < 2; i++) {
		snprintf(runs[i].program, sizeof(runs[i].program), "%.*s/../bin/shmsup", PATH_MAX - 20, program);
		snprintf(runs[i].worker, sizeof(runs[i].worker), "%.*s/takeover-worker", PATH_MAX - 20, program);
		ok = begin(&runs[i], kinds[kind]);
	}
	for (unsigned n = 0; ok && n < samples; n++)
		ok = sample(&runs[0], t, rows[kind]) && sample(&runs[1], t, rows[kind]) &&
		     sample_floor(t, rows[kind], kinds[kind]);
	for (unsigned i = 0; i < 2; i++)
		if (runs[i].folder[0])
			end(&runs[i]);
	table_print(t, rows[kind], NULL);
	return ok;
}

int main(int argc, char **argv)
{
	struct table *t = table_new();
	char program[PATH_MAX];
	unsigned samples = 40;
	const char *out = NULL;
	bool ok;

	if (!table_args(argc, argv, "takeover", &samples, &out))
		return 2;
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	while (n > 0 && program[n - 1] != '/')
		n--;
	program[n > 0 ? n - 1 : 0] = 0;
	ok = t && measure(t, program, samples, 0);
	for (unsigned k = 1; ok && k < 3; k++)
		ok = measure(t, program, samples / 4 + 1, k);
	return table_end(t, ok, "takeover", out);
}
