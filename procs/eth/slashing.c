#include "procs/eth/slashing.h"
#include "procs/eth/types.h"

#include <stdlib.h>
#include <string.h>

/* Pairs of one call that are reported once: each slot of the table is an earlier attestation. */
#define PAIRS 64

struct record {
	uint8_t *bytes; /* IndexedAttestation; NULL: the slot is free */
	uint32_t n;
	uint32_t next; /* of the same column, or of the free list; 0 ends both */
};

/* Votes for one target epoch: by validator, the index of its record; 0 is none. */
struct column {
	uint32_t *vote;
	size_t validators;
	uint32_t records; /* list */
};

struct headers {
	struct ssz_signed_beacon_block_header *header;
	size_t n, room;
};

struct eth_slasher {
	const struct eth_preset *preset;
	uint64_t epoch;
	uint64_t first;  /* no vote is kept for a target epoch before it */
	uint32_t window; /* epochs before and with the current one; the ring has one more for the next */
	struct column *column;
	struct headers *slot;
	size_t slots;
	struct record *record; /* [0] is not used */
	uint32_t records, records_room, free_records;
	size_t bytes;
};

struct eth_slasher *eth_slasher_new(const struct eth_preset *preset, uint32_t window)
{
	struct eth_slasher *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->preset = preset;
	s->window = window;
	s->slots = (size_t)(window + 1) * preset->slots_per_epoch;
	s->records = 1;
	s->first = UINT64_MAX;
	s->column = calloc((size_t)window + 1, sizeof(*s->column));
	s->slot = calloc(s->slots, sizeof(*s->slot));
	s->bytes = sizeof(*s) + (size_t)(window + 1) * sizeof(*s->column) + s->slots * sizeof(*s->slot);
	if (!s->column || !s->slot) {
		eth_slasher_free(s);
		return NULL;
	}
	return s;
}

void eth_slasher_free(struct eth_slasher *s)
{
	if (!s)
		return;
	for (uint32_t i = 1; i < s->records; i++)
		free(s->record[i].bytes);
	for (uint32_t i = 0; s->column && i <= s->window; i++)
		free(s->column[i].vote);
	for (size_t i = 0; s->slot && i < s->slots; i++)
		free(s->slot[i].header);
	free(s->record);
	free(s->column);
	free(s->slot);
	free(s);
}

static struct column *column_of(const struct eth_slasher *s, uint64_t epoch)
{
	return &s->column[epoch % (s->window + 1)];
}

static void drop_column(struct eth_slasher *s, struct column *c)
{
	for (uint32_t i = c->records, next; i; i = next) {
		next = s->record[i].next;
		s->bytes -= s->record[i].n;
		free(s->record[i].bytes);
		s->record[i] = (struct record){.next = s->free_records};
		s->free_records = i;
	}
	s->bytes -= c->validators * sizeof(*c->vote);
	free(c->vote);
	*c = (struct column){0};
}

void eth_slasher_advance(struct eth_slasher *s, uint64_t epoch)
{
	uint64_t per = s->preset->slots_per_epoch;

	if (epoch <= s->epoch)
		return;
	uint64_t steps = epoch - s->epoch > s->window ? s->window + 1 : epoch - s->epoch;
	/* The column of the next epoch takes the place of the oldest one. */
	for (uint64_t i = 0; i < steps; i++) {
		uint64_t arriving = epoch + 1 - i;

		drop_column(s, column_of(s, arriving));
		for (uint64_t k = 0; k < per; k++) {
			struct headers *h = &s->slot[(arriving * per + k) % s->slots];

			s->bytes -= h->room * sizeof(*h->header);
			free(h->header);
			*h = (struct headers){0};
		}
	}
	s->epoch = epoch;
	if (s->first != UINT64_MAX && s->first + s->window <= epoch)
		s->first = epoch + 1 - s->window;
}

static bool inside(const struct eth_slasher *s, uint64_t epoch)
{
	return epoch <= s->epoch + 1 && epoch + s->window > s->epoch;
}

static uint32_t vote_at(const struct eth_slasher *s, uint64_t epoch, uint64_t validator)
{
	const struct column *c = column_of(s, epoch);

	return validator < c->validators ? c->vote[validator] : 0;
}

bool eth_slasher_voted(const struct eth_slasher *s, uint64_t validator, uint64_t target_epoch)
{
	return inside(s, target_epoch) && vote_at(s, target_epoch, validator);
}

size_t eth_slasher_bytes(const struct eth_slasher *s)
{
	return s->bytes;
}

static const struct ssz_indexed_attestation *attestation_of(const struct eth_slasher *s, uint32_t record)
{
	return (const void *)s->record[record].bytes;
}

static uint32_t keep_record(struct eth_slasher *s, struct ssz_view v, struct column *c)
{
	uint32_t id = s->free_records;

	if (!id && s->records >= s->records_room) {
		uint32_t room = s->records_room ? 2 * s->records_room : 256;
		struct record *grown = realloc(s->record, room * sizeof(*grown));

		if (!grown)
			return 0;
		s->bytes += (room - s->records_room) * sizeof(*grown);
		s->record = grown;
		s->records_room = room;
	}
	uint8_t *copy = malloc(v.n);

	if (!copy)
		return 0;
	memcpy(copy, v.p, v.n);
	if (id)
		s->free_records = s->record[id].next;
	else
		id = s->records++;
	s->record[id] = (struct record){.bytes = copy, .n = (uint32_t)v.n, .next = c->records};
	c->records = id;
	s->bytes += v.n;
	return id;
}

static bool widen(struct eth_slasher *s, struct column *c, uint64_t validator)
{
	if (validator < c->validators)
		return true;
	size_t n = c->validators ? 2 * c->validators : 4096;

	while (n <= validator)
		n *= 2;
	uint32_t *grown = realloc(c->vote, n * sizeof(*grown));

	if (!grown)
		return false;
	memset(grown + c->validators, 0, (n - c->validators) * sizeof(*grown));
	s->bytes += (n - c->validators) * sizeof(*grown);
	c->vote = grown;
	c->validators = n;
	return true;
}

/* The kept vote of the validator that is in conflict with one from `source` to `target`; 0 where none is. */
static uint32_t conflict(const struct eth_slasher *s, uint64_t validator,
			 const struct ssz_attestation_data *data, enum eth_offence_kind *kind)
{
	uint64_t target = data->target.epoch, source = data->source.epoch;
	uint32_t r = vote_at(s, target, validator);

	*kind = ETH_DOUBLE_VOTE;
	if (r)
		return memcmp(&attestation_of(s, r)->data, data, sizeof(*data)) ? r : 0;
	*kind = ETH_SURROUND_VOTE;
	for (uint64_t t = target; t > s->first;)
		if ((r = vote_at(s, --t, validator))) {
			if (attestation_of(s, r)->data.source.epoch > source)
				return r;
			break;
		}
	for (uint64_t t = target; t <= s->epoch;)
		if ((r = vote_at(s, ++t, validator)))
			return attestation_of(s, r)->data.source.epoch < source ? r : 0;
	return 0;
}

static void report(const struct eth_slasher *s, struct ssz_view now, uint32_t record, uint64_t validator,
		   enum eth_offence_kind kind, eth_offence_fn *found, void *context)
{
	struct eth_offence o = {.kind = kind, .validator = validator, .first = now};
	const struct ssz_indexed_attestation *then = attestation_of(s, record), *a = (const void *)now.p;

	o.second = (struct ssz_view){now.type, s->record[record].bytes, s->record[record].n};
	if (kind == ETH_SURROUND_VOTE && then->data.source.epoch < a->data.source.epoch) {
		o.first = o.second;
		o.second = now;
	}
	found(context, &o);
}

static int check_indices(struct ssz_view indices)
{
	uint64_t before = 0;

	for (uint64_t i = 0, n = ssz_length(indices); i < n; i++) {
		uint64_t v = ssz_u64(ssz_elem(indices, i));

		if (v >= ETH_SLASHER_VALIDATORS || (i && v <= before))
			return ETH_SLASHER_INDEX;
		before = v;
	}
	return 0;
}

int eth_slasher_attestation(struct eth_slasher *s, struct ssz_view indexed, eth_offence_fn *found,
			    void *context)
{
	const struct ssz_indexed_attestation *a = (const void *)indexed.p;
	struct ssz_view indices = ssz_field(indexed, 0);
	uint32_t pair[PAIRS] = {0}, own = 0;
	struct column *c = column_of(s, a->data.target.epoch);
	int offences = 0;

	if (!inside(s, a->data.target.epoch))
		return ETH_SLASHER_OUTSIDE;
	if (check_indices(indices))
		return ETH_SLASHER_INDEX;
	for (uint64_t i = 0, n = ssz_length(indices); i < n; i++) {
		uint64_t validator = ssz_u64(ssz_elem(indices, i));
		enum eth_offence_kind kind;
		uint32_t with = conflict(s, validator, &a->data, &kind);

		if (with) {
			/* A collision here reports a pair twice, which harms nobody. */
			if (pair[with % PAIRS] != with) {
				report(s, indexed, with, validator, kind, found, context);
				offences++;
			}
			pair[with % PAIRS] = with;
			continue;
		}
		if (vote_at(s, a->data.target.epoch, validator))
			continue;
		if (!own && !(own = keep_record(s, indexed, c)))
			return ETH_SLASHER_MEMORY;
		if (!widen(s, c, validator))
			return ETH_SLASHER_MEMORY;
		c->vote[validator] = own;
		if (s->first > a->data.target.epoch)
			s->first = a->data.target.epoch;
	}
	return offences;
}

int eth_slasher_header(struct eth_slasher *s, const struct ssz_signed_beacon_block_header *header,
		       eth_offence_fn *found, void *context)
{
	const struct ssz_type *t = eth_type(s->preset->id, ETH_SignedBeaconBlockHeader);
	struct headers *h = &s->slot[header->message.slot % s->slots];

	if (!inside(s, header->message.slot / s->preset->slots_per_epoch))
		return ETH_SLASHER_OUTSIDE;
	for (size_t i = 0; i < h->n; i++) {
		const struct ssz_signed_beacon_block_header *then = &h->header[i];
		struct eth_offence o = {.kind = ETH_DOUBLE_PROPOSAL,
					.validator = header->message.proposer_index,
					.first = {t, (const void *)then, sizeof(*then)},
					.second = {t, (const void *)header, sizeof(*header)}};

		if (then->message.proposer_index != header->message.proposer_index)
			continue;
		if (!memcmp(&then->message, &header->message, sizeof(header->message)))
			return 0;
		found(context, &o);
		return 1;
	}
	if (h->n == h->room) {
		size_t room = h->room ? 2 * h->room : 2;
		void *grown = realloc(h->header, room * sizeof(*h->header));

		if (!grown)
			return ETH_SLASHER_MEMORY;
		s->bytes += (room - h->room) * sizeof(*h->header);
		h->header = grown;
		h->room = room;
	}
	h->header[h->n++] = *header;
	return 0;
}

size_t eth_offence_ssz(const struct eth_offence *o, void *out, size_t room)
{
	struct ssz_attester_slashing at = {.attestation_1_at = sizeof(at),
					   .attestation_2_at = (uint32_t)(sizeof(at) + o->first.n)};
	size_t head = o->kind == ETH_DOUBLE_PROPOSAL ? 0 : sizeof(at), n = head + o->first.n + o->second.n;

	if (n > room)
		return n;
	memcpy(out, &at, head);
	memcpy((uint8_t *)out + head, o->first.p, o->first.n);
	memcpy((uint8_t *)out + head + o->first.n, o->second.p, o->second.n);
	return n;
}
