// Semaphores: arguments are evaluated only while somebody listens. In a program of its own, because a
// listener of another test would raise them here too.
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>
#include "bpf/watch.h"
#include "shmchan/probe.h"

static unsigned evaluated;

static uint64_t costly(void)
{
	evaluated++;
	return 1;
}

static void fire(uint64_t key, uint64_t mask)
{
	for (uint64_t pos = 0; pos < 1000; pos++)
		if (SHMCHAN_PROBE_PUSH_ENABLED() && SHMCHAN_PROBE_SAMPLED(pos, mask))
			SHMCHAN_PROBE_PUSH(key, costly(), pos);
	SHMCHAN_PROBE_FULL(key, costly(), key);
}

Test(probe, arguments_cost_only_while_somebody_listens)
{
	const struct watch_chan chan = {.id = 2, .capacity = 64, .name = "two"};
	uint32_t tag = (uint32_t)getpid();
	uint64_t key = SHMCHAN_PROBE_KEY(tag, 2);
	struct watch_why why;
	struct watch *w;
	struct probe_chan c;

	fire(key, 0);
	cr_assert_eq(evaluated, 0);
	if (watch_open(&w, &(struct watch_spec){.group_tag = tag, .chans = &chan, .chan_cnt = 1}, &why) != WATCH_OK ||
	    watch_attach_pid(w, getpid(), &why) != WATCH_OK) {
		fprintf(stderr, "not attached: %s\n", why.text);
		return;
	}
	fire(key, 0);
	cr_assert_eq(evaluated, 1001);
	fire(key, SHMCHAN_PROBE_MASK_DEFAULT);
	cr_assert_eq(evaluated, 1001 + 16 + 1);
	cr_assert_eq(watch_read(w, 2, &c), WATCH_OK);
	cr_assert_eq(c.push, 1016);
	cr_assert_eq(c.full, 2);
	watch_close(w);
	evaluated = 0;
	fire(key, 0);
	cr_assert_eq(evaluated, 0);
}

Test(probe, keys_come_apart_again)
{
	uint64_t key = SHMCHAN_PROBE_KEY(0xfedcba98u, 0xffff);
	cr_assert_eq(key, 0xfedcba98ffffull);
	cr_assert_eq(SHMCHAN_PROBE_KEY_TAG(key), 0xfedcba98u);
	cr_assert_eq(SHMCHAN_PROBE_KEY_ID(key), 0xffff);
}
