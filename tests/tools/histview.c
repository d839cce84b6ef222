#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "tools/histview.h"

static void add(struct hist *h, uint64_t v, uint64_t times)
{
	h->cnt[hist_slot(v)] += times;
}

Test(histview, quantiles_of_exact_slots)
{
	struct hist h = {{0}};
	cr_assert_eq(histview_quantile(&h, 0.5), 0);
	add(&h, 1, 50);
	add(&h, 2, 49);
	add(&h, 7, 1);
	cr_assert_eq(histview_total(&h), 100);
	cr_assert_eq(histview_quantile(&h, 0.001), 1);
	cr_assert_eq(histview_quantile(&h, 0.5), 1);
	cr_assert_eq(histview_quantile(&h, 0.51), 2);
	cr_assert_eq(histview_quantile(&h, 0.99), 2);
	cr_assert_eq(histview_quantile(&h, 1), 7);
}

// Against the values themselves: never below, at most a quarter above.
Test(histview, quantiles_bound_the_truth)
{
	static uint64_t v[4001];
	static const double qs[] = {0.1, 0.5, 0.9, 0.99, 1};
	unsigned seed = 7;
	for (unsigned round = 0; round < 20; round++) {
		struct hist h = {{0}};
		for (unsigned i = 0; i < 4001; i++) {
			uint64_t x = (uint64_t)rand_r(&seed) >> (rand_r(&seed) % 31);
			unsigned k = i;
			for (; k > 0 && v[k - 1] > x; k--)
				v[k] = v[k - 1];
			v[k] = x;
			add(&h, x, 1);
		}
		for (unsigned i = 0; i < sizeof qs / sizeof *qs; i++) {
			unsigned rank = (unsigned)(qs[i] * 4001 + 0.999999);
			uint64_t got = histview_quantile(&h, qs[i]), truth = v[rank - 1];
			cr_assert_geq(got, truth);
			cr_assert_leq(got, truth + truth / 4 + 1, "%lu for %lu", got, truth);
		}
	}
}

static char *drawn(const struct hist *h)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	histview_print(h, f);
	fclose(f);
	return text;
}

Test(histview, bars)
{
	struct hist h = {{0}};
	char *text = drawn(&h);
	cr_assert_str_eq(text, "");
	free(text);
	add(&h, 6, 80);
	add(&h, 9, 1);
	text = drawn(&h);
	cr_assert_str_eq(text,
			 "                     6           80 |########################################\n"
			 "                     7            0 |\n"
			 "                   8-9            1 |#\n");
	free(text);
}

Test(histview, json)
{
	struct hist h = {{0}};
	char *text;
	size_t size;
	struct jsonw j;
	FILE *f = open_memstream(&text, &size);
	add(&h, 3, 5);
	add(&h, 17, 2);
	add(&h, UINT64_MAX, 1);
	jsonw_begin(&j, f, false);
	histview_json(&h, &j);
	fclose(f);
	cr_assert_str_eq(text, "[{\"low\":3,\"high\":3,\"count\":5},{\"low\":16,\"high\":19,\"count\":2},"
			       "{\"low\":1924145348608,\"high\":2199023255551,\"count\":1}]");
	free(text);
}

Test(histview, times)
{
	char buf[16];
	cr_assert_str_eq(histview_time(0, buf), "0 ns");
	cr_assert_str_eq(histview_time(999, buf), "999 ns");
	cr_assert_str_eq(histview_time(1234, buf), "1.23 us");
	cr_assert_str_eq(histview_time(999999, buf), "1 ms");
	cr_assert_str_eq(histview_time(61000000000ull, buf), "61 s");
}
