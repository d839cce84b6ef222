#include "shmchan/view.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include "shmchan/view_priv.h"
#include "shmchan/list.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"

struct finder {
	void (*f)(void *ctx, const char *name);
	void *ctx;
	int cnt;
};

static void found(void *ctx, const char *group, const char *object)
{
	struct finder *s = ctx;

	if (object)
		return;
	s->f(s->ctx, group);
	s->cnt++;
}

int shmchan_view_groups(void (*f)(void *ctx, const char *name), void *ctx)
{
	struct finder s = {f, ctx, 0};
	int err = shmchan_seg_each(NULL, found, &s);

	return err ? err : s.cnt;
}

int shmchan_view_open(struct shmchan_view **out, const char *group, struct shmchan_why *why)
{
	struct shmchan_view *v = calloc(1, sizeof(*v));
	int err;

	*out = NULL;
	if (!v)
		return shmchan_fail(why, SHMCHAN_ENOMEM, 0, group, "%zu bytes", sizeof(*v));
	err = shmchan_map_open(&v->m, group, false, why);
	if (err) {
		free(v);
		return err;
	}
	for (uint32_t i = 0; i < v->m.cnt; i++) {
		v->chan_cnt += v->m.entries[i].kind == SHMCHAN_OBJ_RING;
		v->pool_cnt += v->m.entries[i].kind == SHMCHAN_OBJ_POOL;
	}
	*out = v;
	return 0;
}

void shmchan_view_close(struct shmchan_view *v)
{
	if (!v)
		return;
	shmchan_map_close(&v->m);
	free(v);
}

void shmchan_view_group(const struct shmchan_view *v, struct shmchan_view_group *out)
{
	const struct shmchan_ctl *c = v->m.c.ctl;

	*out = (struct shmchan_view_group){.broker_pid = (pid_t)atomic_load(&c->broker_pid),
					   .broker_alive = shmchan_map_broker_alive(&v->m),
					   .created_ns = c->created_ns,
					   .proc_cnt = v->m.c.proc_cnt - 1,
					   .chan_cnt = v->chan_cnt,
					   .pool_cnt = v->pool_cnt,
					   .layout_version = c->obj.version,
					   .group_tag = c->obj.group_tag};
	snprintf(out->name, sizeof(out->name), "%s", v->m.group);
}

int shmchan_view_proc(const struct shmchan_view *v, unsigned i, struct shmchan_view_proc *out)
{
	const struct shmchan_ctl_proc *p;
	uint64_t life, pid;

	if (i >= v->m.c.proc_cnt - 1)
		return SHMCHAN_ENOENT;
	p = &v->m.c.procs[i + 1];
	life = atomic_load_explicit(&p->life, memory_order_acquire);
	pid = atomic_load_explicit(&p->pid, memory_order_acquire);
	*out = (struct shmchan_view_proc){
		.slot = i + 1,
		.incarnation = (uint32_t)life,
		.state = shmchan_life_state(life),
		.pid = pid <= INT32_MAX ? (pid_t)pid : 0,
		.start_time = atomic_load_explicit(&p->start_time, memory_order_relaxed),
		.ready = (uint32_t)life &&
			 atomic_load_explicit(&p->ready, memory_order_acquire) == (uint32_t)life,
		.beat = atomic_load_explicit(&p->beat, memory_order_relaxed),
		.asleep = atomic_load_explicit(&p->bell, memory_order_relaxed) & SHMCHAN_BELL_ASLEEP,
	};
	out->spare = atomic_load_explicit(&p->spare, memory_order_acquire);
	pid = out->spare ? atomic_load_explicit(&p->spare_pid, memory_order_acquire) : 0;
	out->spare_pid = pid <= INT32_MAX ? (pid_t)pid : 0;
	out->spare_waits = out->spare &&
			   atomic_load_explicit(&p->spare_waits, memory_order_acquire) == out->spare;
	out->spare_alive =
		out->spare_pid && shmchan_start_time(out->spare_pid) ==
					  atomic_load_explicit(&p->spare_start, memory_order_relaxed); // stored before the pid
	out->alive = out->pid && out->start_time && shmchan_start_time(out->pid) == out->start_time;
	snprintf(out->name, sizeof(out->name), "%.31s", p->name);
	return 0;
}

int shmchan_view_nth(const struct shmchan_view *v, enum shmchan_obj_kind kind, unsigned i)
{
	for (uint32_t e = 0; e < v->m.cnt; e++)
		if (v->m.entries[e].kind == kind && i-- == 0)
			return (int)e;
	return -1;
}

// Is what that process asked for still there without it?
static bool left_by(uint64_t holder)
{
	return holder != 0 && (uint32_t)shmchan_start_time((pid_t)(holder >> 32)) != (uint32_t)holder;
}

// Relaxed: hints to the next message.
static void fill_hints(const struct shmchan_ring *ring, struct shmchan_view_chan *out)
{
	uint32_t word = atomic_load_explicit(&ring->sample, memory_order_relaxed);

	out->sample_mask = SHMCHAN_PROBE_MASK(word);
	out->sample_fixed = word & SHMCHAN_PROBE_FIXED;
	out->sample_orphan =
		out->sample_fixed && left_by(atomic_load_explicit(&ring->sampler, memory_order_relaxed));
	out->alert_depth = ring->alert_depth;
	out->mark = atomic_load_explicit(&ring->mark, memory_order_relaxed);
	out->mark_orphan = left_by(atomic_load_explicit(&ring->marker, memory_order_relaxed));
}

int shmchan_view_chan(const struct shmchan_view *v, unsigned i, struct shmchan_view_chan *out)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_RING, i);
	uint64_t tally[SHMCHAN_TALLY_ALL];
	const struct shmchan_ring_ref *r;

	*out = (struct shmchan_view_chan){0};
	if (e < 0)
		return SHMCHAN_ENOENT;
	snprintf(out->name, sizeof(out->name), "%.31s", v->m.c.entries[e].name);
	out->id = (uint16_t)(e + 1);
	if (v->m.entries[e].err)
		return v->m.entries[e].err;
	r = &v->m.entries[e].ring;
	out->kind = r->kind;
	out->on_crash = r->on_crash;
	out->capacity = r->cap;
	out->msg_size = r->msg_size;
	out->max_deliveries = r->max_deliveries;
	out->tally_cnt = r->tally_cnt;
	fill_hints(r->ring, out);
	shmchan_ring_tally(r, tally);
	for (unsigned t = 0; t < r->tally_cnt; t++) {
		snprintf(out->tally_name[t], sizeof(out->tally_name[t]), "%.31s",
			 v->m.c.entries[e].tally_name[t]);
		out->tally[t] = tally[SHMCHAN_TALLY_OWN + t];
	}
	shmchan_ring_stat(r, &out->stat);
	return 0;
}

// Opens the channel's segment for writing; *ring, until the segment is closed.
static int open_hints(const struct shmchan_view *v, unsigned i, struct shmchan_seg *seg, struct shmchan_ring **ring)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_RING, i), err;
	struct shmchan_ring_ref r;

	if (e < 0)
		return SHMCHAN_ENOENT;
	if (v->m.entries[e].err)
		return v->m.entries[e].err;
	err = shmchan_seg_open(seg, v->m.group, v->m.entries[e].ring.name, true, NULL);
	if (err)
		return err;
	err = shmchan_ring_join(&r, seg->base, seg->size, NULL);
	if (err)
		shmchan_seg_close(seg);
	*ring = r.ring;
	return err;
}

static uint64_t holder_word(pid_t holder)
{
	return holder ? (uint64_t)holder << 32 | (uint32_t)shmchan_start_time(holder) : 0;
}

int shmchan_view_sample(const struct shmchan_view *v, unsigned i, uint32_t every, pid_t holder)
{
	uint32_t word = every ? (every - 1) | SHMCHAN_PROBE_FIXED : SHMCHAN_PROBE_MASK_DEFAULT;
	struct shmchan_ring *ring;
	struct shmchan_seg seg;
	int err;

	if (every > SHMCHAN_PROBE_EVERY_MAX || (every & (every - 1)) != 0)
		return SHMCHAN_EINVAL;
	err = open_hints(v, i, &seg, &ring);
	if (err)
		return err;
	// Relaxed, as in shmchan_view_mark: hints to the next message and to tools.
	atomic_store_explicit(&ring->sampler, holder_word(holder), memory_order_relaxed);
	atomic_store_explicit(&ring->sample, word, memory_order_relaxed);
	shmchan_seg_close(&seg);
	return 0;
}

int shmchan_view_mark(const struct shmchan_view *v, unsigned i, uint32_t depth, pid_t holder)
{
	struct shmchan_ring *ring;
	struct shmchan_seg seg;
	int err = open_hints(v, i, &seg, &ring);

	if (err)
		return err;
	atomic_store_explicit(&ring->marker, holder_word(holder), memory_order_relaxed);
	atomic_store_explicit(&ring->mark, depth ? depth : ring->alert_depth, memory_order_relaxed);
	atomic_store_explicit(&ring->marked, 0, memory_order_relaxed);
	shmchan_seg_close(&seg);
	return 0;
}

int shmchan_view_chan_peers(const struct shmchan_view *v, unsigned i, int end,
			    void (*f)(void *ctx, const char *name, unsigned slot), void *ctx)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_RING, i), cnt = 0;
	char name[SHMCHAN_NAME_MAX];

	if (e < 0)
		return SHMCHAN_ENOENT;
	for (unsigned slot = 1; slot < v->m.c.proc_cnt; slot++) {
		const struct shmchan_ctl_entry *entry = &v->m.c.entries[e];

		if (!shmchan_slot_in(end == SHMCHAN_TX ? entry->producers : entry->consumers, slot))
			continue;
		snprintf(name, sizeof(name), "%.31s", v->m.c.procs[slot].name);
		f(ctx, name, slot);
		cnt++;
	}
	return cnt;
}

static void copy(const struct shmchan_ring_ref *r, const struct shmchan_head *head, const void *data, uint64_t pos,
		 struct shmchan_view_msg *out, void *buf, size_t size)
{
	*out = (struct shmchan_view_msg){.pos = pos,
					 .corr = head->corr,
					 .type = head->type,
					 .reply = head->reply,
					 .len = head->len,
					 .sender_slot = shmchan_owner_slot(head->sender),
					 .sender_incarnation = shmchan_owner_inc(head->sender),
					 .deliveries = head->deliveries,
					 .block = head->block};
	out->bytes = out->len < r->msg_size ? out->len : r->msg_size;
	out->bytes = out->bytes < size ? out->bytes : (uint32_t)size;
	if (out->bytes) // a caller that wants none may have no buffer
		memcpy(buf, data, out->bytes);
}

void shmchan_view_copy(const struct shmchan_ring_ref *r, uint64_t pos, struct shmchan_view_msg *out, void *buf,
		       size_t size)
{
	struct shmchan_head head;

	shmchan_ring_head(r, pos, &head);
	copy(r, &head, shmchan_ring_data(r, shmchan_ring_cell(r, (uint32_t)(pos % r->cap))), pos, out, buf, size);
}

void shmchan_view_copy_node(const struct shmchan_ring_ref *r, uint32_t i, uint64_t pos, struct shmchan_view_msg *out,
			    void *buf, size_t size)
{
	const struct shmchan_node *n = shmchan_list_node(r, i);
	struct shmchan_head head;

	shmchan_list_head(n, &head);
	copy(r, &head, n->data, pos, out, buf, size);
}

int shmchan_view_copy_link(const struct shmchan_view *v, const struct shmchan_ring_ref *r, uint64_t pos,
			   struct shmchan_view_msg *out, void *buf, size_t size)
{
	shmchan_block b, again;
	const struct shmchan_pool_link *l = shmchan_chain_find(r, v->m.pools, pos, &b);
	struct shmchan_head head;

	if (!l)
		return SHMCHAN_EMPTY;
	shmchan_chain_head(l, b, &head);
	copy(r, &head, l->data, pos, out, buf, size);
	// Pairs with the release fence of who fills the link again, in mpsc_intrusive.c: if any of that was copied, its
	// ticket is another.
	atomic_thread_fence(memory_order_acquire);
	return shmchan_chain_find(r, v->m.pools, pos, &again) == l && again == b ? 0 : SHMCHAN_EMPTY;
}

// Those taken first, by position, given back ones among them, then what is queued.
static int view_node(const struct shmchan_ring_ref *r, uint32_t k, struct shmchan_view_msg *out, void *buf,
		     size_t size)
{
	bool in_flight;
	uint64_t pos, w;
	uint32_t i = shmchan_list_nth(r, k, &pos, &in_flight);
	const struct shmchan_node *n;

	if (i == SHMCHAN_LIST_NONE)
		return SHMCHAN_ENOENT;
	n = shmchan_list_node(r, i);
	// Acquire: pairs with the producer's release of the node.
	w = atomic_load_explicit(&n->word, memory_order_acquire);
	if (shmchan_node_state(w) < SHMCHAN_NODE_SENT)
		return SHMCHAN_EMPTY;
	shmchan_view_copy_node(r, i, pos, out, buf, size);
	out->in_flight = in_flight;
	out->taker_slot = in_flight ? shmchan_owner_slot((shmchan_owner)w) : 0;
	// It may have been taken meanwhile, and is still what it was; or freed: then what was copied may be of two messages.
	atomic_thread_fence(memory_order_acquire);
	w = atomic_load_explicit(&n->word, memory_order_relaxed);
	return shmchan_node_state(w) >= SHMCHAN_NODE_SENT ? 0 : SHMCHAN_EMPTY;
}

int shmchan_view_msg(const struct shmchan_view *v, unsigned i, uint32_t k, struct shmchan_view_msg *out,
		     void *buf, size_t size)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_RING, i);
	const struct shmchan_ring_ref *r;
	uint64_t done, taken, pos;

	*out = (struct shmchan_view_msg){0};
	if (e < 0 || v->m.entries[e].err)
		return e < 0 ? SHMCHAN_ENOENT : v->m.entries[e].err;
	r = &v->m.entries[e].ring;
	if (shmchan_ring_listed(r))
		return view_node(r, k, out, buf, size);
	if (!shmchan_ring_cursor(r, &done, &taken))
		return SHMCHAN_ECORRUPT;
	pos = done + k;
	if (k >= r->cap || pos >= shmchan_ring_tail(r))
		return SHMCHAN_ENOENT;
	if (!shmchan_ring_holds(r, pos))
		return shmchan_ring_chained(r) ? shmchan_view_copy_link(v, r, pos, out, buf, size) : SHMCHAN_EMPTY;
	shmchan_view_copy(r, pos, out, buf, size);
	out->in_flight = pos < taken;
	out->taker_slot = out->in_flight ? r->ring->consumer : 0;
	// A producer may write the cell again only after done has passed it: then what was copied may be of two messages.
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&r->ring->done, memory_order_relaxed) <= pos ? 0 : SHMCHAN_EMPTY;
}

static const struct shmchan_pool_ref *pool_at(const struct shmchan_view *v, unsigned i, struct shmchan_view_pool *out,
					      int *err)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_POOL, i);

	*out = (struct shmchan_view_pool){0};
	*err = e < 0 ? SHMCHAN_ENOENT : v->m.entries[e].err;
	if (e < 0)
		return NULL;
	snprintf(out->name, sizeof(out->name), "%.31s", v->m.c.entries[e].name);
	return *err ? NULL : &v->m.entries[e].pool;
}

static void count_blocks(const struct shmchan_pool_ref *p, uint32_t first, uint32_t cnt, size_t block_size,
			 struct shmchan_view_pool *out)
{
	struct shmchan_pool_count n;

	shmchan_pool_count(p, first, cnt, &n);
	out->class_cnt = p->class_cnt;
	out->block_size = block_size;
	out->block_cnt = cnt;
	out->free = n.free;
	out->cached = n.cached;
	out->owned = n.owned;
	out->kept = n.kept;
	out->sent = n.sent;
}

int shmchan_view_pool(const struct shmchan_view *v, unsigned i, struct shmchan_view_pool *out)
{
	int err;
	const struct shmchan_pool_ref *p = pool_at(v, i, out, &err);

	if (p)
		count_blocks(p, 0, p->block_cnt, p->classes[p->class_cnt - 1].block_size, out);
	return err;
}

int shmchan_view_pool_class(const struct shmchan_view *v, unsigned i, unsigned c, struct shmchan_view_pool *out)
{
	int err;
	const struct shmchan_pool_ref *p = pool_at(v, i, out, &err);

	if (p && c >= p->class_cnt)
		return SHMCHAN_ENOENT;
	if (p)
		count_blocks(p, p->classes[c].first, p->classes[c].cnt, p->classes[c].block_size, out);
	return err;
}

// The account of `who` among *cnt, made if it is not there; NULL if there is no room for it.
static struct shmchan_view_account *account_of(struct shmchan_view_account *out, unsigned room, unsigned *cnt,
					       shmchan_owner who)
{
	for (unsigned i = 0; i < *cnt && i < room; i++)
		if (out[i].slot == shmchan_owner_slot(who) && out[i].incarnation == shmchan_owner_inc(who))
			return &out[i];
	if (*cnt >= room)
		return NULL;
	out[(*cnt)++] = (struct shmchan_view_account){.slot = shmchan_owner_slot(who),
						      .incarnation = shmchan_owner_inc(who)};
	return &out[*cnt - 1];
}

int shmchan_view_pool_accounts(const struct shmchan_view *v, unsigned i, struct shmchan_view_account *out,
			       unsigned room, unsigned *cnt)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_POOL, i);
	const struct shmchan_pool_ref *p;

	*cnt = 0;
	if (e < 0 || v->m.entries[e].err)
		return e < 0 ? SHMCHAN_ENOENT : v->m.entries[e].err;
	p = &v->m.entries[e].pool;
	for (uint32_t b = 0; b < p->block_cnt; b++) {
		uint64_t w = atomic_load_explicit(&p->words[b].word, memory_order_relaxed);
		enum shmchan_block_state state = shmchan_block_state(w);
		struct shmchan_view_account *a;

		if (state != SHMCHAN_BLOCK_OWNED && state != SHMCHAN_BLOCK_KEPT &&
		    state != SHMCHAN_BLOCK_CACHED)
			continue;
		a = account_of(out, room, cnt, (shmchan_owner)w);
		if (!a)
			continue;
		a->owned += state == SHMCHAN_BLOCK_OWNED;
		a->kept += state == SHMCHAN_BLOCK_KEPT;
		a->cached += state == SHMCHAN_BLOCK_CACHED;
		if (state != SHMCHAN_BLOCK_CACHED)
			a->bytes += shmchan_pool_class_of(p, b)->block_size;
	}
	return 0;
}

// What the word of a block in a message names; in mpsc-intrusive the link does, by the ticket of the one before.
static uint32_t pos_of(const struct shmchan_view *v, const struct shmchan_pool_ref *p, uint32_t b, uint64_t word)
{
	const struct shmchan_ring_ref *r = shmchan_map_ring(&v->m, shmchan_block_chan(word));

	if (!r || !shmchan_ring_chained(r))
		return (uint32_t)word;
	return SHMCHAN_TICKET(atomic_load_explicit(&p->links[b].prev, memory_order_relaxed));
}

int shmchan_view_block(const struct shmchan_view *v, unsigned i, uint32_t b, struct shmchan_view_block *out)
{
	int e = shmchan_view_nth(v, SHMCHAN_OBJ_POOL, i);
	uint64_t word;
	uint16_t chan;

	*out = (struct shmchan_view_block){0};
	if (e < 0 || v->m.entries[e].err)
		return e < 0 ? SHMCHAN_ENOENT : v->m.entries[e].err;
	if (b >= v->m.entries[e].pool.block_cnt)
		return SHMCHAN_ENOENT;
	word = atomic_load_explicit(&v->m.entries[e].pool.words[b].word, memory_order_acquire);
	switch (shmchan_block_state(word)) {
	case SHMCHAN_BLOCK_FREE:
		break;
	case SHMCHAN_BLOCK_OWNED:
	case SHMCHAN_BLOCK_KEPT:
	case SHMCHAN_BLOCK_CACHED:
		out->state = shmchan_block_state(word) == SHMCHAN_BLOCK_KEPT     ? SHMCHAN_VIEW_KEPT
			     : shmchan_block_state(word) == SHMCHAN_BLOCK_CACHED ? SHMCHAN_VIEW_CACHED
										 : SHMCHAN_VIEW_OWNED;
		out->slot = shmchan_owner_slot((shmchan_owner)word);
		out->incarnation = shmchan_owner_inc((shmchan_owner)word);
		if (out->state == SHMCHAN_VIEW_KEPT)
			out->tag = atomic_load_explicit(&v->m.entries[e].pool.words[b].tag,
							memory_order_relaxed);
		break;
	case SHMCHAN_BLOCK_SENT:
		out->state = SHMCHAN_VIEW_SENT;
		chan = shmchan_block_chan(word);
		out->pos = pos_of(v, &v->m.entries[e].pool, b, word);
		if (chan >= 1 && chan <= v->m.cnt)
			snprintf(out->channel, sizeof(out->channel), "%s", v->m.entries[chan - 1].name);
		break;
	default:
		return SHMCHAN_ECORRUPT;
	}
	return 0;
}

uint64_t shmchan_view_dead_cnt(const struct shmchan_view *v, uint32_t *kept)
{
	uint64_t cnt = v->m.dead ? atomic_load_explicit(&v->m.dead->shm->cnt, memory_order_acquire) : 0;

	if (kept)
		*kept = v->m.dead ? shmchan_dead_kept(v->m.dead, cnt) : 0;
	return cnt;
}

int shmchan_view_dead(const struct shmchan_view *v, uint64_t no, struct shmchan_view_dead *out)
{
	const struct shmchan_dead_entry *e;
	unsigned slot;
	uint16_t chan;

	*out = (struct shmchan_view_dead){0};
	if (!v->m.dead || no == 0)
		return SHMCHAN_ENOENT;
	e = shmchan_dead_entry(v->m.dead, no);
	// Acquire: pairs with the release in shmchan_dead_write; checked again below, as a seqlock's reader does.
	if (atomic_load_explicit(&e->no, memory_order_acquire) != no)
		return SHMCHAN_ENOENT;
	slot = shmchan_owner_slot(e->receiver);
	*out = (struct shmchan_view_dead){
		.no = no,
		.pos = e->pos,
		.corr = e->corr,
		.type = e->type,
		.reply = e->reply,
		.len = e->len,
		.bytes = e->bytes,
		.data = e->data,
		.sender_slot = shmchan_owner_slot(e->sender),
		.sender_incarnation = shmchan_owner_inc(e->sender),
		.slot = slot,
		.incarnation = shmchan_owner_inc(e->receiver),
		.pid = e->pid,
		.code = e->code,
		.status = e->status,
		.time_ns = e->time_ns,
		.deliveries = e->deliveries,
		.had_block = e->had_block,
		.parked = atomic_load_explicit(&e->parked, memory_order_relaxed) != 0,
		.answer = (int)atomic_load_explicit(&e->answer, memory_order_relaxed)};
	chan = atomic_load_explicit((const _Atomic uint16_t *)&e->chan, memory_order_relaxed);
	if (chan >= 1 && chan <= v->m.cnt)
		snprintf(out->channel, sizeof(out->channel), "%s", v->m.entries[chan - 1].name);
	if (slot < v->m.c.proc_cnt)
		snprintf(out->receiver, sizeof(out->receiver), "%.31s", v->m.c.procs[slot].name);
	if (out->bytes > v->m.dead->bytes ||
	    atomic_load_explicit(&e->gone, memory_order_relaxed) != SHMCHAN_LETTER_KEPT)
		return SHMCHAN_ENOENT;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&e->no, memory_order_relaxed) == no ? 0 : SHMCHAN_ENOENT;
}

int shmchan_view_check(const struct shmchan_view *v,
		       void (*report)(void *ctx, const char *object, const char *text), void *ctx)
{
	return shmchan_map_check(&v->m, report, ctx);
}
