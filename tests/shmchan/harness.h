// A group for tests: named after the test process, removed at the end also when the test fails.
#ifndef TESTS_SHMCHAN_HARNESS_H
#define TESTS_SHMCHAN_HARNESS_H

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/obj.h"
#include "shmchan/seg.h"
#include "shmchan/view.h"

struct harness {
	struct shmchan_broker *b;
	char group[SHMCHAN_NAME_MAX];
	unsigned inc[SHMCHAN_SLOT_MAX];
};

static inline void harness_name(struct harness *h)
{
	static unsigned serial;

	snprintf(h->group, sizeof(h->group), "t%d-%u", (int)getpid(), serial++);
}

// A test that failed, or was killed, has left its group: its name says whose it was.
static void harness_sweep(void *ctx, const char *group, const char *object)
{
	char *end;
	long pid = *group == 't' ? strtol(group + 1, &end, 10) : 0;

	(void)ctx;
	if (pid > 0 && *end == '-' && kill((pid_t)pid, 0) && errno == ESRCH)
		shmchan_seg_unlink(group, object);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	shmchan_seg_each(NULL, harness_sweep, NULL);
}

// Slots 1..service_cnt are called s1, s2, ...; they are announced and attached to by this process (harness_attach).
static inline void harness_create(struct harness *h, unsigned service_cnt,
				  const struct shmchan_chan_spec *chans, unsigned chan_cnt,
				  const struct shmchan_pool_spec *pools, unsigned pool_cnt)
{
	static const char *const names[] = {"s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"};
	struct shmchan_group_spec spec = {.name = h->group,
					  .services = names,
					  .service_cnt = service_cnt,
					  .chans = chans,
					  .chan_cnt = chan_cnt,
					  .pools = pools,
					  .pool_cnt = pool_cnt,
					  .dead_cnt = 64};
	struct shmchan_why why = {0};
	int err;

	memset(h, 0, sizeof(*h));
	harness_name(h);
	err = shmchan_broker_create(&h->b, &spec, &why);
	cr_assert_eq(err, 0, "%s: %s: %s", shmchan_strerror(err), why.object, why.text);
	for (unsigned slot = 1; slot <= service_cnt; slot++)
		cr_assert_eq(shmchan_broker_announce(h->b, slot, &h->inc[slot]), 0);
}

static inline struct shmchan_proc *harness_attach(struct harness *h, unsigned slot)
{
	struct shmchan_why why = {0};
	struct shmchan_proc *p;
	int err = shmchan_attach(&p, h->group, slot, h->inc[slot], &why);

	cr_assert_eq(err, 0, "%s: %s: %s", shmchan_strerror(err), why.object, why.text);
	return p;
}

static inline struct shmchan *harness_open(struct shmchan_proc *p, const char *name, int end)
{
	struct shmchan_why why = {0};
	struct shmchan *ch;
	int err = shmchan_open(p, name, end, &ch, &why);

	cr_assert_eq(err, 0, "%s: %s: %s", shmchan_strerror(err), why.object, why.text);
	return ch;
}

static inline struct shmchan_pool *harness_pool(struct shmchan_proc *p, const char *name)
{
	struct shmchan_pool *pool;

	cr_assert_eq(shmchan_pool_open(p, name, &pool, NULL), 0);
	return pool;
}

// What the supervisor does after a death: recover, announce the next incarnation.
static inline struct shmchan_repair harness_bury(struct harness *h, unsigned slot)
{
	struct shmchan_death death = {.pid = 4242, .code = CLD_KILLED, .status = SIGKILL};
	struct shmchan_repair repair;

	cr_assert_eq(shmchan_broker_recover(h->b, slot, &death, &repair), 0);
	cr_assert_eq(shmchan_broker_announce(h->b, slot, &h->inc[slot]), 0);
	return repair;
}

static inline void harness_report(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	fprintf(stderr, "check: %s: %s\n", object, text);
}

static inline void harness_check(struct harness *h)
{
	cr_assert_eq(shmchan_broker_check(h->b, harness_report, NULL), 0);
}

static inline void harness_end(struct harness *h)
{
	shmchan_broker_destroy(h->b);
	h->b = NULL;
}

// The segment of an object (NULL: the control segment), to be patched as a peer gone mad would.
static inline struct shmchan_seg harness_map(const struct harness *h, const char *object)
{
	struct shmchan_seg seg;

	cr_assert_eq(shmchan_seg_open(&seg, h->group, object, true, NULL), 0);
	return seg;
}

static inline void harness_truncate(const struct harness *h, const char *object, size_t size)
{
	char path[SHMCHAN_SEG_NAME_MAX + 16] = "/dev/shm";

	shmchan_seg_name(path + strlen(path), h->group, object);
	cr_assert_eq(truncate(path, (off_t)size), 0);
}

// Zeroed memory that is shared with children, until munmap.
static inline void *harness_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

// A child that ends with the test. f returns its exit status.
static inline pid_t harness_fork(int (*f)(void *ctx), void *ctx)
{
	pid_t parent = getpid(), pid = fork();

	cr_assert_neq(pid, -1);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent ? f(ctx) : 99);
	}
	return pid;
}

static inline void harness_kill(pid_t pid)
{
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

// Seeded; HARNESS_SEED repeats a run. xorshift64*.
static inline uint64_t harness_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static inline uint64_t harness_env(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoull(s, NULL, 0) : otherwise;
}

static inline uint64_t harness_seed(void)
{
	uint64_t seed = harness_env("HARNESS_SEED", 0x9e3779b97f4a7c15ull);

	return seed ? seed : 1;
}

#endif
