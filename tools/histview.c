#include "tools/histview.h"
#include <inttypes.h>
#include <math.h>

#define BAR_WIDTH 40

uint64_t histview_total(const struct hist *h)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		sum += h->cnt[i];
	return sum;
}

uint64_t histview_quantile(const struct hist *h, double q)
{
	uint64_t total = histview_total(h), sum = 0;
	uint64_t rank = (uint64_t)ceil(q * (double)total);
	if (total == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		sum += h->cnt[i];
		if (sum >= rank)
			return hist_low(i + 1) - 1;
	}
	return hist_low(HIST_SLOTS) - 1;
}

static unsigned bar(uint64_t count, uint64_t most)
{
	unsigned n = (unsigned)((double)count / (double)most * BAR_WIDTH + 0.5);
	return n == 0 && count != 0 ? 1 : n;
}

void histview_print(const struct hist *h, FILE *f)
{
	unsigned first = HIST_SLOTS, last = 0;
	uint64_t most = 1;
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		if (h->cnt[i] == 0)
			continue;
		first = i < first ? i : first;
		last = i;
		most = h->cnt[i] > most ? h->cnt[i] : most;
	}
	for (unsigned i = first; i <= last && i < HIST_SLOTS; i++) {
		char range[48];
		uint64_t low = hist_low(i), high = hist_low(i + 1) - 1;
		if (low == high)
			snprintf(range, sizeof range, "%" PRIu64, low);
		else
			snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, low, high);
		fprintf(f, "  %20s %12" PRIu64 " |%.*s\n", range, h->cnt[i], (int)bar(h->cnt[i], most),
			"########################################");
	}
}

void histview_json(const struct hist *h, struct jsonw *j)
{
	jsonw_array(j);
	for (unsigned i = 0; i < HIST_SLOTS; i++) {
		if (h->cnt[i] == 0)
			continue;
		jsonw_object(j);
		jsonw_key(j, "low");
		jsonw_u64(j, hist_low(i));
		jsonw_key(j, "high");
		jsonw_u64(j, hist_low(i + 1) - 1);
		jsonw_key(j, "count");
		jsonw_u64(j, h->cnt[i]);
		jsonw_end(j);
	}
	jsonw_end(j);
}

const char *histview_time(uint64_t ns, char *buf)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double v = (double)ns;
	unsigned u = 0;
	while (v >= 999.5 && u < 3) {
		v /= 1000;
		u++;
	}
	snprintf(buf, 16, "%.3g %s", v, units[u]);
	return buf;
}
