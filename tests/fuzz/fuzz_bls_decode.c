/* Keys and signatures from arbitrary bytes. The first byte is a length, so that every length is tried; what follows is
 * decoded as both. What decodes encodes to the same bytes; every engine, alone and in lanes, gives the same answer. */

#include <stdlib.h>
#include <string.h>
#include "procs/eth/bls/engine.h"
#include "procs/eth/bls/lanes.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			abort();                                                                                       \
	} while (0)

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

static void decode_key(const uint8_t *bytes)
{
	struct bls_pubkey key, other;
	uint8_t again[BLS_PUBKEY_BYTES];
	int8_t result;
	const struct bls_engine *e[3];
	size_t n = engines(e);
	int rc = bls_pubkey_from_bytes(&key, bytes, BLS_PUBKEY_BYTES);
	if (rc == BLS_OK) {
		bls_pubkey_to_bytes(again, &key);
		CHECK(memcmp(again, bytes, sizeof(again)) == 0);
	}
	for (size_t i = 0; i < n; i++) {
		CHECK(e[i]->pubkey_from_bytes(&other, bytes) == rc);
		e[i]->pubkeys_from_bytes(&other, &result, &bytes, 1);
		CHECK(result == rc);
		CHECK(rc != BLS_OK || memcmp(&key, &other, sizeof(key)) == 0);
	}
}

static void decode_signature(const uint8_t *bytes)
{
	struct bls_signature signature, other;
	uint8_t again[BLS_SIGNATURE_BYTES];
	int8_t result;
	const struct bls_engine *e[3];
	size_t n = engines(e);
	int rc = bls_signature_from_bytes(&signature, bytes, BLS_SIGNATURE_BYTES);
	if (rc == BLS_OK) {
		bls_signature_to_bytes(again, &signature);
		CHECK(memcmp(again, bytes, sizeof(again)) == 0);
	}
	for (size_t i = 0; i < n; i++) {
		CHECK(e[i]->signature_from_bytes(&other, bytes) == rc);
		e[i]->signatures_from_bytes(&other, &result, &bytes, 1);
		CHECK(result == rc);
		CHECK(rc != BLS_OK || memcmp(&signature, &other, sizeof(signature)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bls_pubkey key;
	struct bls_signature signature;
	if (size == 0)
		return 0;
	size_t len = data[0] < size - 1 ? data[0] : size - 1;
	data++;
	if (len != BLS_PUBKEY_BYTES)
		CHECK(bls_pubkey_from_bytes(&key, data, len) == BLS_ENCODING);
	if (len != BLS_SIGNATURE_BYTES)
		CHECK(bls_signature_from_bytes(&signature, data, len) == BLS_ENCODING);
	if (len == BLS_PUBKEY_BYTES)
		decode_key(data);
	if (len == BLS_SIGNATURE_BYTES)
		decode_signature(data);
	return 0;
}
