// Writes JSON to a stream as it comes, so that endless outputs (watch) need no tree. By hand because jansson
// has neither unsigned 64-bit integers, which correlation ids need, nor strings that are not UTF-8, which
// paths may be.
//
// The caller nests correctly; misuse (a value without a key in an object, too many ends) is an assertion.
// Write errors stay on the stream, for ferror.
#ifndef TOOLS_JSONW_H
#define TOOLS_JSONW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSONW_DEPTH_MAX 16

struct jsonw {
	FILE *f;
	bool pretty;                  // indented by tabs, else without any space
	unsigned depth;               // open arrays and objects
	char close[JSONW_DEPTH_MAX];  // their closing characters
	bool filled[JSONW_DEPTH_MAX]; // whether they have a member yet
	bool keyed;                   // a key waits for its value
};

void jsonw_begin(struct jsonw *j, FILE *f, bool pretty);
void jsonw_line(struct jsonw *j); // ends a document that is complete

void jsonw_object(struct jsonw *j);
void jsonw_array(struct jsonw *j);
void jsonw_end(struct jsonw *j); // closes the innermost of them

void jsonw_key(struct jsonw *j, const char *key);
// jsonw_str writes s as a string, null if s is NULL. Bytes that are not UTF-8 become U+FFFD.
void jsonw_str(struct jsonw *j, const char *s);
void jsonw_strn(struct jsonw *j, const char *s, size_t n);
void jsonw_u64(struct jsonw *j, uint64_t v);
void jsonw_i64(struct jsonw *j, int64_t v);
// jsonw_num writes v with 9 significant digits; null if it is not finite.
void jsonw_num(struct jsonw *j, double v);
void jsonw_bool(struct jsonw *j, bool v);
void jsonw_null(struct jsonw *j);
void jsonw_raw(struct jsonw *j, const char *text, size_t n); // a value that is JSON already, on one line

#endif
