#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "procs/eth/bls/bls.h"
#include "tests/bls/vectors.h"

#define KEYS_MAX 16

static uint8_t buffer[256];

static int key_from(struct bls_pubkey *key, const json_t *v)
{
	long n = vectors_hex(v, buffer, sizeof(buffer));
	return n < 0 ? BLS_ENCODING : bls_pubkey_from_bytes(key, buffer, (size_t)n);
}

static int signature_from(struct bls_signature *signature, const json_t *v)
{
	long n = vectors_hex(v, buffer, sizeof(buffer));
	return n < 0 ? BLS_ENCODING : bls_signature_from_bytes(signature, buffer, (size_t)n);
}

static void expect(const char *name, int rc, const json_t *output)
{
	cr_expect_eq(rc == BLS_OK, json_is_true(output), "%s: %s", name, bls_strerror(rc));
}

/* The bytes of the signature are those of output; or rc is an error and output null. */
static void expect_signature(const char *name, int rc, const struct bls_signature *signature,
			     const json_t *output)
{
	uint8_t want[BLS_SIGNATURE_BYTES], got[BLS_SIGNATURE_BYTES];
	cr_expect_eq(rc == BLS_OK, !json_is_null(output), "%s: %s", name, bls_strerror(rc));
	if (rc != BLS_OK || json_is_null(output))
		return;
	cr_assert_eq(vectors_hex(output, want, sizeof(want)), sizeof(want), "%s", name);
	bls_signature_to_bytes(got, signature);
	cr_expect_arr_eq(got, want, sizeof(got), "%s", name);
}

static void check_deserialization_g1(const char *name, const json_t *input, const json_t *output)
{
	struct bls_pubkey key;
	uint8_t in[BLS_PUBKEY_BYTES], out[BLS_PUBKEY_BYTES];
	int rc = key_from(&key, json_object_get(input, "pubkey"));
	/* As a point the identity decodes; as a key it is refused. */
	expect(name, rc == BLS_INFINITY ? BLS_OK : rc, output);
	if (rc != BLS_OK)
		return;
	vectors_hex(json_object_get(input, "pubkey"), in, sizeof(in));
	bls_pubkey_to_bytes(out, &key);
	cr_expect_arr_eq(in, out, sizeof(in), "%s", name);
}

static void check_deserialization_g2(const char *name, const json_t *input, const json_t *output)
{
	struct bls_signature signature;
	uint8_t in[BLS_SIGNATURE_BYTES], out[BLS_SIGNATURE_BYTES];
	int rc = signature_from(&signature, json_object_get(input, "signature"));
	expect(name, rc, output);
	if (rc != BLS_OK)
		return;
	vectors_hex(json_object_get(input, "signature"), in, sizeof(in));
	bls_signature_to_bytes(out, &signature);
	cr_expect_arr_eq(in, out, sizeof(in), "%s", name);
}

static void check_verify(const char *name, const json_t *input, const json_t *output)
{
	struct bls_pubkey key;
	struct bls_signature signature;
	uint8_t message[64], key_bytes[BLS_PUBKEY_BYTES], signature_bytes[BLS_SIGNATURE_BYTES];
	long len = vectors_hex(json_object_get(input, "message"), message, sizeof(message));
	int rc = key_from(&key, json_object_get(input, "pubkey"));
	if (rc == BLS_OK)
		rc = signature_from(&signature, json_object_get(input, "signature"));
	if (rc == BLS_OK)
		rc = bls_verify(&key, message, (size_t)len, &signature);
	expect(name, rc, output);

	cr_assert_eq(vectors_hex(json_object_get(input, "pubkey"), key_bytes, sizeof(key_bytes)),
		     sizeof(key_bytes));
	cr_assert_eq(
		vectors_hex(json_object_get(input, "signature"), signature_bytes, sizeof(signature_bytes)),
		sizeof(signature_bytes));
	cr_expect_eq(bls_verify_bytes(key_bytes, message, (size_t)len, signature_bytes), rc, "%s", name);
}

static void check_sign(const char *name, const json_t *input, const json_t *output)
{
	struct bls_secret secret;
	struct bls_signature signature;
	uint8_t bytes[BLS_SECRET_BYTES], message[64];
	long len = vectors_hex(json_object_get(input, "message"), message, sizeof(message));
	cr_assert_eq(vectors_hex(json_object_get(input, "privkey"), bytes, sizeof(bytes)), sizeof(bytes),
		     "%s", name);
	int rc = bls_secret_from_bytes(&secret, bytes);
	if (rc == BLS_OK)
		bls_sign(&signature, &secret, message, (size_t)len);
	expect_signature(name, rc, &signature, output);
}

static void check_aggregate(const char *name, const json_t *input, const json_t *output)
{
	struct bls_signature signatures[KEYS_MAX], sum;
	size_t n = json_array_size(input);
	int rc = BLS_OK;
	cr_assert_leq(n, KEYS_MAX);
	for (size_t i = 0; i < n && rc == BLS_OK; i++)
		rc = signature_from(&signatures[i], json_array_get(input, i));
	if (rc == BLS_OK)
		rc = bls_aggregate_signatures(&sum, signatures, n);
	expect_signature(name, rc, &sum, output);
}

/* Keys of a case, decoded; the first code that is not BLS_OK. */
static int keys_from(struct bls_pubkey keys[], const struct bls_pubkey *pointers[], size_t *n,
		     const json_t *v)
{
	int rc = BLS_OK;
	*n = json_array_size(v);
	cr_assert_leq(*n, KEYS_MAX);
	for (size_t i = 0; i < *n && rc == BLS_OK; i++) {
		rc = key_from(&keys[i], json_array_get(v, i));
		pointers[i] = &keys[i];
	}
	return rc;
}

static void check_fast_aggregate_verify(const char *name, const json_t *input, const json_t *output)
{
	struct bls_pubkey keys[KEYS_MAX];
	const struct bls_pubkey *pointers[KEYS_MAX];
	struct bls_signature signature;
	uint8_t message[64];
	size_t n;
	long len = vectors_hex(json_object_get(input, "message"), message, sizeof(message));
	int rc = keys_from(keys, pointers, &n, json_object_get(input, "pubkeys"));
	int eth = rc;
	if (rc == BLS_OK)
		rc = eth = signature_from(&signature, json_object_get(input, "signature"));
	if (rc == BLS_OK) {
		rc = bls_fast_aggregate_verify(pointers, n, message, (size_t)len, &signature);
		eth = bls_eth_fast_aggregate_verify(pointers, n, message, (size_t)len, &signature);
	}
	expect(name, rc, output);
	if (strcmp(name, "fast_aggregate_verify_na_pubkeys_and_infinity_signature.json") == 0)
		cr_expect_eq(eth, BLS_OK, "%s", name);
	else
		cr_expect_eq(eth, rc, "%s", name);
}

static size_t messages_from(uint8_t messages[][64], const void *pointers[], size_t lens[], const json_t *v)
{
	size_t n = json_array_size(v);
	cr_assert_leq(n, KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		lens[i] = (size_t)vectors_hex(json_array_get(v, i), messages[i], 64);
		pointers[i] = messages[i];
	}
	return n;
}

static void check_aggregate_verify(const char *name, const json_t *input, const json_t *output)
{
	struct bls_pubkey keys[KEYS_MAX];
	const struct bls_pubkey *key_pointers[KEYS_MAX];
	uint8_t messages[KEYS_MAX][64];
	const void *message_pointers[KEYS_MAX];
	size_t lens[KEYS_MAX], n;
	struct bls_signature signature;
	int rc = keys_from(keys, key_pointers, &n, json_object_get(input, "pubkeys"));
	cr_assert_eq(messages_from(messages, message_pointers, lens, json_object_get(input, "messages")), n);
	if (rc == BLS_OK)
		rc = signature_from(&signature, json_object_get(input, "signature"));
	if (rc == BLS_OK)
		rc = bls_aggregate_verify(key_pointers, message_pointers, lens, n, &signature);
	expect(name, rc, output);
}

static void check_batch_verify(const char *name, const json_t *input, const json_t *output)
{
	static const uint8_t seed[BLS_SEED_BYTES] = "a seed that tests may foresee";
	static _Alignas(64) uint8_t scratch[640 * KEYS_MAX + 4096];
	struct bls_pubkey keys[KEYS_MAX];
	const struct bls_pubkey *key_pointers[KEYS_MAX];
	struct bls_signature signatures[KEYS_MAX];
	uint8_t messages[KEYS_MAX][64];
	const void *message_pointers[KEYS_MAX];
	struct bls_item items[KEYS_MAX];
	size_t lens[KEYS_MAX], n;
	int rc = keys_from(keys, key_pointers, &n, json_object_get(input, "pubkeys"));
	cr_assert_eq(messages_from(messages, message_pointers, lens, json_object_get(input, "messages")), n);
	cr_assert_eq(json_array_size(json_object_get(input, "signatures")), n);
	for (size_t i = 0; i < n && rc == BLS_OK; i++) {
		rc = signature_from(&signatures[i], json_array_get(json_object_get(input, "signatures"), i));
		items[i] = (struct bls_item){&keys[i], &signatures[i], messages[i], lens[i]};
	}
	if (rc == BLS_OK)
		rc = bls_batch_verify(items, n, seed, scratch, sizeof(scratch));
	expect(name, rc, output);
}

/* A coordinate "0x<c0>,0x<c1>" against 12 decoded limbs, by way of the signature's byte form. */
static void coordinate(uint8_t out[96], const char *text)
{
	const char *comma = strchr(text, ',');
	char first[128];
	cr_assert_not_null(comma);
	snprintf(first, sizeof(first), "%.*s", (int)(comma - text), text);
	json_t *c0 = json_string(first), *c1 = json_string(comma + 1);
	cr_assert_eq(vectors_hex(c0, out + 48, 48), 48);
	cr_assert_eq(vectors_hex(c1, out, 48), 48);
	json_decref(c0);
	json_decref(c1);
}

static void check_hash_to_g2(const char *name, const json_t *input, const json_t *output)
{
	static const char dst[] = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
	const char *message = json_string_value(json_object_get(input, "msg"));
	struct bls_signature point, want;
	uint8_t x[96], y[96];
	cr_assert_eq(bls_hash_to_g2(&point, message, strlen(message), dst, strlen(dst)), BLS_OK);
	coordinate(x, json_string_value(json_object_get(output, "x")));
	coordinate(y, json_string_value(json_object_get(output, "y")));
	/* x decides the point up to its sign, the sign is whether y is the larger of the two. */
	uint8_t got[96];
	bls_signature_to_bytes(got, &point);
	static const uint8_t half[48] = {0x0d, 0x00, 0x88, 0xf5, 0x1c, 0xbf, 0xf3, 0x4d, 0x25, 0x8d,
					 0xd3, 0xdb, 0x21, 0xa5, 0xd6, 0x6b, 0xb2, 0x3b, 0xa5, 0xc2,
					 0x79, 0xc2, 0x89, 0x5f, 0xb3, 0x98, 0x69, 0x50, 0x7b, 0x58,
					 0x7b, 0x12, 0x0f, 0x55, 0xff, 0xff, 0x58, 0xa9, 0xff, 0xff,
					 0xdc, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xd5, 0x55};
	x[0] |= 0x80;
	if (memcmp(y, half, sizeof(half)) > 0)
		x[0] |= 0x20;
	cr_expect_arr_eq(got, x, sizeof(x), "%s", name);
	cr_assert_eq(bls_signature_from_bytes(&want, x, sizeof(x)), BLS_OK);
	cr_expect_arr_eq(&want, &point, sizeof(want), "%s", name);
}

Test(bls_vectors, deserialization_g1)
{
	cr_assert_eq(vectors_each("deserialization_G1", check_deserialization_g1), 16);
}

Test(bls_vectors, deserialization_g2)
{
	cr_assert_eq(vectors_each("deserialization_G2", check_deserialization_g2), 18);
}

Test(bls_vectors, verify)
{
	cr_assert_eq(vectors_each("verify", check_verify), 29);
}

Test(bls_vectors, sign)
{
	cr_assert_eq(vectors_each("sign", check_sign), 10);
}

Test(bls_vectors, aggregate)
{
	cr_assert_eq(vectors_each("aggregate", check_aggregate), 6);
}

Test(bls_vectors, fast_aggregate_verify)
{
	cr_assert_eq(vectors_each("fast_aggregate_verify", check_fast_aggregate_verify), 12);
}

Test(bls_vectors, aggregate_verify)
{
	cr_assert_eq(vectors_each("aggregate_verify", check_aggregate_verify), 5);
}

Test(bls_vectors, batch_verify)
{
	cr_assert_eq(vectors_each("batch_verify", check_batch_verify), 4);
}

Test(bls_vectors, hash_to_g2)
{
	cr_assert_eq(vectors_each("hash_to_G2", check_hash_to_g2), 4);
}
