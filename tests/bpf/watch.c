// The loader against real probes: this program has probe sites, attaches to itself and counts what arrives.
// Where the kernel or the build can't do that, what is checked is that the loader says so.
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bpf/watch.h"
#include "shmchan/probe.h"
#include "tests/bpf/site.h"

// Tests run beside each other and attach to the same file: each has its own group tag.
static uint32_t tag;
#define KEY(id) SHMCHAN_PROBE_KEY(tag, id)

static const struct watch_chan chans[] = {
	{.id = 1, .capacity = 4, .name = "one", .alert_depth = 100, .alert_wait_ns = 1},
	{.id = 3, .capacity = 1024, .name = "three"},
	{.id = 7, .capacity = 1 << 20, .name = "seven", .many_producers = true, .many_consumers = true},
};
static const char *const procs[] = {"supervisor", "reader", "other"};

// NULL, after checking the explanation, if probes can't be used here.
static struct watch *open_here(void)
{
	struct watch_why why = {""};
	struct watch *w = NULL;
	int err;
	tag = (uint32_t)getpid();
	err = watch_open(&w, &(struct watch_spec){tag, chans, 3, procs, 3}, &why);
	if (err != WATCH_OK) {
		cr_assert_null(w);
		cr_assert_neq(why.text[0], '\0');
		cr_assert_eq(watch_built() != NULL, err == WATCH_ABSENT);
		fprintf(stderr, "not attached: %s\n", why.text);
		return NULL;
	}
	err = watch_attach_pid(w, getpid(), &why);
	if (err != WATCH_OK) {
		cr_assert_neq(why.text[0], '\0');
		fprintf(stderr, "not attached: %s\n", why.text);
		watch_close(w);
		return NULL;
	}
	return w;
}

static uint64_t total(const struct hist *h)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < HIST_SLOTS; i++)
		sum += h->cnt[i];
	return sum;
}

Test(watch, counts_what_fires)
{
	struct watch *w = open_here();
	struct probe_chan c;
	if (w == NULL)
		return;
	cr_assert(site_push_enabled());
	for (uint64_t pos = 0; pos < 1000; pos++) {
		site_push(KEY(3), pos % 10 + 1, pos);
		site_pop(KEY(3), pos % 10, pos, KEY(1));
		site_done(KEY(3), pos);
	}
	site_full(KEY(3), 1024);
	site_dead_letter(KEY(3), 5);

	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.push, 1000);
	cr_assert_eq(c.pop, 1000);
	cr_assert_eq(c.done, 1000);
	cr_assert_eq(c.full, 1);
	cr_assert_eq(c.dead_letter, 1);
	cr_assert_eq(c.high_water, 10);
	cr_assert_eq(c.unmatched, 0);
	for (uint64_t depth = 1; depth < 8; depth++)
		cr_assert_eq(c.depth.cnt[hist_slot(depth)], 100);
	cr_assert_eq(c.depth.cnt[hist_slot(8)], 200, "8 and 9");
	cr_assert_eq(c.depth.cnt[hist_slot(10)], 100);
	cr_assert_eq(total(&c.wait), 1000);
	cr_assert_eq(total(&c.service), 1000);

	cr_assert_eq(watch_read(w, 1, &c), WATCH_OK);
	cr_assert_eq(c.push, 0, "another channel saw nothing");
	watch_close(w);
}

Test(watch, other_groups_and_unknown_channels_do_not_count)
{
	struct watch *w = open_here();
	struct probe_chan c;
	if (w == NULL)
		return;
	site_push(SHMCHAN_PROBE_KEY(tag + 1000000u, 3), 1, 0);
	site_push(KEY(8), 1, 0);
	site_push(KEY(65535), 1, 0);
	for (uint16_t id = 0; id < 8; id++) {
		cr_assert_eq(watch_read(w, id, &c), WATCH_OK);
		cr_assert_eq(c.push, 0);
	}
	watch_close(w);
}

Test(watch, a_full_window_of_messages_keeps_its_times)
{
	static const uint64_t starts[] = {0, 1000003, (1ull << 40) - 500};
	struct watch *w = open_here();
	struct probe_chan c;
	if (w == NULL)
		return;
	for (unsigned s = 0; s < 3; s++) {
		for (uint64_t pos = starts[s]; pos < starts[s] + 1024; pos++)
			site_push(KEY(3), 1, pos);
		for (uint64_t pos = starts[s]; pos < starts[s] + 1024; pos++)
			site_pop(KEY(3), 0, pos, KEY(1));
		for (uint64_t pos = starts[s]; pos < starts[s] + 1024; pos++)
			site_done(KEY(3), pos);
	}
	for (uint64_t pos = 0; pos < 1 << 20; pos += 64) // sampled, in a channel with fewer stamps than cells
		site_push(KEY(7), 1, pos);
	for (uint64_t pos = 0; pos < 1 << 20; pos += 64)
		site_pop(KEY(7), 1, pos, KEY(2));
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.unmatched, 0);
	cr_assert_eq(total(&c.wait), 3 * 1024);
	cr_assert_eq(total(&c.service), 3 * 1024);
	cr_assert_eq(watch_read(w, 7, &c), WATCH_OK);
	cr_assert_eq(c.unmatched, 0);
	cr_assert_eq(total(&c.wait), (1 << 20) / 64);
	watch_close(w);
}

Test(watch, a_pop_without_its_push_has_no_waiting_time)
{
	struct watch *w = open_here();
	struct probe_chan c;
	if (w == NULL)
		return;
	site_pop(KEY(3), 0, 77, KEY(1));
	site_done(KEY(3), 77);
	site_done(KEY(3), 78);
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.unmatched, 1);
	cr_assert_eq(total(&c.wait), 0);
	cr_assert_eq(total(&c.service), 1);
	cr_assert_eq(c.done, 2);
	watch_close(w);
}

Test(watch, positions_are_those_after_the_last_recovery)
{
	struct watch *w = open_here();
	struct probe_chan c;
	if (w == NULL)
		return;
	for (uint64_t pos = 0; pos < 10; pos++) {
		site_push(KEY(3), 1, pos);
		site_push(KEY(7), 1, pos);
	}
	for (uint64_t pos = 0; pos < 7; pos++)
		site_pop(KEY(3), 1, pos, KEY(1));
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.pushed, 10);
	cr_assert_eq(c.popped, 7);
	cr_assert_eq(c.completed, 0);
	site_settle(KEY(3), 9, SHMCHAN_PROBE_NONE); // died before it published the last one
	site_settle(KEY(3), SHMCHAN_PROBE_NONE, 5); // two are given to the next incarnation
	site_settle(KEY(7), 8, SHMCHAN_PROBE_NONE); // of several producers the largest counts
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.pushed, 9);
	cr_assert_eq(c.popped, 5);
	cr_assert_eq(c.completed, 5);
	cr_assert_eq(watch_read(w, 7, &c), WATCH_OK);
	cr_assert_eq(c.pushed, 10);
	site_pop(KEY(3), 1, 5, KEY(1));
	site_settle(KEY(7), 12, SHMCHAN_PROBE_NONE);
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.popped, 6);
	cr_assert_eq(watch_read(w, 7, &c), WATCH_OK);
	cr_assert_eq(c.pushed, 12);
	watch_close(w);
}

Test(watch, processes_and_their_waits)
{
	struct watch *w = open_here();
	struct probe_place place;
	struct probe_proc p;
	if (w == NULL)
		return;
	site_full(KEY(3), 1024); // the site names the slot by the same number
	site_sleep(KEY(2));
	site_wake(KEY(2));
	site_wake(KEY(2));
	cr_assert_eq(watch_proc(w, 2, &p), WATCH_OK);
	cr_assert_eq(p.sleep, 1);
	cr_assert_eq(p.wake, 2);
	cr_assert_eq(p.slept_ns, 14);
	cr_assert_eq(p.pid, (uint32_t)getpid());
	cr_assert_eq(watch_proc(w, 1, &p), WATCH_OK);
	cr_assert_eq(p.sleep, 0);
	cr_assert_eq(watch_place(w, 3, &place), WATCH_OK);
	cr_assert_str_eq(place.name, "three");
	cr_assert_eq(place.full_slot, 3);
	cr_assert_neq(place.full_ns, 0);
	watch_close(w);
}

struct seen {
	struct probe_event e[16];
	unsigned cnt;
};

static void see(void *ctx, const struct probe_event *e)
{
	struct seen *s = ctx;
	if (s->cnt < 16)
		s->e[s->cnt++] = *e;
}

Test(watch, a_threshold_is_told_once_until_it_is_over)
{
	struct watch *w = open_here();
	struct seen s = {.cnt = 0};
	if (w == NULL)
		return;
	site_push(KEY(1), 99, 1);
	cr_assert_eq(watch_events(w, 0, see, &s), 0);
	site_push(KEY(1), 100, 2);
	site_push(KEY(1), 101, 3);
	site_push(KEY(1), 60, 4);
	site_push(KEY(1), 120, 5);
	cr_assert_eq(watch_events(w, 0, see, &s), 1);
	cr_assert_eq(s.e[0].kind, PROBE_EVENT_DEPTH);
	cr_assert_eq(s.e[0].chan, 1);
	cr_assert_eq(s.e[0].value, 100);
	cr_assert_eq(s.e[0].limit, 100);
	cr_assert_eq(s.e[0].pos, 2);
	cr_assert_eq(s.e[0].pid, (uint32_t)getpid());
	site_push(KEY(1), 50, 6);
	site_push(KEY(1), 100, 7);
	site_mark(KEY(1), 50, 7);         // over again
	site_pop(KEY(1), 40, 7, KEY(2)); // and it has waited for a nanosecond or more
	cr_assert_eq(watch_events(w, 0, see, &s), 4);
	cr_assert_eq(s.e[1].kind, PROBE_EVENT_DEPTH_OVER);
	cr_assert_eq(s.e[2].kind, PROBE_EVENT_DEPTH);
	cr_assert_eq(s.e[3].kind, PROBE_EVENT_DEPTH_OVER);
	cr_assert_eq(s.e[4].kind, PROBE_EVENT_WAIT);
	cr_assert_eq(s.e[4].pos, 7);
	cr_assert_geq(s.e[4].value, 1);
	site_push(KEY(3), 1000, 1);
	cr_assert_eq(watch_events(w, 0, see, &s), 0, "no threshold was asked for");
	watch_close(w);
}

Test(watch, from_a_death_to_the_first_message)
{
	struct watch *w = open_here();
	struct seen s = {.cnt = 0};
	struct probe_life l;
	pid_t pid;
	if (w == NULL)
		return;
	pid = fork();
	if (pid == 0)
		_exit(0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	site_pop(KEY(1), 0, 40, KEY(2));
	site_recover(KEY(2), 3, 1234, (uint64_t)pid);
	cr_assert_eq(watch_life(w, 2, &l), WATCH_OK);
	cr_assert_str_eq(l.name, "other");
	cr_assert_eq(l.deaths, 1);
	cr_assert_eq(l.incarnation, 3);
	cr_assert_eq(l.pid, (uint32_t)pid);
	cr_assert_eq(l.repair_ns, 1234);
	cr_assert_eq(l.first_pop_ns, 0);
	cr_assert(l.exit_ns != 0 && l.exit_ns < l.recovered_ns);
	site_pop(KEY(3), 0, 1, KEY(1)); // another consumer's
	site_pop(KEY(1), 0, 41, KEY(2));
	site_pop(KEY(1), 0, 42, KEY(2));
	cr_assert_eq(watch_life(w, 2, &l), WATCH_OK);
	cr_assert_gt(l.first_pop_ns, l.recovered_ns);
	cr_assert_eq(l.next_pid, (uint32_t)getpid());
	cr_assert_eq(total(&l.recovery), 1);
	cr_assert_eq(total(&l.gap), 1);
	cr_assert_eq(watch_events(w, 0, see, &s), 2);
	cr_assert_eq(s.e[0].kind, PROBE_EVENT_RECOVERED);
	cr_assert_eq(s.e[1].kind, PROBE_EVENT_FIRST_POP);
	cr_assert_eq(s.e[1].pos, 41);
	cr_assert_eq(s.e[1].slot, 2);
	cr_assert_eq(s.e[1].exit_ns, l.exit_ns);
	watch_close(w);
}

// Of a channel with several consumers, too, the one who died is awaited.
Test(watch, the_first_message_is_that_of_the_replacement)
{
	struct watch *w = open_here();
	struct seen s = {.cnt = 0};
	struct probe_life l;
	if (w == NULL)
		return;
	site_recover(KEY(2), 3, 1234, 1);
	site_pop(KEY(7), 1, 10, KEY(1)); // the other consumer's
	cr_assert_eq(watch_life(w, 2, &l), WATCH_OK);
	cr_assert_eq(l.first_pop_ns, 0);
	site_pop(KEY(7), 1, 11, KEY(2));
	cr_assert_eq(watch_life(w, 2, &l), WATCH_OK);
	cr_assert_gt(l.first_pop_ns, l.recovered_ns);
	cr_assert_eq(watch_life(w, 1, &l), WATCH_OK);
	cr_assert_eq(l.first_pop_ns, 0);
	cr_assert_eq(watch_events(w, 0, see, &s), 2);
	cr_assert_eq(s.e[1].kind, PROBE_EVENT_FIRST_POP);
	cr_assert_eq(s.e[1].chan, 7);
	cr_assert_eq(s.e[1].slot, 2);
	cr_assert_eq(s.e[1].pos, 11);
	watch_close(w);
}

Test(watch, rates)
{
	struct probe_rate r = {.count = 1000, .ns = 5000000000, .per_second = 70};
	if (watch_built() != NULL)
		return;
	cr_assert_float_eq(watch_rate(&(struct probe_rate){0}, 10, 1), 0, 1e-9);
	cr_assert_float_eq(watch_rate(&r, 1000, 5000000001), 70, 1e-9);
	cr_assert_float_eq(watch_rate(&r, 1000, 7000000000), 0, 1e-9, "nothing came for two seconds");
	cr_assert_float_eq(watch_rate(&r, 1100, 7000000000), 50, 1e-9);
}

Test(watch, the_stack_of_a_leaf_stays_whole)
{
	struct watch *w = open_here();
	unsigned changed = 0;
	struct probe_chan c;
	for (uint64_t i = 0; i < 1000; i++)
		changed += site_leaf(KEY(3), i);
	cr_assert_eq(changed, 0);
	if (w == NULL)
		return;
	cr_assert_eq(watch_read(w, 3, &c), WATCH_OK);
	cr_assert_eq(c.full, 1000);
	watch_close(w);
}

// Fires from a process that is born after attaching.
Test(watch, processes_born_later_count)
{
	struct watch *w = open_here();
	struct probe_chan c;
	int status;
	pid_t pid;
	if (w == NULL)
		return;
	pid = fork();
	if (pid == 0) {
		for (uint64_t pos = 0; pos < 100; pos++)
			site_push(KEY(1), 2, pos);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(watch_read(w, 1, &c), WATCH_OK);
	cr_assert_eq(c.push, 100);
	cr_assert_eq(c.depth.cnt[hist_slot(2)], 100);
	watch_close(w);
}

Test(watch, a_program_without_probes_is_named)
{
	struct watch *w = open_here();
	struct watch_why why = {""};
	pid_t pid;
	int err;
	if (w == NULL)
		return;
	pid = fork();
	if (pid == 0) {
		execlp("sleep", "sleep", "1000", NULL);
		_exit(127);
	}
	do { // until the child has become another program
		err = watch_attach_pid(w, pid, &why);
	} while (err == WATCH_OK);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(err, WATCH_NO_SITES, "%d: %s", err, why.text);
	cr_assert_not_null(strstr(why.text, "has no probes"));
	cr_assert_eq(watch_attach_pid(w, pid, &why), WATCH_GONE);
	cr_assert_eq(watch_files(w), 1, "the program was attached to once");
	watch_close(w);
}
