// The control segment: who the broker is, the directory of objects, and the process slots.
//
//	field group        written by                       read by
//	broker identity    the broker                       all
//	directory          the broker, before any process   all
//	slot: life         the broker                       all
//	slot: own          the process of the slot          broker, tools
//	slot: bell         the process and its peers        the same
//	slot: pulse        the process, the kernel          the broker
//	slot: spare        the broker, the spare            the same, tools (spare.h)
//
// Truth: `life` of a slot says which incarnation exists and in what state; pid and start time only locate it.
#ifndef SHMCHAN_CTL_H
#define SHMCHAN_CTL_H

#include "shmchan/bell.h"
#include "shmchan/broker.h"
#include "shmchan/obj.h"
#include "shmchan/pulse.h"
#include "shmchan/view.h"
#include "shmchan/word.h"

#define SHMCHAN_OBJ_MAX 4096 // entries of a directory

struct shmchan_ctl_proc {
	char name[SHMCHAN_NAME_MAX];
	_Atomic uint64_t life; // enum shmchan_proc_state in [32,40), incarnation in [0,32)
	_Atomic uint64_t pid;
	_Atomic uint64_t start_time;
	char pad0[SHMCHAN_LINE - SHMCHAN_NAME_MAX - 24];

	_Atomic uint64_t beat;     // grows
	_Atomic uint32_t attached; // incarnation that attached last
	_Atomic uint32_t ready;    // incarnation that said ready last
	_Atomic uint64_t left;     // exit status in [32,40), SHMCHAN_LEFT, incarnation in [0,32): it calls exit()
	char pad1[SHMCHAN_LINE - 24];

	shmchan_bell bell;
	char pad2[SHMCHAN_LINE - 4];

	_Atomic uint64_t spare_pid, spare_start;
	_Atomic uint64_t given;
	_Atomic uint32_t spare, spare_last; // spare_last: the last number given out
	_Atomic uint32_t spare_waits;
	_Atomic uint32_t spare_turn; // a futex: counts what was given
	_Atomic uint32_t rouser;     // 1 + the processor that the broker was on then
	char pad3[SHMCHAN_LINE - 44];
};
#define SHMCHAN_LEFT ((uint64_t)1 << 40)
_Static_assert(sizeof(struct shmchan_ctl_proc) == 4 * SHMCHAN_LINE, "three writers, three lines, and one for spares");

#define SHMCHAN_SLOT_WORDS (SHMCHAN_SLOT_MAX / 64)

struct shmchan_ctl_entry {
	char name[SHMCHAN_NAME_MAX];
	uint32_t kind;                          // enum shmchan_obj_kind
	uint32_t pool_no;                       // of a pool, from 1
	uint64_t size;                          // bytes of the segment
	uint64_t producers[SHMCHAN_SLOT_WORDS]; // bit n: process slot n; of a pool: its users
	uint64_t consumers[SHMCHAN_SLOT_WORDS];
	char tally_name[SHMCHAN_TALLY_MAX][SHMCHAN_NAME_MAX];
};

struct shmchan_ctl {
	struct shmchan_obj obj;

	_Atomic uint64_t broker_pid;
	_Atomic uint64_t broker_start;
	_Atomic uint32_t broker_inc; // incarnation of the broker; its owner tag has slot 0
	uint32_t fence;              // enum shmchan_fence
	uint64_t created_ns;
	uint32_t proc_cnt;  // slots, the broker's among them; in [2, SHMCHAN_SLOT_MAX]
	uint32_t entry_cnt; // in [1, SHMCHAN_OBJ_MAX]; id of entry i is i + 1
	uint64_t procs_off;
	uint64_t entries_off;
	uint64_t pulses_off; // of slot 0's words (pulse.h); a multiple of the page size of who made it
	char pad[SHMCHAN_LINE - 64];
};
_Static_assert(sizeof(struct shmchan_ctl) == 2 * SHMCHAN_LINE, "layout");

// A checked local view; every process keeps one instead of trusting the header again.
struct shmchan_ctl_ref {
	struct shmchan_ctl *ctl;
	struct shmchan_ctl_proc *procs;
	struct shmchan_ctl_entry *entries;
	char *pulses;
	uint32_t proc_cnt, entry_cnt;
	enum shmchan_fence fence;
};

size_t shmchan_ctl_footprint(uint32_t proc_cnt, uint32_t entry_cnt); // 0 if out of bounds
void shmchan_ctl_new(void *mem, const char *group, uint32_t group_tag, uint32_t proc_cnt, uint32_t entry_cnt,
		     enum shmchan_fence fence);
int shmchan_ctl_join(struct shmchan_ctl_ref *out, void *mem, size_t size, struct shmchan_why *why);
// Index of the entry with that name and kind (0 = any), or -1.
int shmchan_ctl_find(const struct shmchan_ctl_ref *c, const char *name, enum shmchan_obj_kind kind);

static inline void *shmchan_ctl_pulse(const struct shmchan_ctl_ref *c, unsigned slot)
{
	return c->pulses + slot * shmchan_pulse_footprint();
}

static inline uint64_t shmchan_life(enum shmchan_proc_state state, uint32_t incarnation)
{
	return (uint64_t)state << 32 | incarnation;
}

// In `life` of a running incarnation: it is to end when its channels are empty; senders that can choose leave it out.
#define SHMCHAN_LIFE_LEAVING ((uint64_t)1 << 40)

static inline enum shmchan_proc_state shmchan_life_state(uint64_t life)
{
	return (enum shmchan_proc_state)(life >> 32 & 0xff);
}

static inline bool shmchan_slot_in(const uint64_t set[SHMCHAN_SLOT_WORDS], unsigned slot)
{
	return slot < SHMCHAN_SLOT_MAX && (set[slot / 64] >> (slot % 64) & 1);
}

// Start time of a process as /proc/PID/stat has it; 0 if there is no such process or it is a zombie.
uint64_t shmchan_start_time(pid_t pid);

#endif
