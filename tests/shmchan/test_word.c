#include "tests/shmchan/harness.h"

#include "shmchan/word.h"

Test(word, owners)
{
	cr_assert_eq(shmchan_owner_make(0, 0), 0, "nobody");
	cr_assert_eq(shmchan_owner_make(1, 1), 0x1001);
	for (unsigned slot = 0; slot < SHMCHAN_SLOT_MAX; slot += 31)
		for (uint32_t inc = 1; inc < 1u << 20; inc = inc * 3 + 1) {
			shmchan_owner o = shmchan_owner_make(slot, inc);

			cr_assert_neq(o, 0);
			cr_assert_eq(shmchan_owner_slot(o), slot);
			cr_assert_eq(shmchan_owner_inc(o), inc);
		}
	cr_assert_eq(shmchan_owner_make(5, 1u << 20), shmchan_owner_make(5, 0), "incarnations go round");
}

Test(word, cells)
{
	uint64_t w = shmchan_cell_word(6, SHMCHAN_CELL_FULL, 0x1234);

	cr_assert_eq(w, (uint64_t)6 << 35 | (uint64_t)2 << 32 | 0x1234);
	cr_assert_eq(shmchan_cell_state(w), SHMCHAN_CELL_FULL);
	cr_assert_eq((shmchan_owner)w, 0x1234);
	cr_assert_eq(shmchan_cell_word(0, SHMCHAN_CELL_FREE, 0), 0, "zero memory is free cells of lap 0");
}

// Laps are compared by difference, across the end of their 29 bits.
Test(word, laps)
{
	static const uint64_t laps[] = {
		0,          1, 5, (1u << 29) - 2, (1u << 29) - 1, 1u << 29, UINT32_MAX, (uint64_t)1 << 32,
		77ull << 40};

	for (unsigned i = 0; i < sizeof(laps) / sizeof(laps[0]); i++)
		for (int32_t d = -1000; d <= 1000; d += 7) {
			uint64_t w = shmchan_cell_word(laps[i] + (uint64_t)(int64_t)d, SHMCHAN_CELL_FREE, 0);

			cr_assert_eq(shmchan_cell_ahead(w, laps[i]), d);
		}
}

Test(word, blocks)
{
	uint64_t w = shmchan_block_sent(0xffff, 0x1fffffffeull);

	cr_assert_eq(shmchan_block_state(0), SHMCHAN_BLOCK_FREE);
	cr_assert_eq(shmchan_block_state(w), SHMCHAN_BLOCK_SENT);
	cr_assert_eq(shmchan_block_chan(w), 0xffff);
	cr_assert_eq((uint32_t)w, 0xfffffffe);
	w = shmchan_block_owned(SHMCHAN_BLOCK_KEPT, UINT32_MAX);
	cr_assert_eq(shmchan_block_state(w), SHMCHAN_BLOCK_KEPT);
	cr_assert_eq((shmchan_owner)w, UINT32_MAX);
}
