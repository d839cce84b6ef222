#include "tests/bench/table.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
	char bench[40], contender[40];
	const char *cls, *unit;
	bool rising;
	double *v;
	size_t cnt, room;
	double median, min, max;
};

struct table {
	struct pool *pools;
	size_t cnt, room;
};

struct table *table_new(void)
{
	return calloc(1, sizeof(struct table));
}

void table_free(struct table *t)
{
	for (size_t i = 0; t && i < t->cnt; i++)
		free(t->pools[i].v);
	if (t)
		free(t->pools);
	free(t);
}

static void *grown(void *mem, size_t cnt, size_t *room, size_t size)
{
	if (cnt < *room)
		return mem;
	*room = *room ? 2 * *room : 16;
	mem = realloc(mem, *room * size);
	if (!mem) {
		fprintf(stderr, "bench: out of memory; no results\n");
		exit(1);
	}
	return mem;
}

static struct pool *find(const struct table *t, const char *bench, const char *contender, const char *cls)
{
	for (size_t i = 0; i < t->cnt; i++)
		if (!strcmp(t->pools[i].bench, bench) && !strcmp(t->pools[i].contender, contender) &&
		    !strcmp(t->pools[i].cls, cls))
			return &t->pools[i];
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void table_add(struct table *t, const char *bench, const char *contender, const char *cls, const char *unit,
	       bool rising, double value)
{
	struct pool *p = find(t, bench, contender, cls);

	if (!p) {
		t->pools = grown(t->pools, t->cnt, &t->room, sizeof(*t->pools));
		p = &t->pools[t->cnt++];
		*p = (struct pool){.cls = cls, .unit = unit, .rising = rising};
		snprintf(p->bench, sizeof(p->bench), "%s", bench);
		snprintf(p->contender, sizeof(p->contender), "%s", contender);
	}
	p->v = grown(p->v, p->cnt, &p->room, sizeof(*p->v));
	p->v[p->cnt++] = value;
	qsort(p->v, p->cnt, sizeof(*p->v), by_value);
	p->min = p->v[0];
	p->max = p->v[p->cnt - 1];
	p->median = p->cnt % 2 ? p->v[p->cnt / 2] : (p->v[p->cnt / 2 - 1] + p->v[p->cnt / 2]) / 2;
}

static bool is_floor(const struct pool *p)
{
	return !strncmp(p->contender, "floor", 5);
}

static bool is_ours(const struct pool *p)
{
	return !strncmp(p->contender, "shm", 3);
}

static int best_first(const void *a, const void *b)
{
	const struct pool *x = *(const struct pool *const *)a, *y = *(const struct pool *const *)b;
	int c = strcmp(y->cls, x->cls); // near before far

	if (c)
		return c;
	c = (x->median > y->median) - (x->median < y->median);
	return x->rising ? -c : c;
}

static bool clean(const struct table *t, const struct pool *p, const char *tail)
{
	const struct pool *q = tail ? find(t, tail, p->contender, p->cls) : NULL;

	return !q || q->median <= 2 * p->median;
}

static void print_number(double v)
{
	printf(" %10.*f", v < 10 ? 2 : v < 1000 ? 1 : 0, v);
}

static void print_ratio(const struct pool *p, const struct pool *to)
{
	if (to && to->median > 0 && p->median > 0)
		printf(" %7.2f", p->rising ? to->median / p->median : p->median / to->median);
	else
		printf(" %7s", "-");
}

void table_print(const struct table *t, const char *bench, const char *tail)
{
	struct pool **rows = calloc(t->cnt + 1, sizeof(*rows));
	size_t n = 0;

	for (size_t i = 0; rows && i < t->cnt; i++)
		if (!strcmp(t->pools[i].bench, bench))
			rows[n++] = &t->pools[i];
	if (n) {
		qsort(rows, n, sizeof(*rows), best_first);
		printf("\n%-22s %-5s %10s %10s %10s %7s %7s %7s  %s\n", bench, "class", "median", "min",
		       "max", "samples", "/floor", "/best", rows[0]->unit);
	}
	for (size_t i = 0; i < n; i++) {
		const struct pool *floor = NULL, *best = NULL, *p = rows[i];

		for (size_t k = 0; k < n; k++) {
			if (strcmp(rows[k]->cls, p->cls))
				continue;
			if (!floor && is_floor(rows[k]))
				floor = rows[k];
			if (!best && !is_floor(rows[k]) && !is_ours(rows[k]) && clean(t, rows[k], tail))
				best = rows[k];
		}
		printf("%-22s %-5s", p->contender, p->cls);
		print_number(p->median);
		print_number(p->min);
		print_number(p->max);
		printf(" %7zu", p->cnt);
		print_ratio(p, floor);
		print_ratio(p, best);
		putchar('\n');
	}
	fflush(stdout);
	free(rows);
}

int table_write(const struct table *t, const char *path)
{
	json_t *list = json_array();
	int err;

	for (size_t i = 0; i < t->cnt; i++) {
		const struct pool *p = &t->pools[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:I}", "bench",
						      p->bench, "contender", p->contender, "class", p->cls,
						      "unit", p->unit, "median", p->median, "min", p->min,
						      "max", p->max, "samples", (json_int_t)p->cnt));
	}
	err = json_dump_file(list, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(list);
	return err;
}

bool table_save(const struct table *t, const char *program, const char *path)
{
	if (!path || table_write(t, path) == 0)
		return true;
	fprintf(stderr, "%s: can't write %s: %m; the table above is all there is\n", program, path);
	return false;
}

bool table_args(int argc, char **argv, const char *program, unsigned *samples, const char **path)
{
	int opt;

	while ((opt = getopt(argc, argv, "o:n:")) != -1) {
		if (opt == 'o')
			*path = optarg;
		else if (opt == 'n' && atoi(optarg) > 0)
			*samples = (unsigned)atoi(optarg);
		else
			break;
	}
	if (opt == -1 && optind == argc)
		return true;
	fprintf(stderr, "usage: %s [-o FILE] [-n SAMPLES]\n", program);
	return false;
}

int table_end(struct table *t, bool ok, const char *program, const char *path)
{
	ok = ok && table_save(t, program, path);
	table_free(t);
	return ok ? 0 : 1;
}
