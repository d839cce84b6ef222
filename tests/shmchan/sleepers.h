// Two processes that send each number back and forth through channels of a cell or two, so that both the full and the empty edge
// are slept on: a wake-up that is lost is a test that doesn't end.
#ifndef TESTS_SHMCHAN_SLEEPERS_H
#define TESTS_SHMCHAN_SLEEPERS_H

#include "shmchan/ctl.h"
#include "tests/shmchan/harness.h"

struct sleepers {
	int (*send)(struct shmchan *tx, uint64_t n);    // waits for room
	int (*receive)(struct shmchan *rx, uint64_t n); // waits for the number, and completes it
	enum shmchan_kind to, from;
	uint32_t cap; // of the way there; the way back has one cell
	uint64_t rounds;
	struct harness h;
};

static inline int sleepers_echo(void *ctx)
{
	struct sleepers *s = ctx;
	struct shmchan_proc *p;
	struct shmchan *rx, *tx;

	if (shmchan_attach(&p, s->h.group, 2, s->h.inc[2], NULL) || shmchan_open(p, "to", SHMCHAN_RX, &rx, NULL) ||
	    shmchan_open(p, "from", SHMCHAN_TX, &tx, NULL))
		return 1;
	for (uint64_t n = 0; n < s->rounds; n++)
		if (s->receive(rx, n) || s->send(tx, n))
			return 2;
	return 0;
}

// Both ways of making a sleeper visible to ringers: membarrier, and a fence on each side.
static inline void sleepers_run(struct sleepers *s, enum shmchan_fence fence)
{
	static const unsigned one[] = {1}, two[] = {2};
	struct shmchan_chan_spec spec[] = {
		{.name = "to", .kind = s->to, .capacity = s->cap, .producers = one, .consumers = two},
		{.name = "from", .kind = s->from, .capacity = 1, .producers = two, .consumers = one},
	};
	struct shmchan_proc *a;
	struct shmchan *tx, *rx;
	struct shmchan_seg seg;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < 2; i++) {
		spec[i].msg_size = sizeof(uint64_t);
		spec[i].producer_cnt = spec[i].consumer_cnt = 1;
	}
	harness_create(&s->h, 2, spec, 2, NULL, 0);
	seg = harness_map(&s->h, NULL);
	((struct shmchan_ctl *)seg.base)->fence = fence;
	shmchan_seg_close(&seg);
	pid = harness_fork(sleepers_echo, s);
	a = harness_attach(&s->h, 1);
	tx = harness_open(a, "to", SHMCHAN_TX);
	rx = harness_open(a, "from", SHMCHAN_RX);
	for (uint64_t n = 0; n < s->rounds + s->cap; n++) {
		if (n < s->rounds)
			cr_assert_eq(s->send(tx, n), 0);
		if (n >= s->cap)
			cr_assert_eq(s->receive(rx, n - s->cap), 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	shmchan_detach(a);
	harness_end(&s->h);
}

#endif
