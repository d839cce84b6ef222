#include "procs/rewinder/judge.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "procs/common/cases.h"
#include "tests/node/vectors.h"

struct world {
	void *memory;
	struct trail_state state;
	struct cases *cases;
	struct judge_keys keys;
};

static struct world *world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	size_t bytes, used;
	char why[256];

	cr_assert_not_null(w);
	w->memory = vectors_state(&bytes, &used);
	cr_assert_eq(trail_open(w->memory, bytes, &w->state), TRAIL_OK);
	cr_assert_eq(cases_open(&w->cases, vectors_dir(), why), 0, "%s", why);
	return w;
}

static void world_delete(struct world *w)
{
	free(w->memory);
	cases_close(w->cases);
	free(w);
}

static enum proto_reason verdict(struct world *w, const uint8_t *p, size_t n)
{
	struct judge_block b;
	judge_prepare(&b, p, n);
	return judge_finish(&b, &w->state, &w->keys);
}

// Every kind on every block, in four ways of each: the verdict is the one the collector will ask for. The
// second pass finds the keys in the cache.
Test(judge, cases)
{
	struct world *w = world_new();
	uint8_t p[CASES_BLOCK_MAX];

	for (unsigned pass = 0; pass < 2; pass++)
		for (uint64_t n = 0; n < 4 * CASES_PERIOD; n++) {
			size_t len = cases_block(w->cases, n, p, sizeof(p));
			enum proto_reason reason = verdict(w, p, len);
			unsigned answer = reason == PROTO_OK ? PROTO_VALID : PROTO_INVALID;
			cr_assert(cases_expect(n, answer, reason), "request %lu, %s: %s", (unsigned long)n,
				  cases_kind_text(cases_kind(n)), proto_reason_text(reason));
		}
	world_delete(w);
}

static void unhex(const char *text, uint8_t *out, size_t n)
{
	cr_assert_eq(strlen(text), 2 + 2 * n);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		cr_assert_eq(sscanf(text + 2 + 2 * i, "%2x", &byte), 1);
		out[i] = byte;
	}
}

static json_t *expected_json(void)
{
	char command[4096];
	json_error_t err;

	snprintf(command, sizeof(command),
		 "tar --zstd -xOf '%s/" CASES_ARCHIVE "' real-mainnet-blocks/expected.json", vectors_dir());
	FILE *f = popen(command, "r");
	cr_assert_not_null(f);
	json_t *j = json_loadf(f, 0, &err);
	cr_assert_eq(pclose(f), 0);
	cr_assert_not_null(j, "%s", err.text);
	return j;
}

// The root a verdict is about is the one the network knows the block by.
Test(judge, roots)
{
	struct world *w = world_new();
	json_t *expected = expected_json(), *entry;
	uint8_t p[CASES_BLOCK_MAX], root[32];
	unsigned checked = 0;
	size_t i;

	for (uint64_t n = 0; n < CASES_PERIOD; n++) {
		if (cases_kind(n) != CASE_VALID && cases_kind(n) != CASE_GENESIS)
			continue;
		struct judge_block b;
		judge_prepare(&b, p, cases_block(w->cases, n, p, sizeof(p)));
		json_array_foreach(json_object_get(expected, "blocks"), i, entry)
		{
			if ((uint64_t)json_integer_value(json_object_get(entry, "slot")) != b.slot)
				continue;
			unhex(json_string_value(json_object_get(entry, "root")), root, 32);
			cr_assert_arr_eq(b.root, root, 32, "slot %lu", (unsigned long)b.slot);
			cr_assert_eq((uint64_t)json_integer_value(json_object_get(entry, "proposer_index")),
				     b.proposer_index);
			checked++;
		}
	}
	cr_assert_eq(checked, 24);
	json_decref(expected);
	world_delete(w);
}

// No block with a changed byte is valid, and none leads out of its bytes.
Test(judge, changed_bytes)
{
	struct world *w = world_new();
	uint8_t p[CASES_BLOCK_MAX];

	srandom(1606824023);
	for (unsigned i = 0; i < 400; i++) {
		size_t len = cases_block(w->cases, 0, p, sizeof(p));
		p[random() % len] ^= 1 + random() % 255;
		uint8_t *exact = malloc(len);
		memcpy(exact, p, len);
		cr_assert_neq(verdict(w, exact, len), PROTO_OK);
		free(exact);
	}
	for (size_t len = 0; len < 400; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		cases_block(w->cases, 0, p, sizeof(p));
		memcpy(exact, p, len);
		cr_assert_eq(verdict(w, exact, len), PROTO_MALFORMED);
		free(exact);
	}
	world_delete(w);
}

Test(judge, peek)
{
	struct world *w = world_new();
	uint8_t p[CASES_BLOCK_MAX];
	struct proto_trail_ask ask;
	size_t len = cases_block(w->cases, 0, p, sizeof(p));

	cr_assert_eq(judge_peek(p, len, &ask), 0);
	cr_assert_eq(ask.slot, 100);
	cr_assert_arr_eq(ask.parent_root, p + 100 + 16, 32);
	cr_assert_eq(judge_peek(p, 184, &ask), 0);
	cr_assert_eq(judge_peek(p, 183, &ask), -1);
	cr_assert_eq(judge_peek(p, 0, &ask), -1);
	world_delete(w);
}

// The state decides: in another fork's domain, with a registry that ends before the proposer, with a key that
// is none.
Test(judge, state)
{
	struct world *w = world_new();
	uint8_t p[CASES_BLOCK_MAX];
	size_t len = cases_block(w->cases, 0, p, sizeof(p));
	const struct trail_state good = w->state;

	cr_assert_eq(verdict(w, p, len), PROTO_OK);
	w->state.fork.current_version[0] ^= 1;
	w->state.fork.previous_version[0] ^= 1;
	cr_assert_eq(verdict(w, p, len), PROTO_MISMATCH);
	w->state = good;
	w->state.genesis_validators_root[31] ^= 1;
	cr_assert_eq(verdict(w, p, len), PROTO_MISMATCH);
	w->state = good;
	w->state.validator_cnt = 1144; // the proposer of slot 100
	cr_assert_eq(verdict(w, p, len), PROTO_PROPOSER);
	w->state.validator_cnt = 1145;
	cr_assert_eq(verdict(w, p, len), PROTO_OK);
	w->state.slot = 100;
	cr_assert_eq(verdict(w, p, len), PROTO_SLOT);
	w->state = good;
	memset((void *)w->state.validators[1144].pubkey, 0, 48);
	cr_assert_eq(verdict(w, p, len), PROTO_KEY);
	world_delete(w);
}
