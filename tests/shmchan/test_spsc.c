#include "tests/shmchan/model.h"

static const unsigned one[] = {1}, two[] = {2};

Test(spsc, refusals)
{
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = SHMCHAN_KIND_SPSC,
					 .capacity = 2,
					 .producers = one,
					 .producer_cnt = 1,
					 .consumers = two,
					 .consumer_cnt = 1};
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
	struct shmchan_msg m = {0};
	void *data;

	harness_create(&h, 2, &spec, 1, NULL, 0);
	a = harness_attach(&h, 1);
	b = harness_attach(&h, 2);
	tx = harness_open(a, "c", SHMCHAN_TX);
	rx = harness_open(b, "c", SHMCHAN_RX);
	cr_assert_eq(shmchan_reserve(rx, &data), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_commit(rx, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_done(tx), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_tally_add(tx, 0, 1), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_tally_add(rx, 0, 1), SHMCHAN_EINVAL, "the channel has no counters");
	cr_assert_eq(shmchan_tally_get(rx, 0), 0);
	cr_assert_eq(shmchan_try_send(tx, &m), 0);
	cr_assert_eq(shmchan_try_send(tx, &m), 0);
	cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_FULL);
	cr_assert_eq(shmchan_reserve(tx, &data), SHMCHAN_FULL);
	cr_assert_null(data);
	m.len = 1;
	cr_assert_eq(shmchan_try_send(tx, &m), SHMCHAN_EINVAL, "no room for payload was declared");
	shmchan_detach(a);
	shmchan_detach(b);
	harness_end(&h);
}

Test(spsc, model, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 3, 5, 1000}, sizes[] = {0, 8, 200};

	for (unsigned c = 0; c < 5; c++)
		for (unsigned s = 0; s < 3; s++)
			model_run(SHMCHAN_KIND_SPSC, caps[c], sizes[s], 0, 40000);
	model_run(SHMCHAN_KIND_SPSC, 2, SHMCHAN_MSG_MAX, 0, 60);
}

// A slot is a ring of one cell; its positions go the same way.
Test(spsc, model_of_slot, .timeout = 300)
{
	model_run(SHMCHAN_KIND_SLOT, 1, 40, 0, 100000);
}

Test(spsc, model_past_32_bits, .timeout = 300)
{
	model_run(SHMCHAN_KIND_SPSC, 3, 8, ((uint64_t)1 << 32) - 300, 40000);
	model_run(SHMCHAN_KIND_SPSC, 1000, 8, ((uint64_t)1 << 32) - 300, 40000);
}
