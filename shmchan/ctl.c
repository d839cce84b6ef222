#include "shmchan/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t pulses_off(uint32_t proc_cnt, uint32_t entry_cnt)
{
	return shmchan_align(sizeof(struct shmchan_ctl) + proc_cnt * sizeof(struct shmchan_ctl_proc) +
				     entry_cnt * sizeof(struct shmchan_ctl_entry),
			     shmchan_pulse_footprint() / SHMCHAN_PULSE_PAGES);
}

size_t shmchan_ctl_footprint(uint32_t proc_cnt, uint32_t entry_cnt)
{
	if (proc_cnt < 2 || proc_cnt > SHMCHAN_SLOT_MAX || entry_cnt < 1 || entry_cnt > SHMCHAN_OBJ_MAX)
		return 0;
	return pulses_off(proc_cnt, entry_cnt) + proc_cnt * shmchan_pulse_footprint();
}

void shmchan_ctl_new(void *mem, const char *group, uint32_t group_tag, uint32_t proc_cnt, uint32_t entry_cnt,
		     enum shmchan_fence fence)
{
	struct shmchan_ctl *c = mem;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	shmchan_obj_new(&c->obj, SHMCHAN_OBJ_CTL, shmchan_ctl_footprint(proc_cnt, entry_cnt), group,
			group_tag, "control", 0);
	c->fence = fence;
	c->created_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	c->proc_cnt = proc_cnt;
	c->entry_cnt = entry_cnt;
	c->procs_off = sizeof(*c);
	c->entries_off = c->procs_off + proc_cnt * sizeof(struct shmchan_ctl_proc);
	c->pulses_off = pulses_off(proc_cnt, entry_cnt);
}

int shmchan_ctl_join(struct shmchan_ctl_ref *out, void *mem, size_t size, struct shmchan_why *why)
{
	struct shmchan_ctl *c = mem;
	uint64_t procs_off, entries_off, pulses;
	size_t need;
	int err = shmchan_obj_join(&c->obj, size, SHMCHAN_OBJ_CTL, why);

	if (err)
		return err;
	if (size < sizeof(*c))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "control", "%zu bytes", size);
	*out = (struct shmchan_ctl_ref){.ctl = c,
					.proc_cnt = c->proc_cnt,
					.entry_cnt = c->entry_cnt,
					.fence = (enum shmchan_fence)c->fence};
	procs_off = c->procs_off;
	entries_off = c->entries_off;
	pulses = c->pulses_off;
	need = shmchan_ctl_footprint(out->proc_cnt, out->entry_cnt);
	if (!need || procs_off != sizeof(*c) ||
	    entries_off != procs_off + out->proc_cnt * sizeof(struct shmchan_ctl_proc) ||
	    pulses != pulses_off(out->proc_cnt, out->entry_cnt) ||
	    (out->fence != SHMCHAN_FENCE_PLAIN && out->fence != SHMCHAN_FENCE_MEMBARRIER))
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, "control", "header values out of bounds");
	if (need > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "control", "%zu bytes, %zu needed", size, need);
	out->procs = (void *)((char *)mem + procs_off);
	out->entries = (void *)((char *)mem + entries_off);
	out->pulses = (char *)mem + pulses;
	return 0;
}

int shmchan_ctl_find(const struct shmchan_ctl_ref *c, const char *name, enum shmchan_obj_kind kind)
{
	for (uint32_t i = 0; i < c->entry_cnt; i++)
		if ((!kind || c->entries[i].kind == (uint32_t)kind) &&
		    strncmp(c->entries[i].name, name, SHMCHAN_NAME_MAX) == 0)
			return (int)i;
	return -1;
}

uint64_t shmchan_start_time(pid_t pid)
{
	char path[40], buf[1024], *p;
	unsigned long long start = 0;
	char state = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = 0;
	// The command may hold spaces and brackets: fields are counted from the last ')'.
	p = strrchr(buf, ')');
	if (!p ||
	    sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &state, &start) != 2 ||
	    state == 'Z' || state == 'X')
		return 0;
	return start;
}
