/* Files of real networks: their configurations, a genesis state, a few blocks. */
#include "procs/eth/bls/bls.h"
#include "procs/eth/config.h"
#include "procs/eth/containers.h"
#include "procs/eth/domain.h"
#include "procs/eth/eth_file.h"
#include "procs/eth/state.h"
#include "procs/eth/types.h"
#include "procs/ncli/run.h"
#include "procs/ncli/yaml.h"

#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Networks whose genesis is known: public constants. */
static const struct network {
	const char *name, *validators_root, *state_root;
	uint64_t genesis_time;
} networks[] = {
	{"mainnet", "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95",
	 "0x7e76880eb67bbdc86250aa578958e9d0675e64e714337855204fb5abaaf82c2b", 1606824023},
};

struct entry {
	const char *name;
	uint64_t expected;
};

/* Every value of ours that the file names, and there must be some. */
static bool compare(struct ncli_case *c, struct ncli_yaml *y, const struct entry *entries, size_t n)
{
	size_t seen = 0;

	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *node = ncli_yaml_get(y, y->root, entries[i].name);
		uint64_t value;

		if (!node)
			continue;
		if (!ncli_yaml_u64(node, &value))
			return ncli_case_fail(c, "%s is no number", entries[i].name);
		if (value != entries[i].expected)
			return ncli_case_fail(c, "%s is %" PRIu64 " in the file, %" PRIu64 " here",
					      entries[i].name, value, entries[i].expected);
		seen++;
	}
	return seen > n / 2 || ncli_case_fail(c, "names only %zu of %zu values", seen, n);
}

static bool check_preset(struct ncli_case *c, struct ncli_yaml *y)
{
	const struct eth_preset *p = eth_preset(c->preset);
	const struct entry entries[] = {
#define X(field, official, mainnet, minimal) {#official, p->field},
		ETH_PRESET_VALUES(X)
#undef X
	};

	return compare(c, y, entries, sizeof(entries) / sizeof(entries[0]));
}

static bool check_config(struct ncli_case *c, struct ncli_yaml *y, const struct ncli_file *f)
{
	struct eth_config ours = eth_config_default(c->preset), read;
	struct eth_config_fault fault;
	const struct entry entries[] = {
#define X(field, official, mainnet, minimal) {#official, ours.field},
		ETH_CONFIG_NUMBERS(X)
#undef X
	};
	int rc = eth_config_parse((const char *)f->p, f->n, ETH_PRESETS - 1 - c->preset, &read, &fault);

	if (rc)
		return ncli_case_fail(c, "line %zu, %s: %s", fault.line, fault.key, eth_strerror(rc));
	if (read.preset != c->preset || memcmp(read.genesis_fork_version, ours.genesis_fork_version, 4))
		return ncli_case_fail(c, "preset or fork version is read as another one");
#define X(field, official, mainnet, minimal)                                                            \
	if (read.field != ours.field)                                                                   \
		return ncli_case_fail(c, #official " is read as %" PRIu64 ", not %" PRIu64, read.field, \
				      ours.field);
	ETH_CONFIG_NUMBERS(X)
#undef X
	return compare(c, y, entries, sizeof(entries) / sizeof(entries[0]));
}

bool ncli_case_config(struct ncli_case *c)
{
	const struct ncli_file *f = &c->set->file[c->first];
	struct ncli_yaml y;
	bool ok;

	if (!ncli_yaml_open(c, c->name, &y))
		return false;
	ok = !strncmp(c->name, "preset-", 7) ? check_preset(c, &y) : check_config(c, &y, f);
	ncli_yaml_close(&y);
	return ok;
}

/* A serialized state of the mainnet preset as a state block; NULL and c->why where it is none. */
static struct eth_state *state_of(struct ncli_case *c, const void *p, size_t n)
{
	size_t bytes;
	int rc = eth_state_footprint(ETH_MAINNET, p, n, NULL, &bytes);
	void *memory = rc ? NULL : ncli_case_alloc(c, bytes);

	if (rc == 0 && memory)
		rc = eth_state_from_ssz(memory, bytes, ETH_MAINNET, p, n, NULL);
	if (rc)
		ncli_case_fail(c, "state: %s", eth_strerror(rc));
	return rc ? NULL : memory;
}

bool ncli_case_network_genesis(struct ncli_case *c)
{
	uint8_t root[32], want[32];
	const uint8_t *p;
	size_t n;

	if (!ncli_case_bytes(c, c->name, &p, &n))
		return false;
	struct eth_state *s = state_of(c, p, n);

	if (!s)
		return false;
	eth_state_validators_root(s, root);
	if (!ncli_case_root(c, "genesis_validators_root of the state", s->genesis_validators_root, root))
		return false;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		ncli_unhex(networks[i].validators_root, want, 32);
		if (memcmp(want, root, 32))
			continue;
		ncli_unhex(networks[i].state_root, want, 32);
		eth_state_root(s, root);
		if (s->genesis_time != networks[i].genesis_time)
			return ncli_case_fail(c, "genesis time is %" PRIu64 ", expected %" PRIu64,
					      s->genesis_time, networks[i].genesis_time);
		return ncli_case_root(c, "state root", root, want);
	}
	return ncli_case_fail(c, "genesis of no network that is known here");
}

/* The genesis state that lies next to the archive or directory of blocks. */
static struct eth_state *genesis_beside(struct ncli_case *c)
{
	char folder[PATH_MAX], path[PATH_MAX + 40];
	struct eth_file f;
	int err;

	snprintf(folder, sizeof(folder), "%s", c->set->source);
	snprintf(path, sizeof(path), "%s/mainnet-genesis.ssz_snappy", dirname(folder));
	int rc = eth_file_read(path, ETH_FILE_LIMIT, &f, &err);

	if (rc) {
		eth_file_describe(c->why, sizeof(c->why), path, rc, err);
		return NULL;
	}
	struct eth_state *s = state_of(c, f.p, f.n);

	free(f.p);
	return s;
}

static bool check_signatures(struct ncli_case *c, const struct eth_state *s, struct ssz_view block,
			     const uint8_t signature[96])
{
	const struct ssz_beacon_block *b = (const void *)block.p;
	const struct ssz_beacon_block_body *body = (const void *)(block.p + b->body_at);
	const uint8_t *key = eth_state_pubkey(s, b->proposer_index);
	uint64_t epoch = b->slot / eth_state_preset(s)->slots_per_epoch;
	uint8_t domain[32], root[32];

	if (!key)
		return ncli_case_fail(c, "slot %" PRIu64 ": no such proposer", b->slot);
	eth_domain(s, ETH_DOMAIN_BEACON_PROPOSER, epoch, domain);
	eth_signing_root_of(block, domain, root);
	if (bls_verify_bytes(key, root, 32, signature))
		return ncli_case_fail(c, "slot %" PRIu64 ": proposer signature is not valid", b->slot);
	eth_domain(s, ETH_DOMAIN_RANDAO, epoch, domain);
	eth_signing_root_u64(epoch, domain, root);
	return !bls_verify_bytes(key, root, 32, body->randao_reveal) ||
	       ncli_case_fail(c, "slot %" PRIu64 ": RANDAO reveal is not valid", b->slot);
}

static bool check_block(struct ncli_case *c, struct ncli_yaml *y, const yaml_node_t *e,
			const struct eth_state *s)
{
	const char *file = ncli_yaml_text(ncli_yaml_get(y, e, "file"));
	uint8_t root[32], want[32];
	char name[64];
	struct ssz_view v;
	uint64_t slot = 0, proposer = 0;

	snprintf(name, sizeof(name), "%.*s", file ? (int)strcspn(file, ".") : 0, file ? file : "");
	if (!ncli_case_value(c, name, eth_type(ETH_MAINNET, ETH_SignedBeaconBlock), &v))
		return false;
	struct ssz_view block = ssz_field(v, 0);
	const struct ssz_beacon_block *b = (const void *)block.p;

	if (!ncli_yaml_u64(ncli_yaml_get(y, e, "slot"), &slot) || slot != b->slot ||
	    !ncli_yaml_u64(ncli_yaml_get(y, e, "proposer_index"), &proposer) || proposer != b->proposer_index)
		return ncli_case_fail(c, "%s: slot or proposer differs", name);
	ssz_root(block.type, block.p, block.n, root);
	if (!ncli_yaml_bytes(ncli_yaml_get(y, e, "root"), want, 32) || !ncli_case_root(c, name, root, want))
		return c->why[0] ? false : ncli_case_fail(c, "%s has no root", name);
	if (!ncli_yaml_bytes(ncli_yaml_get(y, e, "parent_root"), want, 32) ||
	    !ncli_case_root(c, "parent root", b->parent_root, want) ||
	    !ncli_yaml_bytes(ncli_yaml_get(y, e, "state_root"), want, 32) ||
	    !ncli_case_root(c, "state root", b->state_root, want))
		return c->why[0] ? false : ncli_case_fail(c, "%s has no parent or state root", name);
	/* The block of genesis itself is signed by nobody. */
	return b->slot == ETH_GENESIS_SLOT || check_signatures(c, s, block, v.p + 4);
}

bool ncli_case_network_blocks(struct ncli_case *c)
{
	const struct eth_state *s = genesis_beside(c);
	struct ncli_yaml y;
	bool ok = true;

	if (!s || !ncli_yaml_open(c, "expected.json", &y))
		return false;
	const yaml_node_t *list = ncli_yaml_get(&y, y.root, "blocks");

	if (!ncli_yaml_length(list))
		ok = ncli_case_fail(c, "expected.json names no blocks");
	for (size_t i = 0; ok && i < ncli_yaml_length(list); i++)
		ok = check_block(c, &y, ncli_yaml_at(&y, list, i), s);
	ncli_yaml_close(&y);
	return ok;
}
