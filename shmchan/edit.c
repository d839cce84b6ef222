#include "shmchan/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "shmchan/broker_priv.h"
#include "shmchan/list_chan.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"

// ------------------------------------------------------------------------------------------------ who is there

static bool slot_rests(const struct shmchan_broker *b, unsigned slot)
{
	uint64_t life = atomic_load_explicit(&b->map.c.procs[slot].life, memory_order_acquire);

	return shmchan_life_state(life) == SHMCHAN_PROC_FREE;
}

// The first service of the set that has a process, or is about to; 0 if none has.
static unsigned who_runs(const struct shmchan_broker *b, const uint64_t set[SHMCHAN_SLOT_WORDS])
{
	for (unsigned slot = 1; slot < b->map.c.proc_cnt; slot++)
		if (shmchan_slot_in(set, slot) && !slot_rests(b, slot))
			return slot;
	return 0;
}

static int busy(const struct shmchan_broker *b, const struct shmchan_ring_ref *r, unsigned slot,
		const char *role, struct shmchan_why *why)
{
	return shmchan_fail(why, SHMCHAN_EBUSY, 0, r->name, "its %s %.31s runs; stop that first", role,
			    b->map.c.procs[slot].name);
}

static int find(const struct shmchan_broker *b, const char *channel, struct shmchan_ring_ref **out,
		struct shmchan_why *why)
{
	int e = shmchan_name_ok(channel) ? shmchan_ctl_find(&b->map.c, channel, SHMCHAN_OBJ_RING) : -1;

	*out = e < 0 ? NULL : shmchan_map_ring(&b->map, (uint16_t)(e + 1));
	if (*out)
		return 0;
	return shmchan_fail(why, e < 0 ? SHMCHAN_ENOENT : SHMCHAN_ECORRUPT, 0, channel ? channel : "",
			    e < 0 ? "the group has no such channel" : "its segment can't be used");
}

// ------------------------------------------------------------------------------------------------ sending

static int may_send(const struct shmchan_broker *b, const struct shmchan_ring_ref *r, struct shmchan_why *why)
{
	unsigned slot = shmchan_ring_several(r) ? 0 : who_runs(b, b->map.c.entries[r->id - 1].producers);

	return slot ? busy(b, r, slot, "producer", why) : 0;
}

// The broker's sending end. Of a channel with one writer it is closed again after each message (close_end): its next
// producer goes on from where the ring is then.
static int open_end(struct shmchan_broker *b, const struct shmchan_ring_ref *r, struct shmchan **out,
		    struct shmchan_why *why)
{
	*out = b->proc.by_id[r->id];
	return *out ? 0 : shmchan_open_entry(&b->proc, r->id - 1u, SHMCHAN_TX, false, out, why);
}

static void close_end(struct shmchan *tx)
{
	if (!tx->many)
		shmchan_close(tx);
}

// The pool as the broker's process has it, so that its blocks can be sent.
static struct shmchan_pool *own_pool(struct shmchan_broker *b, const char *name)
{
	int e = shmchan_name_ok(name) ? shmchan_ctl_find(&b->map.c, name, SHMCHAN_OBJ_POOL) : -1;
	struct shmchan_map_entry *entry = e < 0 ? NULL : &b->map.entries[e];
	struct shmchan_pool *pool;

	if (!entry || entry->err)
		return NULL;
	pool = b->proc.pools[entry->pool.pool_no];
	if (!pool && (pool = calloc(1, sizeof(*pool)))) {
		pool->ref = entry->pool; // of the broker's mapping, which lives longer
		pool->proc = &b->proc;
		pool->users = b->map.c.entries[e].producers;
		b->proc.pools[entry->pool.pool_no] = pool;
	}
	return pool;
}

static int fill_block(struct shmchan_broker *b, const struct shmchan_edit_block *block, shmchan_block *out,
		      struct shmchan_pool **pool, struct shmchan_why *why)
{
	char *data;
	int err;

	*pool = own_pool(b, block->pool);
	if (!*pool)
		return shmchan_fail(why, SHMCHAN_ENOENT, 0, block->pool ? block->pool : "",
				    "the group has no such pool");
	err = shmchan_block_alloc_size(*pool, block->len, out, why);
	if (err)
		return err;
	// Dying from here to the send leaves a block that the dead broker owns: shmchan_edit_recover frees it.
	data = shmchan_block_data(*pool, *out);
	memcpy(data, block->data, block->len);
	memset(data + block->len, 0, shmchan_block_size(*pool, *out) - block->len);
	return 0;
}

int shmchan_broker_inject(struct shmchan_broker *b, const char *channel, const struct shmchan_msg *m,
			  const struct shmchan_edit_block *block, struct shmchan_why *why)
{
	struct shmchan_msg own = *m;
	struct shmchan_pool *pool = NULL;
	struct shmchan_ring_ref *r;
	struct shmchan *tx;
	int err;

	own.block = SHMCHAN_NO_BLOCK;
	if ((err = find(b, channel, &r, why)) || (err = may_send(b, r, why)))
		return err;
	if (m->len > r->msg_size || m->type > SHMCHAN_TYPE_MAX)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, r->name,
				    "%u bytes of type %u; its messages have at most %u bytes", m->len,
				    m->type, r->msg_size);
	if ((r->kind == SHMCHAN_KIND_SLOT_REF || r->kind == SHMCHAN_KIND_MPSC_INTRUSIVE) && !block)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, r->name, "its messages are blocks");
	if ((err = open_end(b, r, &tx, why)))
		return err;
	if (block)
		err = fill_block(b, block, &own.block, &pool, why);
	if (!err) {
		err = shmchan_try_send(tx, &own);
		if (err && pool)
			shmchan_block_free(pool, own.block);
		if (err)
			shmchan_fail(why, err, 0, r->name, "%s", shmchan_strerror(err));
	}
	close_end(tx);
	return err;
}

// ------------------------------------------------------------------------------------------------ draining

static void wake(const struct shmchan_broker *b, const uint64_t set[SHMCHAN_SLOT_WORDS])
{
	for (unsigned slot = 1; slot < b->map.c.proc_cnt; slot++)
		if (shmchan_slot_in(set, slot))
			shmchan_bell_force(&b->map.c.procs[slot].bell);
}

// Who the letters of a drained channel name: the last incarnation of its first consumer.
static shmchan_owner last_consumer(const struct shmchan_broker *b, const struct shmchan_ring_ref *r)
{
	unsigned slot = r->ring->consumer < b->map.c.proc_cnt ? r->ring->consumer : 0;
	uint64_t life = atomic_load_explicit(&b->map.c.procs[slot].life, memory_order_acquire);

	return shmchan_owner_make(slot, (uint32_t)life);
}

enum standing { NOTHING, A_MESSAGE, A_VOID };

static enum standing stands_at(const struct shmchan_ring_ref *r, uint64_t pos)
{
	const struct shmchan_cell *c = shmchan_ring_cell(r, (uint32_t)(pos % r->cap));
	// Acquire: pairs with the producer's release; the message is complete.
	uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);

	if (!shmchan_ring_many(r))
		return shmchan_ring_holds(r, pos) ? A_MESSAGE : NOTHING;
	if (shmchan_cell_ahead(w, pos / r->cap) != 0)
		return NOTHING;
	return shmchan_cell_state(w) == SHMCHAN_CELL_FULL      ? A_MESSAGE
	       : shmchan_cell_state(w) == SHMCHAN_CELL_ABORTED ? A_VOID
							       : NOTHING;
}

static struct patient as_patient(struct shmchan_broker *b, const struct shmchan_ring_ref *r,
				 struct shmchan_repair *out)
{
	static const struct shmchan_death drained = {.code = SHMCHAN_DEATH_DRAINED};
	shmchan_owner owner = last_consumer(b, r);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (struct patient){.b = b,
				.slot = shmchan_owner_slot(owner),
				.owner = owner,
				.death = &drained,
				.time_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
				.out = out};
}

static void drain_list(struct shmchan_broker *b, const struct shmchan_ring_ref *r, uint64_t limit, bool drop,
		       uint64_t *cnt)
{
	uint64_t room = shmchan_list_pushed(r) - shmchan_list_done(r); // what live producers add meanwhile stays
	struct shmchan_repair repair = {0};
	struct patient d = as_patient(b, r, &repair);

	while (*cnt != limit && room-- && shmchan_list_drain(&d, r, drop))
		++*cnt;
}

// mpsc-intrusive, without a process that receives: the broker does what that would do first.
static void bring_over(struct shmchan_broker *b, const struct shmchan_ring_ref *r)
{
	struct shmchan_chain_cursor to;

	if (!shmchan_ring_chained(r))
		return;
	to = shmchan_chain_cursor(r);
	shmchan_chain_bring(r, b->map.pools, &to, atomic_load_explicit(&r->ring->done, memory_order_relaxed));
}

int shmchan_broker_drain(struct shmchan_broker *b, const char *channel, uint64_t limit, bool drop,
			 uint64_t *cnt, uint64_t *left, struct shmchan_why *why)
{
	static const struct shmchan_death drained = {.code = SHMCHAN_DEATH_DRAINED};
	const struct shmchan_ctl_entry *entry;
	struct shmchan_ring_ref *r;
	struct shmchan_stat stat;
	uint64_t done, taken, end;
	enum standing what;
	unsigned slot;
	int err = find(b, channel, &r, why);

	*cnt = *left = 0;
	if (err)
		return err;
	entry = &b->map.c.entries[r->id - 1];
	slot = who_runs(b, entry->consumers);
	if (slot)
		return busy(b, r, slot, "consumer", why);
	if (shmchan_ring_listed(r)) {
		drain_list(b, r, limit, drop, cnt);
		taken = done = end = 0;
	} else {
		bring_over(b, r);
		shmchan_ring_cursor(r, &done, &taken);
		end = shmchan_ring_written(r); // what live producers add meanwhile stays
	}
	while (done != end && *cnt != limit && (what = stands_at(r, done)) != NOTHING) {
		// From here it is in flight at nobody: a broker that dies leaves that to shmchan_edit_recover.
		atomic_store_explicit(&r->ring->taken, done + 1, memory_order_release);
		if (what == A_VOID) {
			shmchan_ring_complete(r, done, false, SHMCHAN_TALLY_SKIPPED);
		} else {
			shmchan_broker_set_aside(b, r, done, last_consumer(b, r), &drained, drop);
			++*cnt;
		}
		done++;
	}
	wake(b, entry->producers);
	shmchan_broker_retry(b);
	shmchan_ring_stat(r, &stat);
	*left = stat.depth;
	return 0;
}

// ------------------------------------------------------------------------------------------------ dead letters

static struct shmchan_dead_entry *letter(const struct shmchan_broker *b, uint64_t no)
{
	struct shmchan_dead_entry *e = no ? shmchan_dead_entry(b->map.dead, no) : NULL;

	// Relaxed: the broker alone writes here, and this is it.
	if (!e || atomic_load_explicit(&e->no, memory_order_relaxed) != no ||
	    atomic_load_explicit(&e->gone, memory_order_relaxed) != SHMCHAN_LETTER_KEPT)
		return NULL;
	return e;
}

static int no_letter(uint64_t no, struct shmchan_why *why)
{
	return shmchan_fail(why, SHMCHAN_ENOENT, 0, "dead", "there is no dead letter %llu",
			    (unsigned long long)no);
}

int shmchan_broker_dead_drop(struct shmchan_broker *b, uint64_t no, struct shmchan_why *why)
{
	struct shmchan_dead_entry *e = letter(b, no);

	if (!e)
		return no_letter(no, why);
	// The one store: before it the letter is there, after it it is not.
	atomic_store_explicit(&e->gone, SHMCHAN_LETTER_DROPPED, memory_order_release);
	return 0;
}

static int may_replay(const struct shmchan_broker *b, const struct shmchan_dead_entry *e,
		      struct shmchan_ring_ref **r, struct shmchan_why *why)
{
	*r = shmchan_map_ring(&b->map, e->chan);
	if (!*r)
		return shmchan_fail(why, SHMCHAN_ENOENT, 0, "dead", "its channel can't be used");
	if (e->had_block)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, (*r)->name,
				    "the message had a block, which was freed when its receiver died");
	if ((*r)->kind == SHMCHAN_KIND_MPSC_INTRUSIVE)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, (*r)->name, "its messages are blocks");
	if (e->bytes != e->len || e->len > (*r)->msg_size)
		return shmchan_fail(
			why, SHMCHAN_EINVAL, 0, (*r)->name,
			"of its %u bytes only the first %u were kept (dead_letters in the topology)", e->len,
			e->bytes);
	return may_send(b, *r, why);
}

int shmchan_broker_dead_replay(struct shmchan_broker *b, uint64_t no, struct shmchan_why *why)
{
	struct shmchan_dead_entry *e = letter(b, no);
	struct shmchan_ring_ref *r;
	struct shmchan_msg m;
	struct shmchan *tx;
	int err;

	if (!e)
		return no_letter(no, why);
	if ((err = may_replay(b, e, &r, why)) || (err = open_end(b, r, &tx, why)))
		return err;
	m = (struct shmchan_msg){
		.data = e->data, .len = e->len, .type = e->type, .reply = e->reply, .corr = e->corr};
	// Dying in it: whether the cell at replay_at was published says whether the letter was replayed.
	err = shmchan_broker_send_as(tx, &m, e->sender, &e->replay_at);
	if (err) {
		shmchan_fail(why, err, 0, r->name, "%s", shmchan_strerror(err));
	} else {
		atomic_store_explicit(&e->gone, SHMCHAN_LETTER_REPLAYED, memory_order_release);
		wake(b, b->map.c.entries[r->id - 1].consumers);
	}
	close_end(tx);
	return err;
}

// ------------------------------------------------------------------------------------------------ after a broker's death

static void resolve_replays(struct shmchan_broker *b, shmchan_owner dead)
{
	const struct shmchan_dead_ref *d = b->map.dead;
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_relaxed);

	for (uint32_t k = shmchan_dead_kept(d, cnt); k > 0; k--) {
		struct shmchan_dead_entry *e = letter(b, cnt - k + 1);
		uint64_t at = e ? atomic_load_explicit(&e->replay_at, memory_order_acquire) : 0;
		const struct shmchan_ring_ref *r = at ? shmchan_map_ring(&b->map, e->chan) : NULL;

		if (at && r && shmchan_ring_published(r, at - 1, dead))
			atomic_store_explicit(&e->gone, SHMCHAN_LETTER_REPLAYED, memory_order_release);
		else if (at)
			atomic_store_explicit(&e->replay_at, 0, memory_order_release);
	}
}

// A drain that was cut short: its message is in flight in a channel whose consumers have no process.
static void finish_drain(struct shmchan_broker *b, const struct shmchan_ring_ref *r)
{
	static const struct shmchan_death drained = {.code = SHMCHAN_DEATH_DRAINED};
	struct shmchan_repair repair = {0};
	struct patient d = as_patient(b, r, &repair);
	uint64_t done, taken;

	if (who_runs(b, b->map.c.entries[r->id - 1].consumers))
		return;
	if (shmchan_ring_listed(r)) {
		shmchan_list_settle(&d, r);
		return;
	}
	if (!shmchan_ring_cursor(r, &done, &taken))
		return;
	for (; done != taken; done++) {
		if (stands_at(r, done) == A_VOID)
			shmchan_ring_complete(r, done, false, SHMCHAN_TALLY_SKIPPED);
		else
			// Whether it was to be dropped is not known: what is kept can still be dropped.
			shmchan_broker_set_aside(b, r, done, last_consumer(b, r), &drained, false);
	}
}

void shmchan_edit_recover(struct shmchan_broker *b, shmchan_owner dead)
{
	resolve_replays(b, dead);
	shmchan_broker_finish_injects(b, dead);
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (r)
			finish_drain(b, r);
	}
	for (uint32_t n = 1; n <= b->map.pool_last; n++)
		if (b->map.pools[n])
			shmchan_pool_recover(b->map.pools[n], dead);
}

void shmchan_edit_leave(struct shmchan_broker *b)
{
	for (unsigned n = 0; n <= SHMCHAN_POOL_MAX; n++) {
		free(b->proc.pools[n]);
		b->proc.pools[n] = NULL;
	}
}

// ------------------------------------------------------------------------------------------------ repair

struct repairer {
	struct shmchan_broker *b;
	struct shmchan_reporter to;
};

// Where no consumer runs, the receiving side's line has no writer but the broker.
static void mend_positions(struct repairer *m, const struct shmchan_ring_ref *r)
{
	uint64_t done, taken, head, tail;

	if (shmchan_ring_listed(r) || who_runs(m->b, m->b->map.c.entries[r->id - 1].consumers))
		return;
	if (!shmchan_ring_cursor(r, &done, &taken)) {
		atomic_store_explicit(&r->ring->taken, done, memory_order_release);
		shmchan_report(&m->to, r->name, "taken set to done, %llu: what was in flight is queued again",
		       (unsigned long long)done);
	}
	shmchan_ring_cursor(r, &done, &taken);
	tail = shmchan_ring_tail(r);
	if (taken > tail) {
		atomic_store_explicit(&r->ring->taken, done, memory_order_release);
		shmchan_report(&m->to, r->name, "taken set to done, %llu: it was past the newest message",
		       (unsigned long long)done);
	}
	head = atomic_load_explicit(&r->ring->head, memory_order_acquire);
	if (!shmchan_ring_many(r) && head > done) {
		atomic_store_explicit(&r->ring->head, done, memory_order_release);
		shmchan_report(&m->to, r->name, "head set back from %llu to done, %llu", (unsigned long long)head,
		       (unsigned long long)done);
	}
}

// Where neither end runs, what can be found of a broken list goes into cells, and the list begins anew behind them.
static void mend_list(struct repairer *m, const struct shmchan_ring_ref *r)
{
	const struct shmchan_ctl_entry *entry = &m->b->map.c.entries[r->id - 1];
	struct shmchan_reporter bad = {0};
	uint64_t written;

	if (!shmchan_ring_chained(r) || who_runs(m->b, entry->consumers) || who_runs(m->b, entry->producers))
		return;
	shmchan_chain_check(r, m->b->map.pools, &bad);
	if (!bad.cnt)
		return;
	bring_over(m->b, r);
	written = shmchan_ring_written(r);
	atomic_store_explicit(&r->ring->tail, written << 32, memory_order_release);
	shmchan_report(&m->to, r->name, "list begun anew at %llu: it was broken", (unsigned long long)written);
}

static void mend_node(struct repairer *m, const struct shmchan_ring_ref *r, uint32_t i)
{
	_Atomic uint64_t *word = &shmchan_list_node(r, i)->word;
	uint64_t w = atomic_load_explicit(word, memory_order_acquire);
	enum shmchan_node_state state = shmchan_node_state(w);

	if ((state != SHMCHAN_NODE_CLAIMED && state != SHMCHAN_NODE_CACHED) ||
	    !shmchan_map_gone(&m->b->map, (shmchan_owner)w) ||
	    // Both relaxed: nothing in the node is of use to the next. Failure: it was no such claim.
	    !atomic_compare_exchange_strong_explicit(word, &w, 0, memory_order_relaxed, memory_order_relaxed))
		return;
	atomic_fetch_add_explicit(&r->ring->aborted, state == SHMCHAN_NODE_CLAIMED, memory_order_relaxed);
	shmchan_report(&m->to, r->name, "node %u taken back from slot %u, incarnation %u, which is gone", i,
	       shmchan_owner_slot((shmchan_owner)w), shmchan_owner_inc((shmchan_owner)w));
}

static void mend_claims(struct repairer *m, const struct shmchan_ring_ref *r)
{
	for (uint32_t i = 0; shmchan_ring_listed(r) && i < r->cap; i++)
		mend_node(m, r, i);
	for (uint32_t i = 0; shmchan_ring_many(r) && !shmchan_ring_listed(r) && i < r->cap; i++) {
		_Atomic uint64_t *word = &shmchan_ring_cell(r, i)->word;
		uint64_t w = atomic_load_explicit(word, memory_order_acquire);

		if (shmchan_cell_state(w) != SHMCHAN_CELL_CLAIMED ||
		    !shmchan_map_gone(&m->b->map, (shmchan_owner)w) ||
		    // Success release: pairs with the acquire in shmchan_mpsc_peek. Failure: it was no such claim.
		    !atomic_compare_exchange_strong_explicit(
			    word, &w, (w & ~((uint64_t)7 << 32)) | (uint64_t)SHMCHAN_CELL_ABORTED << 32,
			    memory_order_release, memory_order_relaxed))
			continue;
		atomic_fetch_add_explicit(&r->ring->aborted, 1, memory_order_relaxed);
		shmchan_report(&m->to, r->name, "cell %u taken back from slot %u, incarnation %u, which is gone", i,
		       shmchan_owner_slot((shmchan_owner)w), shmchan_owner_inc((shmchan_owner)w));
	}
	wake(m->b, m->b->map.c.entries[r->id - 1].consumers);
}

// Why block b with word w belongs to nobody, NULL if it belongs to somebody.
static const char *orphaned(const struct shmchan_map *m, struct shmchan_chain_sets *seen, shmchan_block b, uint64_t w)
{
	const struct shmchan_ring_ref *r;

	switch (shmchan_block_state(w)) {
	case SHMCHAN_BLOCK_FREE:
		return w ? "its word was impossible" : NULL;
	case SHMCHAN_BLOCK_OWNED:
	case SHMCHAN_BLOCK_CACHED:
		return shmchan_map_gone(m, (shmchan_owner)w) ? "its owner is gone" : NULL;
	case SHMCHAN_BLOCK_KEPT:
		return NULL;
	case SHMCHAN_BLOCK_SENT:
		r = shmchan_map_ring(m, shmchan_block_chan(w));
		if (!r)
			return "it was in a message of no channel";
		return shmchan_map_completed(m, seen, r, b, w) ? "its message is completed" : NULL;
	}
	return "its word was impossible";
}

static void mend_blocks(struct repairer *m, struct shmchan_pool_ref *p)
{
	struct shmchan_chain_sets seen = {NULL};

	for (uint32_t i = 0; i < p->block_cnt; i++) {
		uint64_t w = atomic_load_explicit(&p->words[i].word, memory_order_acquire);
		const char *why = orphaned(&m->b->map, &seen, shmchan_block_make(p->pool_no, i), w);

		// Success release: who allocates the block sees nothing older. Failure: it was somebody's after all.
		if (why && atomic_compare_exchange_strong_explicit(
				   &p->words[i].word, &w, 0, memory_order_release, memory_order_relaxed))
			shmchan_report(&m->to, p->name, "block %u freed: %s", i, why);
	}
	shmchan_chain_forget(&seen);
}

static void mend_letters(struct repairer *m)
{
	const struct shmchan_dead_ref *d = m->b->map.dead;
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_relaxed);

	for (uint32_t k = shmchan_dead_kept(d, cnt); k > 0; k--) {
		uint64_t no = cnt - k + 1;
		struct shmchan_dead_entry *e = shmchan_dead_entry(d, no);
		uint64_t is = atomic_load_explicit(&e->no, memory_order_relaxed);

		if ((is == 0 || is >= no) && !(is == no && e->bytes > d->bytes))
			continue;
		atomic_store_explicit(&e->no, 0, memory_order_release);
		shmchan_report(&m->to, "dead", "letter %llu given up: it could not be read", (unsigned long long)no);
	}
}

int shmchan_broker_repair(struct shmchan_broker *b,
			  void (*report)(void *ctx, const char *object, const char *text), void *ctx)
{
	struct repairer m = {.b = b, .to = {.report = report, .ctx = ctx}};

	if (shmchan_map_verify(&b->map))
		return SHMCHAN_ETRUNC;
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (!r)
			continue;
		mend_positions(&m, r);
		mend_list(&m, r);
		mend_claims(&m, r);
	}
	for (uint32_t n = 1; n <= b->map.pool_last; n++)
		if (b->map.pools[n])
			mend_blocks(&m, b->map.pools[n]);
	mend_letters(&m);
	return (int)m.to.cnt;
}
