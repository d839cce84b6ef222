#include "procs/ncli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *hex(const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	char *text = malloc(2 + 2 * n + 1);
	json_t *s;

	if (!text)
		return NULL;
	memcpy(text, "0x", 2);
	for (size_t i = 0; i < n; i++) {
		text[2 + 2 * i] = digit[p[i] >> 4];
		text[3 + 2 * i] = digit[p[i] & 15];
	}
	s = json_stringn_nocheck(text, 2 + 2 * n);
	free(text);
	return s;
}

/* Decimal digits of an integer of up to 32 bytes, by long division. */
static json_t *decimal(const uint8_t *p, size_t n)
{
	uint8_t rest[32] = {0};
	char text[80], *at = text + sizeof(text);
	size_t top = n;

	memcpy(rest, p, n);
	do {
		unsigned carry = 0;

		for (size_t i = top; i--;) {
			carry = carry << 8 | rest[i];
			rest[i] = (uint8_t)(carry / 10);
			carry %= 10;
		}
		*--at = (char)('0' + carry);
		while (top && !rest[top - 1])
			top--;
	} while (top);
	return json_stringn_nocheck(at, (size_t)(text + sizeof(text) - at));
}

static json_t *container(struct ssz_view v)
{
	json_t *object = json_object();

	for (uint32_t i = 0; object && i < v.type->fields; i++)
		if (json_object_set_new_nocheck(object, v.type->field[i].name, ncli_json(ssz_field(v, i)))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

static json_t *array(struct ssz_view v)
{
	json_t *list = json_array();

	for (uint64_t i = 0, n = ssz_length(v); list && i < n; i++)
		if (json_array_append_new(list, ncli_json(ssz_elem(v, i)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

json_t *ncli_json(struct ssz_view v)
{
	switch (v.type->kind) {
	case SSZ_UINT:
		return decimal(v.p, v.n);
	case SSZ_BOOLEAN:
		return json_boolean(*v.p);
	case SSZ_BITVECTOR:
	case SSZ_BITLIST:
		return hex(v.p, v.n);
	case SSZ_CONTAINER:
		return container(v);
	case SSZ_VECTOR:
	case SSZ_LIST:
		break;
	}
	return v.type->bytes ? hex(v.p, v.n) : array(v);
}
