// A small group, what the test knows of every message in it, and whether that agrees with what is found after a death.
//
//	slot 1  producer of "c", receiver of "reply" and "refs"
//	slot 2  consumer of "c", producer of "reply" and "refs"
//	slot 3  second producer of "c" (mpsc)
//
// Every message has a number of its own as its correlation id. Producers number theirs with growing numbers.
#ifndef TESTS_CRASH_WORLD_H
#define TESTS_CRASH_WORLD_H

#include "shmchan/broker.h"
#include "shmchan/view.h"

#define WORLD_BLOCKS 8
#define WORLD_NOTES 64

enum note_what {
	NOTE_SENDING, // the call has begun: it may have happened
	NOTE_SENT,    // the call has returned success
	NOTE_TAKEN,
	NOTE_DONE_BEGIN,
	NOTE_DONE,
	NOTE_ANSWER_BEGIN,
	NOTE_ANSWERED,
	NOTE_NOTICE, // a PEER_DIED was received
};

// What the actor, who will be killed, says of its own doing: in memory shared with the test, not with the group.
struct note {
	enum note_what what;
	uint64_t corr;
};
struct notes {
	unsigned cnt;
	struct note note[WORLD_NOTES];
};

struct world {
	struct shmchan_broker *b;
	char group[SHMCHAN_NAME_MAX];
	enum shmchan_kind kind, reply_kind;
	enum shmchan_on_crash on_crash;
	uint32_t cap;
	unsigned inc[4];
	uint64_t next;      // next number
	uint64_t dead_seen; // letters looked at
	uint64_t tally;     // what the counter of "c" must be
	bool actor_tallies; // what the actor completes, it counts
	struct notes *notes;
	unsigned violations;
	const char *scene;
	long k;
	// Of the present round: first number of it, and per number what was observed.
	uint64_t base;
	struct {
		uint8_t certain, maybe, got, dead, answers, notices, done, maybe_done, answering, wants_reply,
			from;
	} seen[256];
};

// Ends of slots, attached in the calling process.
struct ends {
	struct shmchan_proc *proc;
	struct shmchan *c, *reply, *refs;
	struct shmchan_pool *pool;
};

bool world_create(struct world *w);
void world_destroy(struct world *w);
void world_attach(struct world *w, unsigned slot, struct ends *e);
void world_detach(struct ends *e);

__attribute__((format(printf, 2, 3))) void world_violation(struct world *w, const char *fmt, ...);

void world_note(struct world *w, enum note_what what, uint64_t corr);

// Sends one message from a slot in the calling process; block: with a block that holds its number.
int world_send(struct world *w, struct ends *e, bool block, bool reply);
// Takes and completes one message in the calling process; EMPTY if there is none.
int world_receive(struct world *w, struct ends *e);

// After the death of `slot`, pid: recovers, checks, lets a replacement drain, refill and drain again, and compares with the notes.
void world_bury(struct world *w, unsigned slot, pid_t pid);
void world_settle(struct world *w, unsigned slot);
// The broker, which is this process, is dead for all who look: another may adopt the group.
void world_orphan(struct world *w);
void world_adopt(struct world *w);
void world_round(struct world *w); // begins a round: forgets the past one

#endif
