// Shows the histograms of bpf/hist.h.
#ifndef TOOLS_HISTVIEW_H
#define TOOLS_HISTVIEW_H

#include <stdio.h>
#include "bpf/hist.h"
#include "tools/jsonw.h"

uint64_t histview_total(const struct hist *h);
// histview_quantile: an upper bound of the smallest value v such that the share q, in (0,1], of all values is
// <= v. It is the last value of v's slot, at most a quarter above v. 0 if there are no values.
uint64_t histview_quantile(const struct hist *h, double q);
// histview_print prints a line "LOW-HIGH COUNT |bar" for each slot from the first to the last that isn't
// empty.
void histview_print(const struct hist *h, FILE *f);
// histview_json writes an array of {low, high, count}, both bounds belong to the slot; only slots that aren't
// empty.
void histview_json(const struct hist *h, struct jsonw *j);
// histview_time writes nanoseconds with three digits and a unit into buf, which has room for 16 bytes.
const char *histview_time(uint64_t ns, char *buf);

#endif
