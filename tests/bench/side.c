// What runs in the forked processes, and what all contenders share.
#include "tests/bench/side.h"

#include <linux/futex.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/side_priv.h"

#define PROBE_CHUNKS 15
#define PROBE_TRIPS 32
#define SLEEP_NS 120000 // longer than any contender here looks before it sleeps

double ns_per_tick;
struct side_line *side_line;
static int cpu[2];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void side_calibrate_clock(void)
{
	uint64_t ns = now_ns(), t = ticks(), end = ns + 50000000, now;

	while ((now = now_ns()) < end)
		;
	ns_per_tick = (double)(now - ns) / (double)(ticks() - t);
}

bool side_cpus(void)
{
	cpu_set_t set;
	unsigned found = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return false;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			cpu[found++] = i;
	return found == 2;
}

void bench_pin(unsigned which)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu[which % 2], &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void *bench_shared(size_t bytes)
{
	void *mem =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void bench_unshare(void *mem, size_t bytes)
{
	if (mem)
		munmap(mem, bytes);
}

void bench_yield(void)
{
	sched_yield();
}

uint64_t bench_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void bench_let_sleep(void)
{
	uint64_t end = ticks() + (uint64_t)(SLEEP_NS / ns_per_tick);

	while (ticks() < end)
		;
}

// Pairs with the acquire in bench_await_ack: the consumer has read what the producer will write over.
void bench_ack(struct run *run, uint64_t seq)
{
	atomic_store_explicit(&run->side->ack, seq, memory_order_release);
}

void bench_await_ack(struct run *run, uint64_t seq)
{
	for (unsigned i = 0; atomic_load_explicit(&run->side->ack, memory_order_acquire) != seq; i++)
		bench_missed(run, i);
}

// Relaxed: the message that follows orders it.
void bench_stamp_set(struct run *run, uint64_t t)
{
	atomic_store_explicit(&run->side->stamp, t, memory_order_relaxed);
}

uint64_t bench_stamp(struct run *run)
{
	return atomic_load_explicit(&run->side->stamp, memory_order_relaxed);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

// One line to and fro between the consumer and producer 1: median of the chunks, ns per round trip. It brings
// both together, too: each waits for the other at the first trip.
static double probe_line(unsigned who, uint64_t ball)
{
	double chunk[PROBE_CHUNKS];
	_Atomic uint64_t *line = &side_line->ball;

	for (unsigned k = 0; k < PROBE_CHUNKS; k++) {
		uint64_t start = ticks();

		for (unsigned i = 0; i < PROBE_TRIPS; i++) {
			// Acquire and release: what one process wrote before the probe, the other sees after
			// it.
			if (who)
				atomic_store_explicit(line, ball + 1, memory_order_release);
			for (unsigned n = 1;
			     atomic_load_explicit(line, memory_order_acquire) != ball + (who ? 2 : 1); n++)
				if ((n & 0xfff) == 0)
					sched_yield();
			if (!who)
				atomic_store_explicit(line, ball + 2, memory_order_release);
			ball += 2;
		}
		chunk[k] = (double)(ticks() - start) * ns_per_tick / PROBE_TRIPS;
	}
	qsort(chunk, PROBE_CHUNKS, sizeof(chunk[0]), by_value);
	return chunk[PROBE_CHUNKS / 2];
}

// The other producers sleep while the two measure.
static void await_start(struct side *s, unsigned who, uint32_t no)
{
	uint32_t seen;

	if (who == 0) {
		// Release pairs with the acquire below.
		atomic_store_explicit(&s->start, no, memory_order_release);
		syscall(SYS_futex, &s->start, FUTEX_WAKE, SIDE_PROCS, NULL, NULL, 0);
		return;
	}
	while ((seen = atomic_load_explicit(&s->start, memory_order_acquire)) != no)
		syscall(SYS_futex, &s->start, FUTEX_WAIT, seen, NULL, NULL, 0);
}

static int by_ticks(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double quantile(uint32_t *laps, uint64_t n, double q)
{
	return laps[(uint64_t)((double)(n - 1) * q)] * ns_per_tick;
}

static struct side_answer evaluate(struct run *run)
{
	struct side_answer a = {.bad = run->bad, .value = NAN, .second = NAN};

	if (run->lap_cnt) {
		qsort(run->laps, run->lap_cnt, sizeof(uint32_t), by_ticks);
		a.value = quantile(run->laps, run->lap_cnt, 0.5);
		if (run->row->form == FORM_BIG) {
			qsort(run->laps2, run->lap_cnt, sizeof(uint32_t), by_ticks);
			a.second = quantile(run->laps2, run->lap_cnt, 0.5);
		} else {
			a.second = quantile(run->laps, run->lap_cnt, 0.99);
		}
	} else if (run->spent) {
		a.value = (double)run->spent * ns_per_tick / (double)(run->cnt * run->row->producers);
	}
	return a;
}

static void measure(void *end, struct group *g, unsigned who, const struct side_order *o, uint32_t *laps)
{
	struct run run = {.row = g->row,
			  .who = who,
			  .first = o->first,
			  .warm = o->warm,
			  .cnt = o->cnt,
			  .side = g->side,
			  .laps = laps,
			  .laps2 = laps + SIDE_LAPS_MAX};
	struct side_answer a;
	double before = 0, after = 0;

	if (who < 2)
		before = probe_line(who, 0);
	await_start(g->side, who, o->no);
	atomic_store_explicit(&g->side->mine[who].running, 1, memory_order_relaxed);
	g->c->run(end, &run);
	atomic_store_explicit(&g->side->mine[who].running, 2, memory_order_relaxed);
	if (who < 2)
		after = probe_line(who, 2 * PROBE_CHUNKS * PROBE_TRIPS);
	a = evaluate(&run);
	a.line[0] = before;
	a.line[1] = after;
	send(g->sock[who], &a, sizeof(a), 0);
}

void side_process(struct group *g, unsigned who, int sock)
{
	uint32_t *laps = calloc(2 * SIDE_LAPS_MAX, sizeof(*laps));
	struct side_order o;
	void *end;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bench_pin(who == 0 ? 1 : who - 1);
	g->sock[who] = sock;
	end = laps ? g->c->open(g->state, g->row, who) : NULL;
	if (!end || send(sock, "r", 1, 0) != 1)
		_exit(1);
	while (recv(sock, &o, sizeof(o), 0) == (ssize_t)sizeof(o) && o.no)
		measure(end, g, who, &o, laps);
	if (g->c->close)
		g->c->close(end);
	_exit(0);
}
