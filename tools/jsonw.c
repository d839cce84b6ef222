#include "tools/jsonw.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

void jsonw_begin(struct jsonw *j, FILE *f, bool pretty)
{
	*j = (struct jsonw){.f = f, .pretty = pretty};
}

void jsonw_line(struct jsonw *j)
{
	assert(j->depth == 0 && !j->keyed);
	fputc('\n', j->f);
}

static void newline(struct jsonw *j)
{
	if (!j->pretty)
		return;
	fputc('\n', j->f);
	for (unsigned i = 0; i < j->depth; i++)
		fputc('\t', j->f);
}

// What comes before a value or a key: the comma and the indentation.
static void before(struct jsonw *j, bool is_key)
{
	if (j->keyed) {
		assert(!is_key);
		j->keyed = false;
		return;
	}
	if (j->depth == 0)
		return;
	assert(is_key == (j->close[j->depth - 1] == '}'));
	if (j->filled[j->depth - 1])
		fputc(',', j->f);
	j->filled[j->depth - 1] = true;
	newline(j);
}

static void open_with(struct jsonw *j, char open, char close)
{
	before(j, false);
	assert(j->depth < JSONW_DEPTH_MAX);
	fputc(open, j->f);
	j->close[j->depth] = close;
	j->filled[j->depth++] = false;
}

void jsonw_object(struct jsonw *j)
{
	open_with(j, '{', '}');
}

void jsonw_array(struct jsonw *j)
{
	open_with(j, '[', ']');
}

void jsonw_end(struct jsonw *j)
{
	assert(j->depth > 0 && !j->keyed);
	j->depth--;
	if (j->filled[j->depth])
		newline(j);
	fputc(j->close[j->depth], j->f);
}

// Bytes of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7), 0 if there is none.
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static void quoted(FILE *f, const char *str, size_t n)
{
	static const char escape[] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
				      ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
	const unsigned char *s = (const unsigned char *)str;
	fputc('"', f);
	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);
		if (len == 0) {
			fputs("\xef\xbf\xbd", f);
			i++;
			continue;
		}
		if (s[i] < sizeof escape && escape[s[i]] != 0)
			fprintf(f, "\\%c", escape[s[i]]);
		else if (s[i] < 0x20 || s[i] == 0x7f)
			fprintf(f, "\\u%04x", s[i]);
		else
			fwrite(s + i, 1, len, f);
		i += len;
	}
	fputc('"', f);
}

void jsonw_key(struct jsonw *j, const char *key)
{
	before(j, true);
	quoted(j->f, key, strlen(key));
	fputs(j->pretty ? ": " : ":", j->f);
	j->keyed = true;
}

void jsonw_strn(struct jsonw *j, const char *s, size_t n)
{
	before(j, false);
	quoted(j->f, s, n);
}

void jsonw_str(struct jsonw *j, const char *s)
{
	if (s == NULL)
		jsonw_null(j);
	else
		jsonw_strn(j, s, strlen(s));
}

void jsonw_u64(struct jsonw *j, uint64_t v)
{
	before(j, false);
	fprintf(j->f, "%" PRIu64, v);
}

void jsonw_i64(struct jsonw *j, int64_t v)
{
	before(j, false);
	fprintf(j->f, "%" PRId64, v);
}

void jsonw_num(struct jsonw *j, double v)
{
	if (!isfinite(v)) {
		jsonw_null(j);
		return;
	}
	before(j, false);
	fprintf(j->f, "%.9g", v);
}

void jsonw_bool(struct jsonw *j, bool v)
{
	before(j, false);
	fputs(v ? "true" : "false", j->f);
}

void jsonw_null(struct jsonw *j)
{
	before(j, false);
	fputs("null", j->f);
}

void jsonw_raw(struct jsonw *j, const char *text, size_t n)
{
	before(j, false);
	fwrite(text, 1, n, j->f);
}
