// Pacing of verbs that go on: watch, top, metrics.
#ifndef TOOLS_LIVE_H
#define TOOLS_LIVE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

double live_now(void); // seconds of CLOCK_MONOTONIC

// live_block blocks SIGINT and SIGTERM from here on, so that live_wait can take them between two pieces of
// work.
void live_block(void);
// live_wait sleeps until `until` (live_now); false if one of the two signals came.
bool live_wait(double until);

#endif
