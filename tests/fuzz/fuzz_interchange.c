/* Arbitrary bytes as an interchange document. What is refused leaves nothing behind; what is taken is exported, and
 * that document, imported elsewhere, gives the same one again. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "procs/eth/protection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t chain[32];

#define CHECK(condition)          \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static struct eth_protection *fresh(enum eth_protection_mode mode)
{
	struct eth_protection *p;

	CHECK(eth_protection_open(&p, ":memory:", mode, chain) == 0);
	return p;
}

static void import(const uint8_t *data, size_t size, enum eth_protection_mode mode)
{
	static char nothing[1024];
	static size_t nothing_n;
	/* One that refused is as new: that is what is checked. */
	static struct eth_protection *kept[2];
	struct eth_protection *p = kept[mode] ? kept[mode] : fresh(mode), *q;
	struct eth_import report;
	char *json, *again;
	size_t n, m;
	int rc;

	if (!nothing_n) {
		CHECK(eth_protection_export(p, &json, &nothing_n) == 0 && nothing_n < sizeof(nothing));
		memcpy(nothing, json, nothing_n);
		free(json);
	}
	rc = eth_protection_import(p, (const char *)data, size, &report);
	CHECK(rc != ETH_PROTECT_STORE && memchr(report.where, 0, sizeof(report.where)));
	CHECK(eth_protection_export(p, &json, &n) == 0);
	kept[mode] = rc ? p : NULL;
	if (rc) {
		CHECK(n == nothing_n && memcmp(json, nothing, n) == 0);
	} else {
		q = fresh(mode);
		CHECK(eth_protection_import(q, json, n, &report) == 0);
		CHECK(eth_protection_export(q, &again, &m) == 0 && m == n && memcmp(json, again, n) == 0);
		free(again);
		eth_protection_close(q);
		eth_protection_close(p);
	}
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	import(data, size, ETH_PROTECT_COMPLETE);
	import(data, size, ETH_PROTECT_MINIMAL);
	return 0;
}
