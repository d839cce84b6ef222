#include "shmchan/mark.h"

#include "shmchan/list.h"
#include "shmchan/probe.h"

#define LOOK_MASK 63 // once in so many positions: is a mark that was reached over?

// All relaxed: what tools are told orders nothing.
static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void tell(struct shmchan *ch, uint32_t reached, uint64_t depth, uint64_t pos)
{
	uint32_t was = !reached;

	if (atomic_compare_exchange_strong_explicit(&ch->r.ring->marked, &was, reached, memory_order_relaxed,
						    memory_order_relaxed))
		SHMCHAN_PROBE_MARK(ch->r.key, depth, pos);
}

static uint64_t taken_by_all(const struct shmchan *ch)
{
	uint64_t done, taken;

	if (ch->l)
		return shmchan_list_taken(&ch->r);
	shmchan_ring_cursor(&ch->r, &done, &taken);
	return taken;
}

void shmchan_mark_push(struct shmchan *ch, uint64_t pos)
{
	uint32_t mark = load(&ch->r.ring->mark), marked = load(&ch->r.ring->marked);
	uint64_t depth;

	if (mark == 0 || (marked ? pos & LOOK_MASK : pos + 1 - ch->mark_seen < mark))
		return;
	ch->mark_seen = taken_by_all(ch);
	depth = pos + 1 - ch->mark_seen;
	if (depth > ch->r.cap) // read one after the other, while others run
		return;
	if (depth >= mark && !marked)
		tell(ch, 1, depth, pos);
	else if (depth <= mark / 2 && marked)
		tell(ch, 0, depth, pos);
}

uint64_t shmchan_mark_room(const struct shmchan *ch)
{
	uint32_t mark = load(&ch->r.ring->mark);
	uint64_t first = ch->mark_seen + mark - 1;

	if (mark == 0)
		return UINT64_MAX;
	// It may be over at once; from there so many are needed to reach it again.
	if (load(&ch->r.ring->marked))
		return mark - mark / 2 - 1;
	return ch->pos < first ? first - ch->pos : 0;
}

uint64_t shmchan_mark_take_room(const struct shmchan *ch)
{
	uint32_t mark = load(&ch->r.ring->mark);

	if (mark == 0)
		return UINT64_MAX;
	// It may be reached at once, and so many later it is over.
	if (!load(&ch->r.ring->marked))
		return mark - mark / 2 - 1;
	return ch->hot.taken < ch->mark_look ? ch->mark_look - ch->hot.taken : 0;
}

// Of a ring the producers' hint lags: what tells whether it is at least so deep is the cell of that message.
static bool is_deeper(const struct shmchan *ch, uint64_t hinted, uint64_t than)
{
	return hinted > than || (!ch->l && than < ch->r.cap && shmchan_ring_holds(&ch->r, ch->hot.taken + than));
}

void shmchan_mark_pop(struct shmchan *ch)
{
	uint32_t mark = load(&ch->r.ring->mark);
	uint64_t half = mark / 2, depth = shmchan_hinted_depth(ch);

	if (mark == 0)
		return;
	if (!load(&ch->r.ring->marked)) { // it was as deep before anybody watched, and nothing has been sent since
		if (depth >= mark)
			tell(ch, 1, depth, ch->hot.taken - 1);
	} else if (!is_deeper(ch, depth, half)) {
		tell(ch, 0, half && is_deeper(ch, depth, half - 1) ? half : depth, ch->hot.taken - 1);
	} else { // others of a list may take too
		ch->mark_look = ch->hot.taken + (ch->l || depth <= half ? 0 : depth - half - 1);
	}
}
