#include "shmchan/pulse.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_BACK 8   // bytes of word 0 before the end of its page
#define STEP 16        // from one word to the next: an element and the link before it

struct shmchan_pulse {
	struct shmchan_pulse *next; // of those left
	char *base;                 // of each page: the shared one, and this process's own
	size_t page;
	_Atomic uint32_t tids[SHMCHAN_PULSE_WORDS]; // who holds it; 0 = nobody since it was mapped
};

// Those that were left while the lists of other threads led through them.
static _Atomic(struct shmchan_pulse *) left;

// Of this thread.
static __thread struct {
	struct shmchan_pulse *of; // NULL: it holds none
	unsigned word;
	pid_t pid; // a child after fork has no list
} held;

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t shmchan_pulse_footprint(void)
{
	return SHMCHAN_PULSE_PAGES * page_size();
}

static size_t back(unsigned i)
{
	return FIRST_BACK + i % SHMCHAN_PULSE_PER_PAGE * STEP;
}

shmchan_pulse_word *shmchan_pulse_at(void *mem, unsigned i)
{
	return (shmchan_pulse_word *)((char *)mem + (i / SHMCHAN_PULSE_PER_PAGE + 1) * page_size() - back(i));
}

// Word i in the mapping of p.
static shmchan_pulse_word *own(const struct shmchan_pulse *p, unsigned i)
{
	return (shmchan_pulse_word *)(p->base + (i / SHMCHAN_PULSE_PER_PAGE * 2 + 1) * p->page - back(i));
}

// The list as the C library links it: an element points to the next, and what stands before it points to the one that points
// to it. Before the head it is read by nobody.
struct link {
	struct link *next;
};

static struct link **prev_of(struct link *l)
{
	return (struct link **)l - 1;
}

static struct robust_list_head *list_of_thread(void)
{
#if defined(__GLIBC__) && __SIZEOF_POINTER__ == 8
	struct robust_list_head *head;
	size_t size;

	if (syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head && size == sizeof(*head))
		return head;
#endif
	return NULL; // of no other C library is it known how it links
}

// Element of word i; NULL if with this C library it would not lie in the page that is this process's own.
static struct link *element(const struct shmchan_pulse *p, unsigned i, const struct robust_list_head *head)
{
	char *at = (char *)own(p, i) - head->futex_offset;
	char *page = (char *)own(p, i) + back(i);

	return at >= page + sizeof(struct link *) && at + sizeof(struct link) <= page + p->page ? (struct link *)at
													: NULL;
}

static void release(struct shmchan_pulse *p)
{
	if (p->base != MAP_FAILED)
		munmap(p->base, SHMCHAN_PULSE_PAGES * 2 * p->page);
	free(p);
}

// Whether a thread holds a word of p. One that has ended has an id that no thread of this process has: the kernel went
// through its list before it gave the id up.
static bool is_held(const struct shmchan_pulse *p)
{
	for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++) {
		uint32_t tid = atomic_load_explicit(&p->tids[i], memory_order_relaxed);

		if (tid && (syscall(SYS_tgkill, getpid(), tid, 0) == 0 || errno != ESRCH))
			return true;
	}
	return false;
}

static void leave_for_later(struct shmchan_pulse *p)
{
	p->next = atomic_load_explicit(&left, memory_order_relaxed);
	// Release: pairs with release_left's acquire.
	while (!atomic_compare_exchange_weak_explicit(&left, &p->next, p, memory_order_release, memory_order_relaxed))
		;
}

static void release_left(void)
{
	struct shmchan_pulse *p, *next;

	if (!atomic_load_explicit(&left, memory_order_relaxed))
		return;
	// Acquire: pairs with leave_for_later's release.
	for (p = atomic_exchange_explicit(&left, NULL, memory_order_acquire); p; p = next) {
		next = p->next;
		if (is_held(p))
			leave_for_later(p);
		else
			release(p);
	}
}

struct shmchan_pulse *shmchan_pulse_join(void *mem)
{
	struct shmchan_pulse *p = calloc(1, sizeof(*p));
	bool ok;

	release_left();
	if (!p)
		return NULL;
	p->page = page_size();
	p->base = mmap(NULL, SHMCHAN_PULSE_PAGES * 2 * p->page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ok = p->base != MAP_FAILED;
	for (unsigned i = 0; ok && i < SHMCHAN_PULSE_PAGES; i++) {
		char *to = p->base + i * 2 * p->page;

		// Of no bytes of a shared mapping it makes another one of the same page.
		ok = mremap((char *)mem + i * p->page, 0, p->page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to;
	}
	if (ok)
		return p;
	release(p);
	return NULL;
}

void shmchan_pulse_warm(struct shmchan_pulse *p)
{
	if (p)
		madvise(p->base, SHMCHAN_PULSE_PAGES * 2 * p->page, MADV_POPULATE_WRITE);
}

// A word that nobody holds, taken; SHMCHAN_PULSE_WORDS if there is none.
static unsigned take(struct shmchan_pulse *p, uint32_t tid)
{
	for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++) {
		uint32_t w = atomic_load_explicit(own(p, i), memory_order_relaxed);

		// Relaxed: the word says all there is. Dying here leaves it held by nobody: the pidfd tells.
		while (!(w & FUTEX_TID_MASK))
			if (atomic_compare_exchange_weak_explicit(own(p, i), &w, tid | FUTEX_WAITERS,
								  memory_order_relaxed, memory_order_relaxed))
				return i;
	}
	return SHMCHAN_PULSE_WORDS;
}

static void enqueue(struct robust_list_head *head, struct link *e)
{
	struct link *first = (struct link *)head->list.next, *at = (struct link *)((uintptr_t)first & ~(uintptr_t)1);

	e->next = first;
	*prev_of(e) = (struct link *)&head->list;
	if (at != (struct link *)&head->list)
		*prev_of(at) = e;
	// A death before this store leaves a list without e, after it one with it.
	atomic_signal_fence(memory_order_seq_cst);
	head->list.next = (struct robust_list *)e;
	atomic_signal_fence(memory_order_seq_cst);
}

static void dequeue(const struct robust_list_head *head, struct link *e)
{
	struct link *next = (struct link *)((uintptr_t)e->next & ~(uintptr_t)1);
	struct link *prev = (struct link *)((uintptr_t)*prev_of(e) & ~(uintptr_t)1);

	if (next != (const struct link *)&head->list)
		*prev_of(next) = *prev_of(e);
	atomic_signal_fence(memory_order_seq_cst);
	prev->next = e->next;
	atomic_signal_fence(memory_order_seq_cst);
}

static void wake(shmchan_pulse_word *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void shmchan_pulse_hold(struct shmchan_pulse *p)
{
	struct robust_list_head *head;
	uint32_t tid;
	unsigned i;

	if (!p || (held.of && held.pid == getpid()))
		return;
	head = list_of_thread();
	tid = (uint32_t)syscall(SYS_gettid);
	if (!head || !element(p, 0, head) || !element(p, SHMCHAN_PULSE_PER_PAGE - 1, head))
		return;
	i = take(p, tid);
	if (i == SHMCHAN_PULSE_WORDS)
		return;
	enqueue(head, element(p, i, head));
	held.of = p;
	held.word = i;
	held.pid = getpid();
	atomic_store_explicit(&p->tids[i], tid, memory_order_relaxed);
	wake(own(p, i)); // the supervisor waits for the first
}

static void drop(struct shmchan_pulse *p)
{
	struct robust_list_head *head = list_of_thread();

	dequeue(head, element(p, held.word, head));
	atomic_store_explicit(&p->tids[held.word], 0, memory_order_relaxed);
	// A death before this leaves a word that says that the thread lives.
	atomic_store_explicit(own(p, held.word), 0, memory_order_relaxed);
	wake(own(p, held.word));
	held.of = NULL;
}

void shmchan_pulse_leave(struct shmchan_pulse *p)
{
	if (!p)
		return;
	if (held.of == p && held.pid == getpid())
		drop(p);
	release_left();
	if (is_held(p))
		leave_for_later(p); // what lists lead through, nobody but their threads can change
	else
		release(p);
}
