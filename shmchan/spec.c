#include "shmchan/spec.h"

#include <stdio.h>
#include <string.h>
#include "shmchan/broker_priv.h"

#define DEAD_NAME "dead"
#define DEAD_CNT 1024
#define DEAD_BYTES 512

// -------------------------------------------------------------------------------------------------- checking

static int check_slots(const struct shmchan_group_spec *s, const char *name, const char *what, const unsigned *slots,
		       unsigned cnt, struct shmchan_why *why)
{
	uint64_t seen[SHMCHAN_SLOT_WORDS] = {0};

	if (cnt && !slots)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, name, "%u %s, but the list is NULL", cnt, what);
	for (unsigned i = 0; i < cnt; i++) {
		if (slots[i] < 1 || slots[i] > s->service_cnt)
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, name, "process slot %u; the group has 1 to %u",
					    slots[i], s->service_cnt);
		if (shmchan_slot_in(seen, slots[i]))
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, name, "process slot %u is twice among its %s",
					    slots[i], what);
		seen[slots[i] / 64] |= (uint64_t)1 << (slots[i] % 64);
	}
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

static int check_params(const struct shmchan_chan_spec *c, struct shmchan_why *why)
{
	struct shmchan_ring_params p = ring_params(c);

	if (c->kind == SHMCHAN_KIND_MPSC_INTRUSIVE && c->msg_size > SHMCHAN_MSG_MAX_INTRUSIVE)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
				    "%u bytes beside a block; mpsc-intrusive has room for %u", c->msg_size,
				    SHMCHAN_MSG_MAX_INTRUSIVE);
	if (shmchan_ring_footprint(&p))
		return 0;
	return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
			    "out of bounds: kind %d (%s), %u messages of %u bytes, on_crash %d, %u deliveries, %u counters",
			    (int)c->kind, shmchan_kind_name(c->kind), c->capacity, c->msg_size, (int)c->on_crash,
			    c->max_deliveries, c->tally_cnt);
}

static int check_tally(const struct shmchan_chan_spec *c, struct shmchan_why *why)
{
	if (c->tally_cnt && !c->tally)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name, "%u counters, but the list is NULL", c->tally_cnt);
	for (unsigned i = 0; i < c->tally_cnt; i++) {
		if (!shmchan_name_ok(c->tally[i]))
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name, "bad name of counter %u", i);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(c->tally[i], c->tally[j]) == 0)
				return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name, "two counters %s", c->tally[i]);
	}
	return 0;
}

static int check_chan(const struct shmchan_group_spec *s, const struct shmchan_chan_spec *c,
		      struct shmchan_why *why)
{
	int err;

	if (!shmchan_name_ok(c->name))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name ? c->name : "", "bad channel name");
	if (c->consumer_cnt < 1 || (c->kind != SHMCHAN_KIND_MPMC2 && c->consumer_cnt != 1) ||
	    c->producer_cnt < 1 || (c->kind < SHMCHAN_KIND_MPSC && c->producer_cnt != 1))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
				    "%u producers and %u consumers do not fit the kind", c->producer_cnt,
				    c->consumer_cnt);
	err = check_slots(s, c->name, "producers", c->producers, c->producer_cnt, why);
	if (!err)
		err = check_slots(s, c->name, "consumers", c->consumers, c->consumer_cnt, why);
	if (!err)
		err = check_params(c, why);
	return err ? err : check_tally(c, why);
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

unsigned shmchan_spec_objects(const struct shmchan_group_spec *s)
{
	return s->chan_cnt + s->pool_cnt + 1;
}

const char *shmchan_spec_name(const struct shmchan_group_spec *s, unsigned i)
{
	if (i < s->chan_cnt)
		return s->chans[i].name;
	return i < s->chan_cnt + s->pool_cnt ? s->pools[i - s->chan_cnt].name : DEAD_NAME;
}

static int check_pool(const struct shmchan_group_spec *s, const struct shmchan_pool_spec *p, struct shmchan_why *why)
{
	if (!shmchan_name_ok(p->name))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, p->name ? p->name : "", "bad pool name");
	if (p->class_cnt && !p->classes)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, p->name, "%u classes, but the list is NULL", p->class_cnt);
	if (!pool_footprint(p))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, p->name,
				    "sizes or counts out of bounds, or a class is not larger than the one before");
	return check_slots(s, p->name, "users", p->users, p->user_cnt, why);
}

static bool is_among(const unsigned *slots, unsigned cnt, unsigned slot)
{
	while (cnt && slots[cnt - 1] != slot)
		cnt--;
	return cnt != 0;
}

// Where each message must have a block, a producer and the consumer must have a pool in common.
static int check_block_ways(const struct shmchan_group_spec *s, const struct shmchan_chan_spec *c, struct shmchan_why *why)
{
	if (c->kind != SHMCHAN_KIND_SLOT_REF && c->kind != SHMCHAN_KIND_MPSC_INTRUSIVE)
		return 0;
	for (unsigned i = 0; i < s->pool_cnt; i++)
		for (unsigned k = 0; k < c->producer_cnt; k++)
			if (is_among(s->pools[i].users, s->pools[i].user_cnt, c->consumers[0]) &&
			    is_among(s->pools[i].users, s->pools[i].user_cnt, c->producers[k]))
				return 0;
	return shmchan_fail(why, SHMCHAN_EINVAL, 0, c->name,
			    "every message of a %s has a block, but no pool is used by its consumer and a producer",
			    shmchan_kind_name(c->kind));
}

static int check_services(const struct shmchan_group_spec *s, struct shmchan_why *why)
{
	for (unsigned i = 0; i < s->service_cnt; i++) {
		const char *name = s->services[i];

		if (!shmchan_name_ok(name) || strcmp(name, SHMCHAN_BROKER_NAME) == 0)
			return shmchan_fail(why, SHMCHAN_EINVAL, 0, name ? name : "", "bad service name");
		for (unsigned j = 0; j < i; j++)
			if (strcmp(name, s->services[j]) == 0)
				return shmchan_fail(why, SHMCHAN_EINVAL, 0, name, "two services of that name");
	}
	return 0;
}

static int check_names(const struct shmchan_group_spec *s, struct shmchan_why *why)
{
	for (unsigned i = 1; i < shmchan_spec_objects(s); i++)
		for (unsigned j = 0; j < i; j++)
			if (strcmp(shmchan_spec_name(s, i), shmchan_spec_name(s, j)) == 0)
				return shmchan_fail(why, SHMCHAN_EINVAL, 0, shmchan_spec_name(s, i),
						    "two objects of that name");
	return 0;
}

int shmchan_spec_check(const struct shmchan_group_spec *s, struct shmchan_why *why)
{
	int err;

	if (!shmchan_name_ok(s->name))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->name ? s->name : "", "bad group name");
	if (s->service_cnt < 1 || s->service_cnt >= SHMCHAN_SLOT_MAX || s->pool_cnt > SHMCHAN_POOL_MAX ||
	    s->chan_cnt >= SHMCHAN_OBJ_MAX || shmchan_spec_objects(s) > SHMCHAN_OBJ_MAX ||
	    !shmchan_dead_footprint(s->dead_cnt ? s->dead_cnt : DEAD_CNT, s->dead_bytes))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->name,
				    "out of bounds: %u services, %u channels, %u pools, %u dead letters of %u bytes",
				    s->service_cnt, s->chan_cnt, s->pool_cnt, s->dead_cnt, s->dead_bytes);
	if (!s->services || (s->chan_cnt && !s->chans) || (s->pool_cnt && !s->pools))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, s->name, "a list of services, channels or pools is NULL");
	err = check_services(s, why);
	for (unsigned i = 0; i < s->chan_cnt && !err; i++)
		err = check_chan(s, &s->chans[i], why);
	for (unsigned i = 0; i < s->pool_cnt && !err; i++)
		err = check_pool(s, &s->pools[i], why);
	for (unsigned i = 0; i < s->chan_cnt && !err; i++)
		err = check_block_ways(s, &s->chans[i], why);
	return err ? err : check_names(s, why);
}

// --------------------------------------------------------------------------------------------------- objects

static void set_slots(uint64_t set[SHMCHAN_SLOT_WORDS], const unsigned *slots, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		set[slots[i] / 64] |= (uint64_t)1 << (slots[i] % 64);
}

void shmchan_spec_entry(struct shmchan_ctl_entry *e, const struct shmchan_group_spec *s, unsigned i)
{
	snprintf(e->name, sizeof(e->name), "%s", shmchan_spec_name(s, i));
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
	int err = shmchan_spec_check(s, why);
	unsigned cnt = err ? 0 : shmchan_spec_objects(s);

	for (unsigned i = 0; i < cnt; i++) {
		struct shmchan_ctl_entry e = {.kind = 0};

		shmchan_spec_entry(&e, s, i);
		sizes[i] = e.size;
	}
	if (!err)
		sizes[cnt] = shmchan_ctl_footprint(s->service_cnt + 1, cnt);
	return err;
}

int shmchan_spec_make(const struct shmchan_group_spec *s, uint32_t tag, const struct shmchan_ctl_entry *e, unsigned i,
		      struct shmchan_why *why)
{
	struct shmchan_seg seg;
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

// ------------------------------------------------------------------------------ a group that is there

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
	const char *name = shmchan_spec_name(s, i);
	int err = 0;

	shmchan_spec_entry(&want, s, i);
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
	struct shmchan_why unused;
	struct shmchan_map m;
	unsigned cnt;
	int err;

	why = why ? why : &unused;
	err = shmchan_spec_check(s, why);
	if (!err)
		err = shmchan_map_open(&m, s->name, false, why);
	if (err)
		return err;
	cnt = shmchan_spec_objects(s);
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
