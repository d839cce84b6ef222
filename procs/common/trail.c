#include "procs/common/trail.h"

#include <string.h>

const char *trail_strerror(int code)
{
	switch (code) {
	case TRAIL_OK:
		return "no error";
	case TRAIL_SMALL:
		return "is larger than its block";
	case TRAIL_MAGIC_BAD:
		return "is not a trail";
	case TRAIL_BOUNDS:
		return "has an offset, a count or a size outside its block";
	case TRAIL_STATE:
		return "does not hold a state block";
	}
	return "unknown error";
}

void *trail_state_room(void *memory, size_t bytes, size_t *room)
{
	if (bytes <= TRAIL_STATE_AT)
		return NULL;
	*room = bytes - TRAIL_STATE_AT;
	return (uint8_t *)memory + TRAIL_STATE_AT;
}

size_t trail_seal(void *memory, size_t bytes)
{
	const struct eth_state *state = (const void *)((const uint8_t *)memory + TRAIL_STATE_AT);
	uint64_t state_size = eth_state_size(state);
	// The table is empty and sits at the end, where entries would go.
	uint64_t entries_at = (TRAIL_STATE_AT + state_size + 7) & ~UINT64_C(7);

	if (entries_at > bytes)
		return 0;
	*(struct trail *)memory = (struct trail){
		.magic = TRAIL_MAGIC,
		.size = entries_at,
		.state_size = state_size,
		.entries_at = entries_at,
	};
	return entries_at;
}

static int check_entries(const uint8_t *memory, const struct trail *t)
{
	if (t->block_cnt > TRAIL_BLOCKS_MAX || t->entries_at % 8 || t->entries_at > t->size ||
	    (t->size - t->entries_at) / sizeof(struct trail_entry) < t->block_cnt)
		return TRAIL_BOUNDS;
	for (uint32_t i = 0; i < t->block_cnt; i++) {
		struct trail_entry e;
		memcpy(&e, memory + t->entries_at + i * sizeof(e), sizeof(e));
		if (e.at > t->size || e.size > t->size - e.at)
			return TRAIL_BOUNDS;
	}
	return TRAIL_OK;
}

int trail_open(const void *memory, size_t bytes, struct trail_state *out)
{
	struct trail t;
	struct eth_state s;
	const uint8_t *p = memory;
	int rc;

	if (bytes < sizeof(t) + sizeof(s))
		return TRAIL_SMALL;
	memcpy(&t, p, sizeof(t));
	if (t.magic != TRAIL_MAGIC)
		return TRAIL_MAGIC_BAD;
	if (t.size > bytes)
		return TRAIL_SMALL;
	if (t.size < sizeof(t) || t.state_size > t.size - TRAIL_STATE_AT)
		return TRAIL_BOUNDS;
	rc = check_entries(p, &t);
	if (rc)
		return rc;
	p += TRAIL_STATE_AT;
	size_t room = bytes - TRAIL_STATE_AT;
	if (eth_state_check(p, room))
		return TRAIL_STATE;
	memcpy(&s, p, sizeof(s));
	// Once more, on the copy: the sender still has the block mapped.
	struct eth_region v = s.region[ETH_VALIDATORS];
	if (v.at > room || v.at % ETH_STATE_ALIGN || v.count > (room - v.at) / sizeof(struct eth_validator))
		return TRAIL_STATE;
	*out = (struct trail_state){
		.slot = s.slot,
		.fork = s.fork,
		.validators = (const void *)(p + v.at),
		.validator_cnt = v.count,
		.block_cnt = t.block_cnt,
	};
	memcpy(out->genesis_validators_root, s.genesis_validators_root, 32);
	return TRAIL_OK;
}

void trail_pubkey(const struct trail_state *s, uint64_t index, uint8_t key[48])
{
	memcpy(key, s->validators[index].pubkey, 48);
}
