// The event loop: file descriptors, timers, one thread. Level-triggered: what is not dealt with is reported
// again.
//
// Two ways to wait behind one interface: io_uring (POLL_ADD, and a wait with a timeout: Linux 5.11), and
// poll(2) for where io_uring is not permitted: containers' seccomp filters, kernel.io_uring_disabled.
#ifndef SUPERVISOR_LOOP_H
#define SUPERVISOR_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

enum loop_kind { LOOP_ANY, LOOP_IO_URING, LOOP_POLL };

// A descriptor that is watched. The owner fills fd, events and ready, keeps the struct in place while it is
// watched, and may stop watching, close or free it from any handler.
struct loop_watch {
	int fd;
	short events; // POLLIN, POLLOUT
	bool urgent;  // of what is ready at once, this is dealt with first
	void (*ready)(struct loop_watch *w, short revents);
	unsigned place; // the loop's
};

// A word of shared memory that is watched as a descriptor is: ready (POLLIN) when it is not `value`, or who changed it made a FUTEX_WAKE;
// POLLERR if it can't be waited for. Its watch's fd is LOOP_FUTEX, and ready() may set word and value anew. Where io_uring can't wait for
// one (before Linux 6.7) or is not there, threads do (loop_words.h).
#define LOOP_FUTEX (-2)
struct loop_futex {
	struct loop_watch watch;
	const uint32_t *word;
	uint32_t value;
};

struct loop_timer {
	void (*fire)(struct loop_timer *t);
	uint64_t due_ns; // the loop's, CLOCK_MONOTONIC
	unsigned place;  // the loop's; 0 = not set
};

// loop_new: LOOP_ANY is io_uring, or poll where that is refused. Returns 0 or an errno value. loop_delete
// takes NULL.
int loop_new(struct loop **out, enum loop_kind kind);
void loop_delete(struct loop *l);
const char *loop_kind_name(const struct loop *l); // "io_uring" or "poll"

// loop_watch begins to watch w. Returns 0 or an errno value: ENOMEM; ENOSYS for a word where this kernel can't wait for one.
int loop_watch(struct loop *l, struct loop_watch *w);
// loop_watch_events changes what is waited for; 0 = only errors and hang-up.
void loop_watch_events(struct loop *l, struct loop_watch *w, short events);
// loop_unwatch: no handler of w is called from here on. Call it before closing w->fd. What isn't watched is
// left alone.
void loop_unwatch(struct loop *l, struct loop_watch *w);

// loop_timer_set calls t->fire once, `after_ns` from now; a timer that is set is moved. Returns 0 or ENOMEM.
int loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ns);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
bool loop_timer_is_set(const struct loop_timer *t);

// loop_turn waits until something is ready or due, at most max_ns (UINT64_MAX: for ever), and calls the
// handlers. Returns 0 or an errno value of the wait that can't be cured by waiting again.
int loop_turn(struct loop *l, uint64_t max_ns);

uint64_t loop_now(void); // CLOCK_MONOTONIC, ns

#endif
