// What the broker writes and reads in process slots: the life of an incarnation, and its pulse.
#include "shmchan/broker_priv.h"

#include <linux/futex.h>

int shmchan_broker_announce(struct shmchan_broker *b, unsigned slot, unsigned *incarnation)
{
	struct shmchan_ctl_proc *p;
	uint64_t life;
	uint32_t inc;

	if (slot < 1 || slot >= b->map.c.proc_cnt)
		return SHMCHAN_EINVAL;
	p = &b->map.c.procs[slot];
	life = atomic_load_explicit(&p->life, memory_order_relaxed);
	if (shmchan_life_state(life) != SHMCHAN_PROC_FREE)
		return SHMCHAN_ESTALE;
	inc = (uint32_t)life + 1;
	// 0 in an owner tag would be nobody's incarnation.
	if ((inc & SHMCHAN_INC_MASK) == 0)
		inc++;
	atomic_store_explicit(&p->pid, 0, memory_order_relaxed);
	atomic_store_explicit(&p->start_time, 0, memory_order_relaxed);
	// The kernel has marked those of the dead before it let it be known.
	for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++)
		atomic_store_explicit(shmchan_pulse_at(shmchan_ctl_pulse(&b->map.c, slot), i), 0,
				      memory_order_relaxed);
	atomic_store_explicit(&p->life, shmchan_life(SHMCHAN_PROC_ANNOUNCED, inc), memory_order_release);
	*incarnation = inc;
	return 0;
}

int shmchan_broker_spawned(struct shmchan_broker *b, unsigned slot, pid_t pid)
{
	struct shmchan_ctl_proc *p;
	uint64_t life;

	if (slot < 1 || slot >= b->map.c.proc_cnt || pid <= 0)
		return SHMCHAN_EINVAL;
	p = &b->map.c.procs[slot];
	life = atomic_load_explicit(&p->life, memory_order_relaxed);
	if (shmchan_life_state(life) != SHMCHAN_PROC_ANNOUNCED)
		return SHMCHAN_ESTALE;
	atomic_store_explicit(&p->start_time, shmchan_start_time(pid), memory_order_relaxed);
	atomic_store_explicit(&p->pid, (uint64_t)pid, memory_order_release);
	atomic_store_explicit(&p->life, shmchan_life(SHMCHAN_PROC_RUNNING, (uint32_t)life),
			      memory_order_release);
	return 0;
}

int shmchan_broker_leaving(struct shmchan_broker *b, unsigned slot, bool leaving)
{
	_Atomic uint64_t *life;
	uint64_t now;

	if (slot < 1 || slot >= b->map.c.proc_cnt)
		return SHMCHAN_EINVAL;
	life = &b->map.c.procs[slot].life;
	now = atomic_load_explicit(life, memory_order_relaxed); // the broker alone writes it
	if (shmchan_life_state(now) != SHMCHAN_PROC_RUNNING)
		return SHMCHAN_ESTALE;
	atomic_store_explicit(life, leaving ? now | SHMCHAN_LIFE_LEAVING : now & ~SHMCHAN_LIFE_LEAVING,
			      memory_order_release);
	return 0;
}

int shmchan_broker_slot(const struct shmchan_broker *b, unsigned slot, struct shmchan_slot_state *out)
{
	const struct shmchan_ctl_proc *p;
	uint64_t life, left, pid, spare_pid;
	uint32_t spare;

	if (slot < 1 || slot >= b->map.c.proc_cnt)
		return SHMCHAN_EINVAL;
	p = &b->map.c.procs[slot];
	life = atomic_load_explicit(&p->life, memory_order_acquire);
	pid = atomic_load_explicit(&p->pid, memory_order_acquire);
	left = atomic_load_explicit(&p->left, memory_order_acquire);
	spare = atomic_load_explicit(&p->spare, memory_order_acquire);
	spare_pid = spare ? atomic_load_explicit(&p->spare_pid, memory_order_acquire) : 0;
	*out = (struct shmchan_slot_state){
		.state = shmchan_life_state(life),
		.incarnation = (uint32_t)life,
		.pid = pid <= INT32_MAX ? (pid_t)pid : 0,
		.start_time = atomic_load_explicit(&p->start_time, memory_order_relaxed),
		.attached = atomic_load_explicit(&p->attached, memory_order_acquire) == (uint32_t)life,
		.ready = atomic_load_explicit(&p->ready, memory_order_acquire) == (uint32_t)life,
		.exit_status = (left & SHMCHAN_LEFT) && (uint32_t)left == (uint32_t)life
				       ? (int)(left >> 32 & 0xff)
				       : -1,
		.spare = spare,
		.spare_pid = spare_pid <= INT32_MAX ? (pid_t)spare_pid : 0,
		.spare_start = atomic_load_explicit(&p->spare_start, memory_order_relaxed),
		.spare_waits = spare && atomic_load_explicit(&p->spare_waits, memory_order_acquire) == spare,
	};
	return 0;
}

int shmchan_broker_pulse(const struct shmchan_broker *b, unsigned slot, struct shmchan_pulse_look *out)
{
	bool marked = false;

	if (slot < 1 || slot >= b->map.c.proc_cnt)
		return SHMCHAN_EINVAL;
	for (unsigned i = SHMCHAN_PULSE_WORDS; i-- > 0;) {
		shmchan_pulse_word *word = shmchan_pulse_at(shmchan_ctl_pulse(&b->map.c, slot), i);
		uint32_t w = atomic_load_explicit(word, memory_order_relaxed); // a hint

		*out = (struct shmchan_pulse_look){(const uint32_t *)word, w, false};
		if (w & FUTEX_TID_MASK)
			return 0;
		marked |= (w & FUTEX_OWNER_DIED) != 0;
	}
	out->stopped = marked; // and to be waited for at word 0, which the next thread takes
	return 0;
}
