// What is done at the moment of death: who, with which operation, with how many messages in the channel.
#ifndef TESTS_CRASH_SCENES_H
#define TESTS_CRASH_SCENES_H

#include "tests/crash/world.h"

struct stage {
	struct world *w;
	const struct scene *scene;
	struct ends actor; // in the child
	struct ends peer;  // in the parent
	struct ends other; // slot 3 in the parent, for mpsc
	shmchan_block block;
	struct shmchan_msg m;
	unsigned prefill;
};

struct scene {
	const char *name;
	unsigned slot;                 // of the actor: 1 produces, 2 consumes
	bool blocks, replies, tallies; // what the messages carry and ask for
	unsigned take;                 // messages the actor takes before the operation
	enum shmchan_kind reply_kind;
	void (*op)(struct stage *s);
	bool (*fits)(enum shmchan_kind kind);
};

extern const struct scene scenes[];
extern const unsigned scene_cnt;

#endif
