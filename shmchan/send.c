// The sending end: reserve, fill, describe, publish; and answers, which are sends tied to a message in flight.
#include <limits.h>
#include <string.h>
#include "shmchan/mpsc.h"
#include "shmchan/probe.h"
#include "shmchan/proc.h"
#include "shmchan/spsc.h"
#include "shmchan/tally.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define likely(c) __builtin_expect(!!(c), 1)
#define unlikely(c) __builtin_expect(!!(c), 0)

static void note_full(struct shmchan *ch, uint64_t depth)
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

	if (unlikely(err))
		note_full(ch, ch->r.cap);
	return err;
}

static void set_reserved(struct shmchan *ch, bool reserved)
{
	ch->reserved = reserved;
	if (!ch->many)
		shmchan_spsc_set_fast(ch);
}

int shmchan_reserve(struct shmchan *ch, void **data)
{
	int err;

	*data = NULL;
	if (!ch->tx || ch->reserved)
		return SHMCHAN_EINVAL;
	err = reserve(ch);
	if (unlikely(err))
		return err;
	ch->reserved = true;
	ch->fast = 0;
	*data = shmchan_ring_data(&ch->r, ch->cell);
	return 0;
}

static void give_up(struct shmchan *ch)
{
	if (ch->many) {
		shmchan_mpsc_cancel(ch);
		shmchan_bell_ring(ch->peer, ch->fence);
	}
}

void shmchan_cancel(struct shmchan *ch)
{
	if (!ch->tx || !ch->reserved)
		return;
	set_reserved(ch, false);
	give_up(ch);
}

static int check_msg(const struct shmchan *ch, const struct shmchan_msg *m)
{
	if (!ch->tx || m->len > ch->r.msg_size || m->type > SHMCHAN_TYPE_MAX ||
	    (ch->r.kind == SHMCHAN_KIND_SLOT_REF && m->block == SHMCHAN_NO_BLOCK))
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

	// Relaxed, here and below: set at any time, and a hint.
	if (!SHMCHAN_PROBE_SAMPLED(ch->pos, atomic_load_explicit(&ch->r.ring->sample, memory_order_relaxed)))
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
static int send_block(struct shmchan *ch, shmchan_block b)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	return i == UINT32_MAX ? SHMCHAN_ENOENT : shmchan_pool_send(&pool->ref, ch->me, i, ch->r.id, ch->pos);
}

static inline void publish(struct shmchan *ch, uint64_t desc)
{
	if (SHMCHAN_PROBE_PUSH_ENABLED())
		probe_push(ch);
	if (ch->many)
		shmchan_mpsc_publish(ch);
	else
		shmchan_spsc_publish(ch, desc);
}

// Everything but the publication: what the cell says of its message, and its block.
static inline int describe(struct shmchan *ch, const struct shmchan_msg *m, uint64_t *desc)
{
	*desc = shmchan_desc(m->type, m->len);
	if (unlikely(!plain(m)) || unlikely(ch->pos < ch->plain_from))
		*desc = fill_ext(ch, m, *desc, ch->me);
	if (ch->many)
		shmchan_mpsc_describe(ch, *desc);
	return m->block == SHMCHAN_NO_BLOCK ? 0 : send_block(ch, m->block);
}

int shmchan_commit(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);
	uint64_t desc;

	if (unlikely(err || !ch->reserved))
		return SHMCHAN_EINVAL;
	err = describe(ch, m, &desc);
	if (unlikely(err))
		return err;
	publish(ch, desc);
	set_reserved(ch, false);
	shmchan_bell_ring(ch->peer, ch->fence);
	return 0;
}

void shmchan_publish_as(struct shmchan *ch, const struct shmchan_msg *m, shmchan_owner sender)
{
	uint64_t desc = fill_ext(ch, m, shmchan_desc(m->type, m->len), sender);

	if (ch->many)
		shmchan_mpsc_describe(ch, desc);
	publish(ch, desc);
	set_reserved(ch, false);
}

// Two narrow loads and one store.
static inline void copy_16(char *to, const char *from)
{
#ifdef __SSE2__
	__m128i v = _mm_loadl_epi64((const void *)from);

	_mm_storeu_si128((void *)to, _mm_castps_si128(_mm_loadh_pi(_mm_castsi128_ps(v), (const void *)(from + 8))));
#else
	for (int at = 0; at < 16; at += 8) {
		uint64_t w;

		memcpy(&w, from + at, 8);
		memcpy(to + at, &w, 8);
		atomic_signal_fence(memory_order_seq_cst); // keeps the compiler from making one wide copy of it
	}
#endif
}

// Small messages go word by word: a wide load of what the caller has just written by narrow stores waits for them to
// leave the store buffer, and the call of memcpy costs as much as the copy. Cells begin and end at multiples of 8.
static inline void copy_in(char *to, const char *from, uint32_t len)
{
	if (unlikely(len > 128)) {
		memcpy(to, from, len);
		return;
	}
	for (; len >= 16; len -= 16, to += 16, from += 16)
		copy_16(to, from);
	if (len & 8) {
		uint64_t w;

		memcpy(&w, from, 8);
		memcpy(to, &w, 8);
		to += 8;
		from += 8;
	}
	for (len &= 7; len; len--)
		*to++ = *from++;
}

// All of a send but the look at the receiver's bell.
static int send_slowly(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = check_msg(ch, m);
	uint64_t desc;

	if (err || ch->reserved)
		return SHMCHAN_EINVAL;
	err = reserve(ch);
	if (unlikely(err))
		return err;
	copy_in(shmchan_ring_data(&ch->r, ch->cell), m->data, m->len);
	err = describe(ch, m, &desc);
	if (unlikely(err)) {
		give_up(ch);
		return err;
	}
	publish(ch, desc);
	if (!ch->many && unlikely(ch->fast == 0))
		shmchan_spsc_set_fast(ch);
	return 0;
}

// A plain message into a ring of one producer where there is known to be room needs no more than this.
static inline bool send_fast(struct shmchan *ch, const struct shmchan_msg *m)
{
	uint32_t len = m->len;

	if (ch->pos >= ch->fast || len > ch->r.msg_size || m->type > SHMCHAN_TYPE_MAX || !plain(m) ||
	    SHMCHAN_PROBE_PUSH_ENABLED())
		return false;
	copy_in((char *)ch->cell + SHMCHAN_DATA_AT_ONE, m->data, len);
	shmchan_spsc_publish(ch, shmchan_desc(m->type, len));
	return true;
}

static inline int send_quietly(struct shmchan *ch, const struct shmchan_msg *m)
{
	return likely(send_fast(ch, m)) ? 0 : send_slowly(ch, m);
}

int shmchan_try_send(struct shmchan *ch, const struct shmchan_msg *m)
{
	int err = send_quietly(ch, m);

	if (likely(!err))
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
	if (rx->counting)
		shmchan_tally_seal(rx, 1);
	atomic_store_explicit(&ring->intent_for, rx->done + 1, memory_order_release);
}

static void intend_not(struct shmchan *rx)
{
	atomic_store_explicit(&rx->r.ring->intent_for, 0, memory_order_relaxed);
	if (rx->counting)
		shmchan_tally_unseal(rx);
}

int shmchan_commit_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m)
{
	int err = check_msg(tx, m);
	uint64_t desc;

	if (err || rx->tx || rx->notice || !tx->reserved)
		return SHMCHAN_EINVAL;
	if (rx->done == rx->taken)
		return SHMCHAN_ENOENT;
	intend(rx, tx);
	err = describe(tx, m, &desc);
	if (err) {
		intend_not(rx);
		return err;
	}
	publish(tx, desc);
	set_reserved(tx, false);
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
	set_reserved(tx, true);
	copy_in(shmchan_ring_data(&tx->r, tx->cell), m->data, m->len);
	err = shmchan_commit_answer(rx, tx, m);
	if (err)
		shmchan_cancel(tx);
	return err;
}
