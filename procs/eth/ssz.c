#include "procs/eth/ssz.h"
#include "procs/eth/merkle.h"

#include <string.h>

struct walk {
	const uint8_t *start;
	struct ssz_fault fault;
};

static uint32_t offset_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool ssz_basic(const struct ssz_type *t)
{
	return t->kind == SSZ_UINT || t->kind == SSZ_BOOLEAN;
}

unsigned ssz_depth(const struct ssz_type *t)
{
	switch (t->kind) {
	case SSZ_UINT:
	case SSZ_BOOLEAN:
		return 0;
	case SSZ_VECTOR:
	case SSZ_LIST:
		/* Limits are at most 2^40 and basic elements at most 32 bytes: the product does not overflow.
		 */
		return eth_merkle_depth(ssz_basic(t->elem) ? (t->limit * t->elem->size + 31) / 32 : t->limit);
	case SSZ_BITVECTOR:
	case SSZ_BITLIST:
		return eth_merkle_depth((t->limit + 255) / 256);
	case SSZ_CONTAINER:
		return eth_merkle_depth(t->fields);
	}
	return 0;
}

uint64_t ssz_bitlist_length(const uint8_t *p, size_t n)
{
	return 8 * (uint64_t)(n - 1) + 31 - (unsigned)__builtin_clz(p[n - 1]);
}

static int fail(struct walk *w, const struct ssz_type *t, const uint8_t *p, int code)
{
	w->fault.at = (size_t)(p - w->start);
	w->fault.type = t;
	return code;
}

static int check(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n);

static int check_elems_fixed(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n)
{
	uint64_t count = n / t->elem->size;

	if (n % t->elem->size)
		return fail(w, t, p, ETH_ERR_LIST_BYTES);
	if (t->kind == SSZ_VECTOR && count != t->limit)
		return fail(w, t, p, ETH_ERR_VECTOR_LENGTH);
	if (count > t->limit)
		return fail(w, t, p, ETH_ERR_LIST_LIMIT);
	if (t->elem->kind == SSZ_UINT)
		return 0;
	for (uint64_t i = 0; i < count; i++) {
		w->fault.index = i;
		int r = check(w, t->elem, p + i * t->elem->size, t->elem->size);
		if (r)
			return r;
	}
	return 0;
}

/* The value behind offset `*at` ends at `next`; checks the order and the range of both. */
static int check_span(struct walk *w, const struct ssz_type *t, const uint8_t *at, uint32_t from, size_t to,
		      size_t n)
{
	if (from > n || to > n)
		return fail(w, t, at, ETH_ERR_OFFSET_RANGE);
	if (to < from)
		return fail(w, t, at, ETH_ERR_OFFSET_ORDER);
	return 0;
}

static int check_elems_variable(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n)
{
	uint64_t count = t->kind == SSZ_VECTOR ? t->limit : 0;

	if (n == 0 && t->kind == SSZ_LIST)
		return 0;
	if (n < 4)
		return fail(w, t, p, ETH_ERR_SHORT);
	uint32_t first = offset_at(p);
	if (t->kind == SSZ_LIST) {
		count = first / 4;
		if (first == 0 || first % 4)
			return fail(w, t, p, ETH_ERR_FIRST_OFFSET);
		if (count > t->limit)
			return fail(w, t, p, ETH_ERR_LIST_LIMIT);
	}
	if (first != 4 * count)
		return fail(w, t, p, ETH_ERR_FIRST_OFFSET);
	if (first > n)
		return fail(w, t, p, ETH_ERR_OFFSET_RANGE);
	for (uint64_t i = 0; i < count; i++) {
		uint32_t from = offset_at(p + 4 * i);
		size_t to = i + 1 < count ? offset_at(p + 4 * (i + 1)) : n;
		int r = check_span(w, t, p + 4 * i, from, to, n);

		w->fault.index = i;
		if (r || (r = check(w, t->elem, p + from, to - from)))
			return r;
	}
	return 0;
}

static int check_container(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n)
{
	const struct ssz_field *variable = NULL;
	uint32_t from = 0;

	if (!t->fields)
		return fail(w, t, p, ETH_ERR_TYPE);
	if (n < t->fixed)
		return fail(w, t, p, ETH_ERR_SHORT);
	if (t->size && n > t->fixed)
		return fail(w, t, p + t->fixed, ETH_ERR_LONG);
	for (uint32_t i = 0; i < t->fields; i++) {
		const struct ssz_field *f = &t->field[i];
		int r = 0;

		w->fault.field = f->name;
		w->fault.index = UINT64_MAX;
		if (f->type->size) {
			r = check(w, f->type, p + f->at, f->type->size);
		} else if (!variable) {
			from = offset_at(p + f->at);
			if (from != t->fixed)
				r = fail(w, t, p + f->at, ETH_ERR_FIRST_OFFSET);
			variable = f;
		} else {
			uint32_t to = offset_at(p + f->at);

			r = check_span(w, t, p + f->at, from, to, n);
			if (!r)
				r = check(w, variable->type, p + from, to - from);
			from = to;
			variable = f;
		}
		if (r)
			return r;
	}
	if (!variable)
		return 0;
	w->fault.field = variable->name;
	w->fault.index = UINT64_MAX;
	return check(w, variable->type, p + from, n - from);
}

static int check_bits(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n)
{
	if (t->kind == SSZ_BITVECTOR) {
		if (t->limit % 8 && p[n - 1] >> t->limit % 8)
			return fail(w, t, p + n - 1, ETH_ERR_BITVECTOR_PADDING);
		return 0;
	}
	if (n == 0 || p[n - 1] == 0)
		return fail(w, t, p + n, ETH_ERR_BITLIST_DELIMITER);
	/* Whole bytes first, so that the number of bits cannot overflow. */
	if (n - 1 > t->limit / 8 || ssz_bitlist_length(p, n) > t->limit)
		return fail(w, t, p, ETH_ERR_BITLIST_LIMIT);
	return 0;
}

static int check(struct walk *w, const struct ssz_type *t, const uint8_t *p, size_t n)
{
	if ((t->kind == SSZ_VECTOR || t->kind == SSZ_BITVECTOR) && t->limit == 0)
		return fail(w, t, p, ETH_ERR_TYPE);
	if (t->size && n != t->size)
		return n < t->size ? fail(w, t, p + n, ETH_ERR_SHORT) : fail(w, t, p + t->size, ETH_ERR_LONG);
	switch (t->kind) {
	case SSZ_UINT:
		return 0;
	case SSZ_BOOLEAN:
		return *p > 1 ? fail(w, t, p, ETH_ERR_BOOLEAN) : 0;
	case SSZ_VECTOR:
	case SSZ_LIST:
		return t->elem->size ? check_elems_fixed(w, t, p, n) : check_elems_variable(w, t, p, n);
	case SSZ_BITVECTOR:
	case SSZ_BITLIST:
		return check_bits(w, t, p, n);
	case SSZ_CONTAINER:
		return check_container(w, t, p, n);
	}
	return fail(w, t, p, ETH_ERR_TYPE);
}

int ssz_check(const struct ssz_type *t, const uint8_t *p, size_t n, struct ssz_fault *opt_fault)
{
	struct walk w = {.start = p, .fault = {.type = t, .index = UINT64_MAX}};
	int r = check(&w, t, p, n);

	if (r && opt_fault)
		*opt_fault = w.fault;
	return r;
}

struct ssz_view ssz_field(struct ssz_view v, unsigned idx)
{
	const struct ssz_field *f = &v.type->field[idx];
	size_t end = v.n;

	if (f->type->size)
		return (struct ssz_view){f->type, v.p + f->at, f->type->size};
	uint32_t from = offset_at(v.p + f->at);
	for (unsigned i = idx + 1; i < v.type->fields; i++) {
		if (!v.type->field[i].type->size) {
			end = offset_at(v.p + v.type->field[i].at);
			break;
		}
	}
	return (struct ssz_view){f->type, v.p + from, end - from};
}

int ssz_field_index(const struct ssz_type *t, const char *name)
{
	for (uint32_t i = 0; i < t->fields; i++)
		if (!strcmp(t->field[i].name, name))
			return (int)i;
	return -1;
}

struct ssz_view ssz_field_named(struct ssz_view v, const char *name)
{
	int i = ssz_field_index(v.type, name);

	return i < 0 ? (struct ssz_view){0} : ssz_field(v, (unsigned)i);
}

uint64_t ssz_length(struct ssz_view v)
{
	switch (v.type->kind) {
	case SSZ_VECTOR:
	case SSZ_BITVECTOR:
		return v.type->limit;
	case SSZ_LIST:
		if (v.type->elem->size)
			return v.n / v.type->elem->size;
		return v.n ? offset_at(v.p) / 4 : 0;
	case SSZ_BITLIST:
		return ssz_bitlist_length(v.p, v.n);
	default:
		return 0;
	}
}

struct ssz_view ssz_elem(struct ssz_view v, uint64_t idx)
{
	const struct ssz_type *e = v.type->elem;

	if (e->size)
		return (struct ssz_view){e, v.p + idx * e->size, e->size};
	uint32_t from = offset_at(v.p + 4 * idx);
	size_t end = idx + 1 < ssz_length(v) ? offset_at(v.p + 4 * (idx + 1)) : v.n;
	return (struct ssz_view){e, v.p + from, end - from};
}

bool ssz_bit(struct ssz_view v, uint64_t idx)
{
	return v.p[idx / 8] >> idx % 8 & 1;
}

uint64_t ssz_u64(struct ssz_view v)
{
	uint64_t x = 0;

	memcpy(&x, v.p, v.n < 8 ? v.n : 8);
	return x;
}
