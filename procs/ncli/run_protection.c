/* eth-clients/slashing-protection-interchange-tests: each test in both modes of the data base. */
#include "procs/eth/protection.h"
#include "procs/ncli/run.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool number(const json_t *record, const char *name, uint64_t *out)
{
	const char *text = json_string_value(json_object_get(record, name));
	char *end;

	if (!text || !*text)
		return false;
	*out = strtoull(text, &end, 10);
	return !*end;
}

static bool hex(const json_t *record, const char *name, uint8_t *out, size_t n)
{
	return ncli_unhex(json_string_value(json_object_get(record, name)), out, n);
}

/* The signings of a step; only a complete history is asked for the verdict of a complete one. */
static bool attempt(struct ncli_case *c, struct eth_protection *p, enum eth_protection_mode mode, size_t step,
		    const json_t *list, bool votes)
{
	const char *what = votes ? "attestation" : "block";
	const char *verdict = mode == ETH_PROTECT_COMPLETE ? "should_succeed_complete" : "should_succeed";
	json_t *record;
	size_t i;

	json_array_foreach(list, i, record)
	{
		const json_t *want = json_object_get(record, verdict);
		uint8_t key[48], root[32] = {0};
		uint64_t slot = 0, source = 0, target = 0;
		bool formed = hex(record, "pubkey", key, 48) && json_is_boolean(want) &&
			      (votes ? number(record, "source_epoch", &source) &&
					       number(record, "target_epoch", &target)
				     : number(record, "slot", &slot));

		if (!formed ||
		    (json_object_get(record, "signing_root") && !hex(record, "signing_root", root, 32)))
			return ncli_case_fail(c, "step %zu, %s %zu: not in the known form", step, what, i);
		int rc = votes ? eth_protection_attestation(p, key, source, target, root)
			       : eth_protection_block(p, key, slot, root);

		if ((rc == 0) != json_is_true(want))
			return ncli_case_fail(c, "%s mode, step %zu, %s %zu: %s, expected %s",
					      mode == ETH_PROTECT_COMPLETE ? "complete" : "minimal", step,
					      what, i, rc ? eth_protection_strerror(rc) : "is allowed",
					      rc ? "to be allowed" : "a refusal");
	}
	return true;
}

static bool run_step(struct ncli_case *c, struct eth_protection *p, enum eth_protection_mode mode, size_t i,
		     const json_t *step)
{
	char *text = json_dumps(json_object_get(step, "interchange"), 0);
	const json_t *want = json_object_get(step, "should_succeed");
	struct eth_import report;

	if (!text || !json_is_boolean(want)) {
		free(text);
		return ncli_case_fail(c, "step %zu has no interchange or no should_succeed", i);
	}
	int rc = eth_protection_import(p, text, strlen(text), &report);

	free(text);
	if ((rc == 0) != json_is_true(want))
		return ncli_case_fail(c, "step %zu: interchange: %s, expected %s", i,
				      rc ? eth_protection_strerror(rc) : "is imported",
				      rc ? "to be imported" : "a refusal");
	return attempt(c, p, mode, i, json_object_get(step, "blocks"), false) &&
	       attempt(c, p, mode, i, json_object_get(step, "attestations"), true);
}

static bool run_mode(struct ncli_case *c, const json_t *test, enum eth_protection_mode mode)
{
	const json_t *steps = json_object_get(test, "steps");
	struct eth_protection *p;
	uint8_t chain[32];
	bool ok = true;
	json_t *step;
	size_t i;

	if (!hex(test, "genesis_validators_root", chain, 32) || !json_array_size(steps))
		return ncli_case_fail(c, "has no genesis_validators_root or no steps");
	int rc = eth_protection_open(&p, ":memory:", mode, chain);

	if (rc)
		return ncli_case_fail(c, "%s", eth_protection_strerror(rc));
	json_array_foreach(steps, i, step)
	{
		ok = run_step(c, p, mode, i, step);
		if (!ok)
			break;
	}
	eth_protection_close(p);
	return ok;
}

bool ncli_case_protection(struct ncli_case *c)
{
	const struct ncli_file *f = &c->set->file[c->first];
	json_error_t error;
	json_t *test = json_loadb((const char *)f->p, f->n, 0, &error);
	bool ok;

	if (!test)
		return ncli_case_fail(c, "line %d: %s", error.line, error.text);
	ok = run_mode(c, test, ETH_PROTECT_COMPLETE) && run_mode(c, test, ETH_PROTECT_MINIMAL);
	json_decref(test);
	return ok;
}
