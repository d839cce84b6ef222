// The front of a channel's handle: what the path of a plain message reads and writes. It is the library's own, and public only
// because inline.h compiles that path into programs. Its layout has a number, which is the name of a symbol: who changes the one
// changes the other.
#ifndef SHMCHAN_HOT_H
#define SHMCHAN_HOT_H

#include <stdbool.h>
#include <stdint.h>
#include "shmchan/err.h"

#ifdef __cplusplus
extern "C" {
#endif

SHMCHAN_API extern const char shmchan_hot_layout_1;

#define SHMCHAN_HOT_DATA 8u       // bytes from a cell to its payload
#define SHMCHAN_HOT_COPY_MAX 256u // bytes copied word by word

struct shmchan;
struct shmchan_cell;

struct shmchan_hot {
	// Sending end. `cell` is the next to be written; in mpsc the one claimed.
	struct shmchan_cell *cell;
	struct shmchan_cell *open;    // the cell that is reserved, if it is `cell`
	struct shmchan_cell *run_end; // plain messages may be written to cells before it without another look
	uint64_t lap_word;            // what the cell's word will have besides the description
	const uint32_t *bell;         // the consumer's: bit 0, it sleeps
	const volatile unsigned short *push_listened, *pop_listened, *done_listened; // is anybody attached to the probe?
	uint32_t stride, msg_size;
	uint32_t prefetch; // bytes ahead of `at` that are certainly written
	uint32_t from;     // sender of the messages that don't name one
	bool unfenced;     // a sleeper fences for its ringers (bell.h)
	bool run_watched;  // the run ends before the next position whose probe fires
	bool take_watched; // likewise

	// Receiving end. `at` is the cell of `taken`; at_word what its word has besides description or owner once it is published.
	struct shmchan_cell *at;
	struct shmchan_cell *take_end; // plain messages may be taken from cells before it without another look
	uint64_t at_word;
	uint64_t taken, done;
	uint64_t done_end;       // completions below are one store
	uint64_t *exact;         // taken and done in shared memory: for recovery
	const uint32_t *tx_wait; // nonzero: a producer sleeps until cells are freed
};

SHMCHAN_API int shmchan_hot_wake(struct shmchan *ch);      // rings the consumer's bell. Returns 0
SHMCHAN_API int shmchan_hot_give_room(struct shmchan *ch); // to a producer that waits for it. Returns 0

#ifdef __cplusplus
}
#endif
#endif
