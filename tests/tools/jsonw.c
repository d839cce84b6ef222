#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/jsonw.h"

struct doc {
	struct jsonw j;
	FILE *f;
	char *text;
	size_t size;
};

static void begin(struct doc *d, bool pretty)
{
	d->f = open_memstream(&d->text, &d->size);
	jsonw_begin(&d->j, d->f, pretty);
}

static void end_is(struct doc *d, const char *want)
{
	jsonw_line(&d->j);
	fclose(d->f);
	cr_assert_str_eq(d->text, want);
	free(d->text);
}

Test(jsonw, numbers_at_their_limits)
{
	struct doc d;
	begin(&d, false);
	jsonw_array(&d.j);
	jsonw_u64(&d.j, UINT64_MAX);
	jsonw_i64(&d.j, INT64_MIN);
	jsonw_num(&d.j, 0.5);
	jsonw_num(&d.j, NAN);
	jsonw_num(&d.j, INFINITY);
	jsonw_bool(&d.j, true);
	jsonw_bool(&d.j, false);
	jsonw_null(&d.j);
	jsonw_end(&d.j);
	end_is(&d, "[18446744073709551615,-9223372036854775808,0.5,null,null,true,false,null]\n");
}

Test(jsonw, nesting_and_empty_members)
{
	struct doc d;
	begin(&d, false);
	jsonw_object(&d.j);
	jsonw_key(&d.j, "a");
	jsonw_array(&d.j);
	jsonw_end(&d.j);
	jsonw_key(&d.j, "b");
	jsonw_object(&d.j);
	jsonw_key(&d.j, "c");
	jsonw_str(&d.j, NULL);
	jsonw_end(&d.j);
	jsonw_end(&d.j);
	end_is(&d, "{\"a\":[],\"b\":{\"c\":null}}\n");
}

Test(jsonw, pretty)
{
	struct doc d;
	begin(&d, true);
	jsonw_object(&d.j);
	jsonw_key(&d.j, "a");
	jsonw_array(&d.j);
	jsonw_u64(&d.j, 1);
	jsonw_u64(&d.j, 2);
	jsonw_end(&d.j);
	jsonw_end(&d.j);
	end_is(&d, "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t]\n}\n");
}

Test(jsonw, strings_that_are_not_utf8)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
		{"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{"a\xff"
		 "b",
		 "\"a\xef\xbf\xbd"
		 "b\""},
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // overlong
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // surrogate
		{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // cut short
	};
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		char want[64];
		struct doc d;
		snprintf(want, sizeof want, "%s\n", cases[i].out);
		begin(&d, false);
		jsonw_str(&d.j, cases[i].in);
		end_is(&d, want);
	}
}

// Every byte string must come out as JSON that a parser of others takes.
Test(jsonw, any_bytes_parse)
{
	unsigned seed = 1;
	for (unsigned n = 0; n < 2000; n++) {
		char bytes[40];
		size_t len = (size_t)rand_r(&seed) % sizeof bytes;
		struct doc d;
		json_t *parsed;
		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)rand_r(&seed);
		begin(&d, n % 2);
		jsonw_array(&d.j);
		jsonw_strn(&d.j, bytes, len);
		jsonw_end(&d.j);
		jsonw_line(&d.j);
		fclose(d.f);
		parsed = json_loads(d.text, JSON_ALLOW_NUL, NULL);
		cr_assert_not_null(parsed, "%s", d.text);
		json_decref(parsed);
		free(d.text);
	}
}
