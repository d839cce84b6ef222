#include "shmchan/probe.h"

#if SHMCHAN_PROBES_BUILT

// Section .probes is where tools expect semaphores; it must be writable, for the kernel counts listeners
// there.
#define SEMAPHORE(event)                                    \
	volatile unsigned short shmchan_##event##_semaphore \
		__attribute__((section(".probes"), visibility("hidden"), used)) = 0

SEMAPHORE(push);
SEMAPHORE(pop);
SEMAPHORE(done);
SEMAPHORE(full);
SEMAPHORE(mark);
SEMAPHORE(sleep);
SEMAPHORE(wake);
SEMAPHORE(dead_letter);
SEMAPHORE(recover);
SEMAPHORE(settle);

#else

typedef int shmchan_probes_not_built; // a translation unit is not empty

#endif
