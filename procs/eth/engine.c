#include "procs/eth/engine_private.h"
#include "procs/eth/mutate.h"
#include "procs/eth/shuffle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct eth_engine *eth_engine_new(const struct eth_config *config)
{
	struct eth_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->config = *config;
	e->preset = eth_preset(config->preset);
	e->signatures = calloc(1, sizeof(*e->signatures));
	if (!e->signatures || getrandom(&e->map_secret, sizeof(e->map_secret), 0) != sizeof(e->map_secret))
		goto fail;
	e->signatures->scratch_bytes = (bls_batch_scratch(SIGNATURES_MAX) + 63) / 64 * 64;
	e->signatures->scratch = aligned_alloc(64, e->signatures->scratch_bytes);
	if (!e->signatures->scratch)
		goto fail;
	return e;
fail:
	eth_engine_free(e);
	return NULL;
}

void eth_engine_free(struct eth_engine *e)
{
	if (!e)
		return;
	for (int i = 0; i < SHUFFLINGS; i++) {
		free(e->shuffling[i].index);
		free(e->shuffling[i].sorted);
	}
	if (e->signatures) {
		free(e->signatures->scratch);
		free(e->signatures->index);
		free(e->signatures->pointer);
	}
	free(e->signatures);
	free(e->part.flags);
	free(e->part.increments);
	free(e->part.source);
	free(e->key);
	free(e->map);
	free(e->scratch);
	free(e);
}

const struct eth_config *eth_engine_config(const struct eth_engine *e)
{
	return &e->config;
}

size_t eth_engine_bytes(const struct eth_engine *e)
{
	size_t n = sizeof(*e) + sizeof(*e->signatures) + e->signatures->scratch_bytes + e->scratch_room;

	for (int i = 0; i < SHUFFLINGS; i++)
		n += 2 * e->shuffling[i].room * sizeof(uint32_t);
	n += e->part.room * (2 * sizeof(*e->part.flags) + sizeof(*e->part.source));
	n += e->signatures->index_room * (sizeof(uint32_t) + sizeof(void *));
	return n + e->keys_room * sizeof(*e->key) + e->map_room * sizeof(*e->map);
}

void *eth_engine_scratch(struct eth_engine *e, size_t bytes)
{
	if (e->scratch_room < bytes) {
		free(e->scratch);
		/* Half as much again, so that a growing registry does not reallocate with every validator. */
		e->scratch_room = bytes + bytes / 2;
		e->scratch = malloc(e->scratch_room);
		if (!e->scratch)
			e->scratch_room = 0;
	}
	return e->scratch;
}

static uint64_t key_hash(const struct eth_engine *e, const uint8_t bytes[48])
{
	uint64_t w[6], h = e->map_secret;

	memcpy(w, bytes, sizeof(w));
	for (int i = 0; i < 6; i++)
		h = eth_mix64(h ^ w[i]);
	return h;
}

static bool reserve_keys(struct eth_engine *e, size_t n)
{
	if (e->keys_room < n) {
		size_t room = n + n / 8 + 64;
		struct key_entry *more = realloc(e->key, room * sizeof(*more));

		if (!more)
			return false;
		e->key = more;
		e->keys_room = room;
	}
	if (e->keys < n) {
		memset(e->key + e->keys, 0, (n - e->keys) * sizeof(*e->key));
		e->keys = n;
	}
	return true;
}

/* The entry of an index, emptied where the registry has another key there by now. */
static struct key_entry *entry_of(struct eth_engine *e, const struct eth_validator *v, uint64_t index)
{
	struct key_entry *k = &e->key[index];

	if (memcmp(k->bytes, v->pubkey, 48)) {
		memcpy(k->bytes, v->pubkey, 48);
		k->state = KEY_UNKNOWN;
		k->mapped = false;
	}
	return k;
}

int eth_engine_pubkey(struct eth_engine *e, const struct eth_state *s, uint64_t index,
		      const struct bls_pubkey **key)
{
	if (index >= eth_state_validator_count(s))
		return ETH_BAD_VALIDATOR_INDEX;
	if (index >= e->keys && !reserve_keys(e, eth_state_validator_count(s)))
		return ETH_ERR_MEMORY;
	struct key_entry *k = entry_of(e, &eth_state_validators(s)[index], index);
	if (k->state == KEY_UNKNOWN)
		k->state = bls_pubkey_from_bytes(&k->key, k->bytes, 48) == BLS_OK ? KEY_VALID : KEY_INVALID;
	*key = &k->key;
	return k->state == KEY_VALID ? 0 : ETH_BAD_PUBKEY;
}

/* Keys decoded per call: enough to fill all lanes there are. */
#define WARM 64

int eth_engine_warm_keys(struct eth_engine *e, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t n = eth_state_validator_count(s);

	if (!reserve_keys(e, n))
		return ETH_ERR_MEMORY;
	for (uint64_t i = 0; i < n;) {
		struct bls_pubkey key[WARM];
		const uint8_t *bytes[WARM];
		int8_t result[WARM];
		uint64_t at[WARM];
		size_t many = 0;

		for (; i < n && many < WARM; i++) {
			if (entry_of(e, &v[i], i)->state != KEY_UNKNOWN)
				continue;
			bytes[many] = v[i].pubkey;
			at[many++] = i;
		}
		if (many)
			bls_pubkeys_from_bytes(key, result, bytes, many);
		for (size_t k = 0; k < many; k++) {
			e->key[at[k]].state = result[k] == BLS_OK ? KEY_VALID : KEY_INVALID;
			e->key[at[k]].key = key[k];
		}
	}
	return 0;
}

static void map_put(struct eth_engine *e, size_t index)
{
	size_t at = key_hash(e, e->key[index].bytes) & (e->map_room - 1);

	while (e->map[at])
		at = (at + 1) & (e->map_room - 1);
	e->map[at] = (uint32_t)index + 1;
	e->map_used++;
	e->key[index].mapped = true;
}

static bool map_grow(struct eth_engine *e, size_t n)
{
	size_t room = 1024;

	while (room < 3 * n)
		room *= 2;
	if (room > e->map_room) {
		free(e->map);
		e->map = malloc(room * sizeof(*e->map));
		e->map_room = e->map ? room : 0;
		if (!e->map)
			return false;
	}
	memset(e->map, 0, e->map_room * sizeof(*e->map));
	e->map_used = 0;
	for (size_t i = 0; i < e->keys; i++)
		e->key[i].mapped = false;
	return true;
}

/* Makes the map hold the registry of the state, all of it. Entries of other forks stay behind and are passed
 * over. */
static bool map_sync(struct eth_engine *e, const struct eth_state *s)
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t n = eth_state_validator_count(s);

	if (n >= UINT32_MAX || !reserve_keys(e, n))
		return false;
	if ((e->map_used + 64 > e->map_room / 2 || n > e->map_room / 3) && !map_grow(e, n + 64))
		return false;
	for (uint64_t i = 0; i < n; i++) {
		struct key_entry *k = entry_of(e, &v[i], i);

		if (k->mapped)
			continue;
		if (e->map_used + 1 > e->map_room / 2) {
			if (!map_grow(e, n + 64))
				return false;
			i = UINT64_MAX; /* all over again into an empty map, which is large enough */
			continue;
		}
		map_put(e, i);
	}
	return true;
}

static uint64_t map_find(const struct eth_engine *e, const struct eth_state *s, const uint8_t pubkey[48])
{
	const struct eth_validator *v = eth_state_validators(s);
	uint64_t n = eth_state_validator_count(s), found = UINT64_MAX;

	if (!e->map_room)
		return found;
	for (size_t at = key_hash(e, pubkey) & (e->map_room - 1); e->map[at];
	     at = (at + 1) & (e->map_room - 1)) {
		uint64_t i = e->map[at] - 1;

		/* The lowest index, as list.index() would find, should a registry hold a key twice. */
		if (i < n && i < found && !memcmp(v[i].pubkey, pubkey, 48))
			found = i;
	}
	return found;
}

int eth_engine_validator_index(struct eth_engine *e, const struct eth_state *s, const uint8_t pubkey[48],
			       uint64_t *index)
{
	*index = map_find(e, s, pubkey);
	if (*index != UINT64_MAX)
		return 0;
	/* Only a map that is known to hold the whole registry can say no. */
	if (e->appending && e->map_synced)
		return 0;
	if (!map_sync(e, s))
		return ETH_ERR_MEMORY;
	e->map_synced = true;
	*index = map_find(e, s, pubkey);
	return 0;
}

void eth_engine_append_begin(struct eth_engine *e)
{
	e->appending = true;
	e->map_synced = false;
}

void eth_engine_append_end(struct eth_engine *e)
{
	e->appending = false;
}

int eth_engine_appended(struct eth_engine *e, const struct eth_state *s, uint64_t index)
{
	if (!e->appending || !e->map_synced)
		return 0;
	if (e->map_used + 1 > e->map_room / 2) /* grows, and puts all of the registry in again */
		return map_sync(e, s) ? 0 : ETH_ERR_MEMORY;
	if (!reserve_keys(e, index + 1))
		return ETH_ERR_MEMORY;
	if (!entry_of(e, &eth_state_validators(s)[index], index)->mapped)
		map_put(e, index);
	return 0;
}
