#include <stdatomic.h>
#include <string.h>
#include "procs/eth/bls/batch.h"
#include "procs/eth/bls/engine.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* r, least significant limb first. */
static const uint64_t order[4] = {0xffffffff00000001, 0x53bda402fffe5bfe, 0x3339d80809a1d805,
				  0x73eda753299d7d48};

static const struct bls_engine *choose(void)
{
#if defined(BLS_BLST)
	return &bls_engine_blst;
#elif defined(__x86_64__)
	unsigned a, b, c, d;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2) && (b & bit_ADX))
		return bls_lanes_supported() ? &bls_engine_ifma : &bls_engine_adx;
	return &bls_engine_portable;
#else
	return &bls_engine_portable;
#endif
}

static const struct bls_engine *engine(void)
{
	/* Every thread that finds NULL finds the same answer, so the order of the stores is of no matter. */
	static _Atomic(const struct bls_engine *) chosen;
	const struct bls_engine *e = atomic_load_explicit(&chosen, memory_order_relaxed);
	if (!e) {
		e = choose();
		atomic_store_explicit(&chosen, e, memory_order_relaxed);
	}
	return e;
}

const char *bls_implementation(void)
{
	return engine()->name;
}

const char *bls_strerror(int code)
{
	switch (code) {
	case BLS_OK:
		return "valid";
	case BLS_ENCODING:
		return "not the encoding of a point";
	case BLS_OFF_CURVE:
		return "not a point of the curve";
	case BLS_SUBGROUP:
		return "point outside of the subgroup";
	case BLS_INFINITY:
		return "public key is the identity";
	case BLS_SCALAR:
		return "secret key is zero or too large";
	case BLS_EMPTY:
		return "nothing to add up";
	case BLS_MISMATCH:
		return "signature does not match";
	case BLS_ARGUMENT:
		return "argument out of range";
	}
	return "unknown code";
}

int bls_pubkey_from_bytes(struct bls_pubkey *key, const void *bytes, size_t len)
{
	return len == BLS_PUBKEY_BYTES ? engine()->pubkey_from_bytes(key, bytes) : BLS_ENCODING;
}

void bls_pubkey_to_bytes(uint8_t bytes[BLS_PUBKEY_BYTES], const struct bls_pubkey *key)
{
	engine()->pubkey_to_bytes(bytes, key);
}

int bls_signature_from_bytes(struct bls_signature *signature, const void *bytes, size_t len)
{
	return len == BLS_SIGNATURE_BYTES ? engine()->signature_from_bytes(signature, bytes) : BLS_ENCODING;
}

void bls_signature_to_bytes(uint8_t bytes[BLS_SIGNATURE_BYTES], const struct bls_signature *signature)
{
	engine()->signature_to_bytes(bytes, signature);
}

static int first_error(const int8_t *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (results[i] != BLS_OK)
			return results[i];
	return BLS_OK;
}

int bls_pubkeys_from_bytes(struct bls_pubkey *keys, int8_t *results, const uint8_t *const *bytes, size_t n)
{
	engine()->pubkeys_from_bytes(keys, results, bytes, n);
	return first_error(results, n);
}

int bls_signatures_from_bytes(struct bls_signature *signatures, int8_t *results, const uint8_t *const *bytes,
			      size_t n)
{
	engine()->signatures_from_bytes(signatures, results, bytes, n);
	return first_error(results, n);
}

/* d = a - r, and all ones when a < r; without branches. */
static uint64_t minus_order(uint64_t d[4], const uint64_t a[4])
{
	uint64_t borrow = 0;
	for (int i = 0; i < 4; i++) {
		unsigned __int128 t = (unsigned __int128)a[i] - order[i] - borrow;
		d[i] = (uint64_t)t;
		borrow = (uint64_t)(t >> 64) & 1;
	}
	return -borrow;
}

static void scalar_load(uint64_t k[4], const uint8_t *bytes)
{
	for (int i = 0; i < 4; i++) {
		k[i] = 0;
		for (int j = 0; j < 8; j++)
			k[i] = k[i] << 8 | bytes[24 - 8 * i + j];
	}
}

int bls_secret_from_bytes(struct bls_secret *secret, const uint8_t bytes[BLS_SECRET_BYTES])
{
	uint64_t k[4], d[4];
	scalar_load(k, bytes);
	int ok = minus_order(d, k) && (k[0] | k[1] | k[2] | k[3]);
	if (ok)
		memcpy(secret->k, k, sizeof(k));
	explicit_bzero(k, sizeof(k));
	explicit_bzero(d, sizeof(d));
	return ok ? BLS_OK : BLS_SCALAR;
}

int bls_secret_reduce(struct bls_secret *secret, const uint8_t bytes[BLS_SECRET_BYTES])
{
	uint64_t k[4], d[4];
	scalar_load(k, bytes);
	/* 2^256 < 3 r */
	for (int round = 0; round < 2; round++) {
		uint64_t below = minus_order(d, k);
		for (int i = 0; i < 4; i++)
			k[i] = (k[i] & below) | (d[i] & ~below);
	}
	int ok = (k[0] | k[1] | k[2] | k[3]) != 0;
	if (ok)
		memcpy(secret->k, k, sizeof(k));
	explicit_bzero(k, sizeof(k));
	explicit_bzero(d, sizeof(d));
	return ok ? BLS_OK : BLS_SCALAR;
}

void bls_sk_to_pk(struct bls_pubkey *key, const struct bls_secret *secret)
{
	engine()->sk_to_pk(key, secret);
}

void bls_sign(struct bls_signature *signature, const struct bls_secret *secret, const void *message,
	      size_t len)
{
	engine()->sign(signature, secret, message, len);
}

int bls_hash_to_g2(struct bls_signature *point, const void *message, size_t len, const void *dst,
		   size_t dst_len)
{
	if (dst_len == 0 || dst_len > 255)
		return BLS_ARGUMENT;
	engine()->hash_to_g2(point, message, len, dst, dst_len);
	return BLS_OK;
}

int bls_verify(const struct bls_pubkey *key, const void *message, size_t len,
	       const struct bls_signature *signature)
{
	return engine()->verify(key, message, len, signature);
}

int bls_verify_bytes(const uint8_t key[BLS_PUBKEY_BYTES], const void *message, size_t len,
		     const uint8_t signature[BLS_SIGNATURE_BYTES])
{
	struct bls_pubkey k;
	struct bls_signature s;
	int rc = engine()->pubkey_from_bytes(&k, key);
	if (rc == BLS_OK)
		rc = engine()->signature_from_bytes(&s, signature);
	return rc == BLS_OK ? engine()->verify(&k, message, len, &s) : rc;
}

int bls_aggregate_pubkeys(struct bls_pubkey *sum, const struct bls_pubkey *const *keys, size_t n)
{
	return n ? engine()->aggregate_pubkeys(sum, keys, n) : BLS_EMPTY;
}

int bls_aggregate_key_lists(struct bls_pubkey *sums, int8_t *results, const struct bls_key_list *lists,
			    size_t n)
{
	engine()->aggregate_key_lists(sums, results, lists, n);
	return first_error(results, n);
}

int bls_aggregate_signatures(struct bls_signature *sum, const struct bls_signature *signatures, size_t n)
{
	if (n == 0)
		return BLS_EMPTY;
	engine()->aggregate_signatures(sum, signatures, n);
	return BLS_OK;
}

int bls_fast_aggregate_verify(const struct bls_pubkey *const *keys, size_t n, const void *message, size_t len,
			      const struct bls_signature *signature)
{
	struct bls_pubkey sum;
	int rc = bls_aggregate_pubkeys(&sum, keys, n);
	return rc == BLS_OK ? engine()->verify(&sum, message, len, signature) : rc;
}

int bls_eth_fast_aggregate_verify(const struct bls_pubkey *const *keys, size_t n, const void *message,
				  size_t len, const struct bls_signature *signature)
{
	static const struct bls_signature identity;
	if (n == 0 && memcmp(signature, &identity, sizeof(identity)) == 0)
		return BLS_OK;
	return bls_fast_aggregate_verify(keys, n, message, len, signature);
}

int bls_aggregate_verify(const struct bls_pubkey *const *keys, const void *const *messages,
			 const size_t *lens, size_t n, const struct bls_signature *signature)
{
	return n ? engine()->aggregate_verify(keys, messages, lens, n, signature) : BLS_EMPTY;
}

int bls_batch_verify(const struct bls_item *items, size_t n, const uint8_t seed[BLS_SEED_BYTES],
		     void *scratch, size_t scratch_bytes)
{
	if (n == 0)
		return BLS_OK;
	if (n > UINT32_MAX || scratch_bytes < bls_batch_scratch(n) || (uintptr_t)scratch % 64)
		return BLS_ARGUMENT;
	struct batch b;
	bls_batch_plan(&b, items, n, seed, scratch);
	return engine()->batch_verify(&b);
}
