#include "tests/bench/pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 2, PAIRS_MAX = 65536 };
static const char *const classes[CLASSES] = {"near", "far"};

struct pairs {
	struct {
		double v[PAIRS_MAX];
		unsigned cnt;
	} of[CLASSES];
};

struct pairs *pairs_new(void)
{
	return calloc(1, sizeof(struct pairs));
}

void pairs_free(struct pairs *p)
{
	free(p);
}

static bool like(double a, double b)
{
	return a <= 1.6 * b && b <= 1.6 * a;
}

const char *pairs_add(struct pairs *p, const struct sample *over, const struct sample *under)
{
	const char *a = sample_class(over, NEAR_NS), *b = sample_class(under, NEAR_NS);

	if (!a || !b || strcmp(a, b) || !like(over->line[0], under->line[0]) ||
	    !like(over->line[1], under->line[1]) || !(over->value > 0) || !(under->value > 0))
		return NULL;
	for (unsigned c = 0; c < CLASSES; c++)
		if (!strcmp(classes[c], a) && p->of[c].cnt < PAIRS_MAX)
			p->of[c].v[p->of[c].cnt++] = over->value / under->value;
	return a;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at(const double *v, unsigned cnt, double rank)
{
	return v[rank <= 0 ? 0 : rank >= cnt - 1 ? cnt - 1 : (unsigned)(rank + 0.5)];
}

void pairs_sum_up(const struct pairs *p, const char *cls, struct pairs_summary *out)
{
	*out = (struct pairs_summary){0};
	for (unsigned c = 0; c < CLASSES; c++) {
		unsigned n = p->of[c].cnt;
		double *v, middle = (n - 1) / 2.0, reach = 0.98 * sqrt(n);

		if (strcmp(classes[c], cls) || n == 0 || !(v = malloc(n * sizeof(*v))))
			continue;
		memcpy(v, p->of[c].v, n * sizeof(*v));
		qsort(v, n, sizeof(*v), by_value);
		*out = (struct pairs_summary){n,
					      at(v, n, middle),
					      at(v, n, middle - reach),
					      at(v, n, middle + reach),
					      at(v, n, middle / 2),
					      at(v, n, middle * 1.5)};
		free(v);
	}
}
