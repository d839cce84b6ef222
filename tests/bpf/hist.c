#include <criterion/criterion.h>
#include "bpf/hist.h"

Test(hist, small_values_are_exact)
{
	for (uint64_t v = 0; v < HIST_EXACT; v++) {
		cr_assert_eq(hist_slot(v), v);
		cr_assert_eq(hist_low((unsigned)v), v);
	}
}

Test(hist, bounds_and_slots_agree)
{
	for (unsigned slot = 0; slot < HIST_SLOTS; slot++) {
		cr_assert_eq(hist_slot(hist_low(slot)), slot, "slot %u", slot);
		cr_assert_lt(hist_low(slot), hist_low(slot + 1));
		if (slot + 1 < HIST_SLOTS)
			cr_assert_eq(hist_slot(hist_low(slot + 1) - 1), slot, "end of slot %u", slot);
	}
}

Test(hist, slots_are_narrow)
{
	for (unsigned slot = HIST_EXACT; slot < HIST_SLOTS; slot++)
		cr_assert_leq(hist_low(slot + 1) - hist_low(slot), hist_low(slot) / 4 + 1);
}

Test(hist, what_is_too_large_goes_to_the_last)
{
	cr_assert_eq(hist_slot(UINT64_MAX), HIST_SLOTS - 1);
	cr_assert_eq(hist_slot(hist_low(HIST_SLOTS)), HIST_SLOTS - 1);
	cr_assert_eq(hist_low(HIST_SLOTS - 1), 7ull << 38);
}

Test(hist, log2)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		cr_assert_eq(hist_log2(1ull << bit), bit);
		cr_assert_eq(hist_log2((1ull << bit) | (bit != 0)), bit);
	}
	cr_assert_eq(hist_log2(UINT64_MAX), 63);
}
