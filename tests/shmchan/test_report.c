#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "shmchan/report.h"

static char told[512];

static void tell(void *ctx, const char *object, const char *text)
{
	cr_assert_eq(ctx, told);
	snprintf(told, sizeof(told), "%s|%s", object, text);
}

Test(report, tells_and_counts)
{
	struct shmchan_reporter to = {.report = tell, .ctx = told};
	char much[400];

	shmchan_report(&to, "object", "%d of %s", 7, "eight");
	cr_assert_str_eq(told, "object|7 of eight");
	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = 0;
	shmchan_report(&to, "o", "%s", much);
	cr_assert_eq(strlen(told), 2 + 159);
	cr_assert_eq(to.cnt, 2);
}

Test(report, counts_for_nobody)
{
	struct shmchan_reporter to = {.cnt = 3};

	shmchan_report(&to, "object", "text");
	cr_assert_eq(to.cnt, 4);
}
