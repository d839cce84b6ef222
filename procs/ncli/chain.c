/* `ncli transition` and `ncli genesis`. */
#include "procs/ncli/chain.h"
#include "procs/eth/genesis.h"
#include "procs/eth/types.h"
#include "procs/ncli/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATORS_MAX (UINT64_C(1) << 22)

enum ncli_status ncli_config(const struct ncli *n, const struct eth_preset **preset,
			     struct eth_config *config)
{
	const char *path = ncli_option_value(n, "config");
	struct eth_config_fault fault;
	struct eth_file f;
	char line[512];
	int err;
	enum ncli_status status = ncli_preset(n, preset);

	if (status)
		return status;
	*config = eth_config_default((*preset)->id);
	if (!path)
		return NCLI_OK;
	int rc = eth_file_read(path, 1 << 20, &f, &err);

	if (rc) {
		eth_file_describe(line, sizeof(line), path, rc, err);
		return ncli_fail(n, NCLI_INPUT, "%s", line);
	}
	rc = eth_config_parse((const char *)f.p, f.n, (*preset)->id, config, &fault);
	free(f.p);
	if (rc)
		return ncli_fail(n, NCLI_INPUT, "%s: line %zu, %s: %s", path, fault.line, fault.key,
				 eth_strerror(rc));
	if (ncli_option_value(n, "preset") && config->preset != (*preset)->id)
		return ncli_fail(n, NCLI_INPUT, "%s: is for the preset %s", path,
				 eth_preset(config->preset)->name);
	*preset = eth_preset(config->preset);
	return NCLI_OK;
}

struct eth_engine *ncli_engine_of(const struct ncli *n, const struct eth_config *config)
{
	struct eth_engine *e = eth_engine_new(config);

	if (!e)
		ncli_fail(n, NCLI_FAILED, "out of memory");
	return e;
}

enum ncli_status ncli_load_state(const struct ncli *n, const char *path, const struct eth_preset *preset,
				 struct eth_state **out)
{
	static const struct eth_headroom room = {
		.validators = 1024, .historical_roots = 64, .trees = true, .attestation_bytes = 1 << 20};
	struct eth_file f;
	struct ssz_view v;
	size_t bytes;
	enum ncli_status status = ncli_load(n, path, eth_type(preset->id, ETH_BeaconState), &f, &v);

	if (status)
		return status;
	int rc = eth_state_footprint(preset->id, v.p, v.n, &room, &bytes);

	*out = rc ? NULL : aligned_alloc(ETH_STATE_ALIGN, (bytes + 63) & ~(size_t)63);
	if (rc == 0)
		rc = *out ? eth_state_from_ssz(*out, bytes, preset->id, v.p, v.n, &room) : ETH_ERR_MEMORY;
	free(f.p);
	if (rc) {
		free(*out);
		return ncli_fail(n, rc == ETH_ERR_MEMORY ? NCLI_FAILED : NCLI_INPUT, "%s: %s", path,
				 eth_strerror(rc));
	}
	return NCLI_OK;
}

enum ncli_status ncli_store_state_file(const struct ncli *n, const char *path, const struct eth_state *s)
{
	size_t size = eth_state_ssz_size(s);
	uint8_t *p = malloc(size);

	if (!p)
		return ncli_fail(n, NCLI_FAILED, "%s: out of memory", path);
	eth_state_to_ssz(s, p);
	enum ncli_status status = ncli_store(n, path, p, size);

	free(p);
	return status;
}

/* Puts `next` in the place of the state. */
static void replace(struct eth_state **s, struct eth_state *next)
{
	free(*s);
	*s = next;
}

static enum ncli_status apply_block(const struct ncli *n, struct eth_engine *e, const char *path,
				    const struct eth_preset *preset, unsigned flags, struct eth_state **s)
{
	struct eth_state *next;
	struct eth_file f;
	struct ssz_view v;
	enum ncli_status status = ncli_load(n, path, eth_type(preset->id, ETH_SignedBeaconBlock), &f, &v);

	if (status)
		return status;
	const struct ssz_beacon_block *b = (const void *)ssz_field(v, 0).p;
	uint64_t slot = b->slot;
	int rc = ncli_state_after(e, *s, v, flags, &next);

	free(f.p);
	if (rc)
		return ncli_fail(n, rc == ETH_ERR_MEMORY ? NCLI_FAILED : NCLI_REFUSED,
				 "%s: block of slot %" PRIu64 " is refused on the state of slot %" PRIu64
				 ": %s",
				 path, slot, (*s)->slot, eth_strerror(rc));
	replace(s, next);
	return NCLI_OK;
}

static enum ncli_status finish(const struct ncli *n, struct eth_state *s)
{
	const char *post = ncli_option_value(n, "post");
	uint8_t root[32];
	char text[67];
	enum ncli_status status = post ? ncli_store_state_file(n, post, s) : NCLI_OK;

	if (status)
		return status;
	eth_state_root_cached(s, root);
	ncli_hex(text, root);
	printf("slot %" PRIu64 " root %s\n", s->slot, text);
	return NCLI_OK;
}

enum ncli_status ncli_run_transition(struct ncli *n)
{
	const char *first = ncli_option_value(n, "blocks");
	unsigned flags = ncli_option_value(n, "no-bls") ? ETH_SKIP_BLS : 0;
	const struct eth_preset *preset;
	struct eth_config config;
	struct eth_state *s = NULL, *next;
	uint64_t slots = 0;
	enum ncli_status status = ncli_config(n, &preset, &config);

	if (status == NCLI_OK)
		status = ncli_number(n, "slots", 0, 1 << 20, &slots);
	if (status == NCLI_OK && !first && !slots)
		status = ncli_fail(n, NCLI_USAGE, "needs --blocks FILE... or --slots N");
	struct eth_engine *e = status ? NULL : ncli_engine_of(n, &config);

	if (status == NCLI_OK)
		status = e ? ncli_load_state(n, ncli_option_value(n, "pre"), preset, &s) : NCLI_FAILED;
	if (status == NCLI_OK && first)
		status = apply_block(n, e, first, preset, flags, &s);
	for (int i = 0; status == NCLI_OK && i < n->operands; i++)
		status = apply_block(n, e, n->operand[i], preset, flags, &s);
	if (status == NCLI_OK && slots) {
		int rc = ncli_state_at(e, s, s->slot + slots, &next);

		if (rc)
			status = ncli_fail(n, rc == ETH_ERR_MEMORY ? NCLI_FAILED : NCLI_REFUSED,
					   "%" PRIu64 " slots: %s", slots, eth_strerror(rc));
		else
			replace(&s, next);
	}
	if (status == NCLI_OK)
		status = finish(n, s);
	free(s);
	eth_engine_free(e);
	return status;
}

enum ncli_status ncli_interop_state(const struct ncli *n, const struct eth_config *config,
				    uint64_t validators, uint64_t time, struct eth_state **out)
{
	const struct eth_headroom room = {.validators = validators,
					  .historical_roots = 64,
					  .trees = true,
					  .attestation_bytes = 1 << 20};
	size_t bytes = eth_state_footprint_for(config->preset, &room);
	const struct eth_headroom more = {
		.historical_roots = 64, .trees = true, .attestation_bytes = 1 << 20};
	int rc;

	*out = aligned_alloc(ETH_STATE_ALIGN, (bytes + 63) & ~(size_t)63);
	rc = *out ? eth_genesis_interop(config, *out, bytes, validators, time, &more) : ETH_ERR_MEMORY;
	if (rc == 0)
		return NCLI_OK;
	free(*out);
	return ncli_fail(n, rc == ETH_ERR_MEMORY ? NCLI_FAILED : NCLI_REFUSED,
			 "genesis of %" PRIu64 " validators: %s", validators, eth_strerror(rc));
}

enum ncli_status ncli_run_genesis(struct ncli *n)
{
	const struct eth_preset *preset;
	struct eth_config config;
	struct eth_state *s;
	uint64_t validators = 0, time = 0;
	uint8_t root[32];
	char text[67];
	enum ncli_status status = ncli_config(n, &preset, &config);

	if (status == NCLI_OK)
		status = ncli_number(n, "validators", 1, VALIDATORS_MAX, &validators);
	if (status == NCLI_OK)
		status = ncli_number(n, "time", 0, INT64_MAX, &time);
	if (status == NCLI_OK)
		status = ncli_interop_state(n, &config, validators, time, &s);
	if (status)
		return status;
	status = ncli_store_state_file(n, ncli_option_value(n, "out"), s);
	eth_state_root(s, root);
	free(s);
	ncli_hex(text, root);
	if (status == NCLI_OK)
		puts(text);
	return status;
}
