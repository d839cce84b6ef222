// A group whose supervisor is gone for good: who of it lives, and the removal of what it left. Declared in broker.h.
#include <errno.h>
#include "shmchan/broker_priv.h"

struct sweep {
	unsigned removed;
};

static void sweep_one(void *ctx, const char *group, const char *object)
{
	struct sweep *s = ctx;

	if (object && shmchan_seg_unlink(group, object) == 0)
		s->removed++;
}

static void list_one(const _Atomic uint64_t *pid_word, const _Atomic uint64_t *start_word, pid_t *living,
		     unsigned room, unsigned *cnt)
{
	uint64_t pid = atomic_load_explicit(pid_word, memory_order_acquire);
	uint64_t start = atomic_load_explicit(start_word, memory_order_relaxed);

	if (!pid || pid > INT32_MAX || !start || shmchan_start_time((pid_t)pid) != start)
		return;
	if (*cnt < room)
		living[*cnt] = (pid_t)pid;
	++*cnt;
}

static unsigned list_living(const struct shmchan_map *m, pid_t *living, unsigned room)
{
	unsigned cnt = 0;

	for (unsigned slot = 1; slot < m->c.proc_cnt; slot++) {
		const struct shmchan_ctl_proc *p = &m->c.procs[slot];

		list_one(&p->pid, &p->start_time, living, room, &cnt);
		if (atomic_load_explicit(&p->spare, memory_order_acquire))
			list_one(&p->spare_pid, &p->spare_start, living, room, &cnt);
	}
	return cnt;
}

// A control segment without its magic: being made, or left half-made. Who makes it is written first.
static bool maker_alive(const char *group)
{
	struct shmchan_seg seg;
	bool alive = false;

	if (shmchan_seg_open(&seg, group, NULL, false, NULL))
		return false;
	if (seg.size >= sizeof(struct shmchan_ctl)) {
		const struct shmchan_ctl *c = seg.base;
		uint64_t pid = atomic_load(&c->broker_pid), start = atomic_load(&c->broker_start);

		alive = pid && pid <= INT32_MAX && start && shmchan_start_time((pid_t)pid) == start;
	}
	shmchan_seg_close(&seg);
	return alive;
}

int shmchan_group_remove_stale(const char *group, pid_t *living, unsigned *living_cnt,
			       struct shmchan_why *why)
{
	unsigned room = living_cnt ? *living_cnt : 0;
	struct shmchan_map m;
	struct sweep s = {0};
	int err;

	if (living_cnt)
		*living_cnt = 0;
	err = shmchan_map_open(&m, group, false, why);
	if (err == SHMCHAN_EINVAL || err == SHMCHAN_ESYS || err == SHMCHAN_ENOMEM)
		return err;
	if (!err) {
		bool alive = shmchan_map_broker_alive(&m);
		unsigned cnt = list_living(&m, living, room);

		if (alive)
			err = shmchan_fail(why, SHMCHAN_EEXIST, 0, group, "its supervisor lives: pid %llu",
					   (unsigned long long)atomic_load(&m.c.ctl->broker_pid));
		else if (cnt)
			err = shmchan_fail(why, SHMCHAN_ESTALE, 0, group, "%u of its processes live", cnt);
		shmchan_map_close(&m);
		if (living_cnt)
			*living_cnt = cnt;
		if (err)
			return err;
	} else if (err != SHMCHAN_ENOENT && maker_alive(group)) {
		return shmchan_fail(why, SHMCHAN_EEXIST, 0, group, "it is being made by a living process");
	} else if (err == SHMCHAN_ELAYOUT) {
		return err; // its processes may live, and where they stand is not known
	}
	// Objects without a control segment are leftovers of a removal that was cut short.
	if (shmchan_seg_each(group, sweep_one, &s))
		return shmchan_fail(why, SHMCHAN_ESYS, errno, group,
				    "the directory of shared memory can't be read");
	if (shmchan_seg_unlink(group, NULL) == 0)
		s.removed++;
	return (int)s.removed;
}
