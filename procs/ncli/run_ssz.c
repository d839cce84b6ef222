/* ssz_static and ssz_generic (consensus-specs, tests/formats/ssz_static and ssz_generic). */
#include "procs/eth/types.h"
#include "procs/ncli/generic.h"
#include "procs/ncli/json.h"
#include "procs/ncli/run.h"
#include "procs/ncli/yaml.h"

#include <stdio.h>
#include <string.h>

static bool check_root(struct ncli_case *c, struct ssz_view v, const char *file)
{
	struct ncli_yaml y;
	uint8_t got[32], want[32];
	bool ok;

	if (!ncli_yaml_open(c, file, &y))
		return false;
	ok = ncli_yaml_bytes(ncli_yaml_get(&y, y.root, "root"), want, 32) ||
	     ncli_case_fail(c, "%s has no root", file);
	ncli_yaml_close(&y);
	if (!ok)
		return false;
	ssz_root(v.type, v.p, v.n, got);
	return ncli_case_root(c, "root", got, want);
}

static bool check_value(struct ncli_case *c, struct ssz_view v)
{
	struct ncli_yaml y;
	json_t *value;
	bool ok;

	if (!ncli_yaml_open(c, "value.yaml", &y))
		return false;
	value = ncli_json(v);
	ok = value ? ncli_yaml_same(c, &y, y.root, value) : ncli_case_fail(c, "out of memory");
	json_decref(value);
	ncli_yaml_close(&y);
	return ok;
}

bool ncli_case_ssz_static(struct ncli_case *c)
{
	const struct ssz_type *t = eth_type_by_name(c->preset, c->handler);
	struct ssz_view v;

	if (!t)
		return ncli_case_fail(c, "type %s is not known", c->handler);
	/* Two types come without their value in the mainnet preset, because of its size. */
	bool bare = c->preset == ETH_MAINNET &&
		    (!strcmp(c->handler, "BeaconState") || !strcmp(c->handler, "HistoricalBatch"));

	return ncli_case_value(c, "serialized", t, &v) && check_root(c, v, "roots.yaml") &&
	       ((bare && !ncli_case_file(c, "value.yaml")) || check_value(c, v));
}

bool ncli_case_ssz_generic(struct ncli_case *c)
{
	struct ncli_generic made;
	const struct ssz_type *t = ncli_generic_type(c->handler, c->name, &made);
	struct ssz_view v;

	if (!t)
		return ncli_case_fail(c, "no known type for %s/%s", c->handler, c->name);
	if (!strcmp(c->suite, "valid"))
		return ncli_case_value(c, "serialized", t, &v) && check_root(c, v, "meta.yaml") &&
		       check_value(c, v);
	if (strcmp(c->suite, "invalid"))
		return ncli_case_fail(c, "suite %s is not known", c->suite);
	if (!ncli_case_bytes(c, "serialized", &v.p, &v.n))
		return false;
	return ssz_check(t, v.p, v.n, NULL) || ncli_case_fail(c, "is decoded, and should be refused");
}
