#include "shmchan/spare.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker_priv.h"

#define SPIN_NS 500000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// Is the broker on this processor? Then it gives nothing before this process sleeps; sched_yield is not enough where each service
// has a share of the processor of its own. Relaxed: a hint.
static bool in_the_way(const struct shmchan_ctl_proc *p)
{
	int cpu = sched_getcpu();

	return cpu >= 0 && atomic_load_explicit(&p->rouser, memory_order_relaxed) == (uint32_t)cpu + 1;
}

// Woken: what it waits for may come in less than the time that a sleep and a wake-up take. At most that long.
static uint64_t look_for_a_while(const struct shmchan_ctl_proc *p, uint32_t no)
{
	uint64_t given, end = now_ns() + SPIN_NS;

	while (given = atomic_load_explicit(&p->given, memory_order_acquire),
	       given >> 32 != no && !in_the_way(p) && now_ns() < end)
		sched_yield();
	return given;
}

uint32_t shmchan_spare_wait(const struct shmchan_ctl_ref *c, unsigned slot, uint32_t no, void (*roused)(void *arg), void *arg)
{
	struct shmchan_ctl_proc *p = &c->procs[slot];

	atomic_store_explicit(&p->spare_waits, no, memory_order_release); // a hint for who looks
	for (bool woken = false;; woken = true) {
		uint32_t turn = atomic_load_explicit(&p->spare_turn, memory_order_acquire);
		// Acquire pairs with the release in give: with it comes what the slot's line says.
		uint64_t given = atomic_load_explicit(&p->given, memory_order_acquire);

		if (given >> 32 != no && woken && !in_the_way(p)) {
			roused(arg);
			given = look_for_a_while(p, no);
		}
		if (given >> 32 == no)
			return (uint32_t)given;
		// A turn that came between the two makes it return.
		syscall(SYS_futex, &p->spare_turn, FUTEX_WAIT, turn, NULL, NULL, 0);
	}
}

static struct shmchan_ctl_proc *slot_of(const struct shmchan_broker *b, unsigned slot)
{
	return slot >= 1 && slot < b->map.c.proc_cnt ? &b->map.c.procs[slot] : NULL;
}

static void turn(struct shmchan_ctl_proc *p)
{
	atomic_store_explicit(&p->rouser, (uint32_t)sched_getcpu() + 1, memory_order_relaxed); // 0 = not known
	atomic_fetch_add_explicit(&p->spare_turn, 1, memory_order_release);
	syscall(SYS_futex, &p->spare_turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int shmchan_broker_spare_rouse(struct shmchan_broker *b, unsigned slot)
{
	struct shmchan_ctl_proc *p = slot_of(b, slot);

	if (!p)
		return SHMCHAN_EINVAL;
	if (!atomic_load_explicit(&p->spare, memory_order_relaxed))
		return SHMCHAN_ESTALE;
	turn(p);
	return 0;
}

// Again after a death in the middle: the same words.
static void give(struct shmchan_ctl_proc *p, uint32_t no, uint32_t incarnation)
{
	// Dying before this store: the slot has a process that does not know it; shmchan_spare_finish tells it.
	atomic_store_explicit(&p->given, (uint64_t)no << 32 | incarnation, memory_order_release);
	// Dying before the wake: as before.
	turn(p);
	// The number first: a spare without a pid would be looked for.
	atomic_store_explicit(&p->spare, 0, memory_order_release);
	atomic_store_explicit(&p->spare_pid, 0, memory_order_release);
}

void shmchan_spare_finish(const struct shmchan_ctl_ref *c, unsigned slot)
{
	struct shmchan_ctl_proc *p = &c->procs[slot];
	uint64_t life = atomic_load_explicit(&p->life, memory_order_acquire);
	uint64_t pid = atomic_load_explicit(&p->spare_pid, memory_order_acquire);
	uint32_t no = atomic_load_explicit(&p->spare, memory_order_acquire);

	if (no && pid && shmchan_life_state(life) == SHMCHAN_PROC_RUNNING &&
	    pid == atomic_load_explicit(&p->pid, memory_order_acquire))
		give(p, no, (uint32_t)life);
}

int shmchan_broker_spare(struct shmchan_broker *b, unsigned slot, unsigned *no)
{
	struct shmchan_ctl_proc *p = slot_of(b, slot);
	uint32_t next;

	if (!p)
		return SHMCHAN_EINVAL;
	if (atomic_load_explicit(&p->spare, memory_order_relaxed))
		return SHMCHAN_ESTALE;
	next = atomic_load_explicit(&p->spare_last, memory_order_relaxed) + 1;
	next += next == 0; // nobody's
	atomic_store_explicit(&p->spare_pid, 0, memory_order_relaxed);
	atomic_store_explicit(&p->spare_last, next, memory_order_release);
	// From here on a successor looks for a process with that number.
	atomic_store_explicit(&p->spare, next, memory_order_release);
	*no = next;
	return 0;
}

int shmchan_broker_spare_spawned(struct shmchan_broker *b, unsigned slot, pid_t pid)
{
	struct shmchan_ctl_proc *p = slot_of(b, slot);

	if (!p || pid <= 0)
		return SHMCHAN_EINVAL;
	if (!atomic_load_explicit(&p->spare, memory_order_relaxed))
		return SHMCHAN_ESTALE;
	atomic_store_explicit(&p->spare_start, shmchan_start_time(pid), memory_order_relaxed);
	atomic_store_explicit(&p->spare_pid, (uint64_t)pid, memory_order_release);
	return 0;
}

int shmchan_broker_spare_gone(struct shmchan_broker *b, unsigned slot)
{
	struct shmchan_ctl_proc *p = slot_of(b, slot);

	if (!p)
		return SHMCHAN_EINVAL;
	atomic_store_explicit(&p->spare, 0, memory_order_release);
	atomic_store_explicit(&p->spare_pid, 0, memory_order_release);
	return 0;
}

int shmchan_broker_spare_give(struct shmchan_broker *b, unsigned slot)
{
	struct shmchan_ctl_proc *p = slot_of(b, slot);
	uint64_t life, pid;
	uint32_t no;

	if (!p)
		return SHMCHAN_EINVAL;
	life = atomic_load_explicit(&p->life, memory_order_relaxed); // the broker alone writes these
	pid = atomic_load_explicit(&p->spare_pid, memory_order_relaxed);
	no = atomic_load_explicit(&p->spare, memory_order_relaxed);
	if (shmchan_life_state(life) != SHMCHAN_PROC_ANNOUNCED || !no || !pid)
		return SHMCHAN_ESTALE;
	// Dying before `life`: an incarnation that is announced and has no process; the spare waits on.
	atomic_store_explicit(&p->start_time, atomic_load_explicit(&p->spare_start, memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&p->pid, pid, memory_order_release);
	atomic_store_explicit(&p->life, shmchan_life(SHMCHAN_PROC_RUNNING, (uint32_t)life), memory_order_release);
	give(p, no, (uint32_t)life);
	return 0;
}
