// The calls that wait: look for a while, then sleep on the process's doorbell (bell.h).
#include <time.h>
#include "shmchan/list_chan.h"
#include "shmchan/probe.h"
#include "shmchan/wait.h"

// How long it is looked before a sleep adapts to whether a longer look would have spared the sleep.
#define SPINS_MIN 16
#define SPINS_MAX 1024
#define SLEEP_SHORT_NS 50000 // about three times what waking somebody on another core takes

static inline void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t shmchan_wait_deadline(uint64_t timeout_ns)
{
	uint64_t now;

	if (timeout_ns == SHMCHAN_FOREVER || timeout_ns == 0)
		return timeout_ns;
	now = now_ns();
	return timeout_ns > SHMCHAN_FOREVER - 1 - now ? SHMCHAN_FOREVER : now + timeout_ns;
}

bool shmchan_wait_over(uint64_t deadline)
{
	return deadline != SHMCHAN_FOREVER && now_ns() >= deadline;
}

unsigned shmchan_wait_look(struct shmchan_sel *sel, unsigned n)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++) {
		sel[i].ready = shmchan_has_work(sel[i].ch);
		found += sel[i].ready;
	}
	return found;
}

static unsigned spin(const struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n)
{
	for (uint32_t i = 0; i < p->spins; i++) {
		unsigned found = shmchan_wait_look(sel, n);

		if (found)
			return found;
		pause_briefly();
	}
	return 0;
}

// After a look in vain of `looked` and a sleep of `slept`. A short sleep would have been spared by a longer look; unless the
// look was long already: then who was waited for shares this core, and a look only keeps it from running.
static void adapt(struct shmchan_proc *p, uint64_t looked, uint64_t slept)
{
	if (slept < SLEEP_SHORT_NS && looked < 2 * slept)
		p->spins = p->spins < SPINS_MAX / 2 ? p->spins * 2 : SPINS_MAX;
	else
		p->spins = p->spins > SPINS_MIN * 2 ? p->spins / 2 : SPINS_MIN;
}

void shmchan_wait_announce(struct shmchan_sel *sel, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct shmchan *ch = sel[i].ch;

		if (ch->tx) {
			// Relaxed: the fence in shmchan_bell_prepare orders it before the look that follows.
			atomic_store_explicit(&ch->r.ring->tx_wait, 1, memory_order_relaxed);
		} else {
			shmchan_flush(ch);
		}
	}
}

static int sleep_once(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n, uint64_t deadline)
{
	uint64_t now = deadline == SHMCHAN_FOREVER ? 0 : now_ns(), slept_at;
	uint32_t value;
	unsigned found;
	int err;

	if (deadline != SHMCHAN_FOREVER && now >= deadline)
		return SHMCHAN_TIMEOUT;
	shmchan_wait_announce(sel, n);
	value = shmchan_bell_prepare(&p->self->bell, p->c.fence);
	shmchan_mpmc2_sleep(p, sel, n);
	found = shmchan_wait_look(sel, n);
	if (found) {
		shmchan_bell_cancel(&p->self->bell, value);
		shmchan_mpmc2_awake(p);
		return (int)found;
	}
	SHMCHAN_PROBE_SLEEP(p->slot_key);
	slept_at = SHMCHAN_PROBE_WAKE_ENABLED() ? now_ns() : 0;
	err = shmchan_bell_wait(&p->self->bell, value,
				deadline == SHMCHAN_FOREVER ? SHMCHAN_FOREVER : deadline - now);
	SHMCHAN_PROBE_WAKE(p->slot_key, slept_at ? now_ns() - slept_at : 0);
	shmchan_mpmc2_awake(p);
	return err;
}

int shmchan_wait_until(struct shmchan_proc *p, struct shmchan_sel *sel, unsigned n, uint64_t deadline)
{
	int r;

	uint64_t began = now_ns(), looked;

	shmchan_beat(p);
	r = (int)spin(p, sel, n);
	if (r)
		return r;
	looked = now_ns();
	r = sleep_once(p, sel, n, deadline);
	if (r == 0)
		adapt(p, looked - began, now_ns() - looked);
	if (r == SHMCHAN_TIMEOUT || r == SHMCHAN_INTR) {
		int found = (int)shmchan_wait_look(sel, n);

		return found ? found : r;
	}
	return r;
}

int shmchan_recv(struct shmchan *ch, struct shmchan_msg *m, uint64_t timeout_ns)
{
	struct shmchan_sel sel = {.ch = ch};
	int err = shmchan_take(ch, m);
	uint64_t deadline;

	if (err != SHMCHAN_EMPTY)
		return err;
	deadline = shmchan_wait_deadline(timeout_ns);
	do {
		int r = shmchan_wait_until(ch->proc, &sel, 1, deadline);

		if (r < 0)
			return r;
		err = shmchan_take(ch, m);
	} while (err == SHMCHAN_EMPTY && !shmchan_wait_over(deadline));
	return err == SHMCHAN_EMPTY ? SHMCHAN_TIMEOUT : err;
}

int shmchan_send(struct shmchan *ch, const struct shmchan_msg *m, uint64_t timeout_ns)
{
	struct shmchan_sel sel = {.ch = ch};
	int err = shmchan_try_send(ch, m);
	uint64_t deadline;

	if (err != SHMCHAN_FULL)
		return err;
	deadline = shmchan_wait_deadline(timeout_ns);
	do {
		int r = shmchan_wait_until(ch->proc, &sel, 1, deadline);

		if (r < 0)
			return r;
		err = shmchan_try_send(ch, m);
	} while (err == SHMCHAN_FULL &&
		 !shmchan_wait_over(deadline)); // room that another producer takes each time is none
	return err == SHMCHAN_FULL ? SHMCHAN_TIMEOUT : err;
}

int shmchan_send_batch(struct shmchan *ch, const struct shmchan_msg *m, unsigned n, uint64_t timeout_ns)
{
	struct shmchan_sel sel = {.ch = ch};
	uint64_t deadline = shmchan_wait_deadline(timeout_ns);
	unsigned sent = 0;
	int r;

	for (;;) {
		r = shmchan_try_send_batch(ch, m + sent, n - sent);
		sent += r > 0 ? (unsigned)r : 0;
		if (sent == n || (r < 0 && r != SHMCHAN_FULL))
			break;
		if (r == SHMCHAN_FULL && shmchan_wait_over(deadline)) {
			r = SHMCHAN_TIMEOUT;
			break;
		}
		if (r == SHMCHAN_FULL && (r = shmchan_wait_until(ch->proc, &sel, 1, deadline)) < 0)
			break;
	}
	return sent ? (int)sent : r;
}

int shmchan_recv_batch(struct shmchan *ch, struct shmchan_msg *m, unsigned n, uint64_t timeout_ns)
{
	int got, err;

	if (n == 0)
		return SHMCHAN_EINVAL;
	err = shmchan_recv(ch, m, timeout_ns);
	if (err)
		return err;
	got = n > 1 && m->status != SHMCHAN_PEER_DIED ? shmchan_take_batch(ch, m + 1, n - 1) : 0;
	return 1 + (got > 0 ? got : 0);
}

// Is tx read by the sender of the oldest message in flight on rx, and is that sender dead?
static bool nobody_waits(const struct shmchan *rx, const struct shmchan *tx)
{
	struct shmchan_head head;

	if (rx->l)
		shmchan_list_asker(rx, &head);
	else
		shmchan_ring_head(&rx->r, rx->hot.done, &head);
	return !tx->many && shmchan_owner_slot(head.sender) == tx->r.ring->consumer &&
	       !shmchan_alive(rx->proc, head.sender);
}

int shmchan_answer(struct shmchan *rx, struct shmchan *tx, const struct shmchan_msg *m, uint64_t timeout_ns)
{
	struct shmchan_sel sel = {.ch = tx};
	int err = shmchan_try_answer(rx, tx, m);
	uint64_t deadline;

	if (err != SHMCHAN_FULL)
		return err;
	deadline = shmchan_wait_deadline(timeout_ns);
	do {
		int r;

		if (nobody_waits(rx, tx)) {
			shmchan_done(rx);
			return SHMCHAN_PEER_DIED;
		}
		r = shmchan_wait_until(rx->proc, &sel, 1, deadline);
		if (r < 0)
			return r;
		err = shmchan_try_answer(rx, tx, m);
	} while (err == SHMCHAN_FULL && !shmchan_wait_over(deadline));
	return err == SHMCHAN_FULL ? SHMCHAN_TIMEOUT : err;
}
