/* The low-level calls keep their state in the caller's memory; EVP would allocate. */
#define OPENSSL_API_COMPAT 0x10100000L
#include <string.h>
#include <openssl/sha.h>
#include "procs/eth/bls/engine.h"

void bls_expand_message(uint8_t out[256], const void *message, size_t len, const void *dst, size_t dst_len)
{
	static const uint8_t z_pad[64];
	static const uint8_t l_i_b_0[3] = {1, 0, 0};
	const uint8_t dst_len_byte = (uint8_t)dst_len;
	uint8_t b0[32], block[32];
	SHA256_CTX c;

	SHA256_Init(&c);
	SHA256_Update(&c, z_pad, sizeof(z_pad));
	SHA256_Update(&c, message, len);
	SHA256_Update(&c, l_i_b_0, sizeof(l_i_b_0));
	SHA256_Update(&c, dst, dst_len);
	SHA256_Update(&c, &dst_len_byte, 1);
	SHA256_Final(b0, &c);
	memset(block, 0, sizeof(block));
	for (uint8_t i = 1; i <= 8; i++) {
		for (int j = 0; j < 32; j++)
			block[j] ^= b0[j];
		SHA256_Init(&c);
		SHA256_Update(&c, block, sizeof(block));
		SHA256_Update(&c, &i, 1);
		SHA256_Update(&c, dst, dst_len);
		SHA256_Update(&c, &dst_len_byte, 1);
		SHA256_Final(block, &c);
		memcpy(out + 32 * (i - 1), block, 32);
	}
}
