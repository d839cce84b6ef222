// As much of Criterion as the tests of shmchan use, for processors that Debian has no Criterion for beside one's own: the same
// test files run under an emulator. Each test in a process of its own; TAP with --tap=FILE, else on stdout.
#ifndef TESTS_AARCH64_CRITERION_H
#define TESTS_AARCH64_CRITERION_H

// As Criterion's own headers are for the compiler: numbers of different signs are compared in its macros.
#pragma GCC system_header

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL_SKIPPED 77 // exit status

struct small_test {
	const char *suite, *name;
	void (*run)(void);
	double timeout; // seconds on a real processor
	struct small_test *next;
};

void small_register(struct small_test *t);
__attribute__((format(printf, 4, 5))) void small_assert(bool holds, const char *what, const char *where,
							const char *fmt, ...);

#define Test(s, n, ...)                                                                                     \
	static void s##_##n##_body(void);                                                                   \
	__attribute__((constructor)) static void s##_##n##_register(void)                                   \
	{                                                                                                   \
		static struct small_test t = {.suite = #s, .name = #n, .run = s##_##n##_body, __VA_ARGS__}; \
		small_register(&t);                                                                         \
	}                                                                                                   \
	static void s##_##n##_body(void)

#define SMALL_STRING2(x) #x
#define SMALL_STRING(x) SMALL_STRING2(x)
#define SMALL_WHERE __FILE__ ":" SMALL_STRING(__LINE__)
#define SMALL_CMP(a, op, b, ...) small_assert((a)op(b), #a " " #op " " #b, SMALL_WHERE, " " __VA_ARGS__)

#define cr_assert(c, ...) small_assert(!!(c), #c, SMALL_WHERE, " " __VA_ARGS__)
#define cr_assert_not(c, ...) small_assert(!(c), "not " #c, SMALL_WHERE, " " __VA_ARGS__)
#define cr_assert_fail(...) small_assert(false, "failed", SMALL_WHERE, " " __VA_ARGS__)
#define cr_assert_eq(a, b, ...) SMALL_CMP(a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) SMALL_CMP(a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) SMALL_CMP(a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) SMALL_CMP(a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) SMALL_CMP(a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) SMALL_CMP(a, >=, b, __VA_ARGS__)
#define cr_assert_null(a, ...) SMALL_CMP(a, ==, NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...) SMALL_CMP(a, !=, NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) \
	small_assert(strcmp(a, b) == 0, #a " is " #b, SMALL_WHERE, " " __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) \
	small_assert(strcmp(a, b) != 0, #a " is not " #b, SMALL_WHERE, " " __VA_ARGS__)
#define cr_skip_test(why) (fprintf(stderr, "skipped: %s\n", why), _exit(SMALL_SKIPPED))
#define cr_log_info(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr))

#endif
