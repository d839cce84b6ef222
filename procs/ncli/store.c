#include "procs/ncli/store.h"

#include <stdlib.h>
#include <string.h>

/* States kept of blocks, and of checkpoints. */
#define KEPT 48
#define ADVANCED 6

/* Above what the attestations of two epochs grow by in one block and the slots before it. */
#define GROWTH ((size_t)1 << 20)

struct block {
	uint8_t root[32], parent[32];
	struct ssz_view view;    /* SignedBeaconBlock; type NULL for the anchor */
	struct eth_state *state; /* NULL: to be made again */
	uint64_t used;
};

struct advanced {
	uint8_t root[32];
	uint64_t slot;
	struct eth_state *state;
	uint64_t used;
};

struct ncli_store {
	struct eth_engine *engine;
	struct eth_fork_choice *fc;
	struct block *block;
	size_t blocks, room, kept;
	struct advanced advanced[ADVANCED];
	uint64_t clock;
};

static struct eth_state *allocate(size_t bytes)
{
	return aligned_alloc(ETH_STATE_ALIGN, (bytes + ETH_STATE_ALIGN - 1) & ~(size_t)(ETH_STATE_ALIGN - 1));
}

struct eth_state *ncli_state_copy(const struct eth_state *from, const struct eth_headroom *headroom)
{
	size_t size = eth_state_size(from), bytes = size + GROWTH;
	struct eth_headroom all;
	struct eth_state *to;

	if (headroom) {
		all = *headroom;
		all.validators += eth_state_validator_count(from);
		all.historical_roots += eth_state_count(from, ETH_HISTORICAL_ROOTS);
		all.attestation_bytes += eth_state_count(from, ETH_ATTESTATIONS);
		bytes = eth_state_footprint_for(eth_state_preset(from)->id, &all);
	}
	to = allocate(bytes);
	if (!to)
		return NULL;
	if (!headroom)
		memcpy(to, from, size);
	if (headroom ? eth_state_regrow(to, bytes, from, headroom) : eth_state_adopt(to, bytes)) {
		free(to);
		return NULL;
	}
	return to;
}

/* Runs one step on a copy, and once more with more room where that is what it lacked. */
static int on_copy(struct eth_engine *e, const struct eth_state *from, struct ssz_view block, uint64_t slot,
		   unsigned flags, struct eth_state **out)
{
	static const struct eth_headroom more = {
		.validators = 4096, .historical_roots = 256, .trees = true, .attestation_bytes = 16 << 20};
	int rc = ETH_ERR_ROOM;

	for (int attempt = 0; rc == ETH_ERR_ROOM && attempt < 2; attempt++) {
		*out = ncli_state_copy(from, attempt ? &more : NULL);
		if (!*out)
			return ETH_ERR_MEMORY;
		rc = block.type ? eth_state_transition(e, *out, block, flags)
				: eth_process_slots(e, *out, slot);
		if (rc) {
			free(*out);
			*out = NULL;
		}
	}
	return rc;
}

int ncli_state_after(struct eth_engine *e, const struct eth_state *from, struct ssz_view block,
		     unsigned flags, struct eth_state **out)
{
	return on_copy(e, from, block, 0, flags, out);
}

int ncli_state_at(struct eth_engine *e, const struct eth_state *from, uint64_t slot, struct eth_state **out)
{
	return on_copy(e, from, (struct ssz_view){0}, slot, 0, out);
}

static struct block *find(struct ncli_store *s, const uint8_t root[32])
{
	for (size_t i = s->blocks; i--;)
		if (!memcmp(s->block[i].root, root, 32))
			return &s->block[i];
	return NULL;
}

/* Gives up the state that was not used for longest; the anchor's, from which all can be made, stays. */
static void forget_one(struct ncli_store *s, const struct block *but)
{
	struct block *oldest = NULL;

	for (size_t i = 1; i < s->blocks; i++) {
		struct block *b = &s->block[i];

		if (b->state && b != but && (!oldest || b->used < oldest->used))
			oldest = b;
	}
	if (!oldest)
		return;
	free(oldest->state);
	oldest->state = NULL;
	s->kept--;
}

static void keep(struct ncli_store *s, struct block *b, struct eth_state *state)
{
	b->state = state;
	b->used = ++s->clock;
	if (++s->kept > KEPT)
		forget_one(s, b);
}

static int make_again(struct ncli_store *s, struct block *b)
{
	unsigned flags = ETH_SKIP_BLS | ETH_SKIP_STATE_ROOT | ETH_SKIP_DEPOSIT_PROOF;
	const struct eth_state *from = ncli_store_state(s, b->parent);
	struct eth_state *state;
	int rc = from ? ncli_state_after(s->engine, from, b->view, flags, &state) : ETH_ERR_MEMORY;

	if (rc == 0)
		keep(s, b, state);
	return rc;
}

const struct eth_state *ncli_store_state(struct ncli_store *s, const uint8_t root[32])
{
	struct block *b = find(s, root);

	if (!b || (!b->state && make_again(s, b)))
		return NULL;
	b->used = ++s->clock;
	return b->state;
}

const struct eth_state *ncli_store_state_at(struct ncli_store *s, const uint8_t root[32], uint64_t slot)
{
	struct advanced *oldest = &s->advanced[0];
	const struct eth_state *from;
	struct eth_state *state;

	for (int i = 0; i < ADVANCED; i++) {
		struct advanced *a = &s->advanced[i];

		if (a->state && a->slot == slot && !memcmp(a->root, root, 32)) {
			a->used = ++s->clock;
			return a->state;
		}
		oldest = a->used < oldest->used ? a : oldest;
	}
	from = ncli_store_state(s, root);
	if (!from || from->slot >= slot)
		return from;
	if (ncli_state_at(s->engine, from, slot, &state))
		return NULL;
	free(oldest->state);
	*oldest = (struct advanced){.slot = slot, .state = state, .used = ++s->clock};
	memcpy(oldest->root, root, 32);
	return state;
}

static const struct eth_state *checkpoint_state(void *context, const struct ssz_checkpoint *c)
{
	struct ncli_store *s = context;
	const struct eth_preset *p = eth_preset(eth_engine_config(s->engine)->preset);

	return ncli_store_state_at(s, c->root, c->epoch * p->slots_per_epoch);
}

static struct block *add(struct ncli_store *s, const uint8_t root[32], const uint8_t parent[32],
			 struct ssz_view view, struct eth_state *state)
{
	if (s->blocks == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct block *grown = realloc(s->block, room * sizeof(*grown));

		if (!grown)
			return NULL;
		s->block = grown;
		s->room = room;
	}
	struct block *b = &s->block[s->blocks++];

	*b = (struct block){.view = view};
	memcpy(b->root, root, 32);
	memcpy(b->parent, parent, 32);
	keep(s, b, state);
	return b;
}

struct ncli_store *ncli_store_new(struct eth_engine *e, const struct eth_state *anchor, struct ssz_view block,
				  int *code)
{
	struct ncli_store *s = calloc(1, sizeof(*s));
	struct eth_state *copy = ncli_state_copy(anchor, NULL);
	uint8_t root[32];

	*code = ETH_ERR_MEMORY;
	ssz_root(block.type, block.p, block.n, root);
	if (s)
		s->engine = e;
	if (!s || !copy || !add(s, root, root, (struct ssz_view){0}, copy)) {
		free(copy);
		free(s);
		return NULL;
	}
	*code = eth_fork_choice_new(&s->fc, e, copy, block, checkpoint_state, s);
	if (*code) {
		ncli_store_free(s);
		return NULL;
	}
	return s;
}

void ncli_store_free(struct ncli_store *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->blocks; i++)
		free(s->block[i].state);
	for (int i = 0; i < ADVANCED; i++)
		free(s->advanced[i].state);
	eth_fork_choice_free(s->fc);
	free(s->block);
	free(s);
}

struct eth_fork_choice *ncli_store_fork_choice(struct ncli_store *s)
{
	return s->fc;
}

/* The transition; `*state` is the post-state, owned by the store. */
static int import(struct ncli_store *s, struct ssz_view signed_block, unsigned flags, uint8_t root[32],
		  const struct eth_state **post)
{
	struct ssz_view message = ssz_field(signed_block, 0);
	const struct ssz_beacon_block *b = (const void *)message.p;
	const struct eth_state *from = ncli_store_state(s, b->parent_root);
	struct eth_state *state;

	if (!from)
		return ETH_FC_UNKNOWN_PARENT;
	ssz_root(message.type, message.p, message.n, root);
	int rc = ncli_state_after(s->engine, from, signed_block, flags, &state);

	if (rc)
		return rc;
	if (!add(s, root, b->parent_root, signed_block, state)) {
		free(state);
		return ETH_ERR_MEMORY;
	}
	*post = state;
	return 0;
}

int ncli_store_import(struct ncli_store *s, struct ssz_view signed_block, unsigned flags)
{
	const struct eth_state *post;
	uint8_t root[32];

	return import(s, signed_block, flags, root, &post);
}

int ncli_store_block(struct ncli_store *s, struct ssz_view signed_block, unsigned flags)
{
	struct ssz_view message = ssz_field(signed_block, 0);
	struct ssz_view body = ssz_field_named(message, "body");
	struct ssz_view attestations = ssz_field_named(body, "attestations");
	struct ssz_view slashings = ssz_field_named(body, "attester_slashings");
	const struct eth_state *post;
	uint8_t root[32];
	int rc = eth_fork_choice_check_block(s->fc, message);

	ssz_root(message.type, message.p, message.n, root);
	if (rc == 0 && eth_fork_choice_knows(s->fc, root, NULL))
		return 0;
	if (rc == 0)
		rc = import(s, signed_block, flags, root, &post);
	if (rc == 0)
		rc = eth_fork_choice_on_block(s->fc, message, root, post);
	for (uint64_t i = 0; rc == 0 && i < ssz_length(attestations); i++)
		rc = eth_fork_choice_on_attestation(s->fc, ssz_elem(attestations, i), true);
	for (uint64_t i = 0; rc == 0 && i < ssz_length(slashings); i++)
		rc = eth_fork_choice_on_attester_slashing(s->fc, ssz_elem(slashings, i), true);
	return rc;
}
