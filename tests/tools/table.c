#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "tools/table.h"

enum { NAME, COUNT, DELTA, OK, RATE, TIME, SIGNAL, PEERS, TALLY };
static const struct col cols[] = {
	[NAME] = {"name", COL_STR, 0, ""},
	[COUNT] = {"the_count", COL_U64, 0, ""},
	[DELTA] = {"delta", COL_I64, 0, ""},
	[OK] = {"ok", COL_BOOL, 0, ""},
	[RATE] = {"rate", COL_NUM, COL_EXTRA, ""},
	[TIME] = {"time", COL_TIME, COL_EXTRA, ""},
	[SIGNAL] = {"signal", COL_SIGNAL, 0, ""},
	[PEERS] = {"peers", COL_LIST, 0, ""},
	[TALLY] = {"tally", COL_COUNTS, COL_EXTRA, ""},
};
#define COL_CNT (sizeof cols / sizeof *cols)

static struct table *two_rows(void)
{
	struct table *t = table_new(cols, COL_CNT);
	table_row(t);
	table_str(t, NAME, "requests-1");
	table_u64(t, COUNT, UINT64_MAX);
	table_i64(t, DELTA, -5);
	table_bool(t, OK, true);
	table_num(t, RATE, 0.25);
	table_u64(t, TIME, 1000000000123456789ull);
	table_u64(t, SIGNAL, SIGKILL);
	table_add(t, PEERS, "a");
	table_add(t, PEERS, "b");
	table_count(t, TALLY, "valid", 7);
	table_count(t, TALLY, "invalid", 0);
	table_row(t);
	table_str(t, NAME, "x");
	return t;
}

static char *printed(const struct table *t, bool (*print)(const struct table *t, FILE *f))
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	cr_assert(print(t, f));
	fclose(f);
	return text;
}

static json_t *parsed(const struct table *t)
{
	char *text;
	size_t size;
	json_t *doc;
	struct jsonw j;
	FILE *f = open_memstream(&text, &size);
	jsonw_begin(&j, f, false);
	cr_assert(table_json(t, &j));
	jsonw_line(&j);
	fclose(f);
	doc = json_loads(text, 0, NULL);
	free(text);
	return doc;
}

Test(table, plain_columns_are_aligned)
{
	struct table *t = two_rows();
	char *text = printed(t, table_print);
	cr_assert_str_eq(text, "NAME                   THE-COUNT  DELTA  OK   SIGNAL  PEERS\n"
			       "requests-1  18446744073709551615     -5  yes  KILL    a,b\n"
			       "x                              -      -  -    -       -\n");
	free(text);
	table_free(t);
}

Test(table, a_heading_alone)
{
	struct table *t = table_new(cols, COL_CNT);
	char *text;
	cr_assert_null(table_select(t, "ok,name"));
	text = printed(t, table_print);
	cr_assert_str_eq(text, "OK  NAME\n");
	free(text);
	table_free(t);
}

Test(table, a_record_has_every_field)
{
	struct table *t = two_rows();
	char *text = printed(t, table_print_record);
	cr_assert_not_null(strstr(text, "time       2001-09-09T01:46:40.123456Z\n"));
	cr_assert_not_null(strstr(text, "tally      valid=7,invalid=0\n"));
	free(text);
	table_free(t);
}

Test(table, fields_are_chosen_by_name)
{
	struct table *t = two_rows();
	char *text;
	cr_assert_null(table_select(t, "rate,name"));
	text = printed(t, table_print);
	cr_assert_str_eq(text, "RATE  NAME\n0.25  requests-1\n   -  x\n");
	free(text);
	cr_assert_str_eq(table_select(t, "name,nam,ok"), "nam");
	cr_assert_str_eq(table_select(t, ""), "");
	table_free(t);
}

Test(table, json_tells_the_same)
{
	struct table *t = two_rows();
	json_t *row, *doc;
	cr_assert_null(table_select(t, "name,delta,ok,rate,time,signal,peers,tally"));
	doc = parsed(t); // without the largest count, which jansson cannot hold
	cr_assert_eq(json_array_size(doc), 2);
	row = json_array_get(doc, 0);
	cr_assert_str_eq(json_string_value(json_object_get(row, "name")), "requests-1");
	cr_assert_eq(json_integer_value(json_object_get(row, "delta")), -5);
	cr_assert(json_is_true(json_object_get(row, "ok")));
	cr_assert_eq(json_real_value(json_object_get(row, "rate")), 0.25);
	cr_assert_str_eq(json_string_value(json_object_get(row, "time")), "2001-09-09T01:46:40.123456Z");
	cr_assert_eq(json_integer_value(json_object_get(row, "signal")), SIGKILL);
	cr_assert_eq(json_array_size(json_object_get(row, "peers")), 2);
	cr_assert_str_eq(json_string_value(json_array_get(json_object_get(row, "peers"), 1)), "b");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(row, "tally"), "valid")), 7);
	row = json_array_get(doc, 1);
	cr_assert(json_is_null(json_object_get(row, "signal")));
	cr_assert_eq(json_array_size(json_object_get(row, "peers")), 0);
	cr_assert_eq(json_object_size(json_object_get(row, "tally")), 0);
	json_decref(doc);
	table_free(t);
}

Test(table, many_rows)
{
	struct table *t = table_new(cols, COL_CNT);
	json_t *doc;
	for (unsigned i = 0; i < 1000; i++) {
		table_row(t);
		table_str(t, NAME, "first");
		table_str(t, NAME, "n");
		table_i64(t, DELTA, i);
	}
	cr_assert_eq(table_rows(t), 1000);
	doc = parsed(t);
	cr_assert_eq(json_integer_value(json_object_get(json_array_get(doc, 999), "delta")), 999);
	json_decref(doc);
	table_free(t);
}

Test(table, a_stream_keeps_its_widths)
{
	struct table *t = table_new(cols, COL_CNT);
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	cr_assert_null(table_select(t, "the_count,name"));
	for (unsigned i = 0; i < 2; i++) {
		table_clear(t);
		table_row(t);
		table_str(t, NAME, "a");
		table_u64(t, COUNT, i == 0 ? 7 : 1234567);
		cr_assert(table_print_stream(t, f, i == 0));
	}
	fclose(f);
	cr_assert_str_eq(text, " THE-COUNT  NAME\n         7  a\n   1234567  a\n");
	free(text);
	table_free(t);
}
