// Waiting for several channels at once, by a call of its own or by a request in the caller's io_uring.
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "shmchan/list_chan.h"
#include "shmchan/wait.h"

int shmchan_select(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n, uint64_t timeout_ns)
{
	uint64_t deadline = shmchan_wait_deadline(timeout_ns);
	int r = (int)shmchan_wait_look(sel, n);

	if (n == 0)
		return SHMCHAN_EINVAL;
	while (r == 0)
		r = shmchan_wait_until(p, sel, n, deadline);
	return r;
}

// Of the ready ones the most urgent; among equals the one whose turn is longest ago. -1: none is ready.
static int pick(const struct shmchan_sel *sel, unsigned n)
{
	int best = -1;

	for (unsigned i = 0; i < n; i++)
		if (sel[i].ready && (best < 0 || sel[i].priority > sel[best].priority ||
				     (sel[i].priority == sel[best].priority && sel[i].turn < sel[best].turn)))
			best = (int)i;
	return best;
}

int shmchan_recv_any(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n, struct shmchan_msg *m,
		     uint64_t timeout_ns)
{
	uint64_t deadline = shmchan_wait_deadline(timeout_ns);
	int r = (int)shmchan_wait_look(sel, n), i;

	if (n == 0)
		return SHMCHAN_EINVAL;
	for (i = 0; i < (int)n; i++)
		if (sel[i].ch->tx)
			return SHMCHAN_EINVAL;
	for (;;) {
		while (r > 0 && (i = pick(sel, n)) >= 0) {
			int err = shmchan_take(sel[i].ch, m);

			if (err == 0) {
				sel[i].turn = ++p->turn;
				return i;
			}
			if (err != SHMCHAN_EMPTY)
				return err;
			sel[i].ready = 0; // a cell that was given up, or another consumer was faster
		}
		r = shmchan_wait_until(p, sel, n, deadline);
		if (r < 0)
			return r;
	}
}

// ---------------------------------------------------------------------------------------------- doorbell

int shmchan_doorbell_arm(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n,
			 struct shmchan_doorbell *out)
{
	unsigned found;

	*out = (struct shmchan_doorbell){.word = (uint32_t *)&p->self->bell};
	shmchan_beat(p);
	found = shmchan_wait_look(sel, n);
	if (found)
		return (int)found;
	shmchan_wait_announce(sel, n);
	out->value = shmchan_bell_prepare(&p->self->bell, p->c.fence);
	shmchan_mpmc2_sleep(p, sel, n);
	found = shmchan_wait_look(sel, n);
	if (found)
		shmchan_doorbell_disarm(p, out);
	return (int)found;
}

void shmchan_doorbell_disarm(struct shmchan_proc *p, const struct shmchan_doorbell *d)
{
	shmchan_mpmc2_awake(p);
	shmchan_bell_cancel(&p->self->bell, d->value);
}

// From linux/io_uring.h and linux/futex.h of Linux 6.7; Debian 12 has the headers of 6.1.
#define OP_FUTEX_WAIT 51
#define FUTEX_SIZE_U32 2
#define REGISTER_PROBE 8
#define OP_SUPPORTED 1u

struct sqe { // struct io_uring_sqe, the part of it that this request uses
	uint8_t opcode, flags;
	uint16_t ioprio;
	int32_t fd;
	uint64_t off, addr;
	uint32_t len, op_flags;
	uint64_t user_data;
	uint16_t buf_index, personality;
	int32_t file_index;
	uint64_t addr3, pad;
};
_Static_assert(sizeof(struct sqe) == 64 && offsetof(struct sqe, user_data) == 32 &&
		       offsetof(struct sqe, addr3) == 48,
	       "ABI of the kernel");

void shmchan_doorbell_sqe(const struct shmchan_doorbell *d, void *sqe)
{
	struct sqe *s = sqe;

	// The word is shared between processes: no FUTEX2_PRIVATE.
	*s = (struct sqe){.opcode = OP_FUTEX_WAIT,
			  .fd = FUTEX_SIZE_U32,
			  .addr = (uintptr_t)d->word,
			  .off = d->value,
			  .addr3 = UINT32_MAX};
}

bool shmchan_doorbell_uring(int ring_fd)
{
	struct {
		uint8_t last_op, ops_len;
		uint16_t resv;
		uint32_t resv2[3];
		struct {
			uint8_t op, resv;
			uint16_t flags;
			uint32_t resv2;
		} ops[OP_FUTEX_WAIT + 1];
	} probe;

	memset(&probe, 0, sizeof(probe));
	return syscall(SYS_io_uring_register, ring_fd, REGISTER_PROBE, &probe, OP_FUTEX_WAIT + 1) == 0 &&
	       probe.last_op >= OP_FUTEX_WAIT && probe.ops[OP_FUTEX_WAIT].flags & OP_SUPPORTED;
}
