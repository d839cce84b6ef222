// The many-producer many-consumer list: Michael and Scott's queue with a lock at each end (list.h, lock.h). A push holds the
// tail lock, a take the head lock, each for a few stores; filling and reading a message is outside of both.
//
// Waking: a push wakes one consumer that sleeps for this channel, of those the next one. A consumer says that it sleeps after
// it has set ASLEEP in its bell, so that who sees the one also finds the other:
//
//	consumer                                   producer
//	C0 bell |= ASLEEP                          P0 push (release)
//	C1 waiting = 1, rx_wait = 1                P1 compiler barrier, or seq_cst fence
//	C2 fence (membarrier, or seq_cst)          P2 rx_wait? a consumer with waiting: 1 -> 0, ring its bell
//	C3 look: nothing                           P3 none has: rx_wait = 0, look once more, and ring all that have now
//	C4 sleep; waiting = 0
//
// The consumer that was woken may die before it takes: recovery rings the bells of all others.
#include "shmchan/list_chan.h"
#include "shmchan/proc.h"

static bool alive(const void *ctx, shmchan_owner owner)
{
	return !((const struct shmchan_proc *)ctx)->hasty && shmchan_alive(ctx, owner);
}

bool shmchan_mpmc2_lock_tail(const struct shmchan_ring_ref *r, const struct shmchan_proc *p)
{
	enum shmchan_locked l = shmchan_lock_acquire(&r->list->tail_lock, p->me, alive, p);

	if (l == SHMCHAN_LOCKED_DIRTY)
		shmchan_list_repair_tail(r);
	return l != SHMCHAN_LOCK_BUSY;
}

void shmchan_mpmc2_unlock_tail(const struct shmchan_ring_ref *r)
{
	shmchan_lock_release(&r->list->tail_lock);
}

bool shmchan_mpmc2_lock_head(const struct shmchan_ring_ref *r, const struct shmchan_proc *p)
{
	enum shmchan_locked l = shmchan_lock_acquire(&r->list->head_lock, p->me, alive, p);

	if (l == SHMCHAN_LOCKED_DIRTY)
		shmchan_list_repair_head(r);
	return l != SHMCHAN_LOCK_BUSY;
}

void shmchan_mpmc2_unlock_head(const struct shmchan_ring_ref *r)
{
	shmchan_lock_release(&r->list->head_lock);
}

// Under the tail lock.
bool shmchan_mpmc2_exchange(const struct shmchan_ring_ref *r, uint32_t i, uint32_t link, uint64_t *before,
			    uint64_t *place)
{
	struct shmchan_link *l = &r->links[link];

	*before = atomic_load_explicit(&r->list->tail, memory_order_relaxed);
	*place = SHMCHAN_PLACE(SHMCHAN_TICKET(*before) + 1, link);
	atomic_store_explicit(&l->node, i, memory_order_relaxed);
	atomic_store_explicit(&l->next, 0, memory_order_relaxed);
	atomic_store_explicit(&l->prev, *before, memory_order_relaxed);
	// Release: for the broker, which may walk back without the lock if it can't get it. Dying after it: repair_tail.
	atomic_store_explicit(&r->list->tail, *place, memory_order_release);
	return true;
}

static bool ring_one(const struct shmchan *ch, struct shmchan_list_rx *rx)
{
	uint32_t one = 1, slot = rx->slot;
	shmchan_bell *bell;

	// Acquire: pairs with the release in shmchan_mpmc2_sleep, so that ASLEEP is seen too. One that is awake has been woken, and
	// looks before it sleeps again; but it may be busy until then, so that another is to be found.
	if (atomic_load_explicit(&rx->waiting, memory_order_acquire) == 0 || slot >= ch->proc->c.proc_cnt)
		return false;
	bell = &ch->proc->c.procs[slot].bell;
	// Relaxed: who takes the flag away rings, nobody else.
	if (!(atomic_load_explicit(bell, memory_order_relaxed) & SHMCHAN_BELL_ASLEEP) ||
	    !atomic_compare_exchange_strong_explicit(&rx->waiting, &one, 0, memory_order_relaxed,
						     memory_order_relaxed))
		return false;
	// Dying before the call leaves a sleeper without its flag: recovery rings the bells of all peers.
	shmchan_bell_ring(bell, ch->fence);
	return true;
}

static void wake_slow(struct shmchan *ch)
{
	struct shmchan_list *list = ch->r.list;
	bool more = false;

	for (uint32_t n = 0; n < ch->r.rx_cnt; n++) {
		ch->l->next_rx = ch->l->next_rx + 1 < ch->r.rx_cnt ? ch->l->next_rx + 1 : 0;
		if (ring_one(ch, &list->rx[ch->l->next_rx]))
			return;
	}
	atomic_store(&list->rx_wait, 0);
	atomic_thread_fence(memory_order_seq_cst);
	// While it was 0, others may have pushed and woken nobody: so all, not one.
	for (uint32_t k = 0; k < ch->r.rx_cnt; k++)
		more |= ring_one(ch, &list->rx[k]);
	if (more)
		atomic_store(&list->rx_wait, 1);
}

void shmchan_mpmc2_wake(struct shmchan *ch)
{
	if (ch->fence == SHMCHAN_FENCE_MEMBARRIER)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(&ch->r.list->rx_wait, memory_order_relaxed) != 0, 0))
		wake_slow(ch);
}

void shmchan_mpmc2_sleep(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n)
{
	shmchan_mpmc2_awake(p); // what an earlier wait has left
	for (unsigned i = 0; i < n; i++) {
		struct shmchan *ch = sel[i].ch;

		if (ch->tx || ch->r.kind != SHMCHAN_KIND_MPMC2 || ch->l->waits)
			continue;
		ch->l->waits = true;
		ch->l->next_waiting = p->waiting;
		p->waiting = ch;
		// Release: ASLEEP before it. The second one relaxed: C2 orders both before the look.
		atomic_store_explicit(&ch->l->rx->waiting, 1, memory_order_release);
		atomic_store_explicit(&ch->r.list->rx_wait, 1, memory_order_relaxed);
	}
	if (p->waiting)
		shmchan_bell_fence(p->c.fence);
}

void shmchan_mpmc2_awake(struct shmchan_proc *p)
{
	for (struct shmchan *ch = p->waiting; ch; ch = ch->l->next_waiting) {
		ch->l->waits = false;
		// Relaxed: a producer that still sees it set rings in vain.
		atomic_store_explicit(&ch->l->rx->waiting, 0, memory_order_relaxed);
	}
	p->waiting = NULL;
}
