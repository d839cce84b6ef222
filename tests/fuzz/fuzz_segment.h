// What the fuzz target offers to the test that drives it (tests/shmchan/test_hostile.c).
#ifndef TESTS_FUZZ_FUZZ_SEGMENT_H
#define TESTS_FUZZ_FUZZ_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
// Weak: a test may define them, to do more while the group of an input exists.
void fuzz_segment_created(const char *group);
void fuzz_segment_ending(const char *group);
// Unlinks what is left of a group whose directory may have been overwritten.
void fuzz_segment_sweep(const char *group);

#endif
