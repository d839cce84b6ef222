// ReportHook(POST_ALL): a function that is called when all tests have ended.
#ifndef TESTS_AARCH64_HOOKS_H
#define TESTS_AARCH64_HOOKS_H

struct criterion_global_stats;

void small_at_end(void (*f)(struct criterion_global_stats *stats));

#define ReportHook(when)                                                 \
	static void report_##when(struct criterion_global_stats *stats); \
	__attribute__((constructor)) static void register_##when(void)   \
	{                                                                \
		small_at_end(report_##when);                             \
	}                                                                \
	static void report_##when

#endif
