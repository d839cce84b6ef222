// Results: samples pooled by bench, contender and class; a table for people, a JSON list for programs.
#ifndef TESTS_BENCH_TABLE_H
#define TESTS_BENCH_TABLE_H

#include <stdbool.h>

struct table;

struct table *table_new(void);
void table_free(struct table *t);

// One sample. bench and contender are copied; class is "near", "far" or "any", unit "ns", "us", ... Larger is
// better if `rising`.
void table_add(struct table *t, const char *bench, const char *contender, const char *cls, const char *unit,
	       bool rising, double value);

// Prints the rows of `bench`, best first. A contender called floor-... is the floor: others are compared with
// it; those called shmchan... also with the best of the rest. With `tail`, the name of a bench that holds the
// p99 of the same samples, a peer whose p99 is more than twice its median is no measure for others.
void table_print(const struct table *t, const char *bench, const char *tail);

// Writes [{bench, contender, class, unit, median, min, max, samples}]. Returns 0 or -1 (errno).
int table_write(const struct table *t, const char *path);
// table_save does so for a program, if it was given a path; false if that failed, said on stderr.
bool table_save(const struct table *t, const char *program, const char *path);

// For programs with the arguments [-o FILE] [-n SAMPLES]: reads them; false if they are others, said on stderr.
bool table_args(int argc, char **argv, const char *program, unsigned *samples, const char **path);
// Saves the table if all went well, and frees it. Returns the exit status: 0; 1 it did not, or can't be saved.
int table_end(struct table *t, bool ok, const char *program, const char *path);

#endif
