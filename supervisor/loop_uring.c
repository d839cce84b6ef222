#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include "supervisor/loop_inside.h"

#define RING_ENTRIES 256
#define NOBODY UINT64_MAX // user data of requests whose result says nothing

// From linux/io_uring.h and linux/futex.h of Linux 6.7; the headers may be older than the kernel.
#define OP_FUTEX_WAIT 51
#define FUTEX_SIZE_U32 2

struct uring {
	struct io_uring ring;
	bool words; // the kernel has OP_FUTEX_WAIT
};

static bool has_futex_wait(struct io_uring *ring)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(ring);
	bool has = p && io_uring_opcode_supported(p, OP_FUTEX_WAIT);

	io_uring_free_probe(p);
	return has;
}

static int uring_open(void **state)
{
	struct uring *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return ENOMEM;
	err = -io_uring_queue_init(RING_ENTRIES, &u->ring, 0);
	if (!err && (u->ring.features & (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)) !=
			    (IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP)) {
		io_uring_queue_exit(&u->ring);
		err = ENOSYS;
	}
	if (err) {
		free(u);
		return err;
	}
	io_uring_ring_dontfork(&u->ring);
	u->words = has_futex_wait(&u->ring);
	*state = u;
	return 0;
}

static void uring_close(void *state)
{
	struct uring *u = state;

	io_uring_submit(
		&u->ring); // what was disarmed lets go of its file now, not when the ring is torn down
	io_uring_queue_exit(&u->ring);
	free(u);
}

static bool uring_waits_for_words(void *state)
{
	return ((struct uring *)state)->words;
}

static struct io_uring_sqe *next_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	while (!sqe) {
		io_uring_submit(
			&u->ring); // full: makes room, the kernel takes requests from a full queue at once
		sqe = io_uring_get_sqe(&u->ring);
	}
	return sqe;
}

static uint64_t tag(const struct loop_place *places, uint32_t place)
{
	return (uint64_t)places[place].generation << 32 | place;
}

// The word is shared between processes: no FUTEX2_PRIVATE.
static void prepare_futex(struct io_uring_sqe *sqe, const struct loop_futex *f)
{
	io_uring_prep_rw(OP_FUTEX_WAIT, sqe, FUTEX_SIZE_U32, f->word, 0, f->value);
	sqe->addr3 = UINT32_MAX; // woken by any
}

static void uring_arm(void *state, const struct loop_place *places, uint32_t place)
{
	struct io_uring_sqe *sqe = next_sqe(state);
	const struct loop_watch *w = places[place].watch;

	if (w->fd == LOOP_FUTEX)
		prepare_futex(sqe, (const struct loop_futex *)w);
	else
		io_uring_prep_poll_add(sqe, w->fd, (unsigned)w->events);
	io_uring_sqe_set_data64(sqe, tag(places, place));
}

static void uring_disarm(void *state, const struct loop_place *places, uint32_t place)
{
	struct io_uring_sqe *sqe = next_sqe(state);

	if (places[place].watch->fd == LOOP_FUTEX)
		io_uring_prep_cancel64(sqe, tag(places, place), 0);
	else
		io_uring_prep_poll_remove(sqe, tag(places, place));
	io_uring_sqe_set_data64(sqe, NOBODY);
}

static short revents_of(const struct loop_watch *w, int res)
{
	if (w && w->fd == LOOP_FUTEX)
		return res == 0 || res == -EAGAIN ? POLLIN : POLLERR;
	return res < 0 ? POLLERR : (short)res;
}

static int uring_wait(void *state, const struct loop_place *places, uint32_t place_cnt, uint64_t timeout_ns,
		      struct loop_hit *hits)
{
	struct uring *u = state;
	struct __kernel_timespec ts = {(int64_t)(timeout_ns / 1000000000),
				       (long long)(timeout_ns % 1000000000)};
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;
	int err, n = 0;

	err = io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, timeout_ns == UINT64_MAX ? NULL : &ts,
					       NULL);
	if (err < 0 && err != -ETIME && err != -EINTR && err != -EAGAIN && err != -EBUSY)
		return err;
	io_uring_for_each_cqe(&u->ring, head, cqe)
	{
		uint64_t data = io_uring_cqe_get_data64(cqe);

		if (n == LOOP_HIT_MAX)
			break;
		seen++;
		if (data == NOBODY || data == LIBURING_UDATA_TIMEOUT || (uint32_t)data >= place_cnt ||
		    places[(uint32_t)data].generation != data >> 32)
			continue;
		hits[n++] = (struct loop_hit){(uint32_t)data, (uint32_t)(data >> 32),
					      revents_of(places[(uint32_t)data].watch, cqe->res)};
	}
	io_uring_cq_advance(&u->ring, seen);
	return n;
}

const struct loop_ops loop_uring_ops = {"io_uring", uring_open,	  uring_close, uring_waits_for_words,
					uring_arm,  uring_disarm, uring_wait};
