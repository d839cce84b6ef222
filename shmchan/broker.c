#include "shmchan/broker_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/spare.h"
#include "shmchan/spec.h"

// ------------------------------------------------------------------------------------------------ creation

// Tells groups apart for probes: a hash of the name and the moment, never 0.
static uint32_t group_tag(const char *name)
{
	struct timespec now;
	uint64_t h = 0xcbf29ce484222325ull;

	clock_gettime(CLOCK_REALTIME, &now);
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	h = (h ^ (uint64_t)now.tv_sec ^ (uint64_t)now.tv_nsec << 20) * 0x100000001b3ull;
	return (uint32_t)(h >> 32) | 1;
}

static int why_exists(const char *group, struct shmchan_why *why)
{
	struct shmchan_map m;
	char name[SHMCHAN_SEG_NAME_MAX];
	uint64_t pid;
	bool alive;

	shmchan_seg_name(name, group, NULL);
	if (shmchan_map_open(&m, group, false, NULL))
		return shmchan_fail(why, SHMCHAN_EEXIST, 0, name,
				    "a segment of that name, not a finished group");
	alive = shmchan_map_broker_alive(&m);
	pid = atomic_load_explicit(&m.c.ctl->broker_pid, memory_order_relaxed);
	shmchan_map_close(&m);
	if (alive)
		return shmchan_fail(why, SHMCHAN_EEXIST, 0, name,
				    "group is running; its supervisor is pid %llu", (unsigned long long)pid);
	return shmchan_fail(why, SHMCHAN_EEXIST, 0, name, "stale: its supervisor, pid %llu, is dead",
			    (unsigned long long)pid);
}

static void set_broker(struct shmchan_ctl *ctl, uint32_t inc)
{
	pid_t pid = getpid();

	atomic_store_explicit(&ctl->broker_start, shmchan_start_time(pid), memory_order_relaxed);
	atomic_store_explicit(&ctl->broker_inc, inc, memory_order_relaxed);
	atomic_store_explicit(&ctl->broker_pid, (uint64_t)pid, memory_order_release);
}

static void unlink_all(const struct shmchan_group_spec *s, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		shmchan_seg_unlink(s->name, shmchan_spec_name(s, i));
	shmchan_seg_unlink(s->name, NULL);
}

static int open_broker(struct shmchan_broker **out, const char *group, struct shmchan_why *why)
{
	struct shmchan_broker *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return shmchan_fail(why, SHMCHAN_ENOMEM, 0, group, "%zu bytes", sizeof(*b));
	err = shmchan_map_open(&b->map, group, true, why);
	for (uint32_t i = 0; !err && i < b->map.cnt; i++)
		if (b->map.entries[i].err) {
			err = b->map.entries[i].err;
			if (why)
				*why = b->map.entries[i].why;
		}
	if (!err && !b->map.dead)
		err = shmchan_fail(why, SHMCHAN_ECORRUPT, 0, group, "no store of dead letters");
	if (err) {
		shmchan_map_close(&b->map);
		free(b);
		return err;
	}
	*out = b;
	return 0;
}

int shmchan_broker_create(struct shmchan_broker **out, const struct shmchan_group_spec *s,
			  struct shmchan_why *why)
{
	unsigned cnt, made = 0;
	struct shmchan_ctl_proc *procs;
	struct shmchan_ctl_entry *entries;
	struct shmchan_ctl *ctl;
	struct shmchan_seg seg;
	int err;

	*out = NULL;
	err = shmchan_spec_check(s, why);
	if (err)
		return err;
	cnt = shmchan_spec_objects(s);
	err = shmchan_seg_create(&seg, s->name, NULL, shmchan_ctl_footprint(s->service_cnt + 1, cnt), why);
	if (err)
		return err == SHMCHAN_EEXIST ? why_exists(s->name, why) : err;
	ctl = seg.base;
	// First of all who makes it, so that a half-made group of a dead broker can be told from one in the making.
	set_broker(ctl, 1);
	shmchan_ctl_new(ctl, s->name, group_tag(s->name), s->service_cnt + 1, cnt, shmchan_bell_fence_best());
	procs = (void *)((char *)seg.base + ctl->procs_off);
	entries = (void *)((char *)seg.base + ctl->entries_off);
	snprintf(procs[0].name, sizeof(procs[0].name), "%s", SHMCHAN_BROKER_NAME);
	for (unsigned i = 0; i < s->service_cnt; i++)
		snprintf(procs[i + 1].name, sizeof(procs[i + 1].name), "%s", s->services[i]);
	for (; made < cnt; made++) {
		shmchan_spec_entry(&entries[made], s, made);
		err = shmchan_spec_make(s, ctl->obj.group_tag, &entries[made], made, why);
		if (err)
			break;
	}
	if (!err) {
		shmchan_obj_publish(&ctl->obj);
		err = open_broker(out, s->name, why);
	}
	shmchan_seg_close(&seg);
	if (err) {
		unlink_all(s, made);
		return err;
	}
	shmchan_proc_init(&(*out)->proc, &(*out)->map.c, 0, 1);
	return 0;
}

// ------------------------------------------------------------------------------------------- adopting, ending

static int adopt(struct shmchan_broker **out, const char *group, pid_t former, struct shmchan_why *why)
{
	struct shmchan_broker *b;
	uint32_t dead_inc;
	int err;

	*out = NULL;
	err = open_broker(&b, group, why);
	if (err)
		return err;
	if (shmchan_map_broker_alive(&b->map) &&
	    atomic_load(&b->map.c.ctl->broker_pid) != (uint64_t)former) {
		err = shmchan_fail(why, SHMCHAN_EEXIST, 0, group, "its supervisor lives: pid %llu",
				   (unsigned long long)atomic_load(&b->map.c.ctl->broker_pid));
		shmchan_map_close(&b->map);
		free(b);
		return err;
	}
	dead_inc = atomic_load_explicit(&b->map.c.ctl->broker_inc, memory_order_acquire);
	// Repairs as the dead incarnation's successor; the new one counts from here, so that dying in between repeats it.
	shmchan_proc_init(&b->proc, &b->map.c, 0, dead_inc + 1);
	shmchan_broker_recover_broker(b, dead_inc);
	set_broker(b->map.c.ctl, dead_inc + 1);
	for (unsigned slot = 1; slot < b->map.c.proc_cnt; slot++) {
		uint64_t life = atomic_load_explicit(&b->map.c.procs[slot].life, memory_order_acquire);

		if (shmchan_life_state(life) == SHMCHAN_PROC_DEAD)
			shmchan_broker_recover(b, slot, NULL, NULL);
		shmchan_spare_finish(&b->map.c, slot);
	}
	*out = b;
	return 0;
}

int shmchan_broker_adopt(struct shmchan_broker **out, const char *group, struct shmchan_why *why)
{
	return adopt(out, group, 0, why);
}

int shmchan_broker_resume(struct shmchan_broker **out, const char *group, struct shmchan_why *why)
{
	return adopt(out, group, getpid(), why);
}

void shmchan_broker_leave(struct shmchan_broker *b)
{
	if (!b)
		return;
	while (b->proc.chans)
		shmchan_close(b->proc.chans);
	shmchan_edit_leave(b);
	shmchan_map_close(&b->map);
	free(b);
}

void shmchan_broker_destroy(struct shmchan_broker *b)
{
	char group[SHMCHAN_NAME_MAX];

	if (!b)
		return;
	snprintf(group, sizeof(group), "%s", b->map.group);
	for (uint32_t i = 0; i < b->map.cnt; i++)
		if (shmchan_name_ok(b->map.entries[i].name))
			shmchan_seg_unlink(group, b->map.entries[i].name);
	// Last: as long as the control segment stands, a broker that dies here has left a group that can be found.
	shmchan_seg_unlink(group, NULL);
	shmchan_broker_leave(b);
}

int shmchan_broker_check(struct shmchan_broker *b,
			 void (*report)(void *ctx, const char *object, const char *text), void *ctx)
{
	return shmchan_map_check(&b->map, report, ctx);
}
