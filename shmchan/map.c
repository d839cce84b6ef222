#include "shmchan/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shmchan/list.h"

static void map_entry(struct shmchan_map *m, uint32_t i, bool writable)
{
	const struct shmchan_ctl_entry *e = &m->c.entries[i];
	struct shmchan_map_entry *to = &m->entries[i];
	char *name = to->name;

	snprintf(name, sizeof(to->name), "%.31s", e->name);
	to->kind = (enum shmchan_obj_kind)e->kind;
	to->err = shmchan_name_ok(name)
			  ? shmchan_seg_open(&to->seg, m->group, name, writable, &to->why)
			  : shmchan_fail(&to->why, SHMCHAN_ECORRUPT, 0, m->group, "directory entry %u", i);
	if (to->err)
		return;
	switch (to->kind) {
	case SHMCHAN_OBJ_RING:
		to->err = shmchan_ring_join(&to->ring, to->seg.base, to->seg.size, &to->why);
		if (!to->err && to->ring.id != i + 1)
			to->err = shmchan_fail(&to->why, SHMCHAN_ECORRUPT, 0, name, "id %u in place %u",
					       to->ring.id, i + 1);
		break;
	case SHMCHAN_OBJ_POOL:
		to->err = shmchan_pool_join(&to->pool, to->seg.base, to->seg.size, &to->why);
		if (!to->err) {
			m->pools[to->pool.pool_no] = &to->pool;
			m->pool_last = to->pool.pool_no > m->pool_last ? to->pool.pool_no : m->pool_last;
		}
		break;
	case SHMCHAN_OBJ_DEAD:
		to->err = shmchan_dead_join(&to->dead, to->seg.base, to->seg.size, &to->why);
		if (!to->err)
			m->dead = &to->dead;
		break;
	default:
		to->err = shmchan_fail(&to->why, SHMCHAN_ECORRUPT, 0, name, "object kind %u", e->kind);
	}
}

int shmchan_map_open(struct shmchan_map *m, const char *group, bool writable, struct shmchan_why *why)
{
	int err;

	*m = (struct shmchan_map){0};
	if (!shmchan_name_ok(group))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, "group", "bad name");
	err = shmchan_seg_open(&m->seg, group, NULL, writable, why);
	if (err)
		return err;
	snprintf(m->group, sizeof(m->group), "%s", group);
	err = shmchan_ctl_join(&m->c, m->seg.base, m->seg.size, why);
	if (!err) {
		m->cnt = m->c.entry_cnt;
		m->entries = calloc(m->cnt, sizeof(*m->entries));
		if (!m->entries)
			err = shmchan_fail(why, SHMCHAN_ENOMEM, 0, group, "%u entries", m->cnt);
	}
	if (err) {
		shmchan_map_close(m);
		return err;
	}
	for (uint32_t i = 0; i < m->cnt; i++)
		map_entry(m, i, writable);
	return 0;
}

static int cut_short(struct shmchan_map_entry *e)
{
	return shmchan_fail(&e->why, SHMCHAN_ETRUNC, 0, e->name, "segment was cut short while mapped");
}

int shmchan_map_verify(struct shmchan_map *m)
{
	if (!shmchan_seg_intact(&m->seg))
		return SHMCHAN_ETRUNC;
	for (uint32_t i = 0; i < m->cnt; i++) {
		struct shmchan_map_entry *e = &m->entries[i];

		if (e->err || shmchan_seg_intact(&e->seg))
			continue;
		e->err = cut_short(e);
		for (unsigned n = 0; n <= SHMCHAN_POOL_MAX; n++)
			if (m->pools[n] == &e->pool)
				m->pools[n] = NULL;
		if (m->dead == &e->dead)
			m->dead = NULL;
	}
	return m->dead ? 0 : SHMCHAN_ETRUNC;
}

void shmchan_map_close(struct shmchan_map *m)
{
	for (uint32_t i = 0; m->entries && i < m->cnt; i++)
		shmchan_seg_close(&m->entries[i].seg);
	free(m->entries);
	shmchan_seg_close(&m->seg);
	*m = (struct shmchan_map){0};
}

struct shmchan_ring_ref *shmchan_map_ring(const struct shmchan_map *m, uint16_t id)
{
	struct shmchan_map_entry *e;

	if (id == 0 || id > m->cnt)
		return NULL;
	e = &m->entries[id - 1];
	return e->kind == SHMCHAN_OBJ_RING && !e->err ? &e->ring : NULL;
}

bool shmchan_map_produces(const struct shmchan_map *m, uint16_t id, unsigned slot)
{
	return shmchan_slot_in(m->c.entries[id - 1].producers, slot);
}

bool shmchan_map_consumes(const struct shmchan_map *m, uint16_t id, unsigned slot)
{
	return shmchan_slot_in(m->c.entries[id - 1].consumers, slot);
}

bool shmchan_map_broker_alive(const struct shmchan_map *m)
{
	uint64_t pid = atomic_load_explicit(&m->c.ctl->broker_pid, memory_order_acquire);
	uint64_t start = atomic_load_explicit(&m->c.ctl->broker_start, memory_order_relaxed);

	return pid && pid <= INT32_MAX && start && shmchan_start_time((pid_t)pid) == start;
}

// -------------------------------------------------------------------------------------------------- check

#define LOOKS 16

struct checker {
	const struct shmchan_map *m;
	struct shmchan_reporter to;
	struct shmchan_chain_sets seen;
	int looks; // left, to look at lists once more
};

bool shmchan_map_gone(const struct shmchan_map *m, shmchan_owner o)
{
	unsigned slot = shmchan_owner_slot(o);
	uint64_t life;

	if (slot == 0)
		return shmchan_owner_inc(o) != (atomic_load(&m->c.ctl->broker_inc) & SHMCHAN_INC_MASK);
	if (slot >= m->c.proc_cnt)
		return true;
	life = atomic_load_explicit(&m->c.procs[slot].life, memory_order_acquire);
	return ((uint32_t)life & SHMCHAN_INC_MASK) != shmchan_owner_inc(o) ||
	       shmchan_life_state(life) == SHMCHAN_PROC_FREE;
}

bool shmchan_map_completed(const struct shmchan_map *m, struct shmchan_chain_sets *seen, const struct shmchan_ring_ref *r,
			   shmchan_block b, uint64_t word)
{
	uint32_t place = (uint32_t)word;
	uint64_t done;

	if (shmchan_ring_chained(r))
		return shmchan_map_gone(m, (shmchan_owner)word) && !shmchan_chain_holds(seen, r, m->pools, b);
	if (shmchan_ring_listed(r)) // place is a node, which names the block as long as it holds the message
		return place >= r->cap ||
		       atomic_load_explicit(&shmchan_list_node(r, place)->block, memory_order_acquire) != b;
	done = atomic_load_explicit(&r->ring->done, memory_order_acquire);
	return (int32_t)(place - (uint32_t)done) < 0;
}

static void check_nodes(struct checker *c, const struct shmchan_ring_ref *r)
{
	for (uint32_t i = 0; i < r->cap; i++) {
		_Atomic uint64_t *word = &shmchan_list_node(r, i)->word;
		uint64_t w = atomic_load_explicit(word, memory_order_acquire);
		enum shmchan_node_state state = shmchan_node_state(w);

		if (state != SHMCHAN_NODE_FREE && state != SHMCHAN_NODE_SENT && state != SHMCHAN_NODE_RETURNED &&
		    shmchan_map_gone(c->m, (shmchan_owner)w) && atomic_load(word) == w)
			shmchan_report(&c->to, r->name, "node %u is held by slot %u, incarnation %u, which is gone", i,
				 shmchan_owner_slot((shmchan_owner)w), shmchan_owner_inc((shmchan_owner)w));
	}
}

static void check_claims(struct checker *c, const struct shmchan_ring_ref *r)
{
	if (shmchan_ring_listed(r)) {
		check_nodes(c, r);
		return;
	}
	for (uint32_t i = 0; shmchan_ring_many(r) && i < r->cap; i++) {
		_Atomic uint64_t *word = &shmchan_ring_cell(r, i)->word;
		uint64_t w = atomic_load_explicit(word, memory_order_acquire);

		if (shmchan_cell_state(w) == SHMCHAN_CELL_CLAIMED &&
		    shmchan_map_gone(c->m, (shmchan_owner)w) && atomic_load(word) == w)
			shmchan_report(&c->to, r->name, "cell %u is claimed by slot %u, incarnation %u, which is gone",
				 i, shmchan_owner_slot((shmchan_owner)w),
				 shmchan_owner_inc((shmchan_owner)w));
	}
}

// What was sent after a list was looked at, by who has died since, is not in that look.
static bool completed(struct checker *c, const struct shmchan_ring_ref *r, shmchan_block b, uint64_t w)
{
	if (!shmchan_map_completed(c->m, &c->seen, r, b, w))
		return false;
	if (c->looks-- > 0)
		shmchan_chain_forget(&c->seen);
	return shmchan_map_completed(c->m, &c->seen, r, b, w);
}

static void check_sent(struct checker *c, const struct shmchan_pool_ref *p, uint32_t i, uint64_t w)
{
	const struct shmchan_ring_ref *r = shmchan_map_ring(c->m, shmchan_block_chan(w));

	if (!r) {
		shmchan_report(&c->to, p->name, "block %u is in a message of channel %u, which is none", i,
			 shmchan_block_chan(w));
		return;
	}
	if (completed(c, r, shmchan_block_make(p->pool_no, i), w) && atomic_load(&p->words[i].word) == w)
		shmchan_report(&c->to, p->name, "block %u is in a message of %s that is completed", i, r->name);
}

static void check_pool(struct checker *c, const struct shmchan_pool_ref *p)
{
	for (uint32_t i = 0; i < p->block_cnt; i++) {
		uint64_t w = atomic_load_explicit(&p->words[i].word, memory_order_acquire);

		switch (shmchan_block_state(w)) {
		case SHMCHAN_BLOCK_FREE:
			if (w)
				shmchan_report(&c->to, p->name, "block %u has the impossible word %016llx", i,
					 (unsigned long long)w);
			break;
		case SHMCHAN_BLOCK_OWNED:
		case SHMCHAN_BLOCK_CACHED:
			if (shmchan_map_gone(c->m, (shmchan_owner)w) && atomic_load(&p->words[i].word) == w)
				shmchan_report(&c->to, p->name,
					 "block %u is owned by slot %u, incarnation %u, which is gone", i,
					 shmchan_owner_slot((shmchan_owner)w),
					 shmchan_owner_inc((shmchan_owner)w));
			break;
		case SHMCHAN_BLOCK_KEPT:
			break;
		case SHMCHAN_BLOCK_SENT:
			check_sent(c, p, i, w);
			break;
		default:
			shmchan_report(&c->to, p->name, "block %u has the impossible word %016llx", i,
				 (unsigned long long)w);
		}
	}
}

int shmchan_map_check(const struct shmchan_map *m,
		      void (*report)(void *ctx, const char *object, const char *text), void *ctx)
{
	struct checker c = {.m = m, .to = {.report = report, .ctx = ctx}, .looks = LOOKS};

	if (!shmchan_seg_intact(&m->seg)) {
		shmchan_report(&c.to, m->group, "control segment was cut short while mapped");
		return (int)c.to.cnt;
	}
	for (uint32_t i = 0; i < m->cnt; i++) {
		const struct shmchan_map_entry *e = &m->entries[i];

		if (e->err) {
			shmchan_report(&c.to, e->why.object, "%s", e->why.text);
		} else if (!shmchan_seg_intact(&e->seg)) {
			shmchan_report(&c.to, e->name, "segment was cut short while mapped");
		} else if (e->kind == SHMCHAN_OBJ_RING) {
			shmchan_ring_check(&e->ring, &c.to);
			check_claims(&c, &e->ring);
			if (shmchan_ring_chained(&e->ring))
				shmchan_chain_check(&e->ring, m->pools, &c.to);
		} else if (e->kind == SHMCHAN_OBJ_POOL) {
			check_pool(&c, &e->pool);
		} else {
			shmchan_dead_check(&e->dead, &c.to);
		}
	}
	shmchan_chain_forget(&c.seen);
	return (int)c.to.cnt;
}
