#include "procs/common/trail.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "procs/common/cases.h"
#include "tests/node/vectors.h"

static const uint8_t genesis_validators_root[32] = {
	0x4b, 0x36, 0x3d, 0xb9, 0x4e, 0x28, 0x61, 0x20, 0xd7, 0x6e, 0xb9, 0x05, 0x34, 0x0f, 0xdd, 0x4e,
	0x54, 0xbf, 0xe9, 0xf0, 0x6b, 0xf3, 0x3f, 0xf6, 0xcf, 0x5a, 0xd2, 0x7f, 0x51, 0x1b, 0xfe, 0x95,
};
static const uint8_t state_root[32] = {
	0x7e, 0x76, 0x88, 0x0e, 0xb6, 0x7b, 0xbd, 0xc8, 0x62, 0x50, 0xaa, 0x57, 0x89, 0x58, 0xe9, 0xd0,
	0x67, 0x5e, 0x64, 0xe7, 0x14, 0x33, 0x78, 0x55, 0x20, 0x4f, 0xb5, 0xab, 0xaa, 0xf8, 0x2c, 0x2b,
};

Test(trail, abi)
{
	cr_assert_eq(offsetof(struct trail, magic), 0);
	cr_assert_eq(offsetof(struct trail, size), 8);
	cr_assert_eq(offsetof(struct trail, state_size), 16);
	cr_assert_eq(offsetof(struct trail, entries_at), 24);
	cr_assert_eq(offsetof(struct trail, block_cnt), 32);
}

// One memcpy of the bytes in use, to another address, is the same state by its root.
Test(trail, copy)
{
	size_t bytes, used;
	struct trail_state s;
	uint8_t root[32], key[48];
	void *mine = vectors_state(&bytes, &used);
	void *moved = aligned_alloc(ETH_STATE_ALIGN, bytes);

	memset(moved, 0xee, bytes);
	memcpy(moved, mine, used);
	free(mine);
	cr_assert_eq(trail_open(moved, bytes, &s), TRAIL_OK);
	cr_assert_eq(s.slot, 0);
	cr_assert_eq(s.block_cnt, 0);
	cr_assert_eq(s.validator_cnt, CASES_REGISTRY);
	cr_assert_arr_eq(s.genesis_validators_root, genesis_validators_root, 32);
	const struct eth_state *state = (const void *)((uint8_t *)moved + TRAIL_STATE_AT);
	eth_state_root(state, root);
	cr_assert_arr_eq(root, state_root, 32);
	trail_pubkey(&s, CASES_REGISTRY - 1, key);
	cr_assert_arr_eq(key, eth_state_pubkey(state, CASES_REGISTRY - 1), 48);
	free(moved);
}

Test(trail, refusals)
{
	size_t bytes, used;
	struct trail_state s;
	struct trail *t = vectors_state(&bytes, &used);
	const struct trail good = *t;
	struct trail_entry *entry = (void *)((uint8_t *)t + good.size);

	cr_assert_leq(good.size + sizeof(*entry), bytes);
	cr_assert_eq(trail_open(t, 0, &s), TRAIL_SMALL);
	cr_assert_eq(trail_open(t, sizeof(*t), &s), TRAIL_SMALL);
	cr_assert_eq(trail_open(t, good.size - 1, &s), TRAIL_SMALL);
#define REFUSE(field, value, code)                            \
	do {                                                  \
		t->field = (value);                           \
		cr_assert_eq(trail_open(t, bytes, &s), code); \
		*t = good;                                    \
	} while (0)
	REFUSE(magic, 0, TRAIL_MAGIC_BAD);
	REFUSE(size, UINT64_MAX, TRAIL_SMALL);
	REFUSE(size, 0, TRAIL_BOUNDS);
	REFUSE(size, TRAIL_STATE_AT, TRAIL_BOUNDS);
	REFUSE(state_size, UINT64_MAX, TRAIL_BOUNDS);
	REFUSE(block_cnt, 1, TRAIL_BOUNDS);
	REFUSE(block_cnt, UINT32_MAX, TRAIL_BOUNDS);
	REFUSE(entries_at, UINT64_MAX & ~UINT64_C(7), TRAIL_BOUNDS);
	REFUSE(entries_at, good.entries_at - 1, TRAIL_BOUNDS);

	t->block_cnt = 1;
	t->size += sizeof(*entry);
	*entry = (struct trail_entry){.at = good.entries_at, .size = sizeof(*entry)};
	cr_assert_eq(trail_open(t, bytes, &s), TRAIL_OK);
	cr_assert_eq(s.block_cnt, 1);
	entry->size++;
	cr_assert_eq(trail_open(t, bytes, &s), TRAIL_BOUNDS);
	*entry = (struct trail_entry){.at = UINT64_MAX, .size = 2};
	cr_assert_eq(trail_open(t, bytes, &s), TRAIL_BOUNDS);
	free(t);
}

// Whatever the headers say, what trail_open accepts lies inside the memory.
Test(trail, hostile_headers)
{
	size_t bytes, used;
	struct trail_state s;
	uint8_t *p = vectors_state(&bytes, &used);
	uint8_t header[TRAIL_STATE_AT + sizeof(struct eth_state)], key[48];
	unsigned accepted = 0;

	memcpy(header, p, sizeof(header));
	srandom(20201201);
	for (unsigned i = 0; i < 200000; i++) {
		for (long k = random() % 4; k >= 0; k--) {
			size_t at = random() % sizeof(header);
			// Whole words too, so that large offsets come up.
			if (random() % 2)
				p[at] = random();
			else
				memset(p + at / 8 * 8, random() % 2 ? 0xff : 0, 8);
		}
		if (trail_open(p, bytes, &s) == TRAIL_OK && s.validator_cnt) {
			accepted++;
			cr_assert_geq((const uint8_t *)s.validators, p);
			cr_assert_leq((const uint8_t *)(s.validators + s.validator_cnt), p + bytes);
			trail_pubkey(&s, s.validator_cnt - 1, key);
		}
		memcpy(p, header, sizeof(header));
	}
	cr_assert_gt(accepted, 0);
	free(p);
}
