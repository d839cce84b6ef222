#include "tests/shmchan/model.h"

Test(mpsc, model, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 3, 5, 11, 1000}, sizes[] = {0, 8, 200};

	for (unsigned c = 0; c < 5; c++)
		for (unsigned s = 0; s < 3; s++)
			model_run(SHMCHAN_KIND_MPSC, caps[c], sizes[s], 0, 40000);
	model_run(SHMCHAN_KIND_MPSC, 2, SHMCHAN_MSG_MAX, 0, 60);
}

// The lap in a cell's word has 29 bits, that in the hint 32.
Test(mpsc, model_past_the_last_lap, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 5};

	for (unsigned c = 0; c < 3; c++) {
		model_run(SHMCHAN_KIND_MPSC, caps[c], 8, (((uint64_t)1 << 29) - 100) * caps[c], 40000);
		model_run(SHMCHAN_KIND_MPSC, caps[c], 8, (((uint64_t)1 << 32) - 100) * caps[c], 40000);
	}
}
