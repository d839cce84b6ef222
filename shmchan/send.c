// The sending end: reserve, fill, describe, publish; and answers, which are sends tied to a message in flight.
#include <limits.h>
#include <string.h>
#include "shmchan/list_chan.h"
#include "shmchan/mark.h"
#include "shmchan/mpsc.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"
#include "shmchan/proc.h"
#include "shmchan/spsc.h"
#include "shmchan/tally.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define likely(c) __builtin_expect(!!(c), 1)
#define unlikely(c) __builtin_expect(!!(c), 0)

__attribute__((noinline, cold)) void shmchan_note_full(struct shmchan *ch, uint64_t depth)
{
	struct shmchan_ring *ring = ch->r.ring;
	uint64_t at;

	// Relaxed: statistics on an edge that is slow anyway.
	if (ch->many)
		atomic_fetch_add_explicit(&ring->full, 1, memory_order_relaxed);
	else
		atomic_store_explicit(&ring->full, atomic_load_explicit(&ring->full, memory_order_relaxed) + 1,
				      memory_order_relaxed);
	if (atomic_load_explicit(&ring->high_water, memory_order_relaxed) < depth)
		atomic_store_explicit(&ring->high_water, depth, memory_order_relaxed);
	if (!SHMCHAN_PROBE_FULL_ENABLED())
		return;
	if (ch->l)
		at = 1 + atomic_load_explicit(&ch->r.list->tail, memory_order_relaxed);
	else
		at = 1 + (ch->many ? atomic_load_explicit(&ring->tail, memory_order_relaxed) : ch->pos);
	if (ch->full_at != at)
		SHMCHAN_PROBE_FULL(ch->r.key, depth, ch->proc->slot_key);
	ch->full_at = at;
}

static int reserve(struct shmchan *ch)
{
	int err;

	if (ch->l)
		return shmchan_list_reserve(ch);
	if (ch->chain)
		return shmchan_chain_reserve(ch);
	if (ch->many) {
		err = shmchan_mpsc_reserve(ch);
	} else {
		shmchan_spsc_sync(ch);
		err = shmchan_spsc_reserve(ch);
	}
	if (unlikely(err))
		shmchan_note_full(ch, ch->r.cap);
	return err;
}

static void *room(struct shmchan *ch)
{
	if (ch->chain)
		return shmchan_chain_room(ch);
	return ch->l ? (void *)ch->l->node->data : shmchan_ring_data(&ch->r, ch->hot.cell);
}

static void ring_receiver(struct shmchan *ch, unsigned messages)
{
	if (ch->l)
		shmchan_list_wake(ch, messages);
	else
		shmchan_bell_ring(ch->peer, ch->fence);
}

static inline bool is_reserved(const struct shmchan *ch)
{
	return ch->many ? ch->reserved : ch->hot.open == ch->hot.cell;
}

static inline void set_reserved(struct shmchan *ch, bool reserved)
{
	if (ch->many)
		ch->reserved = reserved;
	else
		ch->hot.open = reserved ? ch->hot.cell : NULL;
}

static __attribute__((noinline)) int reserve_slowly(struct shmchan *ch, void **data)
{
	int err;

	*data = NULL;
	if (!ch->tx || is_reserved(ch))
		return SHMCHAN_EINVAL;
	err = reserve(ch);
	if (unlikely(err))
		return err;
	set_reserved(ch, true);
	*data = room(ch);
	return 0;
}

int shmchan_reserve(struct shmchan *ch, void **data)
{
	struct shmchan_cell *cell = ch->hot.cell;

	if (unlikely(cell >= ch->hot.run_end || cell == ch->hot.open))
		return reserve_slowly(ch, data);
	ch->hot.open = cell;
	*data = (char *)cell + SHMCHAN_DATA_AT_ONE;
	return 0;
}

static void give_up(struct shmchan *ch)
{
	if (ch->l) {
		shmchan_list_cancel(ch);
	} else if (ch->many && !ch->chain) {
		shmchan_mpsc_cancel(ch);
		shmchan_bell_ring(ch->peer, ch->fence);
	}
}

void shmchan_cancel(struct shmchan *ch)
{
	if (!ch->tx || !is_reserved(ch))
		return;
	set_reserved(ch, false);
	give_up(ch);
}

static int check_msg(const struct shmchan *ch, const struct shmchan_msg *m)
{
	if (!ch->tx || m->len > ch->r.msg_size || m->type > SHMCHAN_TYPE_MAX ||
	    (m->block == SHMCHAN_NO_BLOCK &&
	     (ch->r.kind == SHMCHAN_KIND_SLOT_REF || ch->r.kind == SHMCHAN_KIND_MPSC_INTRUSIVE)))
		return SHMCHAN_EINVAL;
	return 0;
}

// Has it nothing that needs an extension?
static inline bool plain(const struct shmchan_msg *m)
{
	return (m->corr | m->reply | m->block) == 0;
}

static void probe_push(struct shmchan *ch)
{
	uint64_t done, taken;

	shmchan_mark_push(ch, ch->pos);
	if (!shmchan_sampled(ch, ch->pos))
		return;
	shmchan_ring_cursor(&ch->r, &done, &taken);
	SHMCHAN_PROBE_PUSH(ch->r.key, ch->pos + 1 - taken, ch->pos);
}

// Returns the description of the message, with its extension filled.
static uint64_t fill_ext(struct shmchan *ch, const struct shmchan_msg *m, uint64_t desc, shmchan_owner sender)
{
	struct shmchan_ext *e = &ch->r.exts[ch->i];

	desc |= SHMCHAN_DESC_EXT;
	e->corr = m->corr;
	atomic_store_explicit(&e->desc, desc, memory_order_relaxed);
	atomic_store_explicit(&e->block, m->block, memory_order_relaxed);
	e->sender = sender;
	e->reply = m->reply;
	atomic_store_explicit(&e->deliveries, 0, memory_order_relaxed);
	return desc;
}

// Hands the block over: the message is sent from here on, whether or not the cell says so yet. Dying between this and the
// publication of the cell leaves a block SENT in a message that recovery publishes.
int shmchan_send_block(struct shmchan *ch, shmchan_block b)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	return i == UINT32_MAX ? SHMCHAN_ENOENT : shmchan_pool_send(&pool->ref, ch->me, i, ch->r.id, ch->pos);
}

static inline void publish(struct shmchan *ch, uint64_t desc)
{
	if (SHMCHAN_PROBE_PUSH_ENABLED())
		probe_push(ch);
	if (ch->many) {
		shmchan_mpsc_publish(ch);
		return;
	}
	shmchan_spsc_publish(ch, ch->hot.cell, desc);
	ch->hot.cell = shmchan_cell_after(ch, ch->hot.cell);
	shmchan_spsc_sync(ch);
	shmchan_spsc_run(ch);
}

// Everything but the publication: what the cell says of its message, and its block.
static inline int describe(struct shmchan *ch, const struct shmchan_msg *m, uint64_t *desc)
{
	*desc = shmchan_desc(m->type, m->len);
	if (unlikely(!plain(m)) || unlikely(ch->pos < ch->plain_from))
		*desc = fill_ext(ch, m, *desc, ch->me);
	if (ch->many)
		shmchan_mpsc_describe(ch, *desc);
	return m->block == SHMCHAN_NO_BLOCK ? 0 : shmchan_send_block(ch, m->block);
}

static __attribute__((noinline)) int commit_slowly(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);
	uint64_t desc = 0;

	if (unlikely(err || !is_reserved(ch)))
		return SHMCHAN_EINVAL;
	if (ch->l) {
		err = shmchan_list_commit(ch, m);
		if (!err)
			shmchan_list_wake(ch, 1);
		return err;
	}
	if (!ch->many)
		shmchan_spsc_sync(ch);
	err = ch->chain ? shmchan_chain_send(ch, m, room(ch)) : describe(ch, m, &desc);
	if (unlikely(err))
		return err;
	set_reserved(ch, false);
	if (!ch->chain)
		publish(ch, desc);
	shmchan_bell_ring(ch->peer, ch->fence);
	return 0;
}

// Can m go as it is, with one store of its word?
static inline bool goes_plainly(const struct shmchan *ch, const struct shmchan_cell *cell, const struct shmchan_msg *m)
{
	return likely(cell < ch->hot.run_end && m->len <= ch->r.msg_size && m->type <= SHMCHAN_TYPE_MAX && plain(m) &&
		      (!SHMCHAN_PROBE_PUSH_ENABLED() || ch->hot.run_watched));
}

// Publishes a plain message. Nothing here or in its callers needs a stack frame: each store to the stack would be one to other
// memory (spsc.h).
static inline int send_plainly(struct shmchan *ch, struct shmchan_cell *cell, const struct shmchan_msg *m)
{
	shmchan_spsc_publish(ch, cell, shmchan_desc(m->type, m->len));
	ch->hot.cell = shmchan_cell_after(ch, cell);
	return unlikely(shmchan_bell_asleep(ch->peer, ch->fence)) ? shmchan_hot_wake(ch) : 0;
}

int shmchan_commit(struct shmchan *ch, const struct shmchan_msg *m)
{
	struct shmchan_cell *cell = ch->hot.cell;

	if (unlikely(!goes_plainly(ch, cell, m) || cell != ch->hot.open))
		return commit_slowly(ch, m);
	return send_plainly(ch, cell, m);
}

void shmchan_publish_as(struct shmchan *ch, const struct shmchan_msg *m, shmchan_owner sender)
{
	uint64_t desc;

	if (ch->l) {
		shmchan_list_fill(ch, m, sender);
		shmchan_list_publish(ch);
		return;
	}
	desc = fill_ext(ch, m, shmchan_desc(m->type, m->len), sender);
	if (ch->many)
		shmchan_mpsc_describe(ch, desc);
	set_reserved(ch, false);
	publish(ch, desc);
}

// Two narrow loads and one store.
static inline void copy_16(char *to, const char *from)
{
#ifdef __SSE2__
	__m128i v = _mm_loadl_epi64((const void *)from);

	_mm_store_si128((void *)to, _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(v), (const void *)(from + 8))));
#else
	uint64_t w[2];

	memcpy(w, from, 8);
	atomic_signal_fence(memory_order_seq_cst); // keeps the compiler from making one wide load of it
	memcpy(w + 1, from + 8, 8);
	memcpy(to, w, 16);
#endif
}

#define WORDS_MAX 256 // bytes; more are memcpy's

// Whole words, from the end to the begin (spsc.h). Loads are narrow: a wide load of what the caller has just written by narrow
// stores waits for them to leave the store buffer. Stores are as wide as they can be without touching two lines. `to` is a
// multiple of 8.
static inline void copy_words(char *to, const char *from, uint32_t len)
{
	uint64_t w;

	if (len && ((uintptr_t)(to + len) & 8)) {
		len -= 8;
		memcpy(&w, from + len, 8);
		memcpy(to + len, &w, 8);
	}
	while (len >= 16) {
		len -= 16;
		copy_16(to + len, from + len);
	}
	if (len) {
		memcpy(&w, from, 8);
		memcpy(to, &w, 8);
	}
}

// What a cell has room for is a multiple of 8.
static void copy_in(char *to, const char *from, uint32_t len)
{
	uint32_t rest = len & 7;
	uint64_t w = 0;

	if (unlikely(len > WORDS_MAX)) {
		memcpy(to, from, len);
		return;
	}
	len -= rest;
	if (rest) {
		memcpy(&w, from + len, rest);
		memcpy(to + len, &w, 8);
	}
	copy_words(to, from, len);
}

void shmchan_copy_in(void *to, const struct shmchan_msg *m)
{
	copy_in(to, m->data, m->len);
}

// All of a send but the look at the receiver's bell.
static __attribute__((noinline)) int send_slowly(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);
	uint64_t desc;

	if (err || is_reserved(ch))
		return SHMCHAN_EINVAL;
	if (ch->l)
		return shmchan_list_send(ch, m);
	if (ch->chain)
		return shmchan_chain_send(ch, m, m->data);
	err = reserve(ch);
	if (unlikely(err))
		return err;
	copy_in(shmchan_ring_data(&ch->r, ch->hot.cell), m->data, m->len);
	err = describe(ch, m, &desc);
	if (unlikely(err)) {
		give_up(ch);
		return err;
	}
	publish(ch, desc);
	return 0;
}

static __attribute__((noinline)) int send_slowly_and_ring(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = send_slowly(ch, m);

	if (likely(!err))
		ring_receiver(ch, 1);
	return err;
}

static inline bool is_words(const struct shmchan_msg *m)
{
	return m->len <= WORDS_MAX && (m->len & 7) == 0;
}

// A plain message into a claimed cell.
static inline int send_many(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = shmchan_mpsc_reserve(ch);

	if (unlikely(err)) {
		shmchan_note_full(ch, ch->r.cap);
		return err;
	}
	copy_words((char *)ch->hot.cell + SHMCHAN_DATA_AT_MANY, m->data, m->len);
	shmchan_mpsc_describe(ch, shmchan_desc(m->type, m->len));
	shmchan_mpsc_publish(ch);
	shmchan_bell_ring(ch->peer, ch->fence);
	return 0;
}

static __attribute__((noinline)) int try_send_bytes(struct shmchan *ch, const struct shmchan_msg *m)
{
	struct shmchan_cell *cell = ch->hot.cell;

	if (ch->r.kind == SHMCHAN_KIND_MPSC && ch->tx && !ch->reserved && !SHMCHAN_PROBE_PUSH_ENABLED() && plain(m) &&
	    is_words(m) && m->len <= ch->r.msg_size && m->type <= SHMCHAN_TYPE_MAX)
		return send_many(ch, m);
	if (!goes_plainly(ch, cell, m) || cell == ch->hot.open)
		return send_slowly_and_ring(ch, m);
	copy_in((char *)cell + SHMCHAN_DATA_AT_ONE, m->data, m->len);
	return send_plainly(ch, cell, m);
}

int shmchan_try_send(struct shmchan *ch, const struct shmchan_msg *m)
{
	struct shmchan_cell *cell = ch->hot.cell;

	if (unlikely(!goes_plainly(ch, cell, m) || cell == ch->hot.open || !is_words(m)))
		return try_send_bytes(ch, m);
	copy_words((char *)cell + SHMCHAN_DATA_AT_ONE, m->data, m->len);
	return send_plainly(ch, cell, m);
}

static inline void fill(struct shmchan *ch, struct shmchan_cell *cell, const struct shmchan_msg *m)
{
	char *to = (char *)cell + SHMCHAN_DATA_AT_ONE;

	if (likely(is_words(m)))
		copy_words(to, m->data, m->len);
	else
		copy_in(to, m->data, m->len);
	shmchan_spsc_publish(ch, cell, shmchan_desc(m->type, m->len));
}

int shmchan_try_send_batch(struct shmchan *ch, const struct shmchan_msg *m, unsigned n)
{
	int err = SHMCHAN_EINVAL;
	unsigned sent = 0;

	while (sent < n && sent < INT_MAX) {
		struct shmchan_cell *cell = ch->hot.cell;

		if (cell != ch->hot.open)
			for (; sent < n && goes_plainly(ch, cell, &m[sent]); sent++) {
				fill(ch, cell, &m[sent]);
				cell = shmchan_cell_after(ch, cell);
			}
		ch->hot.cell = cell;
		if (sent == n || (err = send_slowly(ch, &m[sent])) != 0)
			break;
		sent++;
	}
	if (!sent)
		return err;
	// Dying before it leaves a receiver asleep before messages: recovery rings the bells of a dead process's peers.
	ring_receiver(ch, sent);
	return (int)sent;
}

// ------------------------------------------------------------------------------------------------- answering

// Ties the message in flight at ch->hot.done to the cell claimed on tx. intent_for last: it makes the other two count. What
// was counted is sealed before the answer can be seen: if the answer is out, recovery lets it count.
static void intend(struct shmchan *rx, const struct shmchan *tx)
{
	struct shmchan_exact *line = rx->exact;

	atomic_store_explicit(&line->intent_for, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&line->intent_chan, tx->r.id, memory_order_relaxed);
	atomic_store_explicit(&line->intent_at, tx->pos, memory_order_relaxed);
	if (rx->counting)
		shmchan_tally_seal(rx, 1);
	atomic_store_explicit(&line->intent_for, rx->hot.done + 1, memory_order_release);
}

static void intend_not(struct shmchan *rx)
{
	atomic_store_explicit(&rx->exact->intent_for, 0, memory_order_relaxed);
	if (rx->counting)
		shmchan_tally_unseal(rx);
}

int shmchan_commit_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m)
{
	int err = check_msg(tx, m);
	uint64_t desc = 0;

	if (err || rx->tx || rx->notice || !is_reserved(tx))
		return SHMCHAN_EINVAL;
	if (rx->hot.done == rx->hot.taken)
		return SHMCHAN_ENOENT;
	if (!tx->many)
		shmchan_spsc_sync(tx);
	if (tx->l && (err = shmchan_list_begin(tx)))
		return err;
	if (tx->chain) {
		// By the block's owner it is told whether the answer is sent: one of somebody else's would be taken for sent.
		if ((err = shmchan_chain_may_send(tx, m->block)) != 0)
			return err;
		tx->pos = m->block;
	}
	intend(rx, tx);
	err = tx->l	 ? shmchan_list_describe(tx, m)
	      : tx->chain ? shmchan_chain_send(tx, m, room(tx))
			  : describe(tx, m, &desc);
	if (err) {
		intend_not(rx);
		if (tx->l)
			shmchan_list_abort(tx);
		return err;
	}
	set_reserved(tx, false);
	if (tx->l)
		shmchan_list_publish(tx);
	else if (!tx->chain)
		publish(tx, desc);
	ring_receiver(tx, 1);
	// Dying here: the intent tells recovery that the message is answered.
	return shmchan_done(rx);
}

int shmchan_try_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m)
{
	int err = check_msg(tx, m);

	if (err || rx->tx || rx->notice || is_reserved(tx))
		return SHMCHAN_EINVAL;
	if (rx->hot.done == rx->hot.taken)
		return SHMCHAN_ENOENT;
	err = reserve(tx);
	if (err)
		return err;
	set_reserved(tx, true);
	copy_in(room(tx), m->data, m->len);
	err = shmchan_commit_answer(rx, tx, m);
	if (err)
		shmchan_cancel(tx);
	return err;
}
