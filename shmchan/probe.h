// clang-format off
// The USDT probes of libshmchan: provider `shmchan`. What stands here is an ABI between every program that links
// the library and every tool that attaches: a probe never changes its name, its arguments or their meaning; another
// argument may only come behind the last.
//
//	probe        arguments                          sampled  fires in the process that
//	push         chan_key, depth, pos               yes      is about to publish message `pos`: after the last
//	                                                         check that could refuse it, before the store that
//	                                                         publishes. Of a list: its place is decided, and
//	                                                         nobody has been told of it; not of what recovery
//	                                                         sends for the dead
//	pop          chan_key, depth, pos, slot_key     yes      has just taken message `pos`; fires also for the
//	                                                         first message that an incarnation takes from a channel
//	done         chan_key, pos                      yes      is about to complete message `pos`: before the store
//	                                                         that gives the cell back. Not at completions by
//	                                                         recovery
//	full         chan_key, depth, slot_key          no       found no free cell for its next message; once,
//	                                                         however often it looks until it is sent
//	mark         chan_key, depth, pos               no       is about to publish the message with which the channel
//	                                                         is as deep as its mark; or has taken the one after
//	                                                         which it is down to half of that. Looked for while
//	                                                         somebody listens to push, or pop
//	sleep        slot_key                           no       is about to sleep on its doorbell
//	wake         slot_key, nsec                     no       has slept for nsec and runs again, whatever woke it
//	dead_letter  chan_key, pos                      no       (broker) has stored message `pos` as a dead letter
//	recover      slot_key, incarnation, nsec, pid   no       (broker) has repaired what that incarnation, which had
//	                                                         that pid, left; it took nsec
//	settle       chan_key, pushed, done             no       (broker) in the course of that, for each channel that
//	                                                         the dead had an end of. The end that it had is now
//	                                                         exactly there, the other is SHMCHAN_PROBE_NONE
//
// Arguments, all 64-bit unsigned:
//	chan_key     group tag << 16 | channel id. The tag is in the group's control segment; it tells apart groups
//	             that run the same executables, which all fire the same probe.
//	slot_key     group tag << 16 | process slot
//	depth        messages published and not taken. push, mark: with this one; pop: without this one, by the producers'
//	             hint, which may lag, in spsc by up to 64 messages, and in mpsc counts cells as soon as they are claimed;
//	             full: what keeps the producer out, messages in flight among them
//	             The mark is the topology's alert_depth, unless a tool asks for another (shmchan_view_mark)
//	pos          position in the channel, from 0; the same number for a message at push, pop, done, dead_letter
//	             Lists (mpsc-list, mpsc-intrusive, mpmc2) have no positions of claimed cells. In mpmc2 several consumers
//	             are between pop and done at a time, so that dones come in any order
//	pushed       positions used by producers: pos of the newest message + 1. Where several produce, claimed cells
//	             that were taken back are among them, and living producers may have gone on meanwhile
//	done         positions completed; none is in flight. mpmc2: messages completed by all consumers; the others may
//	             have some in flight, and what the dead had and is given back has been popped and is popped again
//	nsec         nanoseconds
//
// So push precedes the pop of the same message and pop precedes its done, in time as in the record, and the
// differences of the three times are the waiting time and the service time. pos + 1 is also a count: who misses probes,
// because they are sampled or because a process died before one, still knows how many messages there were.
//
// Sampled: the library fires for one message in N, those with (pos & mask) == 0, mask == N - 1, N a power of 2.
// The position decides, so that both ends of a channel choose the same messages. N is 64 unless a tool asks for another
// (shmchan_view_sample), and becomes larger by itself, up to 2^16, where 64 messages take less than 20 us: a probe
// costs half a microsecond and more, and watching should not slow a stream by more than a tenth. What a tool asks
// for stays.
//
// On x86-64 and arm64 the arguments stand in the registers of the first function arguments (rdi, rsi, rdx, rcx; x0 to x3),
// as the ELF notes say too. A BPF program may thus use PT_REGS_PARM1 to 4 and spare the lookup of the notes.
//
// Each probe has a semaphore, a 16-bit word that the kernel raises in every process where somebody listens. The
// macros evaluate their arguments only then. Used like this, a depth that must be read from the other side's cache
// line is free while nobody looks:
//
//	if (SHMCHAN_PROBE_PUSH_ENABLED() && SHMCHAN_PROBE_SAMPLED(pos, sample))
//		SHMCHAN_PROBE_PUSH(ch->probe_key, depth(ch), pos);
//
// Without <sys/sdt.h>, on other processors, or with -DSHMCHAN_NO_PROBES, all of it is constant false and no code.
// clang-format on
#ifndef SHMCHAN_PROBE_H
#define SHMCHAN_PROBE_H

#define SHMCHAN_PROBE_PROVIDER "shmchan"
#define SHMCHAN_PROBE_MASK_DEFAULT 63u // one message in 64
#define SHMCHAN_PROBE_EVERY_MAX (1u << 30)
#define SHMCHAN_PROBE_NONE (~(uint64_t)0)

// The word that says which messages are sampled: a mask, and whether somebody has asked for it.
#define SHMCHAN_PROBE_FIXED 0x80000000u
#define SHMCHAN_PROBE_MASK(word) ((word) & ~SHMCHAN_PROBE_FIXED)

// chan_key and slot_key from their parts, and back.
#define SHMCHAN_PROBE_KEY(tag, id) ((uint64_t)(uint32_t)(tag) << 16 | (uint16_t)(id))
#define SHMCHAN_PROBE_KEY_TAG(key) ((uint32_t)((key) >> 16))
#define SHMCHAN_PROBE_KEY_ID(key) ((uint16_t)(key))

// BPF programs include this file behind vmlinux.h, for the three macros above.
#ifndef __bpf__

#include <stdint.h>

#ifndef SHMCHAN_NO_PROBES
#if !defined(__has_include) || !__has_include(<sys/sdt.h>) || !(defined(__x86_64__) || defined(__aarch64__))
#define SHMCHAN_NO_PROBES 1
#endif
#endif

#define SHMCHAN_PROBE_SAMPLED(pos, word) (((pos) & SHMCHAN_PROBE_MASK(word)) == 0)

#ifdef SHMCHAN_NO_PROBES

#define SHMCHAN_PROBES_BUILT 0
#define SHMCHAN_PROBE_ON(event) 0
// The arguments stay checked and count as used.
#define SHMCHAN_PROBE_1(event, a)  \
	do {                       \
		if (0)             \
			(void)(a); \
	} while (0)
#define SHMCHAN_PROBE_2(event, a, b)          \
	do {                                  \
		if (0)                        \
			(void)(a), (void)(b); \
	} while (0)
#define SHMCHAN_PROBE_3(event, a, b, c)                  \
	do {                                             \
		if (0)                                   \
			(void)(a), (void)(b), (void)(c); \
	} while (0)
#define SHMCHAN_PROBE_4(event, a, b, c, d)                          \
	do {                                                        \
		if (0)                                              \
			(void)(a), (void)(b), (void)(c), (void)(d); \
	} while (0)

#else

#define SHMCHAN_PROBES_BUILT 1
#ifdef _SYS_SDT_H
#error "include shmchan/probe.h before sys/sdt.h: its settings must be seen first"
#endif
#define _SDT_HAS_SEMAPHORES 1
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

#ifdef __x86_64__
#define SHMCHAN_PROBE_REG(x86, arm) __asm__(x86)
#else
#define SHMCHAN_PROBE_REG(x86, arm) __asm__(arm)
#endif

// Written by the kernel behind the compiler's back, hence volatile. Hidden: each program or shared object
// that holds probe sites has its own, which its own ELF notes name. Defined in probe.c.
#define SHMCHAN_PROBE_SEMAPHORE(event) \
	extern volatile unsigned short shmchan_##event##_semaphore __attribute__((visibility("hidden")))
SHMCHAN_PROBE_SEMAPHORE(push);
SHMCHAN_PROBE_SEMAPHORE(pop);
SHMCHAN_PROBE_SEMAPHORE(done);
SHMCHAN_PROBE_SEMAPHORE(full);
SHMCHAN_PROBE_SEMAPHORE(mark);
SHMCHAN_PROBE_SEMAPHORE(sleep);
SHMCHAN_PROBE_SEMAPHORE(wake);
SHMCHAN_PROBE_SEMAPHORE(dead_letter);
SHMCHAN_PROBE_SEMAPHORE(recover);
SHMCHAN_PROBE_SEMAPHORE(settle);

#define SHMCHAN_PROBE_ON(event) __builtin_expect(shmchan_##event##_semaphore != 0, 0)
// Arguments are evaluated before the registers are filled: a call among them would change those.
#define SHMCHAN_PROBE_1(event, a) \
	do { \
		if (SHMCHAN_PROBE_ON(event)) { \
			uint64_t v1_ = (uint64_t)(a); \
			register uint64_t r1_ SHMCHAN_PROBE_REG("rdi", "x0") = v1_; \
			STAP_PROBE1(shmchan, event, r1_); \
		} \
	} while (0)
#define SHMCHAN_PROBE_2(event, a, b) \
	do { \
		if (SHMCHAN_PROBE_ON(event)) { \
			uint64_t v1_ = (uint64_t)(a); \
			uint64_t v2_ = (uint64_t)(b); \
			register uint64_t r1_ SHMCHAN_PROBE_REG("rdi", "x0") = v1_; \
			register uint64_t r2_ SHMCHAN_PROBE_REG("rsi", "x1") = v2_; \
			STAP_PROBE2(shmchan, event, r1_, r2_); \
		} \
	} while (0)
#define SHMCHAN_PROBE_3(event, a, b, c) \
	do { \
		if (SHMCHAN_PROBE_ON(event)) { \
			uint64_t v1_ = (uint64_t)(a); \
			uint64_t v2_ = (uint64_t)(b); \
			uint64_t v3_ = (uint64_t)(c); \
			register uint64_t r1_ SHMCHAN_PROBE_REG("rdi", "x0") = v1_; \
			register uint64_t r2_ SHMCHAN_PROBE_REG("rsi", "x1") = v2_; \
			register uint64_t r3_ SHMCHAN_PROBE_REG("rdx", "x2") = v3_; \
			STAP_PROBE3(shmchan, event, r1_, r2_, r3_); \
		} \
	} while (0)
#define SHMCHAN_PROBE_4(event, a, b, c, d) \
	do { \
		if (SHMCHAN_PROBE_ON(event)) { \
			uint64_t v1_ = (uint64_t)(a); \
			uint64_t v2_ = (uint64_t)(b); \
			uint64_t v3_ = (uint64_t)(c); \
			uint64_t v4_ = (uint64_t)(d); \
			register uint64_t r1_ SHMCHAN_PROBE_REG("rdi", "x0") = v1_; \
			register uint64_t r2_ SHMCHAN_PROBE_REG("rsi", "x1") = v2_; \
			register uint64_t r3_ SHMCHAN_PROBE_REG("rdx", "x2") = v3_; \
			register uint64_t r4_ SHMCHAN_PROBE_REG("rcx", "x3") = v4_; \
			STAP_PROBE4(shmchan, event, r1_, r2_, r3_, r4_); \
		} \
	} while (0)

#endif // SHMCHAN_NO_PROBES

#define SHMCHAN_PROBE_PUSH_ENABLED() SHMCHAN_PROBE_ON(push)
#define SHMCHAN_PROBE_POP_ENABLED() SHMCHAN_PROBE_ON(pop)
#define SHMCHAN_PROBE_DONE_ENABLED() SHMCHAN_PROBE_ON(done)
#define SHMCHAN_PROBE_FULL_ENABLED() SHMCHAN_PROBE_ON(full)
#define SHMCHAN_PROBE_MARK_ENABLED() SHMCHAN_PROBE_ON(mark)
#define SHMCHAN_PROBE_SLEEP_ENABLED() SHMCHAN_PROBE_ON(sleep)
#define SHMCHAN_PROBE_WAKE_ENABLED() SHMCHAN_PROBE_ON(wake)
#define SHMCHAN_PROBE_DEAD_LETTER_ENABLED() SHMCHAN_PROBE_ON(dead_letter)
#define SHMCHAN_PROBE_RECOVER_ENABLED() SHMCHAN_PROBE_ON(recover)
#define SHMCHAN_PROBE_SETTLE_ENABLED() SHMCHAN_PROBE_ON(settle)

#define SHMCHAN_PROBE_PUSH(chan_key, depth, pos) SHMCHAN_PROBE_3(push, chan_key, depth, pos)
#define SHMCHAN_PROBE_POP(chan_key, depth, pos, slot_key) SHMCHAN_PROBE_4(pop, chan_key, depth, pos, slot_key)
#define SHMCHAN_PROBE_DONE(chan_key, pos) SHMCHAN_PROBE_2(done, chan_key, pos)
#define SHMCHAN_PROBE_FULL(chan_key, depth, slot_key) SHMCHAN_PROBE_3(full, chan_key, depth, slot_key)
#define SHMCHAN_PROBE_MARK(chan_key, depth, pos) SHMCHAN_PROBE_3(mark, chan_key, depth, pos)
#define SHMCHAN_PROBE_SLEEP(slot_key) SHMCHAN_PROBE_1(sleep, slot_key)
#define SHMCHAN_PROBE_WAKE(slot_key, nsec) SHMCHAN_PROBE_2(wake, slot_key, nsec)
#define SHMCHAN_PROBE_DEAD_LETTER(chan_key, pos) SHMCHAN_PROBE_2(dead_letter, chan_key, pos)
#define SHMCHAN_PROBE_RECOVER(slot_key, incarnation, nsec, pid) \
	SHMCHAN_PROBE_4(recover, slot_key, incarnation, nsec, pid)
#define SHMCHAN_PROBE_SETTLE(chan_key, pushed, done) SHMCHAN_PROBE_3(settle, chan_key, pushed, done)

#endif // __bpf__
#endif
