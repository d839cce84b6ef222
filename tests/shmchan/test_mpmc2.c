#include "tests/shmchan/model.h"

Test(mpmc2, model, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 3, 5, 11, 100, 1000}, sizes[] = {0, 8, 200};

	for (unsigned c = 0; c < 6; c++)
		for (unsigned s = 0; s < 3; s++)
			model_run(SHMCHAN_KIND_MPMC2, caps[c], sizes[s], 0, 40000);
	model_run(SHMCHAN_KIND_MPMC2, caps[6], 8, 0, 100000);
	model_run(SHMCHAN_KIND_MPMC2, 2, SHMCHAN_MSG_MAX, 0, 60);
}

// A ticket has 32 bits, the number in a node's word 29.
Test(mpmc2, model_past_the_last_ticket, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 5};

	for (unsigned c = 0; c < 3; c++) {
		model_run(SHMCHAN_KIND_MPMC2, caps[c], 8, ((uint64_t)1 << 29) - 100, 40000);
		model_run(SHMCHAN_KIND_MPMC2, caps[c], 8, ((uint64_t)1 << 32) - 100, 40000);
	}
}
