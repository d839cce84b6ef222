// The store of dead letters: messages that were in flight when their receiver died, kept with who, when and why.
// Only the broker writes. Letter n stands in entry (n - 1) % cap; `no` is 0 while it is written and n when it is whole.
//
// Recovery writes the letter first and completes the message in the channel after it. A broker that dies in between finds
// the letter again by (channel, position) and does not write it twice: only the newest letter can be in that state.
#ifndef SHMCHAN_DEAD_H
#define SHMCHAN_DEAD_H

#include "shmchan/obj.h"
#include "shmchan/report.h"
#include "shmchan/view.h"
#include "shmchan/word.h"

#define SHMCHAN_DEAD_CNT_MAX (1u << 20)
#define SHMCHAN_DEAD_BYTES_MAX (1u << 20)

// Whether the letter is one still. Dropped and replayed ones stay in their place until their answer is sent and a later
// letter takes it.
enum shmchan_dead_gone { SHMCHAN_LETTER_KEPT = 0, SHMCHAN_LETTER_DROPPED = 1, SHMCHAN_LETTER_REPLAYED = 2 };

enum shmchan_dead_answer { SHMCHAN_ANSWER_NONE = 0, SHMCHAN_ANSWER_PENDING = 1, SHMCHAN_ANSWER_SENT = 2 };

struct shmchan_dead_entry {
	_Atomic uint64_t no;
	_Atomic uint32_t answer;    // enum shmchan_dead_answer
	_Atomic uint32_t gone;      // enum shmchan_dead_gone
	_Atomic uint64_t answer_at; // position + 1 in the reply channel; 0: no cell claimed yet
	uint64_t pos, corr, time_ns;
	uint32_t len, bytes;
	uint32_t sender, receiver; // owner tags
	uint16_t chan, type, reply, deliveries;
	int32_t pid, code, status;
	uint16_t had_block;
	_Atomic uint16_t parked; // poisonous: incarnation after incarnation died with it
	_Atomic uint64_t replay_at; // position + 1 in its channel where it is being sent again; 0: nowhere
	unsigned char data[];
};

struct shmchan_dead_shm {
	struct shmchan_obj obj;
	_Atomic uint64_t cnt; // letters ever written
	uint32_t cap, bytes;
	char pad[SHMCHAN_LINE - 16];
};
_Static_assert(sizeof(struct shmchan_dead_shm) == 2 * SHMCHAN_LINE, "layout");

struct shmchan_dead_ref {
	struct shmchan_dead_shm *shm;
	char *entries;
	uint32_t cap, bytes, stride;
};

size_t shmchan_dead_footprint(uint32_t cap, uint32_t bytes); // 0 if out of bounds
void shmchan_dead_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t cap, uint32_t bytes);
int shmchan_dead_join(struct shmchan_dead_ref *out, void *mem, size_t size, struct shmchan_why *why);

static inline struct shmchan_dead_entry *shmchan_dead_entry(const struct shmchan_dead_ref *d, uint64_t no)
{
	return (void *)(d->entries + (no - 1) % d->cap * d->stride);
}

// Letters (cnt - kept, cnt] may stand in the store. cnt is input: count to kept, do not compare numbers.
static inline uint32_t shmchan_dead_kept(const struct shmchan_dead_ref *d, uint64_t cnt)
{
	return cnt < d->cap ? (uint32_t)cnt : d->cap;
}

// shmchan_dead_write adds a letter with the fields of `e` (no, bytes and data excepted) and up to d->bytes of `data`, unless the newest
// one already is about the same message. Returns the entry.
struct shmchan_dead_entry *shmchan_dead_write(struct shmchan_dead_ref *d, const struct shmchan_dead_entry *e,
					      const void *data);
// Completes a write that a dead broker left half way: afterwards cnt is that of the newest whole letter.
void shmchan_dead_recover(struct shmchan_dead_ref *d);
void shmchan_dead_check(const struct shmchan_dead_ref *d, struct shmchan_reporter *to);

#endif
