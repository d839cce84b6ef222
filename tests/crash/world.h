// A small group, what the test knows of every message in it, and whether that agrees with what is found after a death.
//
//	slot 1  producer of "c", receiver of "reply" and "refs"
//	slot 2  consumer of "c", producer of "reply" and "refs"
//	slot 3  second producer of "c", where the kind has several
//	slot 4  second consumer of "c", where the kind has several
//
// Every message has a number of its own as its correlation id. Producers number theirs with growing numbers.
// Who is attached in a process goes on, after a fork, in the child with all that it knew: a live peer of the dead.
#ifndef TESTS_CRASH_WORLD_H
#define TESTS_CRASH_WORLD_H

#include "shmchan/broker.h"
#include "shmchan/view.h"

#define WORLD_BLOCKS 16 // as many as give each process a magazine
#define WORLD_NOTES 64
#define WORLD_SLOTS 4
#define WORLD_MESSAGES 256

enum note_what {
	NOTE_SENDING, // the call has begun: it may have happened
	NOTE_SENT,    // the call has returned success
	NOTE_TAKING,
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

// Ends of a slot, attached in the calling process.
struct ends {
	struct shmchan_proc *proc;
	struct shmchan *c, *reply, *refs;
	struct shmchan_pool *pool;
};

// What all processes of the test add up: in memory they share.
struct score {
	_Atomic unsigned long points, states, violations;
	_Atomic unsigned
		in_vain; // peers that have waited in vain for a lock of the actor: a bit for each turn (scene_peer)
	_Atomic bool broken;
};

struct world {
	struct shmchan_broker *b;
	char group[SHMCHAN_NAME_MAX];
	enum shmchan_kind kind, reply_kind;
	enum shmchan_on_crash on_crash;
	uint32_t cap;
	unsigned slots; // in use
	unsigned inc[WORLD_SLOTS + 1];
	struct ends ends[WORLD_SLOTS + 1];
	uint64_t next;      // next number
	uint64_t dead_seen; // letters looked at
	bool actor_tallies; // what the actor completes, it counts
	unsigned takings;   // messages the actor may have had in flight
	struct notes *notes;
	struct score *score;
	const char *scene;
	long k, peer_k,
		broker_k; // when the actor died, when a peer acted, when the broker died; -1: not at all
	const char *how;
	// Per number what was observed.
	struct {
		uint8_t certain, maybe, got, dead, answers, notices, done, maybe_done, answering, wants_reply,
			had_block;
	} seen[WORLD_MESSAGES];
};

bool world_many(enum shmchan_kind kind);   // producers
bool world_shared(enum shmchan_kind kind); // consumers, several
bool world_refs(enum shmchan_kind kind);   // each message must carry a block

bool world_create(struct world *w);
void world_destroy(struct world *w);
// Every other message is a plain one, without a correlation id: then its type is its number.
static inline void world_number(struct shmchan_msg *m)
{
	if (!m->corr)
		m->corr = m->type;
}

// Who is to be answered needs a correlation id.
static inline void world_ask(struct shmchan_msg *m, uint16_t reply)
{
	world_number(m);
	m->type = 0;
	m->reply = reply;
}

static inline struct shmchan_msg world_message(const uint64_t *number)
{
	struct shmchan_msg m = {.data = number, .len = sizeof(*number)};

	if (*number % 2)
		m.type = (uint16_t)*number;
	else
		m.corr = *number;
	return m;
}

void world_attach(struct world *w, unsigned slot);
void world_detach(struct world *w, unsigned slot);

__attribute__((format(printf, 2, 3))) void world_violation(struct world *w, const char *fmt, ...);

void world_note(struct world *w, enum note_what what, uint64_t corr);

// Sends one message from a slot attached here; block: with a block that holds its number.
int world_send(struct world *w, unsigned slot, bool block, bool reply);
// Takes and completes one message at slot 2 or 4; EMPTY if there is none.
int world_receive(struct world *w, unsigned slot);

// After the death of `slot`, pid: recovers and checks.
void world_bury(struct world *w, unsigned slot, pid_t pid);
// Then: live peers and a replacement drain the channel, fill it and drain it again; all is compared with the notes.
void world_settle(struct world *w, unsigned slot);
// The broker is dead for all who look: another may adopt the group.
void world_orphan(struct world *w);
void world_adopt(struct world *w);

#endif
