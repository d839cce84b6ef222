// The broker creates the segments of a group, announces processes, repairs after their deaths and removes all.
// One process per group is the broker (shmsup is one); it is process slot 0. Not thread safe.
//
// A death goes: the kernel has confirmed it (pidfd readable, waitid returned, or no thread of the process has its memory any
// more) -> shmchan_broker_recover -> shmchan_broker_announce -> spawn. Recovery is idempotent, runs beside live peers, and may itself be killed and
// begun again by another broker (shmchan_broker_adopt).
#ifndef SHMCHAN_BROKER_H
#define SHMCHAN_BROKER_H

#include <sys/types.h>
#include "shmchan/shmchan.h"
#include "shmchan/view.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SHMCHAN_BROKER_NAME "supervisor"

struct shmchan_broker;

struct shmchan_chan_spec {
	const char *name;
	enum shmchan_kind kind;
	uint32_t capacity;         // messages, in [1, 2^24]; slot and slot-ref: 1
	uint32_t msg_size;         // bytes of payload per message, in [0, SHMCHAN_MSG_MAX]
	const unsigned *producers; // process slots, each once; one for slot, slot-ref and spsc
	unsigned producer_cnt;
	const unsigned *consumers; // process slots; one for all kinds but mpmc2
	unsigned consumer_cnt;
	enum shmchan_on_crash on_crash;
	uint32_t max_deliveries;  // redeliver: deliveries of one message in all, >= 1
	const char *const *tally; // names of the counters of the receiving end, each once
	unsigned tally_cnt;       // in [0, SHMCHAN_TALLY_MAX]
	uint32_t alert_depth;     // messages from which tools warn; 0 = never
};

#define SHMCHAN_POOL_CLASSES 16

struct shmchan_pool_class {
	size_t block_size;  // bytes, in [1, 2^40]
	uint32_t block_cnt; // >= 1; all classes together < 2^24
};

struct shmchan_pool_spec {
	const char *name;
	size_t block_size;     // bytes, as in a class; a pool of one size has no need of `classes`
	uint32_t block_cnt;
	const unsigned *users; // process slots that may allocate from it or receive its blocks
	unsigned user_cnt;
	const struct shmchan_pool_class *classes; // by growing size; then block_size and block_cnt are not read
	unsigned class_cnt;                       // in [0, SHMCHAN_POOL_CLASSES]
};

struct shmchan_group_spec {
	const char *name;
	const char *const *services; // services[i] has process slot i + 1; each once, none is SHMCHAN_BROKER_NAME
	unsigned service_cnt;        // in [1, SHMCHAN_SLOT_MAX)
	const struct shmchan_chan_spec *chans;
	unsigned chan_cnt;
	const struct shmchan_pool_spec *pools;
	unsigned pool_cnt;   // <= 128
	uint32_t dead_cnt;   // dead letters kept; the oldest give way. 0 = 1024
	uint32_t dead_bytes; // bytes of payload kept of each. 0 = 512
};

// shmchan_broker_create makes all segments of the group, mode 0600, and the calling process its broker.
// Errors: EEXIST a group of that name has a living broker (why->text has its pid), or its segments are stale
// (shmchan_group_remove_stale first); EINVAL a spec is outside its bounds (why->object names it), two objects have one name, or
// a slot-ref or mpsc-intrusive has no pool that its consumer and a producer use; ESYS; ENOMEM.
// On error nothing is left behind.
SHMCHAN_API int shmchan_broker_create(struct shmchan_broker **out, const struct shmchan_group_spec *spec,
				      struct shmchan_why *why);

// shmchan_group_sizes gives the bytes of each segment that create would make: sizes[0 .. chan_cnt + pool_cnt + 2), the
// channels, the pools, the dead letters, the control segment. Errors: EINVAL as above.
SHMCHAN_API int shmchan_group_sizes(const struct shmchan_group_spec *spec, uint64_t *sizes, struct shmchan_why *why);

// shmchan_broker_adopt maps an existing group whose broker is dead, makes the calling process its broker, and
// finishes what the dead one had begun. Errors: ENOENT; EEXIST its broker lives; ELAYOUT; ETRUNC; ECORRUPT; ESYS.
SHMCHAN_API int shmchan_broker_adopt(struct shmchan_broker **out, const char *group, struct shmchan_why *why);
// shmchan_broker_resume does so too when the broker was this very process before it called execve.
SHMCHAN_API int shmchan_broker_resume(struct shmchan_broker **out, const char *group, struct shmchan_why *why);

// shmchan_group_fits: is the group of that name, as it stands in memory, the one that `spec` describes? 0; ELAYOUT, with
// the first difference in why; EINVAL as above; errors of opening it. Changes nothing.
SHMCHAN_API int shmchan_group_fits(const struct shmchan_group_spec *spec, struct shmchan_why *why);

// shmchan_broker_destroy unlinks and unmaps everything. The processes should have ended; those that have not
// keep their mappings and talk to nobody. NULL is allowed.
SHMCHAN_API void shmchan_broker_destroy(struct shmchan_broker *b);
// shmchan_broker_leave unmaps without unlinking: for a child after fork, and for handing over.
SHMCHAN_API void shmchan_broker_leave(struct shmchan_broker *b);

// shmchan_group_remove_stale unlinks the segments of a group whose broker is dead (pid and start time, or pid gone).
// Processes of the group that still live are reported through living[0..*living_cnt) (on entry its room, on return
// how many there are) and nothing is removed while there are any: the caller ends them first.
// Returns the number of segments removed (0 if there is no such group), EEXIST if the broker lives, ESTALE if
// processes live, ELAYOUT if a library of another layout has made it (with which it is to be removed), ESYS, ENOMEM.
SHMCHAN_API int shmchan_group_remove_stale(const char *group, pid_t *living, unsigned *living_cnt,
					   struct shmchan_why *why);

// shmchan_broker_announce prepares process slot `slot` for its next incarnation and returns its number in
// *incarnation; the slot must have been recovered. The process to be spawned attaches with it.
SHMCHAN_API int shmchan_broker_announce(struct shmchan_broker *b, unsigned slot, unsigned *incarnation);
// shmchan_broker_spawned records the pid of the announced incarnation (start time is read from /proc).
SHMCHAN_API int shmchan_broker_spawned(struct shmchan_broker *b, unsigned slot, pid_t pid);

// Warm spares. A spare is a process of a service that was started ahead: with SHMCHAN_SPARE=number in its environment, it waits in
// shmchan_attach_env until the process slot is given to it. A slot has one at most.
//
// shmchan_broker_spare gives the number for one that is to be started; shmchan_broker_spare_spawned records its pid;
// shmchan_broker_spare_gone forgets it: it is dead, or was not started. shmchan_broker_spare_give makes it the incarnation that is
// announced, in the place of shmchan_broker_spawned; shmchan_broker_spare_rouse, shortly before that, saves the time it takes to
// wake up. Errors: EINVAL no such slot; ESTALE there is a spare already, or none; or
// no incarnation is announced.
SHMCHAN_API int shmchan_broker_spare(struct shmchan_broker *b, unsigned slot, unsigned *number);
SHMCHAN_API int shmchan_broker_spare_spawned(struct shmchan_broker *b, unsigned slot, pid_t pid);
SHMCHAN_API int shmchan_broker_spare_gone(struct shmchan_broker *b, unsigned slot);
SHMCHAN_API int shmchan_broker_spare_rouse(struct shmchan_broker *b, unsigned slot);
SHMCHAN_API int shmchan_broker_spare_give(struct shmchan_broker *b, unsigned slot);

#define SHMCHAN_DEATH_DRAINED (-1) // nobody died: the message was taken out of its channel (edit.h)

// shmchan_broker_leaving says whether the incarnation that runs is to end when its channels are empty; shmchan_receives is false
// for it from then on. It ends with the incarnation. Errors: EINVAL no such slot; ESTALE no process.
SHMCHAN_API int shmchan_broker_leaving(struct shmchan_broker *b, unsigned slot, bool leaving);

// What the group's memory says of a process slot. Who died while there was no broker is found with it.
struct shmchan_slot_state {
	enum shmchan_proc_state state;
	uint32_t incarnation;
	pid_t pid;           // 0 = not recorded
	uint64_t start_time; // as in /proc/PID/stat; 0 = not recorded: it was dead when it was to be
	bool attached, ready; // this incarnation has
	int exit_status;      // it said that it calls exit() with that; -1 = it did not say. A hint: its own word
	unsigned spare;       // number of the spare that waits for the slot; 0 = there is none
	pid_t spare_pid;      // 0 = not recorded: it is about to be started, or its broker was killed then
	uint64_t spare_start; // as start_time
	bool spare_waits;     // it has come to where it waits
};
// Errors: EINVAL no such slot.
SHMCHAN_API int shmchan_broker_slot(const struct shmchan_broker *b, unsigned slot,
				    struct shmchan_slot_state *out);

// Where to wait for the death of a slot's process ahead of its pidfd: FUTEX_WAIT, shared, while *word is `value`. It ends when a
// thread of the process begins or ends to use the group; then this is asked again.
struct shmchan_pulse_look {
	const uint32_t *word;
	uint32_t value;
	bool stopped; // every thread that said that it lives is marked dead
};
// shmchan_broker_pulse looks at the words that the threads of the slot's process hold. They are hints: a peer can overwrite them, a
// thread may have none, an execve ends them. So `stopped` is where to begin to look whether the process is dead, no
// proof of it, and the pidfd comes in any case. Errors: EINVAL no such slot.
SHMCHAN_API int shmchan_broker_pulse(const struct shmchan_broker *b, unsigned slot,
				     struct shmchan_pulse_look *out);

// How a process died, for the dead letters.
struct shmchan_death {
	pid_t pid;
	int code;         // CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0 = not known; SHMCHAN_DEATH_DRAINED
	int status;       // exit status or signal
	uint64_t time_ns; // CLOCK_REALTIME; 0 = now
};

struct shmchan_repair {
	uint64_t dead_letters; // messages set aside
	uint64_t dropped;
	uint64_t redelivered;  // messages given back to the queue
	uint64_t answered;     // in flight, but their answer had been published: completed
	uint64_t aborted;      // claimed cells taken back
	uint64_t published;    // sends finished: the block had been handed over, the cell had not been marked
	uint64_t blocks;       // blocks freed
	uint64_t died_sent;    // SHMCHAN_PEER_DIED answers sent
	uint64_t died_pending; // waiting for room in a reply channel (shmchan_broker_retry)
	uint64_t nsec;         // time taken
};

// shmchan_broker_recover repairs everything that the current incarnation of `slot` left, and marks the slot free.
// It must be dead. `out` may be NULL. Running it again changes nothing. An object whose segment was cut short is left
// out (shmchan_broker_check names it). Errors: EINVAL no such slot; ETRUNC the control segment, or that of the dead
// letters, was cut short: nothing was repaired. EBUSY a lock of an mpmc2 channel is held by a process that lives and has
// not run for two seconds, or there was no memory: what could be repaired is, the slot stays as it was; call again.
SHMCHAN_API int shmchan_broker_recover(struct shmchan_broker *b, unsigned slot,
				       const struct shmchan_death *death, struct shmchan_repair *out);

// shmchan_broker_quiet: while it is set, recovery wakes nobody; who was to be woken is when it is unset, and at the latest by the next
// broker. For what is to come before the processors are busy with them.
SHMCHAN_API void shmchan_broker_quiet(struct shmchan_broker *b, bool quiet);

// shmchan_broker_hasty makes recovery wait 5 ms in place of two seconds for such a lock: for a broker that has other things to do
// meanwhile, and calls again. shmchan_broker_holder says who has one now: a process that lives, in most cases one that was stopped. A
// hint. Errors: ENOENT nobody.
SHMCHAN_API void shmchan_broker_hasty(struct shmchan_broker *b, bool hasty);
struct shmchan_holder {
	char channel[SHMCHAN_NAME_MAX];
	unsigned slot;
	pid_t pid;
};
SHMCHAN_API int shmchan_broker_holder(const struct shmchan_broker *b, struct shmchan_holder *out);

// shmchan_broker_retry sends the SHMCHAN_PEER_DIED answers for which there was no room; returns how many still wait, or
// ETRUNC as above.
SHMCHAN_API int shmchan_broker_retry(struct shmchan_broker *b);

// shmchan_broker_park marks dead letter `no` as that of a poisonous message: one that killed incarnation after incarnation.
// Letters of messages that were delivered max_deliveries times, if that is more than once, are marked by recovery. Errors:
// ENOENT.
SHMCHAN_API int shmchan_broker_park(struct shmchan_broker *b, uint64_t no);

// shmchan_broker_check walks every object and calls report(ctx, object, text) for each violated invariant. Returns
// how many. Read-only; exact when the group rests, otherwise it reports only what cannot be a race.
SHMCHAN_API int shmchan_broker_check(struct shmchan_broker *b,
				     void (*report)(void *ctx, const char *object, const char *text),
				     void *ctx);

#ifdef __cplusplus
}
#endif
#endif
