#ifndef PROCS_ETH_BLS_ENGINE_H
#define PROCS_ETH_BLS_ENGINE_H

/* What bls.c forwards to: everything that computes in the field, compiled once per field arithmetic, so that
 * the choice costs one indirect call per signature and not one per multiplication. Contracts are those of
 * bls.h. */

#include "procs/eth/bls/bls.h"

struct batch;

struct bls_engine {
	const char *name;
	int (*pubkey_from_bytes)(struct bls_pubkey *, const uint8_t *);
	void (*pubkey_to_bytes)(uint8_t *, const struct bls_pubkey *);
	int (*signature_from_bytes)(struct bls_signature *, const uint8_t *);
	void (*signature_to_bytes)(uint8_t *, const struct bls_signature *);
	void (*sk_to_pk)(struct bls_pubkey *, const struct bls_secret *);
	void (*sign)(struct bls_signature *, const struct bls_secret *, const void *, size_t);
	void (*hash_to_g2)(struct bls_signature *, const void *, size_t, const void *, size_t);
	int (*aggregate_pubkeys)(struct bls_pubkey *, const struct bls_pubkey *const *, size_t);
	void (*aggregate_key_lists)(struct bls_pubkey *, int8_t *, const struct bls_key_list *, size_t);
	void (*aggregate_signatures)(struct bls_signature *, const struct bls_signature *, size_t);
	int (*verify)(const struct bls_pubkey *, const void *, size_t, const struct bls_signature *);
	int (*aggregate_verify)(const struct bls_pubkey *const *, const void *const *, const size_t *, size_t,
				const struct bls_signature *);
	void (*pubkeys_from_bytes)(struct bls_pubkey *, int8_t *, const uint8_t *const *, size_t);
	void (*signatures_from_bytes)(struct bls_signature *, int8_t *, const uint8_t *const *, size_t);
	int (*batch_verify)(const struct batch *);
};

extern const struct bls_engine bls_engine_portable;
extern const struct bls_engine bls_engine_adx;
extern const struct bls_engine bls_engine_ifma;
extern const struct bls_engine bls_engine_blst;

/* hash_to_field's bytes (RFC 9380, 5.3.1): expand_message_xmd with SHA-256 to 256 bytes; dst_len in [1, 255].
 */
void bls_expand_message(uint8_t out[256], const void *message, size_t len, const void *dst, size_t dst_len);

#endif
