#include <criterion/criterion.h>
#include "supervisor/alert.h"
#include "supervisor/hang.h"

Test(hang, only_silence_with_work_counts)
{
	struct hang h = {0};

	cr_assert_not(hang_step(&h, 1, 5, true, 60, 100), "the first look only remembers");
	cr_assert_not(hang_step(&h, 1, 5, true, 60, 100));
	cr_assert_not(hang_step(&h, 1, 6, true, 60, 100), "progress");
	cr_assert_not(hang_step(&h, 1, 6, true, 60, 100));
	cr_assert_not(hang_step(&h, 1, 6, false, 60, 100), "no work");
	cr_assert_not(hang_step(&h, 1, 6, true, 60, 100));
	cr_assert(hang_step(&h, 1, 6, true, 60, 100));
}

Test(hang, another_incarnation_begins_anew)
{
	struct hang h = {0};

	hang_step(&h, 1, 0, true, 0, 100);
	cr_assert_not(hang_step(&h, 1, 0, true, 99, 100));
	cr_assert_not(hang_step(&h, 2, 0, true, 99, 100));
	cr_assert_not(hang_step(&h, 2, 0, true, 99, 100));
	cr_assert(hang_step(&h, 2, 0, true, 1, 100));
}

Test(alert, ends_at_half_of_its_depth)
{
	cr_assert_not(alert_step(false, 7, 8));
	cr_assert(alert_step(false, 8, 8));
	cr_assert(alert_step(true, 5, 8));
	cr_assert_not(alert_step(true, 4, 8));
	cr_assert(alert_step(false, 1, 1));
	cr_assert_not(alert_step(true, 0, 1));
}
