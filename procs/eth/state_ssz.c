#include "procs/eth/tree.h"
#include "procs/eth/state_layout.h"
#include "procs/eth/types.h"

#include <string.h>

/* Fields of BeaconState in the order of the specification. */
enum {
	F_GENESIS_TIME,
	F_GENESIS_VALIDATORS_ROOT,
	F_SLOT,
	F_FORK,
	F_LATEST_BLOCK_HEADER,
	F_BLOCK_ROOTS,
	F_STATE_ROOTS,
	F_HISTORICAL_ROOTS,
	F_ETH1_DATA,
	F_ETH1_DATA_VOTES,
	F_ETH1_DEPOSIT_INDEX,
	F_VALIDATORS,
	F_BALANCES,
	F_RANDAO_MIXES,
	F_SLASHINGS,
	F_PREVIOUS_EPOCH_ATTESTATIONS,
	F_CURRENT_EPOCH_ATTESTATIONS,
	F_JUSTIFICATION_BITS,
	F_PREVIOUS_JUSTIFIED_CHECKPOINT,
	F_CURRENT_JUSTIFIED_CHECKPOINT,
	F_FINALIZED_CHECKPOINT,
};

/* Regions whose bytes are the serialized bytes. */
static const struct {
	uint8_t field, region;
} plain[] = {
	{F_BLOCK_ROOTS, ETH_BLOCK_ROOTS},
	{F_STATE_ROOTS, ETH_STATE_ROOTS},
	{F_RANDAO_MIXES, ETH_RANDAO_MIXES},
	{F_SLASHINGS, ETH_SLASHINGS},
	{F_HISTORICAL_ROOTS, ETH_HISTORICAL_ROOTS},
	{F_ETH1_DATA_VOTES, ETH_ETH1_VOTES},
	{F_BALANCES, ETH_BALANCES},
};

/* Header fields whose bytes are the serialized bytes. */
#define HEADER_FIELDS(X)                                                  \
	X(F_GENESIS_TIME, genesis_time)                                   \
	X(F_GENESIS_VALIDATORS_ROOT, genesis_validators_root)             \
	X(F_SLOT, slot)                                                   \
	X(F_FORK, fork)                                                   \
	X(F_LATEST_BLOCK_HEADER, latest_block_header)                     \
	X(F_ETH1_DATA, eth1_data)                                         \
	X(F_ETH1_DEPOSIT_INDEX, eth1_deposit_index)                       \
	X(F_JUSTIFICATION_BITS, justification_bits)                       \
	X(F_PREVIOUS_JUSTIFIED_CHECKPOINT, previous_justified_checkpoint) \
	X(F_CURRENT_JUSTIFIED_CHECKPOINT, current_justified_checkpoint)   \
	X(F_FINALIZED_CHECKPOINT, finalized_checkpoint)

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The first offset of a state is the size of its fixed part, which no two presets share. */
static int shape_of(enum eth_preset_id preset, const uint8_t *p, size_t n)
{
	const struct ssz_type *t = eth_type(preset, ETH_BeaconState);

	return n >= t->fixed && load32(p + t->field[F_HISTORICAL_ROOTS].at) == t->fixed;
}

static int check_ssz(enum eth_preset_id preset, const uint8_t *p, size_t n)
{
	int r = ssz_check(eth_type(preset, ETH_BeaconState), p, n, NULL);

	if (r && !shape_of(preset, p, n))
		for (int other = 0; other < ETH_PRESETS; other++)
			if (other != (int)preset && shape_of(other, p, n))
				return ETH_ERR_PRESET;
	return r;
}

/* Bytes of records that a checked list of PendingAttestation becomes. */
static uint64_t pending_bytes(struct ssz_view list)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0, n = ssz_length(list); i < n; i++)
		bytes += eth_pending_size((uint32_t)ssz_length(ssz_field(ssz_elem(list, i), 0)));
	return bytes;
}

static struct eth_rooms rooms_for(struct ssz_view v, const struct eth_headroom *opt)
{
	uint64_t validators = ssz_length(ssz_field(v, F_VALIDATORS)),
		 balances = ssz_length(ssz_field(v, F_BALANCES));
	struct eth_rooms rooms = {
		.validators = validators > balances ? validators : balances,
		.historical_roots = ssz_length(ssz_field(v, F_HISTORICAL_ROOTS)),
		.attestation_bytes = pending_bytes(ssz_field(v, F_PREVIOUS_EPOCH_ATTESTATIONS)) +
				     pending_bytes(ssz_field(v, F_CURRENT_EPOCH_ATTESTATIONS)),
	};

	if (opt) {
		rooms.trees = opt->trees;
		rooms.validators += opt->validators;
		rooms.historical_roots += opt->historical_roots;
		rooms.attestation_bytes += opt->attestation_bytes;
	}
	return rooms;
}

int eth_state_footprint(enum eth_preset_id preset, const void *ssz, size_t n,
			const struct eth_headroom *opt_headroom, size_t *bytes)
{
	struct eth_region region[ETH_REGIONS];
	int r = check_ssz(preset, ssz, n);

	if (r)
		return r;
	struct eth_rooms rooms =
		rooms_for((struct ssz_view){eth_type(preset, ETH_BeaconState), ssz, n}, opt_headroom);
	*bytes = eth_state_layout(region, eth_preset(preset), &rooms);
	return *bytes ? 0 : ETH_ERR_ROOM;
}

static void put_validators(struct eth_state *s, struct ssz_view list)
{
	struct eth_validator *out = eth_state_at_mut(s, ETH_VALIDATORS);
	const struct ssz_validator *in = (const struct ssz_validator *)list.p;

	for (uint64_t i = 0, n = ssz_length(list); i < n; i++) {
		out[i] = (struct eth_validator){
			.effective_balance = in[i].effective_balance,
			.activation_eligibility_epoch = in[i].activation_eligibility_epoch,
			.activation_epoch = in[i].activation_epoch,
			.exit_epoch = in[i].exit_epoch,
			.withdrawable_epoch = in[i].withdrawable_epoch,
			.slashed = in[i].slashed,
		};
		memcpy(out[i].withdrawal_credentials, in[i].withdrawal_credentials, 32);
		memcpy(out[i].pubkey, in[i].pubkey, 48);
		s->active_print += eth_active_print(i, &out[i]);
		s->effective_print += eth_effective_print(i, &out[i]);
	}
}

/* Returns the first byte behind the records. */
static uint8_t *put_pending(uint8_t *out, struct ssz_view list, bool previous)
{
	for (uint64_t i = 0, n = ssz_length(list); i < n; i++) {
		struct ssz_view e = ssz_elem(list, i), bits = ssz_field(e, 0);
		const struct ssz_pending_attestation *in = (const struct ssz_pending_attestation *)e.p;
		struct eth_pending *a = (struct eth_pending *)out;
		uint32_t count = (uint32_t)ssz_length(bits), used = (count + 7) / 8;

		a->data = in->data;
		a->inclusion_delay = in->inclusion_delay;
		a->proposer_index = in->proposer_index;
		a->size = eth_pending_size(count);
		a->bits = (uint16_t)count;
		a->previous = previous;
		a->pad = 0;
		memset(a->bit, 0, a->size - sizeof(*a));
		memcpy(a->bit, bits.p, used);
		if (count % 8)
			a->bit[used - 1] &= (uint8_t)((1u << count % 8) - 1);
		out += a->size;
	}
	return out;
}

int eth_state_from_ssz(void *memory, size_t bytes, enum eth_preset_id preset, const void *ssz, size_t n,
		       const struct eth_headroom *opt_headroom)
{
	struct ssz_view v = {eth_type(preset, ETH_BeaconState), ssz, n}, field;
	struct eth_state *s = memory;
	int r = check_ssz(preset, ssz, n);

	if (r)
		return r;
	if ((uintptr_t)memory % ETH_STATE_ALIGN)
		return ETH_ERR_ALIGN;
	struct eth_rooms rooms = rooms_for(v, opt_headroom);
	struct eth_region region[ETH_REGIONS];
	uint64_t size = eth_state_layout(region, eth_preset(preset), &rooms);
	if (!size || size > bytes)
		return ETH_ERR_ROOM;

	memset(s, 0, region[0].at);
	memcpy(s->region, region, sizeof(region));
	s->version = ETH_STATE_VERSION;
	s->preset = preset;
	s->capacity = bytes;
	s->region[ETH_ATTESTATIONS].room = bytes - region[ETH_ATTESTATIONS].at;
#define X(f, member) memcpy(&s->member, ssz_field(v, f).p, sizeof(s->member));
	HEADER_FIELDS(X)
#undef X
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		field = ssz_field(v, plain[i].field);
		memcpy(eth_state_at_mut(s, plain[i].region), field.p, field.n);
		s->region[plain[i].region].count = field.n / eth_region_size[plain[i].region];
	}
	field = ssz_field(v, F_VALIDATORS);
	put_validators(s, field);
	s->region[ETH_VALIDATORS].count = ssz_length(field);

	uint8_t *start = eth_state_at_mut(s, ETH_ATTESTATIONS), *end;
	field = ssz_field(v, F_PREVIOUS_EPOCH_ATTESTATIONS);
	s->previous_attestations = (uint32_t)ssz_length(field);
	end = put_pending(start, field, true);
	field = ssz_field(v, F_CURRENT_EPOCH_ATTESTATIONS);
	s->current_attestations = (uint32_t)ssz_length(field);
	end = put_pending(end, field, false);
	s->region[ETH_ATTESTATIONS].count = (uint64_t)(end - start);
	if (eth_has_trees(s))
		eth_trees_reset(s);
	s->magic = ETH_STATE_MAGIC;
	return 0;
}

static size_t pending_ssz_size(const struct eth_state *s, bool previous)
{
	size_t n = 0;

	for (const struct eth_pending *a = eth_pending_first(s, previous); a; a = eth_pending_next(s, a))
		n += 4 + sizeof(struct ssz_pending_attestation) + a->bits / 8 + 1;
	return n;
}

size_t eth_state_ssz_size(const struct eth_state *s)
{
	size_t n = eth_type(s->preset, ETH_BeaconState)->fixed;

	n += eth_state_count(s, ETH_HISTORICAL_ROOTS) * 32;
	n += eth_state_count(s, ETH_ETH1_VOTES) * sizeof(struct ssz_eth1_data);
	n += eth_state_count(s, ETH_VALIDATORS) * sizeof(struct ssz_validator);
	n += eth_state_count(s, ETH_BALANCES) * sizeof(uint64_t);
	n += pending_ssz_size(s, true);
	n += pending_ssz_size(s, false);
	return n;
}

static uint8_t *get_validators(uint8_t *p, const struct eth_state *s)
{
	const struct eth_validator *in = eth_state_validators(s);
	struct ssz_validator *out = (struct ssz_validator *)p;
	uint64_t n = eth_state_validator_count(s);

	for (uint64_t i = 0; i < n; i++) {
		memcpy(out[i].pubkey, in[i].pubkey, 48);
		memcpy(out[i].withdrawal_credentials, in[i].withdrawal_credentials, 32);
		out[i].effective_balance = in[i].effective_balance;
		out[i].slashed = in[i].slashed;
		out[i].activation_eligibility_epoch = in[i].activation_eligibility_epoch;
		out[i].activation_epoch = in[i].activation_epoch;
		out[i].exit_epoch = in[i].exit_epoch;
		out[i].withdrawable_epoch = in[i].withdrawable_epoch;
	}
	return (uint8_t *)(out + n);
}

static uint8_t *get_pending(uint8_t *p, const struct eth_state *s, bool previous)
{
	uint32_t at = 4 * (previous ? s->previous_attestations : s->current_attestations);
	uint8_t *offset = p;

	p += at;
	for (const struct eth_pending *a = eth_pending_first(s, previous); a; a = eth_pending_next(s, a)) {
		struct ssz_pending_attestation *out = (struct ssz_pending_attestation *)p;
		uint32_t bytes = a->bits / 8 + 1;

		memcpy(offset, &at, 4);
		offset += 4;
		out->aggregation_bits_at = sizeof(*out);
		out->data = a->data;
		out->inclusion_delay = a->inclusion_delay;
		out->proposer_index = a->proposer_index;
		p += sizeof(*out);
		memcpy(p, a->bit, (a->bits + 7) / 8);
		if (a->bits % 8 == 0)
			p[bytes - 1] = 0;
		p[bytes - 1] |= (uint8_t)(1u << a->bits % 8);
		p += bytes;
		at += (uint32_t)sizeof(*out) + bytes;
	}
	return p;
}

void eth_state_to_ssz(const struct eth_state *s, void *out)
{
	const struct ssz_type *t = eth_type(s->preset, ETH_BeaconState);
	uint8_t *start = out, *p = start + t->fixed;

#define X(f, member) memcpy(start + t->field[f].at, &s->member, sizeof(s->member));
	HEADER_FIELDS(X)
#undef X
	for (uint32_t f = 0; f < t->fields; f++) {
		uint32_t at = (uint32_t)(p - start);

		if (!t->field[f].type->size)
			memcpy(start + t->field[f].at, &at, sizeof(at));
		if (f == F_VALIDATORS)
			p = get_validators(p, s);
		else if (f == F_PREVIOUS_EPOCH_ATTESTATIONS)
			p = get_pending(p, s, true);
		else if (f == F_CURRENT_EPOCH_ATTESTATIONS)
			p = get_pending(p, s, false);
		for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
			enum eth_region_id id = plain[i].region;
			size_t n = eth_state_count(s, id) * eth_region_size[id];

			if (plain[i].field != f)
				continue;
			memcpy(t->field[f].type->size ? start + t->field[f].at : p, eth_state_at(s, id), n);
			if (!t->field[f].type->size)
				p += n;
		}
	}
}
