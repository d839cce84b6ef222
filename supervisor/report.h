// What the group's job has come to, read from the counters in shared memory: sums, balance, and the JSON
// object of --report.
#ifndef SUPERVISOR_REPORT_H
#define SUPERVISOR_REPORT_H

#include <jansson.h>
#include "shmchan/view.h"
#include "supervisor/plan.h"

struct report;

// report_open looks at the plan's group, which must exist. plan must outlive it. Errors: SUP_SYSTEM.
// report_close takes NULL.
int report_open(struct report **out, const struct plan *plan, struct fail *fail);
void report_close(struct report *r);

struct report_values {
	uint64_t *sums;  // of plan.job.report, in that order
	uint64_t *zeros; // of plan.job.zero
};
// report_read reads all counters; the arrays are the report's and hold until the next call. A channel that
// can't be read is an error: -1 with *fail = SUP_SYSTEM.
int report_read(struct report *r, struct report_values *out, struct fail *fail);

// report_balance: does the first sum of plan.job.balance equal the others together, and is every one of
// plan.job.zero 0? If not, *why gets one line.
bool report_balance(const struct plan *plan, const struct report_values *v, char *why, size_t size);

// report_sums adds the sums to the JSON object `to`; report_line writes "sent 12, valid 7" of the sums whose
// numbers are in which[0..cnt).
void report_sums(const struct plan *plan, const struct report_values *v, json_t *to);
void report_line(const struct plan *plan, const struct report_values *v, const unsigned *which, unsigned cnt,
		 char *out, size_t size);

// report_check_file: can `file` be written at the end? "-" is standard output. Errors: SUP_REPORT. Creates
// nothing.
int report_check_file(const char *file, struct fail *fail);
// report_write replaces `file` by the object on one line, whole or not at all (a device or pipe is written
// to).
int report_write(const char *file, const json_t *object, struct fail *fail);

#endif
