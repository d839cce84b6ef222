// A stream of 64-byte messages through one channel, by one of several builds of the library, watched or not, as the driver
// says before each sample. All builds take turns at the same channel, in the same memory and the same two processes.
#ifndef TESTS_BPF_MODES_H
#define TESTS_BPF_MODES_H

#include "tests/bench/bench.h"

enum mode {
	MODE_BARE,    // probes compiled out
	MODE_IDLE,    // built in, nobody listens
	MODE_DEFAULT, // watched, sampled as the library does by itself
	MODE_64,      // watched, one message in 64 whatever that costs
	MODE_ALL,     // watched, every message
	MODES
};

// Opens the builds, which are modules in `folder`. False: said why on stderr.
bool modes_load(const char *folder);
extern const struct contender modes_polling, modes_waiting; // these spin a while, then sleep
// For the samples from here on. Not while one runs.
void modes_set(void *state, enum mode m);
const char *modes_group(const void *state);

#endif
