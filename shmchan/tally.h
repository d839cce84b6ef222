// The counters of a receiving end, which change with the completion of a message, atomically: see ring.h for the two records.
#ifndef SHMCHAN_TALLY_H
#define SHMCHAN_TALLY_H

#include "shmchan/chan.h"

// Adds to counter i, the library's own among them; ch->counting is true from then on.
void shmchan_tally_count(struct shmchan *ch, unsigned i, uint64_t delta);
// For ch->counting. What was counted counts from the moment `done` is done + cells; dying between the two, recovery decides.
void shmchan_tally_seal(struct shmchan *ch, uint32_t cells);
void shmchan_tally_unseal(struct shmchan *ch);

#endif
