// The receiving end: take, done.
#include <limits.h>
#include <time.h>
#include "shmchan/lag.h"
#include "shmchan/list_chan.h"
#include "shmchan/mark.h"
#include "shmchan/mpsc.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"
#include "shmchan/proc.h"
#include "shmchan/spsc.h"
#include "shmchan/tally.h"

#define likely(c) __builtin_expect(!!(c), 1)
#define unlikely(c) __builtin_expect(!!(c), 0)

void shmchan_wake_producers(struct shmchan *ch)
{
	// A producer that sets it again from here on looks at the ring after that, and sees the freed cells.
	atomic_store_explicit(&ch->r.ring->tx_wait, 0, memory_order_relaxed);
	for (unsigned w = 0; w < SHMCHAN_SLOT_WORDS; w++)
		for (uint64_t set = ch->producers[w]; set; set &= set - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(set);

			if (slot < ch->proc->c.proc_cnt)
				shmchan_bell_ring(&ch->proc->c.procs[slot].bell, ch->fence);
		}
}

void shmchan_flush(struct shmchan *ch)
{
	if (ch->l && !ch->tx)
		shmchan_list_flush(ch);
	if (ch->tx || ch->many || ch->freed == ch->hot.done)
		return;
	ch->freed = ch->hot.done;
	// Pairs with the acquire in shmchan_spsc_look: the loads from the cells are complete before it.
	atomic_store_explicit(&ch->r.ring->head, ch->hot.done, memory_order_release);
	shmchan_freed(ch);
}

static inline void free_many(struct shmchan *ch, uint32_t cells)
{
	while (cells--) {
		shmchan_mpsc_free(ch, ch->done_i, ch->done_lap);
		if (++ch->done_i == ch->r.cap) {
			ch->done_i = 0;
			ch->done_lap++;
		}
	}
	shmchan_freed(ch);
}

static inline void store_done(struct shmchan *ch, struct shmchan_exact *exact, uint64_t done)
{
	ch->hot.done = done;
#ifndef SHMCHAN_BENCH_UNSAFE
	// Messages are completed by this store. Release: with it, sealed counters count and the cells may be used again.
	atomic_store_explicit(&exact->done, done, memory_order_release);
#endif
}

// How far a completion is one store and nothing else.
static inline void plan_done(struct shmchan *ch)
{
	ch->hot.done_end = ch->many || ch->tx || ch->l || ch->counting || ch->notice ? 0 : ch->freed + ch->batch - 1;
}

static inline void complete(struct shmchan *ch, uint32_t cells, struct shmchan_exact *exact)
{
	if (unlikely(ch->counting))
		shmchan_tally_seal(ch, cells);
	store_done(ch, exact, ch->hot.done + cells);
	if (unlikely(ch->counting)) {
		ch->counting = false;
		ch->tally_cur = 1 - ch->tally_cur;
	}
}

void shmchan_complete(struct shmchan *ch, uint32_t n)
{
	complete(ch, n, ch->exact);
}

// Completes `cells` cells, by one store: all of them or none.
static inline void advance_done(struct shmchan *ch, uint32_t cells)
{
	complete(ch, cells, &ch->r.ring->exact);
	if (ch->many)
		free_many(ch, cells);
	else
		shmchan_spsc_free(ch);
}

static inline void store_taken(struct shmchan *ch, uint64_t taken)
{
	ch->hot.taken = taken;
#ifndef SHMCHAN_BENCH_UNSAFE
	// From this store on the message is in flight. Relaxed, read after a death only; the fence keeps the compiler from
	// moving the reader's loads before it, and a killed process's stores are those before it in program order.
	atomic_store_explicit(&ch->r.ring->taken, taken, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

// To the next claimed cell, behind `c`.
static inline void step_many(struct shmchan *ch, struct shmchan_cell *c)
{
	ch->hot.at = shmchan_cell_after(ch, c);
	if (unlikely(++ch->taken_i == ch->r.cap)) {
		ch->taken_i = 0;
		ch->taken_lap++;
		ch->hot.at = shmchan_next_cell(ch, 0);
		ch->hot.at_word = shmchan_cell_word(ch->taken_lap, SHMCHAN_CELL_FULL, 0);
	}
}

static inline void advance_taken(struct shmchan *ch)
{
	store_taken(ch, ch->hot.taken + 1);
	if (ch->many) {
		step_many(ch, ch->hot.at);
	} else {
		ch->hot.at = shmchan_cell_after(ch, ch->hot.at);
		shmchan_spsc_take_sync(ch);
	}
}

// A message that holds nothing is completed at once if it is the oldest, else after those before it (pass_voids).
void shmchan_skip(struct shmchan *ch)
{
	bool oldest = ch->hot.taken == ch->hot.done;

	advance_taken(ch);
	if (oldest) {
		shmchan_tally_count(ch, SHMCHAN_TALLY_SKIPPED, 1);
		advance_done(ch, 1);
	}
}

static void pass_voids(struct shmchan *ch)
{
	while (ch->hot.done != ch->hot.taken) {
		uint64_t w =
			atomic_load_explicit(&shmchan_next_cell(ch, ch->done_i)->word, memory_order_relaxed);

		if (shmchan_cell_ahead(w, ch->done_lap) != 0 || shmchan_cell_state(w) != SHMCHAN_CELL_ABORTED)
			return;
		shmchan_tally_count(ch, SHMCHAN_TALLY_SKIPPED, 1);
		advance_done(ch, 1);
	}
}

static __attribute__((noinline)) int take_notice(struct shmchan *ch, struct shmchan_msg *m)
{
	ch->notice = true;
	ch->hot.done_end = 0;
	*m = (struct shmchan_msg){.corr = atomic_load_explicit(&ch->r.ring->notice_corr, memory_order_relaxed),
				  .status = SHMCHAN_PEER_DIED,
				  .pos = ch->hot.taken};
	return 0;
}

// Who polls is here, and sees a message the sooner the shorter this is.
static inline int find_notice(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_ring *ring = ch->r.ring;

	shmchan_no_lag(ch);
	// Acquire: pairs with the broker's release; the correlation id stands before it.
	if (likely(atomic_load_explicit(&ring->notice_cnt, memory_order_acquire) ==
		   atomic_load_explicit(&ring->notice_seen, memory_order_relaxed)) ||
	    ch->notice || ch->hot.taken != ch->hot.done)
		return SHMCHAN_EMPTY;
	return take_notice(ch, m);
}

// Nothing to take: publishes what was freed, and looks for an answer of the broker's.
static __attribute__((noinline)) int take_empty(struct shmchan *ch, struct shmchan_msg *m)
{
	if (ch->many) {
		shmchan_no_lag(ch);
		return SHMCHAN_EMPTY;
	}
	shmchan_flush(ch);
	return find_notice(ch, m);
}

// Dying between advance_taken and the change of the block's word leaves a block SENT in a message in flight: recovery
// frees it with the message.
void shmchan_take_block(struct shmchan *ch, struct shmchan_msg *m, shmchan_block b, uint64_t place, bool again)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	if (i == UINT32_MAX || (shmchan_pool_receive(&pool->ref, ch->me, i, ch->r.id, place) &&
				// The earlier handle has received it.
				!(again && shmchan_pool_mine(&pool->ref, ch->me, i)))) {
		m->status = SHMCHAN_ECORRUPT;
		shmchan_tally_count(ch, SHMCHAN_TALLY_BAD, 1);
		return;
	}
	m->block = b;
}

// Messages before the receiver, by the producers' hint: one cache line, where a scan of the ring would read a line per
// message. It may lag by a run (spsc.h); mpsc counts claimed cells.
uint64_t shmchan_hinted_depth(const struct shmchan *ch)
{
	uint64_t tail = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);
	int64_t depth = (int64_t)(tail - ch->hot.taken);
	struct shmchan_stat st;

	if (ch->l) {
		shmchan_list_stat(&ch->r, &st);
		return st.depth;
	}
	if (ch->chain)
		depth = (int32_t)(SHMCHAN_TICKET(tail) - (uint32_t)ch->hot.taken);
	if (shmchan_ring_many(&ch->r)) { // lap and index
		int32_t laps = shmchan_cell_ahead((tail >> 32) << 35, ch->hot.taken / ch->r.cap);

		depth = (int64_t)laps * ch->r.cap + (uint32_t)tail - (int64_t)(ch->hot.taken % ch->r.cap);
	}
	return depth < 0 ? 0 : depth > ch->r.cap ? ch->r.cap : (uint64_t)depth;
}

// Keeps sampled messages at least PACE_NS apart, unless a tool has asked for a certain sampling. The consumer does it alone:
// it sees the messages of all producers. The compare-and-swap fails if a tool sets the word just now.
#define PACE_NS 20000
#define PACE_MASK_MAX 0xffffu
#define PACE_PATIENCE 8 // slow messages in a row: one may have waited for a core

static void pace(struct shmchan *ch, uint32_t word)
{
	uint64_t now, passed;
	struct timespec t;
	uint32_t next = word;

	if (word & SHMCHAN_PROBE_FIXED)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	passed = now - ch->paced_ns;
	ch->paced_ns = now;
	ch->paced_slow = passed > 4 * PACE_NS ? ch->paced_slow + 1 : 0;
	if (passed < PACE_NS && word < PACE_MASK_MAX)
		next = word << 1 | 1;
	else if (ch->paced_slow >= PACE_PATIENCE && word > SHMCHAN_PROBE_MASK_DEFAULT)
		next = word >> 1;
	if (next != word)
		atomic_compare_exchange_strong_explicit(&ch->r.ring->sample, &word, next,
							memory_order_relaxed, memory_order_relaxed);
}

void shmchan_probe_pop(struct shmchan *ch, uint64_t pos)
{
	uint32_t word = atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed);
	bool sampled = SHMCHAN_PROBE_SAMPLED(pos, word);

	if (sampled || shmchan_mark_due(ch))
		shmchan_mark_pop(ch);
	if (!sampled && pos != ch->first)
		return;
	SHMCHAN_PROBE_POP(ch->r.key, shmchan_hinted_depth(ch), pos, ch->proc->slot_key);
	if (sampled)
		pace(ch, word);
}

static __attribute__((noinline)) int take_slowly(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_head head;
	struct shmchan_cell *c;

	if (ch->tx)
		return SHMCHAN_EINVAL;
	if (ch->l)
		return shmchan_list_take(ch, m);
	c = ch->many ? shmchan_mpsc_peek(ch) : shmchan_spsc_peek(ch);
	if (!c && ch->chain && shmchan_chain_refill(ch))
		c = shmchan_spsc_peek(ch);
	if (!c)
		return take_empty(ch, m);
	shmchan_ring_head(&ch->r, ch->hot.taken, &head);
	ch->hot.from = head.sender;
	advance_taken(ch);
	*m = (struct shmchan_msg){.data = shmchan_ring_data(&ch->r, c),
				  .len = head.len,
				  .type = head.type,
				  .reply = head.reply,
				  .corr = head.corr,
				  .sender = head.sender,
				  .deliveries = head.deliveries,
				  .pos = ch->hot.taken - 1};
	if (head.len > ch->r.msg_size) {
		m->len = 0;
		m->status = SHMCHAN_ECORRUPT;
		shmchan_tally_count(ch, SHMCHAN_TALLY_BAD, 1);
		if (ch->chain)
			shmchan_chain_refuse(ch, head.block);
	} else if (head.type == SHMCHAN_TYPE_DIED) {
		m->status = SHMCHAN_PEER_DIED;
	} else if (ch->chain) {
		shmchan_chain_take_block(ch, m, head.block, m->pos < ch->again);
	} else if (head.block != SHMCHAN_NO_BLOCK) {
		shmchan_take_block(ch, m, head.block, m->pos, m->pos < ch->again);
	}
	if (SHMCHAN_PROBE_POP_ENABLED())
		shmchan_probe_pop(ch, m->pos);
	return 0;
}

static inline bool in_bounds(const struct shmchan *ch, uint64_t desc)
{
	return shmchan_desc_len(desc) <= ch->r.msg_size && shmchan_desc_type(desc) <= SHMCHAN_TYPE_MAX;
}

// A plain message, as most are: no extension, nothing out of bounds, nobody who looks at it.
static inline void give(struct shmchan *ch, struct shmchan_msg *m, const char *data, uint64_t desc, shmchan_owner from)
{
	uint64_t pos = ch->hot.taken;

	store_taken(ch, pos + 1);
	m->data = data;
	m->len = shmchan_desc_len(desc);
	m->type = shmchan_desc_type(desc);
	m->reply = 0;
	m->corr = 0;
	m->block = SHMCHAN_NO_BLOCK;
	m->sender = from;
	m->deliveries = 0;
	m->status = 0;
	m->pos = pos;
}

static __attribute__((noinline)) int take_many(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_cell *c = ch->hot.at;
	uint64_t w, desc;

	if (unlikely(ch->hot.taken >= ch->look_at))
		shmchan_lag(ch);
	// Pairs with the release in shmchan_mpsc_publish.
	w = atomic_load_explicit(&c->word, memory_order_acquire);
	if (w >> 32 != ch->hot.at_word >> 32)
		return take_slowly(ch, m);
	desc = atomic_load_explicit(&c->desc, memory_order_relaxed);
	if (unlikely((desc & SHMCHAN_DESC_EXT) || !in_bounds(ch, desc) ||
		     (SHMCHAN_PROBE_POP_ENABLED() &&
		      (shmchan_sampled(ch, ch->hot.taken) || ch->hot.taken == ch->first || shmchan_mark_due(ch)))))
		return take_slowly(ch, m);
	__builtin_prefetch((char *)c + ch->hot.prefetch);
	give(ch, m, (char *)c + SHMCHAN_DATA_AT_MANY, desc, (shmchan_owner)w);
	step_many(ch, c);
	return 0;
}

static __attribute__((noinline)) int poll_empty(struct shmchan *ch, struct shmchan_msg *m)
{
	// The message may end in another line than the one that is looked at: both then come over at once.
	__builtin_prefetch((char *)ch->hot.at + ch->r.stride - 1);
	return unlikely(ch->freed != ch->hot.done) ? take_empty(ch, m) : find_notice(ch, m);
}

static inline int take_single(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_cell *c = ch->hot.at;
	// Pairs with the release in shmchan_spsc_publish.
	uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);

	if ((w ^ ch->hot.at_word) >= SHMCHAN_SEQ_ONE)
		return poll_empty(ch, m);
	if (unlikely((w ^ ch->hot.at_word) >= SHMCHAN_DESC_EXT || !in_bounds(ch, w) ||
		     (SHMCHAN_PROBE_POP_ENABLED() && !ch->hot.take_watched)))
		return take_slowly(ch, m);
	__builtin_prefetch((char *)c + ch->hot.prefetch);
	give(ch, m, (char *)c + SHMCHAN_DATA_AT_ONE, w, ch->hot.from);
	ch->hot.at = shmchan_cell_after(ch, c);
	return 0;
}

// Not a cell of the run.
static __attribute__((noinline)) int take_edge(struct shmchan *ch, struct shmchan_msg *m)
{
	if (ch->tx || ch->l || ch->chain)
		return take_slowly(ch, m);
	if (ch->many)
		return take_many(ch, m);
	shmchan_spsc_take_run(ch);
	return ch->hot.at < ch->hot.take_end ? take_single(ch, m) : take_slowly(ch, m);
}

int shmchan_take(struct shmchan *ch, struct shmchan_msg *m)
{
	return likely(ch->hot.at < ch->hot.take_end) ? take_single(ch, m) : take_edge(ch, m);
}

// Plain messages from here on, up to n of them, as take_single; they are in flight from the one store at the end, before the caller
// sees them.
static unsigned take_run(struct shmchan *ch, struct shmchan_msg *m, unsigned n)
{
	struct shmchan_cell *c = ch->hot.at, *end = ch->hot.take_end;
	const uint64_t word = ch->hot.at_word;
	const shmchan_owner from = ch->hot.from;
	uint64_t pos = ch->hot.taken;

	for (; n && c < end; n--, m++) {
		// Pairs with the release in shmchan_spsc_publish.
		uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);

		if ((w ^ word) >= SHMCHAN_DESC_EXT || !in_bounds(ch, w))
			break;
		__builtin_prefetch((char *)c + ch->hot.prefetch);
		*m = (struct shmchan_msg){.data = (char *)c + SHMCHAN_DATA_AT_ONE,
					  .len = shmchan_desc_len(w),
					  .type = shmchan_desc_type(w),
					  .sender = from,
					  .pos = pos++};
		c = shmchan_cell_after(ch, c);
	}
	n = (unsigned)(pos - ch->hot.taken);
	if (n)
		store_taken(ch, pos);
	ch->hot.at = c;
	return n;
}

int shmchan_take_batch(struct shmchan *ch, struct shmchan_msg *m, unsigned n)
{
	unsigned got = 0;
	int err = SHMCHAN_EINVAL;

	if (n > INT_MAX)
		n = INT_MAX;
	// What comes after a notice would be completed before it.
	while (got < n && !(got && ch->notice)) {
		if (!SHMCHAN_PROBE_POP_ENABLED() || ch->hot.take_watched)
			got += take_run(ch, m + got, n - got);
		if (got == n || (err = shmchan_take(ch, &m[got])) != 0)
			break;
		got++;
	}
	return got ? (int)got : err;
}

static void done_notice(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;

	ch->notice = false;
	// Release: the notice's line may be written again. Pairs with the broker's acquire.
	atomic_store_explicit(&ring->notice_seen,
			      atomic_load_explicit(&ring->notice_cnt, memory_order_relaxed),
			      memory_order_release);
}

// Cells of the n oldest messages in flight, the aborted ones between them included; 0 if there are fewer messages.
static uint32_t cells_of(struct shmchan *ch, unsigned n, uint64_t *voids)
{
	uint32_t i = ch->done_i, cells = 0, in_flight = (uint32_t)(ch->hot.taken - ch->hot.done);
	uint64_t lap = ch->done_lap;

	*voids = 0;
	if (n > in_flight)
		return 0;
	if (!ch->many)
		return n;
	while (n && cells < in_flight) {
		uint64_t w = atomic_load_explicit(&shmchan_next_cell(ch, i)->word, memory_order_relaxed);
		bool none = shmchan_cell_ahead(w, lap) == 0 && shmchan_cell_state(w) == SHMCHAN_CELL_ABORTED;

		*voids += none;
		n -= !none;
		cells++;
		if (++i == ch->r.cap) {
			i = 0;
			lap++;
		}
	}
	return n ? 0 : cells;
}

static void probe_done(struct shmchan *ch, uint32_t cells)
{
	uint32_t word = atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed);

	for (uint64_t pos = ch->hot.done; pos != ch->hot.done + cells; pos++)
		if (SHMCHAN_PROBE_SAMPLED(pos, word))
			SHMCHAN_PROBE_DONE(ch->r.key, pos);
}

int shmchan_done_batch(struct shmchan *ch, unsigned n)
{
	uint64_t voids;
	uint32_t cells;

	if (ch->tx || n == 0)
		return SHMCHAN_EINVAL;
	if (ch->l)
		return shmchan_list_done_n(ch, n);
	if (ch->notice) {
		if (n > 1)
			return SHMCHAN_ENOENT;
		done_notice(ch);
		return 0;
	}
	cells = cells_of(ch, n, &voids);
	if (!cells)
		return SHMCHAN_ENOENT;
	if (SHMCHAN_PROBE_DONE_ENABLED())
		probe_done(ch, cells);
	if (voids)
		shmchan_tally_count(ch, SHMCHAN_TALLY_SKIPPED, voids);
	advance_done(ch, cells);
	if (ch->many)
		pass_voids(ch);
	plan_done(ch);
	return 0;
}

// The one message in flight of a claimed cell, with nothing counted.
static inline int done_many(struct shmchan *ch)
{
	store_done(ch, &ch->r.ring->exact, ch->hot.done + 1);
	free_many(ch, 1);
	if (unlikely(ch->hot.done != ch->hot.taken))
		pass_voids(ch);
	return 0;
}

static __attribute__((noinline)) int done_slowly(struct shmchan *ch)
{
	if (ch->r.kind == SHMCHAN_KIND_MPSC && !ch->tx && ch->hot.done != ch->hot.taken && !ch->counting &&
	    !SHMCHAN_PROBE_DONE_ENABLED())
		return done_many(ch);
	if (unlikely(ch->hot.done == ch->hot.taken || ch->notice || ch->l ||
		     (SHMCHAN_PROBE_DONE_ENABLED() && shmchan_sampled(ch, ch->hot.done))))
		return shmchan_done_batch(ch, 1);
	// The oldest in flight is a message: aborted cells before it have been passed over.
	advance_done(ch, 1);
	if (ch->many)
		pass_voids(ch);
	plan_done(ch);
	return 0;
}

int shmchan_done(struct shmchan *ch)
{
	uint64_t done = ch->hot.done;

	if (unlikely(done >= ch->hot.done_end || done == ch->hot.taken ||
		     (SHMCHAN_PROBE_DONE_ENABLED() && shmchan_sampled(ch, done))))
		return done_slowly(ch);
	store_done(ch, &ch->r.ring->exact, done + 1);
	return likely(atomic_load_explicit(&ch->r.ring->tx_wait, memory_order_relaxed) == 0) ? 0 : shmchan_hot_give_room(ch);
}
