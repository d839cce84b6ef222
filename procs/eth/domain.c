#include "procs/eth/domain.h"
#include "procs/eth/sha256.h"
#include "procs/eth/state.h"

#include <string.h>

void eth_fork_data_root(const uint8_t version[4], const uint8_t genesis_validators_root[32], uint8_t out[32])
{
	uint8_t chunk[32] = {0};

	memcpy(chunk, version, 4);
	eth_sha256_pair(out, chunk, genesis_validators_root);
}

void eth_fork_digest(const uint8_t version[4], const uint8_t genesis_validators_root[32], uint8_t out[4])
{
	uint8_t root[32];

	eth_fork_data_root(version, genesis_validators_root, root);
	memcpy(out, root, 4);
}

void eth_domain_compute(enum eth_domain_type type, const uint8_t version[4],
			const uint8_t genesis_validators_root[32], uint8_t out[32])
{
	uint8_t root[32];

	eth_fork_data_root(version, genesis_validators_root, root);
	memset(out, 0, 4);
	out[0] = (uint8_t)type;
	memcpy(out + 4, root, 28);
}

void eth_domain_at(const struct ssz_fork *fork, const uint8_t genesis_validators_root[32],
		   enum eth_domain_type type, uint64_t epoch, uint8_t out[32])
{
	const uint8_t *version = epoch < fork->epoch ? fork->previous_version : fork->current_version;

	eth_domain_compute(type, version, genesis_validators_root, out);
}

void eth_domain(const struct eth_state *s, enum eth_domain_type type, uint64_t epoch, uint8_t out[32])
{
	eth_domain_at(&s->fork, s->genesis_validators_root, type, epoch, out);
}

void eth_signing_root(const uint8_t object_root[32], const uint8_t domain[32], uint8_t out[32])
{
	eth_sha256_pair(out, object_root, domain);
}

void eth_signing_root_of(struct ssz_view value, const uint8_t domain[32], uint8_t out[32])
{
	uint8_t root[32];

	ssz_root(value.type, value.p, value.n, root);
	eth_signing_root(root, domain, out);
}

void eth_signing_root_u64(uint64_t value, const uint8_t domain[32], uint8_t out[32])
{
	uint8_t root[32] = {0};

	memcpy(root, &value, sizeof(value));
	eth_signing_root(root, domain, out);
}
