#ifndef PROCS_ETH_BLS_BLS_H
#define PROCS_ETH_BLS_BLS_H

/* BLS12-381 signatures, minimal-pubkey-size: public keys in G1 (48 bytes), signatures in G2 (96 bytes),
 * ciphersuite BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_, as Ethereum's phase 0 uses them.
 *
 * Sources: draft-irtf-cfrg-bls-signature-05 (the scheme, section numbers below), RFC 9380 (hashing to the
 * curve), draft-irtf-cfrg-pairing-friendly-curves appendix C (the 48- and 96-byte form).
 *
 * Every function is pure: nothing is allocated, nothing global is written apart from the choice of field
 * arithmetic, made once from cpuid; any function may run in any thread. Those that take one signature need
 * 32 KiB of stack, those that take many 192 KiB. Functions return BLS_OK or one of the codes below and never
 * print. An output is written only on BLS_OK, unless its line says otherwise.
 *
 * Secret keys: bls_secret_*, bls_sk_to_pk and bls_sign take the same instructions and touch the same
 * addresses whatever the key. Everything else works on public data and takes no such care. */

#include <stddef.h>
#include <stdint.h>

#define BLS_PUBKEY_BYTES 48
#define BLS_SIGNATURE_BYTES 96
#define BLS_SECRET_BYTES 32
#define BLS_SEED_BYTES 32

/* The tag under which messages are signed, without its terminating zero (43 bytes). */
#define BLS_DST "BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
#define BLS_DST_LEN (sizeof(BLS_DST) - 1)

enum bls_result {
	BLS_OK = 0,
	BLS_ENCODING = -1,  /* wrong length, flag bits or a coordinate >= p */
	BLS_OFF_CURVE = -2, /* no point of the curve has this x */
	BLS_SUBGROUP = -3,  /* on the curve, outside the group of order r */
	BLS_INFINITY = -4,  /* a public key, or a sum of public keys, is the identity */
	BLS_SCALAR = -5,    /* a secret key is 0 or >= r */
	BLS_EMPTY = -6,     /* a list that needs an element has none */
	BLS_MISMATCH = -7,  /* well-formed, and the signature is not valid */
	BLS_ARGUMENT = -8,  /* a tag longer than 255 bytes, scratch memory too small or misaligned */
};

/* A decoded public key: affine coordinates, 6 limbs of 64 bits, least significant first, in Montgomery form
 * (R = 2^384), each < p. Plain memory of fixed size without pointers, so that it can be cached, copied by
 * memcpy and kept in shared memory. One that bls_pubkey_from_bytes made is on the curve, in the subgroup and
 * not the identity; the functions below rely on that and don't check again. A damaged one gives a wrong
 * verdict, never an access outside of the arguments. Not a wire format: it holds on one machine. */
struct bls_pubkey {
	uint64_t x[6], y[6];
};

/* A decoded signature, or a message hashed to G2: as above over Fp2, x = x[0..5] + x[6..11] u. The identity,
 * a well-formed signature, is all zero. */
struct bls_signature {
	uint64_t x[12], y[12];
};

/* A secret key, in [1, r), little endian. The caller erases it (explicit_bzero). */
struct bls_secret {
	uint64_t k[4];
};

/* One signature of a batch: `signature` is claimed to be by `key` over the `message_len` bytes of `message`.
 * Everything pointed at belongs to the caller and is only read during the call. */
struct bls_item {
	const struct bls_pubkey *key;
	const struct bls_signature *signature;
	const void *message;
	size_t message_len;
};

/* bls_pubkey_from_bytes decodes the 48-byte form and checks it (KeyValidate, 2.5).
 * BLS_ENCODING (also when len != 48), BLS_OFF_CURVE, BLS_INFINITY, BLS_SUBGROUP. */
int bls_pubkey_from_bytes(struct bls_pubkey *key, const void *bytes, size_t len);

/* bls_pubkey_to_bytes writes the 48-byte form. */
void bls_pubkey_to_bytes(uint8_t bytes[BLS_PUBKEY_BYTES], const struct bls_pubkey *key);

/* bls_signature_from_bytes decodes the 96-byte form and checks that the point is in the subgroup; the
 * identity is one. BLS_ENCODING (also when len != 96), BLS_OFF_CURVE, BLS_SUBGROUP. */
int bls_signature_from_bytes(struct bls_signature *signature, const void *bytes, size_t len);

/* bls_signature_to_bytes writes the 96-byte form. */
void bls_signature_to_bytes(uint8_t bytes[BLS_SIGNATURE_BYTES], const struct bls_signature *signature);

/* bls_pubkeys_from_bytes and bls_signatures_from_bytes decode n at once, as the functions above do one, and
 * several times as fast where the processor has vectors for it: a registry that is loaded, the signatures of
 * a block. bytes[i] are 48, or 96, bytes; results[i] is the code of the i-th, and keys[i] or signatures[i] is
 * defined where that is BLS_OK. Returns BLS_OK, or the first result that isn't. */
int bls_pubkeys_from_bytes(struct bls_pubkey *keys, int8_t *results, const uint8_t *const *bytes, size_t n);
int bls_signatures_from_bytes(struct bls_signature *signatures, int8_t *results, const uint8_t *const *bytes,
			      size_t n);

/* bls_secret_from_bytes reads 32 bytes, big endian. BLS_SCALAR when they are 0 or >= r. */
int bls_secret_from_bytes(struct bls_secret *secret, const uint8_t bytes[BLS_SECRET_BYTES]);

/* bls_secret_reduce takes 32 bytes, big endian, modulo r: what the interop keys of test networks need.
 * Not uniform; not for keys that guard anything. BLS_SCALAR when the result is 0. */
int bls_secret_reduce(struct bls_secret *secret, const uint8_t bytes[BLS_SECRET_BYTES]);

/* bls_sk_to_pk computes the public key (SkToPk, 2.4). */
void bls_sk_to_pk(struct bls_pubkey *key, const struct bls_secret *secret);

/* bls_sign signs len bytes of message (CoreSign, 2.6). */
void bls_sign(struct bls_signature *signature, const struct bls_secret *secret, const void *message,
	      size_t len);

/* bls_hash_to_g2 hashes len bytes to a point of the subgroup (RFC 9380, BLS12381G2_XMD:SHA-256_SSWU_RO_)
 * under the tag of dst_len bytes. BLS_ARGUMENT when dst_len is 0 or above 255. */
int bls_hash_to_g2(struct bls_signature *point, const void *message, size_t len, const void *dst,
		   size_t dst_len);

/* bls_verify checks one signature (CoreVerify, 2.7). BLS_MISMATCH when it is not valid. */
int bls_verify(const struct bls_pubkey *key, const void *message, size_t len,
	       const struct bls_signature *signature);

/* bls_verify_bytes decodes key and signature, and checks. Any code of the three functions it stands for. */
int bls_verify_bytes(const uint8_t key[BLS_PUBKEY_BYTES], const void *message, size_t len,
		     const uint8_t signature[BLS_SIGNATURE_BYTES]);

/* bls_aggregate_pubkeys adds n keys; those of a committee lie scattered in the registry, hence pointers. A
 * key may occur more than once. BLS_EMPTY when n is 0, BLS_INFINITY when the sum is the identity. */
int bls_aggregate_pubkeys(struct bls_pubkey *sum, const struct bls_pubkey *const *keys, size_t n);

/* The keys of one sum among many. Borrowed for the call. */
struct bls_key_list {
	const struct bls_pubkey *const *keys;
	size_t n;
};

/* bls_aggregate_key_lists does for n lists what bls_aggregate_pubkeys does for one, several times as fast where the
 * processor has vectors for it: the committees of a block's attestations. results[i] is the code of the i-th, sums[i]
 * defined where that is BLS_OK. Returns BLS_OK, or the first result that isn't. */
int bls_aggregate_key_lists(struct bls_pubkey *sums, int8_t *results, const struct bls_key_list *lists,
			    size_t n);

/* bls_aggregate_signatures adds n signatures (Aggregate, 2.8). BLS_EMPTY when n is 0. */
int bls_aggregate_signatures(struct bls_signature *sum, const struct bls_signature *signatures, size_t n);

/* bls_fast_aggregate_verify checks one signature by n keys over one message (FastAggregateVerify, 3.3.4).
 * BLS_EMPTY when n is 0, BLS_INFINITY when the keys add up to the identity, BLS_MISMATCH. */
int bls_fast_aggregate_verify(const struct bls_pubkey *const *keys, size_t n, const void *message, size_t len,
			      const struct bls_signature *signature);

/* bls_eth_fast_aggregate_verify is the same with one exception (consensus-specs, altair/bls.md,
 * eth_fast_aggregate_verify): no keys and the identity as signature are BLS_OK. */
int bls_eth_fast_aggregate_verify(const struct bls_pubkey *const *keys, size_t n, const void *message,
				  size_t len, const struct bls_signature *signature);

/* bls_aggregate_verify checks one signature that is the sum of n signatures, keys[i] over the lens[i] bytes
 * of messages[i] (CoreAggregateVerify, 2.9; proofs of possession are assumed, so messages may repeat).
 * BLS_EMPTY when n is 0, BLS_MISMATCH. */
int bls_aggregate_verify(const struct bls_pubkey *const *keys, const void *const *messages,
			 const size_t *lens, size_t n, const struct bls_signature *signature);

/* bls_batch_scratch is the number of bytes bls_batch_verify needs for n items; at most 640 n + 4096. */
size_t bls_batch_scratch(size_t n);

/* bls_batch_verify checks n signatures at once, each against its own key and message, by a random linear
 * combination with 64-bit factors: all are valid, or the answer is BLS_MISMATCH but for a chance of 2^-63.
 * Items with equal messages are merged before the pairing, so sort nothing and merge nothing beforehand.
 * `seed` is 32 bytes that whoever made the signatures could not foresee (getrandom), fresh for each call; the
 * factors are derived from it. `scratch` is 64-byte aligned, at least bls_batch_scratch(n) bytes, the
 * caller's; what it holds afterwards is of no use. n = 0 is BLS_OK: there is nothing wrong with any of them.
 * Which one is wrong is not told: verify them, or halves, again. BLS_MISMATCH, BLS_ARGUMENT. */
int bls_batch_verify(const struct bls_item *items, size_t n, const uint8_t seed[BLS_SEED_BYTES],
		     void *scratch, size_t scratch_bytes);

/* bls_implementation names the arithmetic in use: "portable", "mulx/adx", "mulx/adx + avx512-ifma", "blst".
 */
const char *bls_implementation(void);

/* bls_strerror says what a code means, in lower case, without a full stop; never NULL. */
const char *bls_strerror(int code);

#endif
