// The path of a plain message, compiled into the program: for streams in which every nanosecond counts.
//
// Each of these is the call of the same name without "inline_": same results, same guarantees at a death, on a channel of any
// kind, and both may be mixed. What they do themselves is the frequent case: a plain message (a type and bytes, nothing else) on a
// spsc or slot channel, in the middle of a run. All else they hand to the call.
//
//	void *room;
//	if (shmchan_inline_reserve(out, &room) == 0) {
//		fill(room);
//		shmchan_inline_commit(out, 1, sizeof(struct quote));
//	}
//
// Why it is faster by more than a call costs: stores leave a core in order, and one to any other memory between two messages
// keeps their lines from crossing side by side. A call stores its return address, and a struct shmchan_msg is stored too. Here
// nothing but the next cell's address is (contenders shmchan-spsc-inline and -inline-inplace of tests/bench/ipc).
//
// A program that includes this header has the layout of a handle's front compiled in (hot.h). It refers to the symbol named after
// the layout's number, which a library of another layout does not have: such a program is refused when it is linked or started.
//
// Without the stores that make it safe to die (SHMCHAN_BENCH_UNSAFE) it is what tests/bench compares with.
//
// Needs the __atomic functions of gcc or clang, since C++ has no _Atomic.
#ifndef SHMCHAN_INLINE_H
#define SHMCHAN_INLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "shmchan/hot.h"
#include "shmchan/shmchan.h"

#ifdef __cplusplus
extern "C" {
#endif

// shmchan_inline_try_send copies len bytes at data into a cell and publishes it as a message of `type`. Errors as
// shmchan_try_send. Fastest if len is a constant and a multiple of 8, at most 256.
static inline int shmchan_inline_try_send(struct shmchan *ch, uint16_t type, const void *data, uint32_t len);

// shmchan_inline_reserve claims the next free cell, as shmchan_reserve: *data has room for shmchan_msg_size(ch) bytes, to be
// filled in place; NULL after an error. Errors as there.
static inline int shmchan_inline_reserve(struct shmchan *ch, void **data);
// shmchan_inline_commit publishes the reserved cell as a message of `type` and len bytes. Errors as shmchan_commit.
static inline int shmchan_inline_commit(struct shmchan *ch, uint16_t type, uint32_t len);

// shmchan_inline_take takes the next message without waiting, as shmchan_take. *m is the library's to write; it is set if the call
// succeeds. Errors: EMPTY.
static inline int shmchan_inline_take(struct shmchan *ch, struct shmchan_msg *m);
// shmchan_inline_done completes the oldest message in flight, as shmchan_done. Errors: ENOENT.
static inline int shmchan_inline_done(struct shmchan *ch);

// ---- the library's own; the word of a cell is described in word.h

#define SHMCHAN_HOT(ch) ((struct shmchan_hot *)(void *)(ch))
// A call would be among what is to be avoided, however the compiler weighs it.
#define SHMCHAN_HOT_INLINE static inline __attribute__((always_inline))
#define SHMCHAN_HOT_RARE(cond) __builtin_expect(!!(cond), 0)

__attribute__((used)) static const char *const shmchan_hot_layout = &shmchan_hot_layout_1;

// Is `cell` in the run, and may a plain message of this type and length go there?
SHMCHAN_HOT_INLINE bool shmchan_hot_fits(const struct shmchan_hot *h, const struct shmchan_cell *cell, uint16_t type, uint32_t len)
{
	return __builtin_expect(cell < h->run_end, 1) && len <= h->msg_size && type <= SHMCHAN_TYPE_MAX &&
	       (*h->push_listened == 0 || h->run_watched);
}

// Dying before the store of the word leaves a cell that looks as before: nothing was sent. After it the message is.
SHMCHAN_HOT_INLINE int shmchan_hot_publish(struct shmchan *ch, struct shmchan_cell *cell, uint16_t type, uint32_t len)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);

	// Release: pairs with the acquire in shmchan_inline_take and in take.c.
	__atomic_store_n((uint64_t *)(void *)cell, h->lap_word | (uint64_t)len << 16 | type, __ATOMIC_RELEASE);
	// Before the next cell is written, for who reads along: pairs with the acquire fence in follow.c.
	__atomic_thread_fence(__ATOMIC_RELEASE);
	h->cell = (struct shmchan_cell *)(void *)((char *)cell + h->stride);
	// R1 of bell.h.
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return SHMCHAN_HOT_RARE(__atomic_load_n(h->bell, __ATOMIC_RELAXED) & 1) ? shmchan_hot_wake(ch) : 0;
}

// Whole words from the end to the begin, so that the line with the cell's word is the last to be written. Narrow, since a wide
// load of what the caller has just written by narrow stores waits for them.
SHMCHAN_HOT_INLINE void shmchan_hot_copy(void *to, const void *from, uint32_t len)
{
	while (len) {
		uint64_t w;

		len -= 8;
		memcpy(&w, (const char *)from + len, 8);
		memcpy((char *)to + len, &w, 8);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	}
}

__attribute__((noinline, cold, unused)) static int shmchan_hot_send_slowly(struct shmchan *ch, uint16_t type, const void *data,
								   uint32_t len)
{
	struct shmchan_msg m;

	memset(&m, 0, sizeof(m));
	m.data = data;
	m.len = len;
	m.type = type;
	return shmchan_try_send(ch, &m);
}

__attribute__((noinline, cold, unused)) static int shmchan_hot_commit_slowly(struct shmchan *ch, uint16_t type, uint32_t len)
{
	struct shmchan_msg m;

	memset(&m, 0, sizeof(m));
	m.len = len;
	m.type = type;
	return shmchan_commit(ch, &m);
}

SHMCHAN_HOT_INLINE int shmchan_inline_try_send(struct shmchan *ch, uint16_t type, const void *data, uint32_t len)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);
	struct shmchan_cell *cell = h->cell;

	if (SHMCHAN_HOT_RARE(!shmchan_hot_fits(h, cell, type, len) || cell == h->open || !h->unfenced || (len & 7) != 0 ||
			     len > SHMCHAN_HOT_COPY_MAX))
		return shmchan_hot_send_slowly(ch, type, data, len);
	shmchan_hot_copy((char *)cell + SHMCHAN_HOT_DATA, data, len);
	return shmchan_hot_publish(ch, cell, type, len);
}

SHMCHAN_HOT_INLINE int shmchan_inline_reserve(struct shmchan *ch, void **data)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);
	struct shmchan_cell *cell = h->cell;

	if (SHMCHAN_HOT_RARE(cell >= h->run_end || cell == h->open)) {
		void *room; // so that the caller's can be a register
		int err = shmchan_reserve(ch, &room);

		*data = room;
		return err;
	}
	h->open = cell;
	*data = (char *)cell + SHMCHAN_HOT_DATA;
	return 0;
}

SHMCHAN_HOT_INLINE int shmchan_inline_commit(struct shmchan *ch, uint16_t type, uint32_t len)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);
	struct shmchan_cell *cell = h->cell;

	if (SHMCHAN_HOT_RARE(!shmchan_hot_fits(h, cell, type, len) || cell != h->open || !h->unfenced))
		return shmchan_hot_commit_slowly(ch, type, len);
	return shmchan_hot_publish(ch, cell, type, len);
}

SHMCHAN_HOT_INLINE int shmchan_inline_take(struct shmchan *ch, struct shmchan_msg *m)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);
	struct shmchan_cell *c = h->at;
	uint64_t w;

	if (__builtin_expect(c < h->take_end, 1)) {
		// Acquire: pairs with the release in shmchan_hot_publish and in spsc.h.
		w = __atomic_load_n((const uint64_t *)(const void *)c, __ATOMIC_ACQUIRE);
		// Of this lap, without an extension, within bounds.
		if (__builtin_expect(((w ^ h->at_word) >> 37) == 0, 1) && ((uint32_t)(w >> 16) & 0x1fffffu) <= h->msg_size &&
		    (uint16_t)w <= SHMCHAN_TYPE_MAX && (*h->pop_listened == 0 || h->take_watched)) {
			__builtin_prefetch((const char *)c + h->prefetch);
			m->data = (const char *)c + SHMCHAN_HOT_DATA;
			m->len = (uint32_t)(w >> 16) & 0x1fffffu;
			m->type = (uint16_t)w;
			m->reply = 0;
			m->corr = 0;
			m->block = SHMCHAN_NO_BLOCK;
			m->sender = h->from;
			m->deliveries = 0;
			m->status = 0;
			m->pos = h->taken++;
#ifndef SHMCHAN_BENCH_UNSAFE
			// From this store on the message is in flight. Relaxed, read after a death only; the fence keeps the
			// compiler from moving the reader's loads before it.
			__atomic_store_n(&h->exact[0], h->taken, __ATOMIC_RELAXED);
			__atomic_signal_fence(__ATOMIC_SEQ_CST);
#endif
			h->at = (struct shmchan_cell *)(void *)((char *)c + h->stride);
			return 0;
		}
	}
	{
		struct shmchan_msg taken; // so that the caller's can be registers
		int err = shmchan_take(ch, &taken);

		if (err == 0)
			*m = taken;
		return err;
	}
}

SHMCHAN_HOT_INLINE int shmchan_inline_done(struct shmchan *ch)
{
	struct shmchan_hot *h = SHMCHAN_HOT(ch);

	if (SHMCHAN_HOT_RARE(h->done >= h->done_end || h->done == h->taken || *h->done_listened != 0))
		return shmchan_done(ch);
	h->done++;
#ifndef SHMCHAN_BENCH_UNSAFE
	// Completed by this store. Release: with it the cell may be used again.
	__atomic_store_n(&h->exact[1], h->done, __ATOMIC_RELEASE);
#endif
	return SHMCHAN_HOT_RARE(__atomic_load_n(h->tx_wait, __ATOMIC_RELAXED) != 0) ? shmchan_hot_give_room(ch) : 0;
}

#ifdef __cplusplus
}
#endif
#endif
