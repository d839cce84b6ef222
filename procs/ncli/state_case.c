#include "procs/ncli/state_case.h"
#include "procs/eth/types.h"
#include "procs/ncli/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct eth_headroom ncli_headroom = {
	.validators = 1024, .historical_roots = 64, .trees = true, .attestation_bytes = 4 << 20};

struct eth_engine *ncli_engine(enum eth_preset_id preset)
{
	static struct eth_engine *engine[ETH_PRESETS];

	if (!engine[preset]) {
		struct eth_config config = eth_config_default(preset);

		engine[preset] = eth_engine_new(&config);
	}
	return engine[preset];
}

bool ncli_refuses(int code)
{
	return code < 0 && code != ETH_ERR_MEMORY && code != ETH_ERR_ROOM && code != ETH_ERR_ALIGN;
}

struct eth_state *ncli_case_state(struct ncli_case *c, const char *name)
{
	struct ssz_view v;
	size_t bytes;

	if (!ncli_case_value(c, name, eth_type(c->preset, ETH_BeaconState), &v))
		return NULL;
	int rc = eth_state_footprint(c->preset, v.p, v.n, &ncli_headroom, &bytes);
	void *memory = rc ? NULL : ncli_case_alloc(c, bytes);

	if (rc == 0 && memory)
		rc = eth_state_from_ssz(memory, bytes, c->preset, v.p, v.n, &ncli_headroom);
	if (rc)
		ncli_case_fail(c, "%s: %s", name, eth_strerror(rc));
	return rc ? NULL : memory;
}

static void leaf_text(struct ssz_view v, char *out, size_t size)
{
	json_t *value = ncli_json(v);
	const char *text = json_string_value(value);

	snprintf(out, size, "%.66s", text ? text : json_is_true(value) ? "true" : "false");
	json_decref(value);
}

/* Descends to the first difference; `path` is what leads to it. */
static bool descend(struct ncli_case *c, char *path, size_t at, size_t size, struct ssz_view got,
		    struct ssz_view want)
{
	bool list = (got.type->kind == SSZ_LIST || got.type->kind == SSZ_VECTOR) && !got.type->bytes;
	uint64_t n = got.type->kind == SSZ_CONTAINER ? got.type->fields : list ? ssz_length(got) : 0;

	if (list && n != ssz_length(want))
		return ncli_case_fail(c, "%s has %" PRIu64 " elements, expected %" PRIu64, path, n,
				      ssz_length(want));
	for (uint64_t i = 0; i < n; i++) {
		struct ssz_view a = list ? ssz_elem(got, i) : ssz_field(got, (unsigned)i);
		struct ssz_view b = list ? ssz_elem(want, i) : ssz_field(want, (unsigned)i);

		if (a.n == b.n && !memcmp(a.p, b.p, a.n))
			continue;
		size_t used =
			at + (size_t)(list ? snprintf(path + at, size - at, "[%" PRIu64 "]", i)
					   : snprintf(path + at, size - at, ".%s", got.type->field[i].name));

		return descend(c, path, used < size ? used : size - 1, size, a, b);
	}
	char is[80], expected[80];

	leaf_text(got, is, sizeof(is));
	leaf_text(want, expected, sizeof(expected));
	return ncli_case_fail(c, "%s is %s, expected %s", path, is, expected);
}

bool ncli_case_same(struct ncli_case *c, const char *what, struct ssz_view got, struct ssz_view want)
{
	char path[160];
	int n = snprintf(path, sizeof(path), "%s", what);

	if (got.n == want.n && !memcmp(got.p, want.p, got.n))
		return true;
	return descend(c, path, (size_t)n, sizeof(path), got, want);
}

bool ncli_case_same_state(struct ncli_case *c, const struct eth_state *s, const char *name)
{
	const struct ssz_type *t = eth_type(c->preset, ETH_BeaconState);
	struct ssz_view got = {.type = t, .n = eth_state_ssz_size(s)}, want;
	uint8_t *out = ncli_case_alloc(c, got.n), root[32], expected[32];

	if (!out || !ncli_case_value(c, name, t, &want))
		return false;
	eth_state_to_ssz(s, out);
	got.p = out;
	if (!ncli_case_same(c, name, got, want))
		return false;
	eth_state_root(s, root);
	ssz_root(t, want.p, want.n, expected);
	return ncli_case_root(c, "state root", root, expected);
}
