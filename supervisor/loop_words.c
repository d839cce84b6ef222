#include "supervisor/loop_words.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum slot_state { FREE, IDLE, ARMED, HIT };

struct slot {
	enum slot_state state;
	uint32_t place, generation;
	const uint32_t *word;
	uint32_t value;
	short revents; // of HIT
};

struct waiter {
	pthread_t thread;
	pthread_mutex_t lock;   // of all below but `changed`, which is also waited for
	_Atomic uint32_t changed; // counts the changes of what is to be waited for
	bool stop;
	int poke; // the eventfd
	struct slot slots[WORDS_EACH];
};

struct words {
	int poke;
	struct waiter **waiters;
	unsigned cnt;
};

static long wait_for(struct futex_waitv *v, unsigned cnt)
{
	return syscall(SYS_futex_waitv, v, cnt, 0, NULL, 0);
}

// Like that for v[0] alone, and without memory of the kernel's.
static long wait_for_change(struct waiter *w, uint32_t value)
{
	return syscall(SYS_futex, &w->changed, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

// ------------------------------------------------------------------------------------------------ a thread

// Returns how many there are; of[i] is the slot of v[i], and v[0] is `changed`.
static unsigned gather(struct waiter *w, struct futex_waitv *v, struct slot **of)
{
	unsigned cnt = 1;

	// Relaxed: changed under the lock that is held.
	v[0] = (struct futex_waitv){.val = atomic_load_explicit(&w->changed, memory_order_relaxed),
				    .uaddr = (uintptr_t)&w->changed,
				    .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
	for (unsigned i = 0; i < WORDS_EACH; i++)
		if (w->slots[i].state == ARMED) {
			v[cnt] = (struct futex_waitv){
				.val = w->slots[i].value, .uaddr = (uintptr_t)w->slots[i].word, .flags = FUTEX_32};
			of[cnt++] = &w->slots[i];
		}
	return cnt;
}

static bool hit(struct slot *s, short revents)
{
	if (s->state != ARMED)
		return false;
	s->state = HIT;
	s->revents = revents;
	return true;
}

// What came of a wait: woken is its result, -1 with `err`. Of several words that were woken the kernel names one, so each is looked at;
// it had all of them in its hands, and none was taken back since, so they are there.
static bool judge(struct waiter *w, const struct futex_waitv *v, struct slot **of, unsigned cnt, long woken, int err)
{
	bool failed = woken < 0 && err != EAGAIN && err != EINTR, any = false;

	// Under the lock. If it is another by now the next wait compares them all.
	if (atomic_load_explicit(&w->changed, memory_order_relaxed) != v[0].val)
		return false;
	for (unsigned i = 1; i < cnt; i++) {
		// Relaxed: a hint; who is told reads the word for himself.
		if (failed)
			any |= hit(of[i], POLLERR);
		else if (woken == i ||
			 atomic_load_explicit((const _Atomic uint32_t *)of[i]->word, memory_order_relaxed) != of[i]->value)
			any |= hit(of[i], POLLIN);
	}
	return any;
}

static void *sleep_and_poke(void *arg)
{
	struct futex_waitv v[WORDS_EACH + 1];
	struct slot *of[WORDS_EACH + 1];
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		unsigned cnt = gather(w, v, of);
		long woken;
		int err;

		pthread_mutex_unlock(&w->lock);
		woken = cnt == 1 ? wait_for_change(w, (uint32_t)v[0].val) : wait_for(v, cnt);
		err = errno;
		pthread_mutex_lock(&w->lock);
		if (judge(w, v, of, cnt, woken, err))
			eventfd_write(w->poke, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

// ------------------------------------------------------------------------------------------------ the loop's end

static void begin_change(struct waiter *w)
{
	pthread_mutex_lock(&w->lock);
	// Relaxed: the lock orders it for the thread, and futex_waitv compares it in the kernel.
	atomic_fetch_add_explicit(&w->changed, 1, memory_order_relaxed);
}

static void end_change(struct waiter *w)
{
	pthread_mutex_unlock(&w->lock);
	syscall(SYS_futex, &w->changed, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

// With every signal blocked: they are for the loop.
static int start(struct waiter *w)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&w->thread, NULL, sleep_and_poke, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!err)
		pthread_setname_np(w->thread, WORDS_THREAD);
	return err;
}

static int add_waiter(struct words *w)
{
	struct waiter **more = realloc(w->waiters, (w->cnt + 1) * sizeof(*more));
	struct waiter *one = calloc(1, sizeof(*one));
	int err;

	w->waiters = more ? more : w->waiters;
	if (!more || !one) {
		free(one);
		return ENOMEM;
	}
	pthread_mutex_init(&one->lock, NULL);
	one->poke = w->poke;
	err = start(one);
	if (err) {
		pthread_mutex_destroy(&one->lock);
		free(one);
		return err;
	}
	w->waiters[w->cnt++] = one;
	return 0;
}

int words_open(struct words **out)
{
	struct words *w;

	*out = NULL;
	if (wait_for(NULL, 0) != -1 || errno != EINVAL)
		return ENOSYS;
	w = calloc(1, sizeof(*w));
	if (!w)
		return ENOMEM;
	w->poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->poke < 0) {
		free(w);
		return errno;
	}
	*out = w;
	return 0;
}

void words_close(struct words *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < w->cnt; i++) {
		begin_change(w->waiters[i]);
		w->waiters[i]->stop = true;
		end_change(w->waiters[i]);
		pthread_join(w->waiters[i]->thread, NULL);
		pthread_mutex_destroy(&w->waiters[i]->lock);
		free(w->waiters[i]);
	}
	close(w->poke);
	free(w->waiters);
	free(w);
}

int words_fd(const struct words *w)
{
	return w->poke;
}

// Whether a slot is free, and for which place, only the loop changes: it may look without the lock.
static struct slot *slot_of(struct words *w, uint32_t place, struct waiter **of)
{
	for (unsigned i = 0; i < w->cnt; i++)
		for (unsigned j = 0; j < WORDS_EACH; j++)
			if (w->waiters[i]->slots[j].place == place) {
				*of = w->waiters[i];
				return &w->waiters[i]->slots[j];
			}
	return NULL;
}

int words_reserve(struct words *w, uint32_t place)
{
	struct waiter *of = NULL;
	struct slot *s = slot_of(w, 0, &of); // place 0 is nobody's
	int err = s ? 0 : add_waiter(w);

	if (!s && !err)
		s = slot_of(w, 0, &of);
	if (!s)
		return err;
	pthread_mutex_lock(&of->lock);
	*s = (struct slot){.state = IDLE, .place = place};
	pthread_mutex_unlock(&of->lock);
	return 0;
}

static void set(struct words *w, uint32_t place, struct slot to)
{
	struct waiter *of;
	struct slot *s = slot_of(w, place, &of);

	if (!s)
		return;
	begin_change(of);
	*s = to;
	end_change(of);
}

void words_release(struct words *w, uint32_t place)
{
	set(w, place, (struct slot){.state = FREE});
}

void words_arm(struct words *w, uint32_t place, uint32_t generation, const uint32_t *word, uint32_t value)
{
	set(w, place, (struct slot){ARMED, place, generation, word, value, 0});
}

void words_disarm(struct words *w, uint32_t place)
{
	set(w, place, (struct slot){.state = IDLE, .place = place});
}

void words_heard(struct words *w)
{
	eventfd_t n;

	eventfd_read(w->poke, &n);
}

void words_poke(struct words *w)
{
	eventfd_write(w->poke, 1);
}

bool words_next(struct words *w, struct loop_hit *out)
{
	for (unsigned i = 0; i < w->cnt; i++) {
		struct waiter *of = w->waiters[i];
		bool found = false;

		pthread_mutex_lock(&of->lock);
		for (unsigned j = 0; j < WORDS_EACH && !found; j++) {
			struct slot *s = &of->slots[j];

			found = s->state == HIT;
			if (found) {
				*out = (struct loop_hit){s->place, s->generation, s->revents};
				s->state = IDLE;
			}
		}
		pthread_mutex_unlock(&of->lock);
		if (found)
			return true;
	}
	return false;
}
