// Rows under declared columns, printed as an aligned table or as JSON. One declaration yields both, the
// choice of fields (-f), and the list of keys in the help, so that they cannot tell different facts.
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "tools/jsonw.h"

// How a column's values are given and shown. A cell that was not set is null, in plain output "-".
enum col_type {
	COL_STR,    // text
	COL_U64,    // number
	COL_I64,    // number
	COL_BOOL,   // true/false, plain yes/no
	COL_NUM,    // floating point
	COL_TIME,   // nanoseconds since 1970, shown as RFC 3339 in UTC
	COL_SIGNAL, // signal number, plain its name
	COL_LIST,   // text "a,b,c", JSON array of strings
	COL_COUNTS, // text "a=1,b=2", JSON object of numbers
};

enum {
	COL_EXTRA = 1,  // in JSON and on request (-f), not in the plain table
	COL_ALWAYS = 2, // never null
};

struct col {
	const char *key; // JSON key and name for -f, in plain headings with capitals
	enum col_type type;
	unsigned flags;
	const char *help;
};

struct table;

// table_new makes an empty table of the col_cnt columns at cols, which must outlive it. NULL: out of memory.
struct table *table_new(const struct col *cols, unsigned col_cnt);
void table_free(struct table *t); // NULL is allowed

// table_select keeps only the columns in the comma-separated list, in its order. Returns NULL, or the first
// word of the list that is no column (a copy that lives as long as the table).
const char *table_select(struct table *t, const char *fields);

// table_row begins a row; the setters fill its cells by column index. Memory that cannot be had makes the
// table broken: the setters do nothing and table_print_* return false.
void table_row(struct table *t);
void table_u64(struct table *t, unsigned col, uint64_t v); // COL_U64, COL_TIME, COL_SIGNAL
void table_i64(struct table *t, unsigned col, int64_t v);  // COL_I64
void table_bool(struct table *t, unsigned col, bool v);
void table_num(struct table *t, unsigned col, double v);
void table_str(struct table *t, unsigned col, const char *s); // copied; COL_STR, COL_LIST, COL_COUNTS
// table_add appends an element to a COL_LIST cell or a counter to a COL_COUNTS cell.
void table_add(struct table *t, unsigned col, const char *name);
void table_count(struct table *t, unsigned col, const char *name, uint64_t v);
unsigned table_rows(const struct table *t);

bool table_print(const struct table *t, FILE *f); // heading, then one line per row
// table_print_stream prints the rows in columns of a width that does not depend on them, for tables that are
// printed row by row; after the heading if asked to.
bool table_print_stream(const struct table *t, FILE *f, bool with_heading);
void table_clear(struct table *t);                       // forgets the rows
bool table_print_record(const struct table *t, FILE *f); // the rows one after the other, a line per column
bool table_json(const struct table *t, struct jsonw *j); // an array of objects
// table_schema writes the keys of the JSON Schema of a row, with the columns chosen by table_select, into an open object.
void table_schema(const struct table *t, struct jsonw *j);
bool table_json_record(const struct table *t, struct jsonw *j, unsigned row); // one object

#endif
