#include "procs/eth/produce.h"
#include "procs/eth/types.h"

#include <string.h>

/* A cursor in the block that is being written; `full` once something did not fit. */
struct writer {
	uint8_t *p;
	size_t n, room;
	bool full;
};

static void put(struct writer *w, const void *p, size_t n)
{
	if (n > w->room - w->n) {
		w->full = true;
		return;
	}
	if (n)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

/* Puts a list and says where it begins, from the start of the body. */
static uint32_t put_list(struct writer *w, size_t body, struct eth_list list)
{
	uint32_t at = (uint32_t)(w->n - body);

	put(w, list.p, list.n);
	return at;
}

/* The body behind what is written already. */
static int put_body(struct writer *w, struct eth_engine *e, const struct eth_state *s,
		    const struct eth_block_plan *plan)
{
	struct ssz_beacon_block_body body = {.eth1_data = plan->eth1_data};
	size_t start = w->n, packed = 0;
	int rc = 0;

	memcpy(body.randao_reveal, plan->randao_reveal, sizeof(body.randao_reveal));
	memcpy(body.graffiti, plan->graffiti, sizeof(body.graffiti));
	put(w, &body, sizeof(body));
	body.proposer_slashings_at = put_list(w, start, plan->proposer_slashings);
	body.attester_slashings_at = put_list(w, start, plan->attester_slashings);
	body.attestations_at = (uint32_t)(w->n - start);
	if (plan->pool && !w->full)
		rc = eth_pool_pack(plan->pool, e, s, eth_state_preset(s)->max_attestations, w->p + w->n,
				   w->room - w->n, &packed);
	w->n += packed;
	body.deposits_at = put_list(w, start, plan->deposits);
	body.voluntary_exits_at = put_list(w, start, plan->voluntary_exits);
	if (!w->full)
		memcpy(w->p + start, &body, sizeof(body));
	return rc;
}

int eth_produce_block(struct eth_engine *e, struct eth_state *s, const struct eth_block_plan *plan, void *out,
		      size_t room, size_t *n)
{
	struct ssz_signed_beacon_block outer = {.message_at = sizeof(outer)};
	struct ssz_beacon_block block = {.slot = s->slot, .body_at = sizeof(block)};
	const struct ssz_type *t = eth_type(s->preset, ETH_BeaconBlock);
	struct writer w = {.p = out, .room = room};
	uint64_t proposer;
	int rc = eth_proposer_index(e, s, s->slot, &proposer);

	if (rc)
		return rc;
	block.proposer_index = proposer;
	ssz_root(eth_type(s->preset, ETH_BeaconBlockHeader), (const void *)&s->latest_block_header,
		 sizeof(s->latest_block_header), block.parent_root);
	put(&w, &outer, sizeof(outer));
	put(&w, &block, sizeof(block));
	rc = w.full ? ETH_ERR_ROOM : put_body(&w, e, s, plan);
	if (rc || w.full)
		return rc ? rc : ETH_ERR_ROOM;
	struct ssz_view message = {t, w.p + sizeof(outer), w.n - sizeof(outer)};

	rc = ssz_check(t, message.p, message.n, NULL);
	if (rc == 0)
		rc = eth_process_block(e, s, message, ETH_SKIP_BLS);
	if (rc)
		return rc;
	eth_state_root_cached(s, w.p + sizeof(outer) + offsetof(struct ssz_beacon_block, state_root));
	*n = w.n;
	return 0;
}

size_t eth_attester_slashing(struct eth_list one, struct eth_list two, void *out, size_t room)
{
	const struct ssz_indexed_attestation *a = one.p, *b = two.p;
	struct ssz_attester_slashing at = {.attestation_1_at = sizeof(at)};
	struct writer w = {.p = out, .room = room};

	/* The surrounding one comes first. */
	if (b->data.source.epoch < a->data.source.epoch && a->data.target.epoch < b->data.target.epoch) {
		struct eth_list first = two;

		two = one;
		one = first;
	}
	at.attestation_2_at = (uint32_t)(sizeof(at) + one.n);
	put(&w, &at, sizeof(at));
	put(&w, one.p, one.n);
	put(&w, two.p, two.n);
	return w.full ? 0 : w.n;
}
