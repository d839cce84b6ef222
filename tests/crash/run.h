// How one scene is gone through, from one state of the channel.
//
// An operation is single-stepped once from its first instruction to its last. What outlives a death is the shared memory: a
// death after instruction k and one after k + 1 between which no byte of it changed leave the same behind. So the repair is
// made, and everything looked at, once for each state that was seen; each k counts as a kill point.
//
// The actor stands still while this is done, in a child of the test that has all that the live peers knew, their cached
// positions too, as it is a copy of the process in which they are attached. Then the bytes are put back and the actor goes on.
//
// What a copy of the bytes does not show is what the kernel does at a death: futexes that it marks, waiters that are gone,
// membership of robust lists. So each state is reached once more by a process that is really killed there, and the
// bytes must be those seen before (run_real).
#ifndef TESTS_CRASH_RUN_H
#define TESTS_CRASH_RUN_H

#include "tests/crash/scenes.h"

// The actor dies after each instruction; with stir, live peers act between its death and the repair.
void run_actor(struct stage *s, bool stir);
// A live peer acts once, when the actor has executed `at` instructions; the actor dies after each from there on.
void run_peer(struct stage *s, long at, unsigned turn);
// The actor is really killed in each state that run_actor found.
void run_real(struct stage *s, unsigned stride);
// The actor is dead after k instructions; the broker dies after each instruction of the repair, and with `adopting` of
// taking the group over before it, and another repairs.
void run_broker(struct stage *s, long k, bool adopting);
// The peer sleeps in a process of its own, and is to be woken by the actor, or by the repair.
void run_sleeper(struct stage *s, unsigned stride, unsigned phase);

#endif
