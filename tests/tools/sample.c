#include <criterion/criterion.h>
#include "tools/sample.h"

static double load(uint64_t depth, uint64_t in_flight, double in, double out)
{
	struct shmchan_stat s = {.depth = depth, .in_flight = in_flight, .capacity = 100};
	return sample_load(&s, in, out);
}

Test(sample, load_at_rest_is_the_share_of_cells)
{
	cr_assert_eq(load(0, 0, 0, 0), 0);
	cr_assert_eq(load(25, 25, 0, 0), 0.5);
	cr_assert_eq(load(100, 0, 0, 0), 1);
	cr_assert_eq(load(90, 10, 1e6, 0), 1);
}

Test(sample, a_steady_stream_is_no_load)
{
	cr_assert_eq(load(0, 1, 1e6, 1e6), 0.01);
	cr_assert_eq(load(0, 0, 1000, 999), 0, "two counts read a moment apart");
	cr_assert_eq(load(10, 0, 1000, 2000), 0.1);
}

Test(sample, what_fills_up_soon_is_pressed)
{
	cr_assert_eq(load(50, 0, 150, 100), 0.5, "full in one second");
	cr_assert_float_eq(load(1, 0, 199, 100), 0.5, 1e-9);
	cr_assert_gt(load(10, 0, 1e6, 0), 0.99);
	cr_assert_lt(load(10, 0, 1, 0), 0.11);
}

Test(sample, load_stays_in_its_range)
{
	struct shmchan_stat none = {.depth = 5};
	cr_assert_eq(sample_load(&none, 1, 0), 0, "no capacity, nothing to be full");
	for (uint64_t depth = 0; depth <= 200; depth += 10)
		for (double in = 0; in < 1e9; in = in * 10 + 1) {
			double l = load(depth, 0, in, 5);
			cr_assert(l >= 0 && l <= 1);
		}
}
