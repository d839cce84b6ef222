#include "shmchan/mpsc_intrusive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shmchan/probe.h"
#include "shmchan/proc.h"
#include "shmchan/tally.h"

#define TRIES 10000000 // against a tail that somebody changes all the time
#define LEN_NONE 0x1fffffu // more than any message has

#define PLACE(ticket, block) ((uint64_t)(uint32_t)(ticket) << 32 | (block))
#define BLOCK(place) ((shmchan_block)(place))

// ------------------------------------------------------------------------------------------------- the queue

static struct shmchan_pool_link *link_of(shmchan_chain_pools pools, shmchan_block b, struct shmchan_pool_word **word)
{
	struct shmchan_pool_ref *p = b >> 24 <= SHMCHAN_POOL_MAX ? pools[b >> 24] : NULL;
	uint32_t i = p ? shmchan_block_index(p, b) : UINT32_MAX;

	if (i == UINT32_MAX)
		return NULL;
	*word = &p->words[i];
	return &p->links[i];
}

// The word of a block that is in a message of the channel, or offered to it; else 0.
static uint64_t offered(const struct shmchan_ring_ref *r, const struct shmchan_pool_word *word)
{
	// Acquire pairs with the exchange in shmchan_pool_offer: who offers it anew has changed the link before (fill).
	uint64_t w = atomic_load_explicit(&word->word, memory_order_acquire);

	return shmchan_block_state(w) == SHMCHAN_BLOCK_SENT && shmchan_block_chan(w) == r->id ? w : 0;
}

// See shmchan_chain_word.
static uint64_t word_at(const struct shmchan_ring_ref *r, const struct shmchan_pool_link *l,
			const struct shmchan_pool_word *word, uint64_t pos)
{
	uint64_t w = offered(r, word);

	return SHMCHAN_TICKET(atomic_load_explicit(&l->prev, memory_order_relaxed)) == (uint32_t)pos ? w : 0;
}

uint64_t shmchan_chain_word(const struct shmchan_ring_ref *r, const struct shmchan_pool_ref *p, uint32_t i, uint64_t pos)
{
	return word_at(r, &p->links[i], &p->words[i], pos);
}

int shmchan_chain_offer_again(const struct shmchan_ring_ref *r, struct shmchan_pool_ref *p, uint32_t i, shmchan_owner owner,
			      uint64_t pos)
{
	if (!shmchan_pool_mine(p, owner, i))
		return SHMCHAN_ENOENT;
	// The owner may have written to the link for a message that it didn't send. The place before is in no list any more.
	// Relaxed: the broker's alone until the offer.
	atomic_store_explicit(&p->links[i].prev, PLACE(pos, SHMCHAN_NO_BLOCK), memory_order_relaxed);
	return shmchan_pool_offer(p, owner, i, r->id, 0);
}

// The place before `place`, which has that link; 0 if it is not told, as in a block that is in use again.
static uint64_t before(const struct shmchan_pool_link *l, uint64_t place)
{
	uint64_t prev = atomic_load_explicit(&l->prev, memory_order_acquire);

	return SHMCHAN_TICKET(prev) + 1 == SHMCHAN_TICKET(place) ? prev : 0;
}

uint64_t shmchan_chain_pushed(const struct shmchan_ring_ref *r)
{
	uint64_t done = atomic_load_explicit(&r->ring->done, memory_order_acquire);
	// Never behind what is done: read after it.
	uint32_t ahead =
		SHMCHAN_TICKET(atomic_load_explicit(&r->ring->tail, memory_order_acquire)) - (uint32_t)done;

	return (int32_t)ahead < 0 ? done : ahead > r->cap ? done + r->cap : done + ahead;
}

struct shmchan_chain_cursor shmchan_chain_cursor(const struct shmchan_ring_ref *r)
{
	uint64_t pos = shmchan_ring_written(r);

	return (struct shmchan_chain_cursor){.pos = pos, .lap = pos / r->cap, .i = (uint32_t)(pos % r->cap)};
}

// Link NULL: nobody can tell what the message was.
static void copy_over(const struct shmchan_ring_ref *r, uint32_t i, const struct shmchan_pool_link *l, shmchan_block b)
{
	struct shmchan_ext *e = &r->exts[i];
	// Relaxed, here and in what follows: ordered by the exchange of the tail.
	uint64_t desc = l ? atomic_load_explicit(&l->desc, memory_order_relaxed) : shmchan_desc(0, LEN_NONE);

	e->corr = l ? l->corr : 0;
	atomic_store_explicit(&e->desc, (desc & SHMCHAN_DESC_MASK) | SHMCHAN_DESC_EXT, memory_order_relaxed);
	atomic_store_explicit(&e->block, l ? b : SHMCHAN_NO_BLOCK, memory_order_relaxed);
	e->sender = l ? l->sender : 0;
	e->reply = l ? l->reply : 0;
	atomic_store_explicit(&e->deliveries, 0, memory_order_relaxed);
	if (shmchan_desc_len(desc) <= r->msg_size)
		memcpy(shmchan_ring_data(r, shmchan_ring_cell(r, i)), l->data, shmchan_desc_len(desc));
}

// Dying between two of these leaves the others to be brought again.
static void publish(const struct shmchan_ring_ref *r, struct shmchan_chain_cursor *to)
{
	uint64_t desc = atomic_load_explicit(&r->exts[to->i].desc, memory_order_relaxed);

	// Pairs with the acquire in shmchan_spsc_peek, in another handle, and of tools.
	atomic_store_explicit(&shmchan_ring_cell(r, to->i)->word, shmchan_seq(to->lap) | desc, memory_order_release);
	to->pos++;
	if (++to->i == r->cap) {
		to->i = 0;
		to->lap++;
	}
}

uint32_t shmchan_chain_bring(const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
			     struct shmchan_chain_cursor *to, uint64_t done)
{
	// Pairs with the release of the exchange that wrote it, and of all before that, which it continues.
	uint64_t at = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
	uint32_t n = SHMCHAN_TICKET(at) - (uint32_t)to->pos, ready = n;

	if (n == 0 || n > r->cap || to->pos - done > r->cap - n)
		return 0;
	// Pairs with the acquire fence of who reads along (follow.c): with what is written below it sees this tail.
	atomic_thread_fence(memory_order_release);
	for (uint32_t k = n; k > 0; k--) {
		struct shmchan_pool_word *word;
		const struct shmchan_pool_link *l = link_of(pools, BLOCK(at), &word);
		uint32_t i = to->i + (k - 1);

		copy_over(r, i < r->cap ? i : i - r->cap, l, BLOCK(at));
		// Relaxed: looked at again if it is HELD.
		if (l && atomic_load_explicit(&word->word, memory_order_relaxed) & SHMCHAN_OFFER_HELD)
			ready = k - 1;
		at = l ? before(l, at) : 0;
	}
	for (uint32_t k = 0; k < ready; k++)
		publish(r, to);
	return ready;
}

const struct shmchan_pool_link *shmchan_chain_find(const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
						   uint64_t pos, shmchan_block *b)
{
	uint64_t at = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
	uint32_t n = SHMCHAN_TICKET(at) - (uint32_t)pos;

	for (; n > 0 && n <= r->cap; n--) {
		struct shmchan_pool_word *word;
		const struct shmchan_pool_link *l = link_of(pools, BLOCK(at), &word);

		*b = BLOCK(at);
		at = l ? before(l, at) : 0;
		if (!l || (!at && (uint32_t)pos + n != 1))
			return NULL;
		if (n == 1)
			return l;
	}
	return NULL;
}

void shmchan_chain_head(const struct shmchan_pool_link *l, shmchan_block b, struct shmchan_head *out)
{
	uint64_t desc = atomic_load_explicit(&l->desc, memory_order_relaxed);

	*out = (struct shmchan_head){.corr = l->corr,
				     .len = shmchan_desc_len(desc),
				     .sender = l->sender,
				     .block = b,
				     .type = shmchan_desc_type(desc),
				     .reply = l->reply};
}

// ------------------------------------------------------------------------------------------ what is in messages

static int by_number(const void *a, const void *b)
{
	shmchan_block x = *(const shmchan_block *)a, y = *(const shmchan_block *)b;

	return x < y ? -1 : x > y;
}

// The cells first, as of one reading of their end; then the list down to there, whatever of it is brought over meanwhile.
static struct shmchan_chain_set *look(const struct shmchan_ring_ref *r, shmchan_chain_pools pools)
{
	uint64_t done = atomic_load_explicit(&r->ring->done, memory_order_acquire), end = shmchan_ring_written(r);
	uint64_t at = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
	uint32_t n = SHMCHAN_TICKET(at) - (uint32_t)end, cells = (uint32_t)(end - done);
	const struct shmchan_pool_link *l;
	struct shmchan_pool_word *word;
	struct shmchan_chain_set *s;

	// The end is one of a later `done`: cells before it may be written again, with blocks that are in messages too. The tail is
	// of still later: what is so far behind it that the queue can't hold it is completed.
	cells = cells < r->cap ? cells : r->cap;
	n = n < r->cap ? n : r->cap;
	s = calloc(1, sizeof(*s) + ((size_t)cells + n) * sizeof(s->block[0]));
	if (!s)
		return NULL;
	s->r = r;
	for (uint64_t pos = end - cells; pos != end; pos++) {
		shmchan_block b = atomic_load_explicit(&r->exts[pos % r->cap].block, memory_order_relaxed);

		if ((l = link_of(pools, b, &word)) && word_at(r, l, word, pos))
			s->block[s->cnt++] = b;
	}
	// One that is accepted was sent before all that are not.
	for (; n > 0 && (l = link_of(pools, BLOCK(at), &word)) && word_at(r, l, word, SHMCHAN_TICKET(at) - 1); n--) {
		s->block[s->cnt++] = BLOCK(at);
		at = before(l, at);
	}
	qsort(s->block, s->cnt, sizeof(s->block[0]), by_number);
	return s;
}

bool shmchan_chain_holds(struct shmchan_chain_sets *sets, const struct shmchan_ring_ref *r, shmchan_chain_pools pools,
			 shmchan_block b)
{
	struct shmchan_chain_set *s = sets->first;

	while (s && s->r != r)
		s = s->next;
	if (!s) {
		s = look(r, pools);
		if (!s)
			return true;
		s->next = sets->first;
		sets->first = s;
	}
	return bsearch(&b, s->block, s->cnt, sizeof(b), by_number) != NULL;
}

void shmchan_chain_forget(struct shmchan_chain_sets *sets)
{
	while (sets->first) {
		struct shmchan_chain_set *s = sets->first;

		sets->first = s->next;
		free(s);
	}
}

// ---------------------------------------------------------------------------------------------------- checking

void shmchan_chain_check(const struct shmchan_ring_ref *r, shmchan_chain_pools pools, struct shmchan_reporter *to)
{
	uint64_t at = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
	uint64_t end = shmchan_ring_written(r);
	uint32_t n = SHMCHAN_TICKET(at) - (uint32_t)end;

	// The tail was read first: a consumer that runs on only makes them fewer.
	if ((int32_t)n < 0) {
		at = atomic_load_explicit(&r->ring->tail, memory_order_acquire);
		if ((int32_t)(SHMCHAN_TICKET(at) - (uint32_t)end) < 0)
			shmchan_report(to, r->name, "tail %u is behind the cells, %u", SHMCHAN_TICKET(at), (uint32_t)end);
		return;
	}
	if (n > r->cap) {
		shmchan_report(to, r->name, "%u messages before the consumer, of %u", n, r->cap);
		return;
	}
	for (; n > 0; n--) {
		struct shmchan_pool_word *word;
		const struct shmchan_pool_link *l = link_of(pools, BLOCK(at), &word);
		uint32_t ticket = SHMCHAN_TICKET(at);

		if (l && word_at(r, l, word, ticket - 1)) {
			at = before(l, at);
			continue;
		}
		if (shmchan_ring_written(r) == end)
			shmchan_report(to, r->name, "place %u holds no message", ticket);
		return;
	}
}

// --------------------------------------------------------------------------------------------------- the ends

struct mapped {
	struct mapped *next;
	struct shmchan_seg seg;
	struct shmchan_pool_ref ref;
};

struct shmchan_chain_end {
	// Sending end.
	uint32_t consumer; // process slot
	_Alignas(8) unsigned char data[SHMCHAN_MSG_MAX_INTRUSIVE]; // of a reservation

	// Receiving end.
	struct shmchan_chain_cursor to;
	struct mapped *first;
	struct shmchan_pool_ref *pools[SHMCHAN_POOL_MAX + 1];
};

// A pool that this process has open stays so until shmchan_detach, which closes channels first.
static bool find_pool(struct shmchan *ch, const char *name)
{
	for (unsigned n = 1; n <= SHMCHAN_POOL_MAX; n++)
		if (ch->proc->pools[n] && strcmp(ch->proc->pools[n]->ref.name, name) == 0) {
			ch->chain->pools[n] = &ch->proc->pools[n]->ref;
			return true;
		}
	return false;
}

static int map_pool(struct shmchan *ch, const struct shmchan_ctl_entry *entry)
{
	struct shmchan_chain_end *e = ch->chain;
	char name[SHMCHAN_NAME_MAX];
	struct mapped *m;
	int err;

	snprintf(name, sizeof(name), "%.31s", entry->name);
	if (find_pool(ch, name))
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return SHMCHAN_ENOMEM;
	m->next = e->first;
	e->first = m;
	err = shmchan_seg_open(&m->seg, ch->proc->group, name, true, NULL);
	if (!err)
		err = shmchan_pool_join(&m->ref, m->seg.base, m->seg.size, NULL);
	if (!err)
		e->pools[m->ref.pool_no] = &m->ref;
	return err;
}

static int open_rx(struct shmchan *ch)
{
	const struct shmchan_ctl_ref *c = &ch->proc->c;
	int err = 0;

	for (uint32_t i = 0; i < c->entry_cnt && !err; i++)
		if (c->entries[i].kind == SHMCHAN_OBJ_POOL && shmchan_slot_in(c->entries[i].producers, ch->proc->slot))
			err = map_pool(ch, &c->entries[i]);
	ch->chain->to = shmchan_chain_cursor(&ch->r);
	return err;
}

int shmchan_chain_end_open(struct shmchan *ch)
{
	int err = 0;

	ch->chain = calloc(1, sizeof(*ch->chain));
	if (!ch->chain)
		return SHMCHAN_ENOMEM;
	ch->chain->consumer = ch->r.ring->consumer;
	if (ch->chain->consumer >= SHMCHAN_SLOT_MAX)
		err = SHMCHAN_ECORRUPT;
	else if (!ch->tx)
		err = open_rx(ch);
	if (err)
		shmchan_chain_end_close(ch);
	return err;
}

void shmchan_chain_end_close(struct shmchan *ch)
{
	while (ch->chain->first) {
		struct mapped *m = ch->chain->first;

		ch->chain->first = m->next;
		shmchan_seg_close(&m->seg);
		free(m);
	}
	free(ch->chain);
	ch->chain = NULL;
}

// ---------------------------------------------------------------------------------------------------- sending

// `head` is not kept from send to send: it would be right only up to 2^32 messages, and it changes once in a batch. If the tail
// is an old one the answer may be wrong, and the exchange fails. Relaxed: numbers, with which no memory changes hands.
static bool full(const struct shmchan *ch, uint64_t tail)
{
	uint64_t freed = atomic_load_explicit(&ch->r.ring->head, memory_order_relaxed);

	return (int32_t)(SHMCHAN_TICKET(tail) - (uint32_t)freed) >= (int32_t)ch->r.cap;
}

bool shmchan_chain_has_room(const struct shmchan *ch)
{
	return !full(ch, atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed));
}

int shmchan_chain_reserve(struct shmchan *ch)
{
	if (shmchan_chain_has_room(ch))
		return 0;
	shmchan_note_full(ch, ch->r.cap);
	return SHMCHAN_FULL;
}

void *shmchan_chain_room(struct shmchan *ch)
{
	return ch->chain->data;
}

// Before the exchange a death leaves an offer that is not in the list; after it, a message that is sent.
static bool exchange(struct shmchan *ch, struct shmchan_pool_link *l, shmchan_block b, uint64_t *place)
{
	uint64_t tail = atomic_load_explicit(&ch->r.ring->tail, memory_order_relaxed);

	for (unsigned n = 0; n < TRIES && !full(ch, tail); n++) {
		*place = PLACE(SHMCHAN_TICKET(tail) + 1, b);
		atomic_store_explicit(&l->prev, tail, memory_order_relaxed);
		// Success release: pairs with the acquire in shmchan_chain_bring. Failure: only the value is used.
		if (atomic_compare_exchange_weak_explicit(&ch->r.ring->tail, &tail, *place, memory_order_release,
							  memory_order_relaxed))
			return true;
	}
	return false;
}

static void probe_push(struct shmchan *ch, uint64_t place)
{
	uint64_t near = shmchan_chain_pushed(&ch->r);
	uint64_t pos = near + (uint64_t)(int64_t)(int32_t)(SHMCHAN_TICKET(place) - 1 - (uint32_t)near);
	uint64_t depth;

	if (!shmchan_sampled(ch, pos))
		return;
	// It is HELD: nothing from `pos` on can have been taken.
	depth = pos + 1 - atomic_load_explicit(&ch->r.ring->taken, memory_order_acquire);
	SHMCHAN_PROBE_PUSH(ch->r.key, depth - 1 < ch->r.cap ? depth : 1, pos);
}

static void fill(struct shmchan *ch, struct shmchan_pool_link *l, const struct shmchan_msg *m, const void *data)
{
	// Relaxed, and in what follows: the block is this process's, and the exchange orders what is written to it. But who still
	// reads the link as that of an older message (shmchan_chain_find) sees by this ticket that it is none.
	uint64_t prev = atomic_load_explicit(&l->prev, memory_order_relaxed);

	atomic_store_explicit(&l->prev, prev ^ (uint64_t)1 << 63, memory_order_relaxed);
	// Pairs with the acquire fence in shmchan_view_copy_link.
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&l->desc, shmchan_desc(m->type, m->len), memory_order_relaxed);
	l->corr = m->corr;
	l->sender = ch->me;
	l->reply = m->reply;
	if (m->len)
		memcpy(l->data, data, m->len);
}

// The block's pool and index. Errors: ENOENT it is not this process's; EINVAL the consumer can't read it.
static int find(const struct shmchan *ch, shmchan_block b, struct shmchan_pool **pool, uint32_t *i)
{
	*pool = shmchan_block_pool(ch->proc, b);
	*i = *pool ? shmchan_block_index(&(*pool)->ref, b) : UINT32_MAX;
	if (*i == UINT32_MAX || !shmchan_pool_mine(&(*pool)->ref, ch->me, *i))
		return SHMCHAN_ENOENT;
	return shmchan_slot_in((*pool)->users, ch->chain->consumer) ? 0 : SHMCHAN_EINVAL;
}

int shmchan_chain_may_send(const struct shmchan *ch, shmchan_block b)
{
	struct shmchan_pool *pool;
	uint32_t i;

	return find(ch, b, &pool, &i);
}

int shmchan_chain_send(struct shmchan *ch, const struct shmchan_msg *m, const void *data)
{
	bool watched = SHMCHAN_PROBE_PUSH_ENABLED();
	struct shmchan_pool *pool;
	uint64_t place;
	uint32_t i;
	int err = find(ch, m->block, &pool, &i);

	if (err)
		return err;
	fill(ch, &pool->ref.links[i], m, data);
	if (shmchan_pool_offer(&pool->ref, ch->me, i, ch->r.id, watched ? SHMCHAN_OFFER_HELD : 0))
		return SHMCHAN_ENOENT;
	if (!exchange(ch, &pool->ref.links[i], m->block, &place)) {
		shmchan_pool_retract(&pool->ref, ch->me, i, ch->r.id);
		shmchan_note_full(ch, ch->r.cap);
		return SHMCHAN_FULL;
	}
	if (watched) {
		probe_push(ch, place);
		shmchan_pool_release(&pool->ref, ch->me, i, ch->r.id);
	}
	return 0;
}

// -------------------------------------------------------------------------------------------------- receiving

bool shmchan_chain_refill(struct shmchan *ch)
{
	return shmchan_chain_bring(&ch->r, ch->chain->pools, &ch->chain->to, ch->hot.done) != 0;
}

// The word of block i of the message that was taken last. Only one that was taken before, through another handle, may have been
// accepted, and its block be in a later message.
static uint64_t word_of_taken(const struct shmchan *ch, const struct shmchan_pool_ref *p, uint32_t i)
{
	uint64_t pos = ch->hot.taken - 1;

	return pos < ch->again ? shmchan_chain_word(&ch->r, p, i, pos) : offered(&ch->r, &p->words[i]);
}

void shmchan_chain_refuse(struct shmchan *ch, shmchan_block b)
{
	struct shmchan_pool_ref *p = b >> 24 <= SHMCHAN_POOL_MAX ? ch->chain->pools[b >> 24] : NULL;
	uint32_t i = p ? shmchan_block_index(p, b) : UINT32_MAX;

	if (i != UINT32_MAX)
		shmchan_pool_unoffer(p, i, word_of_taken(ch, p, i));
}

void shmchan_chain_take_block(struct shmchan *ch, struct shmchan_msg *m, shmchan_block b, bool again)
{
	struct shmchan_pool *pool = shmchan_block_pool(ch->proc, b);
	uint32_t i = pool ? shmchan_block_index(&pool->ref, b) : UINT32_MAX;

	if (i != UINT32_MAX && (shmchan_pool_accept(&pool->ref, ch->me, i, word_of_taken(ch, &pool->ref, i)) == 0 ||
				// The earlier handle has received it.
				(again && shmchan_pool_mine(&pool->ref, ch->me, i)))) {
		m->block = b;
		return;
	}
	shmchan_chain_refuse(ch, b);
	m->status = SHMCHAN_ECORRUPT;
	shmchan_tally_count(ch, SHMCHAN_TALLY_BAD, 1);
}
