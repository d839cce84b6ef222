/* bls.h on libblst, for systems that have it: `make BLS=blst`. Debian 12 has no such package; this file was
 * compiled against and linked with supranational/blst dece82ea (after v0.3.16), built from source, and passed
 * tests/bls with it. struct bls_pubkey and struct bls_signature are blst's affine points, limb for limb. */

#include <string.h>
#include <blst.h>
#include "procs/eth/bls/batch.h"
#include "procs/eth/bls/engine.h"

_Static_assert(sizeof(struct bls_pubkey) == sizeof(blst_p1_affine), "a cached key is an affine point");
_Static_assert(sizeof(struct bls_signature) == sizeof(blst_p2_affine),
	       "a cached signature is an affine point");
_Static_assert(sizeof(struct lanes_g1) == sizeof(blst_p1), "scratch of a batch holds Jacobian points");

static int result(BLST_ERROR e)
{
	switch (e) {
	case BLST_SUCCESS:
		return BLS_OK;
	case BLST_BAD_ENCODING:
		return BLS_ENCODING;
	case BLST_POINT_NOT_ON_CURVE:
		return BLS_OFF_CURVE;
	case BLST_POINT_NOT_IN_GROUP:
		return BLS_SUBGROUP;
	case BLST_PK_IS_INFINITY:
		return BLS_INFINITY;
	default:
		return BLS_MISMATCH;
	}
}

static const blst_p1_affine *p1(const struct bls_pubkey *key)
{
	return (const blst_p1_affine *)key;
}

static const blst_p2_affine *p2(const struct bls_signature *signature)
{
	return (const blst_p2_affine *)signature;
}

static int pubkey_from_bytes(struct bls_pubkey *key, const uint8_t *bytes)
{
	blst_p1_affine p;
	int rc = bytes[0] & 0x80 ? result(blst_p1_uncompress(&p, bytes)) : BLS_ENCODING;
	if (rc)
		return rc;
	if (blst_p1_affine_is_inf(&p))
		return BLS_INFINITY;
	if (!blst_p1_affine_in_g1(&p))
		return BLS_SUBGROUP;
	memcpy(key, &p, sizeof(p));
	return BLS_OK;
}

static void pubkey_to_bytes(uint8_t *bytes, const struct bls_pubkey *key)
{
	blst_p1_affine_compress(bytes, p1(key));
}

static int signature_from_bytes(struct bls_signature *signature, const uint8_t *bytes)
{
	blst_p2_affine p;
	int rc = bytes[0] & 0x80 ? result(blst_p2_uncompress(&p, bytes)) : BLS_ENCODING;
	if (rc)
		return rc;
	if (!blst_p2_affine_in_g2(&p))
		return BLS_SUBGROUP;
	memcpy(signature, &p, sizeof(p));
	return BLS_OK;
}

static void signature_to_bytes(uint8_t *bytes, const struct bls_signature *signature)
{
	blst_p2_affine_compress(bytes, p2(signature));
}

static void pubkeys_from_bytes(struct bls_pubkey *keys, int8_t *results, const uint8_t *const *bytes,
			       size_t n)
{
	for (size_t i = 0; i < n; i++)
		results[i] = (int8_t)pubkey_from_bytes(&keys[i], bytes[i]);
}

static void signatures_from_bytes(struct bls_signature *signatures, int8_t *results,
				  const uint8_t *const *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		results[i] = (int8_t)signature_from_bytes(&signatures[i], bytes[i]);
}

static void to_signature(struct bls_signature *signature, const blst_p2 *p)
{
	blst_p2_affine a;
	blst_p2_to_affine(&a, p);
	memcpy(signature, &a, sizeof(a));
}

static void sk_to_pk(struct bls_pubkey *key, const struct bls_secret *secret)
{
	blst_scalar s;
	blst_p1 p;
	blst_p1_affine a;
	blst_scalar_from_uint64(&s, secret->k);
	blst_sk_to_pk_in_g1(&p, &s);
	blst_p1_to_affine(&a, &p);
	memcpy(key, &a, sizeof(a));
	explicit_bzero(&s, sizeof(s));
}

static void sign(struct bls_signature *signature, const struct bls_secret *secret, const void *message,
		 size_t len)
{
	blst_scalar s;
	blst_p2 h;
	blst_scalar_from_uint64(&s, secret->k);
	blst_hash_to_g2(&h, message, len, (const byte *)BLS_DST, BLS_DST_LEN, NULL, 0);
	blst_sign_pk_in_g1(&h, &h, &s);
	to_signature(signature, &h);
	explicit_bzero(&s, sizeof(s));
}

static void hash_to_g2(struct bls_signature *out, const void *message, size_t len, const void *dst,
		       size_t dst_len)
{
	blst_p2 h;
	blst_hash_to_g2(&h, message, len, dst, dst_len, NULL, 0);
	to_signature(out, &h);
}

static int aggregate_pubkeys(struct bls_pubkey *sum, const struct bls_pubkey *const *keys, size_t n)
{
	blst_p1 t;
	blst_p1_affine a;
	blst_p1_from_affine(&t, p1(keys[0]));
	for (size_t i = 1; i < n; i++)
		blst_p1_add_or_double_affine(&t, &t, p1(keys[i]));
	if (blst_p1_is_inf(&t))
		return BLS_INFINITY;
	blst_p1_to_affine(&a, &t);
	memcpy(sum, &a, sizeof(a));
	return BLS_OK;
}

static void aggregate_key_lists(struct bls_pubkey *sums, int8_t *results, const struct bls_key_list *lists,
				size_t n)
{
	for (size_t i = 0; i < n; i++)
		results[i] = lists[i].n ? (int8_t)aggregate_pubkeys(&sums[i], lists[i].keys, lists[i].n)
					: BLS_EMPTY;
}

static void aggregate_signatures(struct bls_signature *sum, const struct bls_signature *signatures, size_t n)
{
	blst_p2 t;
	blst_p2_from_affine(&t, p2(&signatures[0]));
	for (size_t i = 1; i < n; i++)
		blst_p2_add_or_double_affine(&t, &t, p2(&signatures[i]));
	to_signature(sum, &t);
}

static int verify(const struct bls_pubkey *key, const void *message, size_t len,
		  const struct bls_signature *signature)
{
	return result(blst_core_verify_pk_in_g1(p1(key), p2(signature), 1, message, len,
						(const byte *)BLS_DST, BLS_DST_LEN, NULL, 0));
}

/* f = f e(key, H(message)), without the final exponentiation. */
static void multiply(blst_fp12 *f, const blst_p1_affine *key, const void *message, size_t len)
{
	blst_p2 h;
	blst_p2_affine a;
	blst_fp12 g;
	if (blst_p1_affine_is_inf(key))
		return;
	blst_hash_to_g2(&h, message, len, (const byte *)BLS_DST, BLS_DST_LEN, NULL, 0);
	blst_p2_to_affine(&a, &h);
	blst_miller_loop(&g, &a, key);
	blst_fp12_mul(f, f, &g);
}

static int check(const blst_fp12 *f, const blst_p2_affine *signature)
{
	blst_fp12 g;
	blst_aggregated_in_g2(&g, signature);
	return blst_fp12_finalverify(f, &g) ? BLS_OK : BLS_MISMATCH;
}

static int aggregate_verify(const struct bls_pubkey *const *keys, const void *const *messages,
			    const size_t *lens, size_t n, const struct bls_signature *signature)
{
	blst_fp12 f = *blst_fp12_one();
	for (size_t i = 0; i < n; i++)
		multiply(&f, p1(keys[i]), messages[i], lens[i]);
	return check(&f, p2(signature));
}

static int batch_verify(const struct batch *b)
{
	blst_fp12 f = *blst_fp12_one();
	blst_p2 sum, s;
	blst_p2_affine a;
	memset(&sum, 0, sizeof(sum));
	for (size_t i = 0; i < b->n; i++) {
		blst_p2_from_affine(&s, p2(b->items[i].signature));
		blst_p2_mult(&s, &s, (const byte *)b->factors[i], 64);
		blst_p2_add_or_double(&sum, &sum, &s);
	}
	for (size_t i = 0; i < b->n;) {
		const struct bls_item *item = &b->items[b->order[i]];
		blst_p1 key, k;
		blst_p1_affine key_a;
		memset(&key, 0, sizeof(key));
		for (; i < b->n && bls_item_cmp(item, &b->items[b->order[i]]) == 0; i++) {
			blst_p1_from_affine(&k, p1(b->items[b->order[i]].key));
			blst_p1_mult(&k, &k, (const byte *)b->factors[b->order[i]], 64);
			blst_p1_add_or_double(&key, &key, &k);
		}
		blst_p1_to_affine(&key_a, &key);
		multiply(&f, &key_a, item->message, item->message_len);
	}
	blst_p2_to_affine(&a, &sum);
	return check(&f, &a);
}

const struct bls_engine bls_engine_blst = {
	.name = "blst",
	.pubkey_from_bytes = pubkey_from_bytes,
	.pubkey_to_bytes = pubkey_to_bytes,
	.signature_from_bytes = signature_from_bytes,
	.signature_to_bytes = signature_to_bytes,
	.pubkeys_from_bytes = pubkeys_from_bytes,
	.signatures_from_bytes = signatures_from_bytes,
	.sk_to_pk = sk_to_pk,
	.sign = sign,
	.hash_to_g2 = hash_to_g2,
	.aggregate_pubkeys = aggregate_pubkeys,
	.aggregate_key_lists = aggregate_key_lists,
	.aggregate_signatures = aggregate_signatures,
	.verify = verify,
	.aggregate_verify = aggregate_verify,
	.batch_verify = batch_verify,
};
