#include "procs/eth/slashing.h"
#include "procs/eth/types.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define VALIDATORS 24
#define WINDOW 12

/* An IndexedAttestation of a few validators, serialized. */
struct ETH_PACKED vote {
	struct ssz_indexed_attestation a;
	uint64_t index[4];
};

static uint64_t state = 88172645463325252u;

static uint64_t rnd(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

static struct vote vote(uint64_t source, uint64_t target, uint64_t block, size_t n, const uint64_t *index)
{
	struct vote v = {.a.attesting_indices_at = sizeof(v.a)};

	v.a.data.source.epoch = source;
	v.a.data.target.epoch = target;
	v.a.data.beacon_block_root[0] = (uint8_t)block;
	memcpy(v.index, index, n * 8);
	return v;
}

static struct ssz_view view(const struct vote *v, size_t n)
{
	struct ssz_view w = {eth_type(ETH_MINIMAL, ETH_IndexedAttestation), (const void *)v,
			     sizeof(v->a) + 8 * n};

	cr_assert(ssz_check(w.type, w.p, w.n, NULL) == 0);
	return w;
}

/* is_slashable_attestation_data, by the text of the specification. */
static bool slashable(const struct ssz_attestation_data *a, const struct ssz_attestation_data *b)
{
	return (memcmp(a, b, sizeof(*a)) && a->target.epoch == b->target.epoch) ||
	       (a->source.epoch < b->source.epoch && b->target.epoch < a->target.epoch);
}

static bool has(struct ssz_view indexed, uint64_t validator)
{
	struct ssz_view list = ssz_field(indexed, 0);

	for (uint64_t i = 0; i < ssz_length(list); i++)
		if (ssz_u64(ssz_elem(list, i)) == validator)
			return true;
	return false;
}

static void check_offence(void *context, const struct eth_offence *o)
{
	const struct ssz_indexed_attestation *a = (const void *)o->first.p, *b = (const void *)o->second.p;
	const struct ssz_type *t = eth_type(ETH_MINIMAL, ETH_AttesterSlashing);
	uint8_t ssz[1024];
	size_t n = eth_offence_ssz(o, ssz, sizeof(ssz));

	cr_assert(slashable(&a->data, &b->data));
	cr_assert((o->kind == ETH_DOUBLE_VOTE) == (a->data.target.epoch == b->data.target.epoch));
	cr_assert(has(o->first, o->validator) && has(o->second, o->validator));
	cr_assert(n <= sizeof(ssz) && ssz_check(t, ssz, n, NULL) == 0);
	cr_assert(eth_offence_ssz(o, ssz, n - 1) == n);
	++*(int *)context;
}

/* What a validator voted and was not an offence, in full. */
struct kept {
	struct ssz_attestation_data data[WINDOW * 64];
	size_t n;
};

static bool inside(uint64_t target, uint64_t now)
{
	return target <= now + 1 && target + WINDOW > now;
}

static bool offends(const struct kept *k, const struct ssz_attestation_data *d, uint64_t now)
{
	for (size_t i = 0; i < k->n; i++)
		if (inside(k->data[i].target.epoch, now) &&
		    (slashable(&k->data[i], d) || slashable(d, &k->data[i])))
			return true;
	return false;
}

Test(eth_slashing, agrees_with_comparing_every_pair)
{
	static struct kept kept[VALIDATORS];
	struct eth_slasher *s = eth_slasher_new(eth_preset(ETH_MINIMAL), WINDOW);
	uint64_t now = 20;
	int reported = 0, accepted = 0;

	cr_assert(s);
	eth_slasher_advance(s, now);
	for (int step = 0; step < 200000; step++) {
		if (rnd(1500) == 0) {
			now += 1 + (rnd(10) == 0) * rnd(2 * WINDOW);
			eth_slasher_advance(s, now);
			for (int v = 0; v < VALIDATORS; v++) {
				struct kept *k = &kept[v];
				size_t to = 0;

				for (size_t i = 0; i < k->n; i++)
					if (inside(k->data[i].target.epoch, now))
						k->data[to++] = k->data[i];
				k->n = to;
			}
		}
		uint64_t index[4], n = 0, target = now + 2 - rnd(WINDOW + 1);
		/* Mostly sensible sources, sometimes far ones, sometimes one above the target. */
		uint64_t source = rnd(50) ? target - 1 - rnd(rnd(4) ? 2 : WINDOW) : target + rnd(3);

		for (uint64_t v = rnd(6); v < VALIDATORS && n < 4; v += 1 + rnd(6))
			index[n++] = v;
		struct vote v = vote(source, target, rnd(40) == 0, n, index);
		bool any = false;
		int calls = 0;
		if (!inside(target, now)) {
			cr_assert(eth_slasher_attestation(s, view(&v, n), check_offence, &calls) ==
				  ETH_SLASHER_OUTSIDE);
			continue;
		}
		for (size_t i = 0; i < n; i++) {
			struct kept *k = &kept[index[i]];

			if (offends(k, &v.a.data, now)) {
				any = true;
			} else if (!eth_slasher_voted(s, index[i], target)) {
				cr_assert(k->n < WINDOW * 64);
				k->data[k->n++] = v.a.data;
				accepted++;
			}
		}
		int r = eth_slasher_attestation(s, view(&v, n), check_offence, &calls);
		cr_assert(r >= 0 && r == calls && (r > 0) == any, "step %d: %d calls, expected %d", step, r,
			  any);
		reported += r;
		for (size_t i = 0; i < n; i++) {
			bool voted = false;

			for (size_t j = 0; j < kept[index[i]].n; j++)
				voted |= kept[index[i]].data[j].target.epoch == target;
			cr_assert(eth_slasher_voted(s, index[i], target) == voted);
		}
	}
	cr_assert(reported > 1000 && accepted > 1000);
	eth_slasher_free(s);
}

static void count(void *context, const struct eth_offence *o)
{
	struct eth_offence *to = context;

	*to = *o;
}

Test(eth_slashing, surround_votes_in_both_directions)
{
	struct eth_slasher *s = eth_slasher_new(eth_preset(ETH_MAINNET), 64);
	uint64_t one[] = {7}, two[] = {7, 9};
	struct vote inner = vote(10, 11, 0, 1, one), outer = vote(9, 12, 0, 2, two),
		    again = vote(8, 40, 0, 1, one);
	struct eth_offence o;
	int r;

	eth_slasher_advance(s, 40);
	cr_assert(eth_slasher_attestation(s, view(&inner, 1), count, &o) == 0);
	cr_assert(eth_slasher_attestation(s, view(&inner, 1), count, &o) == 0, "the same vote again is none");
	r = eth_slasher_attestation(s, view(&outer, 2), count, &o);
	cr_assert(r == 1 && o.kind == ETH_SURROUND_VOTE && o.validator == 7);
	cr_assert(((const struct vote *)o.first.p)->a.data.source.epoch == 9,
		  "the surrounding one comes first");
	cr_assert(eth_slasher_voted(s, 9, 12) && !eth_slasher_voted(s, 7, 12));
	r = eth_slasher_attestation(s, view(&again, 1), count, &o);
	cr_assert(r == 1 && ((const struct vote *)o.first.p)->a.data.target.epoch == 40);
	inner = vote(10, 11, 0, 1, &two[1]);
	r = eth_slasher_attestation(s, view(&inner, 1), count, &o);
	cr_assert(r == 1 && o.validator == 9 && ((const struct vote *)o.first.p)->a.data.source.epoch == 9);
	eth_slasher_free(s);
}

Test(eth_slashing, double_proposals)
{
	struct eth_slasher *s = eth_slasher_new(eth_preset(ETH_MINIMAL), 4);
	struct ssz_signed_beacon_block_header h = {.message = {.slot = 80, .proposer_index = 3}}, other = h;
	struct eth_offence o;
	uint8_t ssz[512];

	eth_slasher_advance(s, 10);
	cr_assert(eth_slasher_header(s, &h, count, &o) == 0);
	cr_assert(eth_slasher_header(s, &h, count, &o) == 0);
	other.signature[0] = 1;
	cr_assert(eth_slasher_header(s, &other, count, &o) == 0,
		  "another signature of the same header is none");
	other.message.proposer_index = 4;
	other.message.body_root[0] = 1;
	cr_assert(eth_slasher_header(s, &other, count, &o) == 0);
	other.message.proposer_index = 3;
	cr_assert(eth_slasher_header(s, &other, count, &o) == 1 && o.kind == ETH_DOUBLE_PROPOSAL &&
		  o.validator == 3);
	cr_assert(eth_offence_ssz(&o, ssz, sizeof(ssz)) == 416);
	cr_assert(ssz_check(eth_type(ETH_MINIMAL, ETH_ProposerSlashing), ssz, 416, NULL) == 0);
	h.message.slot = 48 + 7;
	cr_assert(eth_slasher_header(s, &h, count, &o) == ETH_SLASHER_OUTSIDE);
	h.message.slot = 96;
	cr_assert(eth_slasher_header(s, &h, count, &o) == ETH_SLASHER_OUTSIDE);
	eth_slasher_free(s);
}

Test(eth_slashing, refuses_indices_that_do_not_ascend_or_are_huge)
{
	struct eth_slasher *s = eth_slasher_new(eth_preset(ETH_MINIMAL), 4);
	uint64_t same[] = {5, 5}, huge[] = {ETH_SLASHER_VALIDATORS};
	struct vote v = vote(0, 1, 0, 2, same);
	struct eth_offence o;

	cr_assert(eth_slasher_attestation(s, view(&v, 2), count, &o) == ETH_SLASHER_INDEX);
	v = vote(0, 1, 0, 1, huge);
	cr_assert(eth_slasher_attestation(s, view(&v, 1), count, &o) == ETH_SLASHER_INDEX);
	eth_slasher_free(s);
}

Test(eth_slashing, memory_is_given_back_when_epochs_leave_the_window)
{
	struct eth_slasher *s = eth_slasher_new(eth_preset(ETH_MINIMAL), 4);
	struct eth_offence o;
	size_t empty, peak = 0;

	for (uint64_t epoch = 1; epoch < 60; epoch++) {
		eth_slasher_advance(s, epoch);
		for (uint64_t v = 0; v < 200; v++) {
			struct vote w = vote(epoch - 1, epoch, 0, 1, &v);

			cr_assert(eth_slasher_attestation(s, view(&w, 1), count, &o) == 0);
		}
		if (epoch == 10)
			peak = eth_slasher_bytes(s);
		cr_assert(epoch < 10 || eth_slasher_bytes(s) == peak);
	}
	empty = eth_slasher_bytes(s);
	eth_slasher_advance(s, 1000);
	cr_assert(eth_slasher_bytes(s) < empty - 4 * 4096 * 4);
	eth_slasher_free(s);
}
