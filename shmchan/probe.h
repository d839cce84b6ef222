// clang-format off
// The USDT probes of libshmchan: provider `shmchan`. What stands here is an ABI between every program that links
// the library and every tool that attaches: a probe never changes its name, its arguments or their meaning.
//
//	probe        arguments                     sampled  fires in the process that
//	push         chan_key, depth, pos          yes      is about to publish message `pos`: after the last check
//	                                                    that could refuse it, before the store that publishes
//	pop          chan_key, depth, pos          yes      has just taken message `pos`
//	done         chan_key, pos                 yes      is about to complete message `pos`: before the store that
//	                                                    gives the cell back. Not at completions by recovery
//	full         chan_key, depth               no       found no free cell; once per call that would not wait,
//	                                                    once per call that waits
//	sleep        slot_key                      no       is about to sleep on its doorbell
//	wake         slot_key                      no       has slept and runs again, whatever woke it
//	dead_letter  chan_key, pos                 no       (broker) has stored message `pos` as a dead letter
//	recover      slot_key, incarnation, nsec   no       (broker) has repaired what that incarnation left
//
// Arguments, all 64-bit unsigned:
//	chan_key     group tag << 16 | channel id. The tag is in the group's control segment; it tells apart groups
//	             that run the same executables, which all fire the same probe.
//	slot_key     group tag << 16 | process slot
//	depth        messages published and not taken. push: with this one; pop: without this one, by the producers'
//	             hint, which may lag by a message and in mpsc counts cells as soon as they are claimed;
//	             full: what keeps the producer out, messages in flight among them
//	pos          position in the channel, from 0; the same number for a message at push, pop, done, dead_letter
//	nsec         nanoseconds the repair took
//
// So push precedes the pop of the same message and pop precedes its done, in time as in the record, and the
// differences of the three times are the waiting time and the service time.
//
// Sampled: the library fires for one message in N, those with (pos & mask) == 0, mask == N - 1, N a power of 2.
// The position decides, so that both ends of a channel choose the same messages.
//
// Each probe has a semaphore, a 16-bit word that the kernel raises in every process where somebody listens. The
// macros evaluate their arguments only then. Used like this, a depth that must be read from the other side's cache
// line is free while nobody looks:
//
//	if (SHMCHAN_PROBE_PUSH_ENABLED() && SHMCHAN_PROBE_SAMPLED(pos, ch->probe_mask))
//		SHMCHAN_PROBE_PUSH(ch->probe_key, depth(ch), pos);
//
// Without <sys/sdt.h>, or with -DSHMCHAN_NO_PROBES, all of it is constant false and no code.
// clang-format on
#ifndef SHMCHAN_PROBE_H
#define SHMCHAN_PROBE_H

#define SHMCHAN_PROBE_PROVIDER "shmchan"
#define SHMCHAN_PROBE_MASK_DEFAULT 63u // one message in 64

// chan_key and slot_key from their parts, and back.
#define SHMCHAN_PROBE_KEY(tag, id) ((uint64_t)(uint32_t)(tag) << 16 | (uint16_t)(id))
#define SHMCHAN_PROBE_KEY_TAG(key) ((uint32_t)((key) >> 16))
#define SHMCHAN_PROBE_KEY_ID(key) ((uint16_t)(key))

// BPF programs include this file behind vmlinux.h, for the three macros above.
#ifndef __bpf__

#include <stdint.h>

#ifndef SHMCHAN_NO_PROBES
#if !defined(__has_include) || !__has_include(<sys/sdt.h>)
#define SHMCHAN_NO_PROBES 1
#endif
#endif

#define SHMCHAN_PROBE_SAMPLED(pos, mask) (((pos) & (mask)) == 0)

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

#else

#define SHMCHAN_PROBES_BUILT 1
#ifdef _SYS_SDT_H
#error "include shmchan/probe.h before sys/sdt.h: its settings must be seen first"
#endif
#define _SDT_HAS_SEMAPHORES 1
// Registers and constants only: of memory operands libbpf understands no index register and no %rip.
#define STAP_SDT_ARG_CONSTRAINT nr
#include <sys/sdt.h>

// Written by the kernel behind the compiler's back, hence volatile. Hidden: each program or shared object
// that holds probe sites has its own, which its own ELF notes name. Defined in probe.c.
#define SHMCHAN_PROBE_SEMAPHORE(event) \
	extern volatile unsigned short shmchan_##event##_semaphore __attribute__((visibility("hidden")))
SHMCHAN_PROBE_SEMAPHORE(push);
SHMCHAN_PROBE_SEMAPHORE(pop);
SHMCHAN_PROBE_SEMAPHORE(done);
SHMCHAN_PROBE_SEMAPHORE(full);
SHMCHAN_PROBE_SEMAPHORE(sleep);
SHMCHAN_PROBE_SEMAPHORE(wake);
SHMCHAN_PROBE_SEMAPHORE(dead_letter);
SHMCHAN_PROBE_SEMAPHORE(recover);

#define SHMCHAN_PROBE_ON(event) __builtin_expect(shmchan_##event##_semaphore != 0, 0)
#define SHMCHAN_PROBE_1(event, a)                                   \
	do {                                                        \
		if (SHMCHAN_PROBE_ON(event))                        \
			STAP_PROBE1(shmchan, event, (uint64_t)(a)); \
	} while (0)
#define SHMCHAN_PROBE_2(event, a, b)                                               \
	do {                                                                       \
		if (SHMCHAN_PROBE_ON(event))                                       \
			STAP_PROBE2(shmchan, event, (uint64_t)(a), (uint64_t)(b)); \
	} while (0)
#define SHMCHAN_PROBE_3(event, a, b, c)                                                           \
	do {                                                                                      \
		if (SHMCHAN_PROBE_ON(event))                                                      \
			STAP_PROBE3(shmchan, event, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c)); \
	} while (0)

#endif // SHMCHAN_NO_PROBES

#define SHMCHAN_PROBE_PUSH_ENABLED() SHMCHAN_PROBE_ON(push)
#define SHMCHAN_PROBE_POP_ENABLED() SHMCHAN_PROBE_ON(pop)
#define SHMCHAN_PROBE_DONE_ENABLED() SHMCHAN_PROBE_ON(done)
#define SHMCHAN_PROBE_FULL_ENABLED() SHMCHAN_PROBE_ON(full)
#define SHMCHAN_PROBE_SLEEP_ENABLED() SHMCHAN_PROBE_ON(sleep)
#define SHMCHAN_PROBE_WAKE_ENABLED() SHMCHAN_PROBE_ON(wake)
#define SHMCHAN_PROBE_DEAD_LETTER_ENABLED() SHMCHAN_PROBE_ON(dead_letter)
#define SHMCHAN_PROBE_RECOVER_ENABLED() SHMCHAN_PROBE_ON(recover)

#define SHMCHAN_PROBE_PUSH(chan_key, depth, pos) SHMCHAN_PROBE_3(push, chan_key, depth, pos)
#define SHMCHAN_PROBE_POP(chan_key, depth, pos) SHMCHAN_PROBE_3(pop, chan_key, depth, pos)
#define SHMCHAN_PROBE_DONE(chan_key, pos) SHMCHAN_PROBE_2(done, chan_key, pos)
#define SHMCHAN_PROBE_FULL(chan_key, depth) SHMCHAN_PROBE_2(full, chan_key, depth)
#define SHMCHAN_PROBE_SLEEP(slot_key) SHMCHAN_PROBE_1(sleep, slot_key)
#define SHMCHAN_PROBE_WAKE(slot_key) SHMCHAN_PROBE_1(wake, slot_key)
#define SHMCHAN_PROBE_DEAD_LETTER(chan_key, pos) SHMCHAN_PROBE_2(dead_letter, chan_key, pos)
#define SHMCHAN_PROBE_RECOVER(slot_key, incarnation, nsec) \
	SHMCHAN_PROBE_3(recover, slot_key, incarnation, nsec)

#endif // __bpf__
#endif
