#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "supervisor/keep.h"
#include "supervisor/rundir.h"

static char group[SHMCHAN_NAME_MAX], path[RUNDIR_PATH_MAX];
static struct fail fail;

static void setup(void)
{
	snprintf(group, sizeof(group), "keep-%d", (int)getpid());
	cr_assert_eq(rundir_make(&fail), 0, "%s", fail.text);
	cr_assert_eq(rundir_socket(path, group, "state", &fail), 0);
}

static void teardown(void)
{
	keep_remove(group);
}

TestSuite(keep, .init = setup, .fini = teardown);

Test(keep, what_was_put_is_there_for_the_next_one)
{
	struct keep_service s = {.state = SVC_READY, .incarnation = 7, .deaths = 6}, got;
	struct keep_group g = {.phase = KEEP_RUNNING, .begin_ns = 99}, group_got;
	struct keep *k;

	cr_assert_eq(keep_create(&k, group, &fail), 0, "%s", fail.text);
	keep_put_service(k, 3, &s);
	s.deaths = 8;
	keep_put_service(k, 3, &s);
	keep_put_group(k, &g);
	keep_close(k); // as the kernel does for a process that is killed
	cr_assert_eq(keep_open(&k, group, &fail), 0, "%s", fail.text);
	keep_get_service(k, 3, &got);
	cr_assert_eq(got.state, SVC_READY);
	cr_assert_eq(got.incarnation, 7);
	cr_assert_eq(got.deaths, 8);
	keep_get_service(k, SHMCHAN_SLOT_MAX - 1, &got);
	cr_assert_eq(got.spawns, 0, "never put");
	keep_get_group(k, &group_got);
	cr_assert_eq(group_got.phase, KEEP_RUNNING);
	cr_assert_eq(group_got.begin_ns, 99);
	keep_close(k);
}

Test(keep, one_of_a_group_that_has_not_begun_is_none)
{
	struct keep *k;
	FILE *f;

	cr_assert_eq(keep_open(&k, group, &fail), -1);
	cr_assert_eq(fail.status, SUP_NO_GROUP);
	f = fopen(path, "we"); // its maker was killed before it had a size
	cr_assert(f);
	fclose(f);
	cr_assert_eq(keep_open(&k, group, &fail), -1);
	cr_assert_eq(fail.status, SUP_NO_GROUP);
}

Test(keep, another_layout_is_refused)
{
	struct keep *k;
	uint64_t other;
	FILE *f;

	cr_assert_eq(keep_create(&k, group, &fail), 0, "%s", fail.text);
	keep_close(k);
	f = fopen(path, "r+e");
	cr_assert(f);
	other = keep_layout() + 1;
	cr_assert_eq(fseek(f, sizeof(uint64_t), SEEK_SET), 0);
	cr_assert_eq(fwrite(&other, sizeof(other), 1, f), 1);
	fclose(f);
	cr_assert_eq(keep_open(&k, group, &fail), -1);
	cr_assert_eq(fail.status, SUP_DIFFERS);
	cr_assert_eq(truncate(path, 4096), 0);
	cr_assert_eq(keep_open(&k, group, &fail), -1);
	cr_assert_eq(fail.status, SUP_DIFFERS);
}
