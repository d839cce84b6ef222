// Read-only look into a group, for tools: maps its segments read-only, takes no lock, changes nothing, and
// costs the processes of the group nothing. Every value is bounds-checked; a group may vanish while it is looked at.
#ifndef SHMCHAN_VIEW_H
#define SHMCHAN_VIEW_H

#include <sys/types.h>
#include "shmchan/shmchan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shmchan_view;

// shmchan_view_groups calls f(ctx, name) for every group that has a control segment; returns how many, or ESYS.
SHMCHAN_API int shmchan_view_groups(void (*f)(void *ctx, const char *name), void *ctx);

// shmchan_view_open maps the control segment of `group` and every object it lists. Objects that can't be mapped are
// reported by the calls that would read them. Errors: ENOENT, ELAYOUT, ETRUNC, ECORRUPT, ESYS, ENOMEM.
SHMCHAN_API int shmchan_view_open(struct shmchan_view **out, const char *group, struct shmchan_why *why);
SHMCHAN_API void shmchan_view_close(struct shmchan_view *v);

struct shmchan_view_group {
	char name[SHMCHAN_NAME_MAX];
	pid_t broker_pid;
	bool broker_alive;                     // pid and start time agree with /proc
	uint64_t created_ns;                   // CLOCK_REALTIME
	unsigned proc_cnt, chan_cnt, pool_cnt; // proc_cnt without the broker
	uint32_t layout_version;
	uint32_t group_tag; // tells this group apart in probes (probe.h)
};
SHMCHAN_API void shmchan_view_group(const struct shmchan_view *v, struct shmchan_view_group *out);

enum shmchan_proc_state {
	SHMCHAN_PROC_FREE = 0,      // no incarnation, or the last one is recovered
	SHMCHAN_PROC_ANNOUNCED = 1, // about to be spawned
	SHMCHAN_PROC_RUNNING = 2,   // spawned
	SHMCHAN_PROC_DEAD = 3,      // dead, recovery under way
};
struct shmchan_view_proc {
	char name[SHMCHAN_NAME_MAX];
	unsigned slot;
	uint32_t incarnation;
	enum shmchan_proc_state state;
	pid_t pid;
	uint64_t start_time; // as in /proc/PID/stat, clock ticks after boot
	bool ready, alive;   // alive: pid and start time agree with /proc
	uint64_t beat;       // signs of life
	bool asleep;         // waits on its doorbell
	unsigned spare;      // number of the spare that waits to take the slot over; 0 = there is none
	pid_t spare_pid;     // 0 = not recorded
	bool spare_waits;    // it has come to where it waits
	bool spare_alive;    // as alive
};
// i in [0, proc_cnt). Returns 0 or ENOENT.
SHMCHAN_API int shmchan_view_proc(const struct shmchan_view *v, unsigned i, struct shmchan_view_proc *out);

struct shmchan_view_chan {
	char name[SHMCHAN_NAME_MAX];
	uint16_t id;
	enum shmchan_kind kind;
	enum shmchan_on_crash on_crash;
	uint32_t capacity, msg_size, max_deliveries;
	uint32_t sample_mask;  // probes fire for positions with (pos & mask) == 0
	bool sample_fixed;     // a tool has asked for it; else the library adapts it (probe.h)
	bool sample_orphan;    // and that tool has ended without setting it back
	uint32_t alert_depth;  // from which tools warn, 0 = never
	uint32_t mark;         // the probe `mark` tells when it is that deep: alert_depth, or what a tool asks for
	bool mark_orphan;      // and that tool has ended without setting it back
	unsigned tally_cnt;
	char tally_name[SHMCHAN_TALLY_MAX][SHMCHAN_NAME_MAX];
	uint64_t tally[SHMCHAN_TALLY_MAX];
	struct shmchan_stat stat;
};
// i in [0, chan_cnt). Returns 0, ENOENT, or why the channel's segment can't be read (ETRUNC, ECORRUPT, ...).
SHMCHAN_API int shmchan_view_chan(const struct shmchan_view *v, unsigned i, struct shmchan_view_chan *out);
// shmchan_view_sample makes the probes of channel i fire for one message in `every`, a power of 2 up to 2^30, until
// the next call; 0 is the library's default. With `holder`, not 0, it is meant for as long as that process lives:
// sample_orphan tells whether it still does. This and the next are the calls here that write, and only to words of their own,
// on which neither messages nor recovery depend. Errors: EINVAL; those of shmchan_view_chan; ESYS no permission to write.
SHMCHAN_API int shmchan_view_sample(const struct shmchan_view *v, unsigned i, uint32_t every, pid_t holder);
// shmchan_view_mark makes the probe `mark` tell when channel i is `depth` messages deep, until the next call; 0 is alert_depth
// again. It counts within 64 messages, and a channel that is as deep already tells then. `holder` and errors as above.
SHMCHAN_API int shmchan_view_mark(const struct shmchan_view *v, unsigned i, uint32_t depth, pid_t holder);
// Calls f(ctx, service name, slot) for each declared producer (end = SHMCHAN_TX) or consumer (SHMCHAN_RX).
SHMCHAN_API int shmchan_view_chan_peers(const struct shmchan_view *v, unsigned i, int end,
					void (*f)(void *ctx, const char *name, unsigned slot), void *ctx);

// A message in a channel, or a cell that a producer has claimed and not yet filled.
struct shmchan_view_msg {
	uint64_t pos, corr;
	uint16_t type, reply;
	uint32_t len;   // bytes the message has
	uint32_t bytes; // of which were copied
	uint32_t sender_slot, sender_incarnation;
	uint32_t deliveries;
	shmchan_block block;
	bool in_flight; // taken, not completed
	unsigned taker_slot; // in flight: process slot of the consumer that took it
};
// shmchan_view_msg describes the k-th message of channel i, counted from the oldest that isn't completed, and copies at
// most `size` bytes of its payload to buf. Returns 0; EMPTY there is a cell but no message in it (claimed, aborted, or
// completed while it was read); ENOENT k is past the newest; or why the channel can't be read.
SHMCHAN_API int shmchan_view_msg(const struct shmchan_view *v, unsigned i, uint32_t k,
				 struct shmchan_view_msg *out, void *buf, size_t size);

// Following a channel: every message once, in order, also those that were completed before they were read, as long as
// their cells have not been written again. Nothing is taken and nobody waits for the reader, who may miss messages.
struct shmchan_follow {
	uint64_t pos;    // the next message's
	uint64_t missed; // positions passed over because they were written again too soon
	uint64_t skipped, unsure_below;
};
enum shmchan_follow_from {
	SHMCHAN_FOLLOW_NEW,    // behind the newest message
	SHMCHAN_FOLLOW_QUEUED, // at the oldest that isn't completed
	SHMCHAN_FOLLOW_KEPT,   // at the oldest whose cell may not have been written again
};
// shmchan_view_follow_begin begins at a place of channel i. Errors: ENOENT, or why the channel can't be read.
SHMCHAN_API int shmchan_view_follow_begin(const struct shmchan_view *v, unsigned i,
					  enum shmchan_follow_from from, struct shmchan_follow *f);
// shmchan_view_follow describes the next message, and copies at most `size` bytes of its payload to buf. Returns 0;
// EMPTY there is none yet; or why the channel can't be read.
SHMCHAN_API int shmchan_view_follow(const struct shmchan_view *v, unsigned i, struct shmchan_follow *f,
				    struct shmchan_view_msg *out, void *buf, size_t size);
// shmchan_view_block_data copies at most `size` bytes of the block that came with the message at `pos` of channel i, and
// names its pool; who wants none may pass NULL. Returns 0 with the block's size in *len; EMPTY if the block is no longer in
// the message; ENOENT.
SHMCHAN_API int shmchan_view_block_data(const struct shmchan_view *v, unsigned i, uint64_t pos, shmchan_block b,
					char pool[SHMCHAN_NAME_MAX], void *buf, size_t size, size_t *len);

struct shmchan_view_pool {
	char name[SHMCHAN_NAME_MAX];
	size_t block_size; // bytes; of the pool as a whole: of its largest class
	uint32_t class_cnt;
	uint32_t block_cnt, free, owned, kept, sent;
	uint32_t cached; // free, in the magazine of the process that freed it last
};
SHMCHAN_API int shmchan_view_pool(const struct shmchan_view *v, unsigned i, struct shmchan_view_pool *out);
// Class c in [0, class_cnt) of pool i, in the same terms.
SHMCHAN_API int shmchan_view_pool_class(const struct shmchan_view *v, unsigned i, unsigned c,
					struct shmchan_view_pool *out);

// What one owner has of a pool.
struct shmchan_view_account {
	unsigned slot;
	uint32_t incarnation;
	uint32_t owned, kept, cached;
	uint64_t bytes; // of the owned and kept blocks, as sized by their classes
};
// The accounts of pool i, by slot and incarnation, to out[0..*cnt), at most `room`: one for each process slot is enough
// unless several incarnations of a service have blocks. The blocks in messages are nobody's.
SHMCHAN_API int shmchan_view_pool_accounts(const struct shmchan_view *v, unsigned i,
					   struct shmchan_view_account *out, unsigned room, unsigned *cnt);

// A block of a pool and whose it is.
struct shmchan_view_block {
	enum { SHMCHAN_VIEW_FREE, SHMCHAN_VIEW_OWNED, SHMCHAN_VIEW_KEPT, SHMCHAN_VIEW_SENT, SHMCHAN_VIEW_CACHED } state;
	unsigned slot; // OWNED, KEPT, CACHED: process slot and incarnation of the owner
	uint32_t incarnation;
	uint64_t tag;                   // KEPT
	char channel[SHMCHAN_NAME_MAX]; // SENT: channel of the message it is in
	uint32_t pos;                   // and the lower half of its position
};
// Block b in [0, block_cnt) of pool i. Returns 0, ENOENT, or why the pool can't be read.
SHMCHAN_API int shmchan_view_block(const struct shmchan_view *v, unsigned i, uint32_t b,
				   struct shmchan_view_block *out);

struct shmchan_view_dead {
	uint64_t no; // number of the letter, from 1, in order of time
	char channel[SHMCHAN_NAME_MAX];
	uint64_t pos, corr;
	uint16_t type, reply;
	uint32_t len;              // bytes the message had
	uint32_t bytes;            // bytes kept, at data
	const unsigned char *data; // valid until shmchan_view_close; may be overwritten by later letters
	uint32_t sender_slot, sender_incarnation;
	uint32_t slot, incarnation; // who died with it
	char receiver[SHMCHAN_NAME_MAX];
	pid_t pid;
	int code, status; // as in shmchan_death
	uint64_t time_ns;
	uint32_t deliveries;
	bool had_block;
	bool parked; // poisonous: delivered as often as its channel allows, or shmchan_broker_park
	int answer;  // 0 none wanted, 1 PEER_DIED pending, 2 sent
};
// shmchan_view_dead_cnt: letters ever written; the store holds the last ones. Letters are read by number: those in
// (cnt - kept, cnt]. shmchan_view_dead returns ENOENT for one that gave way or is being written.
SHMCHAN_API uint64_t shmchan_view_dead_cnt(const struct shmchan_view *v, uint32_t *kept);
SHMCHAN_API int shmchan_view_dead(const struct shmchan_view *v, uint64_t no, struct shmchan_view_dead *out);

// shmchan_view_check: as shmchan_broker_check, on the read-only mapping.
SHMCHAN_API int shmchan_view_check(const struct shmchan_view *v,
				   void (*report)(void *ctx, const char *object, const char *text),
				   void *ctx);

#ifdef __cplusplus
}
#endif
#endif
