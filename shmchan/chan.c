#include "shmchan/chan.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include "shmchan/probe.h"
#include "shmchan/proc.h"

// ---------------------------------------------------------------------------------------------- the two ends

static void join_rx(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;
	uint64_t done, taken;

	shmchan_ring_cursor(&ch->r, &done, &taken);
	// What was in flight has been recovered, or this process took it before: it begins behind it either way.
	ch->taken = ch->done = done;
	ch->again = taken;
	ch->first = done;
	ch->taken_i = ch->done_i = (uint32_t)(done % ch->r.cap);
	ch->taken_lap = ch->done_lap = done / ch->r.cap;
	ch->batch = ch->r.cap / 8 ? (ch->r.cap / 8 < 64 ? ch->r.cap / 8 : 64) : 1;
	// Relaxed: only this process writes the line now; publication is by later releases.
	atomic_store_explicit(&ring->taken, done, memory_order_relaxed);
	atomic_store_explicit(&ring->intent_for, 0, memory_order_relaxed);
	if (!ch->many)
		atomic_store_explicit(&ring->head, done, memory_order_release);
	for (unsigned i = 0; i < 2; i++)
		if (atomic_load_explicit(&ring->tally[i].pos, memory_order_relaxed) > done)
			atomic_store_explicit(&ring->tally[i].pos, SHMCHAN_TALLY_INVALID,
					      memory_order_relaxed);
	ch->tally_cur = atomic_load_explicit(&ring->tally[1].pos, memory_order_relaxed) <= done &&
			(atomic_load_explicit(&ring->tally[0].pos, memory_order_relaxed) > done ||
			 atomic_load_explicit(&ring->tally[1].pos, memory_order_relaxed) >
				 atomic_load_explicit(&ring->tally[0].pos, memory_order_relaxed));
}

void shmchan_join(struct shmchan *ch)
{
	ch->many = shmchan_ring_many(&ch->r);
	if (!ch->tx)
		join_rx(ch);
	else if (ch->many)
		shmchan_mpsc_join_tx(ch);
	else
		shmchan_spsc_join_tx(ch);
}

uint16_t shmchan_id(const struct shmchan *ch)
{
	return ch->r.id;
}

const char *shmchan_name(const struct shmchan *ch)
{
	return ch->r.name;
}

uint32_t shmchan_capacity(const struct shmchan *ch)
{
	return ch->r.cap;
}

uint32_t shmchan_msg_size(const struct shmchan *ch)
{
	return ch->r.msg_size;
}

void shmchan_stat(const struct shmchan *ch, struct shmchan_stat *out)
{
	shmchan_ring_stat(&ch->r, out);
}

// ------------------------------------------------------------------------------------------------- the tally

// Makes record 1 - tally_cur a copy that may be changed. It counts for nobody until its pos is set again.
static struct shmchan_tally *tally_begin(struct shmchan *ch)
{
	struct shmchan_tally *from = &ch->r.ring->tally[ch->tally_cur],
			     *to = &ch->r.ring->tally[1 - ch->tally_cur];

	// Relaxed throughout: this process alone writes; readers are held off by pos, ordered by the fence and by releases.
	if (!ch->counting) {
		atomic_store_explicit(&to->pos, SHMCHAN_TALLY_INVALID, memory_order_relaxed);
		atomic_thread_fence(memory_order_release);
		for (unsigned i = 0; i < SHMCHAN_TALLY_ALL; i++)
			atomic_store_explicit(&to->v[i],
					      atomic_load_explicit(&from->v[i], memory_order_relaxed),
					      memory_order_relaxed);
		ch->counting = true;
	}
	return to;
}

static void tally_add(struct shmchan *ch, unsigned i, uint64_t delta)
{
	struct shmchan_tally *t = tally_begin(ch);

	atomic_store_explicit(&t->v[i], atomic_load_explicit(&t->v[i], memory_order_relaxed) + delta,
			      memory_order_relaxed);
}

// What was counted counts from the moment `done` is done + cells. Dying between the two: recovery decides.
static void tally_seal(struct shmchan *ch, uint32_t cells)
{
	if (ch->counting)
		atomic_store_explicit(&ch->r.ring->tally[1 - ch->tally_cur].pos, ch->done + cells,
				      memory_order_release);
}

static void tally_unseal(struct shmchan *ch)
{
	if (ch->counting)
		atomic_store_explicit(&ch->r.ring->tally[1 - ch->tally_cur].pos, SHMCHAN_TALLY_INVALID,
				      memory_order_relaxed);
}

int shmchan_tally_add(struct shmchan *ch, unsigned i, uint64_t delta)
{
	if (ch->tx || i >= ch->r.tally_cnt)
		return SHMCHAN_EINVAL;
	tally_add(ch, SHMCHAN_TALLY_OWN + i, delta);
	return 0;
}

uint64_t shmchan_tally_get(const struct shmchan *ch, unsigned i)
{
	uint64_t v[SHMCHAN_TALLY_ALL];

	if (i >= ch->r.tally_cnt)
		return 0;
	if (!ch->tx)
		return atomic_load_explicit(
			&ch->r.ring->tally[ch->counting ? 1 - ch->tally_cur : ch->tally_cur]
				 .v[SHMCHAN_TALLY_OWN + i],
			memory_order_relaxed);
	shmchan_ring_tally(&ch->r, v);
	return v[SHMCHAN_TALLY_OWN + i];
}

// -------------------------------------------------------------------------------------------------- sending

void shmchan_note_full(struct shmchan *ch, uint64_t depth)
{
	struct shmchan_ring *ring = ch->r.ring;

	// Relaxed: statistics on an edge that is slow anyway.
	atomic_fetch_add_explicit(&ring->full, 1, memory_order_relaxed);
	if (atomic_load_explicit(&ring->high_water, memory_order_relaxed) < depth)
		atomic_store_explicit(&ring->high_water, depth, memory_order_relaxed);
	SHMCHAN_PROBE_FULL(ch->r.key, depth, ch->proc->slot_key);
}

static int reserve(struct shmchan *ch)
{
	int err = ch->many ? shmchan_mpsc_reserve(ch) : shmchan_spsc_reserve(ch);

	ch->reserved = err == 0;
	return err;
}

int shmchan_reserve(struct shmchan *ch, void **data)
{
	int err;

	*data = NULL;
	if (!ch->tx || ch->reserved)
		return SHMCHAN_EINVAL;
	err = reserve(ch);
	if (!err)
		*data = ch->cell->data;
	return err;
}

void shmchan_cancel(struct shmchan *ch)
{
	if (!ch->tx || !ch->reserved)
		return;
	ch->reserved = false;
	if (ch->many) {
		shmchan_mpsc_cancel(ch);
		shmchan_bell_ring(ch->peer, ch->fence);
	}
}

static int check_msg(const struct shmchan *ch, const struct shmchan_msg *m)
{
	if (!ch->tx || m->len > ch->r.msg_size || m->type > SHMCHAN_TYPE_MAX ||
	    (ch->r.kind == SHMCHAN_KIND_SLOT_REF && m->block == SHMCHAN_NO_BLOCK))
		return SHMCHAN_EINVAL;
	return 0;
}

void shmchan_probe_push(struct shmchan *ch)
{
	uint64_t done, taken;

	// Relaxed, here and below: set at any time, and a hint.
	if (!SHMCHAN_PROBE_SAMPLED(ch->pos, atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed)))
		return;
	shmchan_ring_cursor(&ch->r, &done, &taken);
	SHMCHAN_PROBE_PUSH(ch->r.key, ch->pos + 1 - taken, ch->pos);
}

static void fill_header(struct shmchan *ch, const struct shmchan_msg *m)
{
	struct shmchan_cell *c = ch->cell;

	c->corr = m->corr;
	atomic_store_explicit(&c->len, m->len, memory_order_relaxed);
	c->type = m->type;
	c->reply = m->reply;
	atomic_store_explicit(&c->block, m->block, memory_order_relaxed);
	c->sender = ch->me;
}

// Hands the block over: the message is sent from here on, whether or not the cell says so yet. Dying between this and the
// publication of the cell leaves a block SENT in a message that recovery publishes.
static int send_block(struct shmchan *ch, shmchan_block b)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	return i == UINT32_MAX ? SHMCHAN_ENOENT : shmchan_pool_send(&pool->ref, ch->me, i, ch->r.id, ch->pos);
}

void shmchan_publish(struct shmchan *ch)
{
	if (SHMCHAN_PROBE_PUSH_ENABLED())
		shmchan_probe_push(ch);
	ch->reserved = false;
	if (ch->many)
		shmchan_mpsc_publish(ch);
	else
		shmchan_spsc_publish(ch);
}

static int commit(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err;

	fill_header(ch, m);
	if (m->block != SHMCHAN_NO_BLOCK && (err = send_block(ch, m->block)))
		return err;
	shmchan_publish(ch);
	return 0;
}

int shmchan_commit(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);

	if (err || !ch->reserved)
		return SHMCHAN_EINVAL;
	err = commit(ch, m);
	if (!err)
		shmchan_bell_ring(ch->peer, ch->fence);
	return err;
}

// Small messages go word by word: a wide load of what the caller has just written by narrow stores waits for them to
// leave the store buffer, and the call of memcpy costs as much as the copy. Cells begin and end at multiples of 8.
static void copy_in(struct shmchan *ch, const struct shmchan_msg *m)
{
	const char *from = m->data;
	char *to = (char *)ch->cell->data;
	uint32_t len = m->len, at = 0;

	if (len > 128) {
		memcpy(to, from, len);
		return;
	}
	for (; at + 8 <= len; at += 8) {
		uint64_t w;

		memcpy(&w, from + at, 8);
		memcpy(to + at, &w, 8);
		atomic_signal_fence(
			memory_order_seq_cst); // keeps the compiler from making one wide copy of it
	}
	for (; at < len; at++)
		to[at] = from[at];
}

// All of a send but the look at the receiver's bell.
static int send_quietly(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);

	if (err || ch->reserved)
		return SHMCHAN_EINVAL;
	err = reserve(ch);
	if (err)
		return err;
	copy_in(ch, m);
	err = commit(ch, m);
	if (err)
		shmchan_cancel(ch);
	return err;
}

int shmchan_try_send(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = send_quietly(ch, m);

	if (!err)
		shmchan_bell_ring(ch->peer, ch->fence);
	return err;
}

int shmchan_try_send_batch(struct shmchan *ch, const struct shmchan_msg *m, unsigned n)
{
	unsigned sent = 0;
	int err = SHMCHAN_EINVAL;

	while (sent < n && sent < INT_MAX && (err = send_quietly(ch, &m[sent])) == 0)
		sent++;
	if (!sent)
		return err;
	// Dying before it leaves a receiver asleep before messages: recovery rings the bells of a dead process's peers.
	shmchan_bell_ring(ch->peer, ch->fence);
	return (int)sent;
}

// ------------------------------------------------------------------------------------------------ receiving

void shmchan_freed(struct shmchan *ch)
{
	_Atomic uint32_t *wait = &ch->r.ring->tx_wait;

	// The same Dekker as in bell.h, with tx_wait in the place of ASLEEP: cells were freed, then this is looked at.
	if (ch->fence == SHMCHAN_FENCE_MEMBARRIER)
		atomic_signal_fence(memory_order_seq_cst);
	else
		atomic_thread_fence(memory_order_seq_cst);
	if (__builtin_expect(atomic_load_explicit(wait, memory_order_relaxed) == 0, 1))
		return;
	// A producer that sets it again from here on looks at the ring after that, and sees the freed cells.
	atomic_store_explicit(wait, 0, memory_order_relaxed);
	for (unsigned w = 0; w < SHMCHAN_SLOT_WORDS; w++)
		for (uint64_t set = ch->producers[w]; set; set &= set - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(set);

			if (slot < ch->proc->c.proc_cnt)
				shmchan_bell_ring(&ch->proc->c.procs[slot].bell, ch->fence);
		}
}

// Completes `cells` cells, by one store: all of them or none.
static void advance_done(struct shmchan *ch, uint32_t cells)
{
	tally_seal(ch, cells);
	ch->done += cells;
	// They are completed by this store. Release: with it, sealed counters count and the cells may be used again.
	atomic_store_explicit(&ch->r.ring->done, ch->done, memory_order_release);
	if (ch->counting) {
		ch->counting = false;
		ch->tally_cur = 1 - ch->tally_cur;
	}
	for (uint32_t n = 0; n < cells; n++) {
		if (++ch->done_i == ch->r.cap) {
			ch->done_i = 0;
			ch->done_lap++;
		}
		if (ch->many)
			shmchan_mpsc_free(ch);
		else
			shmchan_spsc_free(ch);
	}
}

static void advance_taken(struct shmchan *ch)
{
	ch->taken++;
	// From this store on the message is in flight. Relaxed, read after a death only; the fence keeps the compiler from
	// moving the reader's loads before it, and a killed process's stores are those before it in program order.
	atomic_store_explicit(&ch->r.ring->taken, ch->taken, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (++ch->taken_i == ch->r.cap) {
		ch->taken_i = 0;
		ch->taken_lap++;
	}
}

// A message that holds nothing is completed at once if it is the oldest, else after those before it (pass_voids).
void shmchan_skip(struct shmchan *ch)
{
	bool oldest = ch->taken == ch->done;

	advance_taken(ch);
	if (oldest) {
		tally_add(ch, SHMCHAN_TALLY_SKIPPED, 1);
		advance_done(ch, 1);
	}
}

static void pass_voids(struct shmchan *ch)
{
	while (ch->done != ch->taken) {
		uint64_t w =
			atomic_load_explicit(&shmchan_next_cell(ch, ch->done_i)->word, memory_order_relaxed);

		if (shmchan_cell_ahead(w, ch->done_lap) != 0 || shmchan_cell_state(w) != SHMCHAN_CELL_ABORTED)
			return;
		tally_add(ch, SHMCHAN_TALLY_SKIPPED, 1);
		advance_done(ch, 1);
	}
}

// Nothing to take: publishes what was freed, and looks for an answer of the broker's.
static int take_empty(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_ring *ring = ch->r.ring;

	if (ch->unfreed) {
		ch->unfreed = 0;
		atomic_store_explicit(&ring->head, ch->done, memory_order_release); // as in shmchan_spsc_free
		shmchan_freed(ch);
	}
	if (ch->many || ch->notice || ch->taken != ch->done)
		return SHMCHAN_EMPTY;
	// Acquire: pairs with the broker's release; the correlation id stands before it.
	if (atomic_load_explicit(&ring->notice_cnt, memory_order_acquire) ==
	    atomic_load_explicit(&ring->notice_seen, memory_order_relaxed))
		return SHMCHAN_EMPTY;
	ch->notice = true;
	*m = (struct shmchan_msg){.corr = atomic_load_explicit(&ring->notice_corr, memory_order_relaxed),
				  .status = SHMCHAN_PEER_DIED,
				  .pos = ch->taken};
	return 0;
}

// Dying between advance_taken and the change of the block's word leaves a block SENT in a message in flight: recovery
// frees it with the message.
static void take_block(struct shmchan *ch, struct shmchan_msg *m, shmchan_block b)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	if (i == UINT32_MAX || (shmchan_pool_receive(&pool->ref, ch->me, i, ch->r.id, m->pos) &&
				// The earlier handle has received it.
				!(m->pos < ch->again && shmchan_pool_mine(&pool->ref, ch->me, i)))) {
		m->status = SHMCHAN_ECORRUPT;
		tally_add(ch, SHMCHAN_TALLY_BAD, 1);
		return;
	}
	m->block = b;
}

// Messages before the receiver, by the producers' hint: one cache line, where a scan of the ring would read a line per
// message. It may lag by a message; mpsc counts claimed cells.
static uint64_t hinted_depth(const struct shmchan *ch)
{
	uint64_t tail = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);
	int64_t depth = (int64_t)(tail - ch->taken);

	if (shmchan_ring_many(&ch->r)) { // lap and index
		int32_t laps = shmchan_cell_ahead((tail >> 32) << 35, ch->taken / ch->r.cap);

		depth = (int64_t)laps * ch->r.cap + (uint32_t)tail - (int64_t)(ch->taken % ch->r.cap);
	}
	return depth < 0 ? 0 : depth > ch->r.cap ? ch->r.cap : (uint64_t)depth;
}

// Keeps sampled messages at least PACE_NS apart, unless a tool has asked for a certain sampling. The consumer does it alone:
// it sees the messages of all producers. The compare-and-swap fails if a tool sets the word just now.
#define PACE_NS 20000
#define PACE_MASK_MAX 0xffffu

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
	if (passed < PACE_NS && word < PACE_MASK_MAX)
		next = word << 1 | 1;
	else if (passed > 4 * PACE_NS && word > SHMCHAN_PROBE_MASK_DEFAULT)
		next = word >> 1;
	if (next != word)
		atomic_compare_exchange_strong_explicit(&ch->r.ring->sample, &word, next,
							memory_order_relaxed, memory_order_relaxed);
}

static void probe_pop(struct shmchan *ch, uint64_t pos)
{
	uint32_t word = atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed);
	bool sampled = SHMCHAN_PROBE_SAMPLED(pos, word);

	if (!sampled && pos != ch->first)
		return;
	SHMCHAN_PROBE_POP(ch->r.key, hinted_depth(ch), pos);
	if (sampled)
		pace(ch, word);
}

int shmchan_take(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_cell *c;
	uint32_t packed, len;
	shmchan_block block;

	if (ch->tx)
		return SHMCHAN_EINVAL;
	c = ch->many ? shmchan_mpsc_peek(ch) : shmchan_spsc_peek(ch);
	if (!c)
		return take_empty(ch, m);
	advance_taken(ch);
	packed = shmchan_cell_len(c);
	block = shmchan_cell_block(c);
	len = SHMCHAN_LEN(packed);
	*m = (struct shmchan_msg){.data = c->data,
				  .len = len,
				  .type = c->type,
				  .reply = c->reply,
				  .corr = c->corr,
				  .sender = c->sender,
				  .deliveries = SHMCHAN_DELIVERIES(packed),
				  .pos = ch->taken - 1};
	if (__builtin_expect(len > ch->r.msg_size, 0)) {
		m->len = 0;
		m->status = SHMCHAN_ECORRUPT;
		tally_add(ch, SHMCHAN_TALLY_BAD, 1);
	} else if (m->type == SHMCHAN_TYPE_DIED) {
		m->status = SHMCHAN_PEER_DIED;
	} else if (block != SHMCHAN_NO_BLOCK) {
		take_block(ch, m, block);
	}
	if (SHMCHAN_PROBE_POP_ENABLED())
		probe_pop(ch, m->pos);
	return 0;
}

int shmchan_take_batch(struct shmchan *ch, struct shmchan_msg *m, unsigned n)
{
	unsigned got = 0;
	int err = SHMCHAN_EINVAL;

	// What comes after a notice would be completed before it.
	while (got < n && got < INT_MAX && !(got && ch->notice) && (err = shmchan_take(ch, &m[got])) == 0)
		got++;
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
	uint32_t i = ch->done_i, cells = 0, in_flight = (uint32_t)(ch->taken - ch->done);
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

	for (uint64_t pos = ch->done; pos != ch->done + cells; pos++)
		if (SHMCHAN_PROBE_SAMPLED(pos, word))
			SHMCHAN_PROBE_DONE(ch->r.key, pos);
}

int shmchan_done_batch(struct shmchan *ch, unsigned n)
{
	uint64_t voids;
	uint32_t cells;

	if (ch->tx || n == 0)
		return SHMCHAN_EINVAL;
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
		tally_add(ch, SHMCHAN_TALLY_SKIPPED, voids);
	advance_done(ch, cells);
	if (ch->many)
		pass_voids(ch);
	return 0;
}

int shmchan_done(struct shmchan *ch)
{
	return shmchan_done_batch(ch, 1);
}

// ------------------------------------------------------------------------------------------------- answering

// Ties the message in flight at ch->done to the cell claimed on tx. intent_for last: it makes the other two count. What
// was counted is sealed before the answer can be seen: if the answer is out, recovery lets it count.
static void intend(struct shmchan *rx, const struct shmchan *tx)
{
	struct shmchan_ring *ring = rx->r.ring;

	atomic_store_explicit(&ring->intent_for, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&ring->intent_chan, tx->r.id, memory_order_relaxed);
	atomic_store_explicit(&ring->intent_at, tx->pos, memory_order_relaxed);
	tally_seal(rx, 1);
	atomic_store_explicit(&ring->intent_for, rx->done + 1, memory_order_release);
}

static void intend_not(struct shmchan *rx)
{
	atomic_store_explicit(&rx->r.ring->intent_for, 0, memory_order_relaxed);
	tally_unseal(rx);
}

int shmchan_commit_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m)
{
	int err = check_msg(tx, m);

	if (err || rx->tx || rx->notice || !tx->reserved)
		return SHMCHAN_EINVAL;
	if (rx->done == rx->taken)
		return SHMCHAN_ENOENT;
	fill_header(tx, m);
	intend(rx, tx);
	if (m->block != SHMCHAN_NO_BLOCK && (err = send_block(tx, m->block))) {
		intend_not(rx);
		return err;
	}
	shmchan_publish(tx);
	shmchan_bell_ring(tx->peer, tx->fence);
	// Dying here: the intent tells recovery that the message is answered.
	return shmchan_done(rx);
}

int shmchan_try_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m)
{
	int err = check_msg(tx, m);

	if (err || rx->tx || rx->notice || tx->reserved)
		return SHMCHAN_EINVAL;
	if (rx->done == rx->taken)
		return SHMCHAN_ENOENT;
	err = reserve(tx);
	if (err)
		return err;
	copy_in(tx, m);
	err = shmchan_commit_answer(rx, tx, m);
	if (err)
		shmchan_cancel(tx);
	return err;
}

bool shmchan_has_work(struct shmchan *ch)
{
	struct shmchan_ring *ring = ch->r.ring;

	if (ch->tx && ch->many)
		return shmchan_mpsc_room(ch);
	if (ch->tx) {
		if (ch->pos - ch->head >= ch->r.cap)
			ch->head = atomic_load_explicit(&ring->head,
							memory_order_acquire); // as in shmchan_spsc_reserve
		return ch->pos - ch->head < ch->r.cap;
	}
	if ((ch->many ? shmchan_mpsc_peek(ch) : shmchan_spsc_peek(ch)) != NULL)
		return true;
	return !ch->many && !ch->notice && ch->taken == ch->done &&
	       atomic_load_explicit(&ring->notice_cnt, memory_order_acquire) !=
		       atomic_load_explicit(&ring->notice_seen, memory_order_relaxed);
}
