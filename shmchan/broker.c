#include "shmchan/broker_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/spare.h"

#define DEAD_NAME "dead"
#define DEAD_CNT 1024
#define DEAD_BYTES 512

// ------------------------------------------------------------------------------------------------ creation

static int check_slots(const struct shmchan_group_spec *s, const char *name, const unsigned *slots,
		       unsigned cnt, struct shmchan_why *why)
{
	for (unsigned i = 0; i < cnt; i++)
		if (slots[i] < 1 || slots[i] > s->service_cnt)
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, name,
					    "process slot %u; the group has 1 to %u", slots[i],
					    s->service_cnt);
	return 0;
}

static struct shmchan_ring_params ring_params(const struct shmchan_chan_spec *c)
{
	return (struct shmchan_ring_params){.kind = c->kind,
					    .cap = c->capacity,
					    .msg_size = c->msg_size,
					    .on_crash = c->on_crash,
					    .max_deliveries = c->max_deliveries,
					    .tally_cnt = c->tally_cnt,
					    .consumer = c->consumer_cnt ? c->consumers[0] : SHMCHAN_SLOT_MAX,
					    .consumers = c->consumers,
					    .rx_cnt = c->consumer_cnt,
					    .alert_depth = c->alert_depth};
}

static int check_chan(const struct shmchan_group_spec *s, const struct shmchan_chan_spec *c,
		      struct shmchan_why *why)
{
	struct shmchan_ring_params p = ring_params(c);
	int err;

	if (!shmchan_name_ok(c->name))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name ? c->name : "", "bad channel name");
	if (c->consumer_cnt < 1 || (c->kind != SHMCHAN_KIND_MPMC2 && c->consumer_cnt != 1) ||
	    c->producer_cnt < 1 || (c->kind < SHMCHAN_KIND_MPSC && c->producer_cnt != 1))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
				    "%u producers and %u consumers do not fit the kind", c->producer_cnt,
				    c->consumer_cnt);
	err = check_slots(s, c->name, c->producers, c->producer_cnt, why);
	if (!err)
		err = check_slots(s, c->name, c->consumers, c->consumer_cnt, why);
	if (err)
		return err;
	if (c->kind == SHMCHAN_KIND_MPSC_INTRUSIVE && c->msg_size > SHMCHAN_MSG_MAX_INTRUSIVE)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
				    "%u bytes beside a block; mpsc-intrusive has room for %u", c->msg_size,
				    SHMCHAN_MSG_MAX_INTRUSIVE);
	if (!shmchan_ring_footprint(&p))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
				    "kind, capacity, message size or policy out of bounds");
	for (unsigned i = 0; i < c->tally_cnt; i++)
		if (!shmchan_name_ok(c->tally[i]))
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name, "bad name of counter %u", i);
	return 0;
}

static const struct shmchan_pool_class *pool_classes(const struct shmchan_pool_spec *p,
						     struct shmchan_pool_class *one)
{
	*one = (struct shmchan_pool_class){p->block_size, p->block_cnt};
	return p->class_cnt ? p->classes : one;
}

static size_t pool_footprint(const struct shmchan_pool_spec *p)
{
	struct shmchan_pool_class one;

	return shmchan_pool_footprint(pool_classes(p, &one), p->class_cnt ? p->class_cnt : 1);
}

static const char *object_name(const struct shmchan_group_spec *s, unsigned i)
{
	if (i < s->chan_cnt)
		return s->chans[i].name;
	return i < s->chan_cnt + s->pool_cnt ? s->pools[i - s->chan_cnt].name : DEAD_NAME;
}

static int check_spec(const struct shmchan_group_spec *s, struct shmchan_why *why)
{
	unsigned cnt = s->chan_cnt + s->pool_cnt + 1;
	int err = 0;

	if (!shmchan_name_ok(s->name))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->name ? s->name : "", "bad group name");
	if (s->service_cnt < 1 || s->service_cnt >= SHMCHAN_SLOT_MAX || s->pool_cnt > SHMCHAN_POOL_MAX ||
	    cnt > SHMCHAN_OBJ_MAX ||
	    !shmchan_dead_footprint(s->dead_cnt ? s->dead_cnt : DEAD_CNT, s->dead_bytes))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->name,
				    "%u services, %u channels, %u pools: out of bounds", s->service_cnt,
				    s->chan_cnt, s->pool_cnt);
	for (unsigned i = 0; i < s->service_cnt; i++)
		if (!shmchan_name_ok(s->services[i]))
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->services[i] ? s->services[i] : "",
					    "bad service name");
	for (unsigned i = 0; i < s->chan_cnt && !err; i++)
		err = check_chan(s, &s->chans[i], why);
	for (unsigned i = 0; i < s->pool_cnt && !err; i++) {
		const struct shmchan_pool_spec *p = &s->pools[i];

		if (!shmchan_name_ok(p->name) || !pool_footprint(p))
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, p->name ? p->name : "",
					    "bad pool name, or sizes or counts out of bounds");
		err = check_slots(s, p->name, p->users, p->user_cnt, why);
	}
	for (unsigned i = 1; i < cnt && !err; i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(object_name(s, i), object_name(s, j)) == 0)
				return shmchan_fail(why, SHMCHAN_EINVAL, 0, object_name(s, i),
						    "two objects of that name");
	return err;
}

static void set_slots(uint64_t set[SHMCHAN_SLOT_WORDS], const unsigned *slots, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		set[slots[i] / 64] |= (uint64_t)1 << (slots[i] % 64);
}

static void fill_entry(struct shmchan_ctl_entry *e, const struct shmchan_group_spec *s, unsigned i)
{
	snprintf(e->name, sizeof(e->name), "%s", object_name(s, i));
	if (i < s->chan_cnt) {
		const struct shmchan_chan_spec *c = &s->chans[i];
		struct shmchan_ring_params p = ring_params(c);

		e->kind = SHMCHAN_OBJ_RING;
		e->size = shmchan_ring_footprint(&p);
		set_slots(e->producers, c->producers, c->producer_cnt);
		set_slots(e->consumers, c->consumers, c->consumer_cnt);
		for (unsigned t = 0; t < c->tally_cnt; t++)
			snprintf(e->tally_name[t], sizeof(e->tally_name[t]), "%s", c->tally[t]);
	} else if (i < s->chan_cnt + s->pool_cnt) {
		const struct shmchan_pool_spec *p = &s->pools[i - s->chan_cnt];

		e->kind = SHMCHAN_OBJ_POOL;
		e->pool_no = i - s->chan_cnt + 1;
		e->size = pool_footprint(p);
		set_slots(e->producers, p->users, p->user_cnt);
	} else {
		e->kind = SHMCHAN_OBJ_DEAD;
		e->size = shmchan_dead_footprint(s->dead_cnt ? s->dead_cnt : DEAD_CNT,
						 s->dead_bytes ? s->dead_bytes : DEAD_BYTES);
	}
}

int shmchan_group_sizes(const struct shmchan_group_spec *s, uint64_t *sizes, struct shmchan_why *why)
{
	unsigned cnt = s->chan_cnt + s->pool_cnt + 1;
	int err = check_spec(s, why);

	for (unsigned i = 0; i < cnt && !err; i++) {
		struct shmchan_ctl_entry e = {.kind = 0};

		fill_entry(&e, s, i);
		sizes[i] = e.size;
	}
	if (!err)
		sizes[cnt] = shmchan_ctl_footprint(s->service_cnt + 1, cnt);
	return err;
}

static int create_object(const struct shmchan_group_spec *s, const struct shmchan_ctl *ctl,
			 const struct shmchan_ctl_entry *e, unsigned i, struct shmchan_why *why)
{
	struct shmchan_seg seg;
	uint32_t tag = ctl->obj.group_tag;
	int err = shmchan_seg_create(&seg, s->name, e->name, e->size, why);

	if (err)
		return err;
	if (i < s->chan_cnt) {
		struct shmchan_ring_params p = ring_params(&s->chans[i]);

		shmchan_ring_new(seg.base, s->name, tag, e->name, i + 1, &p);
	} else if (i < s->chan_cnt + s->pool_cnt) {
		const struct shmchan_pool_spec *p = &s->pools[i - s->chan_cnt];

		struct shmchan_pool_class one;

		shmchan_pool_new(seg.base, s->name, tag, e->name, i + 1, e->pool_no, pool_classes(p, &one),
				 p->class_cnt ? p->class_cnt : 1);
	} else {
		shmchan_dead_new(seg.base, s->name, tag, e->name, i + 1, s->dead_cnt ? s->dead_cnt : DEAD_CNT,
				 s->dead_bytes ? s->dead_bytes : DEAD_BYTES);
	}
	shmchan_seg_close(&seg);
	return 0;
}

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
		shmchan_seg_unlink(s->name, object_name(s, i));
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
	unsigned cnt = s->chan_cnt + s->pool_cnt + 1, made = 0;
	struct shmchan_ctl_proc *procs;
	struct shmchan_ctl_entry *entries;
	struct shmchan_ctl *ctl;
	struct shmchan_seg seg;
	int err;

	*out = NULL;
	err = check_spec(s, why);
	if (err)
		return err;
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
		fill_entry(&entries[made], s, made);
		err = create_object(s, ctl, &entries[made], made, why);
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

static int ring_fits(const struct shmchan_ring_ref *r, const struct shmchan_chan_spec *c,
		     struct shmchan_why *why)
{
	struct shmchan_ring_params p = ring_params(c);

	if (r->kind != p.kind || r->cap != p.cap || r->msg_size != p.msg_size)
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, c->name,
				    "the channel is there with another kind, capacity or message size (%u x %u "
				    "bytes, not %u x %u)",
				    r->cap, r->msg_size, p.cap, p.msg_size);
	if (r->on_crash != p.on_crash ||
	    (p.on_crash == SHMCHAN_REDELIVER && r->max_deliveries != p.max_deliveries))
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, c->name,
				    "the channel is there with another on_crash or max_deliveries");
	return 0;
}

static int pool_fits(const struct shmchan_pool_ref *r, const struct shmchan_pool_spec *p, struct shmchan_why *why)
{
	struct shmchan_pool_class one;
	const struct shmchan_pool_class *classes = pool_classes(p, &one);
	unsigned cnt = p->class_cnt ? p->class_cnt : 1;
	bool same = r->class_cnt == cnt;

	for (unsigned i = 0; i < cnt && same; i++)
		same = r->classes[i].block_size == classes[i].block_size &&
		       r->classes[i].cnt == classes[i].block_cnt;
	return same ? 0
		    : shmchan_fail(why, SHMCHAN_ELAYOUT, 0, p->name,
				   "the pool is there with other sizes or numbers of blocks");
}

static int entry_fits(const struct shmchan_map *m, const struct shmchan_group_spec *s, unsigned i,
		      struct shmchan_why *why)
{
	const struct shmchan_ctl_entry *have = &m->c.entries[i];
	struct shmchan_ctl_entry want = {0};
	const char *name = object_name(s, i);
	int err = 0;

	fill_entry(&want, s, i);
	if (strncmp(have->name, name, SHMCHAN_NAME_MAX) != 0)
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, name, "in its place the group has '%.31s'",
				    have->name);
	if (m->entries[i].err) {
		*why = m->entries[i].why;
		return m->entries[i].err;
	}
	if (have->kind == want.kind && have->kind == SHMCHAN_OBJ_RING)
		err = ring_fits(&m->entries[i].ring, &s->chans[i], why);
	if (have->kind == want.kind && have->kind == SHMCHAN_OBJ_POOL)
		err = pool_fits(&m->entries[i].pool, &s->pools[i - s->chan_cnt], why);
	if (err)
		return err;
	if (memcmp(have->producers, want.producers, sizeof(want.producers)) != 0 ||
	    memcmp(have->consumers, want.consumers, sizeof(want.consumers)) != 0)
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, name, "the group has it for other services");
	if (memcmp(have, &want, sizeof(want)) != 0)
		return shmchan_fail(why, SHMCHAN_ELAYOUT, 0, name,
				    "the group has it with another kind, size or counters");
	return 0;
}

int shmchan_group_fits(const struct shmchan_group_spec *s, struct shmchan_why *why)
{
	unsigned cnt = s->chan_cnt + s->pool_cnt + 1;
	struct shmchan_map m;
	struct shmchan_why unused;
	int err;

	why = why ? why : &unused;
	err = shmchan_map_open(&m, s->name, false, why);
	if (err)
		return err;
	if (m.c.proc_cnt != s->service_cnt + 1)
		err = shmchan_fail(why, SHMCHAN_ELAYOUT, 0, s->name, "it has %u services, not %u",
				   m.c.proc_cnt - 1, s->service_cnt);
	for (unsigned i = 0; i < s->service_cnt && !err; i++)
		if (strncmp(m.c.procs[i + 1].name, s->services[i], SHMCHAN_NAME_MAX) != 0)
			err = shmchan_fail(why, SHMCHAN_ELAYOUT, 0, s->services[i],
					   "in its process slot %u is '%.31s'", i + 1,
					   m.c.procs[i + 1].name);
	if (!err && m.cnt != cnt)
		err = shmchan_fail(why, SHMCHAN_ELAYOUT, 0, s->name, "it has %u objects, not %u", m.cnt, cnt);
	for (unsigned i = 0; i < cnt && !err; i++)
		err = entry_fits(&m, s, i, why);
	shmchan_map_close(&m);
	return err;
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
