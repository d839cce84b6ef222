// Usage: sup [-o FILE] [-r ROW] [-n ROUNDS]
// shmsup beside a bare loop of pidfd and posix_spawn, and beside the supervisors that are installed. All run the same program:
//	sup_respawn        SIGKILL of a service to the first statement of its replacement's main
//	sup_respawn_busy   the same while every processor is in use
//	sup_respawn_early  the same for a service that dies by itself 200 ms after its start, thrice
//	sup_respawn_1GiB   the same for one with 1 GiB of memory
//	sup_start_200      start of the supervisor to the first statement of main of the last of 200 services
//	sup_ready_200      the same until all are ready, alone and for two such groups at once
//	sup_crash_cpu      use of a processor by the supervisor and a service that exits at its start
// Rounds alternate between the supervisors. Exit status: 0; 1 ours failed, a file could not be written, or it was
// interrupted; 2 usage.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/sup_peer.h"
#include "tests/bench/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PEERS_MAX 16
#define SPINNERS_MAX 64
#define ROUND_NS UINT64_C(1100000000) // some wait a second after a life that was shorter
#define OFTEN 5                       // samples a round of those who never wait
#define EARLY_DEATHS 3
#define MANY 200
#define CRASH_NS UINT64_C(1500000000)

static struct table *table;
static unsigned rounds = 12;
static bool broken; // ours, or the floor: then there is nothing to compare

static bool is_slow(const struct sup_peer *p)
{
	return p->program != NULL;
}

static bool goes_on(unsigned round, unsigned cnt)
{
	return round < cnt && !broken && !sup_stopped;
}

static void gave_up(const struct sup_run *r, const char *row)
{
	if (sup_stopped)
		return;
	fprintf(stderr, "sup: %s: %s: no replacement after %llu s; left out of this row from here on\n", row,
		r->peer->name, (unsigned long long)(SUP_PATIENCE_NS / 1000000000));
	broken |= !is_slow(r->peer);
}

static void pause_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

// -------------------------------------------------------------------------------------------------- respawn

static bool respawn(struct sup_run *r, const char *row, const char *unit, double per_unit)
{
	uint32_t lives = sup_lives(r, 1);
	uint64_t killed;

	killed = sup_now();
	if (kill(sup_life(r, 1, lives - 1)->pid, SIGKILL) != 0 || !sup_wait(r, 1, lives, SUP_PATIENCE_NS)) {
		gave_up(r, row);
		return false;
	}
	table_add(table, row, r->peer->name, "any", unit, false,
		  (double)(sup_life(r, 1, lives)->main_ns - killed) / per_unit);
	return true;
}

static unsigned start_all(struct sup_run *runs, const char *row)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sup_peer_cnt; i++) {
		if (sup_missing(&sup_peers[i]))
			continue;
		if (sup_start(&runs[n], &sup_peers[i], 1, "stay") &&
		    sup_wait(&runs[n], 1, 0, SUP_PATIENCE_NS))
			n++;
		else if (runs[n].pid) {
			gave_up(&runs[n], row);
			sup_end(&runs[n]);
		}
	}
	return n;
}

static void respawns(const char *row)
{
	struct sup_run runs[PEERS_MAX];
	bool out[PEERS_MAX] = {false};
	unsigned n = start_all(runs, row);

	for (unsigned round = 0; goes_on(round, rounds * OFTEN); round++) {
		if (round % OFTEN == 0)
			pause_until(sup_now() + ROUND_NS);
		for (unsigned k = 0; k < n; k++) {
			unsigned i = (round + k) % n;

			if (!out[i] && (round % OFTEN == 0 || !is_slow(runs[i].peer)))
				out[i] = !respawn(&runs[i], row, "us", 1e3);
		}
	}
	for (unsigned i = 0; i < n; i++)
		sup_end(&runs[i]);
	table_print(table, row, NULL);
}

static void row_respawn(void)
{
	respawns("sup_respawn");
}

static void row_respawn_busy(void)
{
	pid_t spinners[SPINNERS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (long i = 0; i < cpus && i < SPINNERS_MAX; i++)
		spinners[i] = sup_spin();
	respawns("sup_respawn_busy");
	for (long i = 0; i < cpus && i < SPINNERS_MAX; i++)
		sup_spare(spinners[i]);
}

static void early_deaths(const struct sup_peer *p, const char *row)
{
	struct sup_run r;

	if (!sup_start(&r, p, 1, "crash"))
		return;
	for (unsigned n = 0; n < (is_slow(p) ? 1 : EARLY_DEATHS); n++) {
		char each[40];

		if (!sup_wait(&r, 1, n + 1, SUP_PATIENCE_NS)) {
			gave_up(&r, row);
			break;
		}
		snprintf(each, sizeof(each), "%s_%u", row, n + 1);
		table_add(table, each, p->name, "any", "us", false,
			  (double)(sup_life(&r, 1, n + 1)->main_ns - sup_life(&r, 1, n)->death_ns) / 1e3);
	}
	sup_end(&r);
}

static void row_respawn_early(void)
{
	char each[40];

	for (unsigned round = 0; goes_on(round, (rounds + 1) / 2); round++)
		for (unsigned i = 0; i < sup_peer_cnt; i++)
			if (!sup_missing(&sup_peers[i]))
				early_deaths(&sup_peers[i], "sup_respawn_early");
	for (unsigned n = 1; n <= EARLY_DEATHS; n++) {
		snprintf(each, sizeof(each), "sup_respawn_early_%u", n);
		table_print(table, each, NULL);
	}
}

// One at a time: not every machine has a GiB for each.
static void row_respawn_big(void)
{
	for (unsigned i = 0; i < sup_peer_cnt; i++) {
		struct sup_run r;

		if (sup_missing(&sup_peers[i]) || !sup_start(&r, &sup_peers[i], 1, "big"))
			continue;
		if (!sup_wait(&r, 1, 0, SUP_PATIENCE_NS))
			gave_up(&r, "sup_respawn_1GiB");
		else
			for (unsigned n = 0; goes_on(n, (rounds + 1) / 2); n++) {
				if (is_slow(r.peer))
					pause_until(sup_now() + ROUND_NS / 2);
				if (!respawn(&r, "sup_respawn_1GiB", "ms", 1e6))
					break;
			}
		sup_end(&r);
	}
	table_print(table, "sup_respawn_1GiB", NULL);
}

// ---------------------------------------------------------------------------------------------------- start

static bool all_begun(struct sup_run *r, double *ms)
{
	uint64_t last = 0;

	for (unsigned i = 1; i <= r->cnt; i++) {
		if (!sup_wait(r, i, 0, SUP_PATIENCE_NS))
			return false;
		if (sup_life(r, i, 0)->main_ns > last)
			last = sup_life(r, i, 0)->main_ns;
	}
	*ms = (double)(last - r->begin_ns) / 1e6;
	return true;
}

static void start_many(const struct sup_peer *p, const char *row)
{
	struct sup_run r;
	double ms;

	if (!sup_start(&r, p, MANY, "stay"))
		return;
	if (all_begun(&r, &ms))
		table_add(table, row, p->name, "any", "ms", false, ms);
	else
		gave_up(&r, row);
	sup_end(&r);
}

static void row_start(void)
{
	for (unsigned round = 0; goes_on(round, (rounds + 1) / 2); round++)
		for (unsigned i = 0; i < sup_peer_cnt; i++)
			if (!sup_missing(&sup_peers[i]))
				start_many(&sup_peers[i], "sup_start_200");
	table_print(table, "sup_start_200", NULL);
}

static void ready_many(const struct sup_peer *p, unsigned groups, const char *name)
{
	struct sup_run r[2];
	unsigned n = 0;

	while (n < groups && sup_start(&r[n], p, MANY, "stay"))
		n++;
	for (unsigned i = 0; i < n; i++)
		if (!sup_ready(&r[i], SUP_PATIENCE_NS))
			gave_up(&r[i], "sup_ready_200");
	if (n == groups && !broken)
		table_add(table, "sup_ready_200", name, "any", "ms", false,
			  (double)(sup_now() - r[0].begin_ns) / 1e6);
	for (unsigned i = 0; i < n; i++)
		sup_end(&r[i]);
}

static void row_ready(void)
{
	const struct sup_peer *p = &sup_peers[0];

	while (strcmp(p->name, "shmsup") != 0)
		p++;
	for (unsigned round = 0; goes_on(round, (rounds + 1) / 2); round++) {
		ready_many(p, 1, "shmsup");
		ready_many(p, 2, "shmsup-two-groups");
	}
	table_print(table, "sup_ready_200", NULL);
}

// --------------------------------------------------------------------------------------------------- crashes

static double used_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// All that it started has become our child when it has ended: its use is in ours.
static void crashes(const struct sup_peer *p, const char *row)
{
	double before = used_s(), share;
	struct sup_run r;
	uint32_t lives;

	if (!sup_start(&r, p, 1, "exit"))
		return;
	pause_until(r.begin_ns + CRASH_NS);
	lives = sup_lives(&r, 1);
	sup_end(&r);
	share = (used_s() - before) / ((double)(sup_now() - r.begin_ns) / 1e9) * 100;
	table_add(table, row, p->name, "any", "%", false, share);
	table_add(table, "sup_crash_lives", p->name, "any", "", false, lives);
}

static void row_crash(void)
{
	for (unsigned round = 0; goes_on(round, (rounds + 1) / 2); round++)
		for (unsigned i = 0; i < sup_peer_cnt; i++)
			if (!sup_missing(&sup_peers[i]) && strncmp(sup_peers[i].name, "floor", 5) != 0 &&
			    strcmp(sup_peers[i].name, "erlang-port") != 0) // neither ever stops trying
				crashes(&sup_peers[i], "sup_crash_cpu");
	table_print(table, "sup_crash_cpu", NULL);
	table_print(table, "sup_crash_lives", NULL);
}

static const struct {
	const char *name;
	void (*measure)(void);
} rows[] = {{"sup_respawn", row_respawn},
	    {"sup_respawn_busy", row_respawn_busy},
	    {"sup_respawn_early", row_respawn_early},
	    {"sup_respawn_1GiB", row_respawn_big},
	    {"sup_start_200", row_start},
	    {"sup_ready_200", row_ready},
	    {"sup_crash_cpu", row_crash}};

int main(int argc, char **argv)
{
	const char *out = NULL, *only = NULL;
	int opt;

	table = table_new();
	while ((opt = getopt(argc, argv, "o:r:n:")) != -1) {
		if (opt == 'o')
			out = optarg;
		else if (opt == 'r')
			only = optarg;
		else if (opt == 'n' && atoi(optarg) > 0)
			rounds = (unsigned)atoi(optarg);
		else {
			fprintf(stderr, "usage: sup [-o FILE] [-r ROW] [-n ROUNDS]\n");
			return 2;
		}
	}
	if (!table || !sup_init()) {
		fprintf(stderr, "sup: can't find shmsup and sup-worker beside this program; giving up\n");
		return 1;
	}
	for (unsigned i = 0; i < sup_peer_cnt; i++)
		if (sup_missing(&sup_peers[i]))
			printf("left out: %s; package %s, installed by `make bench-deps`\n",
			       sup_peers[i].name, sup_peers[i].package);
	for (unsigned i = 0; goes_on(i, COUNT(rows)); i++)
		if (!only || !strcmp(rows[i].name, only))
			rows[i].measure();
	broken |= !table_save(table, "sup", out);
	table_free(table);
	return broken || sup_stopped;
}
