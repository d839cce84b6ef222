#include "tools/table.h"
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN_MAX 64 // columns of a plain table

struct cell {
	bool set;
	union {
		uint64_t u;
		int64_t i;
		double num;
		char *str;
	};
};

struct table {
	const struct col *cols;
	unsigned col_cnt;
	unsigned *shown;    // indices of the columns chosen by table_select
	unsigned shown_cnt; // 0: none chosen, all that the kind of output has
	char *bad_field;
	struct cell *cells; // row_cnt * col_cnt
	unsigned row_cnt, row_max;
	bool broken;
};

static bool is_text(enum col_type type)
{
	return type == COL_STR || type == COL_LIST || type == COL_COUNTS;
}

struct table *table_new(const struct col *cols, unsigned col_cnt)
{
	struct table *t = calloc(1, sizeof *t);
	if (t == NULL)
		return NULL;
	t->cols = cols;
	t->col_cnt = col_cnt;
	return t;
}

void table_clear(struct table *t)
{
	for (unsigned i = 0; i < t->row_cnt * t->col_cnt; i++)
		if (t->cells[i].set && is_text(t->cols[i % t->col_cnt].type))
			free(t->cells[i].str);
	t->row_cnt = 0;
}

void table_free(struct table *t)
{
	if (t == NULL)
		return;
	table_clear(t);
	free(t->cells);
	free(t->shown);
	free(t->bad_field);
	free(t);
}

static int find_col(const struct table *t, const char *key, size_t len)
{
	for (unsigned i = 0; i < t->col_cnt; i++)
		if (strlen(t->cols[i].key) == len && memcmp(t->cols[i].key, key, len) == 0)
			return (int)i;
	return -1;
}

const char *table_select(struct table *t, const char *fields)
{
	size_t max = 1;
	for (const char *s = fields; *s != '\0'; s++)
		max += *s == ',';
	free(t->shown);
	t->shown_cnt = 0;
	t->shown = calloc(max, sizeof *t->shown);
	if (t->shown == NULL) {
		t->broken = true;
		return NULL;
	}
	for (const char *word = fields;; word++) {
		size_t len = strcspn(word, ",");
		int col = find_col(t, word, len);
		if (col < 0) {
			free(t->bad_field);
			t->bad_field = strndup(word, len);
			return t->bad_field != NULL ? t->bad_field : "?";
		}
		t->shown[t->shown_cnt++] = (unsigned)col;
		word += len;
		if (*word == '\0')
			return NULL;
	}
}

void table_row(struct table *t)
{
	if (t->broken)
		return;
	if (t->row_cnt == t->row_max) {
		unsigned max = t->row_max != 0 ? 2 * t->row_max : 16;
		struct cell *cells = reallocarray(t->cells, (size_t)max * t->col_cnt, sizeof *cells);
		if (cells == NULL) {
			t->broken = true;
			return;
		}
		t->cells = cells;
		t->row_max = max;
	}
	memset(t->cells + (size_t)t->row_cnt * t->col_cnt, 0, t->col_cnt * sizeof *t->cells);
	t->row_cnt++;
}

unsigned table_rows(const struct table *t)
{
	return t->row_cnt;
}

static struct cell *last(struct table *t, unsigned col)
{
	return t->broken || t->row_cnt == 0 || col >= t->col_cnt
		       ? NULL
		       : &t->cells[(size_t)(t->row_cnt - 1) * t->col_cnt + col];
}

void table_u64(struct table *t, unsigned col, uint64_t v)
{
	struct cell *c = last(t, col);
	if (c != NULL)
		*c = (struct cell){.set = true, .u = v};
}

void table_i64(struct table *t, unsigned col, int64_t v)
{
	struct cell *c = last(t, col);
	if (c != NULL)
		*c = (struct cell){.set = true, .i = v};
}

void table_bool(struct table *t, unsigned col, bool v)
{
	table_u64(t, col, v);
}

void table_num(struct table *t, unsigned col, double v)
{
	struct cell *c = last(t, col);
	if (c != NULL)
		*c = (struct cell){.set = true, .num = v};
}

static void set_text(struct table *t, unsigned col, char *s)
{
	struct cell *c = last(t, col);
	if (c == NULL || s == NULL) {
		t->broken |= s == NULL;
		free(s);
		return;
	}
	if (c->set)
		free(c->str);
	*c = (struct cell){.set = true, .str = s};
}

void table_str(struct table *t, unsigned col, const char *s)
{
	set_text(t, col, strdup(s));
}

void table_add(struct table *t, unsigned col, const char *name)
{
	struct cell *c = last(t, col);
	char *s = NULL;
	bool first = c == NULL || !c->set || c->str[0] == '\0';
	if (asprintf(&s, "%s%s%s", first ? "" : c->str, first ? "" : ",", name) < 0)
		s = NULL;
	set_text(t, col, s);
}

void table_count(struct table *t, unsigned col, const char *name, uint64_t v)
{
	char *s = NULL;
	if (asprintf(&s, "%s=%" PRIu64, name, v) < 0) {
		t->broken = true;
		return;
	}
	table_add(t, col, s);
	free(s);
}

static void time_text(uint64_t ns, char *buf, size_t size)
{
	time_t s = (time_t)(ns / 1000000000u);
	struct tm tm;
	size_t n = gmtime_r(&s, &tm) != NULL ? strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm) : 0;
	snprintf(buf + n, size - n, ".%06uZ", (unsigned)(ns % 1000000000u / 1000u));
}

// The plain text of a cell; buf is used if it isn't text already.
static const char *plain(const struct table *t, unsigned row, unsigned col, char *buf, size_t size)
{
	const struct cell *c = &t->cells[(size_t)row * t->col_cnt + col];
	const char *name;
	if (!c->set)
		return "-";
	switch (t->cols[col].type) {
	case COL_STR:
	case COL_LIST:
	case COL_COUNTS:
		return c->str[0] != '\0' ? c->str : "-";
	case COL_U64:
		snprintf(buf, size, "%" PRIu64, c->u);
		break;
	case COL_I64:
		snprintf(buf, size, "%" PRId64, c->i);
		break;
	case COL_BOOL:
		return c->u != 0 ? "yes" : "no";
	case COL_NUM:
		snprintf(buf, size, "%.6g", c->num);
		break;
	case COL_TIME:
		time_text(c->u, buf, size);
		break;
	case COL_SIGNAL:
		name = sigabbrev_np((int)c->u);
		if (name != NULL)
			return name;
		snprintf(buf, size, "%" PRIu64, c->u);
		break;
	}
	return buf;
}

static void json_words(struct jsonw *j, const char *s, bool counts)
{
	while (*s != '\0') {
		size_t len = strcspn(s, ",");
		if (counts) {
			size_t name_len = strcspn(s, "=,");
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)name_len, s);
			jsonw_key(j, name);
			jsonw_u64(j, strtoull(s + name_len + (s[name_len] == '='), NULL, 10));
		} else {
			jsonw_strn(j, s, len);
		}
		s += len + (s[len] == ',');
	}
}

static void json_cell(const struct table *t, struct jsonw *j, unsigned row, unsigned col)
{
	const struct cell *c = &t->cells[(size_t)row * t->col_cnt + col];
	char buf[64];
	switch (t->cols[col].type) {
	case COL_LIST:
		jsonw_array(j);
		json_words(j, c->set ? c->str : "", false);
		jsonw_end(j);
		return;
	case COL_COUNTS:
		jsonw_object(j);
		json_words(j, c->set ? c->str : "", true);
		jsonw_end(j);
		return;
	default:
		break;
	}
	if (!c->set) {
		jsonw_null(j);
		return;
	}
	switch (t->cols[col].type) {
	case COL_U64:
	case COL_SIGNAL:
		jsonw_u64(j, c->u);
		break;
	case COL_I64:
		jsonw_i64(j, c->i);
		break;
	case COL_BOOL:
		jsonw_bool(j, c->u != 0);
		break;
	case COL_NUM:
		jsonw_num(j, c->num);
		break;
	case COL_TIME:
		time_text(c->u, buf, sizeof buf);
		jsonw_str(j, buf);
		break;
	default:
		jsonw_str(j, c->str);
	}
}

// The k-th column to show, or -1 after the last.
static int nth(const struct table *t, unsigned k, bool extra)
{
	if (t->shown_cnt != 0)
		return k < t->shown_cnt ? (int)t->shown[k] : -1;
	for (unsigned i = 0; i < t->col_cnt; i++)
		if ((extra || !(t->cols[i].flags & COL_EXTRA)) && k-- == 0)
			return (int)i;
	return -1;
}

static void heading(char *buf, size_t size, const char *key)
{
	snprintf(buf, size, "%s", key);
	for (char *s = buf; *s != '\0'; s++)
		*s = *s == '_' ? '-' : (char)toupper((unsigned char)*s);
}

static bool to_the_right(enum col_type type)
{
	return type == COL_U64 || type == COL_I64 || type == COL_NUM;
}

// One line: the heading, or a row.
static void print_line(const struct table *t, FILE *f, const int *width, int row)
{
	char buf[64];
	int col;
	for (unsigned k = 0; (col = nth(t, k, false)) >= 0 && k < SHOWN_MAX; k++) {
		const char *text = buf;
		bool is_last = nth(t, k + 1, false) < 0;
		if (row < 0)
			heading(buf, sizeof buf, t->cols[col].key);
		else
			text = plain(t, (unsigned)row, (unsigned)col, buf, sizeof buf);
		if (to_the_right(t->cols[col].type))
			fprintf(f, "%*s%s", width[k], text, is_last ? "" : "  ");
		else
			fprintf(f, "%-*s%s", is_last ? 0 : width[k], text, is_last ? "" : "  ");
	}
	fputc('\n', f);
}

bool table_print(const struct table *t, FILE *f)
{
	char buf[64];
	int width[SHOWN_MAX] = {0};
	int col;
	if (t->broken)
		return false;
	for (unsigned k = 0; (col = nth(t, k, false)) >= 0 && k < SHOWN_MAX; k++) {
		width[k] = (int)strlen(t->cols[col].key);
		for (unsigned row = 0; row < t->row_cnt; row++) {
			int len = (int)strlen(plain(t, row, (unsigned)col, buf, sizeof buf));
			if (width[k] < len)
				width[k] = len;
		}
	}
	for (int row = -1; row < (int)t->row_cnt; row++)
		print_line(t, f, width, row);
	return !ferror(f);
}

bool table_print_stream(const struct table *t, FILE *f, bool with_heading)
{
	int width[SHOWN_MAX] = {0};
	int col;
	if (t->broken)
		return false;
	for (unsigned k = 0; (col = nth(t, k, false)) >= 0 && k < SHOWN_MAX; k++) {
		int usual = t->cols[col].type == COL_TIME ? 27 : 10, key = (int)strlen(t->cols[col].key);
		width[k] = key > usual ? key : usual;
	}
	for (int row = with_heading ? -1 : 0; row < (int)t->row_cnt; row++)
		print_line(t, f, width, row);
	return !ferror(f);
}

bool table_print_record(const struct table *t, FILE *f)
{
	char buf[64];
	int col, width = 0;
	if (t->broken)
		return false;
	for (unsigned k = 0; (col = nth(t, k, true)) >= 0; k++)
		if (width < (int)strlen(t->cols[col].key))
			width = (int)strlen(t->cols[col].key);
	for (unsigned row = 0; row < t->row_cnt; row++) {
		if (row != 0)
			fputc('\n', f);
		for (unsigned k = 0; (col = nth(t, k, true)) >= 0; k++)
			fprintf(f, "%-*s  %s\n", width, t->cols[col].key,
				plain(t, row, (unsigned)col, buf, sizeof buf));
	}
	return !ferror(f);
}

bool table_json_record(const struct table *t, struct jsonw *j, unsigned row)
{
	int col;
	if (t->broken || row >= t->row_cnt)
		return false;
	jsonw_object(j);
	for (unsigned k = 0; (col = nth(t, k, true)) >= 0; k++) {
		jsonw_key(j, t->cols[col].key);
		json_cell(t, j, row, (unsigned)col);
	}
	jsonw_end(j);
	return !ferror(j->f);
}

bool table_json(const struct table *t, struct jsonw *j)
{
	if (t->broken)
		return false;
	jsonw_array(j);
	for (unsigned row = 0; row < t->row_cnt; row++)
		table_json_record(t, j, row);
	jsonw_end(j);
	return !ferror(j->f);
}

// What a cell of the type is in JSON; nullable: or null.
static void schema_of(struct jsonw *j, const struct col *col)
{
	static const char *const names[] = {
		[COL_STR] = "string",     [COL_U64] = "integer", [COL_I64] = "integer",
		[COL_BOOL] = "boolean",   [COL_NUM] = "number",  [COL_TIME] = "string",
		[COL_SIGNAL] = "integer", [COL_LIST] = "array",  [COL_COUNTS] = "object"};
	bool nullable = !(col->flags & COL_ALWAYS) && col->type != COL_LIST && col->type != COL_COUNTS;

	jsonw_key(j, "description");
	jsonw_str(j, col->help);
	jsonw_key(j, "type");
	if (nullable)
		jsonw_array(j);
	jsonw_str(j, names[col->type]);
	if (nullable) {
		jsonw_str(j, "null");
		jsonw_end(j);
	}
	if (col->type == COL_U64 || col->type == COL_SIGNAL) {
		jsonw_key(j, "minimum");
		jsonw_u64(j, 0);
		jsonw_key(j, "maximum");
		jsonw_u64(j, col->type == COL_U64 ? UINT64_MAX : 64);
	} else if (col->type == COL_TIME) {
		jsonw_key(j, "pattern");
		jsonw_str(j, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$");
	} else if (col->type == COL_LIST || col->type == COL_COUNTS) {
		jsonw_key(j, col->type == COL_LIST ? "items" : "additionalProperties");
		jsonw_object(j);
		jsonw_key(j, "type");
		jsonw_str(j, col->type == COL_LIST ? "string" : "integer");
		jsonw_end(j);
	}
}

void table_schema(const struct table *t, struct jsonw *j)
{
	int col;

	jsonw_key(j, "type");
	jsonw_str(j, "object");
	jsonw_key(j, "additionalProperties");
	jsonw_bool(j, false);
	jsonw_key(j, "required");
	jsonw_array(j);
	for (unsigned k = 0; (col = nth(t, k, true)) >= 0; k++)
		jsonw_str(j, t->cols[col].key);
	jsonw_end(j);
	jsonw_key(j, "properties");
	jsonw_object(j);
	for (unsigned k = 0; (col = nth(t, k, true)) >= 0; k++) {
		jsonw_key(j, t->cols[col].key);
		jsonw_object(j);
		schema_of(j, &t->cols[col]);
		jsonw_end(j);
	}
	jsonw_end(j);
}
