#include "procs/eth/engine_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SIGNERS_MAX 2048 /* of one aggregate: MAX_VALIDATORS_PER_COMMITTEE */

void eth_signatures_begin(struct eth_engine *e)
{
	e->signatures->collecting = true;
	e->signatures->n = 0;
	e->signatures->indices = 0;
}

static size_t collect(struct signature_set *set, const uint8_t message[32], const uint8_t *signature,
		      int code)
{
	size_t i = set->n++;

	memcpy(set->message[i], message, 32);
	set->bytes[i] = signature;
	set->code[i] = code;
	set->signers[i] = 0;
	set->item[i] = (struct bls_item){&set->key[i], &set->signature[i], set->message[i], 32};
	return i;
}

static int verify_now(const struct bls_pubkey *key, const uint8_t message[32], const uint8_t signature[96],
		      int code)
{
	struct bls_signature decoded;

	if (bls_signature_from_bytes(&decoded, signature, 96) != BLS_OK)
		return code;
	return bls_verify(key, message, 32, &decoded) == BLS_OK ? 0 : code;
}

int eth_signature_check(struct eth_engine *e, const struct bls_pubkey *key, const uint8_t message[32],
			const uint8_t signature[96], int code)
{
	if (!e->signatures->collecting)
		return verify_now(key, message, signature, code);
	e->signatures->key[collect(e->signatures, message, signature, code)] = *key;
	return 0;
}

static bool reserve_indices(struct signature_set *set, size_t n)
{
	if (set->index_room >= n)
		return true;
	size_t room = n * 2;
	uint32_t *index = realloc(set->index, room * sizeof(*index));
	if (index)
		set->index = index;
	const struct bls_pubkey **pointer = realloc(set->pointer, room * sizeof(*pointer));
	if (pointer)
		set->pointer = pointer;
	if (!index || !pointer)
		return false;
	set->index_room = room;
	return true;
}

int eth_aggregate_check(struct eth_engine *e, const struct eth_state *s, const uint64_t *index, size_t n,
			const uint8_t message[32], const uint8_t signature[96], int code)
{
	const struct bls_pubkey *key[SIGNERS_MAX], *one;
	struct signature_set *set = e->signatures;
	struct bls_pubkey sum;
	int r;

	if (!reserve_indices(set, set->indices + n))
		return ETH_ERR_MEMORY;
	for (size_t i = 0; i < n; i++) {
		if ((r = eth_engine_pubkey(e, s, index[i], &one)))
			return r;
		set->index[set->indices + i] = (uint32_t)index[i];
	}
	if (set->collecting) {
		set->signers[collect(set, message, signature, code)] = n;
		set->indices += n;
		return 0;
	}
	/* All are decoded: from here on none moves. */
	for (size_t i = 0; i < n; i++)
		key[i] = &e->key[index[i]].key;
	if (bls_aggregate_pubkeys(&sum, key, n) != BLS_OK)
		return code;
	return verify_now(&sum, message, signature, code);
}

/* The sums of all collected aggregates at once. */
static int add_keys(struct eth_engine *e)
{
	struct bls_key_list list[SIGNATURES_MAX];
	struct signature_set *set = e->signatures;
	size_t at[SIGNATURES_MAX], lists = 0, used = 0;
	struct bls_pubkey sum[SIGNATURES_MAX];

	for (size_t i = 0; i < set->indices; i++)
		set->pointer[i] = &e->key[set->index[i]].key;
	for (size_t i = 0; i < set->n; i++) {
		if (!set->signers[i])
			continue;
		list[lists] = (struct bls_key_list){set->pointer + used, set->signers[i]};
		used += set->signers[i];
		at[lists++] = i;
	}
	if (lists)
		bls_aggregate_key_lists(sum, set->result, list, lists);
	for (size_t k = 0; k < lists; k++) {
		if (set->result[k] != BLS_OK)
			return set->code[at[k]];
		set->key[at[k]] = sum[k];
	}
	return 0;
}

int eth_signatures_end(struct eth_engine *e, bool drop)
{
	struct signature_set *set = e->signatures;
	uint8_t seed[BLS_SEED_BYTES];
	int r;

	set->collecting = false;
	if (drop || !set->n)
		return 0;
	if ((r = add_keys(e)))
		return r;
	bls_signatures_from_bytes(set->signature, set->result, set->bytes, set->n);
	for (size_t i = 0; i < set->n; i++)
		if (set->result[i] != BLS_OK)
			return set->code[i];
	if (getrandom(seed, sizeof(seed), 0) == sizeof(seed) &&
	    bls_batch_verify(set->item, set->n, seed, set->scratch, set->scratch_bytes) == BLS_OK)
		return 0;
	for (size_t i = 0; i < set->n; i++)
		if (bls_verify(&set->key[i], set->message[i], 32, &set->signature[i]) != BLS_OK)
			return set->code[i];
	return 0;
}
