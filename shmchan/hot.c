#include "shmchan/hot.h"

#include "shmchan/chan.h"
#include "shmchan/probe.h"

const char shmchan_hot_layout_1 = 1;

// What inline.h knows of the shared memory, in its own types.
_Static_assert(offsetof(struct shmchan, hot) == 0, "a handle begins with it");
_Static_assert(SHMCHAN_HOT_DATA == SHMCHAN_DATA_AT_ONE && offsetof(struct shmchan_cell, word) == 0, "layout of a cell");
_Static_assert(offsetof(struct shmchan_exact, taken) == 0 && offsetof(struct shmchan_exact, done) == sizeof(uint64_t),
	       "order of the two");
_Static_assert(SHMCHAN_BELL_ASLEEP == 1, "bit 0");
_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t) && sizeof(shmchan_bell) == sizeof(uint32_t), "atomics are bare");

#if SHMCHAN_PROBES_BUILT
#define LISTENED(event) (&shmchan_##event##_semaphore)
#else
static const volatile unsigned short nobody;
#define LISTENED(event) (&nobody)
#endif

void shmchan_hot_join(struct shmchan *ch)
{
	struct shmchan_hot *h = &ch->hot;

	h->bell = (const uint32_t *)(const void *)ch->peer;
	h->unfenced = ch->fence == SHMCHAN_FENCE_MEMBARRIER;
	h->push_listened = LISTENED(push);
	h->pop_listened = LISTENED(pop);
	h->done_listened = LISTENED(done);
	h->stride = ch->r.stride;
	h->msg_size = ch->r.msg_size;
	h->exact = (uint64_t *)(void *)&ch->r.ring->exact;
	h->tx_wait = (const uint32_t *)(const void *)&ch->r.ring->tx_wait;
}

int shmchan_hot_wake(struct shmchan *ch)
{
	shmchan_bell_ring_slow(ch->peer);
	return 0;
}

int shmchan_hot_give_room(struct shmchan *ch)
{
	shmchan_flush(ch);
	return 0;
}
