// The many-producer single-consumer list: Vyukov's queue (list.h). Pushing takes no lock: a compare-and-swap on the tail
// that another producer's success makes fail, and one store. A producer that is preempted or killed between the two holds
// the consumer up at its message, and no other producer; one that keeps a reservation holds up nobody, as a node has no
// place in the queue before it is sent. That is what this kind has over `mpsc`, at the price of a second shared line.
#include "shmchan/list_chan.h"

#define TRIES 10000000 // against a tail that somebody changes all the time

bool shmchan_mpsc_list_exchange(const struct shmchan_ring_ref *r, uint32_t i, uint32_t link, uint64_t *before,
				uint64_t *place)
{
	struct shmchan_link *l = &r->links[link];
	uint64_t tail = atomic_load_explicit(&r->list->tail, memory_order_relaxed);

	// Relaxed: ordered by the exchange, and for the consumer by shmchan_list_tell.
	atomic_store_explicit(&l->node, i, memory_order_relaxed);
	atomic_store_explicit(&l->next, 0, memory_order_relaxed);
	for (unsigned n = 0; n < TRIES; n++) {
		*before = tail;
		*place = SHMCHAN_PLACE(SHMCHAN_TICKET(tail) + 1, link);
		atomic_store_explicit(&l->prev, tail, memory_order_relaxed);
		// Success release: pairs with the acquire of who walks back from the tail. Failure: only the value is used.
		// Dying after it leaves the link before untold: recovery tells it.
		if (atomic_compare_exchange_weak_explicit(&r->list->tail, &tail, *place, memory_order_release,
							  memory_order_relaxed))
			return true;
	}
	return false;
}
