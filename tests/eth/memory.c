/* Once warm, a block allocates nothing: the calls of libeth and libbls to the allocator are counted by the linker's --wrap. */
#include "procs/eth/engine.h"
#include "procs/eth/transition.h"
#include "procs/eth/types.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN "chain-minimal"
#define BLOCKS 200 /* 25 epochs of the minimal preset, with slashings and a fork's blocks left out */

static size_t calls;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	calls++;
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	calls++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	calls++;
	return __real_realloc(p, n);
}

static const struct vec_file *top_file(const struct vec_set *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->cases[i].path, CHAIN) && vec_file(&set->cases[i], name))
			return vec_file(&set->cases[i], name);
	cr_assert_fail("no file %s", name);
	return NULL;
}

static uint8_t *ssz_in(const struct vec_set *set, const char *folder, const char *name, size_t *n)
{
	for (size_t i = 0; i < set->n; i++) {
		uint8_t *p = strcmp(set->cases[i].path, folder) ? NULL : vec_ssz(&set->cases[i], name, n);

		if (p)
			return p;
	}
	cr_assert_fail("no file %s in %s", name, folder);
	return NULL;
}

/* The first BLOCKS canonical blocks. */
static size_t load_blocks(const struct vec_set *set, struct ssz_view block[BLOCKS])
{
	const struct vec_file *f = top_file(set, "blocks.json");
	json_t *all = json_loadb((const char *)f->p, f->n, 0, NULL), *j;
	size_t i, n = 0;

	cr_assert(all, "blocks.json is no JSON");
	json_array_foreach (all, i, j) {
		char name[64];

		if (n == BLOCKS || !json_is_true(json_object_get(j, "canonical")))
			continue;
		snprintf(name, sizeof(name), "%s",
			 strrchr(json_string_value(json_object_get(j, "file")), '/') + 1);
		*strstr(name, ".ssz_snappy") = 0;
		block[n].type = eth_type(ETH_MINIMAL, ETH_SignedBeaconBlock);
		block[n].p = ssz_in(set, CHAIN "/blocks", name, &block[n].n);
		n++;
	}
	json_decref(all);
	return n;
}

static size_t replay(struct eth_engine *e, struct eth_state *s, const struct ssz_view *block, size_t n)
{
	size_t before = calls;

	for (size_t i = 0; i < n; i++) {
		int rc = eth_state_transition(e, s, block[i], 0);

		cr_assert(rc == 0, "block %zu: %s", i, eth_strerror(rc));
	}
	return calls - before;
}

Test(memory, warm_blocks_allocate_nothing)
{
	static struct ssz_view block[BLOCKS];
	const struct eth_headroom room = {
		.validators = 64, .historical_roots = 16, .trees = true, .attestation_bytes = 1 << 20};
	struct vec_set set = vec_open(CHAIN ".tar.zst");
	struct eth_config config = eth_config_default(ETH_MINIMAL);
	struct eth_engine *e = eth_engine_new(&config);
	struct eth_state *s;
	size_t n = load_blocks(&set, block), bytes, len;
	uint8_t *genesis = ssz_in(&set, CHAIN, "genesis", &len);

	cr_assert(n == BLOCKS);
	cr_assert(eth_state_footprint(ETH_MINIMAL, genesis, len, &room, &bytes) == 0);
	bytes = (bytes + ETH_STATE_ALIGN - 1) / ETH_STATE_ALIGN * ETH_STATE_ALIGN;
	s = aligned_alloc(ETH_STATE_ALIGN, bytes);
	cr_assert(e && s);
	cr_assert(eth_state_from_ssz(s, bytes, ETH_MINIMAL, genesis, len, &room) == 0);
	cr_assert(replay(e, s, block, n) > 0, "the first time caches are made: the count must see that");
	cr_assert(eth_state_from_ssz(s, bytes, ETH_MINIMAL, genesis, len, &room) == 0);
	size_t again = replay(e, s, block, n);
	cr_assert(again == 0, "%zu calls to the allocator in %zu blocks", again, n);
	free(s);
	eth_engine_free(e);
}
