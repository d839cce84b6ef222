#include "shmchan/ring.h"

#include <stdio.h>
#include <string.h>
#include "shmchan/list.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"

static uint32_t data_at(enum shmchan_kind kind)
{
	return kind == SHMCHAN_KIND_MPSC ? SHMCHAN_DATA_AT_MANY : SHMCHAN_DATA_AT_ONE;
}

static uint32_t stride_of(const struct shmchan_ring_params *p)
{
	return (uint32_t)shmchan_align(data_at(p->kind) + p->msg_size, 8);
}

static uint64_t exts_off(const struct shmchan_ring_params *p)
{
	return sizeof(struct shmchan_ring) + shmchan_align((uint64_t)p->cap * stride_of(p), SHMCHAN_LINE);
}

size_t shmchan_ring_footprint(const struct shmchan_ring_params *p)
{
	bool one = p->kind == SHMCHAN_KIND_SLOT || p->kind == SHMCHAN_KIND_SLOT_REF;

	if (p->kind < SHMCHAN_KIND_SLOT || p->kind > SHMCHAN_KIND_MPMC2 || p->cap < 1 ||
	    p->cap > SHMCHAN_CAPACITY_MAX || (one && p->cap != 1) || p->msg_size > SHMCHAN_MSG_MAX ||
	    p->on_crash > SHMCHAN_REDELIVER ||
	    (p->on_crash == SHMCHAN_REDELIVER && (p->max_deliveries < 1 || p->max_deliveries > 255)) ||
	    p->tally_cnt > SHMCHAN_TALLY_MAX || p->consumer >= SHMCHAN_SLOT_MAX)
		return 0;
	if (p->kind == SHMCHAN_KIND_MPSC_INTRUSIVE && p->msg_size > SHMCHAN_MSG_MAX_INTRUSIVE)
		return 0;
	if (shmchan_kind_listed(p->kind)) {
		uint64_t size = shmchan_list_footprint(p);

		return size ? sizeof(struct shmchan_ring) + size : 0;
	}
	return exts_off(p) + shmchan_align((uint64_t)p->cap * sizeof(struct shmchan_ext), SHMCHAN_LINE);
}

void shmchan_ring_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      const struct shmchan_ring_params *p)
{
	struct shmchan_ring *r = mem;

	shmchan_obj_new(&r->obj, SHMCHAN_OBJ_RING, shmchan_ring_footprint(p), group, group_tag, name, id);
	r->kind = p->kind;
	r->cap = p->cap;
	r->msg_size = p->msg_size;
	r->stride = shmchan_kind_listed(p->kind) ? shmchan_list_stride(p->msg_size) : stride_of(p);
	r->rx_cnt = p->rx_cnt ? p->rx_cnt : 1;
	r->on_crash = p->on_crash;
	r->max_deliveries = p->max_deliveries;
	r->tally_cnt = p->tally_cnt;
	r->consumer = p->consumer;
	r->alert_depth = p->alert_depth;
	atomic_init(&r->mark, p->alert_depth);
	atomic_init(&r->sample, SHMCHAN_PROBE_MASK_DEFAULT);
	// Record 0 counts from the start; all else, and the words of free cells, is right as zero.
	atomic_init(&r->tally[1].pos, SHMCHAN_TALLY_INVALID);
	if (shmchan_kind_listed(p->kind))
		shmchan_list_new(r, p);
	shmchan_obj_publish(&r->obj);
}

int shmchan_ring_join(struct shmchan_ring_ref *out, void *mem, size_t size, struct shmchan_why *why)
{
	struct shmchan_ring *r = mem;
	struct shmchan_ring_params p;
	char name[SHMCHAN_NAME_MAX];
	size_t need;
	int err = shmchan_obj_join(&r->obj, size, SHMCHAN_OBJ_RING, why);

	if (err)
		return err;
	if (size < sizeof(*r))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "ring", "%zu bytes", size);
	p = (struct shmchan_ring_params){.kind = (enum shmchan_kind)r->kind,
					 .cap = r->cap,
					 .msg_size = r->msg_size,
					 .on_crash = (enum shmchan_on_crash)r->on_crash,
					 .max_deliveries = r->max_deliveries,
					 .tally_cnt = r->tally_cnt,
					 .consumer = r->consumer,
					 .rx_cnt = r->rx_cnt};
	need = shmchan_ring_footprint(&p);
	snprintf(name, sizeof(name), "%.31s", r->obj.name);
	if (!need)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, name, "header values out of bounds");
	if (need > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, name, "segment has %zu bytes, %zu needed", size,
				    need);
	*out = (struct shmchan_ring_ref){.ring = r,
					 .cells = (char *)mem + sizeof(*r),
					 .exts = (void *)((char *)mem + exts_off(&p)),
					 .cap = p.cap,
					 .msg_size = p.msg_size,
					 .stride = stride_of(&p),
					 .data_at = data_at(p.kind),
					 .tally_cnt = p.tally_cnt,
					 .max_deliveries = p.max_deliveries,
					 .on_crash = p.on_crash,
					 .kind = p.kind,
					 .id = (uint16_t)r->obj.id,
					 .key = (uint64_t)r->obj.group_tag << 16 | (uint16_t)r->obj.id};
	memcpy(out->name, name, sizeof(name));
	out->rx_cnt = p.rx_cnt ? p.rx_cnt : 1;
	if (shmchan_ring_listed(out))
		shmchan_list_join(out);
	return 0;
}

bool shmchan_ring_cursor(const struct shmchan_ring_ref *r, uint64_t *done, uint64_t *taken)
{
	struct shmchan_stat st;

	if (shmchan_ring_listed(r)) {
		shmchan_list_stat(r, &st);
		*done = st.done;
		*taken = st.dequeued;
		return true;
	}
	// done first: a live consumer moves taken first, so that the pair never looks impossible.
	*done = atomic_load_explicit(&r->ring->done, memory_order_acquire);
	*taken = atomic_load_explicit(&r->ring->taken, memory_order_acquire);
	if (*taken - *done <= r->cap)
		return true;
	// A live consumer may have gone round between the two loads; a second reading decides.
	*done = atomic_load_explicit(&r->ring->done, memory_order_acquire);
	*taken = atomic_load_explicit(&r->ring->taken, memory_order_acquire);
	if (*taken - *done <= r->cap)
		return true;
	*taken = *done;
	return false;
}

uint64_t shmchan_ring_pos(const struct shmchan_ring_ref *r, uint32_t i, uint64_t word)
{
	uint64_t lap = atomic_load_explicit(&r->ring->done, memory_order_relaxed) / r->cap;

	return (lap + (uint64_t)(int64_t)shmchan_cell_ahead(word, lap)) * r->cap + i;
}

// Has the cell been published (spsc) or claimed (mpsc) for the lap `lap`?
static bool passed(const struct shmchan_ring_ref *r, uint32_t i, uint64_t lap)
{
	uint64_t w = atomic_load_explicit(&shmchan_ring_cell(r, i)->word, memory_order_acquire);
	int32_t ahead;

	if (!shmchan_ring_many(r))
		return shmchan_seq_ahead(w, lap) >= 0;
	ahead = shmchan_cell_ahead(w, lap);
	return ahead > 0 || (ahead == 0 && shmchan_cell_state(w) != SHMCHAN_CELL_FREE);
}

// In [done, done + cap], whatever the cells say.
static uint64_t tail_from(const struct shmchan_ring_ref *r, uint64_t done)
{
	uint64_t pos = done, lap = pos / r->cap;
	uint32_t i = (uint32_t)(pos % r->cap);

	while (pos - done < r->cap && passed(r, i, lap)) {
		pos++;
		if (++i == r->cap) {
			i = 0;
			lap++;
		}
	}
	return pos;
}

uint64_t shmchan_ring_written(const struct shmchan_ring_ref *r)
{
	uint64_t done, taken;

	shmchan_ring_cursor(r, &done, &taken);
	return tail_from(r, done);
}

uint64_t shmchan_ring_tail(const struct shmchan_ring_ref *r)
{
	if (shmchan_ring_listed(r))
		return shmchan_list_pushed(r);
	return shmchan_ring_chained(r) ? shmchan_chain_pushed(r) : shmchan_ring_written(r);
}

bool shmchan_ring_published(const struct shmchan_ring_ref *r, uint64_t pos, shmchan_owner owner)
{
	uint32_t i = (uint32_t)(pos % r->cap);
	uint64_t w;

	if (shmchan_ring_listed(r)) // pos names the node
		return pos < r->cap &&
		       atomic_load_explicit(&shmchan_list_node(r, i)->word, memory_order_acquire) !=
			       shmchan_node_word(SHMCHAN_NODE_CLAIMED, owner, 0);
	w = atomic_load_explicit(&shmchan_ring_cell(r, i)->word, memory_order_acquire);
	if (!shmchan_ring_many(r))
		return shmchan_seq_ahead(w, pos / r->cap) >= 0;
	return w != shmchan_cell_word(pos / r->cap, SHMCHAN_CELL_CLAIMED, owner);
}

void shmchan_ring_head(const struct shmchan_ring_ref *r, uint64_t pos, struct shmchan_head *out)
{
	uint32_t i = (uint32_t)(pos % r->cap);
	const struct shmchan_cell *c = shmchan_ring_cell(r, i);
	const struct shmchan_ext *e = &r->exts[i];
	// Acquire: pairs with the producer's release of the word. Relaxed: ordered by the word.
	uint64_t word = atomic_load_explicit(&c->word, memory_order_acquire);
	uint64_t desc = shmchan_ring_many(r) ? atomic_load_explicit(&c->desc, memory_order_relaxed) : word;

	*out = (struct shmchan_head){.type = shmchan_desc_type(desc),
				     .len = shmchan_desc_len(desc),
				     .sender = shmchan_ring_many(r) ? (shmchan_owner)word : e->sender};
	if (!out->sender)
		out->sender = (shmchan_owner)(desc >> 38);
	if (!(desc & SHMCHAN_DESC_EXT))
		return;
	out->corr = e->corr;
	out->reply = e->reply;
	out->sender = e->sender;
	out->block = atomic_load_explicit(&e->block, memory_order_relaxed);
	out->deliveries = atomic_load_explicit(&e->deliveries, memory_order_relaxed);
}

void shmchan_ring_deliver_again(const struct shmchan_ring_ref *r, uint64_t pos)
{
	uint32_t i = (uint32_t)(pos % r->cap);
	struct shmchan_cell *c = shmchan_ring_cell(r, i);
	struct shmchan_ext *e = &r->exts[i];
	_Atomic uint64_t *at = shmchan_ring_many(r) ? &c->desc : &c->word;
	uint64_t desc = atomic_load_explicit(at, memory_order_relaxed);

	if (desc & SHMCHAN_DESC_EXT) {
		atomic_store_explicit(&e->deliveries,
				      (uint16_t)(atomic_load_explicit(&e->deliveries, memory_order_relaxed) + 1),
				      memory_order_relaxed);
		return;
	}
	if (shmchan_ring_many(r))
		e->sender = (shmchan_owner)atomic_load_explicit(&c->word, memory_order_relaxed);
	e->corr = 0;
	e->reply = 0;
	atomic_store_explicit(&e->block, SHMCHAN_NO_BLOCK, memory_order_relaxed);
	atomic_store_explicit(&e->deliveries, 1, memory_order_relaxed);
	// Dying before it leaves a message without an extension, as it was. Release: the extension is complete.
	atomic_store_explicit(at, desc | SHMCHAN_DESC_EXT, memory_order_release);
}

unsigned shmchan_tally_current(const struct shmchan_tally *t, uint64_t done)
{
	uint64_t a = atomic_load_explicit(&t[0].pos, memory_order_acquire);
	uint64_t b = atomic_load_explicit(&t[1].pos, memory_order_acquire);

	if (a > done)
		return 1;
	return b <= done && b > a ? 1 : 0;
}

void shmchan_tally_read(const struct shmchan_tally *two, const _Atomic uint64_t *now,
			uint64_t v[SHMCHAN_TALLY_ALL])
{
	// Bounded: a reader that is always overtaken gets counters of neighbouring positions.
	for (int tries = 0; tries < 16; tries++) {
		uint64_t done = atomic_load_explicit(now, memory_order_acquire);
		const struct shmchan_tally *t = &two[shmchan_tally_current(two, done)];
		uint64_t pos = atomic_load_explicit(&t->pos, memory_order_acquire);

		for (int i = 0; i < SHMCHAN_TALLY_ALL; i++)
			v[i] = atomic_load_explicit(&t->v[i], memory_order_relaxed);
		// Keeps the second look at pos behind the counters, as a seqlock's reader does.
		atomic_thread_fence(memory_order_acquire);
		if (pos <= done && atomic_load_explicit(&t->pos, memory_order_relaxed) == pos)
			return;
	}
}

void shmchan_ring_tally(const struct shmchan_ring_ref *r, uint64_t v[SHMCHAN_TALLY_ALL])
{
	if (shmchan_ring_listed(r))
		shmchan_list_tally(r, v);
	else
		shmchan_tally_read(r->ring->tally, &r->ring->done, v);
}

void shmchan_ring_stat(const struct shmchan_ring_ref *r, struct shmchan_stat *out)
{
	uint64_t v[SHMCHAN_TALLY_ALL], done, taken, pos, lap, tail, voids = 0, full = 0;
	uint32_t i;

	if (shmchan_ring_listed(r)) {
		shmchan_list_stat(r, out);
		return;
	}
	shmchan_ring_cursor(r, &done, &taken);
	shmchan_ring_tally(r, v);
	if (!shmchan_ring_many(r)) {
		tail = shmchan_ring_chained(r) ? shmchan_chain_pushed(r)
					       : atomic_load_explicit(&r->ring->tail, memory_order_acquire);
		if (tail - taken > r->cap)
			tail = taken;
		while (tail - done < r->cap && passed(r, (uint32_t)(tail % r->cap), tail / r->cap))
			tail++;
		full = tail - taken;
	} else {
		pos = done;
		i = (uint32_t)(pos % r->cap);
		lap = pos / r->cap;
		for (; pos - done < r->cap && passed(r, i, lap); pos++) {
			uint64_t w =
				atomic_load_explicit(&shmchan_ring_cell(r, i)->word, memory_order_relaxed);
			bool here = shmchan_cell_ahead(w, lap) == 0;

			if (pos < taken)
				voids += here && shmchan_cell_state(w) == SHMCHAN_CELL_ABORTED;
			else
				full += !here || shmchan_cell_state(w) == SHMCHAN_CELL_FULL;
			if (++i == r->cap) {
				i = 0;
				lap++;
			}
		}
	}
	*out = (struct shmchan_stat){
		.enqueued = taken - v[SHMCHAN_TALLY_SKIPPED] - voids + full,
		.dequeued = taken - v[SHMCHAN_TALLY_SKIPPED] - voids,
		.done = done - v[SHMCHAN_TALLY_SKIPPED],
		.depth = full,
		.in_flight = taken - voids - done,
		.dead = v[SHMCHAN_TALLY_DEAD],
		.dropped = v[SHMCHAN_TALLY_DROPPED],
		.bad = v[SHMCHAN_TALLY_BAD],
		.aborted = atomic_load_explicit(&r->ring->aborted, memory_order_relaxed),
		.full = atomic_load_explicit(&r->ring->full, memory_order_relaxed),
		.high_water = atomic_load_explicit(&r->ring->high_water, memory_order_relaxed),
		.capacity = r->cap,
	};
}

void shmchan_tally_complete(struct shmchan_tally *t, uint64_t done, bool answered, int own)
{
	unsigned cur = shmchan_tally_current(t, done);
	const struct shmchan_tally *from = &t[cur];
	struct shmchan_tally *to = &t[1 - cur];

	// Relaxed: the consumer is dead, and what readers of the tally need is ordered by `pos` and `done` (release).
	if (answered && atomic_load_explicit(&to->pos, memory_order_relaxed) == done + 1)
		return;
	atomic_store_explicit(&to->pos, SHMCHAN_TALLY_INVALID, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (int i = 0; i < SHMCHAN_TALLY_ALL; i++) {
		uint64_t v = atomic_load_explicit(&from->v[i], memory_order_relaxed);

		atomic_store_explicit(&to->v[i], v + (i == own), memory_order_relaxed);
	}
	// Dying here leaves a record that counts for nobody, since done is not yet done + 1.
	atomic_store_explicit(&to->pos, done + 1, memory_order_release);
}

void shmchan_tally_rewind(struct shmchan_tally *t, uint64_t done)
{
	// Relaxed: written by who has the receiving end; readers are held off by pos itself.
	for (unsigned i = 0; i < 2; i++)
		if (atomic_load_explicit(&t[i].pos, memory_order_relaxed) > done)
			atomic_store_explicit(&t[i].pos, SHMCHAN_TALLY_INVALID, memory_order_relaxed);
}

void shmchan_ring_complete(const struct shmchan_ring_ref *r, uint64_t done, bool answered, int own)
{
	shmchan_tally_complete(r->ring->tally, done, answered, own);
	atomic_store_explicit(&r->ring->done, done + 1, memory_order_release);
	if (shmchan_ring_many(r))
		// Pairs with the producers' acquire. Dying before it leaves a cell that recovery of the consumer frees.
		atomic_store_explicit(&shmchan_ring_cell(r, (uint32_t)(done % r->cap))->word,
				      shmchan_cell_word(done / r->cap + 1, SHMCHAN_CELL_FREE, 0),
				      memory_order_release);
	else
		atomic_store_explicit(&r->ring->head, done + 1, memory_order_release);
}

static bool full_at(const struct shmchan_ring_ref *r, uint64_t pos, uint64_t w)
{
	if (!shmchan_ring_many(r))
		return shmchan_seq_ahead(w, pos / r->cap) == 0;
	return shmchan_cell_ahead(w, pos / r->cap) == 0 && shmchan_cell_state(w) == SHMCHAN_CELL_FULL;
}

bool shmchan_ring_holds(const struct shmchan_ring_ref *r, uint64_t pos)
{
	const struct shmchan_cell *c = shmchan_ring_cell(r, (uint32_t)(pos % r->cap));

	return full_at(r, pos, atomic_load_explicit(&c->word, memory_order_acquire));
}

// In every cell between tail and done + cap stands an older lap, or a claim, never a message. One is enough to tell.
static void check_free(const struct shmchan_ring_ref *r, uint64_t done, uint64_t tail, struct shmchan_reporter *to)
{
	for (uint64_t pos = tail; pos - done < r->cap; pos++) {
		uint32_t i = (uint32_t)(pos % r->cap);
		uint64_t w = atomic_load_explicit(&shmchan_ring_cell(r, i)->word, memory_order_acquire);

		if (!full_at(r, pos, w))
			continue;
		if (atomic_load_explicit(&r->ring->done, memory_order_acquire) != done)
			return;
		// Producers run on: is the cell that was free still free?
		while (tail != pos && passed(r, (uint32_t)(tail % r->cap), tail / r->cap))
			tail++;
		if (tail == pos)
			continue;
		shmchan_report(to, r->name, "message at %llu behind a free cell", (unsigned long long)pos);
		return;
	}
}

static void check_len(const struct shmchan_ring_ref *r, uint64_t pos, struct shmchan_reporter *to)
{
	const struct shmchan_cell *c = shmchan_ring_cell(r, (uint32_t)(pos % r->cap));
	uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);
	uint32_t len =
		shmchan_desc_len(shmchan_ring_many(r) ? atomic_load_explicit(&c->desc, memory_order_relaxed) : w);

	if (full_at(r, pos, w) && len > r->msg_size && atomic_load_explicit(&c->word, memory_order_acquire) == w)
		shmchan_report(to, r->name, "message at %llu says %u bytes, a cell has %u", (unsigned long long)pos,
			       len, r->msg_size);
}

void shmchan_ring_check(const struct shmchan_ring_ref *r, struct shmchan_reporter *to)
{
	uint64_t done, taken, head, tail;

	if (shmchan_ring_listed(r)) {
		shmchan_list_check(r, to);
		return;
	}
	if (!shmchan_ring_cursor(r, &done, &taken)) {
		shmchan_report(to, r->name, "done %llu and taken %llu can't both be true",
			       (unsigned long long)atomic_load(&r->ring->done),
			       (unsigned long long)atomic_load(&r->ring->taken));
		return;
	}
	head = atomic_load_explicit(&r->ring->head, memory_order_acquire);
	if (!shmchan_ring_many(r) && head > atomic_load_explicit(&r->ring->done, memory_order_acquire))
		shmchan_report(to, r->name, "head %llu is past done", (unsigned long long)head);
	// Everything below counts from this one reading of done, so that it ends whatever is written meanwhile.
	tail = tail_from(r, done);
	if (tail - done < taken - done && atomic_load_explicit(&r->ring->taken, memory_order_acquire) == taken)
		shmchan_report(to, r->name, "taken %llu is past the newest published message %llu",
			       (unsigned long long)taken, (unsigned long long)tail);
	if (shmchan_ring_many(r))
		check_free(r, done, tail, to);
	for (uint64_t pos = done; pos != tail; pos++)
		check_len(r, pos, to);
}
