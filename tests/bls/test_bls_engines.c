/* Every engine this processor runs gives the same bytes and the same verdicts; and the promises of bls.h that
 * the vectors don't reach. */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "procs/eth/bls/batch.h"
#include "procs/eth/bls/engine.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define MANY 70

static uint64_t state;
static struct bls_secret secrets[MANY];
static struct bls_pubkey keys[MANY];
static struct bls_signature signatures[MANY];
static uint8_t messages[MANY][40];
static struct bls_item items[MANY];
static _Alignas(64) uint8_t scratch[640 * MANY + 4096];
static const uint8_t seed[BLS_SEED_BYTES] = "a seed that tests may foresee";

static uint64_t next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t engines(const struct bls_engine *e[3])
{
	size_t n = 0;
	e[n++] = &bls_engine_portable;
#if defined(__x86_64__)
	unsigned a, b, c, d;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2) && (b & bit_ADX)) {
		e[n++] = &bls_engine_adx;
		if (bls_lanes_supported())
			e[n++] = &bls_engine_ifma;
	}
#endif
	return n;
}

static void setup(uint64_t s)
{
	state = s;
	for (size_t i = 0; i < MANY; i++) {
		for (int j = 0; j < 4; j++)
			secrets[i].k[j] = j < 3 ? next() : next() >> 2;
		for (size_t j = 0; j < sizeof(messages[i]); j++)
			messages[i][j] = (uint8_t)next();
		bls_sk_to_pk(&keys[i], &secrets[i]);
		bls_sign(&signatures[i], &secrets[i], messages[i], i % sizeof(messages[i]));
		items[i] = (struct bls_item){&keys[i], &signatures[i], messages[i], i % sizeof(messages[i])};
	}
}

static int batch(const struct bls_engine *e, size_t n)
{
	struct batch b;
	cr_assert_leq(bls_batch_scratch(n), sizeof(scratch));
	cr_assert_leq(bls_batch_scratch(n), 640 * n + 4096);
	bls_batch_plan(&b, items, n, seed, scratch);
	return e->batch_verify(&b);
}

Test(bls_engines, same_bytes)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	setup(1);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < 24; i++) {
			struct bls_pubkey key;
			struct bls_signature signature, hash, want;
			uint8_t bytes[96];
			e[k]->sk_to_pk(&key, &secrets[i]);
			cr_assert_arr_eq(&key, &keys[i], sizeof(key), "%s", e[k]->name);
			e[k]->sign(&signature, &secrets[i], messages[i], items[i].message_len);
			cr_assert_arr_eq(&signature, &signatures[i], sizeof(signature), "%s", e[k]->name);
			e[k]->hash_to_g2(&hash, messages[i], 40, "tag", 3);
			bls_hash_to_g2(&want, messages[i], 40, "tag", 3);
			cr_assert_arr_eq(&hash, &want, sizeof(hash), "%s", e[k]->name);
			e[k]->pubkey_to_bytes(bytes, &key);
			memset(&key, 0, sizeof(key));
			cr_assert_eq(e[k]->pubkey_from_bytes(&key, bytes), BLS_OK);
			cr_assert_arr_eq(&key, &keys[i], sizeof(key), "%s", e[k]->name);
			e[k]->signature_to_bytes(bytes, &signature);
			memset(&signature, 0, sizeof(signature));
			cr_assert_eq(e[k]->signature_from_bytes(&signature, bytes), BLS_OK);
			cr_assert_arr_eq(&signature, &signatures[i], sizeof(signature), "%s", e[k]->name);
			cr_assert_eq(
				e[k]->verify(&keys[i], messages[i], items[i].message_len, &signatures[i]),
				BLS_OK);
			cr_assert_eq(
				e[k]->verify(&keys[i], messages[i], items[i].message_len, &signatures[i + 1]),
				BLS_MISMATCH);
			cr_assert_eq(
				e[k]->verify(&keys[i + 1], messages[i], items[i].message_len, &signatures[i]),
				BLS_MISMATCH);
		}
}

/* One by one and together, in every position of a lane: valid, the identity, and each way to be refused. */
Test(bls_engines, same_decoding)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	static uint8_t key_bytes[MANY][48], signature_bytes[MANY][96];
	const uint8_t *key_pointers[MANY], *signature_pointers[MANY];
	int8_t results[MANY];
	static struct bls_pubkey key[MANY], k1;
	static struct bls_signature signature[MANY], s1;
	int seen[8] = {0};
	setup(2);
	for (size_t i = 0; i < MANY; i++) {
		bls_pubkey_to_bytes(key_bytes[i], &keys[i]);
		bls_signature_to_bytes(signature_bytes[i], &signatures[i]);
		if (i % 3 == 1) {
			key_bytes[i][47] ^= (uint8_t)(1 + next() % 255);
			signature_bytes[i][95] ^= (uint8_t)(1 + next() % 255);
		}
		if (i % 11 == 3) {
			key_bytes[i][0] |= 0x1f;
			signature_bytes[i][0] |= 0x1f;
		}
		if (i % 11 == 4)
			signature_bytes[i][48] |= 0xe0;
		if (i % 13 == 5) {
			memset(key_bytes[i], 0, 48);
			memset(signature_bytes[i], 0, 96);
			key_bytes[i][0] = signature_bytes[i][0] = 0xc0;
		}
		if (i % 17 == 6)
			key_bytes[i][0] = signature_bytes[i][0] ^= 0x80;
		if (i % 5 == 0)
			signature_bytes[i][0] ^= 0x20;
		key_pointers[i] = key_bytes[i];
		signature_pointers[i] = signature_bytes[i];
	}
	for (size_t k = 0; k < n; k++)
		for (size_t count = 1; count <= MANY; count += 3) {
			e[k]->pubkeys_from_bytes(key, results, key_pointers, count);
			for (size_t i = 0; i < count; i++) {
				int rc = bls_engine_portable.pubkey_from_bytes(&k1, key_bytes[i]);
				seen[-rc]++;
				cr_assert_eq(rc, results[i], "%s, key %zu of %zu: %d, not %d", e[k]->name, i,
					     count, results[i], rc);
				if (rc == BLS_OK)
					cr_assert_arr_eq(&k1, &key[i], sizeof(k1));
			}
			e[k]->signatures_from_bytes(signature, results, signature_pointers, count);
			for (size_t i = 0; i < count; i++) {
				int rc = bls_engine_portable.signature_from_bytes(&s1, signature_bytes[i]);
				seen[-rc]++;
				cr_assert_eq(rc, results[i], "%s, signature %zu of %zu: %d, not %d",
					     e[k]->name, i, count, results[i], rc);
				if (rc == BLS_OK)
					cr_assert_arr_eq(&s1, &signature[i], sizeof(s1));
			}
		}
	for (int code = 0; code <= 4; code++)
		cr_assert(seen[code], "code -%d never came up", code);
}

/* Every size, all right; and one wrong at each position. */
Test(bls_engines, batches)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	setup(3);
	for (size_t k = 0; k < n; k++) {
		for (size_t count = 1; count <= MANY; count += count < 12 ? 1 : 13)
			cr_assert_eq(batch(e[k], count), BLS_OK, "%s, %zu", e[k]->name, count);
		for (size_t i = 0; i < 13; i++) {
			items[i].signature = &signatures[i + 1];
			cr_assert_eq(batch(e[k], 13), BLS_MISMATCH, "%s, %zu", e[k]->name, i);
			items[i].signature = &signatures[i];
		}
		/* Two wrongs whose plain sum is right. */
		items[2].signature = &signatures[3];
		items[3].signature = &signatures[2];
		cr_assert_eq(batch(e[k], 13), BLS_MISMATCH, "%s", e[k]->name);
		items[2].signature = &signatures[2];
		items[3].signature = &signatures[3];
	}
}

/* Few messages, many keys: merged, and still each signature counts. */
Test(bls_engines, merged_batches)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	setup(4);
	for (size_t i = 0; i < MANY; i++) {
		items[i].message = messages[i % 5];
		items[i].message_len = 32;
		bls_sign(&signatures[i], &secrets[i], items[i].message, 32);
	}
	for (size_t k = 0; k < n; k++) {
		cr_assert_eq(batch(e[k], MANY), BLS_OK, "%s", e[k]->name);
		cr_assert_eq(batch(e[k], 6), BLS_OK, "%s", e[k]->name);
		for (size_t i = 0; i < 10; i++) {
			items[i].signature = &signatures[i + 5];
			cr_assert_eq(batch(e[k], MANY), BLS_MISMATCH, "%s, %zu", e[k]->name, i);
			items[i].signature = &signatures[i];
		}
		/* Same message, two keys' signatures exchanged: their sum is right, each is not. */
		items[0].signature = &signatures[5];
		items[5].signature = &signatures[0];
		cr_assert_eq(batch(e[k], MANY), BLS_MISMATCH, "%s", e[k]->name);
		items[0].signature = &signatures[0];
		items[5].signature = &signatures[5];
	}
}

Test(bls_engines, aggregates)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	const struct bls_pubkey *pointers[MANY];
	const void *message_pointers[MANY];
	size_t lens[MANY];
	struct bls_signature sum;
	struct bls_pubkey key;
	setup(5);
	for (size_t i = 0; i < MANY; i++) {
		pointers[i] = &keys[i];
		message_pointers[i] = messages[i];
		lens[i] = items[i].message_len;
	}
	for (size_t k = 0; k < n; k++) {
		for (size_t count = 1; count <= 35; count += 17) {
			e[k]->aggregate_signatures(&sum, signatures, count);
			cr_assert_eq(e[k]->aggregate_verify(pointers, message_pointers, lens, count, &sum),
				     BLS_OK, "%s, %zu", e[k]->name, count);
			lens[count / 2]++;
			cr_assert_eq(e[k]->aggregate_verify(pointers, message_pointers, lens, count, &sum),
				     BLS_MISMATCH);
			lens[count / 2]--;
		}
		/* The same key twice is a doubling, a key and its opposite are the identity. */
		struct bls_signature twice[2];
		const struct bls_pubkey *same[2] = {&keys[0], &keys[0]};
		bls_sign(&twice[0], &secrets[0], "m", 1);
		twice[1] = twice[0];
		e[k]->aggregate_signatures(&sum, twice, 2);
		cr_assert_eq(bls_fast_aggregate_verify(same, 2, "m", 1, &sum), BLS_OK);
		uint8_t bytes[48];
		struct bls_pubkey opposite;
		bls_pubkey_to_bytes(bytes, &keys[0]);
		bytes[0] ^= 0x20;
		cr_assert_eq(bls_pubkey_from_bytes(&opposite, bytes, 48), BLS_OK);
		same[1] = &opposite;
		cr_assert_eq(e[k]->aggregate_pubkeys(&key, same, 2), BLS_INFINITY);
		memset(&sum, 0, sizeof(sum));
		cr_assert_eq(bls_fast_aggregate_verify(same, 2, "m", 1, &sum), BLS_INFINITY);
	}
}

/* Lists of every length side by side, among them an empty one, the same key twice, a key and its opposite. */
Test(bls_engines, key_lists)
{
	const struct bls_engine *e[3];
	size_t n = engines(e);
	static const struct bls_pubkey *pointers[MANY];
	struct bls_key_list lists[MANY];
	struct bls_pubkey sums[MANY], want, opposite;
	int8_t results[MANY];
	uint8_t bytes[48];
	setup(7);
	for (size_t i = 0; i < MANY; i++) {
		pointers[i] = &keys[i];
		lists[i] = (struct bls_key_list){pointers + i % 7, i % 20};
	}
	pointers[9] = &keys[8];
	bls_pubkey_to_bytes(bytes, &keys[10]);
	bytes[0] ^= 0x20;
	cr_assert_eq(bls_pubkey_from_bytes(&opposite, bytes, 48), BLS_OK);
	pointers[11] = &opposite;
	lists[30] = (struct bls_key_list){pointers + 8, 2};
	lists[31] = (struct bls_key_list){pointers + 10, 2};
	for (size_t k = 0; k < n; k++)
		for (size_t count = 0; count <= MANY; count += 10) {
			e[k]->aggregate_key_lists(sums, results, lists, count);
			for (size_t i = 0; i < count; i++) {
				int rc = bls_aggregate_pubkeys(&want, lists[i].keys, lists[i].n);
				cr_assert_eq(rc, lists[i].n == 0 ? BLS_EMPTY
						 : i == 31       ? BLS_INFINITY
								 : BLS_OK);
				cr_assert_eq(results[i], rc, "%s, list %zu", e[k]->name, i);
				if (rc == BLS_OK)
					cr_assert_arr_eq(&sums[i], &want, sizeof(want), "%s, list %zu",
							 e[k]->name, i);
			}
		}
}

Test(bls_contract, codes)
{
	struct bls_pubkey key;
	struct bls_signature signature;
	struct bls_secret secret;
	uint8_t bytes[96] = {0x80};
	static const uint8_t order[32] = {0x73, 0xed, 0xa7, 0x53, 0x29, 0x9d, 0x7d, 0x48, 0x33, 0x39, 0xd8,
					  0x08, 0x09, 0xa1, 0xd8, 0x05, 0x53, 0xbd, 0xa4, 0x02, 0xff, 0xfe,
					  0x5b, 0xfe, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01};
	cr_assert_eq(bls_pubkey_from_bytes(&key, bytes, 47), BLS_ENCODING);
	cr_assert_eq(bls_signature_from_bytes(&signature, bytes, 97), BLS_ENCODING);
	cr_assert_eq(bls_secret_from_bytes(&secret, order), BLS_SCALAR);
	cr_assert_eq(bls_secret_reduce(&secret, order), BLS_SCALAR);
	uint8_t last[32];
	memcpy(last, order, 32);
	last[31]--;
	cr_assert_eq(bls_secret_from_bytes(&secret, last), BLS_OK);
	memset(last, 0xff, 32);
	cr_assert_eq(bls_secret_from_bytes(&secret, last), BLS_SCALAR);
	/* 2^256 - 1 - 2 r */
	cr_assert_eq(bls_secret_reduce(&secret, last), BLS_OK);
	cr_assert_eq(secret.k[0], 0x00000001fffffffd);
	cr_assert_eq(secret.k[3], 0x1824b159acc5056f);
	cr_assert_eq(bls_hash_to_g2(&signature, "", 0, "", 0), BLS_ARGUMENT);
	cr_assert_eq(bls_hash_to_g2(&signature, "", 0, bytes, 256), BLS_ARGUMENT);
	cr_assert_eq(bls_aggregate_pubkeys(&key, NULL, 0), BLS_EMPTY);
	cr_assert_eq(bls_aggregate_signatures(&signature, NULL, 0), BLS_EMPTY);
	cr_assert_eq(bls_aggregate_verify(NULL, NULL, NULL, 0, &signature), BLS_EMPTY);
	cr_assert_eq(bls_batch_verify(NULL, 0, seed, NULL, 0), BLS_OK);
	setup(6);
	cr_assert_eq(bls_batch_verify(items, 4, seed, scratch + 8, sizeof(scratch) - 8), BLS_ARGUMENT);
	cr_assert_eq(bls_batch_verify(items, 4, seed, scratch, bls_batch_scratch(4) - 1), BLS_ARGUMENT);
	cr_assert_eq(bls_batch_verify(items, 4, seed, scratch, bls_batch_scratch(4)), BLS_OK);
	for (int code = -8; code <= 1; code++)
		cr_assert_not_null(bls_strerror(code));
}
