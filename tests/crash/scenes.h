// What is done at the moment of death: who, with which operation, with how many messages in the channel.
#ifndef TESTS_CRASH_SCENES_H
#define TESTS_CRASH_SCENES_H

#include "shmchan/map.h"
#include "tests/crash/snap.h"
#include "tests/crash/step.h"
#include "tests/crash/world.h"

#define CHANGES_MAX 4096

// What one run of an operation showed: after which instructions shared memory was another, and what it was.
struct course {
	long cnt, last;
	long k[CHANGES_MAX];
	uint64_t hash[CHANGES_MAX];
	struct way way;
};

struct stage {
	struct world *w;
	const struct scene *scene;
	unsigned prefill, offset; // messages in the channel, messages that have gone through before
	struct shmchan_msg m;     // the actor's
	struct shmchan_map *map;
	struct snap now, start;
	struct course *course;
};

struct scene {
	const char *name;
	unsigned slot;                 // of the actor: 1 produces, 2 consumes
	bool blocks, replies, tallies; // what the messages carry and ask for
	unsigned take;                 // messages the actor takes before the operation
	enum shmchan_kind reply_kind;
	void (*op)(struct stage *s);
	bool (*fits)(enum shmchan_kind kind);
	enum { WAKEFUL, SLEEPS, WAKES } sleep; // the actor sleeps; or its peer does, in a process of its own
};

extern const struct scene scenes[];
extern const unsigned scene_cnt;

// In the child, before the operation.
void scene_before(void *stage);
void scene_op(void *stage);
// A live peer of the actor acts: at turn 1 a second producer, at turn 2 a second consumer, else, and where there is none, the
// other end of the channel.
void scene_peer(struct stage *s, unsigned turn);

#endif
