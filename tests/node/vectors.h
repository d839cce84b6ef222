// The test data of the services' tests: folder $VECTORS, ../shared/vectors by default.
#ifndef TESTS_NODE_VECTORS_H
#define TESTS_NODE_VECTORS_H

#include <stddef.h>

// vectors_dir returns the folder. Where it does not hold the real blocks and the genesis state, the running
// Criterion test is skipped and says so; with CI=true it fails.
const char *vectors_dir(void);

// vectors_state returns a trail with the mainnet genesis state, as HotDB makes it, in memory of *bytes bytes
// that the caller frees; *used of them are in use. Fails the running test on an error.
void *vectors_state(size_t *bytes, size_t *used);

#endif
