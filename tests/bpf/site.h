// Probe sites under the test's control, in a file that is compiled as release builds are.
#ifndef TESTS_BPF_SITE_H
#define TESTS_BPF_SITE_H

#include <stdbool.h>
#include <stdint.h>

void site_push(uint64_t key, uint64_t depth, uint64_t pos);
void site_pop(uint64_t key, uint64_t depth, uint64_t pos, uint64_t slot_key);
void site_done(uint64_t key, uint64_t pos);
void site_mark(uint64_t key, uint64_t depth, uint64_t pos);
void site_full(uint64_t key, uint64_t depth);
void site_dead_letter(uint64_t key, uint64_t pos);
void site_recover(uint64_t key, uint64_t incarnation, uint64_t nsec, uint64_t pid);
void site_settle(uint64_t key, uint64_t pushed, uint64_t done);
void site_sleep(uint64_t key);
void site_wake(uint64_t key);
bool site_push_enabled(void);
// Sites of another provider, which no program of ours is attached to.
void site_empty(uint64_t key, uint64_t depth, uint64_t pos);
void site_idle(uint64_t key, uint64_t depth, uint64_t pos);

// A leaf function with a probe between writing and reading its locals. Returns how many of them had changed.
unsigned site_leaf(uint64_t key, uint64_t seed);

#endif
