#include "tests/bpf/site.h"
#include "shmchan/probe.h"

void site_push(uint64_t key, uint64_t depth, uint64_t pos)
{
	SHMCHAN_PROBE_PUSH(key, depth, pos);
}

void site_pop(uint64_t key, uint64_t depth, uint64_t pos, uint64_t slot_key)
{
	SHMCHAN_PROBE_POP(key, depth, pos, slot_key);
}

void site_done(uint64_t key, uint64_t pos)
{
	SHMCHAN_PROBE_DONE(key, pos);
}

void site_mark(uint64_t key, uint64_t depth, uint64_t pos)
{
	SHMCHAN_PROBE_MARK(key, depth, pos);
}

void site_full(uint64_t key, uint64_t depth)
{
	SHMCHAN_PROBE_FULL(key, depth, key);
}

void site_dead_letter(uint64_t key, uint64_t pos)
{
	SHMCHAN_PROBE_DEAD_LETTER(key, pos);
}

void site_recover(uint64_t key, uint64_t incarnation, uint64_t nsec, uint64_t pid)
{
	SHMCHAN_PROBE_RECOVER(key, incarnation, nsec, pid);
}

void site_settle(uint64_t key, uint64_t pushed, uint64_t done)
{
	SHMCHAN_PROBE_SETTLE(key, pushed, done);
}

void site_sleep(uint64_t key)
{
	SHMCHAN_PROBE_SLEEP(key);
}

void site_wake(uint64_t key)
{
	SHMCHAN_PROBE_WAKE(key, 7);
}

bool site_push_enabled(void)
{
	return SHMCHAN_PROBE_PUSH_ENABLED();
}

volatile unsigned short bench_empty_semaphore __attribute__((section(".probes"), visibility("hidden")));
volatile unsigned short bench_idle_semaphore __attribute__((section(".probes"), visibility("hidden")));

void site_empty(uint64_t key, uint64_t depth, uint64_t pos)
{
#if SHMCHAN_PROBES_BUILT
	if (__builtin_expect(bench_empty_semaphore != 0, 0))
		STAP_PROBE3(bench, empty, key, depth, pos);
#endif
}

void site_idle(uint64_t key, uint64_t depth, uint64_t pos)
{
#if SHMCHAN_PROBES_BUILT
	if (__builtin_expect(bench_idle_semaphore != 0, 0))
		STAP_PROBE3(bench, idle, key, depth, pos);
#endif
}

unsigned site_leaf(uint64_t key, uint64_t seed)
{
	volatile uint64_t local[12]; // 96 of the 128 bytes below the stack pointer that a leaf may use
	unsigned changed = 0;
	for (unsigned i = 0; i < 12; i++)
		local[i] = seed + i;
	SHMCHAN_PROBE_FULL(key, seed, key);
	for (unsigned i = 0; i < 12; i++)
		changed += local[i] != seed + i;
	return changed;
}
