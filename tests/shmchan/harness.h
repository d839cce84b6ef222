// A group for tests: named after the test process, removed at the end also when the test fails.
#ifndef TESTS_SHMCHAN_HARNESS_H
#define TESTS_SHMCHAN_HARNESS_H

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
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

#endif
