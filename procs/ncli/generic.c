#include "procs/ncli/generic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UINT(n)                                                                                \
	{                                                                                      \
		.name = "uint" #n, .kind = SSZ_UINT, .size = n / 8, .fixed = n / 8, .limit = n \
	}
#define BITLIST(max)                                                           \
	{                                                                      \
		.name = "Bitlist[" #max "]", .kind = SSZ_BITLIST, .limit = max \
	}
#define BITVECTOR(bits)                                                                        \
	{                                                                                      \
		.name = "Bitvector[" #bits "]", .kind = SSZ_BITVECTOR, .size = (bits + 7) / 8, \
		.fixed = (bits + 7) / 8, .limit = bits                                         \
	}
#define CONTAINER(n, size_, fixed_)                                                                     \
	{                                                                                               \
		.name = #n, .kind = SSZ_CONTAINER, .size = size_, .fixed = fixed_, .field = n##_fields, \
		.fields = sizeof(n##_fields) / sizeof(n##_fields[0])                                    \
	}

static const struct ssz_type basic[] = {
	UINT(8),
	UINT(16),
	UINT(32),
	UINT(64),
	UINT(128),
	UINT(256),
	{.name = "bool", .kind = SSZ_BOOLEAN, .size = 1, .fixed = 1, .limit = 8},
};
#define UINT8 (&basic[0])
#define UINT16 (&basic[1])
#define UINT32 (&basic[2])
#define UINT64 (&basic[3])
#define BOOL (&basic[6])

static const struct ssz_field SingleFieldTestStruct_fields[] = {{"A", UINT8, 0}};
static const struct ssz_field SmallTestStruct_fields[] = {{"A", UINT16, 0}, {"B", UINT16, 2}};
static const struct ssz_field FixedTestStruct_fields[] = {
	{"A", UINT8, 0}, {"B", UINT64, 1}, {"C", UINT32, 9}};

static const struct ssz_type list16_1024 = {
	.name = "List[uint16, 1024]", .kind = SSZ_LIST, .limit = 1024, .elem = UINT16};
static const struct ssz_field VarTestStruct_fields[] = {
	{"A", UINT16, 0}, {"B", &list16_1024, 2}, {"C", UINT8, 6}};

enum { SINGLE, SMALL, FIXED, VAR };
static const struct ssz_type simple[] = {
	[SINGLE] = CONTAINER(SingleFieldTestStruct, 1, 1),
	[SMALL] = CONTAINER(SmallTestStruct, 4, 4),
	[FIXED] = CONTAINER(FixedTestStruct, 13, 13),
	[VAR] = CONTAINER(VarTestStruct, 0, 7),
};

static const struct ssz_type list16_128 = {
	.name = "List[uint16, 128]", .kind = SSZ_LIST, .limit = 128, .elem = UINT16};
static const struct ssz_type bytes256 = {
	.name = "ByteList[256]", .kind = SSZ_LIST, .limit = 256, .elem = UINT8, .bytes = true};
static const struct ssz_type fixed4 = {.name = "Vector[FixedTestStruct, 4]",
				       .kind = SSZ_VECTOR,
				       .size = 52,
				       .fixed = 52,
				       .limit = 4,
				       .elem = &simple[FIXED]};
static const struct ssz_type var2 = {
	.name = "Vector[VarTestStruct, 2]", .kind = SSZ_VECTOR, .limit = 2, .elem = &simple[VAR]};
static const struct ssz_field ComplexTestStruct_fields[] = {
	{"A", UINT16, 0},        {"B", &list16_128, 2}, {"C", UINT8, 6},  {"D", &bytes256, 7},
	{"E", &simple[VAR], 11}, {"F", &fixed4, 15},    {"G", &var2, 67},
};

static const struct ssz_type bits[] = {BITLIST(5), BITVECTOR(2), BITVECTOR(1), BITLIST(6), BITVECTOR(8)};
static const struct ssz_field BitsStruct_fields[] = {
	{"A", &bits[0], 0}, {"B", &bits[1], 4}, {"C", &bits[2], 5}, {"D", &bits[3], 6}, {"E", &bits[4], 10},
};

static const struct ssz_type composed[] = {CONTAINER(ComplexTestStruct, 0, 71), CONTAINER(BitsStruct, 0, 11)};

static const struct ssz_type *by_name(const struct ssz_type *t, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(t[i].name) == len && !memcmp(t[i].name, name, len))
			return &t[i];
	return NULL;
}

static const struct ssz_type *container(const char *name)
{
	size_t len = strcspn(name, "_");
	const struct ssz_type *t = by_name(simple, sizeof(simple) / sizeof(simple[0]), name, len);

	return t ? t : by_name(composed, sizeof(composed) / sizeof(composed[0]), name, len);
}

static const struct ssz_type *vector(const char *name, struct ncli_generic *g)
{
	const char *element = name + strlen("vec_");
	size_t len = strcspn(element, "_");
	const struct ssz_type *e = by_name(basic, sizeof(basic) / sizeof(basic[0]), element, len);

	if (strncmp(name, "vec_", 4) || !e || element[len] != '_')
		return NULL;
	g->type = (struct ssz_type){.name = g->name,
				    .kind = SSZ_VECTOR,
				    .limit = strtoul(element + len + 1, NULL, 10),
				    .elem = e};
	g->type.size = g->type.fixed = (uint32_t)g->type.limit * e->size;
	return &g->type;
}

static const struct ssz_type *numbered(const char *name, const char *prefix, enum ssz_kind kind,
				       uint64_t otherwise, struct ncli_generic *g)
{
	const char *digits = name + strlen(prefix);
	char *end;

	if (strncmp(name, prefix, strlen(prefix)))
		return NULL;
	uint64_t limit = strtoul(digits, &end, 10);
	if (end == digits)
		limit = otherwise;
	g->type = (struct ssz_type){.name = g->name, .kind = kind, .limit = limit};
	if (kind != SSZ_BITLIST)
		g->type.size = g->type.fixed = (uint32_t)(limit + 7) / 8;
	return &g->type;
}

const struct ssz_type *ncli_generic_type(const char *handler, const char *name, struct ncli_generic *g)
{
	snprintf(g->name, sizeof(g->name), "%s", name);
	if (!strcmp(handler, "basic_vector"))
		return vector(name, g);
	/* "bitlist_no_delimiter_…" names no limit; it is to be refused whatever the limit is. */
	if (!strcmp(handler, "bitlist"))
		return numbered(name, "bitlist_", SSZ_BITLIST, 8, g);
	if (!strcmp(handler, "bitvector"))
		return numbered(name, "bitvec_", SSZ_BITVECTOR, 0, g);
	if (!strcmp(handler, "uints"))
		return numbered(name, "uint_", SSZ_UINT, 0, g);
	if (!strcmp(handler, "boolean"))
		return BOOL;
	if (!strcmp(handler, "containers"))
		return container(name);
	return NULL;
}
