#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "supervisor/report.h"

static struct plan_term terms[] = {
	{0, 2, PLAN_ENQUEUED}, {2, 1, PLAN_TALLY}, {2, 1, PLAN_DEAD}, {2, 1, PLAN_TALLY + 1}};
static struct plan_sum sums[] = {{"sent", &terms[0], 1}, {"good", &terms[1], 1}, {"lost", &terms[2], 1}};
static struct plan_sum zeros[] = {{"out.odd", &terms[3], 1}};
static unsigned balance[] = {0, 1, 2};

static struct plan plan_of(void)
{
	return (struct plan){.job = {.any = true,
				     .report = sums,
				     .report_cnt = 3,
				     .balance = balance,
				     .balance_cnt = 3,
				     .zero = zeros,
				     .zero_cnt = 1}};
}

Test(report, balance)
{
	struct plan plan = plan_of();
	uint64_t s[] = {10, 7, 3}, z[] = {0};
	struct report_values v = {s, z};
	char why[200] = "";

	cr_assert(report_balance(&plan, &v, why, sizeof(why)));
	s[0] = 11;
	cr_assert_not(report_balance(&plan, &v, why, sizeof(why)));
	cr_assert_str_eq(why, "sent is 11, but what became of them adds up to 10");
	s[0] = 10;
	z[0] = 1;
	cr_assert_not(report_balance(&plan, &v, why, sizeof(why)));
	cr_assert_str_eq(why, "out.odd is 1, it must be 0");
	plan.job.balance_cnt = plan.job.zero_cnt = 0;
	cr_assert(report_balance(&plan, &v, why, sizeof(why)),
		  "a job that promises nothing breaks no promise");
}

Test(report, line)
{
	struct plan plan = plan_of();
	uint64_t s[] = {10, UINT64_MAX, 3};
	struct report_values v = {s, NULL};
	char out[64], small[9];

	report_line(&plan, &v, balance, 3, out, sizeof(out));
	cr_assert_str_eq(out, "sent 10, good 18446744073709551615, lost 3");
	report_line(&plan, &v, balance, 3, small, sizeof(small));
	cr_assert_str_eq(small, "sent 10,");
}

// On the counters of a real group, with one process that is a producer and a consumer.
Test(report, counters_of_a_group)
{
	static const unsigned slot[] = {1};
	static const char *const services[] = {"it"}, *const tally[] = {"good", "odd"};
	struct shmchan_chan_spec chans[] = {
		{"in-1", SHMCHAN_KIND_SPSC, 4, 8, slot, 1, slot, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
		{"in-2", SHMCHAN_KIND_SPSC, 4, 8, slot, 1, slot, 1, SHMCHAN_DEAD_LETTER, 0, NULL, 0, 0},
		{"out", SHMCHAN_KIND_MPSC, 4, 8, slot, 1, slot, 1, SHMCHAN_DEAD_LETTER, 0, tally, 2, 0}};
	struct plan plan = plan_of();
	struct shmchan_broker *b;
	struct shmchan_proc *me;
	struct shmchan *tx, *rx;
	struct shmchan_msg m = {0};
	struct report *r;
	struct report_values v;
	struct fail fail;
	unsigned incarnation;
	char name[SHMCHAN_NAME_MAX];

	snprintf(name, sizeof(name), "sup_report-%d", (int)getpid());
	plan.spec = (struct shmchan_group_spec){
		.name = name, .services = services, .service_cnt = 1, .chans = chans, .chan_cnt = 3};
	cr_assert_eq(report_open(&r, &plan, &fail), -1, "there is no group yet");
	cr_assert_eq(shmchan_broker_create(&b, &plan.spec, NULL), 0);
	cr_assert_eq(shmchan_broker_announce(b, 1, &incarnation), 0);
	cr_assert_eq(shmchan_broker_spawned(b, 1, getpid()), 0);
	cr_assert_eq(shmchan_attach(&me, name, 1, incarnation, NULL), 0);
	cr_assert_eq(report_open(&r, &plan, &fail), 0, "%s", fail.text);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(shmchan_open(me, chans[i].name, SHMCHAN_TX, &tx, NULL), 0);
		for (unsigned k = 0; k <= i; k++)
			cr_assert_eq(shmchan_try_send(tx, &m), 0);
	}
	cr_assert_eq(shmchan_open(me, "out", SHMCHAN_TX, &tx, NULL), 0);
	cr_assert_eq(shmchan_open(me, "out", SHMCHAN_RX, &rx, NULL), 0);
	for (unsigned k = 0; k < 3; k++) {
		cr_assert_eq(shmchan_try_send(tx, &m), 0);
		cr_assert_eq(shmchan_take(rx, &m), 0);
		shmchan_tally_add(rx, k == 2, 1);
		cr_assert_eq(shmchan_done(rx), 0);
	}
	cr_assert_eq(report_read(r, &v, &fail), 0, "%s", fail.text);
	cr_assert(v.sums[0] == 3 && v.sums[1] == 2 && v.sums[2] == 0 && v.zeros[0] == 1);
	report_close(r);
	shmchan_detach(me);
	shmchan_broker_destroy(b);
}

Test(report, file)
{
	char path[64], text[64] = "";
	json_t *o = json_pack("{s:i, s:f}", "a", 1, "b", 0.1);
	struct fail fail;
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/sup_report.%d", (int)getpid());
	cr_assert_eq(report_check_file(path, &fail), 0);
	cr_assert_neq(access(path, F_OK), 0, "the check makes nothing");
	for (unsigned i = 0; i < 2; i++) {
		cr_assert_eq(report_write(path, o, &fail), 0);
		f = fopen(path, "re");
		cr_assert_not_null(fgets(text, sizeof(text), f));
		cr_assert_str_eq(text, "{\"a\":1,\"b\":0.1}\n");
		cr_assert_null(fgets(text, sizeof(text), f));
		fclose(f);
	}
	unlink(path);
	cr_assert_eq(symlink("/dev/null", path), 0);
	cr_assert_eq(report_write(path, o, &fail), 0);
	cr_assert(lstat(path, &st) == 0 && S_ISLNK(st.st_mode), "a link is written through, not replaced");
	unlink(path);
	cr_assert_eq(report_check_file("/nonexistent/x", &fail), -1);
	cr_assert_eq(fail.status, SUP_REPORT);
	cr_assert_eq(report_check_file("/tmp", &fail), -1);
	cr_assert_eq(report_check_file("", &fail), -1);
	json_decref(o);
}
