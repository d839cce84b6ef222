#include "tests/shmchan/harness.h"

#include "shmchan/ctl.h"

_Static_assert(offsetof(struct shmchan_ctl, broker_pid) == 128 &&
		       offsetof(struct shmchan_ctl, fence) == 148 &&
		       offsetof(struct shmchan_ctl, proc_cnt) == 160 &&
		       offsetof(struct shmchan_ctl, procs_off) == 168 &&
		       offsetof(struct shmchan_ctl, pulses_off) == 184,
	       "control segments of layout 1");
_Static_assert(offsetof(struct shmchan_ctl_proc, life) == 32 &&
		       offsetof(struct shmchan_ctl_proc, beat) == 128 &&
		       offsetof(struct shmchan_ctl_proc, left) == 144 &&
		       offsetof(struct shmchan_ctl_proc, bell) == 256,
	       "process slots of layout 1");

Test(ctl, footprint)
{
	cr_assert_eq(shmchan_ctl_footprint(1, 1), 0);
	cr_assert_eq(shmchan_ctl_footprint(SHMCHAN_SLOT_MAX + 1, 1), 0);
	cr_assert_eq(shmchan_ctl_footprint(2, 0), 0);
	cr_assert_eq(shmchan_ctl_footprint(2, SHMCHAN_OBJ_MAX + 1), 0);
	cr_assert_neq(shmchan_ctl_footprint(SHMCHAN_SLOT_MAX, SHMCHAN_OBJ_MAX), 0);
}

Test(ctl, join_refuses_a_damaged_header)
{
	static _Alignas(4096) char mem[65536];
	size_t size = shmchan_ctl_footprint(3, 2);
	struct shmchan_ctl *c = (void *)mem;
	struct shmchan_ctl_ref r;
	struct shmchan_why why;

	cr_assert_leq(size, sizeof(mem));
	shmchan_ctl_new(mem, "g", 1, 3, 2, SHMCHAN_FENCE_PLAIN);
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT, "not published");
	shmchan_obj_publish(&c->obj);
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), 0);
	snprintf(r.entries[1].name, sizeof(r.entries[1].name), "second");
	r.entries[1].kind = SHMCHAN_OBJ_POOL;
	cr_assert_eq(shmchan_ctl_find(&r, "second", SHMCHAN_OBJ_POOL), 1);
	cr_assert_eq(shmchan_ctl_find(&r, "second", (enum shmchan_obj_kind)0), 1);
	cr_assert_eq(shmchan_ctl_find(&r, "second", SHMCHAN_OBJ_RING), -1);
	cr_assert_eq(shmchan_ctl_find(&r, "sec", SHMCHAN_OBJ_POOL), -1);
	cr_assert_eq(shmchan_ctl_join(&r, mem, size - 1, &why), SHMCHAN_ETRUNC);
	c->obj.size = sizeof(*c);
	cr_assert_eq(shmchan_ctl_join(&r, mem, sizeof(*c) - 1, &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_ctl_join(&r, mem, sizeof(*c), &why), SHMCHAN_ETRUNC);
	c->obj.size = size;
	c->proc_cnt = UINT32_MAX;
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	c->proc_cnt = 3;
	c->entry_cnt = 0;
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	c->entry_cnt = 2;
	c->procs_off = UINT64_MAX;
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	c->procs_off = sizeof(*c);
	c->entries_off++;
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
	c->entries_off--;
	c->pulses_off -= 4096;
	cr_assert_eq(shmchan_ctl_join(&r, mem, size, &why), SHMCHAN_ECORRUPT);
}

static int nothing(void *ctx)
{
	(void)ctx;
	return 0;
}

Test(ctl, start_times)
{
	uint64_t mine = shmchan_start_time(getpid());
	siginfo_t info;
	pid_t pid;

	cr_assert_neq(mine, 0);
	cr_assert_eq(shmchan_start_time(getpid()), mine);
	pid = harness_fork(nothing, NULL);
	cr_assert_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	cr_assert_eq(shmchan_start_time(pid), 0, "a zombie is dead");
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_assert_eq(shmchan_start_time(pid), 0);
	// The command's name may look like the fields behind it.
	cr_assert_eq(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
	cr_assert_eq(shmchan_start_time(getpid()), mine);
}
