// The speed of message passing between processes: what the driver and the contenders know of each other.
//
// For each row (what is measured) the driver lets every contender that can take part create its shared state,
// forks one consumer and the producers, and then asks for one short sample of each in turn. The processes of
// the others sleep.
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum form {
	FORM_RTT,    // producer 1 sends, the consumer sends back; both poll. Value: median of the round trips
	FORM_STREAM, // one at a time, as fast as it goes. Value: time per message at the consumer
	FORM_BUILT,  // the same, every word of the message written just before it is sent
	FORM_BATCH,  // row->batch messages per call where the contender has such calls
	FORM_MANY,   // stream from several producers; those share the two cores with the consumer
	FORM_BLOCK,  // round trip, each side asleep when the message is sent
	FORM_IDLE,   // nobody sends, all wait. Value: processor time of all processes, us per second
	FORM_BIG,    // one large message is built from private memory and handed over; empty queue, both poll
};
#define FORM(f) (1u << (f))

#define LEN_MAX 1024 // bytes of a message in all forms but FORM_BIG
#define BATCH_MAX 32
#define PRODUCERS_MAX 4
#define BIG_BLOCKS 4

struct row {
	const char *name;
	const char *second; // suffix of the row that holds the second value of a sample, NULL: none
	enum form form;
	uint32_t len; // bytes of a message
	uint32_t cap; // messages; contenders that have other bounds come as near as they can
	unsigned producers;
	unsigned batch;
};

// Times by the processor's counter, which both cores share.
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (uint64_t)hi << 32 | lo;
#elif defined(__aarch64__)
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(t)::"memory");
	return t;
#endif
}
extern double ns_per_tick;

struct side; // what the processes of one contender share with each other and with the driver

// One sample, as one of its processes sees it. who: 0 is the consumer, 1.. are the producers.
struct run {
	const struct row *row;
	unsigned who;
	uint64_t first; // sequence number of the first message, per producer
	uint64_t warm;  // messages not counted
	uint64_t cnt;   // messages counted
	struct side *side;
	// Results.
	uint64_t bad;     // lines that did not hold the number they should
	uint64_t spent;   // ticks for `cnt` messages, where that is the value
	uint32_t *laps;   // ticks of each message, where the value is their median
	uint32_t *laps2;  // likewise, for the second value
	uint64_t lap_cnt; // 0: `spent` counts
};

struct contender {
	const char *name;
	const char *package; // Debian package it comes from; NULL: part of this project or of the system
	const char *missing; // why it can't run here; NULL: it can
	unsigned forms;
	uint32_t len_max; // longest message it can carry; 0: any of ours
	int kind;         // for families: which member
	// In the driver, before the fork. NULL: it could not be made; the driver says so and goes on without.
	void *(*create)(const struct contender *c, const struct row *row);
	// In the driver, when all processes have ended.
	void (*destroy)(void *state);
	// In each process, pinned. NULL: failed.
	void *(*open)(void *state, const struct row *row, unsigned who);
	// One sample. loops.inc writes these.
	void (*run)(void *end, struct run *run);
	// In each process before it ends; NULL: nothing to do.
	void (*close)(void *end);
};

struct family {
	const struct contender *list;
	unsigned cnt;
};
extern const struct family family_floor, family_shmchan, family_kernel, family_boost, family_ck, family_dpdk,
	family_rwq, family_zmq, family_iceoryx, family_unsafe, family_mutex, family_cells;

// The group that a contender of family_shmchan has created.
const char *bench_group_name(const void *state);

// ---- for contenders (side.c)

// Zeroed memory that is shared with the processes forked later, at the same address. NULL if there is none.
void *bench_shared(size_t bytes);
void bench_unshare(void *mem, size_t bytes);
// Where forked processes are pinned: cpu 0 is the consumer's.
void bench_pin(unsigned which);
void bench_yield(void);
// FORM_BIG: the consumer has seen message seq - 1 and looked through it; the producer waits for that.
void bench_ack(struct run *run, uint64_t seq);
void bench_await_ack(struct run *run, uint64_t seq);
void bench_stamp_set(struct run *run, uint64_t t);
uint64_t bench_stamp(struct run *run);
// FORM_IDLE: ns of processor time this process has used.
uint64_t bench_cpu_ns(void);
#define IDLE_NS 300000000
// FORM_BLOCK: long enough for the other side to be asleep.
void bench_let_sleep(void);

// A look that found nothing: on a core of its own it looks again at once; one that shares its core gives way,
// and so does one whose peer seems not to run.
static inline void bench_missed(const struct run *run, unsigned misses)
{
	unsigned mask = run->row->form == FORM_MANY ? 63 : 0x3fff;

	if (__builtin_expect((misses & mask) == mask, 0))
		bench_yield();
}

// ---- the message: every line begins with its number

#define BENCH_LINE 64

static inline __attribute__((always_inline)) void bench_mark(void *msg, size_t len, uint64_t seq)
{
	for (size_t at = 0; at < len; at += BENCH_LINE)
		memcpy((char *)msg + at, &seq, sizeof(seq));
}

static inline __attribute__((always_inline)) void bench_build(void *msg, size_t len, uint64_t seq)
{
	for (size_t at = 0; at < len; at += sizeof(seq)) {
		uint64_t v = at % BENCH_LINE ? seq ^ at : seq;

		memcpy((char *)msg + at, &v, sizeof(v));
		__asm__ volatile("" ::: "memory"); // word by word, as code that fills in fields does
	}
}

// 0 if all lines hold seq.
static inline __attribute__((always_inline)) uint64_t bench_differs(const void *msg, size_t len, uint64_t seq)
{
	uint64_t bad = 0;

	for (size_t at = 0; at < len; at += BENCH_LINE) {
		uint64_t v;

		memcpy(&v, (const char *)msg + at, sizeof(v));
		bad |= v ^ seq;
	}
	return bad;
}

#define BENCH_TAG(who, seq) ((uint64_t)(who) << 56 | (seq))

#ifdef __cplusplus
}
#endif
#endif
