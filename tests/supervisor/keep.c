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

Test(keep, letters_that_were_looked_at)
{
	struct poison_state p = {.turn = 5, .letters = 10}, got;
	struct keep *k;

	cr_assert_eq(keep_create(&k, group, &fail), 0, "%s", fail.text);
	keep_put_poison(k, &p);
	keep_put_letters(k, 12);
	keep_close(k);
	cr_assert_eq(keep_open(&k, group, &fail), 0, "%s", fail.text);
	keep_get_poison(k, &got);
	cr_assert_eq(got.turn, 5);
	cr_assert_eq(got.letters, 12);
	p.letters = 20;
	keep_put_poison(k, &p);
	keep_get_poison(k, &got);
	cr_assert_eq(got.letters, 20);
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

Test(keep, events_are_there_with_their_numbers)
{
	char line[KEEP_EVENT_MAX], text[2000];
	struct keep *k;

	cr_assert_eq(keep_create(&k, group, &fail), 0, "%s", fail.text);
	cr_assert_eq(keep_last_event(k), 0);
	cr_assert_eq(keep_get_event(k, 0, line), 0);
	cr_assert_eq(keep_get_event(k, 1, line), 0);
	for (uint64_t n = 1; n <= KEEP_EVENT_CNT + 7; n++) {
		snprintf(text, sizeof(text), "{\"seq\":%llu}", (unsigned long long)n);
		keep_put_event(k, n, text, strlen(text));
	}
	keep_close(k);
	cr_assert_eq(keep_open(&k, group, &fail), 0, "%s", fail.text);
	cr_assert_eq(keep_last_event(k), KEEP_EVENT_CNT + 7);
	cr_assert_eq(keep_get_event(k, 7, line), 0, "it gave way");
	cr_assert_eq(keep_get_event(k, 8, line), 9);
	cr_assert_str_eq(line, "{\"seq\":8}");
	memset(text, 'x', sizeof(text));
	keep_put_event(k, KEEP_EVENT_CNT + 8, text, sizeof(text));
	cr_assert_eq(keep_get_event(k, KEEP_EVENT_CNT + 8, line), 0, "too long");
	cr_assert_eq(keep_last_event(k), KEEP_EVENT_CNT + 8, "its number is used all the same");
	keep_close(k);
}

Test(keep, any_bytes_are_read_within_bounds)
{
	char line[KEEP_EVENT_MAX];
	struct keep_service s;
	struct keep_group g;
	struct keep *k;
	FILE *f;

	for (unsigned seed = 1; seed <= 20; seed++) {
		cr_assert_eq(keep_create(&k, group, &fail), 0, "%s", fail.text);
		keep_close(k);
		f = fopen(path, "r+e");
		cr_assert(f && fseek(f, 0, SEEK_END) == 0);
		long size = ftell(f);
		cr_assert_eq(fseek(f, 2 * sizeof(uint64_t), SEEK_SET), 0);
		srand(seed);
		for (long i = 2 * sizeof(uint64_t); i < size; i++)
			fputc(seed % 2 ? rand() : 0xff, f);
		fclose(f);
		cr_assert_eq(keep_open(&k, group, &fail), 0, "%s", fail.text);
		for (unsigned slot = 1; slot < SHMCHAN_SLOT_MAX; slot++) {
			keep_get_service(k, slot, &s);
			cr_assert_lt(strlen(s.status), sizeof(s.status));
			// Compared as bytes: a compiler may take any bool for 0 or 1.
			cr_assert_leq(*(unsigned char *)&s.held, 1);
			cr_assert_leq(*(unsigned char *)&s.last.unknown, 1);
		}
		keep_get_group(k, &g);
		cr_assert_lt(strlen(g.broken.text), sizeof(g.broken.text));
		cr_assert_leq(*(unsigned char *)&g.stopping, 1);
		cr_assert_lt(keep_last_event(k), (uint64_t)INT64_MAX);
		for (uint64_t n = 0; n < 2 * KEEP_EVENT_CNT; n++)
			cr_assert_lt(keep_get_event(k, n, line), sizeof(line));
		keep_close(k);
	}
}
